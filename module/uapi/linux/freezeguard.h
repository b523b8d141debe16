/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/*
 * freezeguard: freeze leases over generic netlink.
 *
 * Described in full by Documentation/netlink/specs/freezeguard.yaml; a test holds this header,
 * the kernel's policy and the library to it.
 *
 * A lease is one freeze of one or more superblocks, with an id and a deadline. The kernel ends it
 * at the deadline whatever happens in userspace. Every time is in nanoseconds of CLOCK_BOOTTIME,
 * every error number is positive. Permission is that of the FIFREEZE ioctl, CAP_SYS_ADMIN in the
 * user namespace that owns the superblock, of both the sender and the opener of the socket.
 *
 * FREEZEGUARD_CMD_LEASE_NEW
 *	in:  TIMEOUT_MS, SUPERBLOCK { FD, LEVEL }..., ID (optional: the kernel makes one up),
 *	     SYNC_BUDGET_MS (optional: write back before anything is frozen, for that long at most)
 *	out: the lease, in state FREEZING. It belongs to the socket: closing it ends the lease,
 *	     until LEASE_DETACH. How the freezing went comes as LEASE_NTF; LEASE_GET has it too.
 *	     Two fds on one superblock are one hold, with the lower of the two levels. Superblocks
 *	     of one level freeze in parallel, lower levels before higher ones.
 *	errors: EINVAL malformed; ERANGE timeout over the bound, or sync budget not below the
 *	     timeout; E2BIG too many superblocks; EBADF; EPERM; EACCES a security module denies
 *	     FIFREEZE; EOPNOTSUPP the filesystem cannot freeze; EBUSY already frozen, by a live
 *	     lease (whose number is the u64 in the extended ack's cookie) or by something else (no
 *	     cookie); EEXIST a live lease has that id; EUSERS too many live leases; ENODEV the
 *	     module is being unloaded; ESHUTDOWN the machine is shutting down; EAGAIN it is about to
 *	     sleep, that is, to be suspended or to hibernate; ENOMEM.
 * FREEZEGUARD_CMD_LEASE_END
 *	in:  NUMBER or ID; ID means the newest lease of that name, here and below
 *	out: the lease, in state THAWING or ROLLING_BACK, or already in its last one; the last one
 *	     comes as LEASE_NTF. The ACK has the lease's number as a u64 in the extended ack's
 *	     cookie: without memory for the lease, the ACK is the only answer. A socket without room
 *	     may get neither, but ENOBUFS; LEASE_GET shows what happened. So it is with EXTEND and
 *	     DETACH.
 *	errors: EINVAL; ENOENT no such lease; EPERM; EALREADY it is ending or has ended; ENOMEM
 *	     nothing was done
 * FREEZEGUARD_CMD_LEASE_EXTEND
 *	in:  NUMBER or ID, TIMEOUT_MS: from now on; the lease's whole life stays within the bound
 *	out: the lease
 *	errors: as LEASE_END; ERANGE
 * FREEZEGUARD_CMD_LEASE_DETACH
 *	in:  NUMBER or ID
 *	out: the lease, which from now on outlives its socket (though never its deadline)
 *	errors: as LEASE_END; EAGAIN not all frozen yet
 * FREEZEGUARD_CMD_LEASE_GET
 *	do:   NUMBER or ID; out: the lease without its holds
 *	dump: NUMBER or ID; out: the lease with all its holds
 *	      neither; out: every lease that the reader has the permission for, live ones and
 *	      history, oldest first
 *	      A lease with more holds than a message has room for comes in several messages, each
 *	      with the whole lease and the next of its holds. The lease in the first of them is not
 *	      newer than any hold. If it leaves the history in the middle, the next message has
 *	      NLM_F_DUMP_INTR.
 *	errors: EINVAL; ENOENT; EPERM; ENOMEM
 * FREEZEGUARD_CMD_FS_GET
 *	in:  FD
 *	out: the freeze state of that superblock, whoever froze it, and the lease that holds it
 *	errors: EINVAL; EBADF; EPERM; ENOMEM
 * FREEZEGUARD_CMD_LEASE_NTF
 *	The lease without its holds, and EVENT_SEQ, which counts every notification: a gap means
 *	that some were lost. Multicast to the group "events" of the first network namespace,
 *	which takes CAP_SYS_ADMIN to join, and unicast to the lease's owner.
 *	When a thaw fails and is tried again, that HOLD comes with it. Notifications are best
 *	effort; LEASE_GET is the truth. THAWING and ROLLING_BACK are not announced when they were
 *	over too soon, and FREEZING only to the group: the owner has the reply.
 */
