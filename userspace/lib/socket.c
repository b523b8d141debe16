// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The socket: opening, resolving the family, one request and its answer. Every receive has an end,
 * and every answer is matched to its request by sequence number: what comes late from an earlier
 * request is dropped.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/genl/genl.h>

#include "internal.h"

#define EVENTS_RCVBUF	(1024 * 1024)

/* Until there is something to receive: 0; -ETIMEDOUT; -EINTR. */
static int await_datagram(struct freezeguard *fg, uint64_t deadline_ns)
{
	struct pollfd pfd = { .fd = fg->fd, .events = POLLIN };
	uint64_t now = freezeguard_now_ns();
	uint64_t wait_ns = deadline_ns > now ? deadline_ns - now : 0;
	struct timespec wait = {
		.tv_sec = (time_t)(wait_ns / 1000000000ULL),
		.tv_nsec = (long)(wait_ns % 1000000000ULL),
	};
	int r = ppoll(&pfd, 1, &wait, NULL);

	return r < 0 ? -errno : r ? 0 : -ETIMEDOUT;
}

/**
 * fg_socket_receive() - one datagram from the kernel, into @fg->buffer
 * @fg: the handle
 * @deadline_ns: when to give up, CLOCK_BOOTTIME; 0 to take only what is there already
 *
 * Return: its length, or -ETIMEDOUT, -ENOBUFS (some were lost), -EINTR (a signal came), another
 * negative errno. The error record is not touched.
 */
int fg_socket_receive(struct freezeguard *fg, uint64_t deadline_ns)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { .iov_base = fg->buffer, .iov_len = FG_BUFFER_SIZE };
		struct msghdr msg = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
		};
		ssize_t n = recvmsg(fg->fd, &msg, MSG_DONTWAIT);
		int r;

		if (n < 0 && errno == EAGAIN) {
			r = await_datagram(fg, deadline_ns);
			if (r)
				return r;
			continue;
		}
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ECONNRESET;
		if (msg.msg_flags & MSG_TRUNC)
			return -EMSGSIZE;
		/* Another process may send to our port; only the kernel is believed. */
		if (from.nl_family == AF_NETLINK && from.nl_pid != 0)
			continue;
		return (int)n;
	}
}

static const char *advice(int err)
{
	switch (err) {
	case EPERM:
	case EACCES:
		return "needs CAP_SYS_ADMIN: run it as root";
	case ENOMEM:
		return "free some memory and try again";
	case EUSERS:
		return "end a lease first (freezectl status lists them), or raise the limit in /sys/module/freezeguard/parameters/max_leases";
	default:
		return NULL;
	}
}

/*
 * The record of a request that the kernel refused. The caller has put what was tried into @fg->text
 * ("freeze 3 filesystems").
 */
static int refused(struct freezeguard *fg, const struct nlmsghdr *request,
		   const struct fg_extack *ack)
{
	const struct freezeguard_attr *missing = NULL;
	const char *hint = ack->message[0] ? NULL : advice(ack->error);
	char what[sizeof(fg->text)];

	fg->extack = *ack;
	fg_extack_attr(request, ack->offset, fg->attr, sizeof(fg->attr), &fg->superblock);
	if (ack->missing && !fg->attr[0]) {
		missing = fg_attr_find("lease", (uint16_t)ack->missing);
		if (missing)
			snprintf(fg->attr, sizeof(fg->attr), "%s", missing->name);
	}
	memcpy(what, fg->text, sizeof(what));
	return fg_error_set(fg, ack->error, "cannot %s: %s%s%s%s%s%s%s%s", what,
			    ack->message[0] ? ack->message : strerror(ack->error),
			    ack->message[0] ? " (" : "",
			    ack->message[0] ? strerror(ack->error) : "",
			    ack->message[0] ? ")" : "",
			    fg->attr[0] ? (missing ? ", missing attribute " : ", attribute ") : "",
			    fg->attr, hint ? "; " : "", hint ? hint : "");
}

static int broken(struct freezeguard *fg, int err, const char *why)
{
	char what[sizeof(fg->text)];

	memcpy(what, fg->text, sizeof(what));
	return fg_error_set(fg, err, "cannot %s: %s (%s)", what, why, strerror(err));
}

