// SPDX-License-Identifier: GPL-2.0-only
/* lease_thread: the thread of each hold, and the workers that create, boost and rescue threads. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/timekeeping.h>

#include "lease_internal.h"
#include "trace.h"

/* The pause after a thaw that failed doubles from the first value to the last, and stays there. */
#define FG_THAW_PAUSE_FIRST_MS	10
#define FG_THAW_PAUSE_LAST_MS	5000

/* How often a hold that finished its write-back early repeats it, until the others are done. */
#define FG_WRITE_BACK_AGAIN_MS	1000

/* How often, and how far apart, starving threads are searched for after the end of a lease. */
#define FG_RESCUE_ROUNDS	10
#define FG_RESCUE_PAUSE_MS	100

static void fg_lease_rescue_thread(struct fg_lease *lease, struct fg_hold *hold)
{
	struct task_struct *task;
	unsigned long flags;

	spin_lock_irqsave(&lease->lock, flags);
	task = hold->thread;
	if (task)
		get_task_struct(task);
	spin_unlock_irqrestore(&lease->lock, flags);
	if (!task)
		return;
	fg_thread_rescue(task);
	put_task_struct(task);
}

/*
 * This worker is an ordinary thread. If it runs, and a hold's thread still has not begun to thaw,
 * real-time tasks may keep that thread from running. They cannot if its class is SCHED_DEADLINE.
 */
static void fg_lease_rescue_threads(struct fg_lease *lease)
{
	enum freezeguard_hold_state before = FREEZEGUARD_HOLD_STATE_THAWING;
	unsigned int round, i;

	for (round = 0; round < FG_RESCUE_ROUNDS; round++) {
		usleep_range(1000, 2000);
		if (!fg_lease_is_live(lease))
			break;
		for (i = 0; i < lease->nr_holds; i++)
			if (READ_ONCE(lease->holds[i].state) < before)
				fg_lease_rescue_thread(lease, &lease->holds[i]);
		/* A thread that has begun to thaw keeps its class for one more round. */
		before = FREEZEGUARD_HOLD_STATE_RELEASED;
		schedule_timeout_idle(msecs_to_jiffies(FG_RESCUE_PAUSE_MS));
	}
}

/*
 * Announces THAWING or ROLLING_BACK. The interrupt of the deadline decides them, but cannot
 * announce.
 */
static void fg_lease_announce_end(struct work_struct *work)
{
	struct fg_lease *lease = container_of(work, struct fg_lease, ending);

	fg_lease_events->happened(lease, FG_LEASE_ENDING, NULL);
	fg_lease_rescue_threads(lease);
	fg_lease_put(lease);
}

/* False if the lease has ended: a freeze now would be thawed at once. */
static bool fg_lease_begin_to_freeze(struct fg_lease *lease, struct fg_hold *hold)
{
	unsigned long flags;
	bool ended;

	spin_lock_irqsave(&lease->lock, flags);
	ended = fg_lease_has_ended(lease);
	if (!ended) {
		WRITE_ONCE(hold->state, FREEZEGUARD_HOLD_STATE_FREEZING);
		hold->freeze_begin_ns = ktime_get_boottime_ns();
		fg_lease_notice_locked(hold, FREEZEGUARD_NOTICE_FREEZING);
	}
	spin_unlock_irqrestore(&lease->lock, flags);
	return !ended;
}

/*
 * A thaw must not wait behind any load, so its thread gets a class that precedes others. A worker
 * sets the class. The thread itself must not: setting a class takes a lock of the cpusets, and the
 * holder of that lock may be waiting for a page fault on the superblock that the thread has
 * frozen.
 */
static void fg_lease_boost_threads(struct work_struct *work)
{
	struct fg_lease *lease = container_of(work, struct fg_lease, boost);
	unsigned int i;

	for (i = 0; i < lease->nr_holds && !fg_lease_has_ended(lease); i++) {
		struct fg_hold *hold = &lease->holds[i];

		if (hold->boosted || READ_ONCE(hold->state) != FREEZEGUARD_HOLD_STATE_FROZEN)
			continue;
		hold->boosted = true;
		fg_thread_boost(hold->thread);
	}
	fg_lease_put(lease);
}

static void fg_lease_queue_boost(struct fg_lease *lease)
{
	fg_lease_get(lease);
	if (!queue_work(fg_lease_workers, &lease->boost))
		fg_lease_put(lease);
}

