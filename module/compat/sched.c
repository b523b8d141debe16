// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lets a thread run while real-time tasks occupy every CPU.
 *
 * Beside a SCHED_FIFO task that never sleeps, a SCHED_FIFO thread of the same or a lower priority
 * gets nothing at all: the kernel's throttling of real-time tasks leaves some time to ordinary
 * threads, but none to other real-time ones. SCHED_DEADLINE precedes every SCHED_FIFO priority.
 *
 * sched_setattr_nocheck() is exported from 5.15 on. On older kernels sched_set_fifo() gives a
 * module no more than SCHED_FIFO 50. Module.symvers decides, as the function was always declared.
 */
#include <linux/cpumask.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <uapi/linux/sched/types.h>

#include "compat/compat.h"

/*
 * A thread that has used up its runtime waits for its next period, even on an idle CPU. A runtime
 * of 10 ms is many times what a thaw takes. A thread that is refused it gets half, and so on.
 */
#define FG_RUNTIME_FIRST_US	10000
#define FG_RUNTIME_LAST_US	1250

/* What the rescuer reserves, lends to one thread at a time, and keeps. */
#define FG_RESERVE_US		10000
#define FG_LOAN_US		3000
#define FG_RESERVE_KEPT_US	1000

/* A long period makes room for many threads. The kernel allows 4.19 s. */
#define FG_PERIOD_SHORTEST_US	100000
#define FG_PERIOD_LONGEST_US	4000000

#ifdef HAVE_SCHED_SETATTR

#define FG_FIFO_PRIORITY	99

/* As the kernel counts bandwidth: 1 << FG_BW_SHIFT is all of one CPU. */
#define FG_BW_SHIFT		20

/* What the threads of all leases have reserved. */
static atomic64_t fg_thread_reserved;

static unsigned int fg_thread_cpus(struct task_struct *task)
{
	unsigned int cpu, cpus = 0;

	for_each_cpu_and(cpu, task->cpus_ptr, cpu_active_mask)
		cpus++;
	return max(cpus, 1U);
}

static int fg_thread_set_deadline(struct task_struct *task, u64 runtime_us, u64 period_us)
{
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_DEADLINE,
		.sched_flags = SCHED_FLAG_RECLAIM,
		.sched_runtime = runtime_us * NSEC_PER_USEC,
		.sched_deadline = period_us * NSEC_PER_USEC,
		.sched_period = period_us * NSEC_PER_USEC,
	};

	return sched_setattr_nocheck(task, &attr);
}

/*
 * The kernel admits threads by the CPUs of the whole machine. Those that nohz_full or a list of
 * isolated CPUs keeps kernel threads from are no use to these.
 */
static int fg_thread_reserve_share(struct task_struct *task, u64 runtime_us, u64 period_us, s64 *bw)
{
	s64 most = ((s64)fg_thread_cpus(task) << FG_BW_SHIFT) * 9 / 10;
	int err = -EBUSY;

	*bw = div64_u64(runtime_us << FG_BW_SHIFT, period_us);
	if (atomic64_add_return(*bw, &fg_thread_reserved) <= most)
		err = fg_thread_set_deadline(task, runtime_us, period_us);
	if (!err)
		return 0;
	atomic64_sub(*bw, &fg_thread_reserved);
	*bw = 0;
	return err;
}
#endif

/**
 * fg_thread_boost() - let a kernel thread run before all others
 * @task: the thread, which must be neither running nor about to exit
 * @nr: number of threads that get a class at the same time; together they reserve half of the
 *	CPUs that they may use, or less
 * @bw: receives what the thread has reserved, for fg_thread_unboost()
 *
 * Context: process context; may wait for a change of a cpuset, which may wait for page faults.
 * Return: the class that the kernel gave.
 */
enum freezeguard_class fg_thread_boost(struct task_struct *task, unsigned int nr, s64 *bw)
{
#ifdef HAVE_SCHED_SETATTR
	static const struct sched_attr fifo = {
		.size = sizeof(fifo),
		.sched_policy = SCHED_FIFO,
		.sched_priority = FG_FIFO_PRIORITY,
	};
	unsigned int cpus = fg_thread_cpus(task);
	u64 period_us = clamp_t(u64, nr * 2 * FG_RUNTIME_FIRST_US / cpus,
				FG_PERIOD_SHORTEST_US, FG_PERIOD_LONGEST_US);
	u64 runtime_us = min_t(u64, FG_RUNTIME_FIRST_US, period_us * cpus / (2 * nr));

	for (; runtime_us >= FG_RUNTIME_LAST_US; runtime_us /= 2)
		if (!fg_thread_reserve_share(task, runtime_us, period_us, bw))
			return FREEZEGUARD_CLASS_DEADLINE;
	return sched_setattr_nocheck(task, &fifo) ? FREEZEGUARD_CLASS_NORMAL : FREEZEGUARD_CLASS_FIFO;
#else
	sched_set_fifo(task);
	return FREEZEGUARD_CLASS_FIFO;
#endif
}

/**
 * fg_thread_unboost() - make the calling thread an ordinary one again
 * @bw: what it has reserved
 *
 * Context: as fg_thread_boost().
 */
void fg_thread_unboost(s64 *bw)
{
	if (current->policy != SCHED_NORMAL || task_nice(current))
		sched_set_normal(current, 0);
#ifdef HAVE_SCHED_SETATTR
	atomic64_sub(*bw, &fg_thread_reserved);
	*bw = 0;
#endif
}

/**
 * fg_thread_reserve() - let the calling thread run before all others, with a reserve to lend
 * @lends: it is about to lend, and keeps a part for itself
 *
 * Context: as fg_thread_boost().
 * Return: 0; negative errno if the kernel has no room for that.
 */
int fg_thread_reserve(bool lends)
{
#ifdef HAVE_SCHED_SETATTR
	return fg_thread_set_deadline(current, lends ? FG_RESERVE_KEPT_US : FG_RESERVE_US,
				      FG_PERIOD_SHORTEST_US);
#else
	return -EOPNOTSUPP;
#endif
}

/**
 * fg_thread_lend() - lend a part of the reserve to a thread of SCHED_FIFO
 * @task: the thread; the caller has a reference
 *
 * What is lent is beside what threads reserve for themselves, so it is not counted with that.
 *
 * Context: as fg_thread_boost().
 * Return: 0, the thread is of SCHED_DEADLINE now; negative errno if everything is lent already.
 */
int fg_thread_lend(struct task_struct *task)
{
#ifdef HAVE_SCHED_SETATTR
	return fg_thread_set_deadline(task, FG_LOAN_US, FG_PERIOD_SHORTEST_US);
#else
	return -EOPNOTSUPP;
#endif
}
