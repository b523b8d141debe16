/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lease: a freeze of one or more superblocks that ends by a deadline.
 *
 *               all frozen               end won by:
 *   FREEZING ──────────────▶ FROZEN ──┬─ request ────────▶ THAWING ──▶ THAWED (or BROKEN)
 *      │                              ├─ deadline ───────▶ THAWING ──▶ EXPIRED
 *      │                              ├─ foreign thaw ───▶ THAWING ──▶ BROKEN
 *      │                              └─ owner's death ──▶ THAWING ──▶ ABORTED
 *      └─ any of these, or a freeze that fails ──▶ ROLLING_BACK ──▶ FAILED
 *
 * Who runs what:
 *   - fg_lease_start() arms the deadline, then has workers create one thread per hold. Nothing is
 *     frozen before every thread exists.
 *   - a hold's thread writes its superblock back if that is wanted, freezes it when all others are
 *     through with that too, waits for the end, thaws, releases.
 *   - fg_lease_end() only changes the state and wakes the threads. It is called from handlers, from
 *     the notifier of closed sockets and, in hard interrupt context, from the deadline's timer.
 * So a stuck freeze or thaw keeps nothing waiting but its own thread.
 *
 * Locks, outer before inner: the registry's lock, the notifications' lock, lease->lock. lease->lock
 * is taken with interrupts off and held for a few instructions, never across a freeze or a thaw.
 */
#ifndef FG_LEASE_H
#define FG_LEASE_H

#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "hold.h"
#include "owner.h"

/**
 * struct fg_lease_info - what there is to tell about a lease, all of one moment
 * @state: enum freezeguard_lease_state
 * @cause: what ended it
 * @error: positive errno of the hold that failed first, or 0
 * @bound: it ends when its socket is closed
 * @continuity: the worst of its holds'
 * @begin_ns: CLOCK_BOOTTIME when it began
 * @frozen_ns: when the last superblock was frozen, or 0
 * @deadline_ns: when it ends at the latest
 * @ended_ns: when its end was decided, or 0
 * @released_ns: when the last superblock was released, or 0
 * @maker: the process that made it
 * @ender: the process that ended it; pid 0 if none did
 * @nr_live: holds that are not released
 */
struct fg_lease_info {
	enum freezeguard_lease_state state;
	enum freezeguard_cause cause;
	unsigned int error;
	bool bound;
	enum freezeguard_continuity continuity;
	u64 begin_ns;
	u64 frozen_ns;
	u64 deadline_ns;
	u64 ended_ns;
	u64 released_ns;
	struct fg_process maker;
	struct fg_process ender;
	unsigned int nr_live;
};

/*
 * How many workers create a lease's threads. The kernel has but one thread that does it in the end,
 * which one worker alone lets wait for most of the time; a third adds nothing.
 */
#define FG_CREATORS	2

/**
 * struct fg_creator - a worker that creates threads
 * @work: its work
 * @lease: whose threads
 */
struct fg_creator {
	struct work_struct work;
	struct fg_lease *lease;
};

/**
 * struct fg_lease - one lease
 * @ref: the registry has one reference, every hold's thread one, every queued work one
 * @number: unique; set by the registry
 * @id: its name; set before it is registered
 * @by_id: in the registry's table of ids; the registry's lock
 * @list: among the registry's live or ended leases; the registry's lock
 * @timer: the deadline; started under @lock
 * @creators: create the threads
 * @boost: has the threads of frozen superblocks run before everything else
 * @ending: announces THAWING or ROLLING_BACK
 * @wait: the holds' threads wait here, for their level and for the end
 * @announced: the state in the last notification; the notifications' lock
 * @lock: guards all that follows
 * @info: the state
 * @owner: the socket that it is bound to; its sk is NULL from the detaching or the end on
 * @expedites: it is one of those for which RCU is expedited
 * @sync_budget_ns: how long after the beginning dirty data may be written back before anything is
 *	frozen; 0: not at all; constant
 * @nr_creators: workers that still create threads
 * @nr_taken: holds whose thread has been created or is being created
 * @nr_to_write_back: holds whose dirty data are written back for the first time
 * @nr_writing_again: holds that have been through with that, and are doing it again
 * @level: holds of this level and below may freeze, once none does
 * @nr_to_freeze: holds of this level that are not frozen yet
 * @nr_holds: how many @holds; constant
 * @holds: sorted by level
 */
struct fg_lease {
	struct kref ref;
	unsigned long number;
	char id[FREEZEGUARD_ID_MAX + 1];
	struct hlist_node by_id;
	struct list_head list;
	struct hrtimer timer;
	struct fg_creator creators[FG_CREATORS];
	struct work_struct boost;
	struct work_struct ending;
	wait_queue_head_t wait;
	enum freezeguard_lease_state announced;

	spinlock_t lock;
	struct fg_lease_info info;
	struct fg_owner owner;
	bool expedites;
	u64 sync_budget_ns;
	unsigned int nr_creators;
	unsigned int nr_taken;
	unsigned int nr_to_write_back;
	unsigned int nr_writing_again;
	unsigned int level;
	unsigned int nr_to_freeze;
	unsigned int nr_holds;
	struct fg_hold holds[];
};

/**
 * enum fg_lease_event - what happened to a lease
 * @FG_LEASE_CHANGED: its state, deadline or owner changed
 * @FG_LEASE_ENDING: a moment ago its end was decided, which may be over by now
 * @FG_LEASE_THAW_FAILED: the thaw of one hold failed and will be tried again
 */
enum fg_lease_event {
	FG_LEASE_CHANGED,
	FG_LEASE_ENDING,
	FG_LEASE_THAW_FAILED,
};

/**
 * struct fg_lease_events - whom a lease tells what happens to it
 * @happened: what; with the hold, if a thaw failed
 * @retired: nothing of it is frozen any more; called before @happened with its last state
 *
 * Context of both: process context, no locks held; must not wait for memory: superblocks may be
 * frozen.
 */
struct fg_lease_events {
	void (*happened)(struct fg_lease *lease, enum fg_lease_event what, struct fg_hold *hold);
	void (*retired)(struct fg_lease *lease);
};

int fg_lease_init(const struct fg_lease_events *events);
void fg_lease_exit(void);

struct fg_lease *fg_lease_alloc(unsigned int nr_holds);
void fg_lease_get(struct fg_lease *lease);
void fg_lease_put(struct fg_lease *lease);

void fg_lease_prepare(struct fg_lease *lease, u64 timeout_ns);
void fg_lease_start(struct fg_lease *lease);
int fg_lease_end(struct fg_lease *lease, enum freezeguard_cause cause);
void fg_lease_end_orphaned(struct fg_lease *lease);
void fg_lease_foreign_thaw(struct fg_hold *hold);
int fg_lease_extend(struct fg_lease *lease, u64 timeout_ns, u64 longest_ns);
int fg_lease_detach(struct fg_lease *lease);

bool fg_lease_is_news(enum freezeguard_lease_state announced, enum fg_lease_event what,
		      enum freezeguard_lease_state state);
void fg_lease_snapshot(struct fg_lease *lease, struct fg_lease_info *info);
void fg_lease_snapshot_hold(struct fg_hold *hold, struct fg_hold *copy);
bool fg_lease_is_live(struct fg_lease *lease);
void fg_lease_trace_state(const struct fg_lease *lease);
bool fg_lease_owner_get(struct fg_lease *lease, struct fg_owner *owner);

#endif /* FG_LEASE_H */
