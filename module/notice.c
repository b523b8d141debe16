// SPDX-License-Identifier: GPL-2.0-only
/*
 * notice: tells BPF programs of holds, without their having a reference to the module.
 *
 * A program that is attached to a function or a tracepoint of the module keeps it from being unloaded,
 * for as long as its link is pinned. So the module calls a function of the kernel's that does nothing
 * but be a place to attach to: a notifier chain on which nobody is. It is called as a robust blocking one
 * because little else is: modules that are loaded and suspends are. The function of raw chains runs at every
 * tick, and that of ordinary blocking chains at every munmap() up to 5.16. Of an empty chain it takes no
 * lock, so that it may be called with interrupts off.
 */
#include <linux/notifier.h>
#include <linux/string.h>

#include "lease.h"
#include "notice.h"

static_assert(FREEZEGUARD_NOTICE_ID_LEN >= sizeof_field(struct fg_lease, id));
static_assert(FREEZEGUARD_NOTICE_COMM_LEN >= sizeof_field(struct fg_process, comm));
static_assert(sizeof(struct freezeguard_notice) == 128);	/* no padding: none is told */

static BLOCKING_NOTIFIER_HEAD(fg_notice_chain);

/**
 * fg_notice_tell() - tell whoever looks on what is happening to a hold
 * @hold: the hold
 * @event: what
 *
 * Context: any, with the lease's lock held, which keeps the notices of a hold in order.
 */
void fg_notice_tell(const struct fg_hold *hold, enum freezeguard_notice_event event)
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
	blocking_notifier_call_chain_robust(&fg_notice_chain, FREEZEGUARD_NOTICE, 0, &notice);
}
