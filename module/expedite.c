// SPDX-License-Identifier: GPL-2.0-only
/*
 * expedite: short RCU grace periods while leases freeze.
 *
 * freeze_super() waits for three grace periods and stops writers from the first one on. On an idle
 * filesystem these waits are nearly the whole cost of a freeze. Expedited grace periods are short,
 * but each interrupts every processor, and the switch is for the whole machine. So they are on
 * only while leases freeze, and for a bounded time.
 */
#include <linux/jiffies.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "compat/compat.h"
#include "expedite.h"

/* A freeze that takes this long is not waiting for RCU. */
#define FG_EXPEDITE_MAX_MS	10000

/* Module parameter; -1 until fg_expedite_init() decides. */
int fg_expedite_enabled = -1;

static DEFINE_RAW_SPINLOCK(fg_expedite_lock);
static unsigned int fg_expedite_users;	/* number of leases that freeze */
static bool fg_expedite_on;

static void fg_expedite_stop(void)
{
	lockdep_assert_held(&fg_expedite_lock);
	if (!fg_expedite_on)
		return;
	fg_expedite_on = false;
	fg_rcu_unexpedite();
}

static void fg_expedite_is_over(struct work_struct *work)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fg_expedite_lock, flags);
	fg_expedite_stop();
	raw_spin_unlock_irqrestore(&fg_expedite_lock, flags);
}

static DECLARE_DELAYED_WORK(fg_expedite_bound, fg_expedite_is_over);

/**
 * fg_expedite_init() - decide whether to expedite, unless the parameter says so
 *
 * Some processors may do work that must not be interrupted.
 *
 * Context: while the module is being loaded.
 */
void fg_expedite_init(void)
{
	if (fg_expedite_enabled < 0)
		fg_expedite_enabled = !fg_has_isolated_cpus();
}

/**
 * fg_expedite_begin() - a lease begins to freeze
 *
 * Grace periods are expedited until no lease freezes any more, or until FG_EXPEDITE_MAX_MS have
 * passed since the last call.
 *
 * Context: any.
 */
void fg_expedite_begin(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fg_expedite_lock, flags);
	fg_expedite_users++;
	if (!fg_expedite_on && READ_ONCE(fg_expedite_enabled))
		fg_expedite_on = fg_rcu_expedite();
	if (fg_expedite_on)
		mod_delayed_work(system_highpri_wq, &fg_expedite_bound,
				 msecs_to_jiffies(FG_EXPEDITE_MAX_MS));
	raw_spin_unlock_irqrestore(&fg_expedite_lock, flags);
}

/**
 * fg_expedite_end() - a lease has frozen everything, or ends before it has
 *
 * Context: any.
 */
void fg_expedite_end(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fg_expedite_lock, flags);
	if (!--fg_expedite_users)
		fg_expedite_stop();
	raw_spin_unlock_irqrestore(&fg_expedite_lock, flags);
}

/**
 * fg_expedite_exit() - wait for the worker, before the module is unloaded; no lease may be live
 *
 * Context: sleeps.
 */
void fg_expedite_exit(void)
{
	cancel_delayed_work_sync(&fg_expedite_bound);
}
