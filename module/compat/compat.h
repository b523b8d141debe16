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
#include <linux/sched/isolation.h>
#include <linux/tick.h>
#include <net/genetlink.h>

#include <linux/freezeguard.h>

/* Call a freeze_super() or a thaw_super(); @holder is dropped where freezes have no holders. */
#if defined(HAVE_FREEZE_OWNER)
#define fg_super_call(fn, sb, holder)	fn(sb, holder, NULL)
#elif defined(HAVE_FREEZE_HOLDER)
#define fg_super_call(fn, sb, holder)	fn(sb, holder)
#else
#define fg_super_call(fn, sb, holder)	fn(sb)
#endif

int fg_super_freeze(struct super_block *sb);
int fg_super_thaw(struct super_block *sb);
void fg_super_after_foreign_thaw(struct super_block *sb);
int fg_super_state(struct super_block *sb);
bool fg_super_can_freeze(struct super_block *sb);
bool fg_super_holders(struct super_block *sb, unsigned int *kernel, unsigned int *user);
bool fg_super_holder_is_exclusive(struct super_block *sb);

/* Are there processors that the kernel was told not to disturb (nohz_full=, isolcpus=)? */
static inline bool fg_has_isolated_cpus(void)
{
#ifdef HAVE_HK_TYPE
	if (housekeeping_enabled(HK_TYPE_DOMAIN))
		return true;
#endif
	return tick_nohz_full_enabled();
}

bool fg_rcu_expedite(void);
void fg_rcu_unexpedite(void);

enum freezeguard_class fg_thread_boost(struct task_struct *task, unsigned int *reserved_us);
int fg_thread_make_ordinary(struct task_struct *task, int nice);
void fg_thread_unreserve(unsigned int reserved_us);
int fg_thread_reserve(bool lends);
int fg_thread_lend(struct task_struct *task);

void fg_suspend_probe(void);
enum freezeguard_suspend fg_suspend(struct super_block *sb);
int fg_trial(void (*fn)(struct super_block *sb));

/**
 * fg_hrtimer_init() - prepare a timer on CLOCK_BOOTTIME with an absolute expiry
 * @timer: the timer
 * @callback: what it calls, in hard interrupt context, on PREEMPT_RT too
 */
static inline void fg_hrtimer_init(struct hrtimer *timer,
				   enum hrtimer_restart (*callback)(struct hrtimer *))
{
#ifdef HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, callback, CLOCK_BOOTTIME, HRTIMER_MODE_ABS_HARD);
#else
	hrtimer_init(timer, CLOCK_BOOTTIME, HRTIMER_MODE_ABS_HARD);
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
#define fg_kthread_exit()	module_put_and_kthread_exit(0)
#else
#define fg_kthread_exit()	module_put_and_exit(0)
#endif

#endif /* FG_COMPAT_H */