#ifndef _UAPI_LINUX_FREEZEGUARD_H
#define _UAPI_LINUX_FREEZEGUARD_H

#define FREEZEGUARD_FAMILY_NAME		"freezeguard"
#define FREEZEGUARD_FAMILY_VERSION	1
#define FREEZEGUARD_MCGRP_EVENTS	"events"

/*
 * The longest id, without the terminating NUL, and the characters that it may have. None of them
 * means anything to a shell, or separates the parts of a path. Ids that begin with "lease-" are
 * made by the kernel.
 */
#define FREEZEGUARD_ID_MAX		63
#define FREEZEGUARD_ID_CHARACTERS \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@+-"
/* The longest process name that is reported, without the terminating NUL. */
#define FREEZEGUARD_COMM_MAX		15
/* The most superblocks that one lease can have; the module parameter max_holds may lower it. */
#define FREEZEGUARD_HOLDS_MAX		512
/* The highest level of a superblock. */
#define FREEZEGUARD_LEVEL_MAX		511

/**
 * enum freezeguard_lease_state - where a lease is in its life
 * @FREEZEGUARD_LEASE_STATE_FREEZING: superblocks are being frozen
 * @FREEZEGUARD_LEASE_STATE_FROZEN: all superblocks are frozen
 * @FREEZEGUARD_LEASE_STATE_THAWING: it was FROZEN, its end has been decided, writers may still wait
 * @FREEZEGUARD_LEASE_STATE_ROLLING_BACK: it ended before it was FROZEN; some may still be frozen
 * @FREEZEGUARD_LEASE_STATE_THAWED: ended by a request; nothing of it is frozen
 * @FREEZEGUARD_LEASE_STATE_EXPIRED: ended by its deadline; nothing of it is frozen
 * @FREEZEGUARD_LEASE_STATE_BROKEN: somebody else thawed one of its superblocks before its end
 * @FREEZEGUARD_LEASE_STATE_ABORTED: ended by its owner's death, or by the machine's shutdown or
 *	sleep
 * @FREEZEGUARD_LEASE_STATE_FAILED: was never FROZEN; nothing of it is frozen
 *
 * From THAWED on it is history.
 */
enum freezeguard_lease_state {
	FREEZEGUARD_LEASE_STATE_FREEZING = 1,
	FREEZEGUARD_LEASE_STATE_FROZEN,
	FREEZEGUARD_LEASE_STATE_THAWING,
	FREEZEGUARD_LEASE_STATE_ROLLING_BACK,
	FREEZEGUARD_LEASE_STATE_THAWED,
	FREEZEGUARD_LEASE_STATE_EXPIRED,
	FREEZEGUARD_LEASE_STATE_BROKEN,
	FREEZEGUARD_LEASE_STATE_ABORTED,
	FREEZEGUARD_LEASE_STATE_FAILED,
};

/**
 * enum freezeguard_cause - what ended a lease; the first to come wins and stays
 * @FREEZEGUARD_CAUSE_NONE: it has not ended
 * @FREEZEGUARD_CAUSE_REQUEST: FREEZEGUARD_CMD_LEASE_END
 * @FREEZEGUARD_CAUSE_DEADLINE: its deadline
 * @FREEZEGUARD_CAUSE_OWNER_DEATH: the socket it belonged to was closed
 * @FREEZEGUARD_CAUSE_HOLD_FAILED: a superblock could not be frozen; FREEZEGUARD_A_LEASE_ERROR says
 *	why
 * @FREEZEGUARD_CAUSE_FOREIGN_THAW: somebody else thawed one of its superblocks
 * @FREEZEGUARD_CAUSE_SHUTDOWN: the machine is shutting down
 * @FREEZEGUARD_CAUSE_SLEEP: the machine was about to be suspended or to hibernate
 */
