// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch: sees every thaw of a held superblock, whoever makes it.
 *
 * Where freezes have no holders (before 6.6), where a hold is the user's, and for filesystems that
 * freeze by themselves, anybody can thaw what a lease holds. A return probe on thaw_super_locked(),
 * which all thaws pass, SysRq-j's too, ends the lease at once and knows the culprit.
 *
 * Probes can be switched off (debugfs, kernel.ftrace_enabled), so that nothing seen proves nothing.
 * A hold's own thaw passes the probe as well: only if that was seen was the watch awake.
 */
#include <linux/kprobes.h>
#include <linux/sched.h>

#include "registry.h"
#include "watch.h"

/* How many foreign thaws of held superblocks can be under way at a time; each may wait for a device. */
#define FG_WATCH_THAWS	128

/* Module parameter: whether to watch; afterwards, whether it could be done. */
bool fg_watch_enabled = true;

#ifdef CONFIG_KRETPROBES

/**
 * struct fg_watch_thaw - a foreign thaw that is under way
 * @sb: of which superblock
 * @number: of the lease that held it frozen when the thaw began
 * @err: what it returned
 */
struct fg_watch_thaw {
	struct super_block *sb;
	unsigned long number;
	int err;
};

static int fg_watch_enter(struct kretprobe_instance *ri, struct pt_regs *regs);
static int fg_watch_return(struct kretprobe_instance *ri, struct pt_regs *regs);

static struct kretprobe fg_watch_probe = {
	.kp.symbol_name = "thaw_super_locked",
	.entry_handler = fg_watch_enter,
	.handler = fg_watch_return,
	.data_size = sizeof(struct fg_watch_thaw),
	.maxactive = FG_WATCH_THAWS,
};

/* Has any thaw, of whatever superblock, passed unseen since the watch began? */
static bool fg_watch_has_gaps(void)
{
	return READ_ONCE(fg_watch_probe.nmissed) || READ_ONCE(fg_watch_probe.kp.nmissed);
}

/* What a thaw that begins now would end; true if that is a lease's freeze and not by its own thread. */
static bool fg_watch_thaw_begins(struct fg_hold *hold, void *data)
{
	struct fg_watch_thaw *thaw = data;

	if (current == hold->thread) {
		hold->watched = !fg_watch_has_gaps();
		return false;
	}
	thaw->number = hold->lease->number;
	return READ_ONCE(hold->state) == FREEZEGUARD_HOLD_STATE_FROZEN;
}

/* Nonzero: the return is of no interest. */
static int fg_watch_enter(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct fg_watch_thaw *thaw = (struct fg_watch_thaw *)ri->data;

	thaw->sb = (struct super_block *)regs_get_kernel_argument(regs, 0);
	return !fg_registry_visit_hold(thaw->sb, fg_watch_thaw_begins, thaw);
}

/*
 * It thawed a superblock that this very lease had frozen before the thaw began. (One that only
 * returns now, but had thawed before the lease froze, has not been noted.)
 */
static bool fg_watch_thawed(struct fg_hold *hold, void *data)
{
	const struct fg_watch_thaw *thaw = data;

	if (hold->lease->number != thaw->number || !fg_super_thaw_ended(hold->sb, thaw->err))
		return false;
	fg_lease_foreign_thaw(hold);
	return true;
}

/*
 * Preemption is off here. fg_process_current() and the locks are fine: on its entry and its return
 * thaw_super_locked() may sleep, so its caller has no spinlock and is no interrupt.
 */
static int fg_watch_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct fg_watch_thaw *thaw = (struct fg_watch_thaw *)ri->data;

	thaw->err = regs_return_value(regs);
	fg_registry_visit_hold(thaw->sb, fg_watch_thawed, thaw);
	return 0;
}

static int fg_watch_place(void)
{
	int err;

	/* The handlers take spinlocks, which sleep there. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return -EOPNOTSUPP;
	err = register_kretprobe(&fg_watch_probe);
	if (err)
		return err;
	/* A breakpoint's handler runs as a non-maskable interrupt, which must not take locks. */
	if (!kprobe_ftrace(&fg_watch_probe.kp)) {
		unregister_kretprobe(&fg_watch_probe);
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * fg_watch_start() - watch from now on, if this kernel allows it and the parameter says so
 *
 * Without a watch a foreign thaw is found out at the end of the lease, by the superblock's state.
 *
 * Context: sleeps.
 */
void fg_watch_start(void)
{
	int err;

	if (!fg_watch_enabled)
		return;
	err = fg_watch_place();
	if (!err)
		return;
	fg_watch_enabled = false;
	pr_info("freezeguard: foreign thaws can't be watched (error %d); they are found at the end of a lease\n",
		-err);
}

/**
 * fg_watch_stop() - the opposite; afterwards no handler runs
 *
 * Context: sleeps.
 */
void fg_watch_stop(void)
{
	if (fg_watch_enabled)
		unregister_kretprobe(&fg_watch_probe);
}

#else

void fg_watch_start(void)
{
	fg_watch_enabled = false;
}

void fg_watch_stop(void)
{
}

#endif
