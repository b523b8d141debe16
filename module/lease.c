// SPDX-License-Identifier: GPL-2.0-only
/*
 * lease: the object and every decision about it. lease.h draws the states and explains the threads.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "expedite.h"
#include "lease_internal.h"
#include "thread.h"
#include "trace.h"

const struct fg_lease_events *fg_lease_events;
struct workqueue_struct *fg_lease_workers;

/**
 * fg_lease_init() - prepare for leases
 * @events: callbacks for what happens to them
 *
 * Context: sleeps.
 * Return: 0 or -ENOMEM.
 */
int fg_lease_init(const struct fg_lease_events *events)
{
	int err;

	fg_lease_events = events;
	fg_lease_workers = alloc_workqueue("freezeguard",
					   WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	if (!fg_lease_workers)
		return -ENOMEM;
	err = fg_rescuer_start();
	if (err)
		destroy_workqueue(fg_lease_workers);
	return err;
}

/**
 * fg_lease_exit() - wait for the workers and threads to finish; no lease may be live
 *
 * Context: sleeps.
 */
void fg_lease_exit(void)
{
	destroy_workqueue(fg_lease_workers);
	fg_rescuer_stop();
	fg_thread_exit();
}

/**
 * fg_process_current() - record the calling process, for reports
 * @process: receives the process
 *
 * Context: any but interrupts; does not sleep, on PREEMPT_RT either.
 */
void fg_process_current(struct fg_process *process)
{
	process->pid = task_tgid_nr(current);
	/* Without the lock of the name, which sleeps on PREEMPT_RT: a name always ends. */
	strscpy(process->comm, current->group_leader->comm, sizeof(process->comm));
}

/**
 * fg_lease_expedite_locked() - expedite RCU grace periods while the lease freezes
 * @lease: the lease; nothing happens if it has ended
 *
 * Context: any, with lease->lock held.
 */
void fg_lease_expedite_locked(struct fg_lease *lease)
{
	lockdep_assert_held(&lease->lock);
	if (fg_lease_has_ended(lease))
		return;
	fg_expedite_begin();
	lease->expedites = true;
}

static void fg_lease_unexpedite_locked(struct fg_lease *lease)
{
	lockdep_assert_held(&lease->lock);
	if (lease->expedites)
		fg_expedite_end();
	lease->expedites = false;
}

/**
 * fg_lease_end_locked() - decide the end of a lease; no other function does
 * @lease: the lease
 * @cause: what ends it
 * @err: negative errno of a hold that failed, or 0
 *
 * Context: any, with lease->lock held; fg_lease_unlock() does what follows.
 * Return: true if the end was decided here; false if the lease had ended before.
 */
bool fg_lease_end_locked(struct fg_lease *lease, enum freezeguard_cause cause, int err)
{
	lockdep_assert_held(&lease->lock);
	if (fg_lease_has_ended(lease))
		return false;
	fg_lease_unexpedite_locked(lease);
	WRITE_ONCE(lease->info.state,
		   lease->info.state == FREEZEGUARD_LEASE_STATE_FROZEN ?
		   FREEZEGUARD_LEASE_STATE_THAWING : FREEZEGUARD_LEASE_STATE_ROLLING_BACK);
	lease->info.cause = cause;
	lease->info.error = -err;
	lease->info.ended_ns = ktime_get_boottime_ns();
	lease->ending_now = true;
	trace_lease_state(lease);
	return true;
}

/*
 * Announces THAWING or ROLLING_BACK. The interrupt of the deadline decides them, but cannot
 * announce.
 */
static void fg_lease_announce_end(struct work_struct *work)
{
	struct fg_lease *lease = container_of(work, struct fg_lease, ending);

	fg_lease_events->happened(lease, FG_LEASE_ENDING, NULL);
	/* No process may be left that could say it. A console can be slow, so this comes last. */
	if (lease->info.cause == FREEZEGUARD_CAUSE_DEADLINE)
		pr_notice_ratelimited("lease %s (number %lu) has reached its deadline and ends\n",
				      lease->id, lease->number);
	fg_lease_put(lease);
}

/* Wake the threads that thaw. The lock is released in between: others may need it meanwhile. */
static void fg_lease_wake_thawers(struct fg_lease *lease)
{
	bool rescue = false;
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < lease->nr_holds; i++) {
		raw_spin_lock_irqsave(&lease->lock, flags);
		if (lease->holds[i].thread)
			wake_up_process(lease->holds[i].thread);
		rescue |= lease->holds[i].class == FREEZEGUARD_CLASS_FIFO;
		raw_spin_unlock_irqrestore(&lease->lock, flags);
	}
	if (rescue)
		fg_lease_rescue(lease);
}

