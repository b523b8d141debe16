/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/*
 * freezeguard: what the module tells a BPF program about its holds.
 *
 * For each superblock of a lease the module calls blocking_notifier_call_chain_robust() of the
 * kernel on a chain on which nobody is, with FREEZEGUARD_NOTICE as the notifier's value and a struct
 * freezeguard_notice as its data. A program on the entry of that function thus sees the leases
 * without a reference to the module, whether it is loaded or not, and never keeps it from being
 * unloaded:
 *
 *	SEC("fentry/blocking_notifier_call_chain_robust")
 *	int BPF_PROG(notice, struct blocking_notifier_head *head, unsigned long val,
 *		     unsigned long undo, void *data)
 *
 * It compares val, and copies the notice with bpf_probe_read_kernel(): as much of it as it knows, of
 * which the first @size bytes were told. Fields are only ever added at the end.
 *
 * The notices of a hold are in order. They are given in process context, by code that may sleep.
 *
 * Includes nothing for BPF, where vmlinux.h has the types.
 */
#ifndef _UAPI_LINUX_FREEZEGUARD_NOTICE_H
#define _UAPI_LINUX_FREEZEGUARD_NOTICE_H

#ifndef __bpf__
#include <linux/types.h>
#endif

/* The notifier's value: "fzgd" in ASCII, most significant byte first. */
#define FREEZEGUARD_NOTICE		0x667a6764UL

/* Room for FREEZEGUARD_ID_MAX characters and a NUL, rounded up. */
#define FREEZEGUARD_NOTICE_ID_LEN	72
#define FREEZEGUARD_NOTICE_COMM_LEN	16

/**
 * enum freezeguard_notice_event - what there is to tell
 * @FREEZEGUARD_NOTICE_FREEZING: the calling thread is about to freeze the superblock; once for each
 *	hold that gets so far
 * @FREEZEGUARD_NOTICE_DEADLINE: the lease has a new deadline; before RELEASED, any number of times
 * @FREEZEGUARD_NOTICE_RELEASED: the hold is over, whether it ever was frozen or not; the superblock
 *	may be gone, or others may keep it frozen
 */
enum freezeguard_notice_event {
	FREEZEGUARD_NOTICE_FREEZING = 1,
	FREEZEGUARD_NOTICE_DEADLINE,
	FREEZEGUARD_NOTICE_RELEASED,
};

/**
 * struct freezeguard_notice - one superblock of one lease
 * @size: of this structure, in the module that tells
 * @event: enum freezeguard_notice_event
 * @superblock: address of the struct super_block: a name, to be compared, not to be followed
 * @lease: number of the lease
 * @deadline_ns: when it ends at the latest, CLOCK_BOOTTIME
 * @maker_pid: the process that made the lease, in the initial pid namespace
 * @thaw_pid: the thread that will thaw the superblock, in the initial pid namespace
 * @maker_comm: the name of that process
 * @id: the lease's
 */
struct freezeguard_notice {
	__u32 size;
	__u32 event;
	__u64 superblock;
	__u64 lease;
	__u64 deadline_ns;
	__u32 maker_pid;
	__u32 thaw_pid;
	char maker_comm[FREEZEGUARD_NOTICE_COMM_LEN];
	char id[FREEZEGUARD_NOTICE_ID_LEN];
};

#endif /* _UAPI_LINUX_FREEZEGUARD_NOTICE_H */
