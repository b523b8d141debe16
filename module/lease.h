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
 * Threads:
 *   - fg_lease_start() arms the deadline. Then a worker starts two threads for each hold. Nothing
 *     is frozen before every thread exists.
 *   - The freezer, an ordinary thread, writes back the superblock, if the lease has a sync budget.
 *     It freezes the superblock once no hold writes back any more and the hold's level is open.
 *   - The thawer has its scheduling class from the beginning. It waits for the end of the lease,
 *     thaws the superblock if it is frozen, and releases the hold.
 *   - fg_lease_end() only changes the state and wakes the thawers. Handlers, the notifier of closed
 *     sockets and, in hard interrupt context, the timer of the deadline call it or its like.
 * So a freeze or a thaw that hangs blocks its own hold and nothing else.
 *
 * Locks, outer before inner: the registry's lock, lease->notices, the notifications' lock, the lock
 * of the registry's table of superblocks, lease->lock. lease->lock is a raw spinlock, taken with
 * interrupts off, for a few instructions, never across a freeze or a thaw. Tracepoints fire under
 * it; notices to BPF programs do not.
 *
 * lease.c has the object and every decision; lease_internal.h lists the other files.
 */
#ifndef FG_LEASE_H
#define FG_LEASE_H

#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/rtmutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "hold.h"

/**
 * struct fg_process - a process, for reports
 * @pid: its id in the initial pid namespace
 * @comm: its name
 */
struct fg_process {
	pid_t pid;
	char comm[FREEZEGUARD_COMM_MAX + 1];
};

/**
 * struct fg_owner - the socket that a lease is bound to
 * @sk: the socket, with a reference, or NULL. It has the flag SOCK_DEAD once its last file is gone.
 *	The port id alone would not do: another socket can have it before the news of the first
 *	socket's death arrives.
 * @portid: its port id
 */
struct fg_owner {
	struct sock *sk;
	u32 portid;
};

/**
 * struct fg_lease_info - what can be reported about a lease, all of it of one moment
 * @state: enum freezeguard_lease_state
 * @cause: what ended the lease
 * @error: positive errno of the first hold that failed, or 0
 * @bound: closing the owner's socket ends the lease
 * @continuity: the worst continuity of any hold
 * @begin_ns: CLOCK_BOOTTIME when the lease began; so are all times below
 * @frozen_ns: when the last superblock was frozen, or 0
 * @deadline_ns: when the lease ends at the latest
 * @ended_ns: when its end was decided, or 0
 * @released_ns: when the last superblock was released, or 0
 * @maker: the process that made the lease
 * @ender: the process that ended the lease; pid 0 if no process did
 * @nr_live: number of holds that are not released
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

/**
 * struct fg_lease - one lease
 * @ref: reference count: one for the registry, one for each thread, one for each queued work item
 * @number: unique number; set by the registry
 * @id: name; set before the lease is registered
 * @by_id: entry in the registry's table of ids; guarded by the registry's lock
 * @list: entry in the registry's list of live or of ended leases; guarded by the registry's lock
 * @timer: the deadline; started under @lock
 * @starting: work item that starts the threads
 * @ending: work item that announces THAWING or ROLLING_BACK
 * @rescue: entry in the rescuer's list
 * @rescue_attempts: how often the rescuer has looked after it
 * @wait: the freezers wait here for their turn
 * @announced: the state in the last notification; guarded by the notifications' lock
 * @notices: keeps the notices to BPF programs in order. With priority inheritance: a thawer takes
 *	it, and must not wait behind a freezer that real-time tasks keep from running.
 * @lock: guards everything below; fg_lease_lock() and fg_lease_unlock() take and release it
 * @ending_now: the end was decided since @lock was taken; its release has to wake the threads
 * @info: the state, and what else is reported
 * @owner: the socket that the lease is bound to; its sk is NULL once the lease is detached or over
 * @expedites: the lease holds one request for expedited RCU grace periods
 * @sync_budget_ns: for how long after @info.begin_ns dirty data may be written back before the
 *	first freeze; 0: no write-back before the freeze; constant
 * @open: every thread exists, so holds may freeze
 * @nr_to_write_back: number of holds whose first write-back is not finished
 * @nr_writing_again: number of holds that finished their first write-back and repeat it right now
 * @level: holds of this level and of lower ones may freeze, once no hold writes back any more
 * @nr_to_freeze: number of holds of @level that are not frozen yet
 * @nr_holds: number of @holds; constant
 * @holds: the holds, sorted by level
 */
struct fg_lease {
	struct kref ref;
	unsigned long number;
	char id[FREEZEGUARD_ID_MAX + 1];
	struct hlist_node by_id;
	struct list_head list;
	struct hrtimer timer;
	struct work_struct starting;
	struct work_struct ending;
	struct llist_node rescue;
	unsigned int rescue_attempts;
	wait_queue_head_t wait;
	enum freezeguard_lease_state announced;
	struct rt_mutex notices;

	raw_spinlock_t lock;
	bool ending_now;
	struct fg_lease_info info;
	struct fg_owner owner;
	bool expedites;
	u64 sync_budget_ns;
	bool open;
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
 * @FG_LEASE_ENDING: its end was decided a moment ago; the lease may already be over
 * @FG_LEASE_THAW_FAILED: the thaw of one hold failed and will be repeated
 */
enum fg_lease_event {
	FG_LEASE_CHANGED,
	FG_LEASE_ENDING,
	FG_LEASE_THAW_FAILED,
};

/**
 * struct fg_lease_events - callbacks for what happens to a lease
 * @happened: something happened; @hold is the hold whose thaw failed, or NULL
 * @retired: the lease has released every hold; called before @happened reports its last state
 *
 * Context of both: process context, no locks held. They must not wait for memory, because
 * superblocks may be frozen.
 */
struct fg_lease_events {
	void (*happened)(struct fg_lease *lease, enum fg_lease_event what, struct fg_hold *hold);
	void (*retired)(struct fg_lease *lease);
};

void fg_process_current(struct fg_process *process);

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
bool fg_lease_owner_get(struct fg_lease *lease, struct fg_owner *owner);

#endif /* FG_LEASE_H */
