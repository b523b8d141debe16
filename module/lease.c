// SPDX-License-Identifier: GPL-2.0-only
/* lease: the state machine, the deadline and the threads; lease.h tells how they fit together. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "expedite.h"
#include "lease_internal.h"
#include "trace.h"

static_assert(FREEZEGUARD_NOTICE_ID_LEN >= sizeof_field(struct fg_lease, id));
static_assert(FREEZEGUARD_NOTICE_COMM_LEN >= sizeof_field(struct fg_process, comm));

const struct fg_lease_events *fg_lease_events;
struct workqueue_struct *fg_lease_workers;

/**
 * fg_lease_init() - prepare for leases
 * @events: whom to tell what happens to them
 *
 * Context: sleeps.
 * Return: 0 or -ENOMEM.
 */
int fg_lease_init(const struct fg_lease_events *events)
{
	fg_lease_events = events;
	fg_lease_workers = alloc_workqueue("freezeguard", WQ_UNBOUND | WQ_HIGHPRI, 0);
	return fg_lease_workers ? 0 : -ENOMEM;
}

/**
 * fg_lease_exit() - wait for what workers still do; no lease may be live
 *
 * Context: sleeps.
 */
void fg_lease_exit(void)
{
	destroy_workqueue(fg_lease_workers);
}

/**
 * fg_lease_trace_state() - report a lease's state to the tracepoint
 * @lease: a lease that nobody else knows, or with its lock held
 *
 * Context: any.
 */
void fg_lease_trace_state(const struct fg_lease *lease)
{
	trace_lease_state(lease->number, lease->id, lease->info.state, lease->info.cause,
			  lease->info.error);
}

/* Report to BPF programs what happens to a hold. The lock keeps the notices of a hold in order. */
void fg_lease_notice_locked(const struct fg_hold *hold, enum freezeguard_notice_event event)
{
	const struct fg_lease *lease = hold->lease;
	struct freezeguard_notice notice = {
		.size = sizeof(notice),
		.event = event,
		.superblock = (unsigned long)hold->sb,
		.lease = lease->number,
		.deadline_ns = lease->info.deadline_ns,
		.maker_pid = lease->info.maker.pid,
	};

	lockdep_assert_held(&lease->lock);
	strscpy(notice.maker_comm, lease->info.maker.comm, sizeof(notice.maker_comm));
	strscpy(notice.id, lease->id, sizeof(notice.id));
	fg_notice_send(&notice);
}

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

/* The one place where the end of a lease is decided, with the error of a hold that failed or 0. */
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
	fg_lease_trace_state(lease);
	return true;
}

/* After fg_lease_end_locked() returned true and the lock was released. */
void fg_lease_end_notify(struct fg_lease *lease)
{
	wake_up_all(&lease->wait);
	fg_lease_get(lease);
	queue_work(fg_lease_workers, &lease->ending);
}

/**
 * fg_lease_end() - end a lease, unless something else already did
 * @lease: the lease
 * @cause: what ends it; for a request, the calling process is kept as the one that did
 *
 * Context: any, hard interrupts included. The thawing goes on in the holds' threads.
 * Return: 0; -EALREADY it is ending or has ended.
 */
int fg_lease_end(struct fg_lease *lease, enum freezeguard_cause cause)
{
	struct fg_process ender = { };
	unsigned long flags;
	bool won;

	if (cause == FREEZEGUARD_CAUSE_REQUEST)
		fg_process_current(&ender);	/* takes locks that an interrupt must not */
	spin_lock_irqsave(&lease->lock, flags);
	won = fg_lease_end_locked(lease, cause, 0);
	if (won)
		lease->info.ender = ender;
	spin_unlock_irqrestore(&lease->lock, flags);
	if (!won)
		return -EALREADY;
	fg_lease_end_notify(lease);
	return 0;
}

/**
 * fg_lease_end_orphaned() - end a lease if the socket that it is bound to has been closed
 * @lease: the lease
 *
 * Context: any.
 */
