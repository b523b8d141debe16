// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages that are wrong: each gets an errno and a message, and changes nothing. The dump and the
 * states of the filesystems before and after each are compared.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kt.h"

/* The world in which wrong messages arrive: a live lease on one filesystem, one in history. */
static struct {
	struct fgnl nl;
	uint64_t live, ended;
	int held, free, other;
} world;

static struct fgnl_msg msg;

/* All that can be known, as text. */
struct picture {
	size_t len;
	char text[32768];
};

static void draw(struct picture *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void draw(struct picture *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	p->len += vsnprintf(p->text + p->len, sizeof(p->text) - p->len, format, args);
	va_end(args);
	CHECK(p->len < sizeof(p->text));
}

static void draw_lease(const struct fg_lease *l, void *arg)
{
	struct picture *p = arg;
	unsigned int i;

	draw(p, "%llu %s %u %u %u %d %u %llu %llu %llu %llu %u\n", (unsigned long long)l->number,
	     l->id, l->state, l->cause, l->error, l->bound, l->continuity,
	     (unsigned long long)l->begin_ns, (unsigned long long)l->deadline_ns,
	     (unsigned long long)l->ended_ns, (unsigned long long)l->released_ns, l->holds_live);
	for (i = 0; i < l->n_hold; i++)
		draw(p, " %s %u %u\n", l->hold[i].name, l->hold[i].state, l->hold[i].error);
}

static void take_picture(struct picture *p)
{
	int fds[] = { world.held, world.free, world.other };
	static const char *const names[] = { "held", "free", "other" };
	struct fgnl nl;
	struct fg_fs fs;
	unsigned int i;

	kt_open(&nl);
	memset(p, 0, sizeof(*p));
	CHECK(fg_dump(&nl, draw_lease, p) >= 2);
	for (i = 0; i < 3; i++) {
		EQUAL(fg_fs(&nl, fds[i], &fs), 0);
		draw(p, "%s %u %llu %u %u\n", fs.name, fs.state,
		     (unsigned long long)fs.lease_number, kt_state(names[i], "freeze_calls"),
		     kt_state(names[i], "thaw_calls"));
	}
	fgnl_close(&nl);
}

static struct picture before, after;

static void begin_world(void)
{
	kt_open(&world.nl);
	world.held = kt_mount("held", NULL);
	world.free = kt_mount("free", NULL);
	world.other = kt_mount("other", NULL);
	world.ended = kt_frozen(&world.nl, "history", 10000, &world.free, 1)->number;
	kt_end(&world.nl, world.ended);
	world.live = kt_frozen(&world.nl, "live", 60000, &world.held, 1)->number;
	take_picture(&before);
}

static void end_world(void)
{
	take_picture(&after);
	if (strcmp(before.text, after.text))
		FAIL("something changed:\n%s# to\n%s", before.text, after.text);
	kt_end(&world.nl, world.live);
}

static void begin(uint8_t cmd)
{
	fgnl_begin(&msg, &world.nl, cmd, NLM_F_ACK);
}

/* Send it; it must be refused with @err, with or without a message that says why. */
static void refused_at(int line, int err, bool explained)
{
	int got = fgnl_talk(&world.nl, &msg, NULL, NULL);

	if (got != -err)
		kt_fail(__FILE__, line, "answered with %d, not %d", -got, err);
	if (explained && !world.nl.extack[0])
		kt_fail(__FILE__, line, "no extack message");
}

#define EXPLAINED(err)	refused_at(__LINE__, err, true)
#define REFUSED_ONLY(err) refused_at(__LINE__, err, false)

/* Refused by the policy, of which kernels say EINVAL or ERANGE. */
static void malformed_at(int line)
{
	int got = fgnl_talk(&world.nl, &msg, NULL, NULL);

	if (got != -EINVAL && got != -ERANGE)
		kt_fail(__FILE__, line, "answered with %d, not EINVAL or ERANGE", -got);
	if (!world.nl.extack[0])
		kt_fail(__FILE__, line, "no extack message");
}

#define MALFORMED()	malformed_at(__LINE__)

static void timeout(uint32_t ms)
{
	fgnl_put_u32(&msg, FREEZEGUARD_A_LEASE_TIMEOUT_MS, ms);
}

static void superblock(int fd)
{
	fgnl_put_superblock(&msg, fd, 0);
}

TEST(new_with_attributes_missing)
{
	size_t nest;

	begin_world();
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	EXPLAINED(EINVAL);
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	EXPLAINED(EINVAL);
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	superblock(world.free);
	EXPLAINED(EINVAL);
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	nest = fgnl_nest(&msg, FREEZEGUARD_A_LEASE_SUPERBLOCK);
	fgnl_nest_end(&msg, nest);
	EXPLAINED(EINVAL);
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	superblock(world.free);
	nest = fgnl_nest(&msg, FREEZEGUARD_A_LEASE_SUPERBLOCK);
	fgnl_put_u32(&msg, FREEZEGUARD_A_SUPERBLOCK_LEVEL, 1);
	fgnl_nest_end(&msg, nest);
	EXPLAINED(EINVAL);
	end_world();
}

TEST(attributes_of_the_wrong_length)
{
	size_t len;

	begin_world();
	for (len = 0; len <= 9; len++) {
		if (len != 4) {
			begin(FREEZEGUARD_CMD_LEASE_NEW);
			fgnl_put(&msg, FREEZEGUARD_A_LEASE_TIMEOUT_MS, "\xe8\3\0\0\0\0\0\0\0", len);
			superblock(world.free);
			MALFORMED();
		}
	}
	end_world();
}

TEST(timeouts)
{
	begin_world();
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(0);
	superblock(world.free);
	MALFORMED();
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(kt_parameter("max_timeout_ms") + 1);
	superblock(world.free);
	EXPLAINED(ERANGE);
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(UINT32_MAX);
	superblock(world.free);
	EXPLAINED(ERANGE);
	begin(FREEZEGUARD_CMD_LEASE_EXTEND);
	fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, world.live);
	EXPLAINED(EINVAL);
	begin(FREEZEGUARD_CMD_LEASE_EXTEND);
	fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, world.live);
	timeout(0);
	MALFORMED();
	begin(FREEZEGUARD_CMD_LEASE_EXTEND);
	fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, world.live);
	timeout(UINT32_MAX);
	EXPLAINED(ERANGE);
	end_world();
}

