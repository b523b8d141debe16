// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The operations on leases and filesystems: each builds one request and reads its answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>

#include "internal.h"

/* Room for FREEZEGUARD_HOLDS_MAX superblocks of 20 bytes each, and more than the kernel takes. */
#define REQUEST_SIZE	(32 * 1024)
/* How often a dump is tried when leases come and go in the middle of it. */
#define DUMP_TRIES	8

static struct nl_msg *request_new(struct freezeguard *fg, uint8_t cmd, int flags)
{
	struct nl_msg *msg;

	if (!fg->family) {
		fg_error_set(fg, ENOTCONN,
			     "cannot query the kernel module freezeguard: the handle is not connected to it");
		return NULL;
	}
	msg = nlmsg_alloc_size(REQUEST_SIZE);
	if (msg && genlmsg_put(msg, 0, 0, fg->family, 0, flags, cmd, FREEZEGUARD_FAMILY_VERSION))
		return msg;
	nlmsg_free(msg);
	fg_error_set(fg, ENOMEM, "cannot query the kernel module freezeguard: out of memory");
	return NULL;
}

static int no_room(struct freezeguard *fg, struct nl_msg *msg)
{
	char what[sizeof(fg->text)];

	nlmsg_free(msg);
	memcpy(what, fg->text, sizeof(what));
	return fg_error_set(fg, E2BIG,
			    "cannot %s: the request is too large; a lease has at most %d filesystems",
			    what, FREEZEGUARD_HOLDS_MAX);
}

static int lease_reply(const struct nlmsghdr *nlh, void *arg)
{
	return fg_decode_lease(nlh, arg);
}

/*
 * Sends @msg, whose answer is one lease, and frees it. @lease may be NULL. If the kernel did what was
 * requested but could not send the lease, @lease gets its number alone.
 */
static int transact_lease(struct freezeguard *fg, struct nl_msg *msg,
			  struct freezeguard_lease *lease)
{
	struct freezeguard_lease answer = { 0 };
	char what[sizeof(fg->text)];
	int r;

	memcpy(what, fg->text, sizeof(what));
	r = fg_socket_transact(fg, msg, FG_REPLY_TIMEOUT_MS, lease_reply, &answer);
	nlmsg_free(msg);
	if (!r && !answer.number)
		answer.number = fg->acked;
	if (!r && !answer.number)
		r = fg_error_set(fg, ENODATA, "cannot %s: the kernel's reply contains no lease",
				 what);
	if (r || !lease) {
		freezeguard_lease_clear(&answer);
		return r;
	}
	freezeguard_lease_clear(lease);
	*lease = answer;
	return 0;
}

/* Of a lease that transact_lease() has set to its number alone. */
static bool is_unread(const struct freezeguard_lease *lease)
{
	return lease && !lease->state;
}

/**
 * freezeguard_lease_new() - freeze superblocks
 * @fg: the handle; the lease belongs to its socket until freezeguard_lease_detach()
 * @id: the lease's id, or NULL: the kernel makes one up
 * @timeout_ms: thaws by itself after that, counted from before the first freeze
 * @sync_budget_ms: before the first freeze dirty data are written back for that long at most, which is
 *	less than @timeout_ms; 0: not at all
 * @superblocks: what to freeze
 * @n: how many
 * @lease: set to the lease, in state FREEZING; may be NULL
 *
 * Returns at once: freezeguard_lease_wait() waits for the result.
 *
 * Return: 0; -EBUSY one is frozen already, see freezeguard_error_lease(); -EEXIST a live lease has
 * that id; -EINVAL; -ERANGE; -E2BIG; -EBADF; -EPERM; -EACCES a security module denies FIFREEZE;
 * -EOPNOTSUPP; -EUSERS; -EAGAIN the machine is about to sleep; -ESHUTDOWN it is shutting down;
 * -ENODEV the module is being unloaded; -ENOMEM; -ETIMEDOUT.
 */
