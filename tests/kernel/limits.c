// SPDX-License-Identifier: GPL-2.0-only
/* Many filesystems, many leases, and the module's own end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kt.h"

/* KT_LEASES: how many leases one after another */
#define LEASES		1000

static int mount_many(const char *prefix, int **fds, unsigned int n)
{
	*fds = calloc(n, sizeof(**fds));
	CHECK(*fds);
	return kt_mounts(prefix, *fds, n);
}

TEST_WITHIN(many_filesystems_in_one_lease, 60)
{
	enum { N = 256 };
	uint64_t begun_ns, frozen_ns;
	struct fg_lease *lease;
	struct fgnl nl;
	unsigned int i;
	int *fds;

	mount_many("m", &fds, N);
	kt_open(&nl);
	begun_ns = kt_now_ns();
	lease = kt_frozen(&nl, NULL, 60000, fds, N);
	frozen_ns = kt_now_ns();
	EQUAL(lease->holds, N);
	EQUAL(lease->holds_live, N);
	/* one answer has them all */
	EQUAL(lease->n_hold, N);
	for (i = 0; i < N; i++)
		EQUAL(lease->hold[i].state, FREEZEGUARD_HOLD_STATE_FROZEN);
	EQUAL(kt_fs_state(&nl, fds[0]), FREEZEGUARD_FS_STATE_COMPLETE);
	EQUAL(kt_fs_state(&nl, fds[N - 1]), FREEZEGUARD_FS_STATE_COMPLETE);
	lease = kt_end(&nl, lease->number);
	kt_note("%u filesystems: frozen in %.1f ms, thawed in %.1f ms", N,
		(frozen_ns - begun_ns) / 1e6, (lease->released_ns - lease->ended_ns) / 1e6);
	for (i = 0; i < N; i++)
		EQUAL(kt_fs_state(&nl, fds[i]), FREEZEGUARD_FS_STATE_UNFROZEN);
}

struct seen {
	uint64_t number;
	unsigned int parts, holds, repeated;
	unsigned char name[512];
};

static void note_holds(const struct fg_lease *part, void *arg)
{
	struct seen *seen = arg;
	unsigned int i;

	if (part->number != seen->number)
		return;
	seen->parts++;
	EQUAL(part->holds, 512);
	for (i = 0; i < part->n_hold; i++) {
		unsigned int n = strtoul(part->hold[i].name + 1, NULL, 10);

		CHECK(n < 512);
		seen->repeated += seen->name[n]++;
		seen->holds++;
	}
}

TEST_WITHIN(the_most_filesystems_in_a_dump, 60)
{
	static struct seen seen;
	struct fgnl nl;
	int *fds;

	mount_many("m", &fds, 512);
	kt_open(&nl);
	/* A kernel that checks itself takes seconds to make a thousand threads. */
	seen.number = kt_new(&nl, NULL, 60000, fds, 512);
	kt_await(&nl, seen.number, FREEZEGUARD_LEASE_STATE_FROZEN, 5 * KT_SOON_MS);
	CHECK(fg_dump(&nl, note_holds, &seen) > 0);
	EQUAL(seen.holds, 512);
	EQUAL(seen.repeated, 0);
	CHECK(seen.parts > 1);
	kt_end(&nl, seen.number);
}

struct count {
	unsigned int live;
	uint64_t last;
};

static void count_live(const struct fg_lease *lease, void *arg)
{
	struct count *count = arg;

	if (lease->number == count->last)
		return;		/* more holds of the same, which isn't one of ours */
	if (lease->number < count->last)
		FAIL("lease %llu after lease %llu", (unsigned long long)lease->number,
		     (unsigned long long)count->last);
	count->last = lease->number;
	count->live += lease->state == FREEZEGUARD_LEASE_STATE_FROZEN;
}