static void new_with_id(const void *id, size_t len)
{
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	fgnl_put(&msg, FREEZEGUARD_A_LEASE_ID, id, len);
	timeout(1000);
	superblock(world.free);
}

TEST(ids)
{
	char id[300];
	unsigned int c;

	begin_world();
	new_with_id("", 1);
	EXPLAINED(EINVAL);
	new_with_id("", 0);
	MALFORMED();
	new_with_id("not terminated", 14);
	MALFORMED();
	memset(id, 'x', sizeof(id));
	id[FREEZEGUARD_ID_MAX + 1] = '\0';
	new_with_id(id, FREEZEGUARD_ID_MAX + 2);
	MALFORMED();
	id[FREEZEGUARD_ID_MAX + 1] = 'x';
	id[sizeof(id) - 1] = '\0';
	new_with_id(id, sizeof(id));
	MALFORMED();
	for (c = 1; c < 256; c++) {
		char one[4] = { 'a', c, 'b', '\0' };

		if (c < 0x80 && (isalnum(c) || strchr("._:@+-", c)))
			continue;
		new_with_id(one, sizeof(one));
		EXPLAINED(EINVAL);
	}
	new_with_id("$(touch${IFS}/tmp/x)", 21);
	EXPLAINED(EINVAL);
	new_with_id("\xc3\xa4", 3);
	EXPLAINED(EINVAL);
	new_with_id("lease-1", 8);
	EXPLAINED(EINVAL);
	end_world();
}

