/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR BSD-3-Clause) */
/*
 * What the observer's pinned maps hold. Compiled for BPF and for userspace.
 *
 * Times are CLOCK_BOOTTIME in nanoseconds, 0 where unknown. Names end with a NUL and may be cut.
 */
#ifndef FREEZEWATCH_H
#define FREEZEWATCH_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define FW_TYPE_LEN		16
#define FW_SOURCE_LEN		48
#define FW_COMM_LEN		16
#define FW_LEASE_ID_LEN		72
#define FW_WAIT_BUCKETS		32
#define FW_LEVELS		3

#define FW_MAX_FILESYSTEMS	4096
#define FW_MAX_WRITERS		16384
#define FW_MAX_EVENTS		4096

/**
 * struct fw_device - the key of a superblock: its s_dev, what /proc/self/mountinfo calls major:minor
 */
struct fw_device {
	__u32 major;
	__u32 minor;
};

/**
 * struct fw_process - who did or does something
 * @pid: of the process; 0 if unknown
 * @thread: the thread's
 * @uid: real user id
 * @comm: the thread's name
 * @cgroup: id of its cgroup (version 2), the inode of its directory
 */
struct fw_process {
	__u32 pid;
	__u32 thread;
	__u32 uid;
	char comm[FW_COMM_LEN];
	__u32 reserved;
	__u64 cgroup;
};

/**
 * enum fw_state - where a superblock is between two thaws
 * @FW_STATE_FREEZING: a call that freezes it is under way; writers may be stopped already
 * @FW_STATE_FROZEN: frozen
 */
enum fw_state {
	FW_STATE_NONE,
	FW_STATE_FREEZING,
	FW_STATE_FROZEN,
};

/**
 * enum fw_origin - by which way a superblock was frozen or thawed
 * @FW_ORIGIN_UNKNOWN: before the observer came
 * @FW_ORIGIN_USER: as userspace's holder: the ioctls, up to 6.5 the kernel's own too
 * @FW_ORIGIN_KERNEL: as the kernel's holder (6.6 and later)
 * @FW_ORIGIN_DEVICE: through its block device: device-mapper's suspend and resume
 * @FW_ORIGIN_SUSPEND: the system's suspend and resume
 * @FW_ORIGIN_LEASE: by freezeguard's module, for a lease
 * @FW_ORIGIN_SYSRQ: the emergency thaw, SysRq-j
 */
enum fw_origin {
	FW_ORIGIN_UNKNOWN,
	FW_ORIGIN_USER,
	FW_ORIGIN_KERNEL,
	FW_ORIGIN_DEVICE,
	FW_ORIGIN_SUSPEND,
	FW_ORIGIN_LEASE,
	FW_ORIGIN_SYSRQ,
};

/**
 * enum fw_phase - how far a freeze came; the values are those of the kernel's SB_FREEZE_*
 * @FW_PHASE_NONE: not begun
 * @FW_PHASE_WRITE: writes are stopped
 * @FW_PHASE_PAGEFAULT: page faults that write, too
 * @FW_PHASE_FS: what the filesystem writes itself, too
 * @FW_PHASE_COMPLETE: frozen
 */
enum fw_phase {
	FW_PHASE_NONE,
	FW_PHASE_WRITE,
	FW_PHASE_PAGEFAULT,
	FW_PHASE_FS,
	FW_PHASE_COMPLETE,
};

/**
 * struct fw_lease - the lease that holds a superblock frozen
 * @number: its number; 0: none
 * @deadline_ns: when it ends at the latest
 * @maker_pid: who made it
 * @maker_comm: that process' name
 * @id: its id
 */
struct fw_lease {
	__u64 number;
	__u64 deadline_ns;
	__u32 maker_pid;
	char maker_comm[FW_COMM_LEN];
	__u32 reserved;
	char id[FW_LEASE_ID_LEN];
};

