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
#include <linux/sched.h>
#include <uapi/linux/sched/types.h>

#include "compat/compat.h"

#ifdef HAVE_SCHED_SETATTR
/*
 * One percent of a CPU for each thread. That is enough for a thaw, because SCHED_FLAG_RECLAIM adds
 * the time that is left over. A thread that has used up its share waits for a tenth of a second at
 * most.
 */
#define FG_BOOST_RUNTIME_NS	(1 * NSEC_PER_MSEC)
#define FG_BOOST_PERIOD_NS	(100 * NSEC_PER_MSEC)
#define FG_BOOST_FIFO		99

static void fg_thread_precede_all(struct task_struct *task)
{
	static const struct sched_attr deadline = {
		.size = sizeof(deadline),
		.sched_policy = SCHED_DEADLINE,
		.sched_flags = SCHED_FLAG_RECLAIM,
		.sched_runtime = FG_BOOST_RUNTIME_NS,
		.sched_deadline = FG_BOOST_PERIOD_NS,
		.sched_period = FG_BOOST_PERIOD_NS,
	};
	static const struct sched_attr fifo = {
		.size = sizeof(fifo),
		.sched_policy = SCHED_FIFO,
		.sched_priority = FG_BOOST_FIFO,
	};

	/* the bandwidth of SCHED_DEADLINE is used up by several hundred threads */
	if (sched_setattr_nocheck(task, &deadline))
		sched_setattr_nocheck(task, &fifo);
}
#endif

/**
 * fg_thread_boost() - let a kernel thread run before all others
 * @task: the thread, which must not exit meanwhile
 *
 * Context: process context; may wait for a change of a cpuset, which may wait for page faults.
 */
void fg_thread_boost(struct task_struct *task)
{
#ifdef HAVE_SCHED_SETATTR
	fg_thread_precede_all(task);
#else
	sched_set_fifo(task);
#endif
}

/**
 * fg_thread_rescue() - let a boosted thread run that real-time tasks keep from running
 * @task: the thread; the caller has a reference
 *
 * It becomes an ordinary thread, which gets what the throttling of real-time tasks leaves: 5
 * percent of each second. A thread of SCHED_DEADLINE stays as it is, since no other task can keep
 * it from running.
 *
 * Context: as fg_thread_boost().
 */
void fg_thread_rescue(struct task_struct *task)
{
	if (READ_ONCE(task->policy) == SCHED_FIFO)
		sched_set_normal(task, MIN_NICE);
}
