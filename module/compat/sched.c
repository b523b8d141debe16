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
#include <linux/sched.h>
#include <uapi/linux/sched/types.h>

#include "compat/compat.h"

/*
 * A thread that has used up its runtime waits for its next period, even on an idle CPU. The kernel
 * looks at every tick, and a thread that ran longer waits for several periods. So no runtime is
 * shorter than a tick; 10 ms are many times what a thaw takes.
 */
#define FG_RUNTIME_FIRST_US	10000
#define FG_RUNTIME_LAST_US	5000

/* What the rescuer reserves, lends to one thread at a time, and keeps. */
#define FG_RESERVE_US		15000
#define FG_LOAN_US		5000
#define FG_RESERVE_KEPT_US	5000

#define FG_PERIOD_US		100000

#define FG_FIFO_PRIORITY	99

#ifdef HAVE_SCHED_SETATTR
#define fg_thread_setattr	sched_setattr_nocheck
#else
static int fg_thread_setattr(struct task_struct *task, const struct sched_attr *attr)
{
	if (attr->sched_policy == SCHED_DEADLINE)
		return -EOPNOTSUPP;
	if (attr->sched_policy == SCHED_FIFO)
		sched_set_fifo(task);
	else
		sched_set_normal(task, attr->sched_nice);
	return 0;
}
#endif

/* What the threads of all leases have reserved of each period. */
static atomic_t fg_thread_reserved_us;

/* A part of the reserve is lent, or was and has not come back: others must not take it. */
static bool fg_thread_reserve_is_lent;

static unsigned int fg_thread_cpus(struct task_struct *task)
{
	unsigned int cpu, cpus = 0;

	for_each_cpu_and(cpu, task->cpus_ptr, cpu_active_mask)
		cpus++;
	return max(cpus, 1U);
}

static int fg_thread_set_deadline(struct task_struct *task, u64 runtime_us)
{
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_DEADLINE,
		.sched_flags = SCHED_FLAG_RECLAIM,
		.sched_runtime = runtime_us * NSEC_PER_USEC,
		.sched_deadline = FG_PERIOD_US * NSEC_PER_USEC,
		.sched_period = FG_PERIOD_US * NSEC_PER_USEC,
	};

	return fg_thread_setattr(task, &attr);
}

/*
 * All threads together reserve half of the CPUs that they may use, at most. The kernel would admit
 * more, and counts the CPUs of the whole machine, also those that nohz_full or a list of isolated
 * CPUs keeps kernel threads from.
 */
static int fg_thread_reserve_share(struct task_struct *task, unsigned int runtime_us,
				   unsigned int *reserved_us)
{
	unsigned int most_us = fg_thread_cpus(task) * FG_PERIOD_US / 2;
	int err = -EBUSY;

	if (atomic_add_return(runtime_us, &fg_thread_reserved_us) <= most_us)
		err = fg_thread_set_deadline(task, runtime_us);
	if (err)
		atomic_sub(runtime_us, &fg_thread_reserved_us);
	else
		*reserved_us = runtime_us;
	return err;
}

/**
 * fg_thread_boost() - let a kernel thread run before all others
 * @task: the thread, which must be neither running nor about to exit
 * @reserved_us: receives what the thread has reserved, for fg_thread_unreserve()
 *
 * Context: process context; may wait for a change of a cpuset, which may wait for page faults.
 * Return: the class that the kernel gave.
 */
enum freezeguard_class fg_thread_boost(struct task_struct *task, unsigned int *reserved_us)
{
	static const struct sched_attr fifo = {
		.size = sizeof(fifo),
		.sched_policy = SCHED_FIFO,
		.sched_priority = FG_FIFO_PRIORITY,
	};
	unsigned int runtime_us;

	for (runtime_us = FG_RUNTIME_FIRST_US;
	     runtime_us >= FG_RUNTIME_LAST_US && !READ_ONCE(fg_thread_reserve_is_lent);
	     runtime_us /= 2)
		if (!fg_thread_reserve_share(task, runtime_us, reserved_us))
			return FREEZEGUARD_CLASS_DEADLINE;
	return fg_thread_setattr(task, &fifo) ? FREEZEGUARD_CLASS_NORMAL : FREEZEGUARD_CLASS_FIFO;
}

/**
 * fg_thread_make_ordinary() - let a thread be an ordinary one
 * @task: the thread; the caller has a reference
 * @nice: its nice value
 *
 * Context: as fg_thread_boost().
 * Return: 0; -EBUSY the thread has the priority of a SCHED_DEADLINE task that waits for a mutex of
 * it; so it runs.
 */
int fg_thread_make_ordinary(struct task_struct *task, int nice)
{
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_NORMAL,
		.sched_nice = nice,
	};

	return fg_thread_setattr(task, &attr);
}

/**
 * fg_thread_unreserve() - a thread is about to exit
 * @reserved_us: what fg_thread_boost() has reserved for it
 */
void fg_thread_unreserve(unsigned int reserved_us)
{
	atomic_sub(reserved_us, &fg_thread_reserved_us);
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
	int err;

	if (lends)
		WRITE_ONCE(fg_thread_reserve_is_lent, true);
	err = fg_thread_set_deadline(current, lends ? FG_RESERVE_KEPT_US : FG_RESERVE_US);
	if (!err && !lends)
		WRITE_ONCE(fg_thread_reserve_is_lent, false);
	return err;
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
	return fg_thread_set_deadline(task, FG_LOAN_US);
}
