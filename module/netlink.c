// SPDX-License-Identifier: GPL-2.0-only
/*
 * netlink: the handlers of commands, and the life of the family.
 *
 * genl_rcv() holds a system-wide lock around every handler. So no handler waits for a freeze, a
 * thaw or a thread: it checks the request, changes a state and replies.
 */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/freezeguard.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/security.h>
#include <linux/string.h>
#include <linux/stringify.h>

#include "netlink_internal.h"
#include "registry.h"

/* Limits of requests. Module parameters. */
unsigned int fg_netlink_max_timeout_ms = 10 * 60 * 1000;
unsigned int fg_netlink_max_holds = FREEZEGUARD_HOLDS_MAX;

/* Only the kernel gives ids that begin like this, so the one it makes up is never in use. */
#define FG_ID_RESERVED	"lease-"

/* Say why a request is refused, and which attribute, if any, is to blame. The value is @err. */
#define fg_refuse(extack, attr, err, why) ({ \
	NL_SET_ERR_MSG_ATTR(extack, attr, why); \
	err; \
})

/*
 * Both the sender and the opener of the socket need the permission of FIFREEZE.
 * netlink_ns_capable() checks the opener only if the message has no explicit address. A handler
 * runs inside a call on the socket, so the socket's file is there.
 */
static bool fg_netlink_permitted(struct sk_buff *skb, struct user_namespace *owner)
{
	return netlink_ns_capable(skb, owner, CAP_SYS_ADMIN) &&
	       file_ns_capable(NETLINK_CB(skb).sk->sk_socket->file, owner, CAP_SYS_ADMIN);
}

static bool fg_netlink_lease_permitted(struct sk_buff *skb, const struct fg_lease *lease)
{
	unsigned int i;

	for (i = 0; i < lease->nr_holds; i++)
		if (!fg_netlink_permitted(skb, lease->holds[i].user_ns))
			return false;
	return true;
}

/*
 * The file that @attr names, if the sender may freeze the file's superblock. The caller puts the
 * file. Whether the superblock can be frozen at all is not checked here.
 */
static struct file *fg_netlink_file(struct sk_buff *skb, const struct nlattr *attr,
				    struct netlink_ext_ack *extack)
{
	struct file *file = fget(nla_get_s32(attr));

	if (!file)
		return ERR_PTR(fg_refuse(extack, attr, -EBADF,
					 "no such open file: pass an fd that is open for reading, not O_PATH"));
	if (!fg_netlink_permitted(skb, file_inode(file)->i_sb->s_user_ns)) {
		fput(file);
		return ERR_PTR(fg_refuse(extack, attr, -EPERM,
					 "no permission: needs CAP_SYS_ADMIN in the user namespace that owns the filesystem"));
	}
	return file;
}

static int fg_netlink_check_id(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	const char *id = nla_data(attr);

	if (!*id)
		return fg_refuse(extack, attr, -EINVAL,
				 "the id is empty: omit it, and the kernel makes one up");
	if (!strncmp(id, FG_ID_RESERVED, strlen(FG_ID_RESERVED)))
		return fg_refuse(extack, attr, -EINVAL,
				 "only the kernel makes ids that begin with " FG_ID_RESERVED);
	if (id[strspn(id, FREEZEGUARD_ID_CHARACTERS)])
		return fg_refuse(extack, attr, -EINVAL,
				 "the id may contain only letters, digits and ._:@+-");
	return 0;
}

static int fg_netlink_check_timeout(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	if (!attr)
		return fg_refuse(extack, NULL, -EINVAL,
				 "the timeout is missing: every lease needs one");
	if (nla_get_u32(attr) > READ_ONCE(fg_netlink_max_timeout_ms))
		return fg_refuse(extack, attr, -ERANGE,
				 "the timeout is longer than the module parameter max_timeout_ms");
	return 0;
}

static int fg_netlink_check_sync_budget(const struct nlattr *attr, u32 timeout_ms,
					struct netlink_ext_ack *extack)
{
	if (!attr || nla_get_u32(attr) < timeout_ms)
		return 0;
	return fg_refuse(extack, attr, -ERANGE,
			 "the sync budget is part of the timeout and must be shorter");
}