TEST(ids_at_the_limits)
{
	char id[FREEZEGUARD_ID_MAX + 1], reply_id[2] = "";
	struct fg_lease lease;
	struct fgnl nl;
	unsigned int c;
	int fd;

	fd = kt_mount("a", NULL);
	kt_open(&nl);
	memset(id, 'x', sizeof(id));
	id[FREEZEGUARD_ID_MAX] = '\0';
	EQUAL(fg_new(&nl, id, 10000, &fd, 1, &lease), 0);
	CHECK(!strcmp(lease.id, id));
	kt_await(&nl, lease.number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	kt_end(&nl, lease.number);
	for (c = 0; c < 8; c++) {
		reply_id[0] = "Az09:@+-"[c];
		EQUAL(fg_new(&nl, reply_id, 10000, &fd, 1, &lease), 0);
		CHECK(!strcmp(lease.id, reply_id));
		kt_await(&nl, lease.number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
		kt_end(&nl, lease.number);
	}
}

static void new_over(int fd)
{
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	superblock(world.free);
	superblock(fd);
	superblock(world.other);
}

TEST(bad_fds)
{
	int pipes[2], sock, closed;

	begin_world();
	new_over(-1);
	MALFORMED();
	new_over(100000);
	EXPLAINED(EBADF);
	new_over(INT32_MAX);
	EXPLAINED(EBADF);
	closed = dup(world.free);
	close(closed);
	new_over(closed);
	EXPLAINED(EBADF);
	new_over(open(kt_path("free", NULL), O_PATH));
	EXPLAINED(EBADF);
	CHECK(!pipe(pipes));
	new_over(pipes[0]);
	EXPLAINED(EOPNOTSUPP);
	sock = socket(AF_UNIX, SOCK_STREAM, 0);
	new_over(sock);
	EXPLAINED(EOPNOTSUPP);
	new_over(world.nl.fd);
	EXPLAINED(EOPNOTSUPP);
	new_over(kt_fd("/proc/self/status"));
	EXPLAINED(EOPNOTSUPP);
	new_over(kt_fd("/sys"));
	EXPLAINED(EOPNOTSUPP);
	new_over(kt_fd("/run"));
	EXPLAINED(EOPNOTSUPP);
	new_over(kt_fd("/dev/null"));
	EXPLAINED(EOPNOTSUPP);

	begin(FREEZEGUARD_CMD_FS_GET);
	EXPLAINED(EINVAL);
	begin(FREEZEGUARD_CMD_FS_GET);
	fgnl_put_u32(&msg, FREEZEGUARD_A_FS_FD, 100000);
	EXPLAINED(EBADF);
	begin(FREEZEGUARD_CMD_FS_GET);
	fgnl_put_u32(&msg, FREEZEGUARD_A_FS_FD, open(kt_path("free", NULL), O_PATH));
	EXPLAINED(EBADF);
	begin(FREEZEGUARD_CMD_FS_GET);
	fgnl_put_u32(&msg, FREEZEGUARD_A_FS_FD, -1);
	MALFORMED();
	end_world();
}

TEST(wrong_nesting)
{
	size_t nest, inner;
	uint32_t fd = world.free;

	begin_world();
	fd = world.free;
	/* not marked as nested */
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	nest = fgnl_nest(&msg, FREEZEGUARD_A_LEASE_SUPERBLOCK);
	fgnl_put_u32(&msg, FREEZEGUARD_A_SUPERBLOCK_FD, fd);
	fgnl_nest_end(&msg, nest);
	*(uint16_t *)(msg.data + nest + 2) = FREEZEGUARD_A_LEASE_SUPERBLOCK;
	EXPLAINED(EINVAL);
	/* a number where a nest should be */
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	fgnl_put_u32(&msg, FREEZEGUARD_A_LEASE_SUPERBLOCK | NLA_F_NESTED, fd);
	REFUSED_ONLY(EINVAL);
	/* a nest in a nest */
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	nest = fgnl_nest(&msg, FREEZEGUARD_A_LEASE_SUPERBLOCK);
	inner = fgnl_nest(&msg, FREEZEGUARD_A_LEASE_SUPERBLOCK);
	fgnl_put_u32(&msg, FREEZEGUARD_A_SUPERBLOCK_FD, fd);
	fgnl_nest_end(&msg, inner);
	fgnl_nest_end(&msg, nest);
	EXPLAINED(EINVAL);
	/* a nest where a number should be */
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	nest = fgnl_nest(&msg, FREEZEGUARD_A_LEASE_TIMEOUT_MS);
	fgnl_nest_end(&msg, nest);
	superblock(fd);
	MALFORMED();
	/* an attribute that is longer than the message */
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	superblock(fd);
	nest = msg.len;
	superblock(fd);
	*(uint16_t *)(msg.data + nest) = 0x1000;
	REFUSED_ONLY(EINVAL);
	/* trailing bytes */
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	superblock(fd);
	memset(msg.data + msg.len, 0xff, 8);
	msg.len += 3;
	REFUSED_ONLY(EINVAL);
	end_world();
}

TEST(unknown_attributes)
{
	unsigned int type;
	size_t nest;

	begin_world();
	for (type = FREEZEGUARD_A_LEASE_STATE; type < FREEZEGUARD_A_LEASE_MAX + 5; type++) {
		if (type == FREEZEGUARD_A_LEASE_SYNC_BUDGET_MS)
			continue;
		begin(FREEZEGUARD_CMD_LEASE_NEW);
		timeout(1000);
		superblock(world.free);
		fgnl_put_u32(&msg, type, 1);
		EXPLAINED(EINVAL);
	}
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	superblock(world.free);
	fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, 77);
	EXPLAINED(EINVAL);
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	nest = fgnl_nest(&msg, FREEZEGUARD_A_LEASE_SUPERBLOCK);
	fgnl_put_u32(&msg, FREEZEGUARD_A_SUPERBLOCK_FD, world.free);
	fgnl_put_u32(&msg, FREEZEGUARD_A_SUPERBLOCK_MAX + 1, 1);
	fgnl_nest_end(&msg, nest);
	EXPLAINED(EINVAL);
	begin(FREEZEGUARD_CMD_LEASE_END);
	fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, world.live);
	timeout(1000);
	EXPLAINED(EINVAL);
	begin(FREEZEGUARD_CMD_LEASE_GET);
	fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, world.live);
	fgnl_put_u32(&msg, FREEZEGUARD_A_LEASE_STATE, 1);
	EXPLAINED(EINVAL);
	begin(FREEZEGUARD_CMD_FS_GET);
	fgnl_put_u32(&msg, FREEZEGUARD_A_FS_FD, world.free);
	fgnl_put_u32(&msg, FREEZEGUARD_A_FS_STATE, 1);
	EXPLAINED(EINVAL);
	end_world();
}

