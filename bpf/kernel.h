/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's types, as far as the observer reads them: their names and those of the fields, which
 * libbpf finds in the running kernel's BTF. So the object builds without any kernel's BTF or headers.
 */
#ifndef FW_KERNEL_H
#define FW_KERNEL_H

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;
typedef _Bool bool;
#define true 1
#define false 0

/* of the bpf() system call's interface */
enum { BPF_ANY, BPF_NOEXIST, BPF_EXIST };
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next, *prev;
};

struct wait_queue_head {
	struct list_head head;
};

struct wait_queue_entry {
	void *private;
	struct list_head entry;
};

struct percpu_rw_semaphore {
	struct wait_queue_head waiters;
};

struct sb_writers {
	unsigned short frozen;
	struct percpu_rw_semaphore rw_sem[3];
};

struct file_system_type {
	const char *name;
};

struct mount {
	const char *mnt_devname;
};

struct super_block {
	u32 s_dev;
	struct file_system_type *s_type;
	struct sb_writers s_writers;
	char s_id[32];
};

struct inode {
	struct super_block *i_sb;
};

struct file {
	struct inode *f_inode;
};

struct block_device {
	void *bd_holder;
};

struct cred {
	struct {
		u32 val;
	} uid;
};

struct task_struct {
	unsigned int __state;
	unsigned int flags;
	int pid;
	int tgid;
	const struct cred *real_cred;
	char comm[16];
};

/* what BPF's iterators get */
struct seq_file;
struct bpf_map;

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
	u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};

/* A probe's registers: the first four arguments, and what was returned. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long di, si, dx, cx, ax;
};
#define FW_REGS_ARGS(regs)	(regs)->di, (regs)->si, (regs)->dx, (regs)->cx
#define FW_REGS_RETURNED(regs)	((int)(regs)->ax)
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 regs[31];
};
#define FW_REGS_ARGS(regs)	(regs)->regs[0], (regs)->regs[1], (regs)->regs[2], (regs)->regs[3]
#define FW_REGS_RETURNED(regs)	((int)(regs)->regs[0])
#endif

#pragma clang attribute pop

/* values that are no types, the same in all kernels */
#define PF_KTHREAD		0x00200000
#define TASK_UNINTERRUPTIBLE	0x0002
#define TASK_NOLOAD		0x0400
#define FREEZE_HOLDER_KERNEL	1	/* from 6.6 on */
#define EBUSY			16

#endif /* FW_KERNEL_H */