enum freezeguard_cause {
	FREEZEGUARD_CAUSE_NONE,
	FREEZEGUARD_CAUSE_REQUEST,
	FREEZEGUARD_CAUSE_DEADLINE,
	FREEZEGUARD_CAUSE_OWNER_DEATH,
	FREEZEGUARD_CAUSE_HOLD_FAILED,
	FREEZEGUARD_CAUSE_FOREIGN_THAW,
	FREEZEGUARD_CAUSE_SHUTDOWN,
	FREEZEGUARD_CAUSE_SLEEP,
};

/**
 * enum freezeguard_continuity - were the superblocks frozen without a gap from FROZEN to the thaw?
 * @FREEZEGUARD_CONTINUITY_UNKNOWN: nothing was seen to the contrary, but a thaw and another freeze
 *	by somebody else would not have been seen
 * @FREEZEGUARD_CONTINUITY_OBSERVED: yes: every thaw on the machine was watched
 * @FREEZEGUARD_CONTINUITY_GUARANTEED: yes: the kernel let nobody else thaw them
 * @FREEZEGUARD_CONTINUITY_BROKEN: no
 */
enum freezeguard_continuity {
	FREEZEGUARD_CONTINUITY_UNKNOWN,
	FREEZEGUARD_CONTINUITY_OBSERVED,
	FREEZEGUARD_CONTINUITY_GUARANTEED,
	FREEZEGUARD_CONTINUITY_BROKEN,
};

/**
 * enum freezeguard_hold_state - one superblock of a lease
 * @FREEZEGUARD_HOLD_STATE_WAITING: for the write-back, and for the levels below
 * @FREEZEGUARD_HOLD_STATE_FREEZING: the kernel is freezing it; cannot be interrupted
 * @FREEZEGUARD_HOLD_STATE_FROZEN: frozen
 * @FREEZEGUARD_HOLD_STATE_THAWING: the kernel is thawing it, or will try again soon
 * @FREEZEGUARD_HOLD_STATE_RELEASED: the lease has nothing to do with it any more
 */
enum freezeguard_hold_state {
	FREEZEGUARD_HOLD_STATE_WAITING = 1,
	FREEZEGUARD_HOLD_STATE_FREEZING,
	FREEZEGUARD_HOLD_STATE_FROZEN,
	FREEZEGUARD_HOLD_STATE_THAWING,
	FREEZEGUARD_HOLD_STATE_RELEASED,
};

/**
 * enum freezeguard_class - the scheduling class of the thread that will thaw a hold
 * @FREEZEGUARD_CLASS_NORMAL: an ordinary thread: any real-time task precedes it
 * @FREEZEGUARD_CLASS_FIFO: SCHED_FIFO of the highest priority: when it has to thaw, the module's
 *	reserve makes it SCHED_DEADLINE
 * @FREEZEGUARD_CLASS_DEADLINE: SCHED_DEADLINE: no real-time task precedes it
 */
enum freezeguard_class {
	FREEZEGUARD_CLASS_NORMAL = 1,
	FREEZEGUARD_CLASS_FIFO,
	FREEZEGUARD_CLASS_DEADLINE,
};

/**
 * enum freezeguard_fs_state - a superblock's freeze state, with the kernel's own numbers (SB_*)
 * @FREEZEGUARD_FS_STATE_UNFROZEN: writers go
 * @FREEZEGUARD_FS_STATE_WRITE: being frozen, system calls that write wait
 * @FREEZEGUARD_FS_STATE_PAGEFAULT: being frozen, writing page faults wait too
 * @FREEZEGUARD_FS_STATE_FS: being frozen, the filesystem's own writes wait too
 * @FREEZEGUARD_FS_STATE_COMPLETE: frozen
 */
enum freezeguard_fs_state {
	FREEZEGUARD_FS_STATE_UNFROZEN,
	FREEZEGUARD_FS_STATE_WRITE,
	FREEZEGUARD_FS_STATE_PAGEFAULT,
	FREEZEGUARD_FS_STATE_FS,
	FREEZEGUARD_FS_STATE_COMPLETE,
};