/* Add the superblock that @attr describes to the lease, unless the lease has it already. */
static int fg_netlink_add_hold(struct sk_buff *skb, struct fg_lease *lease,
			       const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[FREEZEGUARD_A_SUPERBLOCK_MAX + 1];
	unsigned int level = 0, i;
	struct super_block *sb;
	struct file *file;
	int err;

	err = nla_parse_nested(tb, FREEZEGUARD_A_SUPERBLOCK_MAX, attr, fg_superblock_policy,
			       extack);
	if (err)
		return err;
	if (!tb[FREEZEGUARD_A_SUPERBLOCK_FD])
		return fg_refuse(extack, attr, -EINVAL,
				 "the superblock has no fd: pass any open file of the filesystem");
	if (tb[FREEZEGUARD_A_SUPERBLOCK_LEVEL])
		level = nla_get_u32(tb[FREEZEGUARD_A_SUPERBLOCK_LEVEL]);

	file = fg_netlink_file(skb, tb[FREEZEGUARD_A_SUPERBLOCK_FD], extack);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = security_file_ioctl(file, FIFREEZE, 0);
	if (err) {
		NL_SET_ERR_MSG_ATTR(extack, tb[FREEZEGUARD_A_SUPERBLOCK_FD],
				    "no permission: a security module denies the ioctl FIFREEZE");
		goto put;
	}
	sb = fg_hold_super(file);
	if (!sb || !fg_super_can_freeze(sb)) {
		err = fg_refuse(extack, tb[FREEZEGUARD_A_SUPERBLOCK_FD], -EOPNOTSUPP,
				"this filesystem cannot be frozen");
		goto put;
	}
	for (i = 0; i < lease->nr_holds; i++) {
		if (lease->holds[i].sb == sb) {
			lease->holds[i].level = min(lease->holds[i].level, level);
			goto put;
		}
	}
	fg_hold_init(&lease->holds[lease->nr_holds++], lease, file, level);
put:
	fput(file);
	return err;
}

static int fg_netlink_count_superblocks(struct genl_info *info, struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	unsigned int count = 0;
	int rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		if (nla_type(attr) == FREEZEGUARD_A_LEASE_SUPERBLOCK)
			count++;
	if (!count)
		return fg_refuse(extack, NULL, -EINVAL,
				 "the lease has no superblock: name at least one");
	if (count > FREEZEGUARD_HOLDS_MAX)
		return fg_refuse(extack, NULL, -E2BIG,
				 "more superblocks than a lease can have: "
				 __stringify(FREEZEGUARD_HOLDS_MAX));
	if (count > READ_ONCE(fg_netlink_max_holds))
		return fg_refuse(extack, NULL, -E2BIG,
				 "more superblocks than the module parameter max_holds");
	return count;
}

/* Build the lease that the request describes. Nobody can find it yet. */
static struct fg_lease *fg_netlink_build_lease(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *id = info->attrs[FREEZEGUARD_A_LEASE_ID], *attr;
	const struct nlattr *sync_budget = info->attrs[FREEZEGUARD_A_LEASE_SYNC_BUDGET_MS];
	const struct nlattr *timeout = info->attrs[FREEZEGUARD_A_LEASE_TIMEOUT_MS];
	struct netlink_ext_ack *extack = info->extack;
	struct fg_lease *lease;
	int err, rem, count;

	err = fg_netlink_check_timeout(timeout, extack);
	if (!err)
		err = fg_netlink_check_sync_budget(sync_budget, nla_get_u32(timeout), extack);
	if (!err && id)
		err = fg_netlink_check_id(id, extack);
	if (err)
		return ERR_PTR(err);
	count = fg_netlink_count_superblocks(info, extack);
	if (count < 0)
		return ERR_PTR(count);

	lease = fg_lease_alloc(count);
	if (!lease)
		return ERR_PTR(-ENOMEM);
	if (id)
		strscpy(lease->id, nla_data(id), sizeof(lease->id));
	fg_process_current(&lease->info.maker);
	lease->owner.sk = NETLINK_CB(skb).sk;
	lease->owner.portid = NETLINK_CB(skb).portid;
	sock_hold(lease->owner.sk);
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != FREEZEGUARD_A_LEASE_SUPERBLOCK)
			continue;
		err = fg_netlink_add_hold(skb, lease, attr, extack);
		if (err) {
			fg_lease_put(lease);
			return ERR_PTR(err);
		}
	}
	if (sync_budget)
		lease->sync_budget_ns = nla_get_u32(sync_budget) * (u64)NSEC_PER_MSEC;
	fg_lease_prepare(lease, nla_get_u32(timeout) * (u64)NSEC_PER_MSEC);
	return lease;
}

