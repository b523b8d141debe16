// SPDX-License-Identifier: GPL-2.0-only
/*
 * socket, extack, lease, events: the library against a kernel that is played by a thread on the
 * other end of a socketpair. It answers the n-th request with the n-th script.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../userspace/lib/internal.h"
#include "netlink.h"

/* What the kernel does with a request. */
typedef void (*script_fn)(int fd, const struct nlmsghdr *request);

enum { SCRIPTS = 12 };

struct kernel {
	struct freezeguard *fg;
	int fd;
	pthread_t thread;
	script_fn scripts[SCRIPTS];
	size_t n_requests;
	char request[32 * 1024];
};

static __thread struct test_msg m;

static void *kernel_main(void *arg)
{
	struct kernel *k = arg;
	size_t i;

	for (i = 0; i < SCRIPTS && k->scripts[i]; i++) {
		ssize_t n = recv(k->fd, k->request, sizeof(k->request), 0);

		if (n <= 0)
			break;
		k->n_requests++;
		k->scripts[i](k->fd, (const struct nlmsghdr *)k->request);
	}
	return NULL;
}

static void kernel_start(struct kernel *k)
{
	int fds[2], size = 1024 * 1024;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	k->fg = fg_handle_new();
	assert_non_null(k->fg);
	k->fg->fd = fds[0];
	k->fg->family = TEST_FAMILY;
	k->fd = fds[1];
	assert_int_equal(pthread_create(&k->thread, NULL, kernel_main, k), 0);
}

static void kernel_stop(struct kernel *k)
{
	close(k->fg->fd);
	pthread_join(k->thread, NULL);
	close(k->fd);
	freezeguard_close(k->fg);
}

static void send_msg(int fd)
{
	assert_int_equal(send(fd, &m, m.nlh.nlmsg_len, 0), m.nlh.nlmsg_len);
}

static void send_ack(int fd, uint32_t seq)
{
	msg_error(&m, NLM_F_CAPPED, seq, 0);
	send_msg(fd);
}

static void put_lease(uint16_t flags, uint32_t seq, uint8_t cmd, uint64_t number, uint32_t state)
{
	msg_genl(&m, flags, seq, cmd);
	msg_u64(&m, FREEZEGUARD_A_LEASE_NUMBER, number);
	msg_u32(&m, FREEZEGUARD_A_LEASE_STATE, state);
	msg_string(&m, FREEZEGUARD_A_LEASE_ID, "x");
}

static void put_hold(uint32_t minor)
{
	size_t nest = msg_nest(&m, FREEZEGUARD_A_LEASE_HOLD);

	msg_u32(&m, FREEZEGUARD_A_HOLD_DEV_MINOR, minor);
	msg_nest_end(&m, nest);
}

static void send_ntf(int fd, uint64_t number, uint32_t state, uint32_t event_seq)
{
	put_lease(0, 0, FREEZEGUARD_CMD_LEASE_NTF, number, state);
	msg_u32(&m, FREEZEGUARD_A_LEASE_EVENT_SEQ, event_seq);
	send_msg(fd);
}

/* ---- what a request looks like ---- */

