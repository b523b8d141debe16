/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat: the only directory with differences between kernels. Compile probes (Makefile.probes)
 * find out what this kernel has. Each shim explains its difference.
 */
#ifndef FG_COMPAT_H
#define FG_COMPAT_H

#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <net/genetlink.h>

#include <linux/freezeguard.h>

/**
 * enum fg_holder - the kind of holder as which a superblock is frozen
 * @FG_HOLDER_USER: as FIFREEZE does: FITHAW of any process or SysRq-j ends the freeze
 * @FG_HOLDER_KERNEL: no other process can end the freeze; before 6.6, where freezes have no
 *	holders, the same as @FG_HOLDER_USER
 */
enum fg_holder {
	FG_HOLDER_USER,
	FG_HOLDER_KERNEL,
};

int fg_super_freeze(struct super_block *sb, enum fg_holder who);
int fg_super_thaw(struct super_block *sb, enum fg_holder who);
void fg_super_after_foreign_thaw(struct super_block *sb);
int fg_super_thaw_raw(struct super_block *sb, enum fg_holder who);
int fg_super_state(struct super_block *sb);
bool fg_super_can_freeze(struct super_block *sb);
bool fg_super_holders(struct super_block *sb, unsigned int *kernel, unsigned int *user);
bool fg_super_holder_is_exclusive(struct super_block *sb, enum fg_holder who);

bool fg_rcu_expedite(void);
void fg_rcu_unexpedite(void);

void fg_thread_boost(struct task_struct *task);
void fg_thread_rescue(struct task_struct *task);
void fg_suspend_probe(void);
enum freezeguard_suspend fg_suspend(struct super_block *sb, enum fg_holder who);
int fg_trial(void (*fn)(struct super_block *sb));

/**
 * fg_hrtimer_init() - prepare a timer on CLOCK_BOOTTIME with an absolute expiry
 * @timer: the timer
 * @callback: what it calls, in hard interrupt context
 *
 * Context: any.
 */
static inline void fg_hrtimer_init(struct hrtimer *timer,
				   enum hrtimer_restart (*callback)(struct hrtimer *))
{
#ifdef HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, callback, CLOCK_BOOTTIME, HRTIMER_MODE_ABS);
#else
	hrtimer_init(timer, CLOCK_BOOTTIME, HRTIMER_MODE_ABS);
	timer->function = callback;
#endif
}

/*
 * How an ftrace callback gets an argument of its function. From 6.2 on every callback has the
 * arguments, and on arm64 nothing else. Before, a callback has to request all registers. Where
 * FG_FTRACE_FLAGS is not defined, there are no arguments.
 */
#if defined(HAVE_FTRACE_ARGUMENT) && defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS)
#define FG_FTRACE_FLAGS			0
#define fg_ftrace_argument(fregs, n)	ftrace_regs_get_argument(fregs, n)
#elif defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS) && defined(CONFIG_HAVE_FUNCTION_ARG_ACCESS_API)
#define FG_FTRACE_FLAGS			FTRACE_OPS_FL_SAVE_REGS
#define fg_ftrace_argument(fregs, n)	regs_get_kernel_argument(ftrace_get_regs(fregs), n)
#endif

/*
 * From 6.7 on, and in newer stable releases of older kernels, a group can require CAP_SYS_ADMIN.
 * On other kernels any process may listen.
 */
#ifdef GENL_MCAST_CAP_SYS_ADMIN
#define FG_MCGRP_ADMIN	.flags = GENL_MCAST_CAP_SYS_ADMIN
#elif defined(HAVE_MCGRP_CAP_BIT)
#define FG_MCGRP_ADMIN	.cap_sys_admin = 1
#else
#define FG_MCGRP_ADMIN
#endif

/* End the calling kernel thread and drop the module reference that kept its code in memory. */
#ifdef HAVE_KTHREAD_EXIT
#define fg_thread_exit()	module_put_and_kthread_exit(0)
#else
#define fg_thread_exit()	module_put_and_exit(0)
#endif

#endif /* FG_COMPAT_H */