/**
 * enum freezeguard_suspend - what a suspend of its device does while a lease holds a superblock
 * @FREEZEGUARD_SUSPEND_UNKNOWN: not known; not on one block device, or has a freeze of its own
 * @FREEZEGUARD_SUSPEND_REFUSED: it fails with EBUSY
 * @FREEZEGUARD_SUSPEND_NESTS: it works, and is independent of the lease
 * @FREEZEGUARD_SUSPEND_SPOILS: it works, but later suspends do not freeze the superblock any more,
 *	and the device cannot be mounted again, until the device has been removed and made anew
 *
 * A suspend is device-mapper's, so an LVM snapshot's too; it freezes the superblock as well.
 */
enum freezeguard_suspend {
	FREEZEGUARD_SUSPEND_UNKNOWN,
	FREEZEGUARD_SUSPEND_REFUSED,
	FREEZEGUARD_SUSPEND_NESTS,
	FREEZEGUARD_SUSPEND_SPOILS,
};

/* One superblock to freeze, inside FREEZEGUARD_A_LEASE_SUPERBLOCK. */
enum {
	FREEZEGUARD_A_SUPERBLOCK_FD = 1,	/* s32: any open file on it */
	FREEZEGUARD_A_SUPERBLOCK_LEVEL,		/* u32: freezes after all lower levels; default 0 */

	__FREEZEGUARD_A_SUPERBLOCK_MAX,
	FREEZEGUARD_A_SUPERBLOCK_MAX = (__FREEZEGUARD_A_SUPERBLOCK_MAX - 1)
};

/* One superblock of a lease, inside FREEZEGUARD_A_LEASE_HOLD. */
enum {
	FREEZEGUARD_A_HOLD_DEV_MAJOR = 1,	/* u32: the superblock's device number, s_dev */
	FREEZEGUARD_A_HOLD_DEV_MINOR,		/* u32 */
	FREEZEGUARD_A_HOLD_FS_TYPE,		/* string: "ext4" */
	FREEZEGUARD_A_HOLD_NAME,		/* string: the superblock's name, s_id: "sda1" */
	FREEZEGUARD_A_HOLD_LEVEL,		/* u32 */
	FREEZEGUARD_A_HOLD_STATE,		/* u32: enum freezeguard_hold_state */
	FREEZEGUARD_A_HOLD_ERROR,		/* u32: errno of the freeze or the last thaw */
	FREEZEGUARD_A_HOLD_THAW_FAILURES,	/* u32: thaws that failed so far */
	FREEZEGUARD_A_HOLD_FREEZE_BEGIN_NS,	/* u64: when its freeze was begun */
	FREEZEGUARD_A_HOLD_FROZEN_NS,		/* u64: when it was frozen */
	FREEZEGUARD_A_HOLD_RELEASED_NS,		/* u64: when it was released */
	FREEZEGUARD_A_HOLD_CONTINUITY,		/* u32: enum freezeguard_continuity */
	FREEZEGUARD_A_HOLD_STILL_FROZEN,	/* flag: released, frozen by another freeze */
	FREEZEGUARD_A_HOLD_TURNED_READ_ONLY,	/* flag: read-only since it was frozen */
	FREEZEGUARD_A_HOLD_PAD,
	FREEZEGUARD_A_HOLD_CLASS,		/* u32: enum freezeguard_class, once it has its thread */

	__FREEZEGUARD_A_HOLD_MAX,
	FREEZEGUARD_A_HOLD_MAX = (__FREEZEGUARD_A_HOLD_MAX - 1)
};