/* Reply with the lease, without its holds. */
static int fg_netlink_reply_lease(struct genl_info *info, struct fg_lease *lease)
{
	struct sk_buff *skb = genlmsg_new(FG_LEASE_SIZE, GFP_KERNEL);
	unsigned int first = lease->nr_holds;
	int err;

	if (!skb)
		return -ENOMEM;
	err = fg_netlink_fill_lease(skb, info, NULL, lease, &first);
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	return genlmsg_reply(skb, info);
}

/* @number: of the lease in the way, or 0 */
static void fg_netlink_explain_conflict(int err, unsigned long number,
					struct netlink_ext_ack *extack)
{
	if (number)
		nl_set_extack_cookie_u64(extack, number);
	if (err == -EBUSY && number)
		NL_SET_ERR_MSG(extack,
			       "a live lease holds a superblock: the cookie is its number, end it or wait for its deadline");
	else if (err == -EBUSY)
		NL_SET_ERR_MSG(extack, "a superblock is already frozen, not by freezeguard");
	else if (err == -EEXIST)
		NL_SET_ERR_MSG(extack,
			       "a live lease already has this id: the cookie is its number");
	else if (err == -ESHUTDOWN)
		NL_SET_ERR_MSG(extack, "the machine is shutting down");
	else if (err == -EAGAIN)
		NL_SET_ERR_MSG(extack, "the machine is about to sleep: try again when it is awake");
	else if (err == -EUSERS)
		NL_SET_ERR_MSG(extack, "more live leases than the module parameter max_leases");
}

/* FREEZEGUARD_CMD_LEASE_NEW */
int fg_netlink_lease_new(struct sk_buff *skb, struct genl_info *info)
{
	unsigned long conflict;
	struct sk_buff *reply;
	struct fg_lease *lease;
	unsigned int first;
	int err;

	/* A lease that others can find cannot be taken back, so this must not fail later. */
	if (!try_module_get(THIS_MODULE))
		return fg_refuse(info->extack, NULL, -ENODEV, "freezeguard is being unloaded");
	lease = fg_netlink_build_lease(skb, info);
	if (IS_ERR(lease)) {
		err = PTR_ERR(lease);
		goto put_module;
	}
	reply = genlmsg_new(FG_LEASE_SIZE, GFP_KERNEL);
	if (!reply) {
		err = -ENOMEM;
		goto put_lease;
	}
	err = fg_registry_add(lease, &conflict);
	if (err) {
		fg_netlink_explain_conflict(err, conflict, info->extack);
		nlmsg_free(reply);
		goto put_lease;
	}
	/* The reply says FREEZING: a lease may be frozen before its reply leaves. */
	first = lease->nr_holds;
	err = fg_netlink_fill_lease(reply, info, NULL, lease, &first);
	fg_lease_start(lease);
	if (err)
		nlmsg_free(reply);
	else
		err = genlmsg_reply(reply, info);
	if (err)	/* the requester does not learn of the lease */
		fg_lease_end(lease, FREEZEGUARD_CAUSE_OWNER_DEATH);
put_lease:
	fg_lease_put(lease);
put_module:
	module_put(THIS_MODULE);
	return err;
}

/*
 * The lease that a request names, if the sender has permission for it. The caller puts the lease.
 */
static struct fg_lease *fg_netlink_find(struct sk_buff *skb, struct nlattr **attrs,
					struct netlink_ext_ack *extack)
{
	const struct nlattr *number = attrs[FREEZEGUARD_A_LEASE_NUMBER];
	const struct nlattr *id = attrs[FREEZEGUARD_A_LEASE_ID];
	struct fg_lease *lease;

