// SPDX-License-Identifier: GPL-2.0-only
/* kt_leases: leases for tests, which fail if a lease does not do as wanted. */
#include "kt.h"

#include <string.h>

/** kt_open() - open a socket, or fail the test */
void kt_open(struct fgnl *nl)
{
	int err = fgnl_open(nl);

	if (err)
		FAIL("the family freezeguard: %s", strerror(-err));
}

/** kt_new() - LEASE_NEW, which must succeed; returns its number */
uint64_t kt_new(struct fgnl *nl, const char *id, uint32_t timeout_ms, const int *fds,
		unsigned int n)
{
	static struct fg_lease lease;
	int err = fg_new(nl, id, timeout_ms, fds, n, &lease);

	if (err)
		FAIL("new lease %s: %s (%s)", id ?: "", strerror(-err), nl->extack);
	CHECK(lease.number);
	return lease.number;
}

/**
 * kt_await() - wait until a lease has a state
 * @nl: to ask through
 * @number: of the lease
 * @state: FREEZEGUARD_LEASE_STATE_
 * @ms: for so long at most
 *
 * Return: the lease, in a static buffer.
 */
struct fg_lease *kt_await(struct fgnl *nl, uint64_t number, uint32_t state, unsigned int ms)
{
	static struct fg_lease lease;
	int err = 0;

	if (!AWAIT((err = fg_get(nl, number, &lease)) || lease.state == state, ms) || err)
		FAIL("lease %llu: %s, state %u cause %u error %u, not state %u after %u ms",
		     (unsigned long long)number, strerror(-err), lease.state, lease.cause,
		     lease.error, state, ms);
	return &lease;
}

/** kt_frozen() - LEASE_NEW, and wait until it is FROZEN; returns the lease as kt_await() */
struct fg_lease *kt_frozen(struct fgnl *nl, const char *id, uint32_t timeout_ms, const int *fds,
			   unsigned int n)
{
	return kt_await(nl, kt_new(nl, id, timeout_ms, fds, n), FREEZEGUARD_LEASE_STATE_FROZEN,
			KT_SOON_MS);
}

/** kt_end() - LEASE_END, and wait until it is THAWED; returns the lease as kt_await() */
struct fg_lease *kt_end(struct fgnl *nl, uint64_t number)
{
	EQUAL(fg_end(nl, number, NULL), 0);
	return kt_await(nl, number, FREEZEGUARD_LEASE_STATE_THAWED, KT_SOON_MS);
}

struct dump {
	unsigned int late_ms, live;
	uint64_t last;		/* number: a lease with many holds comes in several parts */
	void (*each)(const struct fg_lease *part);
};

static void look_at_part(const struct fg_lease *part, void *arg)
{
	uint64_t now = kt_now_ns();
	struct dump *dump = arg;

	if (dump->each)
		dump->each(part);
	if (part->state >= FREEZEGUARD_LEASE_STATE_THAWED || part->number == dump->last)
		return;
	dump->last = part->number;
	dump->live++;
	if (now > part->deadline_ns && now - part->deadline_ns > dump->late_ms * MS)
		FAIL("lease %llu is live %llu ms after its deadline, state %u",
		     (unsigned long long)part->number,
		     (unsigned long long)((now - part->deadline_ns) / MS), part->state);
}

/**
 * kt_live_leases() - count the live leases; a failure if one is long after its deadline
 * @nl: to ask through
 * @late_ms: how long after it may be
 * @each: called with each part of the dump, ended leases included; or NULL
 *
 * Return: how many are live.
 */
unsigned int kt_live_leases(struct fgnl *nl, unsigned int late_ms,
			    void (*each)(const struct fg_lease *part))
{
	struct dump dump = { .late_ms = late_ms, .each = each };
	int n = fg_dump(nl, look_at_part, &dump);

	if (n < 0)
		FAIL("dump: %s", strerror(-n));
	return dump.live;
}

/** kt_hold() - the hold with the name of an fgtestfs */
const struct fg_hold *kt_hold(const struct fg_lease *lease, const char *name)
{
	unsigned int i;

	for (i = 0; i < lease->n_hold; i++)
		if (!strcmp(lease->hold[i].name, name))
			return &lease->hold[i];
	FAIL("lease %s has no hold %s", lease->id, name);
}

/** kt_has_holders() - does this kernel know who holds a freeze (6.6 and later)? */
bool kt_has_holders(struct fgnl *nl, int fd)
{
	struct fg_fs fs;

	EQUAL(fg_fs(nl, fd, &fs), 0);
	return fs.present & 1 << FREEZEGUARD_A_FS_KERNEL_HOLDERS;
}

/** kt_fs_state() - FS_GET, of which only the state is of interest */
uint32_t kt_fs_state(struct fgnl *nl, int fd)
{
	struct fg_fs fs;

	EQUAL(fg_fs(nl, fd, &fs), 0);
	return fs.state;
}

/** kt_await_fs_state() - wait until a superblock has a freeze state */
void kt_await_fs_state(struct fgnl *nl, int fd, uint32_t state)
{
	if (!AWAIT(kt_fs_state(nl, fd) == state, KT_SOON_MS))
		FAIL("freeze state is %u, not %u", kt_fs_state(nl, fd), state);
}
