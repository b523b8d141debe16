// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that can't be had. With /proc/self/fail-nth the first, then the second, then the third
 * allocation of a request fails, and so on until a request goes through without a failure: so
 * every error path that follows a failed allocation is taken once. failslab does the same by chance
 * to the threads that a lease begins with. For kernels with fault injection.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kt.h"

#define FAILSLAB	"/sys/kernel/debug/failslab"
#define FAIL_PAGES	"/sys/kernel/debug/fail_page_alloc"
/* Allocations that a request can make; when that many failed, something is wrong. */
#define MANY	400

static int fail_nth = -1;

/* The next @nth'th allocation of this thread fails; 0: none does. */
static void fail_allocation(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	CHECK(pwrite(fail_nth, text, len, 0) == len);
}

/* Switches it off; true if a failure was injected since fail_allocation(). */
static bool was_injected(void)
{
	char text[16] = "";

	CHECK(pread(fail_nth, text, sizeof(text) - 1, 0) > 0);
	fail_allocation(0);
	return !atoi(text);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		FAIL("%s: %s", path, strerror(errno));
	close(fd);
}

static bool is_set(const char *path)
{
	FILE *f = fopen(path, "re");
	bool one = f && fgetc(f) == '1';

	if (f)
		fclose(f);
	return one;
}

static void set(const char *faults, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", faults, file);
	write_file(path, text);
}

static void need_faults(void)
{
	if (access(FAILSLAB, F_OK))
		kt_skip("this kernel has no fault injection");
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		kt_skip("this kernel has no fail-nth");
	/* Those that may wait for memory fail too; what a test that was killed left is over. */
	set(FAILSLAB, "probability", "0");
	set(FAILSLAB, "cache-filter", "N");
	set(FAILSLAB, "ignore-gfp-wait", "N");
	set(FAILSLAB, "verbose", "0");
	set(FAIL_PAGES, "ignore-gfp-wait", "N");
	set(FAIL_PAGES, "verbose", "0");
}

static void each_live(const struct fg_lease *lease, void *arg)
{
	unsigned int *live = arg;

	*live += lease->state < FREEZEGUARD_LEASE_STATE_THAWED;
}

/* The lease once it is FROZEN or over. */
static struct fg_lease *await_decision(struct fgnl *nl, uint64_t number)
{
	static struct fg_lease lease;
	unsigned int i;

	for (i = 0; i < KT_SOON_MS / 10; i++) {
		EQUAL(fg_get(nl, number, &lease), 0);
		if (lease.state == FREEZEGUARD_LEASE_STATE_FROZEN ||
		    lease.state >= FREEZEGUARD_LEASE_STATE_THAWED)
			break;
		kt_sleep_ms(10);
	}
	return &lease;
}

static void expect_no_lease(struct fgnl *nl)
{
	unsigned int i, live = 1;

	for (i = 0; i < KT_SOON_MS / 10 && live; i++) {
		live = 0;
		CHECK(fg_dump(nl, each_live, &live) >= 0);
		if (live)
			kt_sleep_ms(10);
	}
	EQUAL(live, 0);
}

/*
 * What a request may fail with for want of memory. ENOBUFS: the message got lost on its way to or
 * from the kernel.
 */
static void expect_no_memory(const char *what, unsigned int nth, int err)
{
	if (err != -ENOMEM && err != -ENOBUFS)
		FAIL("%s, allocation %u failed: answered %s, which says nothing of memory", what,
		     nth, err ? strerror(-err) : "with success");
}

/*
 * Does @call until no allocation of it fails; @after each one that had to do without one, whether
 * it was refused or not, and with the socket closed: it may have got more than it knows of.
 */