/**
 * fg_lease_unlock() - release lease->lock
 * @lease: the lease
 * @flags: from fg_lease_lock()
 *
 * If the end of the lease was decided meanwhile, this wakes the threads that thaw, and has the end
 * announced.
 *
 * Context: any, hard interrupts included.
 */
void fg_lease_unlock(struct fg_lease *lease, unsigned long flags) __releases(&lease->lock)
{
	bool ending = lease->ending_now;

	lease->ending_now = false;
	raw_spin_unlock_irqrestore(&lease->lock, flags);
	if (!ending)
		return;
	fg_lease_wake_thawers(lease);
	fg_lease_get(lease);
	queue_work(fg_lease_workers, &lease->ending);
}

/**
 * fg_lease_end() - end a lease, unless it has ended before
 * @lease: the lease
 * @cause: what ends it; a request is recorded as the calling process's
 *
 * Context: any, hard interrupts included. The holds' threads thaw, after this has returned.
 * Return: 0; -EALREADY the lease is ending or has ended.
 */
int fg_lease_end(struct fg_lease *lease, enum freezeguard_cause cause)
{
	struct fg_process ender = { 0 };
	unsigned long flags;
	bool won;

	if (cause == FREEZEGUARD_CAUSE_REQUEST)
		fg_process_current(&ender);	/* in an interrupt it would be somebody else */
	flags = fg_lease_lock(lease);
	won = fg_lease_end_locked(lease, cause, 0);
	if (won)
		lease->info.ender = ender;
	fg_lease_unlock(lease, flags);
	return won ? 0 : -EALREADY;
}

/**
 * fg_lease_end_orphaned() - end a lease if the socket that it is bound to has been closed
 * @lease: the lease
 *
 * Context: any.
 */
void fg_lease_end_orphaned(struct fg_lease *lease)
{
	unsigned long flags = fg_lease_lock(lease);

	if (lease->owner.sk && sock_flag(lease->owner.sk, SOCK_DEAD))
		fg_lease_end_locked(lease, FREEZEGUARD_CAUSE_OWNER_DEATH, 0);
	fg_lease_unlock(lease, flags);
}

/**
 * fg_lease_foreign_thaw() - the calling process has thawed a superblock that a lease holds
 * @hold: the hold; its superblock is unfrozen and stays so until this returns
 *
 * The lease has lost what it had frozen, and ends. There is one doubt: before the hold's thread
 * has recorded its freeze, the thaw may have undone that freeze or an earlier one of another
 * process. The superblock may be frozen by the lease then. So the thread thaws it, and the lease
 * fails.
 *
 * Context: any but interrupts.
 */
void fg_lease_foreign_thaw(struct fg_hold *hold)
{
	struct fg_lease *lease = hold->lease;
	struct fg_process culprit;
	unsigned long flags;

	fg_process_current(&culprit);
	flags = fg_lease_lock(lease);
	switch (hold->state) {
	case FREEZEGUARD_HOLD_STATE_FREEZING:
		hold->maybe_foreign = true;
		break;
	case FREEZEGUARD_HOLD_STATE_FROZEN:
	case FREEZEGUARD_HOLD_STATE_THAWING:
		WRITE_ONCE(hold->lost, true);
		if (fg_lease_end_locked(lease, FREEZEGUARD_CAUSE_FOREIGN_THAW, 0)) {
			lease->info.ender = culprit;
			hold->continuity = FREEZEGUARD_CONTINUITY_BROKEN;
		}
		break;
	default:
		break;
	}
	fg_lease_unlock(lease, flags);
}

