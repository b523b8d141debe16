/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lease_internal: shared by the files of the lease and by no other.
 *
 *   lease.c          the object, and every decision about it
 *   lease_freeze.c   its threads, write-back and the freeze
 *   lease_thaw.c     the thaw and the release
 *   lease_rescue.c   threads that may be kept from running
 *   lease_report.c   what others learn of a lease
 *
 * A function whose name ends in _locked is called with a lock of the lease held: lease->notices if
 * it is about notices, else lease->lock.
 */
#ifndef FG_LEASE_INTERNAL_H
#define FG_LEASE_INTERNAL_H

#include <linux/freezeguard_notice.h>

#include "lease.h"

/* Set by fg_lease_init(). */
extern const struct fg_lease_events *fg_lease_events;
extern struct workqueue_struct *fg_lease_workers;

/* Has the end of the lease been decided? Context: any. */
static inline bool fg_lease_has_ended(const struct fg_lease *lease)
{
	return READ_ONCE(lease->info.state) >= FREEZEGUARD_LEASE_STATE_THAWING;
}

/* Take the lease's lock. Returns what fg_lease_unlock() needs. Context: any. */
static inline unsigned long fg_lease_lock(struct fg_lease *lease) __acquires(&lease->lock)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&lease->lock, flags);
	return flags;
}

/* lease.c */
void fg_lease_unlock(struct fg_lease *lease, unsigned long flags) __releases(&lease->lock);
bool fg_lease_end_locked(struct fg_lease *lease, enum freezeguard_cause cause, int err);
void fg_lease_expedite_locked(struct fg_lease *lease);
bool fg_lease_open_level_locked(struct fg_lease *lease, unsigned int level);
void fg_lease_frozen_locked(struct fg_lease *lease, u64 frozen_ns);
void fg_lease_finish(struct fg_lease *lease);

/* lease_freeze.c */
void fg_lease_start_threads(struct fg_lease *lease);

/* lease_thaw.c */
void fg_lease_thawer(void *data);
void fg_lease_pause(unsigned int ms);
void fg_lease_release_hold(struct fg_lease *lease, struct fg_hold *hold);

/* lease_rescue.c */
int fg_rescuer_start(void);
void fg_rescuer_stop(void);
void fg_lease_rescue(struct fg_lease *lease);

/* lease_report.c */
void fg_lease_notice_locked(const struct fg_hold *hold, enum freezeguard_notice_event event);
void fg_lease_notice_deadline(struct fg_lease *lease);

#endif /* FG_LEASE_INTERNAL_H */