	if (!number == !id)
		return ERR_PTR(fg_refuse(extack, NULL, -EINVAL,
					 "name the lease either by its number or by its id"));
	if (number)
		lease = fg_registry_next(nla_get_u64(number), nla_get_u64(number));
	else
		lease = fg_registry_find_id(nla_data(id));
	if (!lease)
		return ERR_PTR(fg_refuse(extack, number ?: id, -ENOENT,
					 "no such lease: it was never made, or has left the history"));
	if (!fg_netlink_lease_permitted(skb, lease)) {
		fg_lease_put(lease);
		return ERR_PTR(fg_refuse(extack, NULL, -EPERM,
					 "no permission: needs CAP_SYS_ADMIN in the user namespaces that own the lease's filesystems"));
	}
	return lease;
}

/*
 * Finish a command that changes a lease. What is done stays done if the lease cannot be sent, for
 * want of memory or of room in the socket. So the acknowledgement names the lease.
 */
static int fg_netlink_done(struct genl_info *info, struct fg_lease *lease, int err)
{
	if (err == -EALREADY)
		NL_SET_ERR_MSG(info->extack, "the lease is ending or has ended");
	else if (err == -EAGAIN)
		NL_SET_ERR_MSG(info->extack,
			       "the lease is still freezing: wait for the state FROZEN");
	else if (err == -ERANGE)
		NL_SET_ERR_MSG(info->extack,
			       "the lease's whole life would be longer than the module parameter max_timeout_ms");
	if (!err) {
		nl_set_extack_cookie_u64(info->extack, lease->number);
		fg_netlink_reply_lease(info, lease);
	}
	fg_lease_put(lease);
	return err;
}

/* FREEZEGUARD_CMD_LEASE_END */
int fg_netlink_lease_end(struct sk_buff *skb, struct genl_info *info)
{
	struct fg_lease *lease = fg_netlink_find(skb, info->attrs, info->extack);

	if (IS_ERR(lease))
		return PTR_ERR(lease);
	return fg_netlink_done(info, lease, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST));
}

/* FREEZEGUARD_CMD_LEASE_EXTEND */
int fg_netlink_lease_extend(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *timeout = info->attrs[FREEZEGUARD_A_LEASE_TIMEOUT_MS];
	struct fg_lease *lease;
	int err;

	err = fg_netlink_check_timeout(timeout, info->extack);
	if (err)
		return err;
	lease = fg_netlink_find(skb, info->attrs, info->extack);
	if (IS_ERR(lease))
		return PTR_ERR(lease);
	err = fg_lease_extend(lease, nla_get_u32(timeout) * (u64)NSEC_PER_MSEC,
			      READ_ONCE(fg_netlink_max_timeout_ms) * (u64)NSEC_PER_MSEC);
	return fg_netlink_done(info, lease, err);
}

/* FREEZEGUARD_CMD_LEASE_DETACH */
int fg_netlink_lease_detach(struct sk_buff *skb, struct genl_info *info)
{
	struct fg_lease *lease = fg_netlink_find(skb, info->attrs, info->extack);

	if (IS_ERR(lease))
		return PTR_ERR(lease);
	return fg_netlink_done(info, lease, fg_lease_detach(lease));
}

/* FREEZEGUARD_CMD_LEASE_GET, a lease without its holds */
int fg_netlink_lease_get(struct sk_buff *skb, struct genl_info *info)
{
	struct fg_lease *lease = fg_netlink_find(skb, info->attrs, info->extack);
	int err;

	if (IS_ERR(lease))
		return PTR_ERR(lease);
	err = fg_netlink_reply_lease(info, lease);
	fg_lease_put(lease);
	return err;
}

/*
 * Where the next part of a dump begins: a lease's number, and the first hold not yet reported; and
 * the number of the last lease, 0 before the first part.
 */
struct fg_netlink_dump {
	unsigned long number;
	unsigned long last;
	unsigned int hold;
};

/* Of one lease if the request names it, else of all. Not .start, which has no extack up to 6.1. */
static int fg_netlink_begin_dump(struct fg_netlink_dump *dump, struct netlink_callback *cb)
{
	struct nlattr *attrs[FREEZEGUARD_A_LEASE_ID + 1];
	struct fg_lease *lease;
	int err;

	cb->seq = 1;
	dump->last = ULONG_MAX;
	if (!nlmsg_attrlen(cb->nlh, GENL_HDRLEN))
		return 0;
	err = genlmsg_parse(cb->nlh, &fg_netlink_family, attrs, FREEZEGUARD_A_LEASE_ID,
			    fg_lease_policy, cb->extack);
	if (err)
		return err;
	lease = fg_netlink_find(cb->skb, attrs, cb->extack);
	if (IS_ERR(lease))
		return PTR_ERR(lease);
	dump->number = lease->number;
	dump->last = lease->number;
	fg_lease_put(lease);
	return 0;
}