static void check_new(int fd, const struct nlmsghdr *request)
{
	static const int fds[] = { 5, 6 }, levels[] = { 0, 3 };
	const struct genlmsghdr *genl = (const void *)((const char *)request + NLMSG_HDRLEN);
	const struct nlattr *attr = (const void *)((const char *)genl + GENL_HDRLEN);
	int i;

	assert_int_equal(request->nlmsg_type, TEST_FAMILY);
	assert_int_equal(request->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	assert_int_equal(genl->cmd, FREEZEGUARD_CMD_LEASE_NEW);
	assert_int_equal(attr->nla_type, FREEZEGUARD_A_LEASE_ID);
	assert_string_equal((const char *)attr + NLA_HDRLEN, "backup");
	attr = (const void *)((const char *)attr + NLA_ALIGN(attr->nla_len));
	assert_int_equal(attr->nla_type, FREEZEGUARD_A_LEASE_TIMEOUT_MS);
	assert_int_equal(*(const uint32_t *)((const char *)attr + NLA_HDRLEN), 60000);
	attr = (const void *)((const char *)attr + NLA_ALIGN(attr->nla_len));
	for (i = 0; i < 2; i++) {
		const uint32_t *words = (const void *)((const char *)attr + NLA_HDRLEN);

		assert_int_equal(attr->nla_type, FREEZEGUARD_A_LEASE_SUPERBLOCK | NLA_F_NESTED);
		assert_int_equal(attr->nla_len, NLA_HDRLEN + 16);
		assert_int_equal(words[0], 8 | FREEZEGUARD_A_SUPERBLOCK_FD << 16);
		assert_int_equal(words[1], fds[i]);
		assert_int_equal(words[2], 8 | FREEZEGUARD_A_SUPERBLOCK_LEVEL << 16);
		assert_int_equal(words[3], levels[i]);
		attr = (const void *)((const char *)attr + NLA_ALIGN(attr->nla_len));
	}
	assert_ptr_equal(attr, (const char *)request + request->nlmsg_len);
	put_lease(0, request->nlmsg_seq, FREEZEGUARD_CMD_LEASE_NEW, 3,
		  FREEZEGUARD_LEASE_STATE_FREEZING);
	send_msg(fd);
	send_ack(fd, request->nlmsg_seq);
}

static const struct freezeguard_superblock two[] = { { 5, 0 }, { 6, 3 } };

static void check_detach(int fd, const struct nlmsghdr *request)
{
	const struct genlmsghdr *genl = (const void *)((const char *)request + NLMSG_HDRLEN);

	assert_int_equal(genl->cmd, FREEZEGUARD_CMD_LEASE_DETACH);
	put_lease(0, request->nlmsg_seq, FREEZEGUARD_CMD_LEASE_DETACH, 3,
		  FREEZEGUARD_LEASE_STATE_FROZEN);
	send_msg(fd);
	send_ack(fd, request->nlmsg_seq);
}

static void encodes_a_new_lease(void **state)
{
	struct kernel k = { .scripts = { check_new, check_detach } };
	struct freezeguard_lease lease = { 0 };

	(void)state;
	kernel_start(&k);
	assert_int_equal(freezeguard_lease_new(k.fg, "backup", 60000, 0, two, 2, &lease), 0);
	assert_int_equal(lease.number, 3);
	assert_int_equal(freezeguard_errno(k.fg), 0);
	assert_string_equal(freezeguard_error(k.fg), "");
	/* Only its owner is told what becomes of it, and need not ask. */
	assert_int_equal(k.fg->owned, 3);
	assert_int_equal(freezeguard_lease_detach(k.fg, 3, NULL), 0);
	assert_int_equal(k.fg->owned, 0);
	freezeguard_lease_clear(&lease);
	kernel_stop(&k);
}

static void check_synced(int fd, const struct nlmsghdr *request)
{
	const struct nlattr *attr = (const void *)((const char *)request + NLMSG_HDRLEN + GENL_HDRLEN);
	const char *end = (const char *)request + request->nlmsg_len;
	unsigned int budgets = 0;

	for (; (const char *)attr < end; attr = (const void *)((const char *)attr +
							       NLA_ALIGN(attr->nla_len))) {
		assert_true(attr->nla_len >= NLA_HDRLEN);
		if (attr->nla_type != FREEZEGUARD_A_LEASE_SYNC_BUDGET_MS)
			continue;
		budgets++;
		assert_int_equal(attr->nla_len, NLA_HDRLEN + 4);
		assert_int_equal(*(const uint32_t *)((const char *)attr + NLA_HDRLEN), 5000);
	}
	assert_int_equal(budgets, 1);
	put_lease(0, request->nlmsg_seq, FREEZEGUARD_CMD_LEASE_NEW, 3,
		  FREEZEGUARD_LEASE_STATE_FREEZING);
	send_msg(fd);
	send_ack(fd, request->nlmsg_seq);
}

/* Without one there is no such attribute, as check_new() has it. */
static void encodes_a_sync_budget(void **state)
{
	struct kernel k = { .scripts = { check_synced } };
	struct freezeguard_lease lease = { 0 };

	(void)state;
	kernel_start(&k);
	assert_int_equal(freezeguard_lease_new(k.fg, NULL, 60000, 5000, two, 2, &lease), 0);
	freezeguard_lease_clear(&lease);
	kernel_stop(&k);
}

/* ---- errors ---- */

/* Where the n-th superblock's fd is in the request that check_new() sees. */
static uint32_t offset_of_fd(const struct nlmsghdr *request, int index)
{
	return request->nlmsg_len - (uint32_t)(2 - index) * (NLA_HDRLEN + 16) + NLA_HDRLEN;
}

static void busy_capped(int fd, const struct nlmsghdr *request)
{
	struct nlmsgerr err = { .error = -EBUSY, .msg = *request };

	/* The header still has the whole request's length. */
	msg_begin(&m, NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, request->nlmsg_seq);
	msg_raw(&m, &err, sizeof(err));
	msg_string(&m, NLMSGERR_ATTR_MSG, "a live lease holds it");
	msg_u32(&m, NLMSGERR_ATTR_OFFS, offset_of_fd(request, 1));
	msg_u64(&m, NLMSGERR_ATTR_COOKIE, 42);
	send_msg(fd);
}

/* Without NETLINK_CAP_ACK the request is echoed between the error and the TLVs. */
static void busy_uncapped(int fd, const struct nlmsghdr *request)
{
	struct nlmsgerr err = { .error = -EBUSY, .msg = *request };

	msg_begin(&m, NLMSG_ERROR, NLM_F_ACK_TLVS, request->nlmsg_seq);
	msg_raw(&m, &err, sizeof(err));
	msg_raw(&m, (const char *)request + NLMSG_HDRLEN, request->nlmsg_len - NLMSG_HDRLEN);
	msg_string(&m, NLMSGERR_ATTR_MSG, "a live lease holds it");
	msg_u32(&m, NLMSGERR_ATTR_OFFS, offset_of_fd(request, 1));
	msg_u64(&m, NLMSGERR_ATTR_COOKIE, 42);
	send_msg(fd);
}

static void tells_whose_lease_is_in_the_way(void **state)
{
	struct kernel k = { .scripts = { busy_capped, busy_uncapped } };
	struct freezeguard_lease lease = { 0 };
	int i;

	(void)state;
	kernel_start(&k);
	for (i = 0; i < 2; i++) {
		assert_int_equal(freezeguard_lease_new(k.fg, "backup", 60000, 0, two, 2, &lease),
				 -EBUSY);
		assert_int_equal(freezeguard_errno(k.fg), EBUSY);
		assert_int_equal(freezeguard_error_lease(k.fg), 42);
		assert_int_equal(freezeguard_error_superblock(k.fg), 1);
		assert_string_equal(freezeguard_error_attr(k.fg), "superblock[1].fd");
		assert_string_equal(freezeguard_error_kernel(k.fg), "a live lease holds it");
		assert_non_null(strstr(freezeguard_error(k.fg), "freeze 2 filesystems"));
		assert_non_null(strstr(freezeguard_error(k.fg), "\"backup\""));
		assert_non_null(strstr(freezeguard_error(k.fg), "a live lease holds it"));
		assert_non_null(strstr(freezeguard_error(k.fg), "superblock[1].fd"));
	}
	kernel_stop(&k);
}

static void plain_eperm(int fd, const struct nlmsghdr *request)
{
	msg_error(&m, NLM_F_CAPPED, request->nlmsg_seq, EPERM);
	send_msg(fd);
}

static void missing_timeout(int fd, const struct nlmsghdr *request)
{
	msg_error(&m, NLM_F_CAPPED | NLM_F_ACK_TLVS, request->nlmsg_seq, EINVAL);
	msg_u32(&m, NLMSGERR_ATTR_MISS_TYPE, FREEZEGUARD_A_LEASE_TIMEOUT_MS);
	send_msg(fd);
}

static void errors_without_a_message(void **state)
{
	struct kernel k = { .scripts = { plain_eperm, missing_timeout } };

	(void)state;
	kernel_start(&k);
	assert_int_equal(freezeguard_lease_end(k.fg, 0, "x", NULL), -EPERM);
	assert_non_null(strstr(freezeguard_error(k.fg), "end lease \"x\""));
	assert_non_null(strstr(freezeguard_error(k.fg), "CAP_SYS_ADMIN"));
	assert_int_equal(freezeguard_error_lease(k.fg), 0);
	assert_int_equal(freezeguard_error_superblock(k.fg), -1);
	assert_int_equal(freezeguard_lease_extend(k.fg, 0, "x", 5, NULL), -EINVAL);
	assert_string_equal(freezeguard_error_attr(k.fg), "timeout-ms");
	assert_non_null(strstr(freezeguard_error(k.fg), "missing attribute timeout-ms"));
	kernel_stop(&k);
}

static void empty_ack(int fd, const struct nlmsghdr *request)
{
	send_ack(fd, request->nlmsg_seq);
}

static void cut_error(int fd, const struct nlmsghdr *request)
{
	msg_begin(&m, NLMSG_ERROR, 0, request->nlmsg_seq);
	msg_raw(&m, "abc", 4);
	send_msg(fd);
}

static void positive_error(int fd, const struct nlmsghdr *request)
{
	msg_error(&m, 0, request->nlmsg_seq, -5);
	send_msg(fd);
}

static void bad_lease(int fd, const struct nlmsghdr *request)
{
	msg_genl(&m, 0, request->nlmsg_seq, FREEZEGUARD_CMD_LEASE_GET);
	msg_u32(&m, FREEZEGUARD_A_LEASE_NUMBER, 1);
	send_msg(fd);
	send_ack(fd, request->nlmsg_seq);
}

static void answers_that_make_no_sense(void **state)
{
	struct kernel k = { .scripts = { empty_ack, cut_error, positive_error, bad_lease } };
	struct freezeguard_lease lease = { 0 };
	int i;

	(void)state;
	kernel_start(&k);
	for (i = 0; i < 4; i++) {
		assert_int_equal(freezeguard_lease_get(k.fg, 1, NULL, &lease),
				 i ? -EBADMSG : -ENODATA);
		assert_non_null(strstr(freezeguard_error(k.fg), "look up lease number 1"));
	}
	kernel_stop(&k);
}

static void get_thawing(int fd, const struct nlmsghdr *request)
{
	put_lease(NLM_F_MULTI, request->nlmsg_seq, FREEZEGUARD_CMD_LEASE_GET, 1,
		  FREEZEGUARD_LEASE_STATE_THAWING);
	send_msg(fd);
	send_ack(fd, request->nlmsg_seq);
}

/* The kernel did it, but could not send lease 1, which the acknowledgement names. */
static void ack_without_reply(int fd, const struct nlmsghdr *request)
{
	msg_error(&m, NLM_F_CAPPED | NLM_F_ACK_TLVS, request->nlmsg_seq, 0);
	msg_u64(&m, NLMSGERR_ATTR_COOKIE, 1);
	send_msg(fd);
}

/* By its number: its id may be another lease's by now. */
static void get_thawing_by_number(int fd, const struct nlmsghdr *request)
{
	const struct nlattr *attr = (const void *)((const char *)request + NLMSG_HDRLEN + GENL_HDRLEN);

	assert_int_equal(attr->nla_type, FREEZEGUARD_A_LEASE_NUMBER);
	assert_int_equal(*(const uint64_t *)((const char *)attr + NLA_HDRLEN), 1);
	get_thawing(fd, request);
}

static void get_none(int fd, const struct nlmsghdr *request)
{
	msg_error(&m, NLM_F_CAPPED, request->nlmsg_seq, ENOENT);
	send_msg(fd);
}

static void no_memory(int fd, const struct nlmsghdr *request)
{
	msg_error(&m, NLM_F_CAPPED, request->nlmsg_seq, ENOMEM);
	send_msg(fd);
}

static void check_no_error(struct kernel *k)
{
	assert_int_equal(freezeguard_errno(k->fg), 0);
	assert_string_equal(freezeguard_error(k->fg), "");
	assert_int_equal(freezeguard_error_lease(k->fg), 0);
}

static void an_end_that_is_only_acknowledged(void **state)
{
	struct kernel k = { .scripts = {
		ack_without_reply, ack_without_reply, get_thawing_by_number, ack_without_reply, get_none } };
	struct freezeguard_lease lease = { 0 };

	(void)state;
	kernel_start(&k);
	assert_int_equal(freezeguard_lease_end(k.fg, 1, NULL, NULL), 0);
	check_no_error(&k);
	assert_int_equal(freezeguard_lease_end(k.fg, 0, "x", &lease), 0);
	check_no_error(&k);
	assert_int_equal(lease.number, 1);
	assert_int_equal(lease.state, FREEZEGUARD_LEASE_STATE_THAWING);
	/* It has ended, though nothing more is known. */
	assert_int_equal(freezeguard_lease_end(k.fg, 0, "x", &lease), 0);
	check_no_error(&k);
	assert_int_equal(lease.number, 1);
	assert_int_equal(lease.state, 0);
	kernel_stop(&k);
	assert_int_equal(k.n_requests, 5);
}

static void an_extension_that_is_only_acknowledged(void **state)
{
	struct kernel k = { .scripts = {
		ack_without_reply, get_thawing_by_number, ack_without_reply, get_none,
		ack_without_reply, no_memory } };
	struct freezeguard_lease lease = { 0 };

	(void)state;
	kernel_start(&k);
	assert_int_equal(freezeguard_lease_extend(k.fg, 0, "x", 1000, &lease), 0);
	check_no_error(&k);
	assert_int_equal(lease.state, FREEZEGUARD_LEASE_STATE_THAWING);
	assert_int_equal(freezeguard_lease_extend(k.fg, 0, "x", 1000, &lease), -ENOENT);
	assert_non_null(strstr(freezeguard_error(k.fg), "look up lease number 1"));
	assert_int_equal(freezeguard_lease_extend(k.fg, 0, "x", 1000, &lease), 0);
	check_no_error(&k);
	assert_int_equal(lease.number, 1);
	assert_int_equal(lease.state, 0);
	kernel_stop(&k);
}

static void extack_cut_anywhere(void **state)
{
	struct nlmsghdr request = { .nlmsg_len = NLMSG_HDRLEN };
	struct fg_extack ack;
	size_t cut, full, whole = 0;

	(void)state;
	msg_error(&m, NLM_F_CAPPED | NLM_F_ACK_TLVS, 1, EBUSY);
	msg_string(&m, NLMSGERR_ATTR_MSG, "text");
	msg_u64(&m, NLMSGERR_ATTR_COOKIE, 42);
	full = m.nlh.nlmsg_len;
	for (cut = NLMSG_HDRLEN; cut <= full; cut++) {
		struct nlmsghdr *copy = malloc(cut);
		int r;

		assert_non_null(copy);
		memcpy(copy, &m, cut);
		copy->nlmsg_len = (uint32_t)cut;
		r = fg_extack_parse(copy, &ack);
		assert_int_equal(r, cut < NLMSG_HDRLEN + sizeof(struct nlmsgerr) ? -EBADMSG : 0);
		whole += !r && ack.cookie == 42 && !strcmp(ack.message, "text");
		free(copy);
	}
	assert_int_equal(whole, 1);
	(void)request;
}

static void a_done_message_has_an_error_too(void **state)
{
	struct fg_extack ack;
	int code = -EPERM;

	(void)state;
	msg_begin(&m, NLMSG_DONE, NLM_F_MULTI | NLM_F_ACK_TLVS, 1);
	assert_int_equal(fg_extack_parse(&m.nlh, &ack), 0);
	assert_int_equal(ack.error, 0);
	msg_raw(&m, &code, sizeof(code));
	msg_string(&m, NLMSGERR_ATTR_MSG, "not yours");
	assert_int_equal(fg_extack_parse(&m.nlh, &ack), 0);
	assert_int_equal(ack.error, EPERM);
	assert_string_equal(ack.message, "not yours");
}

/* ---- answers among other things ---- */

/* An old answer, a notification, a stranger's message, then the answer, in parts. */
static void noisy_get(int fd, const struct nlmsghdr *request)
{
	put_lease(0, request->nlmsg_seq - 1, FREEZEGUARD_CMD_LEASE_GET, 66,
		  FREEZEGUARD_LEASE_STATE_FAILED);
	send_msg(fd);
	send_ntf(fd, 1, FREEZEGUARD_LEASE_STATE_FROZEN, 17);
	msg_begin(&m, 0x1234, 0, request->nlmsg_seq + 5);
	send_msg(fd);
	put_lease(NLM_F_MULTI, request->nlmsg_seq, FREEZEGUARD_CMD_LEASE_GET, 1,
		  FREEZEGUARD_LEASE_STATE_FREEZING);
	put_hold(1);
	send_msg(fd);
	put_lease(NLM_F_MULTI, request->nlmsg_seq, FREEZEGUARD_CMD_LEASE_GET, 1,
		  FREEZEGUARD_LEASE_STATE_FROZEN);
	put_hold(2);
	send_msg(fd);
	send_ack(fd, request->nlmsg_seq);
}

static void finds_its_answer_and_keeps_notifications(void **state)
{
	struct kernel k = { .scripts = { noisy_get } };
	struct freezeguard_lease lease = { 0 }, event = { 0 };

	(void)state;
	kernel_start(&k);
	assert_int_equal(freezeguard_lease_get(k.fg, 1, NULL, &lease), 0);
	assert_int_equal(lease.number, 1);
	/* not newer than any hold */
	assert_int_equal(lease.state, FREEZEGUARD_LEASE_STATE_FREEZING);
	assert_int_equal(lease.n_holds, 2);
	assert_int_equal(freezeguard_event_next(k.fg, 0, &event), 1);
	assert_int_equal(event.event_seq, 17);
	freezeguard_lease_clear(&event);
	assert_int_equal(freezeguard_event_next(k.fg, 0, &event), 0);
	freezeguard_lease_clear(&lease);
	kernel_stop(&k);
}

/* ---- dumps ---- */

static void dump_two(int fd, const struct nlmsghdr *request, uint16_t flags)
{
	int done = 0;

	assert_int_equal(request->nlmsg_flags & NLM_F_DUMP, NLM_F_DUMP);
	put_lease(NLM_F_MULTI, request->nlmsg_seq, FREEZEGUARD_CMD_LEASE_GET, 1,
		  FREEZEGUARD_LEASE_STATE_THAWED);
	put_hold(1);
	send_msg(fd);
	put_lease(NLM_F_MULTI | flags, request->nlmsg_seq, FREEZEGUARD_CMD_LEASE_GET, 2,
		  FREEZEGUARD_LEASE_STATE_FROZEN);
	put_hold(2);
	put_hold(3);
	send_msg(fd);
	put_lease(NLM_F_MULTI, request->nlmsg_seq, FREEZEGUARD_CMD_LEASE_GET, 2,
		  FREEZEGUARD_LEASE_STATE_FROZEN);
	put_hold(4);
	send_msg(fd);
	msg_begin(&m, NLMSG_DONE, NLM_F_MULTI, request->nlmsg_seq);
	msg_raw(&m, &done, sizeof(done));
	send_msg(fd);
}

static void dump_whole(int fd, const struct nlmsghdr *request)
{
	dump_two(fd, request, 0);
}

static void dump_interrupted(int fd, const struct nlmsghdr *request)
{
	dump_two(fd, request, NLM_F_DUMP_INTR);
}

static void check_dump(struct kernel *k, bool interrupted, size_t requests)
{
	struct freezeguard_lease_list list;

	kernel_start(k);
	assert_int_equal(freezeguard_lease_dump(k->fg, &list), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.v[0].n_holds, 1);
	assert_int_equal(list.v[1].n_holds, 3);
	assert_int_equal(list.v[1].holds[2].minor, 4);
	assert_int_equal(list.interrupted, interrupted);
	freezeguard_lease_list_clear(&list);
	kernel_stop(k);
	assert_int_equal(k->n_requests, requests);
}

static void a_dump_merges_the_messages_of_a_lease(void **state)
{
	struct kernel k = { .scripts = { dump_whole } };

	(void)state;
	check_dump(&k, false, 1);
}

static void an_interrupted_dump_is_done_again(void **state)
{
	struct kernel k = { .scripts = { dump_interrupted, dump_interrupted, dump_whole } };

	(void)state;
	check_dump(&k, false, 3);
}

static void a_dump_that_stays_interrupted_says_so(void **state)
{
	struct kernel k = { .scripts = {
		dump_interrupted, dump_interrupted, dump_interrupted, dump_interrupted,
		dump_interrupted, dump_interrupted, dump_interrupted, dump_interrupted } };

	(void)state;
	check_dump(&k, true, 8);
}

/* A part of the lease, and then no more: it left the history. */
static void get_a_part(int fd, const struct nlmsghdr *request)
{
	int done = 0;

	put_lease(NLM_F_MULTI, request->nlmsg_seq, FREEZEGUARD_CMD_LEASE_GET, 1,
		  FREEZEGUARD_LEASE_STATE_THAWED);
	put_hold(1);
	send_msg(fd);
	msg_begin(&m, NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, request->nlmsg_seq);
	msg_raw(&m, &done, sizeof(done));
	send_msg(fd);
}

static void a_lease_that_leaves_in_the_middle(void **state)
{
	struct kernel k = { .scripts = {
		get_a_part, get_thawing, get_a_part, get_none,
		get_a_part, get_a_part, get_a_part, get_a_part,
		get_a_part, get_a_part, get_a_part, get_a_part } };
	struct freezeguard_lease lease = { 0 };

	(void)state;
	kernel_start(&k);
	assert_int_equal(freezeguard_lease_get(k.fg, 1, NULL, &lease), 0);
	assert_int_equal(lease.n_holds, 0);
	assert_int_equal(lease.state, FREEZEGUARD_LEASE_STATE_THAWING);
	assert_int_equal(freezeguard_lease_get(k.fg, 1, NULL, &lease), -ENOENT);
	assert_int_equal(freezeguard_lease_get(k.fg, 0, "x", &lease), -EINTR);
	assert_int_equal(freezeguard_errno(k.fg), EINTR);
	assert_non_null(strstr(freezeguard_error(k.fg), "look up lease \"x\": it left the module's history"));
	kernel_stop(&k);
	assert_int_equal(k.n_requests, 12);
}

/* ---- waiting ---- */

static void get_freezing(int fd, const struct nlmsghdr *request)
{
	put_lease(0, request->nlmsg_seq, FREEZEGUARD_CMD_LEASE_GET, 1,
		  FREEZEGUARD_LEASE_STATE_FREEZING);
	send_msg(fd);
	send_ack(fd, request->nlmsg_seq);
}

static void get_frozen(int fd, const struct nlmsghdr *request)
{
	put_lease(0, request->nlmsg_seq, FREEZEGUARD_CMD_LEASE_GET, 1,
		  FREEZEGUARD_LEASE_STATE_FROZEN);
	send_msg(fd);
	send_ack(fd, request->nlmsg_seq);
}

/* Frozen right after the answer was made, before it was received. */
static void get_freezing_then_ntf(int fd, const struct nlmsghdr *request)
{
	send_ntf(fd, 2, FREEZEGUARD_LEASE_STATE_FAILED, 6);
	send_ntf(fd, 1, FREEZEGUARD_LEASE_STATE_FROZEN, 7);
	get_freezing(fd, request);
}

static bool is_frozen(const struct freezeguard_lease *lease, void *arg)
{
	(*(int *)arg)++;
	return lease->state == FREEZEGUARD_LEASE_STATE_FROZEN;
}

/* What is quick is so at least once on a machine that has other things to do. */
enum { TRIES = 5 };

/* How long a change of lease 1 takes that the request after the @n-th sees, to which the answer is @last. */
static uint64_t wait_for_change(uint64_t owned, size_t n, script_fn last)
{
	struct kernel k = { 0 };
	uint64_t begin = freezeguard_now_ns(), took;
	struct freezeguard_lease lease = { 0 };
	int asked = 0;
	size_t i;

	for (i = 0; i < n - 1; i++)
		k.scripts[i] = get_freezing;
	k.scripts[n - 1] = last;
	k.scripts[n] = get_frozen;
	kernel_start(&k);
	k.fg->owned = owned;
	assert_int_equal(freezeguard_lease_wait(k.fg, 1, is_frozen, &asked,
						begin + 5000 * FG_NS_PER_MS, &lease), 0);
	took = freezeguard_now_ns() - begin;
	assert_int_equal(lease.state, FREEZEGUARD_LEASE_STATE_FROZEN);
	assert_int_equal(asked, n + 1);
	kernel_stop(&k);
	return took;
}

static uint64_t fastest_change(uint64_t owned, size_t n, script_fn last)
{
	uint64_t took, fastest = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		took = wait_for_change(owned, n, last);
		fastest = took < fastest ? took : fastest;
	}
	return fastest;
}