/* Freeze one superblock, and update the lease. True if the superblock has to be thawed. */
static bool fg_lease_freeze_hold(struct fg_lease *lease, struct fg_hold *hold)
{
	bool ended = false, next_level = false, all_frozen = false, frozen;
	u64 begin_ns, took_ns;
	unsigned long flags;
	int err;

	if (!fg_lease_begin_to_freeze(lease, hold))
		return false;
	begin_ns = ktime_get_boottime_ns();
	err = fg_hold_freeze(hold, &frozen);
	took_ns = ktime_get_boottime_ns() - begin_ns;

	spin_lock_irqsave(&lease->lock, flags);
	if (!err && hold->maybe_foreign)
		err = -ECANCELED;
	trace_hold_frozen(lease->number, hold, err, took_ns);
	if (err) {
		hold->error = -err;
		ended = fg_lease_end_locked(lease, err == -ECANCELED ?
						   FREEZEGUARD_CAUSE_FOREIGN_THAW :
						   FREEZEGUARD_CAUSE_HOLD_FAILED, err);
	} else {
		WRITE_ONCE(hold->state, FREEZEGUARD_HOLD_STATE_FROZEN);
		hold->frozen_ns = ktime_get_boottime_ns();
		if (lease->info.state == FREEZEGUARD_LEASE_STATE_FREEZING &&
		    !--lease->nr_to_freeze) {
			next_level = fg_lease_open_level_locked(lease, hold->level + 1);
			all_frozen = !next_level;
		}
		if (all_frozen)
			fg_lease_frozen_locked(lease, hold->frozen_ns);
	}
	spin_unlock_irqrestore(&lease->lock, flags);

	if (!err)
		fg_lease_queue_boost(lease);
	if (ended)
		fg_lease_end_notify(lease);
	else if (all_frozen)
		fg_lease_events->happened(lease, FG_LEASE_CHANGED, NULL);
	else if (next_level)
		wake_up_all(&lease->wait);
	return frozen;
}

/* Thaw one superblock. A thaw that fails is repeated until one succeeds. */
static void fg_lease_thaw_hold(struct fg_lease *lease, struct fg_hold *hold)
{
	unsigned int pause_ms = FG_THAW_PAUSE_FIRST_MS;
	enum freezeguard_continuity continuity;
	u64 begin_ns, now_ns;
	unsigned long flags;
	int err;

	spin_lock_irqsave(&lease->lock, flags);
	WRITE_ONCE(hold->state, FREEZEGUARD_HOLD_STATE_THAWING);
	spin_unlock_irqrestore(&lease->lock, flags);
	for (;;) {
		begin_ns = ktime_get_boottime_ns();
		err = fg_hold_thaw(hold, &continuity);
		now_ns = ktime_get_boottime_ns();
		spin_lock_irqsave(&lease->lock, flags);
		/* The first attempt decides: what happens after the end breaks nothing. */
		if (!hold->thaw_failures && !hold->lost && !hold->maybe_foreign)
			hold->continuity = continuity;
		if (err) {
			hold->error = -err;
			hold->thaw_failures++;
		}
		trace_hold_thawed(lease->number, hold, err, now_ns - begin_ns,
				  hold->frozen_ns ? now_ns - hold->frozen_ns : 0);
		spin_unlock_irqrestore(&lease->lock, flags);
		if (!err)
			return;
		fg_lease_events->happened(lease, FG_LEASE_THAW_FAILED, hold);
		schedule_timeout_idle(msecs_to_jiffies(pause_ms));
		pause_ms = min_t(unsigned int, 2 * pause_ms, FG_THAW_PAUSE_LAST_MS);
	}
}

/* Give up the superblock, whether or not the lease ever froze it. */
static void fg_lease_release_hold(struct fg_lease *lease, struct fg_hold *hold)
{
	bool still_frozen = hold->frozen_ns && fg_hold_frozen_by_others(hold);
	bool turned_read_only = fg_hold_turned_read_only(hold);
	unsigned long flags;
	bool last;

	fg_hold_put_super(hold);
	spin_lock_irqsave(&lease->lock, flags);
	hold->still_frozen = still_frozen;
	hold->turned_read_only = turned_read_only;
	hold->released_ns = ktime_get_boottime_ns();
	WRITE_ONCE(hold->state, FREEZEGUARD_HOLD_STATE_RELEASED);
	if (hold->freeze_begin_ns)
		fg_lease_notice_locked(hold, FREEZEGUARD_NOTICE_RELEASED);
	last = !--lease->info.nr_live;
	spin_unlock_irqrestore(&lease->lock, flags);
	if (last)
		fg_lease_finish(lease);
}