TEST_WITHIN(many_live_leases, 90)
{
	enum { N = 1000 };
	struct count count = { 0 };
	uint64_t first = 0, last = 0, begun_ns = 0, closed_ns;
	struct fgnl nl, other;
	unsigned int i;
	int *fds;

	mount_many("m", &fds, N);
	kt_open(&nl);
	kt_open(&other);
	begun_ns = kt_now_ns();
	for (i = 0; i < N; i++) {
		last = kt_new(&nl, NULL, 600000, &fds[i], 1);
		first = first ?: last;
	}
	for (i = 0; i < N; i++)
		kt_await(&other, first + i, FREEZEGUARD_LEASE_STATE_FROZEN, 10000);
	EQUAL(last - first, N - 1);
	kt_note("%u leases live after %.1f ms", N, (kt_now_ns() - begun_ns) / 1e6);
	CHECK(fg_dump(&other, count_live, &count) >= N);
	EQUAL(count.live, N);
	closed_ns = kt_now_ns();
	fgnl_close(&nl);
	/* all of them within the second */
	for (i = 0; i < N; i++) {
		struct fg_lease lease;

		if (fg_get(&other, first + i, &lease) == 0 &&
		    lease.state < FREEZEGUARD_LEASE_STATE_THAWED) {
			kt_sleep_ms(2);
			CHECK(kt_now_ns() - closed_ns < 5000 * MS);
			i--;
		}
	}
	kt_note("none %.1f ms after their socket was closed", (kt_now_ns() - closed_ns) / 1e6);
}

TEST(too_many_live_leases)
{
	uint64_t number;
	struct fgnl nl;
	int fds[3];

	kt_mounts("a", fds, 3);
	kt_open(&nl);
	kt_set_parameter("max_leases", 2);
	number = kt_frozen(&nl, NULL, 10000, &fds[0], 1)->number;
	kt_frozen(&nl, NULL, 10000, &fds[1], 1);
	REFUSED(&nl, fg_new(&nl, NULL, 10000, &fds[2], 1, NULL), EUSERS);
	kt_end(&nl, number);
	kt_frozen(&nl, NULL, 10000, &fds[2], 1);
}

enum { CACHES = 400 };

/* How many objects of each kind the kernel has. */
struct slabs {
	unsigned int n;
	char name[CACHES][48];
	long active[CACHES];
};

static void count_slabs(struct slabs *slabs)
{
	FILE *f = fopen("/proc/slabinfo", "re");
	char line[512];

	if (!f)
		FAIL("no /proc/slabinfo");
	kt_sleep_ms(300);	/* what RCU still frees */
	slabs->n = 0;
	while (fgets(line, sizeof(line), f) && slabs->n < CACHES)
		if (line[0] != '#' && sscanf(line, "%47s %ld", slabs->name[slabs->n],
					     &slabs->active[slabs->n]) == 2)
			slabs->n++;
	fclose(f);
}

/* What KASAN keeps back of the freed ones, it frees then. */
static void shrink_slab(const char *name)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", name);
	f = fopen(path, "we");
	if (!f)
		return;
	fputs("1", f);
	fclose(f);
}

/*
 * The first kind of which there are @most more objects; -1 if there is none. Stacks of threads that
 * ended are unmapped lazily, many at once.
 */
static int find_more(const struct slabs *before, const struct slabs *after, long most, long *had)
{
	unsigned int i, j;

	for (i = 0; i < after->n; i++) {
		if (!strcmp(after->name[i], "vmap_area"))
			continue;
		for (j = 0; j < before->n && strcmp(before->name[j], after->name[i]); j++)
			;
		if (j == before->n || after->active[i] - before->active[j] < most)
			continue;
		*had = before->active[j];
		return (int)i;
	}
	return -1;
}

/* Fails if there are @most more objects of any kind than @before. */
static void compare_slabs(const struct slabs *before, struct slabs *after, long most)
{
	unsigned int kinds;
	long had;
	int i;

	count_slabs(after);
	for (kinds = 0; (i = find_more(before, after, most, &had)) >= 0; kinds++) {
		long has = after->active[i];
		char name[48];

		strcpy(name, after->name[i]);
		shrink_slab(name);
		count_slabs(after);
		i = find_more(before, after, most, &had);
		if (kinds > 20 || (i >= 0 && !strcmp(after->name[i], name)))
			FAIL("%s: from %ld to %ld objects, %ld after it was shrunk", name, had, has,
			     after->active[i]);
	}
}

static int compare_ns(const void *a, const void *b)
{
	const uint64_t *first = a, *second = b;

	return *first < *second ? -1 : *first > *second;
}

/* The median of @n times, which are sorted. */
static double median_ms(uint64_t *times, unsigned int n)
{
	qsort(times, n, sizeof(*times), compare_ns);
	return times[n / 2] / 1e6;
}