#define EACH_ALLOCATION(nl, call, after) \
	do { \
		unsigned int nth_; \
		bool injected_ = true; \
		int err_; \
		for (nth_ = 1; injected_; nth_++) { \
			CHECK(nth_ < MANY); \
			fail_allocation(nth_); \
			err_ = (call); \
			injected_ = was_injected(); \
			if (err_ && !injected_) \
				FAIL("%s: %s (%s) without a failed allocation", #call, \
				     strerror(-err_), (nl)->extack); \
			if (err_) \
				expect_no_memory(#call, nth_, err_); \
			if (injected_) { \
				fgnl_close(nl); \
				after; \
				kt_open(nl); \
			} \
		} \
		kt_note("%s: %u allocations", #call, nth_ - 2); \
		CHECK(nth_ > 2); \
	} while (0)

#define FILESYSTEMS	3

/* A lease, or none: never half of one, and never one that nobody knows of. */
TEST_WITHIN(lease_new, 120)
{
	struct fgnl nl, watcher;
	struct fg_lease lease;
	int fds[FILESYSTEMS];
	unsigned int i;

	need_faults();
	kt_mounts("fs", fds, FILESYSTEMS);
	kt_open(&watcher);
	kt_open(&nl);
	EACH_ALLOCATION(&nl, fg_new(&nl, "faults", 60000, fds, FILESYSTEMS, &lease), {
		expect_no_lease(&watcher);
		for (i = 0; i < FILESYSTEMS; i++)
			EQUAL(kt_fs_state(&watcher, fds[i]), FREEZEGUARD_FS_STATE_UNFROZEN);
		EQUAL(kt_state("fs0", "freeze_calls"), kt_state("fs0", "thaw_calls"));
	});
	kt_await(&nl, lease.number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	kt_end(&nl, lease.number);
}

static void each_hold(const struct fg_lease *lease, void *arg)
{
	(void)lease;
	++*(unsigned int *)arg;
}

/* What only asks, and what changes something, on a lease that stays as it is when they fail. */
TEST_WITHIN(a_frozen_lease, 120)
{
	struct fg_lease lease;
	struct fgnl nl, owner;
	int fds[FILESYSTEMS];
	unsigned int parts;
	uint64_t number;
	struct fg_fs fs;

	need_faults();
	kt_mounts("fs", fds, FILESYSTEMS);
	kt_open(&owner);
	number = kt_frozen(&owner, "faults", 100000, fds, FILESYSTEMS)->number;
	kt_open(&nl);
	EACH_ALLOCATION(&nl, fg_get(&nl, number, &lease), );
	EQUAL(lease.state, FREEZEGUARD_LEASE_STATE_FROZEN);
	EQUAL(lease.n_hold, FILESYSTEMS);
	EACH_ALLOCATION(&nl, fg_fs(&nl, fds[0], &fs), );
	EQUAL(fs.lease_number, number);
	EACH_ALLOCATION(&nl, (parts = 0, fg_dump(&nl, each_hold, &parts) < 0 ? -nl.error : 0), );
	CHECK(parts);
	EACH_ALLOCATION(&nl, fg_extend(&nl, number, 110000, &lease), );
	EACH_ALLOCATION(&nl, fg_detach(&nl, number, &lease), );
	CHECK(!lease.bound);
	EQUAL(kt_fs_state(&nl, fds[0]), FREEZEGUARD_FS_STATE_COMPLETE);
	kt_end(&nl, number);
}

/*
 * The module's part of an end needs no memory: only the socket and genetlink may refuse it, before the
 * module sees it. So it has happened where just the reply could not be had.
 */
TEST_WITHIN(lease_end, 120)
{
	struct fgnl nl, watcher;
	unsigned int nth, without_reply = 0;
	bool injected = true;
	int fds[1], err;

	need_faults();
	kt_mounts("fs", fds, 1);
	kt_open(&watcher);
	for (nth = 1; injected; nth++) {
		struct fg_lease lease = { 0 }, *seen;
		uint64_t number;

		CHECK(nth < MANY);
		kt_open(&nl);
		number = kt_frozen(&nl, NULL, 60000, fds, 1)->number;
		fail_allocation(nth);
		err = fg_end(&nl, number, &lease);
		injected = was_injected();
		if (!err && !lease.number) {
			without_reply++;
			EQUAL(nl.cookie, number);	/* so the lease can be looked up */
		}
		if (err) {
			CHECK(injected);
			expect_no_memory("end", nth, err);
			CHECK(!fg_get(&watcher, number, &lease));
			if (lease.state == FREEZEGUARD_LEASE_STATE_FROZEN)	/* not asked yet */
				EQUAL(fg_end(&watcher, number, NULL), 0);
		}
		seen = kt_await(&watcher, number, FREEZEGUARD_LEASE_STATE_THAWED, KT_SOON_MS);
		EQUAL(seen->cause, FREEZEGUARD_CAUSE_REQUEST);
		EQUAL(kt_fs_state(&watcher, fds[0]), FREEZEGUARD_FS_STATE_UNFROZEN);
		fgnl_close(&nl);
	}
	kt_note("end: %u allocations, %u times without a reply", nth - 2, without_reply);
	CHECK(nth > 2 && without_reply);
}

/* The answer about many filesystems comes in parts, none of which needs many pages in a row. */
TEST_WITHIN(a_big_lease_without_big_pages, 120)
{
	enum { N = 200 };
	static struct fg_lease lease;
	struct fgnl nl;
	int fds[N], err;
	uint64_t number;

	need_faults();
	kt_mounts("fs", fds, N);
	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 100000, fds, N)->number;
	set(FAIL_PAGES, "min-order", "4");
	set(FAIL_PAGES, "times", "-1");
	set(FAIL_PAGES, "probability", "100");
	err = fg_get(&nl, number, &lease);
	set(FAIL_PAGES, "probability", "0");
	set(FAIL_PAGES, "min-order", "1");
	EQUAL(err, 0);
	EQUAL(lease.n_hold, N);
	kt_end(&nl, number);
}

enum { GROUPS = 40 };

/*
 * By chance, and to everybody: the threads that freeze are created by a worker and by kthreadd, and
 * notifications are made in the threads. Some leases fail, some don't; none stays, nothing stays
 * frozen, and whatever notifications say or don't, lease-get knows.
 */
TEST_WITHIN(threads_and_notifications, 240)
{
	static const char *const caches[] = { "task_struct", "skbuff_head_cache" };
	unsigned int frozen = 0, failed = 0, refused = 0, gaps = 0, round, i;
	uint32_t last_seq = 0;
	struct fgnl nl, watcher;
	struct fg_event event;
	int all[GROUPS * FILESYSTEMS], *fds;
	char path[64];

	need_faults();
	kt_mounts("fs", all, GROUPS * FILESYSTEMS);
	kt_open(&watcher);
	EQUAL(fgnl_subscribe(&watcher), 0);
	for (i = 0; i < sizeof(caches) / sizeof(caches[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/failslab", caches[i]);
		if (!is_set(path))
			kt_skip("booted without slub_debug=A for task_struct and skbuff_head_cache");
	}
	set(FAILSLAB, "cache-filter", "Y");
	set(FAILSLAB, "times", "-1");
	for (round = 0; round < 400 && (frozen < 10 || failed < 10 || !gaps); round++) {
		struct fg_lease lease, *seen;

		/* others each time, as the threads of the last ones are parked */
		fds = &all[round % GROUPS * FILESYSTEMS];
		kt_open(&nl);
		set(FAILSLAB, "probability", "25");
		i = fg_new(&nl, NULL, 60000, fds, FILESYSTEMS, &lease);
		kt_sleep_ms(20);
		set(FAILSLAB, "probability", "0");
		if (i) {
			refused++;
			fgnl_close(&nl);
		} else {
			seen = await_decision(&watcher, lease.number);
			if (seen->state == FREEZEGUARD_LEASE_STATE_FAILED) {
				failed++;
				EQUAL(seen->cause, FREEZEGUARD_CAUSE_HOLD_FAILED);
				EQUAL(seen->error, ENOMEM);
			} else {
				frozen++;
				EQUAL(seen->state, FREEZEGUARD_LEASE_STATE_FROZEN);
				set(FAILSLAB, "probability", "25");
				fgnl_close(&nl);	/* its end by its owner's death */
				kt_sleep_ms(20);
				set(FAILSLAB, "probability", "0");
			}
		}
		expect_no_lease(&watcher);
		for (i = 0; i < FILESYSTEMS; i++)
			EQUAL(kt_fs_state(&watcher, fds[i]), FREEZEGUARD_FS_STATE_UNFROZEN);
		while (fg_event(&watcher, &event, 0) != -ETIMEDOUT) {
			gaps += last_seq && event.seq != last_seq + 1;
			last_seq = event.seq;
		}
		fgnl_close(&nl);
	}
	kt_note("%u rounds: %u leases frozen, %u failed, %u refused, %u gaps in the notifications",
		round, frozen, failed, refused, gaps);
	CHECK(frozen >= 10);
	CHECK(failed >= 10);
	CHECK(gaps);
}
