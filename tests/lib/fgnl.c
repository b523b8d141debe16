// SPDX-License-Identifier: GPL-2.0-only
/* The protocol with plain sockets, for tests. */
#include "fgnl.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* No answer of the module may take longer than this, even under emulation. */
#define ANSWER_MS	5000
#define AFTER_LOSS_MS	500

static char receive_buffer[1 << 20];

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Messages */

/**
 * fgnl_begin() - begin a message of the family
 * @msg: to be made
 * @nl: whose family and next sequence number it has
 * @cmd: FREEZEGUARD_CMD_
 * @flags: NLM_F_, besides NLM_F_REQUEST
 */
void fgnl_begin(struct fgnl_msg *msg, const struct fgnl *nl, uint8_t cmd, uint16_t flags)
{
	struct genlmsghdr genl = { .cmd = cmd, .version = FREEZEGUARD_FAMILY_VERSION };

	msg->len = NLMSG_HDRLEN + GENL_HDRLEN;
	msg->overflow = false;
	memset(msg->data, 0, msg->len);
	msg->header.nlmsg_type = nl->family;
	msg->header.nlmsg_flags = NLM_F_REQUEST | flags;
	msg->header.nlmsg_seq = nl->seq + 1;
	memcpy(msg->data + NLMSG_HDRLEN, &genl, sizeof(genl));
}

/**
 * fgnl_put() - append an attribute
 * @msg: to append to
 * @type: of the attribute
 * @data: its payload
 * @len: of it, in bytes
 */
void fgnl_put(struct fgnl_msg *msg, uint16_t type, const void *data, size_t len)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + len, .nla_type = type };

	if (msg->len + NLA_HDRLEN + NLA_ALIGN(len) > sizeof(msg->data)) {
		msg->overflow = true;
		return;
	}
	memset(msg->data + msg->len, 0, NLA_HDRLEN + NLA_ALIGN(len));
	memcpy(msg->data + msg->len, &attr, sizeof(attr));
	if (len)
		memcpy(msg->data + msg->len + NLA_HDRLEN, data, len);
	msg->len += NLA_HDRLEN + NLA_ALIGN(len);
}

/** fgnl_put_u32() - append an attribute of 32 bits */
void fgnl_put_u32(struct fgnl_msg *msg, uint16_t type, uint32_t value)
{
	fgnl_put(msg, type, &value, sizeof(value));
}

/** fgnl_put_u64() - append an attribute of 64 bits */
void fgnl_put_u64(struct fgnl_msg *msg, uint16_t type, uint64_t value)
{
	fgnl_put(msg, type, &value, sizeof(value));
}

/** fgnl_put_string() - append a string with its NUL */
void fgnl_put_string(struct fgnl_msg *msg, uint16_t type, const char *value)
{
	fgnl_put(msg, type, value, strlen(value) + 1);
}

/**
 * fgnl_nest() - begin a nested attribute
 *
 * Return: what fgnl_nest_end() wants.
 */
size_t fgnl_nest(struct fgnl_msg *msg, uint16_t type)
{
	size_t at = msg->len;

	fgnl_put(msg, type | NLA_F_NESTED, NULL, 0);
	return at;
}

/** fgnl_nest_end() - end a nested attribute */
void fgnl_nest_end(struct fgnl_msg *msg, size_t nest)
{
	uint16_t len = msg->len - nest;

	memcpy(msg->data + nest, &len, sizeof(len));
}

/** fgnl_put_superblock() - append a superblock to freeze */
void fgnl_put_superblock(struct fgnl_msg *msg, int fd, uint32_t level)
{
	size_t nest = fgnl_nest(msg, FREEZEGUARD_A_LEASE_SUPERBLOCK);

	fgnl_put_u32(msg, FREEZEGUARD_A_SUPERBLOCK_FD, fd);
	if (level)
		fgnl_put_u32(msg, FREEZEGUARD_A_SUPERBLOCK_LEVEL, level);
	fgnl_nest_end(msg, nest);
}

/**
 * fgnl_walk() - call a function for each attribute
 * @data: the attributes
 * @len: of all of them, in bytes
 * @each: is called with type, payload and its length
 * @arg: for @each
 */
void fgnl_walk(const void *data, size_t len,
	       void (*each)(uint16_t type, const void *data, size_t len, void *arg), void *arg)
{
	const char *at = data;

	while (len >= NLA_HDRLEN) {
		struct nlattr attr;

		memcpy(&attr, at, sizeof(attr));
		if (attr.nla_len < NLA_HDRLEN || attr.nla_len > len)
			return;
		each(attr.nla_type & NLA_TYPE_MASK, at + NLA_HDRLEN, attr.nla_len - NLA_HDRLEN,
		     arg);
		if ((size_t)NLA_ALIGN(attr.nla_len) >= len)
			return;
		at += NLA_ALIGN(attr.nla_len);
		len -= NLA_ALIGN(attr.nla_len);
	}
}