/* A lease: in requests, replies, dumps and notifications. */
enum {
	FREEZEGUARD_A_LEASE_NUMBER = 1,		/* u64: unique until the module is unloaded */
	FREEZEGUARD_A_LEASE_ID,			/* string */
	FREEZEGUARD_A_LEASE_TIMEOUT_MS,		/* u32: request only */
	FREEZEGUARD_A_LEASE_SUPERBLOCK,		/* nest, several: request only */
	FREEZEGUARD_A_LEASE_STATE,		/* u32: enum freezeguard_lease_state */
	FREEZEGUARD_A_LEASE_CAUSE,		/* u32: enum freezeguard_cause */
	FREEZEGUARD_A_LEASE_ERROR,		/* u32: errno of the hold that failed first */
	FREEZEGUARD_A_LEASE_BOUND,		/* flag: ends when its socket is closed */
	FREEZEGUARD_A_LEASE_CONTINUITY,		/* u32: the worst continuity of any hold */
	FREEZEGUARD_A_LEASE_BEGIN_NS,		/* u64: its begin, before the first freeze */
	FREEZEGUARD_A_LEASE_FROZEN_NS,		/* u64: when the last superblock was frozen */
	FREEZEGUARD_A_LEASE_DEADLINE_NS,	/* u64 */
	FREEZEGUARD_A_LEASE_ENDED_NS,		/* u64: when its end was decided */
	FREEZEGUARD_A_LEASE_RELEASED_NS,	/* u64: when the last superblock was released */
	FREEZEGUARD_A_LEASE_OWNER_PID,		/* u32: its maker, initial pid namespace */
	FREEZEGUARD_A_LEASE_OWNER_COMM,		/* string */
	FREEZEGUARD_A_LEASE_ENDER_PID,		/* u32: the process that ended it, if one did */
	FREEZEGUARD_A_LEASE_ENDER_COMM,		/* string */
	FREEZEGUARD_A_LEASE_HOLDS,		/* u32: how many superblocks it has */
	FREEZEGUARD_A_LEASE_HOLDS_LIVE,		/* u32: how many of them are not released yet */
	FREEZEGUARD_A_LEASE_HOLD,		/* nest, several */
	FREEZEGUARD_A_LEASE_EVENT_SEQ,		/* u32: notifications only: their running number */
	FREEZEGUARD_A_LEASE_PAD,
	FREEZEGUARD_A_LEASE_SYNC_BUDGET_MS,	/* u32: request only */

	__FREEZEGUARD_A_LEASE_MAX,
	FREEZEGUARD_A_LEASE_MAX = (__FREEZEGUARD_A_LEASE_MAX - 1)
};

/* A superblock's freeze state. */
enum {
	FREEZEGUARD_A_FS_FD = 1,		/* s32: request only */
	FREEZEGUARD_A_FS_DEV_MAJOR,		/* u32: the superblock's device number, s_dev */
	FREEZEGUARD_A_FS_DEV_MINOR,		/* u32 */
	FREEZEGUARD_A_FS_TYPE,			/* string */
	FREEZEGUARD_A_FS_NAME,			/* string: s_id */
	FREEZEGUARD_A_FS_STATE,			/* u32: enum freezeguard_fs_state */
	FREEZEGUARD_A_FS_FREEZABLE,		/* flag: the filesystem can freeze */
	FREEZEGUARD_A_FS_READ_ONLY,		/* flag */
	FREEZEGUARD_A_FS_KERNEL_HOLDERS,	/* u32: where the kernel counts them (6.6) */
	FREEZEGUARD_A_FS_USER_HOLDERS,		/* u32: likewise */
	FREEZEGUARD_A_FS_LEASE_NUMBER,		/* u64: the live lease that holds it, if one does */
	FREEZEGUARD_A_FS_LEASE_ID,		/* string */
	FREEZEGUARD_A_FS_SUSPEND,		/* u32: enum freezeguard_suspend */
	FREEZEGUARD_A_FS_PAD,

	__FREEZEGUARD_A_FS_MAX,
	FREEZEGUARD_A_FS_MAX = (__FREEZEGUARD_A_FS_MAX - 1)
};

enum {
	FREEZEGUARD_CMD_LEASE_NEW = 1,
	FREEZEGUARD_CMD_LEASE_END,
	FREEZEGUARD_CMD_LEASE_EXTEND,
	FREEZEGUARD_CMD_LEASE_DETACH,
	FREEZEGUARD_CMD_LEASE_GET,
	FREEZEGUARD_CMD_FS_GET,
	FREEZEGUARD_CMD_LEASE_NTF,

	__FREEZEGUARD_CMD_MAX,
	FREEZEGUARD_CMD_MAX = (__FREEZEGUARD_CMD_MAX - 1)
};

#endif /* _UAPI_LINUX_FREEZEGUARD_H */
