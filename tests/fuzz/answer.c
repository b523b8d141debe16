// SPDX-License-Identifier: GPL-2.0-only
/*
 * answer: sends batches and judges what is answered. Every message has one answer: a refusal, or an
 * acknowledgement or a dump's end, and the reply that the command promises. Who may nothing gets
 * nothing.
 */
#include "answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <linux/freezeguard.h>

#include "kt.h"

/* Handlers never wait, but a loaded machine may keep their callers waiting. */
#define ANSWER_SECONDS	30

#define RECEIVE_N	16
#define RECEIVE_SIZE	(36 * 1024)
#define OWN_MAX		(1 << 20)

static char receive_buffers[RECEIVE_N][RECEIVE_SIZE];

/* Say what is wrong with the answer to a message, show it, and end the test. */
#define WRONG(t, b, msg, ...) \
	do { \
		show(t, b, msg); \
		FAIL(__VA_ARGS__); \
	} while (0)

static void show(const struct fuzz_talker *t, const struct fuzz_batch *b,
		 const struct fuzz_message *msg)
{
	char line[3 * 32 + 1];
	size_t at, i;

	kt_note("%s, message %llu, %u of its batch: %zu bytes, cmd %u%s%s, expected %d",
		t->name, (unsigned long long)(t->counts->sent + (msg - b->messages)),
		(unsigned int)(msg - b->messages), msg->len, msg->cmd, msg->dump ? ", dump" : "",
		msg->ack ? ", ack" : "", msg->expect);
	for (at = 0; at < msg->len && at < 1024; at += 32) {
		for (i = 0; i < 32 && at + i < msg->len; i++)
			sprintf(line + 3 * i, " %02x", (unsigned char)b->data[msg->at + at + i]);
		kt_note("%s", line);
	}
}

/* What is in a reply */

struct reply {
	const struct fuzz_set *set;
	uint64_t allowed;
	const char *wrong;		/* what doesn't fit the spec */
	uint64_t number;
	char fs_name[64];
	bool alien_hold;		/* a hold that isn't the user namespace's */
};

static void parse_attr(uint16_t type, const void *data, size_t len, void *arg)
{
	static const size_t lens[] = { [FUZZ_U32] = 4, [FUZZ_U64] = 8, [FUZZ_S32] = 4 };
	struct reply *r = arg;
	const struct fuzz_attr *attr;
	struct reply nested = { .allowed = UINT64_MAX };

	type &= NLA_TYPE_MASK;
	if (!type || type > r->set->n || !(r->allowed & 1ULL << type)) {
		r->wrong = "an attribute that the spec doesn't have there";
		return;
	}
	attr = &r->set->attrs[type - 1];
	switch (attr->kind) {
	case FUZZ_U32:
	case FUZZ_U64:
	case FUZZ_S32:
		if (len != lens[attr->kind])
			r->wrong = attr->name;
		else if (!strcmp(attr->name, "number"))
			memcpy(&r->number, data, len);
		break;
	case FUZZ_STRING:
		if (!len || strnlen(data, len) != len - 1)
			r->wrong = attr->name;
		else if (!strcmp(attr->name, "name"))
			snprintf(r->fs_name, sizeof(r->fs_name), "%s", (const char *)data);
		break;
	case FUZZ_NEST:
		nested.set = attr->nested;
		fgnl_walk(data, len, parse_attr, &nested);
		if (nested.wrong)
			r->wrong = nested.wrong;
		if (strncmp(nested.fs_name, FUZZ_OWN_PREFIX, strlen(FUZZ_OWN_PREFIX)))
			r->alien_hold = true;
		break;
	case FUZZ_FLAG:
	case FUZZ_PAD:
		if (len)
			r->wrong = attr->name;
		break;
	}
}

