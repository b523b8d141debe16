// SPDX-License-Identifier: GPL-2.0-only
/* lease_thaw: what comes after the end of a lease: the thaw and the release of its holds. */
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "lease_internal.h"
#include "trace.h"

/* The pause after a thaw that failed doubles from the first value to the last, and stays there. */
#define FG_THAW_PAUSE_FIRST_MS	10
#define FG_THAW_PAUSE_LAST_MS	5000

/**
 * fg_lease_pause() - sleep
 * @ms: for so many milliseconds
 *
 * By an hrtimer, which expires in hard interrupt context. An ordinary timer expires in a softirq,
 * which may be left to an ordinary thread; real-time tasks may keep that one from running.
 *
 * Context: process context.
 */
void fg_lease_pause(unsigned int ms)
{
	ktime_t expires = ms_to_ktime(ms);

	set_current_state(TASK_IDLE);
	schedule_hrtimeout(&expires, HRTIMER_MODE_REL_HARD);
}

/* Thaw one superblock. A thaw that fails is repeated until one succeeds. */
static void fg_lease_thaw_hold(struct fg_lease *lease, struct fg_hold *hold)
{
	unsigned int pause_ms = FG_THAW_PAUSE_FIRST_MS;
	enum freezeguard_continuity continuity;
	u64 begin_ns, now_ns;
	unsigned long flags;
	int err;

	flags = fg_lease_lock(lease);
	WRITE_ONCE(hold->state, FREEZEGUARD_HOLD_STATE_THAWING);
	fg_lease_unlock(lease, flags);
	for (;;) {
		begin_ns = ktime_get_boottime_ns();
		err = fg_hold_thaw(hold, &continuity);
		now_ns = ktime_get_boottime_ns();
		flags = fg_lease_lock(lease);
		/* The first attempt decides: what happens after the end breaks nothing. */
		if (!hold->thaw_failures && !hold->lost && !hold->maybe_foreign)
			hold->continuity = continuity;
		if (err) {
			hold->error = -err;
			hold->thaw_failures++;
		}
		trace_hold_thawed(hold, err, now_ns - begin_ns,
				  hold->frozen_ns ? now_ns - hold->frozen_ns : 0);
		fg_lease_unlock(lease, flags);
		if (!err)
			return;
		fg_lease_events->happened(lease, FG_LEASE_THAW_FAILED, hold);
		fg_lease_pause(pause_ms);
		pause_ms = min_t(unsigned int, 2 * pause_ms, FG_THAW_PAUSE_LAST_MS);
	}
}

/**
 * fg_lease_release_hold() - give up the superblock, whether or not the lease ever froze it
 * @lease: the lease
 * @hold: its hold
 *
 * Context: process context, no locks held.
 */
void fg_lease_release_hold(struct fg_lease *lease, struct fg_hold *hold)
{
	bool still_frozen = hold->frozen_ns && fg_hold_frozen_by_others(hold);
	bool turned_read_only = fg_hold_turned_read_only(hold);
	unsigned long flags;
	bool last;

	fg_hold_put_super(hold);
	rt_mutex_lock(&lease->notices);
	if (hold->freeze_begin_ns)
		fg_lease_notice_locked(hold, FREEZEGUARD_NOTICE_RELEASED);
	flags = fg_lease_lock(lease);
	hold->still_frozen = still_frozen;
	hold->turned_read_only = turned_read_only;
	hold->released_ns = ktime_get_boottime_ns();
	WRITE_ONCE(hold->state, FREEZEGUARD_HOLD_STATE_RELEASED);
	hold->thread = NULL;	/* the history keeps the lease, but not the thread */
	last = !--lease->info.nr_live;
	fg_lease_unlock(lease, flags);
	rt_mutex_unlock(&lease->notices);
	if (last)
		fg_lease_finish(lease);
}

/* Has the lease ended? Or, if there is @in_use: does nobody use the hold for what it says? */
static bool fg_lease_lets_go_on(struct fg_lease *lease, const bool *in_use)
{
	unsigned long flags;
	bool free;

	if (!in_use)
		return fg_lease_has_ended(lease);
	flags = fg_lease_lock(lease);	/* the last user is through with the hold then */
	free = !*in_use;
	fg_lease_unlock(lease, flags);
	return free;
}

static void fg_lease_sleep(struct fg_lease *lease, const bool *in_use)
{
	for (;;) {
		set_current_state(TASK_IDLE);
		if (fg_lease_lets_go_on(lease, in_use))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/**
 * fg_lease_thawer() - what the thread that thaws a hold does
 * @data: the hold, with a reference to its lease
 *
 * Context: a thread of its own, which sleeps for as long as a freeze or a thaw takes.
 */
void fg_lease_thawer(void *data)
{
	struct fg_hold *hold = data;
	struct fg_lease *lease = hold->lease;

	fg_lease_sleep(lease, NULL);
	wake_up_all(&lease->wait);	/* the freezers that wait for their turn: it does not come */
	fg_lease_sleep(lease, &hold->busy);
	if (hold->frozen)
		fg_lease_thaw_hold(lease, hold);
	fg_lease_release_hold(lease, hold);
	fg_lease_sleep(lease, &hold->in_rescue);
	fg_lease_put(lease);
}