static enum hrtimer_restart fg_lease_deadline(struct hrtimer *timer)
{
	struct fg_lease *lease = container_of(timer, struct fg_lease, timer);
	unsigned long flags = fg_lease_lock(lease);

	/*
	 * If the timer is queued again, the lease was extended while this handler waited for the
	 * lock. The timer knows that for sure; the clock does not: a handler that ignores its
	 * deadline must have another one to come.
	 */
	if (!hrtimer_is_queued(timer) && !fg_lease_has_ended(lease)) {
		trace_lease_deadline(lease);
		fg_lease_end_locked(lease, FREEZEGUARD_CAUSE_DEADLINE, 0);
	}
	fg_lease_unlock(lease, flags);
	return HRTIMER_NORESTART;
}

/**
 * fg_lease_extend() - move a lease's deadline
 * @lease: the lease
 * @timeout_ns: the new deadline, counted from now
 * @longest_ns: the latest deadline that is allowed, counted from the lease's beginning
 *
 * Context: process context.
 * Return: 0; -EALREADY the lease is ending or has ended; -ERANGE the deadline would be later than
 * @longest_ns allows.
 */
int fg_lease_extend(struct fg_lease *lease, u64 timeout_ns, u64 longest_ns)
{
	u64 deadline_ns = ktime_get_boottime_ns() + timeout_ns;
	unsigned long flags;
	int err = 0;

	flags = fg_lease_lock(lease);
	if (fg_lease_has_ended(lease)) {
		err = -EALREADY;
	} else if (deadline_ns > lease->info.begin_ns + longest_ns) {
		err = -ERANGE;
	} else {
		lease->info.deadline_ns = deadline_ns;
		hrtimer_start(&lease->timer, ns_to_ktime(deadline_ns), HRTIMER_MODE_ABS_HARD);
	}
	fg_lease_unlock(lease, flags);
	if (!err) {
		fg_lease_notice_deadline(lease);
		fg_lease_events->happened(lease, FG_LEASE_CHANGED, NULL);
	}
	return err;
}

/**
 * fg_lease_detach() - let a lease outlive the socket that made it
 * @lease: the lease
 *
 * Context: process context.
 * Return: 0, also if the lease was detached before; -EALREADY the lease is ending or has ended;
 * -EAGAIN the lease is not FROZEN yet.
 */
int fg_lease_detach(struct fg_lease *lease)
{
	unsigned long flags = fg_lease_lock(lease);
	struct sock *sk = NULL;
	int err = 0;

	if (fg_lease_has_ended(lease)) {
		err = -EALREADY;
	} else if (lease->info.state != FREEZEGUARD_LEASE_STATE_FROZEN) {
		err = -EAGAIN;
	} else {
		swap(sk, lease->owner.sk);
		lease->info.bound = false;
	}
	fg_lease_unlock(lease, flags);
	if (sk) {
		fg_lease_events->happened(lease, FG_LEASE_CHANGED, NULL);
		sock_put(sk);
	}
	return err;
}

/**
 * fg_lease_open_level_locked() - let the holds of the next level freeze
 * @lease: the lease
 * @level: opens this level or, if no hold has it, the next higher one
 *
 * Context: any, with lease->lock held or before others can find the lease.
 * Return: false if no hold has that level or a higher one.
 */