/**
 * struct fw_frozen - map "frozen", by device: a superblock that is frozen, or being frozen
 * @state: which of the two
 * @filesystem: the filesystem's type
 * @source: what is mounted, of its first mount; the superblock's name where it has none
 * @origin: how it was frozen
 * @by: who froze it first
 * @since_ns: when that call began; 0: before the observer came
 * @frozen_ns: when it was frozen
 * @phase: of a freeze under way: how far it came when last looked at
 * @nested: freezes on top of the first one since, by other holders
 * @nested_origin: how the last of them was made
 * @nested_by: who made it
 * @nested_since_ns: when that call began
 * @lease: the lease that holds it
 * @blocked: writers that wait for its thaw now
 * @blocked_before: those of them that blocked before the observer came, counted when it came
 * @first_blocked_ns: since when the first of them waits
 * @superblock: the kernel's address of it
 */
struct fw_frozen {
	enum fw_state state;
	char filesystem[FW_TYPE_LEN];
	char source[FW_SOURCE_LEN];
	enum fw_origin origin;
	struct fw_process by;
	__u64 since_ns;
	__u64 frozen_ns;
	enum fw_phase phase;
	__u32 nested;
	enum fw_origin nested_origin;
	__u32 reserved;
	struct fw_process nested_by;
	__u64 nested_since_ns;
	struct fw_lease lease;
	__u64 blocked;
	__u64 blocked_before;
	__u64 first_blocked_ns;
	__u64 superblock;
};

/**
 * struct fw_stall - how writers waited
 * @waits: how often a writer had to
 * @ended: how many of these waits are over
 * @total_ns: all that are over, added up
 * @longest_ns: the longest that is over
 * @histogram: [i]: those that are over and took 2^i microseconds or more and less than 2^(i+1); the
 *	first also less than one, the last also longer
 */
struct fw_stall {
	__u64 waits;
	__u64 ended;
	__u64 total_ns;
	__u64 longest_ns;
	__u64 histogram[FW_WAIT_BUCKETS];
};

/**
 * struct fw_last - the newest freeze of a filesystem, also one that is under way
 * @origin: how it was frozen
 * @thaw_origin: how it was thawed
 * @by: who froze it
 * @thawed_by: who thawed it; pid 0: nobody has, or it isn't known
 * @since_ns: when the freeze began
 * @frozen_ns: when it was frozen
 * @thawed_ns: when it was thawed; 0: it has not been
 * @lease: number of the lease that held it; 0: none
 * @waits: writers that had to wait
 * @ended: those of them that go on
 * @longest_ns: the longest wait that is over
 */
struct fw_last {
	enum fw_origin origin;
	enum fw_origin thaw_origin;
	struct fw_process by;
	struct fw_process thawed_by;
	__u64 since_ns;
	__u64 frozen_ns;
	__u64 thawed_ns;
	__u64 lease;
	__u64 waits;
	__u64 ended;
	__u64 longest_ns;
};

/**
 * struct fw_filesystem - map "filesystems", by device: one that has been frozen and is not unmounted
 * @filesystem: its type
 * @source: what is mounted
 * @freezes: freezes that succeeded, those on top of another included
 * @failures: freezes that failed, other than as refused
 * @refused: freezes refused because it was frozen (EBUSY)
 * @thaws: thaws after which it was not frozen any more
 * @longest_freeze_ns: from frozen to thawed
 * @most_blocked: the most writers that waited for one thaw
 * @stall: the waits of its writers
 * @last: the newest freeze
 */
struct fw_filesystem {
	char filesystem[FW_TYPE_LEN];
	char source[FW_SOURCE_LEN];
	__u64 freezes;
	__u64 failures;
	__u64 refused;
	__u64 thaws;
	__u64 longest_freeze_ns;
	__u64 most_blocked;
	struct fw_stall stall;
	struct fw_last last;
};