int freezeguard_lease_new(struct freezeguard *fg, const char *id, uint32_t timeout_ms,
			  uint32_t sync_budget_ms, const struct freezeguard_superblock *superblocks,
			  size_t n, struct freezeguard_lease *lease)
{
	struct nlattr *nest;
	struct nl_msg *msg;
	size_t i;
	int r;

	fg_error_clear(fg);
	msg = request_new(fg, FREEZEGUARD_CMD_LEASE_NEW, 0);
	if (!msg)
		return -fg->err;
	snprintf(fg->text, sizeof(fg->text), "freeze %zu filesystem%s%s%s%s", n, n == 1 ? "" : "s",
		 id ? " as lease \"" : "", id ? id : "", id ? "\"" : "");
	if ((id && nla_put_string(msg, FREEZEGUARD_A_LEASE_ID, id) < 0) ||
	    nla_put_u32(msg, FREEZEGUARD_A_LEASE_TIMEOUT_MS, timeout_ms) < 0 ||
	    (sync_budget_ms &&
	     nla_put_u32(msg, FREEZEGUARD_A_LEASE_SYNC_BUDGET_MS, sync_budget_ms) < 0))
		return no_room(fg, msg);
	for (i = 0; i < n; i++) {
		nest = nla_nest_start(msg, FREEZEGUARD_A_LEASE_SUPERBLOCK | NLA_F_NESTED);
		if (!nest ||
		    nla_put_s32(msg, FREEZEGUARD_A_SUPERBLOCK_FD, superblocks[i].fd) < 0 ||
		    nla_put_u32(msg, FREEZEGUARD_A_SUPERBLOCK_LEVEL, superblocks[i].level) < 0)
			return no_room(fg, msg);
		nla_nest_end(msg, nest);
	}
	r = transact_lease(fg, msg, lease);
	if (!r && lease)
		fg->owned = lease->number;
	return r;
}

/* A lease is named by its number, or by its id if the number is 0. */
static struct nl_msg *request_lease(struct freezeguard *fg, uint8_t cmd, const char *verb,
				    uint64_t number, const char *id)
{
	struct nl_msg *msg;
	int r;

	fg_error_clear(fg);
	msg = request_new(fg, cmd, cmd == FREEZEGUARD_CMD_LEASE_GET ? NLM_F_DUMP : 0);
	if (!msg)
		return NULL;
	if (number) {
		snprintf(fg->text, sizeof(fg->text), "%s lease number %llu", verb,
			 (unsigned long long)number);
		r = nla_put_u64(msg, FREEZEGUARD_A_LEASE_NUMBER, number);
	} else {
		snprintf(fg->text, sizeof(fg->text), "%s lease \"%s\"", verb, id ? id : "");
		r = nla_put_string(msg, FREEZEGUARD_A_LEASE_ID, id ? id : "");
	}
	if (r < 0) {
		no_room(fg, msg);
		return NULL;
	}
	return msg;
}

/**
 * freezeguard_lease_end() - thaw a lease
 * @fg: the handle
 * @number: the lease's number, or 0
 * @id: without a number: its id; the newest lease of that name is meant
 * @lease: set to the lease, in state THAWING or ROLLING_BACK or already in its last one; may be NULL.
 *	If the kernel could not send it and it cannot be looked up either, only its number is set.
 *
 * Return: 0: this request ended it, freezeguard_lease_wait() waits for the result; -ENOENT no such
 * lease; -EALREADY it is ending or has ended; -EPERM; -EINVAL; -ENOMEM nothing was done;
 * -ETIMEDOUT it may be done.
 */
int freezeguard_lease_end(struct freezeguard *fg, uint64_t number, const char *id,
			  struct freezeguard_lease *lease)
{
	struct nl_msg *msg = request_lease(fg, FREEZEGUARD_CMD_LEASE_END, "end", number, id);
	int r = msg ? transact_lease(fg, msg, lease) : -fg->err;

	/* The lease has ended, whether or not it can be looked up. */
	if (!r && is_unread(lease) && freezeguard_lease_get(fg, lease->number, NULL, lease))
		fg_error_clear(fg);
	return r;
}

/**
 * freezeguard_lease_extend() - move a lease's deadline
 * @fg: the handle
 * @number: the lease's number, or 0
 * @id: without a number: its id
 * @timeout_ms: from now on
 * @lease: set to the lease; may be NULL. If it could not be sent or looked up, only its number is set.
 *
 * Return: 0; -ERANGE its whole life would be over the bound; else as freezeguard_lease_end().
 */