TEST(numbers_and_levels)
{
	size_t nest, len;

	begin_world();
	for (len = 0; len < 12; len++) {
		if (len == 8)
			continue;
		begin(FREEZEGUARD_CMD_LEASE_END);
		fgnl_put(&msg, FREEZEGUARD_A_LEASE_NUMBER, "\2\0\0\0\0\0\0\0\0\0\0\0", len);
		MALFORMED();
	}
	begin(FREEZEGUARD_CMD_LEASE_END);
	fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, 0);
	EXPLAINED(ENOENT);
	begin(FREEZEGUARD_CMD_LEASE_END);
	fgnl_put_string(&msg, FREEZEGUARD_A_LEASE_ID, "");
	EXPLAINED(ENOENT);
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	fgnl_put_superblock(&msg, world.free, FREEZEGUARD_LEVEL_MAX + 1);
	MALFORMED();
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	nest = fgnl_nest(&msg, FREEZEGUARD_A_LEASE_SUPERBLOCK);
	fgnl_put(&msg, FREEZEGUARD_A_SUPERBLOCK_FD, &world.free, 2);
	fgnl_nest_end(&msg, nest);
	MALFORMED();
	end_world();
}

TEST(too_many_superblocks)
{
	unsigned int i;

	begin_world();
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	for (i = 0; i <= FREEZEGUARD_HOLDS_MAX; i++)
		superblock(world.free);
	EXPLAINED(E2BIG);
	CHECK(strstr(world.nl.extack, "512"));	/* not the parameter, which can be above it */
	kt_set_parameter("max_holds", 1);
	begin(FREEZEGUARD_CMD_LEASE_NEW);
	timeout(1000);
	superblock(world.free);
	superblock(world.other);
	EXPLAINED(E2BIG);
	end_world();
}