/**
 * struct fw_totals - map "totals", one entry: all filesystems since the observer came
 * @freezes, @failures, @refused, @thaws: as in struct fw_filesystem
 * @thaws_refused: thaws of what was not frozen (EINVAL), SysRq-j's of every superblock left out
 * @thaws_left_frozen: thaws that failed, or after which another holder keeps it frozen
 * @emergency_thaws: SysRq-j
 * @unmounted_frozen: superblocks that went while frozen
 * @lost_entries: what a full map kept from being recorded
 * @next_event: number of the next event
 * @lost_events: events that could not be recorded
 * @longest_freeze_ns: from frozen to thawed
 * @stall: the waits of all writers
 */
struct fw_totals {
	__u64 freezes;
	__u64 failures;
	__u64 refused;
	__u64 thaws;
	__u64 thaws_refused;
	__u64 thaws_left_frozen;
	__u64 emergency_thaws;
	__u64 unmounted_frozen;
	__u64 lost_entries;
	__u64 next_event;
	__u64 lost_events;
	__u64 longest_freeze_ns;
	struct fw_stall stall;
};

#define FW_NOT_COUNTED	(~0ULL)

/**
 * struct fw_writer - map "writers", by thread id: one that waits for a thaw
 * @device: of what
 * @by: who waits
 * @since_ns: since when; 0: since before the observer came
 * @phase: which level of the freeze stops it
 * @set: number of the set of programs that saw it, its lower half: each load makes another set
 * @superblock: the kernel's address
 * @freeze_ns: when the freeze began that stops it, as in struct fw_last
 * @counted_ns: the same, as in the struct fw_frozen that counts it; FW_NOT_COUNTED: none does
 */
struct fw_writer {
	struct fw_device device;
	struct fw_process by;
	__u64 since_ns;
	enum fw_phase phase;
	__u32 set;
	__u64 superblock;
	__u64 freeze_ns;
	__u64 counted_ns;
};

/**
 * enum fw_event_type - what happened
 * @FW_EVENT_FROZEN: a filesystem was frozen
 * @FW_EVENT_FROZEN_AGAIN: by another holder, on top
 * @FW_EVENT_FREEZE_FAILED: a freeze failed, or was refused (EBUSY)
 * @FW_EVENT_THAWED: a filesystem was thawed
 * @FW_EVENT_THAW_FAILED: a thaw failed, or left it frozen by another holder
 * @FW_EVENT_UNMOUNTED: a frozen filesystem's superblock went
 * @FW_EVENT_EMERGENCY_THAW: SysRq-j was asked for
 */
enum fw_event_type {
	FW_EVENT_FROZEN = 1,
	FW_EVENT_FROZEN_AGAIN,
	FW_EVENT_FREEZE_FAILED,
	FW_EVENT_THAWED,
	FW_EVENT_THAW_FAILED,
	FW_EVENT_UNMOUNTED,
	FW_EVENT_EMERGENCY_THAW,
};

/**
 * struct fw_event - map "events", by running number: the last FW_MAX_EVENTS of them
 * @time_ns: when
 * @type: what
 * @origin: how
 * @error: positive errno of what failed
 * @phase: how far a freeze came
 * @device: on what; 0:0 for an emergency thaw
 * @filesystem: its type
 * @source: what is mounted
 * @by: who did it
 * @took_ns: how long the call took
 * @frozen_for_ns: of a thaw: how long it had been frozen
 * @lease: number of the lease; 0: none
 * @waits: of a thaw: writers that waited for it
 */
struct fw_event {
	__u64 time_ns;
	enum fw_event_type type;
	enum fw_origin origin;
	__u32 error;
	enum fw_phase phase;
	struct fw_device device;
	char filesystem[FW_TYPE_LEN];
	char source[FW_SOURCE_LEN];
	struct fw_process by;
	__u64 took_ns;
	__u64 frozen_for_ns;
	__u64 lease;
	__u64 waits;
};

#endif /* FREEZEWATCH_H */