/** fgnl_walk_message() - call a function for each attribute of a message; see fgnl_walk() */
void fgnl_walk_message(const struct nlmsghdr *msg,
		       void (*each)(uint16_t type, const void *data, size_t len, void *arg),
		       void *arg)
{
	fgnl_walk((const char *)msg + NLMSG_HDRLEN + GENL_HDRLEN,
		  msg->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, each, arg);
}

/** fgnl_u32() - a number from an attribute's payload; 0 beyond its end */
uint32_t fgnl_u32(const void *data, size_t len)
{
	uint32_t value = 0;

	memcpy(&value, data, len < sizeof(value) ? len : sizeof(value));
	return value;
}

/** fgnl_u64() - likewise */
uint64_t fgnl_u64(const void *data, size_t len)
{
	uint64_t value = 0;

	memcpy(&value, data, len < sizeof(value) ? len : sizeof(value));
	return value;
}

/** fgnl_string() - a string from an attribute's payload, cut to @size; see FGNL_STRING() */
void fgnl_string(char *to, size_t size, const void *data, size_t len)
{
	size_t n = len < size - 1 ? len : size - 1;

	memcpy(to, data, n);
	to[n] = '\0';
}

static uint8_t message_cmd(const struct nlmsghdr *msg)
{
	return ((const struct genlmsghdr *)NLMSG_DATA(msg))->cmd;
}

static void parse_extack(uint16_t type, const void *data, size_t len, void *arg)
{
	struct fgnl *nl = arg;

	if (type == NLMSGERR_ATTR_MSG) {
		FGNL_STRING(nl->extack);
	} else if (type == NLMSGERR_ATTR_COOKIE && len == sizeof(uint64_t)) {
		nl->has_cookie = true;
		nl->cookie = fgnl_u64(data, len);
	}
}

/* Receiving */

/* Returns the number of bytes in receive_buffer, 0 if none came in time, or -errno. */
static ssize_t receive(struct fgnl *nl, int timeout_ms, bool *multicast)
{
	struct pollfd p = { .fd = nl->fd, .events = POLLIN };
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { receive_buffer, sizeof(receive_buffer) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from),
			    .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	n = poll(&p, 1, timeout_ms);
	if (n <= 0)
		return n < 0 && errno != EINTR ? -errno : 0;
	n = recvmsg(nl->fd, &m, MSG_DONTWAIT);
	if (n < 0) {
		if (errno == ENOBUFS)
			nl->overrun = true;
		return -errno;
	}
	*multicast = from.nl_groups != 0;
	return n;
}

/**
 * fgnl_send() - send a message and don't wait
 *
 * Return: 0, or -errno of sending.
 */