static bool is_own(const struct fuzz_talker *t, uint64_t number)
{
	unsigned int low = 0, high = t->n_own;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (t->own[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < t->n_own && t->own[low] == number;
}

static void made(struct fuzz_talker *t, const struct fuzz_batch *b, const struct fuzz_message *msg,
		 uint64_t number)
{
	t->recent[number % FUZZ_RECENT] = number;
	if (t->privilege != FUZZ_OWN)
		return;
	if (t->n_own == OWN_MAX || (t->n_own && t->own[t->n_own - 1] >= number))
		WRONG(t, b, msg, "lease number %llu doesn't grow", (unsigned long long)number);
	t->own[t->n_own++] = number;
	t->to_check = number;
}

static void judge_reply(struct fuzz_talker *t, const struct fuzz_batch *b, struct fuzz_message *msg,
			const struct nlmsghdr *h)
{
	const struct genlmsghdr *genl = NLMSG_DATA(h);
	const struct fuzz_op *op = fuzz_op(msg->cmd);
	struct reply r = { 0 };

	if (!op || genl->cmd != msg->cmd)
		WRONG(t, b, msg, "replied to with command %u", genl->cmd);
	r.set = op->set;
	r.allowed = op->reply;
	fgnl_walk((const char *)genl + GENL_HDRLEN, h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN,
		  parse_attr, &r);
	if (r.wrong)
		WRONG(t, b, msg, "the reply doesn't fit the spec: %s", r.wrong);
	if (msg->cmd == FREEZEGUARD_CMD_LEASE_NEW)
		made(t, b, msg, r.number);
	switch (t->privilege) {
	case FUZZ_NOTHING:
		WRONG(t, b, msg, "an unprivileged sender had a reply");
	case FUZZ_OWN:
		if (msg->cmd == FREEZEGUARD_CMD_FS_GET ?
		    strncmp(r.fs_name, FUZZ_OWN_PREFIX, strlen(FUZZ_OWN_PREFIX)) != 0 :
		    !is_own(t, r.number) || r.alien_hold)
			WRONG(t, b, msg, "a user namespace was told of what it doesn't own");
		break;
	case FUZZ_ALL:
		break;
	}
	if (msg->dump)
		t->counts->dump_parts++;
	else if (++msg->replies > 1)
		WRONG(t, b, msg, "two replies");
}

/* Answers */

static void judge_accepted(struct fuzz_talker *t, const struct fuzz_batch *b,
			   struct fuzz_message *msg)
{
	if (msg->expect == FUZZ_NOT_A_REQUEST) {
		if (msg->replies)
			WRONG(t, b, msg, "what is no request was replied to");
		t->counts->not_requests++;
		return;
	}
	if (msg->expect == FUZZ_MALFORMED)
		WRONG(t, b, msg, "accepted, though it is malformed");
	if (msg->dump) {
		t->counts->dumps++;
		return;
	}
	if (msg->replies != 1)
		WRONG(t, b, msg, "accepted without a reply");
	t->counts->accepted[msg->cmd]++;
}

static void judge_refused(struct fuzz_talker *t, const struct fuzz_batch *b,
			  struct fuzz_message *msg, int error, bool explained)
{
	const struct fuzz_op *op = fuzz_op(msg->cmd);
	bool not_there = !op || (msg->dump && !op->dump);
	bool spoilt = msg->expect != FUZZ_WELL_FORMED;

	if (error <= 0 || error >= FUZZ_ERRNOS)
		WRONG(t, b, msg, "refused with %d, which is no errno", error);
	if (msg->replies)
		WRONG(t, b, msg, "refused (%s), though it was replied to", strerror(error));
	if (msg->expect == FUZZ_NOT_A_REQUEST)
		WRONG(t, b, msg, "what is no request was refused: %s", strerror(error));
	if (spoilt && (error == EINVAL || error == ERANGE || (error == EOPNOTSUPP && not_there) ||
		       (error == ENOENT && !explained))) {
		t->counts->malformed[op ? msg->cmd : 0]++;
		t->counts->malformed_explained += explained;
		return;
	}
	if (msg->expect == FUZZ_MALFORMED)
		WRONG(t, b, msg, "malformed, but looked at: refused with %s", strerror(error));
	if (!op || !fuzz_op_documents(op, error))
		WRONG(t, b, msg, "refused with %s, which isn't documented", strerror(error));
	if (!explained && !msg->dump)
		WRONG(t, b, msg, "refused with %s and no message", strerror(error));
	t->counts->refused[msg->cmd][error]++;
}

static void parse_extack(uint16_t type, const void *data, size_t len, void *arg)
{
	if (type == NLMSGERR_ATTR_MSG && len > 1 && *(const char *)data)
		*(bool *)arg = true;
}

static void judge_error(struct fuzz_talker *t, const struct fuzz_batch *b, struct fuzz_message *msg,
			const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	size_t skip = NLMSG_HDRLEN + sizeof(*e);
	bool explained = false;

	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - NLMSG_HDRLEN;
	skip = NLMSG_ALIGN(skip);
	if (h->nlmsg_flags & NLM_F_ACK_TLVS && skip < h->nlmsg_len)
		fgnl_walk((const char *)h + skip, h->nlmsg_len - skip, parse_extack, &explained);
	if (!e->error && !msg->ack)
		WRONG(t, b, msg, "acknowledged, though that wasn't asked for");
	if (e->error)
		judge_refused(t, b, msg, -e->error, explained);
	else
		judge_accepted(t, b, msg);
}

/* One message received; returns how many of the batch it answered. */
static unsigned int judge(struct fuzz_talker *t, struct fuzz_batch *b, const struct nlmsghdr *h)
{
	struct fuzz_message *msg;
	int done = 0;

	if (h->nlmsg_type == t->maker.family &&
	    ((const struct genlmsghdr *)NLMSG_DATA(h))->cmd == FREEZEGUARD_CMD_LEASE_NTF) {
		t->counts->notifications++;
		return 0;
	}
	if (h->nlmsg_seq - b->seq >= b->n)
		FAIL("%s: an answer to nothing: sequence number %u, batch %u to %u", t->name,
		     h->nlmsg_seq, b->seq, b->seq + b->n - 1);
	msg = &b->messages[h->nlmsg_seq - b->seq];
	if (msg->answered)
		WRONG(t, b, msg, "answered twice");
	if (msg->expect == FUZZ_NOT_A_MESSAGE)
		WRONG(t, b, msg, "netlink looked at a message of impossible length");
	if (h->nlmsg_type == NLMSG_ERROR) {
		judge_error(t, b, msg, h);
	} else if (h->nlmsg_type == NLMSG_DONE) {
		memcpy(&done, NLMSG_DATA(h), sizeof(done));
		if (done)
			judge_refused(t, b, msg, -done, true);
		else
			judge_accepted(t, b, msg);
	} else if (h->nlmsg_type == t->maker.family) {
		judge_reply(t, b, msg, h);
		if (msg->dump || msg->ack)
			return 0;
		judge_accepted(t, b, msg);
	} else {
		WRONG(t, b, msg, "answered with a message of type %u", h->nlmsg_type);
	}
	msg->answered = true;
	return 1;
}

static void receive(struct fuzz_talker *t, struct fuzz_batch *b, unsigned int due)
{
	struct iovec iov[RECEIVE_N];
	struct mmsghdr vector[RECEIVE_N];
	int n, i;

	while (due) {
		for (i = 0; i < RECEIVE_N; i++) {
			iov[i] = (struct iovec) { receive_buffers[i], RECEIVE_SIZE };
			vector[i].msg_hdr = (struct msghdr) { .msg_iov = &iov[i], .msg_iovlen = 1 };
		}
		n = recvmmsg(t->fd, vector, RECEIVE_N, MSG_WAITFORONE, NULL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			t->counts->overruns++;
			continue;
		}
		if (n < 0) {
			for (i = 0; b->messages[i].answered ||
				    b->messages[i].expect == FUZZ_NOT_A_MESSAGE; i++)
				;
			WRONG(t, b, &b->messages[i], "no answer: %s", strerror(errno));
		}
		for (i = 0; i < n; i++) {
			const struct nlmsghdr *h = (void *)receive_buffers[i];
			unsigned int len = vector[i].msg_len;

			if (vector[i].msg_hdr.msg_flags & MSG_TRUNC)
				FAIL("%s: an answer is longer than %u bytes", t->name, RECEIVE_SIZE);
			for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len))
				due -= judge(t, b, h);
		}
	}
}

