// SPDX-License-Identifier: GPL-2.0-only
/* lease_freeze: what comes before the end of a lease: its threads, write-back and the freeze. */
#include <linux/module.h>
#include <linux/timekeeping.h>

#include "lease_internal.h"
#include "thread.h"
#include "trace.h"
#include "writeback.h"

/* How often a hold that finished its write-back early repeats it, until the others are done. */
#define FG_WRITE_BACK_AGAIN_MS	1000

/*
 * While a hold is busy, its freezer uses the superblock, and its thawer waits. False if the lease
 * has ended.
 */
static bool fg_lease_make_busy(struct fg_lease *lease, struct fg_hold *hold)
{
	unsigned long flags = fg_lease_lock(lease);

	hold->busy = !fg_lease_has_ended(lease);
	fg_lease_unlock(lease, flags);
	return hold->busy;
}

/*
 * Record what the freezer has achieved, and let the thawer go on. The freezer is an ordinary
 * thread, which may get no CPU for a long time after this, so nothing of the hold is left for it to
 * do. An error ends the lease.
 */
static void fg_lease_make_idle_locked(struct fg_lease *lease, struct fg_hold *hold, int err)
{
	if (err) {
		hold->error = -err;
		fg_lease_end_locked(lease, err == -ECANCELED ? FREEZEGUARD_CAUSE_FOREIGN_THAW :
							       FREEZEGUARD_CAUSE_HOLD_FAILED, err);
	}
	hold->busy = false;
	if (fg_lease_has_ended(lease) && hold->thread)
		wake_up_process(hold->thread);
}

static bool fg_lease_stops_writing_back(void *data)
{
	struct fg_lease *lease = data;

	return fg_lease_has_ended(lease) ||
	       ktime_get_boottime_ns() >= lease->info.begin_ns + lease->sync_budget_ns;
}

static int fg_lease_write_back_once(struct fg_lease *lease, struct fg_hold *hold)
{
	unsigned long flags;
	int err;

	if (!fg_lease_make_busy(lease, hold))
		return -ECANCELED;
	err = fg_writeback(hold->sb, fg_lease_stops_writing_back, lease);
	if (err == -ECANCELED)	/* would stand for a foreign thaw */
		err = -EIO;
	flags = fg_lease_lock(lease);
	fg_lease_make_idle_locked(lease, hold, err);
	fg_lease_unlock(lease, flags);
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
	unsigned long flags = fg_lease_lock(lease);
	bool last;

	WRITE_ONCE(*count, *count - 1);
	last = lease->open && !fg_lease_writes_back(lease);
	if (last)
		fg_lease_expedite_locked(lease);
	fg_lease_unlock(lease, flags);
	if (last)
		wake_up_all(&lease->wait);
}

