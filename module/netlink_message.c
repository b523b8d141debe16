// SPDX-License-Identifier: GPL-2.0-only
/* netlink_message: what the module says of leases, holds and filesystems; notifications. */
#include <linux/freezeguard.h>
#include <linux/spinlock.h>

#include "netlink_internal.h"

/* Every notification has the next number, and notifications leave in the order of their numbers. */
static DEFINE_SPINLOCK(fg_netlink_notify_lock);
static u32 fg_netlink_event_seq;

static int fg_netlink_put_time(struct sk_buff *skb, int attr, u64 ns, int pad)
{
	return ns ? nla_put_u64_64bit(skb, attr, ns, pad) : 0;
}

/*
 * Add what is true of a hold at one moment. -EMSGSIZE if the message has no room for it, and is
 * unchanged.
 */
static int fg_netlink_put_hold(struct sk_buff *skb, struct fg_hold *live)
{
	struct nlattr *nest = nla_nest_start(skb, FREEZEGUARD_A_LEASE_HOLD);
	struct fg_hold hold;

	if (!nest)
		return -EMSGSIZE;
	fg_lease_snapshot_hold(live, &hold);
	if (nla_put_u32(skb, FREEZEGUARD_A_HOLD_DEV_MAJOR, MAJOR(hold.dev)) ||
	    nla_put_u32(skb, FREEZEGUARD_A_HOLD_DEV_MINOR, MINOR(hold.dev)) ||
	    nla_put_string(skb, FREEZEGUARD_A_HOLD_FS_TYPE, hold.fs_type) ||
	    nla_put_string(skb, FREEZEGUARD_A_HOLD_NAME, hold.name) ||
	    nla_put_u32(skb, FREEZEGUARD_A_HOLD_LEVEL, hold.level) ||
	    nla_put_u32(skb, FREEZEGUARD_A_HOLD_STATE, hold.state) ||
	    (hold.error && nla_put_u32(skb, FREEZEGUARD_A_HOLD_ERROR, hold.error)) ||
	    nla_put_u32(skb, FREEZEGUARD_A_HOLD_THAW_FAILURES, hold.thaw_failures) ||
	    fg_netlink_put_time(skb, FREEZEGUARD_A_HOLD_FREEZE_BEGIN_NS, hold.freeze_begin_ns,
				FREEZEGUARD_A_HOLD_PAD) ||
	    fg_netlink_put_time(skb, FREEZEGUARD_A_HOLD_FROZEN_NS, hold.frozen_ns,
				FREEZEGUARD_A_HOLD_PAD) ||
	    fg_netlink_put_time(skb, FREEZEGUARD_A_HOLD_RELEASED_NS, hold.released_ns,
				FREEZEGUARD_A_HOLD_PAD) ||
	    nla_put_u32(skb, FREEZEGUARD_A_HOLD_CONTINUITY, hold.continuity) ||
	    (hold.class && nla_put_u32(skb, FREEZEGUARD_A_HOLD_CLASS, hold.class)) ||
	    (hold.still_frozen && nla_put_flag(skb, FREEZEGUARD_A_HOLD_STILL_FROZEN)) ||
	    (hold.turned_read_only && nla_put_flag(skb, FREEZEGUARD_A_HOLD_TURNED_READ_ONLY))) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* Add a lease without its holds. -EMSGSIZE if there is no room for all of the attributes. */
static int fg_netlink_put_lease(struct sk_buff *skb, const struct fg_lease *lease,
				const struct fg_lease_info *info)
{
	if (nla_put_u64_64bit(skb, FREEZEGUARD_A_LEASE_NUMBER, lease->number,
			      FREEZEGUARD_A_LEASE_PAD) ||
	    nla_put_string(skb, FREEZEGUARD_A_LEASE_ID, lease->id) ||
	    nla_put_u32(skb, FREEZEGUARD_A_LEASE_STATE, info->state) ||
	    nla_put_u32(skb, FREEZEGUARD_A_LEASE_CAUSE, info->cause) ||
	    (info->error && nla_put_u32(skb, FREEZEGUARD_A_LEASE_ERROR, info->error)) ||
	    (info->bound && nla_put_flag(skb, FREEZEGUARD_A_LEASE_BOUND)) ||
	    nla_put_u32(skb, FREEZEGUARD_A_LEASE_CONTINUITY, info->continuity) ||
	    fg_netlink_put_time(skb, FREEZEGUARD_A_LEASE_BEGIN_NS, info->begin_ns,
				FREEZEGUARD_A_LEASE_PAD) ||
	    fg_netlink_put_time(skb, FREEZEGUARD_A_LEASE_FROZEN_NS, info->frozen_ns,
				FREEZEGUARD_A_LEASE_PAD) ||
	    fg_netlink_put_time(skb, FREEZEGUARD_A_LEASE_DEADLINE_NS, info->deadline_ns,
				FREEZEGUARD_A_LEASE_PAD) ||
	    fg_netlink_put_time(skb, FREEZEGUARD_A_LEASE_ENDED_NS, info->ended_ns,
				FREEZEGUARD_A_LEASE_PAD) ||
	    fg_netlink_put_time(skb, FREEZEGUARD_A_LEASE_RELEASED_NS, info->released_ns,
				FREEZEGUARD_A_LEASE_PAD) ||
	    nla_put_u32(skb, FREEZEGUARD_A_LEASE_OWNER_PID, info->maker.pid) ||
	    nla_put_string(skb, FREEZEGUARD_A_LEASE_OWNER_COMM, info->maker.comm) ||
	    (info->ender.pid &&
	     (nla_put_u32(skb, FREEZEGUARD_A_LEASE_ENDER_PID, info->ender.pid) ||
	      nla_put_string(skb, FREEZEGUARD_A_LEASE_ENDER_COMM, info->ender.comm))) ||
	    nla_put_u32(skb, FREEZEGUARD_A_LEASE_HOLDS, lease->nr_holds) ||
	    nla_put_u32(skb, FREEZEGUARD_A_LEASE_HOLDS_LIVE, info->nr_live))
		return -EMSGSIZE;
	return 0;
}

/**
 * fg_netlink_fill_lease() - add one message about a lease to a reply or a dump
 * @skb: the reply or the dump
 * @info: the request that @skb replies to; unused if there is @cb
 * @cb: the dump, or NULL for a reply
 * @lease: the lease
 * @next: the index of the first hold to add; afterwards, of the first that had no room
 *
 * The message has the lease and as many of its holds as there is room for.
 *
 * Return: 0; -EMSGSIZE there is no room for the lease and, if any holds are left, for one hold;
 * @skb is unchanged.
 */
int fg_netlink_fill_lease(struct sk_buff *skb, struct genl_info *info, struct netlink_callback *cb,
			  struct fg_lease *lease, unsigned int *next)
{
	struct fg_lease_info lease_info;
	unsigned int first = *next;
	void *header;

	fg_lease_snapshot(lease, &lease_info);
	if (cb)
		header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				     &fg_netlink_family, NLM_F_MULTI, FREEZEGUARD_CMD_LEASE_GET);
	else
		header = genlmsg_put_reply(skb, info, &fg_netlink_family, 0, info->genlhdr->cmd);
	if (!header)
		return -EMSGSIZE;
	if (fg_netlink_put_lease(skb, lease, &lease_info))
		goto cancel;
	while (*next < lease->nr_holds && !fg_netlink_put_hold(skb, &lease->holds[*next]))
		++*next;
	if (*next == first && first < lease->nr_holds)
		goto cancel;
	if (cb)	/* not earlier: a message that is cancelled would take the mark with it */
		genl_dump_check_consistent(cb, header);
	genlmsg_end(skb, header);
	return 0;
cancel:
	genlmsg_cancel(skb, header);
	return -EMSGSIZE;
}