void fg_lease_end_orphaned(struct fg_lease *lease)
{
	unsigned long flags;
	bool won = false;

	spin_lock_irqsave(&lease->lock, flags);
	if (lease->owner.sk && fg_owner_is_dead(&lease->owner))
		won = fg_lease_end_locked(lease, FREEZEGUARD_CAUSE_OWNER_DEATH, 0);
	spin_unlock_irqrestore(&lease->lock, flags);
	if (won)
		fg_lease_end_notify(lease);
}

/**
 * fg_lease_foreign_thaw() - the calling process has thawed a superblock that a lease holds
 * @hold: its hold; the superblock is unfrozen and stays so until this returns
 *
 * What the lease had frozen is lost, which ends it. Before its thread has noted that the freeze
 * succeeded, this can't be told from a thaw of what somebody else had frozen before: the superblock
 * will be thawed then, as it may be the lease's own freeze that is there, but the lease fails.
 *
 * Context: any but interrupts.
 */
void fg_lease_foreign_thaw(struct fg_hold *hold)
{
	struct fg_lease *lease = hold->lease;
	struct fg_process culprit;
	unsigned long flags;
	bool won = false;

	fg_process_current(&culprit);
	spin_lock_irqsave(&lease->lock, flags);
	switch (hold->state) {
	case FREEZEGUARD_HOLD_STATE_FREEZING:
		hold->maybe_foreign = true;
		break;
	case FREEZEGUARD_HOLD_STATE_FROZEN:
	case FREEZEGUARD_HOLD_STATE_THAWING:
		WRITE_ONCE(hold->lost, true);
		won = fg_lease_end_locked(lease, FREEZEGUARD_CAUSE_FOREIGN_THAW, 0);
		if (won) {
			lease->info.ender = culprit;
			hold->continuity = FREEZEGUARD_CONTINUITY_BROKEN;
		}
		break;
	default:
		break;
	}
	spin_unlock_irqrestore(&lease->lock, flags);
	if (won)
		fg_lease_end_notify(lease);
}

static enum hrtimer_restart fg_lease_deadline(struct hrtimer *timer)
{
	struct fg_lease *lease = container_of(timer, struct fg_lease, timer);
	unsigned long flags;
	bool won = false;

	spin_lock_irqsave(&lease->lock, flags);
	/*
	 * Extended while this was on its way: the timer has been started anew. Asked of the timer,
	 * not of the clock: a deadline that is let pass here must have another one coming.
	 */
	if (!hrtimer_is_queued(timer) && !fg_lease_has_ended(lease)) {
		trace_lease_deadline(lease->number, lease->id, lease->info.deadline_ns);
		won = fg_lease_end_locked(lease, FREEZEGUARD_CAUSE_DEADLINE, 0);
	}
	spin_unlock_irqrestore(&lease->lock, flags);
	if (won)
		fg_lease_end_notify(lease);
	return HRTIMER_NORESTART;
}

/* Each hold with the deadline of that very moment, so that the last notice has the last one. */
static void fg_lease_notice_deadline(struct fg_lease *lease)
{
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < lease->nr_holds; i++) {
		struct fg_hold *hold = &lease->holds[i];

		spin_lock_irqsave(&lease->lock, flags);
		if (hold->freeze_begin_ns && fg_hold_is_live(hold))
			fg_lease_notice_locked(hold, FREEZEGUARD_NOTICE_DEADLINE);
		spin_unlock_irqrestore(&lease->lock, flags);
	}
}

/**
 * fg_lease_extend() - move a lease's deadline
 * @lease: the lease
 * @timeout_ns: the new deadline, from now
 * @longest_ns: the bound on its life, from its beginning
 *
 * Context: any.
 * Return: 0; -EALREADY it is ending or has ended; -ERANGE its life would be longer than the bound.
 */