/*
 * The lease to report next. If the history has dropped a lease of which only some holds were
 * reported, the next message, which may be the dump's last, is marked with NLM_F_DUMP_INTR.
 */
static struct fg_lease *fg_netlink_next_dumped(struct fg_netlink_dump *dump,
					       struct netlink_callback *cb)
{
	struct fg_lease *lease = fg_registry_next(dump->number, dump->last);

	if (dump->hold && (!lease || lease->number != dump->number)) {
		dump->hold = 0;
		cb->seq++;
	}
	if (lease)
		dump->number = lease->number;
	return lease;
}

/* FREEZEGUARD_CMD_LEASE_GET, the next part of a dump of leases with their holds */
int fg_netlink_lease_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct fg_netlink_dump *dump = (struct fg_netlink_dump *)cb->ctx;
	int err = dump->last ? 0 : fg_netlink_begin_dump(dump, cb);
	struct fg_lease *lease;

	BUILD_BUG_ON(sizeof(*dump) > sizeof(cb->ctx));
	while (!err && (lease = fg_netlink_next_dumped(dump, cb))) {
		if (fg_netlink_lease_permitted(cb->skb, lease))
			err = fg_netlink_fill_lease(skb, NULL, cb, lease, &dump->hold);
		else
			dump->hold = lease->nr_holds;
		if (!err && dump->hold == lease->nr_holds) {
			dump->number++;
			dump->hold = 0;
		}
		fg_lease_put(lease);
	}
	return skb->len ?: err;
}

static int fg_netlink_reply_fs(struct genl_info *info, struct super_block *sb)
{
	struct sk_buff *skb = genlmsg_new(FG_LEASE_SIZE, GFP_KERNEL);
	struct fg_lease *lease;
	void *header;
	int err;

	if (!skb)
		return -ENOMEM;
	header = genlmsg_put_reply(skb, info, &fg_netlink_family, 0, FREEZEGUARD_CMD_FS_GET);
	if (!header) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	lease = fg_registry_find_super(sb);
	err = fg_netlink_put_fs(skb, sb, lease);
	if (lease)
		fg_lease_put(lease);
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);
}

/* FREEZEGUARD_CMD_FS_GET */
int fg_netlink_fs_get(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *attr = info->attrs[FREEZEGUARD_A_FS_FD];
	struct file *file;
	int err;

	if (!attr)
		return fg_refuse(info->extack, NULL, -EINVAL,
				 "no fd: pass any open file of the filesystem");
	file = fg_netlink_file(skb, attr, info->extack);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = fg_netlink_reply_fs(info, file_inode(file)->i_sb);
	fput(file);
	return err;
}

/*
 * A netlink socket was released. netlink_release() marks the socket dead before it calls this. So
 * each lease can check its own socket, even if another socket has the port id by now.
 */
static int fg_netlink_socket_released(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *notify = data;

	if (event == NETLINK_URELEASE && notify->protocol == NETLINK_GENERIC)
		fg_registry_for_each_live(fg_lease_end_orphaned);
	return NOTIFY_DONE;
}

static struct notifier_block fg_netlink_socket_notifier = {
	.notifier_call = fg_netlink_socket_released,
};

/**
 * fg_netlink_init() - open the family to userspace
 *
 * Every other part of the module must be ready. The news of closed sockets comes first: no lease
 * may be made whose socket could be closed unnoticed.
 *
 * Context: sleeps.
 * Return: 0 or a negative errno.
 */
int fg_netlink_init(void)
{
	int err = netlink_register_notifier(&fg_netlink_socket_notifier);

	if (err)
		return err;
	err = genl_register_family(&fg_netlink_family);
	if (err)
		netlink_unregister_notifier(&fg_netlink_socket_notifier);
	return err;
}

/**
 * fg_netlink_exit() - close the family; no lease may be live
 *
 * Afterwards no handler and no notifier runs.
 *
 * Context: sleeps.
 */
void fg_netlink_exit(void)
{
	genl_unregister_family(&fg_netlink_family);
	netlink_unregister_notifier(&fg_netlink_socket_notifier);
}