/* Its owner does not ask meanwhile, and is told at once. */
static void waiting_is_woken_by_a_notification(void **state)
{
	(void)state;
	assert_true(wait_for_change(1, 1, get_freezing) >= FG_SILENCE_LAST_NS);
	assert_in_range(fastest_change(1, 1, get_freezing_then_ntf), 0, FG_SILENCE_LAST_NS - 1);
}

/* Who ends somebody else's lease, as freezectl thaw does, hears nothing, and is not to wait for long. */
static void waiting_asks_again_soon(void **state)
{
	(void)state;
	assert_in_range(fastest_change(2, 1, get_freezing), FG_SILENCE_FIRST_NS, 50 * FG_NS_PER_MS);
	/* The pauses: 1, 2, 4, 8, 16, 32, 64, 128 ms */
	assert_true(wait_for_change(2, 8, get_freezing) >= 255 * FG_NS_PER_MS);
}

static uint64_t wait_until_deadline(void)
{
	struct kernel k = { 0 };
	uint64_t begin = freezeguard_now_ns(), took;
	struct freezeguard_lease lease = { 0 };
	int asked = 0;
	size_t i;

	for (i = 0; i < SCRIPTS; i++)
		k.scripts[i] = get_freezing;
	kernel_start(&k);
	assert_int_equal(freezeguard_lease_wait(k.fg, 1, is_frozen, &asked,
						begin + 100 * FG_NS_PER_MS, &lease), -ETIMEDOUT);
	took = freezeguard_now_ns() - begin;
	assert_int_equal(lease.state, FREEZEGUARD_LEASE_STATE_FREEZING);
	assert_non_null(strstr(freezeguard_error(k.fg), "still freezing"));
	kernel_stop(&k);
	assert_true(took >= 100 * FG_NS_PER_MS);
	return took;
}