TEST_WITHIN(one_after_another_leaks_nothing, 400)
{
	unsigned int i, leases = kt_setting("KT_LEASES", LEASES);
	static struct slabs before, after;
	uint64_t begun_ns = 0, *times;
	struct fg_lease reply;
	double first, last;
	struct fgnl nl;
	int fd;

	CHECK(leases >= 100);
	times = calloc(leases, sizeof(*times));
	CHECK(times);
	fd = kt_mount("a", NULL);
	kt_open(&nl);
	kt_set_parameter("history", 16);
	/* the first tenth fills the history and the allocator's own caches */
	for (i = 0; i < leases + leases / 10; i++) {
		uint64_t lease_ns;

		if (i == leases / 10) {
			count_slabs(&before);
			begun_ns = kt_now_ns();
		}
		lease_ns = kt_now_ns();
		while (fg_new(&nl, "again", 10000, &fd, 1, &reply))
			if (nl.error != EBUSY && nl.error != EEXIST)
				FAIL("lease %u: %s", i, strerror(nl.error));
		/* some end before they are frozen */
		if (i % 3)
			kt_await(&nl, reply.number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
		fg_end(&nl, reply.number, NULL);
		if (i >= leases / 10)
			times[i - leases / 10] = kt_now_ns() - lease_ns;
	}
	begun_ns = kt_now_ns() - begun_ns;
	kt_await_fs_state(&nl, fd, FREEZEGUARD_FS_STATE_UNFROZEN);
	first = median_ms(times, leases / 10);
	last = median_ms(times + leases - leases / 10, leases / 10);
	kt_note("%u leases in %.1f s; median of the first tenth %.2f ms, of the last %.2f ms",
		leases, begun_ns / 1e9, first, last);
	/* not one object for every third of them */
	compare_slabs(&before, &after, leases / 3);
	/* and no slower; a lease takes a few ms, and ten times that if the machine gets busy meanwhile */
	CHECK(last < 2 * first + 50);
}

static int delete_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

TEST(rmmod_while_a_lease_lives)
{
	struct fg_lease *lease;
	struct fgnl nl;
	uint64_t number;
	int fds[2];

	kt_mounts("a", fds, 2);
	kt_open(&nl);
	number = kt_frozen(&nl, NULL, 60000, fds, 2)->number;
	EQUAL(delete_module("freezeguard"), -EAGAIN);
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, 0);
	/* ending, but one is stuck */
	kt_tell("a1", "thaw", "hang");
	EQUAL(fg_end(&nl, number, NULL), 0);
	kt_await_state("a1", "thaw_inside", 1);
	EQUAL(delete_module("freezeguard"), -EAGAIN);
	kt_tell("a1", "release", "0");
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_THAWED, KT_SOON_MS);
	EQUAL(lease->holds_live, 0);
	/* while freezing */
	kt_tell("a1", "freeze", "hang");
	number = kt_new(&nl, NULL, 60000, fds, 2);
	kt_await_state("a1", "freeze_inside", 1);
	EQUAL(delete_module("freezeguard"), -EAGAIN);
	kt_tell("a1", "release", "0");
	kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	kt_end(&nl, number);
	/* a filesystem in use is not unloaded either */
	EQUAL(delete_module("fgtestfs"), -EAGAIN);
}

/* Last: with history, open sockets and a subscriber, it goes and comes back empty. */
TEST(rmmod_and_insmod)
{
	struct fgnl nl, watcher, after;
	uint64_t number;
	unsigned int i;
	int fd;

	fd = kt_mount("a", NULL);
	for (i = 0; i < 5; i++) {
		int err, tries = 0;

		kt_open(&nl);
		kt_open(&watcher);
		EQUAL(fgnl_subscribe(&watcher), 0);
		number = kt_frozen(&nl, NULL, 10000, &fd, 1)->number;
		kt_end(&nl, number);
		/* its thread is about to end */
		while ((err = delete_module("freezeguard")) == -EAGAIN && tries++ < 2000)
			kt_sleep_ms(2);
		EQUAL(err, 0);
		CHECK(access("/sys/module/freezeguard", F_OK));
		/* asking for the family loads it */
		kt_open(&after);
		EQUAL(fg_dump(&after, NULL, NULL), 0);
		EQUAL(fg_get(&after, number, NULL), -ENOENT);
		kt_end(&after, kt_frozen(&after, NULL, 10000, &fd, 1)->number);
		fgnl_close(&after);
		fgnl_close(&nl);
		fgnl_close(&watcher);
	}
}