/* False once every hold has finished its first write-back: freezing begins. */
static bool fg_lease_begin_to_write_again(struct fg_lease *lease)
{
	unsigned long flags = fg_lease_lock(lease);
	bool begins = lease->nr_to_write_back;

	if (begins)
		WRITE_ONCE(lease->nr_writing_again, lease->nr_writing_again + 1);
	fg_lease_unlock(lease, flags);
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

static void fg_lease_wait_for_turn(struct fg_lease *lease, struct fg_hold *hold)
{
	wait_event_idle(lease->wait, fg_lease_has_ended(lease) ||
				     (READ_ONCE(lease->open) && !fg_lease_writes_back(lease) &&
				      READ_ONCE(lease->level) >= hold->level));
}

/* Count a freeze that succeeded. True if the lease has frozen everything. */
static bool fg_lease_count_frozen_locked(struct fg_lease *lease, struct fg_hold *hold,
					 bool *next_level)
{
	WRITE_ONCE(hold->state, FREEZEGUARD_HOLD_STATE_FROZEN);
	hold->frozen_ns = ktime_get_boottime_ns();
	if (lease->info.state != FREEZEGUARD_LEASE_STATE_FREEZING || --lease->nr_to_freeze)
		return false;
	*next_level = fg_lease_open_level_locked(lease, hold->level + 1);
	if (*next_level)
		return false;
	fg_lease_frozen_locked(lease, hold->frozen_ns);
	return true;
}

/* False if the lease has ended: a freeze now would be thawed at once. */
static bool fg_lease_begin_to_freeze(struct fg_lease *lease, struct fg_hold *hold)
{
	unsigned long flags;

	rt_mutex_lock(&lease->notices);
	flags = fg_lease_lock(lease);
	hold->busy = !fg_lease_has_ended(lease);
	if (hold->busy) {
		WRITE_ONCE(hold->state, FREEZEGUARD_HOLD_STATE_FREEZING);
		hold->freeze_begin_ns = ktime_get_boottime_ns();
	}
	fg_lease_unlock(lease, flags);
	if (hold->busy)
		fg_lease_notice_locked(hold, FREEZEGUARD_NOTICE_FREEZING);
	rt_mutex_unlock(&lease->notices);

	/* The notice may have taken long, if this thread had no CPU. */
	if (hold->busy && !fg_lease_has_ended(lease))
		return true;
	flags = fg_lease_lock(lease);
	fg_lease_make_idle_locked(lease, hold, 0);
	fg_lease_unlock(lease, flags);
	return false;
}

/* Freeze one superblock, and update the lease. */
static void fg_lease_freeze_hold(struct fg_lease *lease, struct fg_hold *hold)
{
	bool next_level = false, all_frozen = false;
	u64 begin_ns, took_ns;
	unsigned long flags;
	int err;

	if (!fg_lease_begin_to_freeze(lease, hold))
		return;
	begin_ns = ktime_get_boottime_ns();
	err = fg_hold_freeze(hold, &hold->frozen);
	took_ns = ktime_get_boottime_ns() - begin_ns;

	flags = fg_lease_lock(lease);
	if (!err && hold->maybe_foreign)
		err = -ECANCELED;
	trace_hold_frozen(hold, err, took_ns);
	if (!err)
		all_frozen = fg_lease_count_frozen_locked(lease, hold, &next_level);
	fg_lease_make_idle_locked(lease, hold, err);
	fg_lease_unlock(lease, flags);

	if (all_frozen)
		fg_lease_events->happened(lease, FG_LEASE_CHANGED, NULL);
	else if (next_level)
		wake_up_all(&lease->wait);
}

static void fg_lease_freezer(void *data)
{
	struct fg_hold *hold = data;
	struct fg_lease *lease = hold->lease;

	if (lease->sync_budget_ns)
		fg_lease_write_back(lease, hold);
	fg_lease_wait_for_turn(lease, hold);
	fg_lease_freeze_hold(lease, hold);
	fg_lease_put(lease);
}

static void fg_lease_no_work(void *unused)
{
}

/*
 * The thread has its class from here on, before anything is frozen. Later nothing could be sure to give
 * it: setting a class takes a lock of the cpusets, whose holder may be waiting for a page fault on
 * a superblock that the lease has frozen.
 */
static int fg_lease_start_thawer(struct fg_lease *lease, struct fg_hold *hold)
{
	struct fg_thread *thread = fg_thread_take(hold->dev, true);
	unsigned long flags;
	bool ended;

	if (IS_ERR(thread))
		return PTR_ERR(thread);
	flags = fg_lease_lock(lease);
	ended = fg_lease_has_ended(lease);
	if (!ended) {
		hold->class = thread->class;
		hold->thread = thread->task;
		hold->thread_pid = task_pid_nr(thread->task);
	}
	fg_lease_unlock(lease, flags);
	if (ended) {	/* nothing wakes or rescues this thread any more */
		fg_thread_run(thread, fg_lease_no_work, NULL);
		return -ECANCELED;
	}
	fg_lease_get(lease);
	fg_thread_run(thread, fg_lease_thawer, hold);
	return 0;
}

static int fg_lease_start_freezer(struct fg_lease *lease, struct fg_hold *hold)
{
	struct fg_thread *thread = fg_thread_take(hold->dev, false);

	if (IS_ERR(thread))
		return PTR_ERR(thread);
	fg_lease_get(lease);
	fg_thread_run(thread, fg_lease_freezer, hold);
	return 0;
}

/* Every thread exists, or @err says why not. */
static void fg_lease_open(struct fg_lease *lease, int err)
{
	unsigned long flags = fg_lease_lock(lease);

	if (err) {
		fg_lease_end_locked(lease, FREEZEGUARD_CAUSE_HOLD_FAILED, err);
	} else {
		WRITE_ONCE(lease->open, true);
		if (!fg_lease_writes_back(lease))
			fg_lease_expedite_locked(lease);
	}
	fg_lease_unlock(lease, flags);
	wake_up_all(&lease->wait);
}

/*
 * All threads exist before anything is frozen: if one cannot be created, nothing has been. On a
 * very busy machine the lease may end before all threads exist. No more are started then.
 */
static void fg_lease_starter(struct work_struct *work)
{
	struct fg_lease *lease = container_of(work, struct fg_lease, starting);
	struct fg_hold *hold = lease->holds, *end = hold + lease->nr_holds;
	struct fg_hold *freeze = hold;
	int err = 0;

	while (hold < end && !fg_lease_has_ended(lease)) {
		err = fg_lease_start_thawer(lease, hold);
		if (err)
			break;
		hold++;
	}
	while (hold == end && freeze < end && !err && !fg_lease_has_ended(lease))
		err = fg_lease_start_freezer(lease, freeze++);
	fg_lease_open(lease, err);
	for (; hold < end; hold++)	/* these have no thread */
		fg_lease_release_hold(lease, hold);
	fg_lease_put(lease);
	module_put(THIS_MODULE);	/* the module's exit waits for the end of this function */
}

/**
 * fg_lease_start_threads() - start the threads of a lease, which freeze
 * @lease: a lease with all its holds
 *
 * Context: process context; does not wait: a worker starts the threads. The caller has a reference
 * to the module.
 */
void fg_lease_start_threads(struct fg_lease *lease)
{
	__module_get(THIS_MODULE);
	fg_lease_get(lease);
	INIT_WORK(&lease->starting, fg_lease_starter);
	queue_work(fg_lease_workers, &lease->starting);
}
