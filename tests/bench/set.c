// SPDX-License-Identifier: GPL-2.0-only
/*
 * A snapshot set: many idle ext4 frozen together and thawed together, by one lease, by freezectl, by
 * a loop over the ioctl, and by fsfreeze for each.
 *
 * "span" is from the first superblock frozen to the last one, "freeze" and "thaw" are all of it as
 * the caller sees it, "threads" is from the request to the first superblock that begins to freeze.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

enum { MANY = 128 };

static int fds[MANY];
static const char *paths[MANY];

static void mount_set(unsigned int n)
{
	char name[16];
	unsigned int i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		fds[i] = kt_mount_image(name, "ext4");
		if (asprintf((char **)&paths[i], "%s", kt_path(name, NULL)) < 0)
			FAIL("out of memory");
	}
}

static void by_lease(struct fgnl *nl, unsigned int n, unsigned int label)
{
	uint64_t wall_ns, first_ns = UINT64_MAX, last_ns = 0, begun_ns = UINT64_MAX;
	struct fg_lease *lease;
	unsigned int i;

	bench_settle();
	lease = bench_lease(nl, fds, n, 60000, &wall_ns);
	EQUAL(lease->n_hold, n);
	for (i = 0; i < n; i++) {
		const struct fg_hold *hold = &lease->hold[i];

		first_ns = hold->frozen_ns < first_ns ? hold->frozen_ns : first_ns;
		last_ns = hold->frozen_ns > last_ns ? hold->frozen_ns : last_ns;
		begun_ns = hold->freeze_begin_ns < begun_ns ? hold->freeze_begin_ns : begun_ns;
	}
	bench_sample_ns(bench_name("set%u.lease.freeze", label), wall_ns);
	bench_sample_ns(bench_name("set%u.lease.span", label), last_ns - first_ns);
	bench_sample_ns(bench_name("set%u.lease.threads", label), begun_ns - lease->begin_ns);
	bench_sample_ns(bench_name("set%u.lease.thaw", label), bench_end(nl, lease->number));
}

/* How late the last superblock of a set is released, after its deadline, on an idle machine. */
static void by_deadline(struct fgnl *nl, unsigned int n, unsigned int label)
{
	uint64_t number = bench_lease(nl, fds, n, 60000, NULL)->number;
	struct fg_lease lease;

	EQUAL(fg_extend(nl, number, 50, NULL), 0);
	bench_await(nl, number, FREEZEGUARD_LEASE_STATE_EXPIRED);
	EQUAL(fg_get(nl, number, &lease), 0);
	bench_sample_ns(bench_name("set%u.lease.late", label),
			lease.released_ns - lease.deadline_ns);
}

static void by_freezectl(unsigned int n, unsigned int label)
{
	static const char *const thaw[] = { FREEZECTL, "thaw", "--id", "set", NULL };
	const char *freeze[MANY + 6] = { FREEZECTL, "freeze", "--id", "set" };
	unsigned int i;

	for (i = 0; i < n; i++)
		freeze[4 + i] = paths[i];
	bench_settle();
	bench_sample_ns(bench_name("set%u.freezectl.freeze", label),
			bench_program(freeze).wall_ns);
	bench_sample_ns(bench_name("set%u.freezectl.thaw", label), bench_program(thaw).wall_ns);
}

static void ioctl_freeze(unsigned int i)
{
	kt_freeze(fds[i]);
}

static void ioctl_thaw(unsigned int i)
{
	bench_ioctl_thaw(fds[i]);
}

static void fsfreeze(const char *option, unsigned int i)
{
	const char *const argv[] = { FSFREEZE, option, paths[i], NULL };

	bench_program(argv);
}

static void fsfreeze_freeze(unsigned int i)
{
	fsfreeze("-f", i);
}

static void fsfreeze_thaw(unsigned int i)
{
	fsfreeze("-u", i);
}

static void one_by_one(const char *way, unsigned int n, unsigned int label,
		       void (*freeze)(unsigned int), void (*thaw)(unsigned int))
{
	uint64_t begin_ns, first_ns = 0, end_ns;
	unsigned int i;

	bench_settle();
	begin_ns = kt_now_ns();
	for (i = 0; i < n; i++) {
		freeze(i);
		if (!i)
			first_ns = kt_now_ns();
	}
	end_ns = kt_now_ns();
	bench_sample_ns(bench_name("set%u.%s.freeze", label, way), end_ns - begin_ns);
	bench_sample_ns(bench_name("set%u.%s.span", label, way), end_ns - first_ns);
	begin_ns = kt_now_ns();
	for (i = 0; i < n; i++)
		thaw(i);
	bench_sample_ns(bench_name("set%u.%s.thaw", label, way), kt_now_ns() - begin_ns);
}

/*
 * The sizes, as the figures call them; how many there are in a quick run; how often all take their turn;
 * how many deadlines pass in each turn.
 */
static const struct {
	unsigned int label, quick, rounds, deadlines;
} sizes[] = { { 1, 1, 10, 4 }, { 64, 3, 5, 40 }, { 128, 4, 5, 4 } };

TEST_WITHIN(snapshot_set, 900)
{
	unsigned int s, i, k;
	struct fgnl nl;

	mount_set(bench_runs(MANY, 4));
	kt_open(&nl);
	for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		unsigned int label = sizes[s].label, n = bench_runs(label, sizes[s].quick);

		for (i = 0; i < bench_runs(sizes[s].rounds, 1); i++) {
			/* what takes long is done once a round */
			for (k = 0; k < bench_runs(6, 1); k++)
				by_lease(&nl, n, label);
			for (k = 0; k < bench_runs(2, 1); k++)
				by_freezectl(n, label);
			one_by_one("ioctl", n, label, ioctl_freeze, ioctl_thaw);
			one_by_one("fsfreeze", n, label, fsfreeze_freeze, fsfreeze_thaw);
			for (k = 0; k < bench_runs(sizes[s].deadlines, 1); k++)
				by_deadline(&nl, n, label);
		}
	}
}