static bool fg_lease_stops_writing_back(void *data)
{
	struct fg_lease *lease = data;

	return fg_lease_has_ended(lease) ||
	       ktime_get_boottime_ns() >= lease->info.begin_ns + lease->sync_budget_ns;
}

static int fg_lease_write_back_once(struct fg_lease *lease, struct fg_hold *hold)
{
	int err = fg_hold_write_back(hold, fg_lease_stops_writing_back, lease);
	unsigned long flags;
	bool ended;

	if (!err)
		return 0;
	spin_lock_irqsave(&lease->lock, flags);
	hold->error = -err;
	ended = fg_lease_end_locked(lease, FREEZEGUARD_CAUSE_HOLD_FAILED, err);
	spin_unlock_irqrestore(&lease->lock, flags);
	if (ended)
		fg_lease_end_notify(lease);
	return err;
}

static bool fg_lease_writes_back(struct fg_lease *lease)
{
	return READ_ONCE(lease->nr_to_write_back) || READ_ONCE(lease->nr_writing_again);
}

/*
 * Lower @count, one of the two counts. Freezing begins when both are 0; neither rises again then.
 */
static void fg_lease_wrote_back(struct fg_lease *lease, unsigned int *count)
{
	unsigned long flags;
	bool last;

	spin_lock_irqsave(&lease->lock, flags);
	WRITE_ONCE(*count, *count - 1);
	last = !fg_lease_writes_back(lease);
	if (last)
		fg_lease_expedite_locked(lease);
	spin_unlock_irqrestore(&lease->lock, flags);
	if (last)
		wake_up_all(&lease->wait);
}

/* False once every hold has finished its first write-back: freezing begins. */
static bool fg_lease_begin_to_write_again(struct fg_lease *lease)
{
	unsigned long flags;
	bool begins;

	spin_lock_irqsave(&lease->lock, flags);
	begins = lease->nr_to_write_back;
	if (begins)
		WRITE_ONCE(lease->nr_writing_again, lease->nr_writing_again + 1);
	spin_unlock_irqrestore(&lease->lock, flags);
	return begins;
}

/*
 * Data that are written back here need not be written during the freeze, when writers are stopped.
 * All holds write back side by side. Nothing is frozen before all have finished: the first frozen
 * superblock would have to wait for the last. A hold that finishes early repeats its write-back
 * every second until the others are done, because writers continue. An error here ends the lease,
 * as the filesystem may not report the same error to the freeze again.
 */
static void fg_lease_write_back(struct fg_lease *lease, struct fg_hold *hold)
{
	int err = fg_lease_write_back_once(lease, hold);

	fg_lease_wrote_back(lease, &lease->nr_to_write_back);
	while (!err && !fg_lease_stops_writing_back(lease) &&
	       !wait_event_idle_timeout(lease->wait, !READ_ONCE(lease->nr_to_write_back) ||
						     fg_lease_has_ended(lease),
					msecs_to_jiffies(FG_WRITE_BACK_AGAIN_MS)) &&
	       fg_lease_begin_to_write_again(lease)) {
		err = fg_lease_write_back_once(lease, hold);
		fg_lease_wrote_back(lease, &lease->nr_writing_again);
	}
}

static bool fg_lease_may_freeze(struct fg_lease *lease, struct fg_hold *hold)
{
	return !fg_lease_writes_back(lease) && READ_ONCE(lease->level) >= hold->level;
}

static bool fg_lease_wait_for_turn(struct fg_lease *lease, struct fg_hold *hold)
{
	wait_event_idle(lease->wait, fg_lease_may_freeze(lease, hold) || fg_lease_has_ended(lease));
	return !fg_lease_has_ended(lease);
}

/*
 * The history keeps a lease long after its threads have exited. The thread calls this itself, at a
 * time when nothing uses hold->thread any more.
 */
static void fg_lease_forget_thread(struct fg_lease *lease, struct fg_hold *hold)
{
	unsigned long flags;

	spin_lock_irqsave(&lease->lock, flags);
	hold->thread = NULL;
	spin_unlock_irqrestore(&lease->lock, flags);
	put_task_struct(current);
}