/**
 * fg_netlink_put_fs() - add a filesystem to a message
 * @skb: the message
 * @sb: the superblock
 * @lease: the live lease that holds it, or NULL
 *
 * Return: 0; -EMSGSIZE the message has no room; some of the attributes may be in it.
 */
int fg_netlink_put_fs(struct sk_buff *skb, struct super_block *sb, const struct fg_lease *lease)
{
	unsigned int kernel, user;

	if (nla_put_u32(skb, FREEZEGUARD_A_FS_DEV_MAJOR, MAJOR(sb->s_dev)) ||
	    nla_put_u32(skb, FREEZEGUARD_A_FS_DEV_MINOR, MINOR(sb->s_dev)) ||
	    nla_put_string(skb, FREEZEGUARD_A_FS_TYPE, sb->s_type->name) ||
	    nla_put_string(skb, FREEZEGUARD_A_FS_NAME, sb->s_id) ||
	    nla_put_u32(skb, FREEZEGUARD_A_FS_STATE, fg_super_state(sb)) ||
	    (fg_super_can_freeze(sb) && nla_put_flag(skb, FREEZEGUARD_A_FS_FREEZABLE)) ||
	    (sb_rdonly(sb) && nla_put_flag(skb, FREEZEGUARD_A_FS_READ_ONLY)) ||
	    nla_put_u32(skb, FREEZEGUARD_A_FS_SUSPEND, fg_suspend(sb)))
		return -EMSGSIZE;
	if (fg_super_holders(sb, &kernel, &user) &&
	    (nla_put_u32(skb, FREEZEGUARD_A_FS_KERNEL_HOLDERS, kernel) ||
	     nla_put_u32(skb, FREEZEGUARD_A_FS_USER_HOLDERS, user)))
		return -EMSGSIZE;
	if (lease &&
	    (nla_put_u64_64bit(skb, FREEZEGUARD_A_FS_LEASE_NUMBER, lease->number,
			       FREEZEGUARD_A_FS_PAD) ||
	     nla_put_string(skb, FREEZEGUARD_A_FS_LEASE_ID, lease->id)))
		return -EMSGSIZE;
	return 0;
}