bool fg_lease_open_level_locked(struct fg_lease *lease, unsigned int level)
{
	const struct fg_hold *hold = lease->holds, *end = hold + lease->nr_holds;

	while (hold < end && hold->level < level)
		hold++;
	if (hold == end)
		return false;
	level = hold->level;
	for (lease->nr_to_freeze = 0; hold < end && hold->level == level; hold++)
		lease->nr_to_freeze++;
	WRITE_ONCE(lease->level, level);
	return true;
}

/**
 * fg_lease_frozen_locked() - the last superblock of a lease is frozen
 * @lease: a lease in FREEZING
 * @frozen_ns: when the superblock was frozen
 *
 * Context: any, with lease->lock held.
 */
void fg_lease_frozen_locked(struct fg_lease *lease, u64 frozen_ns)
{
	lockdep_assert_held(&lease->lock);
	WRITE_ONCE(lease->info.state, FREEZEGUARD_LEASE_STATE_FROZEN);
	fg_lease_unexpedite_locked(lease);
	lease->info.frozen_ns = frozen_ns;
	trace_lease_state(lease);
}

static enum freezeguard_continuity fg_lease_worst_continuity(struct fg_lease *lease)
{
	static const enum freezeguard_continuity from_worst[] = {
		FREEZEGUARD_CONTINUITY_BROKEN, FREEZEGUARD_CONTINUITY_UNKNOWN,
		FREEZEGUARD_CONTINUITY_OBSERVED,
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(from_worst); i++)
		for (j = 0; j < lease->nr_holds; j++)
			if (lease->holds[j].continuity == from_worst[i])
				return from_worst[i];
	return FREEZEGUARD_CONTINUITY_GUARANTEED;
}

static enum freezeguard_lease_state fg_lease_last_state(const struct fg_lease_info *info)
{
	if (info->state == FREEZEGUARD_LEASE_STATE_ROLLING_BACK)
		return FREEZEGUARD_LEASE_STATE_FAILED;
	switch (info->cause) {
	case FREEZEGUARD_CAUSE_REQUEST:
		return info->continuity == FREEZEGUARD_CONTINUITY_BROKEN ?
		       FREEZEGUARD_LEASE_STATE_BROKEN : FREEZEGUARD_LEASE_STATE_THAWED;
	case FREEZEGUARD_CAUSE_DEADLINE:
		return FREEZEGUARD_LEASE_STATE_EXPIRED;
	case FREEZEGUARD_CAUSE_FOREIGN_THAW:
		return FREEZEGUARD_LEASE_STATE_BROKEN;
	default:
		return FREEZEGUARD_LEASE_STATE_ABORTED;
	}
}

/**
 * fg_lease_finish() - the last hold of a lease is released
 * @lease: the lease; it gets its last state
 *
 * Context: process context, no locks held; does not wait for memory.
 */
void fg_lease_finish(struct fg_lease *lease)
{
	unsigned long flags;
	struct sock *sk = NULL;

	hrtimer_cancel(&lease->timer);
	flags = fg_lease_lock(lease);
	if (lease->info.state == FREEZEGUARD_LEASE_STATE_THAWING)
		lease->info.continuity = fg_lease_worst_continuity(lease);
	WRITE_ONCE(lease->info.state, fg_lease_last_state(&lease->info));
	lease->info.released_ns = ktime_get_boottime_ns();
	trace_lease_state(lease);
	fg_lease_unlock(lease, flags);

	fg_lease_events->retired(lease);
	fg_lease_events->happened(lease, FG_LEASE_CHANGED, NULL);

	flags = fg_lease_lock(lease);
	swap(sk, lease->owner.sk);
	fg_lease_unlock(lease, flags);
	if (sk)
		sock_put(sk);
}

/**
 * fg_lease_start() - begin a lease: from here on it ends by its deadline
 * @lease: a registered lease
 *
 * Context: process context; does not wait, because threads do the freezing. The caller has a
 * reference to the module.
 */