static int fg_lease_hold_thread(void *data)
{
	struct fg_hold *hold = data;
	struct fg_lease *lease = hold->lease;

	if (lease->sync_budget_ns)
		fg_lease_write_back(lease, hold);
	if (fg_lease_wait_for_turn(lease, hold) && fg_lease_freeze_hold(lease, hold)) {
		wait_event_idle(lease->wait, fg_lease_has_ended(lease));
		fg_lease_thaw_hold(lease, hold);
	}
	fg_lease_release_hold(lease, hold);
	flush_work(&lease->boost);	/* it must not set the class of a thread that has exited */
	fg_lease_forget_thread(lease, hold);
	fg_lease_put(lease);
	fg_thread_exit();
}

/* The next hold that has no thread yet; NULL if there is none, or if the lease has ended. */
static struct fg_hold *fg_lease_take_hold(struct fg_lease *lease)
{
	struct fg_hold *hold = NULL;
	unsigned long flags;

	spin_lock_irqsave(&lease->lock, flags);
	if (lease->nr_taken < lease->nr_holds && !fg_lease_has_ended(lease))
		hold = &lease->holds[lease->nr_taken++];
	spin_unlock_irqrestore(&lease->lock, flags);
	return hold;
}

static int fg_lease_create_threads(struct fg_lease *lease)
{
	struct task_struct *task;
	struct fg_hold *hold;
	unsigned long flags;

	while ((hold = fg_lease_take_hold(lease))) {
		task = kthread_create(fg_lease_hold_thread, hold, "fguard/%u:%u",
				      MAJOR(hold->dev), MINOR(hold->dev));
		if (IS_ERR(task))
			return PTR_ERR(task);
		spin_lock_irqsave(&lease->lock, flags);
		hold->thread = get_task_struct(task);
		spin_unlock_irqrestore(&lease->lock, flags);
	}
	return 0;
}

/*
 * Every thread exists, or the lease has ended. Once a thread runs, its hold is not used here any
 * more.
 */
static void fg_lease_run_threads(struct fg_lease *lease)
{
	unsigned int i;

	for (i = 0; i < lease->nr_holds; i++) {
		struct fg_hold *hold = &lease->holds[i];
		struct task_struct *task = hold->thread;

		if (task) {
			get_task_struct(task);
			wake_up_process(task);
			put_task_struct(task);
		} else {
			fg_lease_release_hold(lease, hold);
			fg_lease_put(lease);
			module_put(THIS_MODULE);
		}
	}
}

/*
 * All threads are created before the first one runs: if one cannot be created, nothing has been
 * frozen. On a very busy machine the lease may end before all threads exist. No more are created
 * then.
 */
static void fg_lease_creator(struct work_struct *work)
{
	struct fg_lease *lease = container_of(work, struct fg_creator, work)->lease;
	unsigned long flags;
	bool ended, last;
	int err;

	err = fg_lease_create_threads(lease);
	spin_lock_irqsave(&lease->lock, flags);
	ended = err && fg_lease_end_locked(lease, FREEZEGUARD_CAUSE_HOLD_FAILED, err);
	last = !--lease->nr_creators;
	spin_unlock_irqrestore(&lease->lock, flags);
	if (ended)
		fg_lease_end_notify(lease);
	if (last)
		fg_lease_run_threads(lease);
	fg_lease_put(lease);
}

/**
 * fg_lease_start_threads() - create the threads of a lease, and let them run
 * @lease: a lease with all its holds
 *
 * Context: process context; does not wait: workers create the threads. The caller has a reference
 * to the module.
 */
void fg_lease_start_threads(struct fg_lease *lease)
{
	unsigned int i, n = min_t(unsigned int, FG_CREATORS, lease->nr_holds);

	for (i = 0; i < lease->nr_holds; i++) {
		__module_get(THIS_MODULE);
		fg_lease_get(lease);
	}
	lease->nr_creators = n;
	for (i = 0; i < n; i++)
		fg_lease_get(lease);
	for (i = 0; i < n; i++)
		queue_work(fg_lease_workers, &lease->creators[i].work);
}

/**
 * fg_lease_init_threads() - prepare the work that starts, boosts and rescues the threads of a lease
 * @lease: a lease that nobody can find yet
 *
 * Context: any.
 */
void fg_lease_init_threads(struct fg_lease *lease)
{
	unsigned int i;

	for (i = 0; i < FG_CREATORS; i++) {
		INIT_WORK(&lease->creators[i].work, fg_lease_creator);
		lease->creators[i].lease = lease;
	}
	INIT_WORK(&lease->boost, fg_lease_boost_threads);
	INIT_WORK(&lease->ending, fg_lease_announce_end);
}
