/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace: the tracepoints, events/freezeguard/ in tracefs. Documentation/observing.md describes
 * them.
 *
 * The module fires them under the lease's lock, and the first one of a lease before others can
 * find that lease. So the events of a lease are in the order in which things happened. Texts are
 * arrays of a fixed size, because the macros for other texts differ between kernels.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM freezeguard

#if !defined(FG_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define FG_TRACE_H

#include <linux/kdev_t.h>
#include <linux/ktime.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "lease.h"

/* Values with the names that freezectl has for them; N is the last one. */
#define FG_TRACE_STATES(S, N) \
	S(FREEZEGUARD_LEASE_STATE_FREEZING, "freezing") \
	S(FREEZEGUARD_LEASE_STATE_FROZEN, "frozen") \
	S(FREEZEGUARD_LEASE_STATE_THAWING, "thawing") \
	S(FREEZEGUARD_LEASE_STATE_ROLLING_BACK, "rolling-back") \
	S(FREEZEGUARD_LEASE_STATE_THAWED, "thawed") \
	S(FREEZEGUARD_LEASE_STATE_EXPIRED, "expired") \
	S(FREEZEGUARD_LEASE_STATE_BROKEN, "broken") \
	S(FREEZEGUARD_LEASE_STATE_ABORTED, "aborted") \
	N(FREEZEGUARD_LEASE_STATE_FAILED, "failed")

#define FG_TRACE_CAUSES(S, N) \
	S(FREEZEGUARD_CAUSE_NONE, "none") \
	S(FREEZEGUARD_CAUSE_REQUEST, "request") \
	S(FREEZEGUARD_CAUSE_DEADLINE, "deadline") \
	S(FREEZEGUARD_CAUSE_OWNER_DEATH, "owner-death") \
	S(FREEZEGUARD_CAUSE_HOLD_FAILED, "hold-failed") \
	S(FREEZEGUARD_CAUSE_FOREIGN_THAW, "foreign-thaw") \
	S(FREEZEGUARD_CAUSE_SHUTDOWN, "shutdown") \
	N(FREEZEGUARD_CAUSE_SLEEP, "sleep")

#define FG_TRACE_CONTINUITIES(S, N) \
	S(FREEZEGUARD_CONTINUITY_UNKNOWN, "unknown") \
	S(FREEZEGUARD_CONTINUITY_OBSERVED, "observed") \
	S(FREEZEGUARD_CONTINUITY_GUARANTEED, "guaranteed") \
	N(FREEZEGUARD_CONTINUITY_BROKEN, "broken")

#define FG_TRACE_CLASSES(S, N) \
	S(FREEZEGUARD_CLASS_NORMAL, "normal") \
	S(FREEZEGUARD_CLASS_FIFO, "fifo") \
	N(FREEZEGUARD_CLASS_DEADLINE, "deadline")

/* Tools that read the format do not know enums, so the kernel has to write numbers there. */
#define FG_TRACE_ENUM(value, name)	TRACE_DEFINE_ENUM(value);
FG_TRACE_STATES(FG_TRACE_ENUM, FG_TRACE_ENUM)
FG_TRACE_CAUSES(FG_TRACE_ENUM, FG_TRACE_ENUM)
FG_TRACE_CONTINUITIES(FG_TRACE_ENUM, FG_TRACE_ENUM)
FG_TRACE_CLASSES(FG_TRACE_ENUM, FG_TRACE_ENUM)

#define FG_TRACE_NAME(value, name)	{ value, name },
#define FG_TRACE_LAST_NAME(value, name)	{ value, name }

/*
 * lease_state: a lease has a new state; the first is "freezing". Fields:
 *
 * lease	number of the lease
 * id		id of the lease
 * state	enum freezeguard_lease_state
 * cause	enum freezeguard_cause: what ended the lease
 * error	positive errno of the first hold that failed, or 0
 */
TRACE_EVENT(lease_state,
	TP_PROTO(const struct fg_lease *lease),
	TP_ARGS(lease),
	TP_STRUCT__entry(
		__field(u64, lease)
		__array(char, id, FREEZEGUARD_ID_MAX + 1)
		__field(u32, state)
		__field(u32, cause)
		__field(u32, error)
	),
	TP_fast_assign(
		__entry->lease = lease->number;
		memcpy(__entry->id, lease->id, FREEZEGUARD_ID_MAX + 1);
		__entry->state = lease->info.state;
		__entry->cause = lease->info.cause;
		__entry->error = lease->info.error;
	),
	TP_printk("lease=%llu id=%s state=%s cause=%s error=%u", __entry->lease, __entry->id,
		  __print_symbolic(__entry->state,
				   FG_TRACE_STATES(FG_TRACE_NAME, FG_TRACE_LAST_NAME)),
		  __print_symbolic(__entry->cause,
				   FG_TRACE_CAUSES(FG_TRACE_NAME, FG_TRACE_LAST_NAME)),
		  __entry->error)
);