/**
 * fg_socket_transact() - send a request, hand every message of the answer to @reply
 * @fg: the handle; its error text must say what is being tried, as in "freeze 3 filesystems"
 * @msg: the request; its header's flags are completed here
 * @timeout_ms: how long the whole answer may take
 * @reply: called for each message of the answer, or NULL; negative errno makes the request fail
 * @arg: for @reply
 *
 * Notifications that come meanwhile are kept for freezeguard_event_next().
 *
 * Return: 0; -EINTR if a dump was inconsistent; the kernel's negative errno; -ETIMEDOUT; -EBADMSG;
 * what @reply returned. The error record is complete, but empty after 0 and after -EINTR.
 */
int fg_socket_transact(struct freezeguard *fg, struct nl_msg *msg, unsigned int timeout_ms,
		       fg_reply_fn reply, void *arg)
{
	uint64_t deadline = freezeguard_now_ns() + timeout_ms * FG_NS_PER_MS;
	struct nlmsghdr *request = nlmsg_hdr(msg), *nlh;
	bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	bool interrupted = false;
	int len, r = 0;

	request->nlmsg_flags |= NLM_F_REQUEST | (dump ? 0 : NLM_F_ACK);
	request->nlmsg_seq = ++fg->seq ? fg->seq : ++fg->seq;
	request->nlmsg_pid = 0;
	if (send(fg->fd, request, request->nlmsg_len, MSG_NOSIGNAL) < 0)
		return broken(fg, errno, "the kernel did not accept the request");

	for (;;) {
		len = fg_socket_receive(fg, deadline);
		if (len == -EINTR)
			continue;
		if (len == -ENOBUFS) {
			fg->lost = true;
			continue;
		}
		if (len == -ETIMEDOUT)
			return broken(fg, ETIMEDOUT, "no reply from the kernel in time");
		if (len < 0)
			return broken(fg, -len, "cannot receive the kernel's reply");

		for (nlh = (struct nlmsghdr *)fg->buffer; nlmsg_ok(nlh, len);
		     nlh = nlmsg_next(nlh, &len)) {
			struct fg_extack ack;

			if (fg_is_ntf(fg, nlh)) {
				fg_ntf_keep(fg, nlh);
				continue;
			}
			if (nlh->nlmsg_seq != request->nlmsg_seq)
				continue;
			if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
				interrupted = true;
			if (nlh->nlmsg_type != NLMSG_ERROR && nlh->nlmsg_type != NLMSG_DONE) {
				if (reply && !r)
					r = reply(nlh, arg);
				continue;
			}
			if (fg_extack_parse(nlh, &ack))
				return broken(fg, EBADMSG, "malformed reply from the kernel");
			if (ack.error)
				return refused(fg, request, &ack);
			if (r)
				return broken(fg, -r, "the kernel's reply cannot be used");
			fg_error_clear(fg);
			fg->acked = ack.cookie;
			return interrupted ? -EINTR : 0;
		}
	}
}

struct family {
	uint16_t id;
	uint32_t group;
};

static int family_reply(const struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1], *group[CTRL_ATTR_MCAST_GRP_MAX + 1], *attr;
	struct family *family = arg;
	int rem;

	if (genlmsg_parse((struct nlmsghdr *)nlh, 0, tb, CTRL_ATTR_MAX, NULL) < 0 ||
	    !tb[CTRL_ATTR_FAMILY_ID] || nla_len(tb[CTRL_ATTR_FAMILY_ID]) < (int)sizeof(uint16_t))
		return -EBADMSG;
	family->id = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
	if (!tb[CTRL_ATTR_MCAST_GROUPS])
		return 0;
	nla_for_each_nested(attr, tb[CTRL_ATTR_MCAST_GROUPS], rem) {
		if (nla_parse_nested(group, CTRL_ATTR_MCAST_GRP_MAX, attr, NULL) < 0)
			return -EBADMSG;
		if (group[CTRL_ATTR_MCAST_GRP_NAME] && group[CTRL_ATTR_MCAST_GRP_ID] &&
		    nla_len(group[CTRL_ATTR_MCAST_GRP_ID]) >= (int)sizeof(uint32_t) &&
		    !nla_strcmp(group[CTRL_ATTR_MCAST_GRP_NAME], FREEZEGUARD_MCGRP_EVENTS))
			family->group = nla_get_u32(group[CTRL_ATTR_MCAST_GRP_ID]);
	}
	return 0;
}