int freezeguard_lease_extend(struct freezeguard *fg, uint64_t number, const char *id,
			     uint32_t timeout_ms, struct freezeguard_lease *lease)
{
	struct nl_msg *msg = request_lease(fg, FREEZEGUARD_CMD_LEASE_EXTEND, "extend", number, id);
	int r;

	if (!msg)
		return -fg->err;
	if (nla_put_u32(msg, FREEZEGUARD_A_LEASE_TIMEOUT_MS, timeout_ms) < 0)
		return no_room(fg, msg);
	r = transact_lease(fg, msg, lease);
	if (r || !is_unread(lease))
		return r;
	/* Extended it is, whether or not it can be looked up; unless it is gone by now. */
	r = freezeguard_lease_get(fg, lease->number, NULL, lease);
	if (!r || r == -ENOENT)
		return r;
	fg_error_clear(fg);
	return 0;
}

/**
 * freezeguard_lease_detach() - let a lease outlive its socket
 * @fg: the handle
 * @number: the lease's number, or 0
 * @id: without a number: its id
 *
 * The reply is not read into a lease: who detaches one wants to exit.
 *
 * Return: 0; -EAGAIN not all of it is frozen yet; else as freezeguard_lease_end().
 */
int freezeguard_lease_detach(struct freezeguard *fg, uint64_t number, const char *id)
{
	struct nl_msg *msg = request_lease(fg, FREEZEGUARD_CMD_LEASE_DETACH, "detach", number, id);
	int r;

	fg->owned = 0;
	if (!msg)
		return -fg->err;
	r = fg_socket_transact(fg, msg, FG_REPLY_TIMEOUT_MS, NULL, NULL);
	nlmsg_free(msg);
	return r;
}

/**
 * freezeguard_lease_get() - how a lease is, with all of its holds
 * @fg: the handle
 * @number: the lease's number, or 0
 * @id: without a number: its id; the newest lease of that name is meant
 * @lease: set to the lease
 *
 * Return: 0; -ENOENT no such lease; -EPERM; -EINVAL; -EINTR it left the history while it was read,
 * each time that it was tried; -ETIMEDOUT.
 */
int freezeguard_lease_get(struct freezeguard *fg, uint64_t number, const char *id,
			  struct freezeguard_lease *lease)
{
	char what[sizeof(fg->text)];
	struct nl_msg *msg;
	int i, r = -EINTR;

	for (i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		msg = request_lease(fg, FREEZEGUARD_CMD_LEASE_GET, "look up", number, id);
		if (!msg)
			return -fg->err;
		memcpy(what, fg->text, sizeof(what));
		r = transact_lease(fg, msg, lease);
	}
	if (r == -EINTR)
		return fg_error_set(fg, EINTR,
				    "cannot %s: it left the module's history while it was read, each of %d times; try again",
				    what, DUMP_TRIES);
	return r;
}

static int dump_reply(const struct nlmsghdr *nlh, void *arg)
{
	struct freezeguard_lease_list *list = arg;
	struct freezeguard_lease next = { 0 }, *v;
	int r;

	r = fg_decode_lease(nlh, &next);
	if (r)
		goto out_clear;
	/* The messages of one lease follow each other, each with the next of its holds. */
	if (list->n && list->v[list->n - 1].number == next.number) {
		r = fg_decode_lease(nlh, &list->v[list->n - 1]);
		goto out_clear;
	}
	v = reallocarray(list->v, list->n + 1, sizeof(*v));
	if (!v) {
		r = -ENOMEM;
		goto out_clear;
	}
	list->v = v;
	list->v[list->n++] = next;
	return 0;

out_clear:
	freezeguard_lease_clear(&next);
	return r;
}

/**
 * freezeguard_lease_dump() - all leases that the caller may see, live ones and history
 * @fg: the handle
 * @list: where to; all of it is overwritten, the caller clears it
 *
 * Return: 0; -ENOMEM; -ETIMEDOUT; -EBADMSG.
 */