static struct sk_buff *fg_netlink_event(const struct fg_lease *lease,
					const struct fg_lease_info *info, struct fg_hold *hold)
{
	struct sk_buff *skb = genlmsg_new(FG_LEASE_SIZE + FG_HOLD_SIZE, GFP_ATOMIC);
	void *header;

	if (!skb)
		return NULL;
	header = genlmsg_put(skb, 0, 0, &fg_netlink_family, 0, FREEZEGUARD_CMD_LEASE_NTF);
	if (!header || fg_netlink_put_lease(skb, lease, info) ||
	    nla_put_u32(skb, FREEZEGUARD_A_LEASE_EVENT_SEQ, fg_netlink_event_seq) ||
	    (hold && fg_netlink_put_hold(skb, hold))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, header);
	return skb;
}

/*
 * The kernel has no way to send to a socket rather than to a port id. If the owner's socket is
 * closed between check and send, and another socket gets its port id meanwhile, that one receives
 * the notification. It has names and process ids, and no authority over the lease.
 */
static void fg_netlink_notify_owner(const struct fg_owner *owner, const struct sk_buff *event)
{
	struct sk_buff *copy = sock_flag(owner->sk, SOCK_DEAD) ? NULL : skb_copy(event, GFP_ATOMIC);

	if (copy)
		genlmsg_unicast(sock_net(owner->sk), copy, owner->portid);
}

/**
 * fg_netlink_notify() - announce that a lease changed
 * @lease: the lease
 * @what: what happened to it; sent only if it is news, see fg_lease_is_news()
 * @hold: the hold whose thaw failed, or NULL
 *
 * Superblocks may be frozen, so this never waits for memory. Without memory there is no
 * notification, and its number is missing in the sequence.
 *
 * Context: process context.
 */
void fg_netlink_notify(struct fg_lease *lease, enum fg_lease_event what, struct fg_hold *hold)
{
	struct fg_lease_info info;
	struct fg_owner owner;
	struct sk_buff *skb;
	bool bound;

	bound = fg_lease_owner_get(lease, &owner);
	spin_lock(&fg_netlink_notify_lock);
	fg_lease_snapshot(lease, &info);
	if (!fg_lease_is_news(lease->announced, what, info.state))
		goto unlock;
	lease->announced = info.state;
	fg_netlink_event_seq++;
	skb = fg_netlink_event(lease, &info, hold);
	if (!skb)
		goto unlock;
	if (bound && info.state != FREEZEGUARD_LEASE_STATE_FREEZING)
		fg_netlink_notify_owner(&owner, skb);
	genlmsg_multicast(&fg_netlink_family, skb, 0, FG_MCGRP_EVENTS, GFP_ATOMIC);
unlock:
	spin_unlock(&fg_netlink_notify_lock);
	if (bound)
		sock_put(owner.sk);
}