int fg_lease_extend(struct fg_lease *lease, u64 timeout_ns, u64 longest_ns)
{
	u64 deadline_ns = ktime_get_boottime_ns() + timeout_ns;
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&lease->lock, flags);
	if (fg_lease_has_ended(lease)) {
		err = -EALREADY;
	} else if (deadline_ns > lease->info.begin_ns + longest_ns) {
		err = -ERANGE;
	} else {
		lease->info.deadline_ns = deadline_ns;
		hrtimer_start(&lease->timer, ns_to_ktime(deadline_ns), HRTIMER_MODE_ABS);
	}
	spin_unlock_irqrestore(&lease->lock, flags);
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
 * Return: 0, also if it was detached before; -EALREADY it is ending or has ended; -EAGAIN it is
 * not FROZEN yet.
 */
int fg_lease_detach(struct fg_lease *lease)
{
	struct sock *sk = NULL;
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&lease->lock, flags);
	if (fg_lease_has_ended(lease)) {
		err = -EALREADY;
	} else if (lease->info.state != FREEZEGUARD_LEASE_STATE_FROZEN) {
		err = -EAGAIN;
	} else {
		swap(sk, lease->owner.sk);
		lease->info.bound = false;
	}
	spin_unlock_irqrestore(&lease->lock, flags);
	if (sk) {
		fg_lease_events->happened(lease, FG_LEASE_CHANGED, NULL);
		sock_put(sk);
	}
	return err;
}

/* Let the lowest level from @level on freeze; false if no hold has such a level. */
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