int freezeguard_lease_dump(struct freezeguard *fg, struct freezeguard_lease_list *list)
{
	struct nl_msg *msg;
	int i, r = -EINTR;

	memset(list, 0, sizeof(*list));
	for (i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		freezeguard_lease_list_clear(list);
		fg_error_clear(fg);
		msg = request_new(fg, FREEZEGUARD_CMD_LEASE_GET, NLM_F_DUMP);
		if (!msg)
			return -fg->err;
		snprintf(fg->text, sizeof(fg->text), "list the leases");
		r = fg_socket_transact(fg, msg, FG_REPLY_TIMEOUT_MS, dump_reply, list);
		nlmsg_free(msg);
	}
	if (r == -EINTR) {
		list->interrupted = true;
		return 0;
	}
	if (r)
		freezeguard_lease_list_clear(list);
	return r;
}

/*
 * Until something was heard of the lease, something was lost, or @deadline_ns. What was heard does
 * not matter: the kernel is asked.
 */
static int wait_for_news(struct freezeguard *fg, uint64_t number, uint64_t deadline_ns)
{
	struct freezeguard_lease event = { 0 };
	uint64_t now;
	bool ours;
	int r;

	for (;;) {
		now = freezeguard_now_ns();
		r = freezeguard_event_next(
			fg, deadline_ns > now ? (int)((deadline_ns - now) / FG_NS_PER_MS) + 1 : 0,
			&event);
		if (r == -EINTR)
			continue;
		if (r == -ENOBUFS || r == 0)
			return 0;
		if (r < 0)
			return r;
		ours = event.number == number;
		freezeguard_lease_clear(&event);
		if (ours)
			return 0;
	}
}

/**
 * freezeguard_lease_wait() - wait until a lease is as wanted
 * @fg: the handle; the owner's is notified of every change, others poll: after a millisecond, and then
 *	after twice as long each time, up to half a second
 * @number: the lease's number
 * @until: is it? NULL: until it is released
 * @arg: for @until
 * @deadline_ns: when to give up, CLOCK_BOOTTIME
 * @lease: set to the lease as it was last seen, with all of its holds, also on -ETIMEDOUT; all
 *	zero if it was not seen at all
 *
 * Notifications of other leases that are waiting in @fg are dropped.
 *
 * Return: 0; -ETIMEDOUT; or as freezeguard_lease_get().
 */
int freezeguard_lease_wait(struct freezeguard *fg, uint64_t number,
			   bool (*until)(const struct freezeguard_lease *lease, void *arg),
			   void *arg, uint64_t deadline_ns, struct freezeguard_lease *lease)
{
	uint64_t now, silence_ns = number == fg->owned ? FG_SILENCE_LAST_NS : FG_SILENCE_FIRST_NS;
	int r;

	for (;;) {
		r = freezeguard_lease_get(fg, number, NULL, lease);
		if (r)
			return r;
		if (until ? until(lease, arg) : !freezeguard_lease_is_live(lease))
			return 0;
		now = freezeguard_now_ns();
		if (now >= deadline_ns)
			return fg_error_set(fg, ETIMEDOUT, "lease \"%s\" is still %s", lease->id,
					    freezeguard_lease_state_name(lease->state));
		r = wait_for_news(fg, number, now + silence_ns < deadline_ns ? now + silence_ns :
								       deadline_ns);
		if (r)
			return r;
		silence_ns = 2 * silence_ns < FG_SILENCE_LAST_NS ? 2 * silence_ns : FG_SILENCE_LAST_NS;
	}
}

static int fs_reply(const struct nlmsghdr *nlh, void *arg)
{
	return fg_decode_fs(nlh, arg);
}

/**
 * freezeguard_fs_get() - the freeze state of a superblock, whoever froze it
 * @fg: the handle
 * @fd: any open file on it
 * @fs: where to
 *
 * Return: 0; -EBADF; -EPERM; -ETIMEDOUT; -EBADMSG.
 */
int freezeguard_fs_get(struct freezeguard *fg, int fd, struct freezeguard_fs *fs)
{
	struct nl_msg *msg;
	int r;

	memset(fs, 0, sizeof(*fs));
	fg_error_clear(fg);
	msg = request_new(fg, FREEZEGUARD_CMD_FS_GET, 0);
	if (!msg)
		return -fg->err;
	snprintf(fg->text, sizeof(fg->text), "read a filesystem's freeze state");
	if (nla_put_s32(msg, FREEZEGUARD_A_FS_FD, fd) < 0)
		return no_room(fg, msg);
	r = fg_socket_transact(fg, msg, FG_REPLY_TIMEOUT_MS, fs_reply, fs);
	nlmsg_free(msg);
	return r;
}