static void waiting_ends_by_its_deadline(void **state)
{
	uint64_t took = UINT64_MAX;

	(void)state;
	for (int i = 0; i < TRIES && took > 400 * FG_NS_PER_MS; i++)
		took = wait_until_deadline();
	assert_in_range(took, 0, 400 * FG_NS_PER_MS);
}

/* ---- events ---- */

static void gaps_in_the_sequence_are_told(void **state)
{
	struct kernel k = { 0 };
	struct freezeguard_lease event = { 0 };
	static const int expected[] = { 1, 1, -ENOBUFS, 1, 1, 0 };
	size_t i;

	(void)state;
	kernel_start(&k);
	k.fg->events = true;
	send_ntf(k.fd, 1, FREEZEGUARD_LEASE_STATE_FROZEN, 0xfffffffe);
	send_ntf(k.fd, 1, FREEZEGUARD_LEASE_STATE_THAWING, 0xffffffff);
	for (i = 0; i < 2; i++)
		assert_int_equal(freezeguard_event_next(k.fg, 0, &event), expected[i]);
	send_ntf(k.fd, 2, FREEZEGUARD_LEASE_STATE_FROZEN, 1);
	send_ntf(k.fd, 2, FREEZEGUARD_LEASE_STATE_THAWING, 2);
	for (; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(freezeguard_event_next(k.fg, 0, &event), expected[i]);
	kernel_stop(&k);
}

/* Its owner sees only a part of all numbers. */
static void gaps_are_normal_for_an_owner(void **state)
{
	struct kernel k = { 0 };
	struct freezeguard_lease event = { 0 };

	(void)state;
	kernel_start(&k);
	send_ntf(k.fd, 1, FREEZEGUARD_LEASE_STATE_FROZEN, 5);
	send_ntf(k.fd, 1, FREEZEGUARD_LEASE_STATE_THAWING, 50);
	assert_int_equal(freezeguard_event_next(k.fg, 100, &event), 1);
	assert_int_equal(freezeguard_event_next(k.fg, 100, &event), 1);
	assert_int_equal(freezeguard_event_next(k.fg, 10, &event), 0);
	kernel_stop(&k);
}

static void flood(int fd, const struct nlmsghdr *request)
{
	uint32_t i;

	for (i = 0; i < FG_PENDING_MAX + 3; i++)
		send_ntf(fd, i + 1, FREEZEGUARD_LEASE_STATE_FROZEN, i);
	get_frozen(fd, request);
}

static void too_many_while_waiting_count_as_lost(void **state)
{
	struct kernel k = { .scripts = { flood } };
	struct freezeguard_lease lease = { 0 }, event = { 0 };
	uint64_t i;

	(void)state;
	kernel_start(&k);
	assert_int_equal(freezeguard_lease_get(k.fg, 1, NULL, &lease), 0);
	assert_int_equal(freezeguard_event_next(k.fg, 0, &event), -ENOBUFS);
	for (i = 0; i < FG_PENDING_MAX; i++) {
		assert_int_equal(freezeguard_event_next(k.fg, 0, &event), 1);
		assert_int_equal(event.number, i + 1);
	}
	assert_int_equal(freezeguard_event_next(k.fg, 0, &event), 0);
	kernel_stop(&k);
}

static void too_many_superblocks_for_a_message(void **state)
{
	struct kernel k = { 0 };
	struct freezeguard_superblock *many = calloc(4000, sizeof(*many));
	struct freezeguard_lease lease = { 0 };

	(void)state;
	assert_non_null(many);
	kernel_start(&k);
	assert_int_equal(freezeguard_lease_new(k.fg, NULL, 1000, 0, many, 4000, &lease), -E2BIG);
	assert_non_null(strstr(freezeguard_error(k.fg), "4000 filesystems"));
	kernel_stop(&k);
	free(many);
}

static void a_handle_that_is_not_connected(void **state)
{
	struct freezeguard *fg = fg_handle_new();
	struct freezeguard_lease_list list;
	struct freezeguard_lease lease = { 0 };
	struct freezeguard_fs fs;

	(void)state;
	assert_int_equal(freezeguard_lease_get(fg, 1, NULL, &lease), -ENOTCONN);
	assert_int_equal(freezeguard_lease_new(fg, "x", 1, 0, two, 2, &lease), -ENOTCONN);
	assert_int_equal(freezeguard_lease_dump(fg, &list), -ENOTCONN);
	assert_int_equal(freezeguard_fs_get(fg, 0, &fs), -ENOTCONN);
	freezeguard_close(fg);
	assert_int_equal(freezeguard_errno(NULL), ENOMEM);
	assert_non_null(strstr(freezeguard_error(NULL), "memory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_a_new_lease),
		cmocka_unit_test(encodes_a_sync_budget),
		cmocka_unit_test(tells_whose_lease_is_in_the_way),
		cmocka_unit_test(errors_without_a_message),
		cmocka_unit_test(answers_that_make_no_sense),
		cmocka_unit_test(an_end_that_is_only_acknowledged),
		cmocka_unit_test(an_extension_that_is_only_acknowledged),
		cmocka_unit_test(extack_cut_anywhere),
		cmocka_unit_test(a_done_message_has_an_error_too),
		cmocka_unit_test(finds_its_answer_and_keeps_notifications),
		cmocka_unit_test(a_dump_merges_the_messages_of_a_lease),
		cmocka_unit_test(an_interrupted_dump_is_done_again),
		cmocka_unit_test(a_dump_that_stays_interrupted_says_so),
		cmocka_unit_test(a_lease_that_leaves_in_the_middle),
		cmocka_unit_test(waiting_is_woken_by_a_notification),
		cmocka_unit_test(waiting_asks_again_soon),
		cmocka_unit_test(waiting_ends_by_its_deadline),
		cmocka_unit_test(gaps_in_the_sequence_are_told),
		cmocka_unit_test(gaps_are_normal_for_an_owner),
		cmocka_unit_test(too_many_while_waiting_count_as_lost),
		cmocka_unit_test(too_many_superblocks_for_a_message),
		cmocka_unit_test(a_handle_that_is_not_connected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