/**
 * fuzz_socket() - talk through another socket from now on
 * @t: whose old one is closed, if it has one
 * @fd: a bound socket
 * @privilege: what may be done through it
 * @connected: send without an address
 */
void fuzz_socket(struct fuzz_talker *t, int fd, enum fuzz_privilege privilege, bool connected)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct timeval bound = { .tv_sec = ANSWER_SECONDS };
	int one = 1;

	if (t->fd >= 0)
		close(t->fd);
	if (setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound)) ||
	    (connected && connect(fd, (void *)&kernel, sizeof(kernel))))
		FAIL("netlink socket: %s", strerror(errno));
	t->fd = fd;
	t->connected = connected;
	t->privilege = privilege;
	if (!t->own)
		t->own = malloc(OWN_MAX * sizeof(*t->own));
	CHECK(t->own);
}

/**
 * fuzz_talk() - send one batch and judge its answers
 * @t: through which socket
 * @n: how many messages at most
 */
void fuzz_talk(struct fuzz_talker *t, unsigned int n)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	static struct fuzz_batch b;
	unsigned int due, i;

	fuzz_begin(&b, t->seq + 1);
	if (t->to_check)
		fuzz_add_get(&b, &t->maker, t->to_check);
	t->to_check = 0;
	while (b.n < n && !b.full)
		fuzz_add(&b, &t->maker);
	if (sendto(t->fd, b.data, b.len, 0, t->connected ? NULL : (void *)&kernel,
		   t->connected ? 0 : sizeof(kernel)) != (ssize_t)b.len)
		FAIL("%s: send %zu bytes: %s", t->name, b.len, strerror(errno));
	for (due = i = 0; i < b.n; i++) {
		struct fuzz_message *msg = &b.messages[i];

		if (msg->expect == FUZZ_NOT_A_MESSAGE)
			t->counts->not_messages++;
		else if (msg->expect == FUZZ_NOT_A_REQUEST && !msg->ack)
			msg->answered = true;	/* nobody asked for an answer */
		else
			due++;
	}
	receive(t, &b, due);
	t->seq += b.n;
	t->counts->sent += b.n;
	t->counts->batches++;
}