/*
 * lease_deadline: a deadline has come and ends its lease. Fields:
 *
 * lease	number of the lease
 * id		id of the lease
 * deadline_ns	the deadline, CLOCK_BOOTTIME
 * late_ns	time from the deadline to this event: how late the timer is, without the thaw
 */
TRACE_EVENT(lease_deadline,
	TP_PROTO(const struct fg_lease *lease),
	TP_ARGS(lease),
	TP_STRUCT__entry(
		__field(u64, lease)
		__array(char, id, FREEZEGUARD_ID_MAX + 1)
		__field(u64, deadline_ns)
		__field(s64, late_ns)
	),
	TP_fast_assign(
		__entry->lease = lease->number;
		memcpy(__entry->id, lease->id, FREEZEGUARD_ID_MAX + 1);
		__entry->deadline_ns = lease->info.deadline_ns;
		__entry->late_ns = ktime_get_boottime_ns() - lease->info.deadline_ns;
	),
	TP_printk("lease=%llu id=%s deadline_ns=%llu late_ns=%lld", __entry->lease, __entry->id,
		  __entry->deadline_ns, __entry->late_ns)
);

/*
 * hold_frozen: the freeze of a superblock of a lease has returned. Fields:
 *
 * lease	number of the lease
 * dev_major	major of the superblock's device number, s_dev
 * dev_minor	its minor
 * fs_type	name of the filesystem
 * level	level of the superblock in the lease
 * error	positive errno if the superblock is not frozen or will be thawed again, or 0
 * took_ns	duration of the freeze
 * class	enum freezeguard_class of the thread that will thaw
 */
TRACE_EVENT(hold_frozen,
	TP_PROTO(const struct fg_hold *hold, int err, u64 took_ns),
	TP_ARGS(hold, err, took_ns),
	TP_STRUCT__entry(
		__field(u64, lease)
		__field(u32, dev_major)
		__field(u32, dev_minor)
		__array(char, fs_type, FG_FS_TYPE_LEN)
		__field(u32, level)
		__field(u32, error)
		__field(u64, took_ns)
		__field(u32, class)
	),
	TP_fast_assign(
		__entry->lease = hold->lease->number;
		__entry->dev_major = MAJOR(hold->dev);
		__entry->dev_minor = MINOR(hold->dev);
		memcpy(__entry->fs_type, hold->fs_type, FG_FS_TYPE_LEN);
		__entry->level = hold->level;
		__entry->error = -err;
		__entry->took_ns = took_ns;
		__entry->class = hold->class;
	),
	TP_printk("lease=%llu dev=%u:%u fs_type=%s level=%u error=%u took_ns=%llu class=%s",
		  __entry->lease, __entry->dev_major, __entry->dev_minor, __entry->fs_type,
		  __entry->level, __entry->error, __entry->took_ns,
		  __print_symbolic(__entry->class,
				   FG_TRACE_CLASSES(FG_TRACE_NAME, FG_TRACE_LAST_NAME)))
);

/*
 * hold_thawed: a thaw of a superblock of a lease has returned. Fields:
 *
 * lease to level	as above
 * error	positive errno if the superblock is still frozen and the thaw will be repeated; 0 if our
 *		freeze is gone
 * took_ns	duration of the thaw
 * frozen_ns	how long the superblock was frozen; 0 if a freeze that failed was only undone
 * failures	number of thaws that failed so far, this one included
 * continuity	enum freezeguard_continuity, as far as it is known now
 */
TRACE_EVENT(hold_thawed,
	TP_PROTO(const struct fg_hold *hold, int err, u64 took_ns, u64 frozen_ns),
	TP_ARGS(hold, err, took_ns, frozen_ns),
	TP_STRUCT__entry(
		__field(u64, lease)
		__field(u32, dev_major)
		__field(u32, dev_minor)
		__array(char, fs_type, FG_FS_TYPE_LEN)
		__field(u32, level)
		__field(u32, error)
		__field(u64, took_ns)
		__field(u64, frozen_ns)
		__field(u32, failures)
		__field(u32, continuity)
	),
	TP_fast_assign(
		__entry->lease = hold->lease->number;
		__entry->dev_major = MAJOR(hold->dev);
		__entry->dev_minor = MINOR(hold->dev);
		memcpy(__entry->fs_type, hold->fs_type, FG_FS_TYPE_LEN);
		__entry->level = hold->level;
		__entry->error = -err;
		__entry->took_ns = took_ns;
		__entry->frozen_ns = frozen_ns;
		__entry->failures = hold->thaw_failures;
		__entry->continuity = hold->continuity;
	),
	TP_printk("lease=%llu dev=%u:%u fs_type=%s level=%u error=%u took_ns=%llu frozen_ns=%llu failures=%u continuity=%s",
		  __entry->lease, __entry->dev_major, __entry->dev_minor, __entry->fs_type,
		  __entry->level, __entry->error, __entry->took_ns, __entry->frozen_ns,
		  __entry->failures,
		  __print_symbolic(__entry->continuity,
				   FG_TRACE_CONTINUITIES(FG_TRACE_NAME, FG_TRACE_LAST_NAME)))
);

#endif /* FG_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