int fgnl_send(struct fgnl *nl, struct fgnl_msg *msg)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (msg->overflow)
		return -EMSGSIZE;
	msg->header.nlmsg_len = msg->len;
	nl->seq = msg->header.nlmsg_seq;
	if (sendto(nl->fd, msg->data, msg->len, 0, nl->connected ? NULL : (void *)&kernel,
		   nl->connected ? 0 : sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

/**
 * fgnl_talk() - send a message and receive its answer
 * @nl: its error, extack and cookie are set
 * @msg: with NLM_F_ACK or NLM_F_DUMP
 * @each: called for each message of the answer, or NULL
 * @arg: for @each
 *
 * Notifications that come meanwhile are kept for fg_event().
 * Return: 0, or the negative errno that the kernel answered; -ETIMEDOUT if it answered nothing,
 * -ENOBUFS if something was lost and that may have been the answer.
 */
int fgnl_talk(struct fgnl *nl, struct fgnl_msg *msg, fgnl_each each, void *arg)
{
	int64_t until = now_ms() + ANSWER_MS;
	bool multicast, lost = false;
	int err;

	nl->error = 0;
	nl->extack[0] = '\0';
	nl->has_cookie = false;
	err = fgnl_send(nl, msg);
	if (err) {
		nl->error = -err;
		return err;
	}
	while (now_ms() < until) {
		ssize_t n = receive(nl, until - now_ms(), &multicast);
		struct nlmsghdr *h;

		/* Notifications were lost, or the answer, which would come at once. */
		if (n == -ENOBUFS && !lost) {
			lost = true;
			if (until > now_ms() + AFTER_LOSS_MS)
				until = now_ms() + AFTER_LOSS_MS;
		}
		if (n == -ENOBUFS || n == -EAGAIN)
			continue;
		if (n < 0)
			return n;
		for (h = (void *)receive_buffer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == nl->family &&
			    message_cmd(h) == FREEZEGUARD_CMD_LEASE_NTF) {
				fgnl_queue_event(nl, h, multicast);
				continue;
			}
			if (h->nlmsg_seq != nl->seq)
				continue;
			if (h->nlmsg_type == NLMSG_DONE) {
				int done = 0;

				memcpy(&done, NLMSG_DATA(h), sizeof(done));
				if (h->nlmsg_flags & NLM_F_ACK_TLVS)
					fgnl_walk((char *)NLMSG_DATA(h) + sizeof(done),
						  h->nlmsg_len - NLMSG_LENGTH(sizeof(done)),
						  parse_extack, nl);
				nl->error = -done;
				return done;
			}
			if (h->nlmsg_type == NLMSG_ERROR) {
				struct nlmsgerr *e = NLMSG_DATA(h);
				size_t skip = NLMSG_HDRLEN + sizeof(*e);

				if (!(h->nlmsg_flags & NLM_F_CAPPED))
					skip += e->msg.nlmsg_len - NLMSG_HDRLEN;
				if (h->nlmsg_flags & NLM_F_ACK_TLVS)
					fgnl_walk((char *)h + NLMSG_ALIGN(skip),
						  h->nlmsg_len - NLMSG_ALIGN(skip),
						  parse_extack, nl);
				nl->error = -e->error;
				return e->error;
			}
			if (each)
				each(h, arg);
		}
	}
	nl->error = lost ? ENOBUFS : ETIMEDOUT;
	return -nl->error;
}

/**
 * fg_event() - the next notification
 * @nl: a socket that owns leases or has subscribed
 * @event: is what came
 * @timeout_ms: how long to wait for it
 *
 * Return: 0, -ETIMEDOUT, or -ENOBUFS if some were lost.
 */
int fg_event(struct fgnl *nl, struct fg_event *event, int timeout_ms)
{
	int64_t until = now_ms() + timeout_ms;
	bool multicast;

	while (nl->events_tail == nl->events_head) {
		int64_t left = until - now_ms();
		ssize_t n = receive(nl, left > 0 ? left : 0, &multicast);
		struct nlmsghdr *h;

		if (n == 0 && left <= 0)
			return -ETIMEDOUT;
		if (n < 0 && n != -EAGAIN)
			return n;
		for (h = (void *)receive_buffer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			if (h->nlmsg_type == nl->family &&
			    message_cmd(h) == FREEZEGUARD_CMD_LEASE_NTF)
				fgnl_queue_event(nl, h, multicast);
	}
	*event = nl->events[nl->events_tail++ % FGNL_EVENTS];
	return 0;
}

/* Sockets */

struct family {
	uint16_t id;
	uint32_t group;
	uint32_t this_group;
	char this_name[32];
};

static void parse_group(uint16_t type, const void *data, size_t len, void *arg)
{
	struct family *f = arg;

	if (type == CTRL_ATTR_MCAST_GRP_NAME)
		FGNL_STRING(f->this_name);
	else if (type == CTRL_ATTR_MCAST_GRP_ID)
		f->this_group = fgnl_u32(data, len);
}

static void parse_groups(uint16_t type, const void *data, size_t len, void *arg)
{
	struct family *f = arg;

	(void)type;
	fgnl_walk(data, len, parse_group, f);
	if (!strcmp(f->this_name, FREEZEGUARD_MCGRP_EVENTS))
		f->group = f->this_group;
}

static void parse_family(uint16_t type, const void *data, size_t len, void *arg)
{
	struct family *f = arg;

	if (type == CTRL_ATTR_FAMILY_ID)
		memcpy(&f->id, data, sizeof(f->id));
	else if (type == CTRL_ATTR_MCAST_GROUPS)
		fgnl_walk(data, len, parse_groups, f);
}

static void each_family(const struct nlmsghdr *msg, void *arg)
{
	fgnl_walk_message(msg, parse_family, arg);
}

/**
 * fgnl_open() - open a socket and find the family
 *
 * Return: 0 or -errno; -ENOENT if the module is not loaded.
 */
int fgnl_open(struct fgnl *nl)
{
	static struct fgnl_msg msg;
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(self);
	struct family family = { 0 };
	int one = 1, size = 4 << 20;
	int err;

	memset(nl, 0, sizeof(*nl));
	nl->events = calloc(FGNL_EVENTS, sizeof(*nl->events));
	if (!nl->events)
		return -ENOMEM;
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl->fd < 0)
		return -errno;
	if (bind(nl->fd, (void *)&self, sizeof(self)) ||
	    getsockname(nl->fd, (void *)&self, &len) ||
	    setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) ||
	    setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)))
		return -errno;
	/* best effort: needs CAP_NET_ADMIN, which some tests don't have */
	setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	nl->port = self.nl_pid;

	nl->family = GENL_ID_CTRL;
	fgnl_begin(&msg, nl, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	fgnl_put_string(&msg, CTRL_ATTR_FAMILY_NAME, FREEZEGUARD_FAMILY_NAME);
	err = fgnl_talk(nl, &msg, each_family, &family);
	nl->family = family.id;
	nl->group = family.group;
	return err;
}

/** fgnl_close() - close a socket */
void fgnl_close(struct fgnl *nl)
{
	close(nl->fd);
	nl->fd = -1;
	free(nl->events);
	nl->events = NULL;
}

/**
 * fgnl_subscribe() - receive every lease's notifications from now on
 *
 * Return: 0 or -errno.
 */
int fgnl_subscribe(struct fgnl *nl)
{
	if (setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &nl->group, sizeof(nl->group)))
		return -errno;
	return 0;
}