void fg_lease_start(struct fg_lease *lease)
{
	unsigned long flags;

	/* Others can find the lease: one may be extending it, or may have ended it. */
	flags = fg_lease_lock(lease);
	hrtimer_start(&lease->timer, ns_to_ktime(lease->info.deadline_ns), HRTIMER_MODE_ABS_HARD);
	fg_lease_unlock(lease, flags);
	fg_lease_events->happened(lease, FG_LEASE_CHANGED, NULL);
	fg_lease_start_threads(lease);
}

static int fg_lease_cmp_level(const void *a, const void *b)
{
	const struct fg_hold *first = a, *second = b;

	return first->level < second->level ? -1 : first->level > second->level;
}

/**
 * fg_lease_prepare() - complete a lease, so that it can be registered and started
 * @lease: a lease that nobody can find yet, with all its holds
 * @timeout_ns: the deadline, counted from now
 *
 * Context: any.
 */
void fg_lease_prepare(struct fg_lease *lease, u64 timeout_ns)
{
	sort(lease->holds, lease->nr_holds, sizeof(lease->holds[0]), fg_lease_cmp_level, NULL);
	fg_lease_open_level_locked(lease, 0);
	lease->info.nr_live = lease->nr_holds;
	lease->nr_to_write_back = lease->sync_budget_ns ? lease->nr_holds : 0;
	lease->info.begin_ns = ktime_get_boottime_ns();
	lease->info.deadline_ns = lease->info.begin_ns + timeout_ns;
}

/**
 * fg_lease_alloc() - allocate a lease
 * @max_holds: number of holds to allocate
 *
 * The caller sets id, owner, info.maker and sync_budget_ns. It adds holds with fg_hold_init() and
 * counts them in nr_holds. Then it calls fg_lease_prepare().
 *
 * Context: sleeps.
 * Return: the lease with one reference, or NULL.
 */
struct fg_lease *fg_lease_alloc(unsigned int max_holds)
{
	struct fg_lease *lease = kvzalloc(struct_size(lease, holds, max_holds), GFP_KERNEL);

	if (!lease)
		return NULL;
	kref_init(&lease->ref);
	INIT_HLIST_NODE(&lease->by_id);
	INIT_LIST_HEAD(&lease->list);
	init_waitqueue_head(&lease->wait);
	raw_spin_lock_init(&lease->lock);
	rt_mutex_init(&lease->notices);
	INIT_WORK(&lease->ending, fg_lease_announce_end);
	fg_hrtimer_init(&lease->timer, fg_lease_deadline);
	lease->info.state = FREEZEGUARD_LEASE_STATE_FREEZING;
	lease->info.bound = true;
	return lease;
}

/**
 * fg_lease_get() - take a reference
 * @lease: the lease
 *
 * Context: any.
 */
void fg_lease_get(struct fg_lease *lease)
{
	kref_get(&lease->ref);
}

static void fg_lease_free(struct kref *ref)
{
	struct fg_lease *lease = container_of(ref, struct fg_lease, ref);
	unsigned int i;

	for (i = 0; i < lease->nr_holds; i++) {
		if (lease->holds[i].mnt)	/* never started */
			fg_hold_put_super(&lease->holds[i]);
		fg_hold_destroy(&lease->holds[i]);
	}
	if (lease->owner.sk)
		sock_put(lease->owner.sk);
	kvfree(lease);
}

/**
 * fg_lease_put() - drop a reference
 * @lease: the lease; freed with its last reference
 *
 * Context: may sleep.
 */
void fg_lease_put(struct fg_lease *lease)
{
	kref_put(&lease->ref, fg_lease_free);
}

/**
 * fg_lease_is_live() - may the lease still hold a superblock?
 * @lease: the lease
 *
 * Context: any.
 * Return: true until the lease reaches its last state.
 */
bool fg_lease_is_live(struct fg_lease *lease)
{
	return READ_ONCE(lease->info.state) < FREEZEGUARD_LEASE_STATE_THAWED;
}