TEST(commands)
{
	unsigned int cmd;

	begin_world();
	for (cmd = FREEZEGUARD_CMD_MAX; cmd < 256; cmd += cmd < 12 ? 1 : 61) {
		begin(cmd);
		REFUSED_ONLY(EOPNOTSUPP);
	}
	begin(0);
	REFUSED_ONLY(EOPNOTSUPP);
	/* only LEASE_GET can be dumped */
	for (cmd = 1; cmd <= FREEZEGUARD_CMD_FS_GET; cmd++) {
		if (cmd == FREEZEGUARD_CMD_LEASE_GET)
			continue;
		fgnl_begin(&msg, &world.nl, cmd, NLM_F_DUMP);
		REFUSED_ONLY(EOPNOTSUPP);
	}
	/* no room for the genetlink header */
	begin(FREEZEGUARD_CMD_LEASE_GET);
	msg.len = NLMSG_HDRLEN + 2;
	REFUSED_ONLY(EINVAL);
	end_world();
}

/* The family's version is not checked, as with every generic netlink family. */
TEST(versions)
{
	struct genlmsghdr genl = { .cmd = FREEZEGUARD_CMD_LEASE_GET };
	unsigned int version;

	begin_world();
	for (version = 0; version < 256; version += 85) {
		begin(FREEZEGUARD_CMD_LEASE_GET);
		fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, world.live);
		genl.version = version;
		memcpy(msg.data + NLMSG_HDRLEN, &genl, sizeof(genl));
		EQUAL(fgnl_talk(&world.nl, &msg, NULL, NULL), 0);
	}
	end_world();
}

static void no_hold(uint16_t type, const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	CHECK(type != FREEZEGUARD_A_LEASE_HOLD);
}

static void expect_no_hold(const struct nlmsghdr *h, void *arg)
{
	fgnl_walk((const char *)h + NLMSG_HDRLEN + GENL_HDRLEN,
		  h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, no_hold, arg);
}

/* A dump takes the name of a lease, or nothing. */
TEST(dump_with_attributes)
{
	begin_world();
	fgnl_begin(&msg, &world.nl, FREEZEGUARD_CMD_LEASE_GET, NLM_F_DUMP);
	fgnl_put_u32(&msg, FREEZEGUARD_A_LEASE_MAX + 1, 1);
	REFUSED_ONLY(EINVAL);
	fgnl_begin(&msg, &world.nl, FREEZEGUARD_CMD_LEASE_GET, NLM_F_DUMP);
	fgnl_put_u32(&msg, FREEZEGUARD_A_LEASE_NUMBER, 1);
	MALFORMED();
	fgnl_begin(&msg, &world.nl, FREEZEGUARD_CMD_LEASE_GET, NLM_F_DUMP);
	fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, world.live);
	fgnl_put_string(&msg, FREEZEGUARD_A_LEASE_ID, "both");
	EXPLAINED(EINVAL);
	fgnl_begin(&msg, &world.nl, FREEZEGUARD_CMD_LEASE_GET, NLM_F_DUMP);
	fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, world.live + 1000);
	EXPLAINED(ENOENT);
	fgnl_begin(&msg, &world.nl, FREEZEGUARD_CMD_LEASE_GET, NLM_F_DUMP);
	fgnl_put_string(&msg, FREEZEGUARD_A_LEASE_ID, "");
	EXPLAINED(ENOENT);
	end_world();
}

