// SPDX-License-Identifier: GPL-2.0-only
/* lease_report: what others learn of a lease: notices to BPF programs, snapshots. */
#include <linux/build_bug.h>
#include <linux/notifier.h>
#include <linux/string.h>

#include "lease_internal.h"

/* No padding, which would show programs what the memory had before. */
static_assert(sizeof(struct freezeguard_notice) == 128);
static_assert(FREEZEGUARD_NOTICE_ID_LEN >= sizeof_field(struct fg_lease, id));
static_assert(FREEZEGUARD_NOTICE_COMM_LEN >= sizeof_field(struct fg_process, comm));

/*
 * Nobody is on this chain. A program that is attached to a function or a tracepoint of the module
 * keeps the module loaded for as long as the program's link is pinned. So the module calls a
 * function of the kernel that does nothing here and serves only as a place to attach to.
 *
 * The module calls its chain as a robust blocking one, because little else in the kernel does:
 * only the loading of modules and suspends. The function of raw chains runs at every tick, and
 * that of ordinary blocking chains at every munmap() up to 5.16. On an empty chain the function
 * takes no lock; but it may sleep, and its callers may, too.
 */
static BLOCKING_NOTIFIER_HEAD(fg_lease_notices);

/**
 * fg_lease_notice_locked() - report to BPF programs what happens to a hold
 * @hold: the hold
 * @event: what happens
 *
 * Context: process context, with lease->notices held, which keeps the notices of a hold in order.
 */
void fg_lease_notice_locked(const struct fg_hold *hold, enum freezeguard_notice_event event)
{
	struct fg_lease *lease = hold->lease;
	struct freezeguard_notice notice = {
		.size = sizeof(notice),
		.event = event,
		.superblock = (unsigned long)hold->sb,
		.lease = lease->number,
		.deadline_ns = READ_ONCE(lease->info.deadline_ns),
		.maker_pid = lease->info.maker.pid,
		.thaw_pid = hold->thread_pid,
	};

	strscpy(notice.maker_comm, lease->info.maker.comm, sizeof(notice.maker_comm));
	strscpy(notice.id, lease->id, sizeof(notice.id));
	blocking_notifier_call_chain_robust(&fg_lease_notices, FREEZEGUARD_NOTICE, 0, &notice);
}

/**
 * fg_lease_notice_deadline() - report a lease's new deadline to BPF programs
 * @lease: the lease
 *
 * Each hold is reported with the deadline of that very moment. So the last notice always has the
 * last deadline, even if two processes extend the lease at once.
 *
 * Context: sleeps, with a lock of generic netlink that others may need. So what can be waited for
 * has a bound: lease->notices is held for one notice by each thread of the lease, and for as many
 * as there are holds by each process that extends the lease. Nothing is allocated or waited for
 * meanwhile. Its holder runs, as it has the priority of those who wait.
 */
void fg_lease_notice_deadline(struct fg_lease *lease)
{
	unsigned int i;

	rt_mutex_lock(&lease->notices);
	for (i = 0; i < lease->nr_holds; i++) {
		struct fg_hold *hold = &lease->holds[i];

		if (READ_ONCE(hold->freeze_begin_ns) && fg_hold_is_live(hold))
			fg_lease_notice_locked(hold, FREEZEGUARD_NOTICE_DEADLINE);
	}
	rt_mutex_unlock(&lease->notices);
}

/**
 * fg_lease_is_news() - would a notification report anything that none before it has reported?
 * @announced: the state in the lease's last notification, 0 if there was none
 * @what: what happened
 * @state: the lease's state now, which the notification would report
 *
 * A notification reports the lease as it is when the notification is sent. So a late one reports
 * what the next one was meant to report. Each of the states that follow the end is reported once.
 * While a lease is FREEZING or FROZEN, its deadline and owner change too, and every change is
 * reported.
 *
 * Context: any.
 * Return: true if the notification is to be sent.
 */
bool fg_lease_is_news(enum freezeguard_lease_state announced, enum fg_lease_event what,
		      enum freezeguard_lease_state state)
{
	if (what == FG_LEASE_THAW_FAILED || state <= FREEZEGUARD_LEASE_STATE_FROZEN)
		return true;
	/* fg_lease_finish() reports the last state itself. */
	if (what == FG_LEASE_ENDING && state >= FREEZEGUARD_LEASE_STATE_THAWED)
		return false;
	return announced < state;
}

/**
 * fg_lease_snapshot() - copy what can be reported about a lease, all of it of one moment
 * @lease: the lease
 * @info: receives the copy
 *
 * Context: any.
 */
void fg_lease_snapshot(struct fg_lease *lease, struct fg_lease_info *info)
{
	unsigned long flags = fg_lease_lock(lease);

	*info = lease->info;
	fg_lease_unlock(lease, flags);
}

/**
 * fg_lease_snapshot_hold() - copy a hold, all of it of one moment
 * @hold: the hold
 * @copy: receives the copy, whose pointers must not be followed
 *
 * Context: any.
 */
void fg_lease_snapshot_hold(struct fg_hold *hold, struct fg_hold *copy)
{
	unsigned long flags = fg_lease_lock(hold->lease);

	*copy = *hold;
	fg_lease_unlock(hold->lease, flags);
}

/**
 * fg_lease_owner_get() - get the socket that a lease is bound to
 * @lease: the lease
 * @owner: receives a copy of the owner and a reference to its socket. The caller drops the
 *	reference with sock_put(), where it may sleep: the last one ends a dump that the socket had
 *	begun.
 *
 * Context: any.
 * Return: false if the lease is detached or over; @owner is unchanged then.
 */
bool fg_lease_owner_get(struct fg_lease *lease, struct fg_owner *owner)
{
	unsigned long flags = fg_lease_lock(lease);
	bool bound = lease->owner.sk;

	if (bound) {
		*owner = lease->owner;
		sock_hold(owner->sk);
	}
	fg_lease_unlock(lease, flags);
	return bound;
}