/* The last superblock was frozen. */
void fg_lease_frozen_locked(struct fg_lease *lease, u64 frozen_ns)
{
	lockdep_assert_held(&lease->lock);
	WRITE_ONCE(lease->info.state, FREEZEGUARD_LEASE_STATE_FROZEN);
	fg_lease_unexpedite_locked(lease);
	lease->info.frozen_ns = frozen_ns;
	fg_lease_trace_state(lease);
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

/* The last hold has been released. */
void fg_lease_finish(struct fg_lease *lease)
{
	unsigned long flags;
	struct sock *sk = NULL;

	hrtimer_cancel(&lease->timer);
	spin_lock_irqsave(&lease->lock, flags);
	if (lease->info.state == FREEZEGUARD_LEASE_STATE_THAWING)
		lease->info.continuity = fg_lease_worst_continuity(lease);
	WRITE_ONCE(lease->info.state, fg_lease_last_state(&lease->info));
	lease->info.released_ns = ktime_get_boottime_ns();
	fg_lease_trace_state(lease);
	spin_unlock_irqrestore(&lease->lock, flags);

	fg_lease_events->retired(lease);
	fg_lease_events->happened(lease, FG_LEASE_CHANGED, NULL);

	spin_lock_irqsave(&lease->lock, flags);
	swap(sk, lease->owner.sk);
	spin_unlock_irqrestore(&lease->lock, flags);
	if (sk)
		sock_put(sk);
}

/**
 * fg_lease_start() - let a lease begin: from here on it ends by its deadline
 * @lease: a registered lease with all its holds, sorted
 *
 * Context: process context; does not wait: the freezing goes on in threads. The caller has a
 * reference to the module.
 */
void fg_lease_start(struct fg_lease *lease)
{
	unsigned long flags;

	/* It is registered: somebody may be extending it, or have ended it. */
	spin_lock_irqsave(&lease->lock, flags);
	if (!lease->nr_to_write_back)
		fg_lease_expedite_locked(lease);
	hrtimer_start(&lease->timer, ns_to_ktime(lease->info.deadline_ns), HRTIMER_MODE_ABS);
	spin_unlock_irqrestore(&lease->lock, flags);
	fg_lease_events->happened(lease, FG_LEASE_CHANGED, NULL);
	fg_lease_start_threads(lease);
}

static int fg_lease_cmp_level(const void *a, const void *b)
{
	const struct fg_hold *first = a, *second = b;

	return first->level < second->level ? -1 : first->level > second->level;
}

/**
 * fg_lease_prepare() - the last step before a lease can be registered and started
 * @lease: a lease that nobody else knows of, with all its holds
 * @timeout_ns: the deadline, from now
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
 * fg_lease_alloc() - memory for a lease
 * @max_holds: for how many superblocks
 *
 * The caller sets @id, @owner and @sync_budget_ns, adds holds with fg_hold_init(), counting them in
 * nr_holds, and then calls fg_lease_prepare().
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
	spin_lock_init(&lease->lock);
	fg_hrtimer_init(&lease->timer, fg_lease_deadline);
	fg_lease_init_threads(lease);
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
 * @lease: the lease; freed with the last one
 *
 * Context: may sleep.
 */
void fg_lease_put(struct fg_lease *lease)
{
	kref_put(&lease->ref, fg_lease_free);
}

/**
 * fg_lease_is_news() - is there anything in a notification that none before it told
 * @announced: the state in the lease's last notification, 0 if there was none
 * @what: what happened
 * @state: the lease's state now, which the notification would tell
 *
 * A notification tells the lease as it is at the time of sending, so one that comes late tells what
 * another was meant to: of the states that an end leads to, each is told once. While a lease is
 * FREEZING or FROZEN its deadline and owner change too, and each change is told.
 *
 * Context: any.
 */
bool fg_lease_is_news(enum freezeguard_lease_state announced, enum fg_lease_event what,
		      enum freezeguard_lease_state state)
{
	if (what == FG_LEASE_THAW_FAILED || state <= FREEZEGUARD_LEASE_STATE_FROZEN)
		return true;
	/* The last state is told by the one who reaches it. */
	if (what == FG_LEASE_ENDING && state >= FREEZEGUARD_LEASE_STATE_THAWED)
		return false;
	return announced < state;
}

/**
 * fg_lease_snapshot() - what there is to tell about a lease, all of one moment
 * @lease: the lease
 * @info: where to
 *
 * Context: any.
 */
void fg_lease_snapshot(struct fg_lease *lease, struct fg_lease_info *info)
{
	unsigned long flags;

	spin_lock_irqsave(&lease->lock, flags);
	*info = lease->info;
	spin_unlock_irqrestore(&lease->lock, flags);
}

/**
 * fg_lease_snapshot_hold() - the same for one hold
 * @hold: the hold
 * @copy: where to; its pointers are not to be followed
 *
 * Context: any.
 */
void fg_lease_snapshot_hold(struct fg_hold *hold, struct fg_hold *copy)
{
	unsigned long flags;

	spin_lock_irqsave(&hold->lease->lock, flags);
	*copy = *hold;
	spin_unlock_irqrestore(&hold->lease->lock, flags);
}

/**
 * fg_lease_is_live() - is any of its holds not released, whatever its state?
 * @lease: the lease
 *
 * Context: any.
 * Return: true until its last state is reached.
 */
bool fg_lease_is_live(struct fg_lease *lease)
{
	return READ_ONCE(lease->info.state) < FREEZEGUARD_LEASE_STATE_THAWED;
}

/**
 * fg_lease_owner_get() - the socket that a lease is bound to
 * @lease: the lease
 * @owner: a copy of the owner, with a reference to its socket that the caller puts with sock_put(),
 *	in a context that may sleep: with the last one the protocol is done with the socket's dump
 *
 * Context: any.
 * Return: false if the lease is detached or over; nothing was written then.
 */
bool fg_lease_owner_get(struct fg_lease *lease, struct fg_owner *owner)
{
	unsigned long flags;
	bool bound;

	spin_lock_irqsave(&lease->lock, flags);
	bound = lease->owner.sk;
	if (bound) {
		*owner = lease->owner;
		sock_hold(owner->sk);
	}
	spin_unlock_irqrestore(&lease->lock, flags);
	return bound;
}