/* One dump has one lease, the other has that lease and at least one more. */
TEST(dump_of_one_lease)
{
	struct fg_lease lease;

	begin_world();
	CHECK(world.ended != world.live);
	EQUAL(fg_get(&world.nl, world.live, &lease), 0);
	EQUAL(lease.number, world.live);
	EQUAL(lease.n_hold, lease.holds);
	EQUAL(fg_get(&world.nl, world.ended, &lease), 0);
	EQUAL(lease.number, world.ended);
	EQUAL(lease.n_hold, lease.holds);
	CHECK(fg_dump(&world.nl, NULL, NULL) > 1);
	/* without the dump: the same lease, but none of its holds */
	begin(FREEZEGUARD_CMD_LEASE_GET);
	fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, world.live);
	EQUAL(fgnl_talk(&world.nl, &msg, expect_no_hold, NULL), 0);
	end_world();
}

static void count_hold(uint16_t type, const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	*(unsigned int *)arg += (type & NLA_TYPE_MASK) == FREEZEGUARD_A_LEASE_HOLD;
}

/*
 * The next messages of a dump, as many as the kernel has ready; adds to @holds and to @flags. False
 * after the last.
 */
static bool dump_goes_on(const struct fgnl *nl, unsigned int *holds, uint16_t *flags)
{
	static char buffer[8192];
	ssize_t n = recv(nl->fd, buffer, sizeof(buffer), 0);
	const struct nlmsghdr *h;

	CHECK(n > 0);
	for (h = (void *)buffer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		*flags |= h->nlmsg_flags;
		if (h->nlmsg_type == NLMSG_DONE) {
			EQUAL(*(const int *)NLMSG_DATA(h), 0);
			return false;
		}
		EQUAL(h->nlmsg_type, nl->family);
		fgnl_walk((const char *)NLMSG_DATA(h) + GENL_HDRLEN,
			  h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, count_hold, holds);
	}
	return true;
}

static void begin_dump(struct fgnl *nl, uint64_t number)
{
	fgnl_begin(&msg, nl, FREEZEGUARD_CMD_LEASE_GET, NLM_F_DUMP);
	if (number)
		fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, number);
	EQUAL(fgnl_send(nl, &msg), 0);
}

/*
 * The history drops a lease of which the reader has some of the holds. The kernel makes no part of a dump
 * larger than what the socket ever received at once, so a new one reads the dump. @named: the dump is of that
 * lease, else of all.
 */
static void dump_while_the_lease_leaves(bool named)
{
	enum { N = 200 };
	uint64_t number, last;
	unsigned int holds = 0, waited;
	struct fg_lease lease;
	struct fgnl nl, other;
	uint16_t flags = 0;
	int fds[N], fd;

	kt_mounts("m", fds, N);
	fd = kt_mount("last", NULL);
	kt_open(&other);
	nl = other;
	nl.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	CHECK(nl.fd >= 0);
	kt_set_parameter("history", 1);
	number = kt_frozen(&other, NULL, 60000, fds, N)->number;
	kt_end(&other, number);
	last = kt_frozen(&other, NULL, 60000, &fd, 1)->number;

	begin_dump(&nl, number);
	while (dump_goes_on(&nl, &holds, &flags))
		;
	EQUAL(holds, N);
	EQUAL(flags & NLM_F_DUMP_INTR, 0);

	holds = 0;
	begin_dump(&nl, named ? number : 0);
	CHECK(dump_goes_on(&nl, &holds, &flags));
	EQUAL(flags & NLM_F_DUMP_INTR, 0);
	EQUAL(fg_end(&other, last, NULL), 0);
	for (waited = 0; fg_get(&other, number, &lease) != -ENOENT; waited += 10) {
		CHECK(waited < KT_SOON_MS);
		kt_sleep_ms(10);
	}
	while (dump_goes_on(&nl, &holds, &flags))
		;
	CHECK(holds && holds < N);
	CHECK(flags & NLM_F_DUMP_INTR);
	close(nl.fd);
}