/* Asking the controller for a family by name makes the kernel load its module by the alias. */
static int resolve(struct freezeguard *fg)
{
	struct family family = { 0 };
	struct nl_msg *msg = nlmsg_alloc();
	int r;

	snprintf(fg->text, sizeof(fg->text), "find the kernel module freezeguard");
	if (!msg || !genlmsg_put(msg, 0, 0, GENL_ID_CTRL, 0, 0, CTRL_CMD_GETFAMILY, 1) ||
	    nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, FREEZEGUARD_FAMILY_NAME) < 0) {
		nlmsg_free(msg);
		return broken(fg, ENOMEM, "out of memory");
	}
	r = fg_socket_transact(fg, msg, FG_RESOLVE_TIMEOUT_MS, family_reply, &family);
	nlmsg_free(msg);
	if (r == -ENOENT)
		return fg_error_set(fg, ENOENT,
				    "the kernel module freezeguard is not loaded, and the kernel could not load it; load it with: modprobe freezeguard");
	if (r)
		return r;
	if (!family.id)
		return fg_error_set(fg, EPROTO,
				    "the kernel's reply has no number for the netlink family freezeguard");
	fg->family = family.id;
	fg->group = family.group;
	return 0;
}

static int setup(struct freezeguard *fg)
{
	static const int on = 1;
	int r;

	fg->sock = nl_socket_alloc();
	if (!fg->sock)
		return fg_error_set(fg, ENOMEM, "cannot open a netlink socket: out of memory");
	r = nl_connect(fg->sock, NETLINK_GENERIC);
	if (r < 0)
		return fg_error_set(fg, r == -NLE_NOMEM ? ENOMEM : EIO,
				    "cannot open a netlink socket: %s", nl_geterror(r));
	fg->fd = nl_socket_get_fd(fg->sock);
	/* Without these the kernel's messages are missing and its errors still understood. */
	setsockopt(fg->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fg->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return resolve(fg);
}

/**
 * freezeguard_open() - connect to the kernel module; this loads it if it is installed
 * @fgp: set to a handle also when this fails (it then has the error record, and takes no request);
 *	NULL if there is no memory. Pass it to freezeguard_close() in any case.
 *
 * Return: 0; -ENOENT the module is missing; another negative errno.
 */
int freezeguard_open(struct freezeguard **fgp)
{
	*fgp = fg_handle_new();
	if (!*fgp)
		return -ENOMEM;
	return setup(*fgp);
}

/**
 * freezeguard_open_events() - connect, and receive what happens to every lease
 * @fgp: as for freezeguard_open()
 *
 * The handle is for freezeguard_event_next(). Requests are better made on another one: many events
 * could crowd out an answer.
 *
 * Return: 0; -ENOENT the module is missing; -EOPNOTSUPP it has no group for events; another
 * negative errno.
 */
int freezeguard_open_events(struct freezeguard **fgp)
{
	static const int size = EVENTS_RCVBUF;
	struct freezeguard *fg;
	int r;

	r = freezeguard_open(fgp);
	if (r)
		return r;
	fg = *fgp;
	if (!fg->group)
		return fg_error_set(fg, EOPNOTSUPP,
				    "cannot watch events: the kernel module has no multicast group \"" FREEZEGUARD_MCGRP_EVENTS "\"");
	/* A larger buffer only makes losses rarer. */
	if (setsockopt(fg->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fg->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fg->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &fg->group,
		       sizeof(fg->group)))
		return fg_error_set(fg, errno, "cannot watch events: joining the multicast group \""
				    FREEZEGUARD_MCGRP_EVENTS "\" failed: %s%s", strerror(errno),
				    errno == EPERM ? "; needs CAP_SYS_ADMIN: run it as root" : "");
	fg->events = true;
	return 0;
}
