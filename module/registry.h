/* SPDX-License-Identifier: GPL-2.0-only */
/* registry: all leases, live ones and the bounded history; who holds which superblock. */
#ifndef FG_REGISTRY_H
#define FG_REGISTRY_H

#include <linux/bits.h>

#include "lease.h"

/**
 * enum fg_registry_closed - why no lease can be added; several reasons can hold at a time
 * @FG_CLOSED_FOR_SHUTDOWN: the machine is shutting down, which does not end
 * @FG_CLOSED_FOR_SUSPEND: it is about to be suspended, or is being resumed
 * @FG_CLOSED_FOR_HIBERNATION: it is about to hibernate, or is being resumed
 * @FG_CLOSED_FOR_RESTORE: a hibernated system is about to replace this one
 */
enum fg_registry_closed {
	FG_CLOSED_FOR_SHUTDOWN = BIT(0),
	FG_CLOSED_FOR_SUSPEND = BIT(1),
	FG_CLOSED_FOR_HIBERNATION = BIT(2),
	FG_CLOSED_FOR_RESTORE = BIT(3),
};

extern unsigned int fg_registry_history_max;
extern unsigned int fg_registry_live_max;
extern unsigned long fg_registry_nr_ended[FREEZEGUARD_LEASE_STATE_FAILED -
					  FREEZEGUARD_LEASE_STATE_THAWED + 1];

int fg_registry_add(struct fg_lease *lease, unsigned long *conflict);
void fg_registry_retire(struct fg_lease *lease);
struct fg_lease *fg_registry_find_id(const char *id);
struct fg_lease *fg_registry_find_super(const struct super_block *sb);
void fg_registry_visit_hold(const struct super_block *sb, void (*fn)(struct fg_hold *hold));
struct fg_lease *fg_registry_next(u64 number, u64 last);
void fg_registry_for_each_live(void (*fn)(struct fg_lease *lease));
unsigned int fg_registry_close(enum fg_registry_closed why, enum freezeguard_cause cause);
void fg_registry_open(enum fg_registry_closed why);
bool fg_registry_wait_idle(unsigned int timeout_ms);
void fg_registry_clear(void);

#endif /* FG_REGISTRY_H */