TEST_WITHIN(dump_of_a_lease_that_leaves_the_history, 60)
{
	dump_while_the_lease_leaves(true);
}

TEST_WITHIN(dump_of_all_while_one_leaves_the_history, 60)
{
	dump_while_the_lease_leaves(false);
}

static void acknowledged_by_number(int err, uint64_t number)
{
	EQUAL(err, 0);
	CHECK(world.nl.has_cookie);
	EQUAL(world.nl.cookie, number);
}

/* So who gets the acknowledgement alone can look the lease up. */
TEST(acknowledgements_name_the_lease)
{
	begin_world();
	acknowledged_by_number(fg_extend(&world.nl, world.live, 60000, NULL), world.live);
	acknowledged_by_number(fg_detach(&world.nl, world.live, NULL), world.live);
	acknowledged_by_number(fg_which(&world.nl, FREEZEGUARD_CMD_LEASE_END, 0, "live", 0, NULL),
			       world.live);
}

enum { FLOOD_MS = 4000, FLOOD_BATCH = 64 };

/* Sends extensions as fast as the kernel takes them, until it is killed. */
static void flood(struct fgnl *nl, uint64_t number)
{
	for (;;) {
		fgnl_begin(&msg, nl, FREEZEGUARD_CMD_LEASE_EXTEND, NLM_F_ACK);
		fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, number);
		fgnl_put_u32(&msg, FREEZEGUARD_A_LEASE_TIMEOUT_MS, 60000);
		fgnl_send(nl, &msg);
	}
}

/*
 * A socket that is full takes neither the reply nor the acknowledgement, one that is being emptied may
 * take the acknowledgement alone. It must say that the lease was extended, and which one.
 */
TEST_WITHIN(a_reply_for_which_the_socket_has_no_room, 60)
{
	unsigned int alone = 0, whole = 0, overruns = 0, size = 2048;
	uint64_t number, until_ns;
	uint32_t replied = 0;
	struct fgnl nl, owner;
	int fd = kt_mount("a", NULL);
	pid_t pid;

	kt_open(&owner);
	kt_open(&nl);
	number = kt_frozen(&owner, NULL, 60000, &fd, 1)->number;
	EQUAL(fg_detach(&owner, number, NULL), 0);	/* else it would be notified each time */
	EQUAL(setsockopt(nl.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	pid = kt_fork();
	if (!pid)
		flood(&nl, number);
	until_ns = kt_now_ns() + FLOOD_MS * MS;
	while (kt_now_ns() < until_ns && alone < FLOOD_BATCH) {
		static char buffer[8192];
		ssize_t n = recv(nl.fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		const struct nlmsghdr *h;

		overruns += n < 0 && errno == ENOBUFS;
		for (h = (void *)buffer; n > 0 && NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == nl.family) {
				replied = h->nlmsg_seq;
				continue;
			}
			EQUAL(h->nlmsg_type, NLMSG_ERROR);
			EQUAL(((const struct nlmsgerr *)NLMSG_DATA(h))->error, 0);
			alone += h->nlmsg_seq != replied;
			whole += h->nlmsg_seq == replied;
		}
	}
	kill(pid, SIGKILL);
	kt_wait(pid);
	kt_note("%u extensions with a reply, %u acknowledged alone, %u overruns", whole, alone,
		overruns);
	CHECK(whole && overruns);
	kt_end(&owner, number);
	if (!alone)
		kt_skip("no acknowledgement came alone");
}

/* A reader that never reads its dump, or goes away in the middle. */
TEST(dump_that_is_not_read)
{
	unsigned int i;

	begin_world();
	for (i = 0; i < 20; i++) {
		struct fgnl nl;

		kt_open(&nl);
		fgnl_begin(&msg, &nl, FREEZEGUARD_CMD_LEASE_GET, NLM_F_DUMP);
		EQUAL(fgnl_send(&nl, &msg), 0);
		fgnl_close(&nl);
	}
	end_world();
}
