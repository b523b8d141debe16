// SPDX-License-Identifier: GPL-2.0-only
/*
 * thaw_watch: sees every thaw of a held superblock, whoever makes it.
 *
 * Where freezes have no holders (before 6.6), where a hold is the user's, and for filesystems that
 * freeze by themselves, anybody can thaw what a lease holds. All thaws, SysRq-j's too, go through
 * thaw_super_locked(), which no module can look into; but the last thing that it does when it has
 * thawed is to call deactivate_locked_super(), with s_umount held and the superblock unfrozen. A
 * probe there ends the lease at once and knows the culprit.
 *
 * Not a return probe on thaw_super_locked(): s_umount is free by then, and somebody may freeze again.
 *
 * Probes can be switched off (debugfs, kernel.ftrace_enabled), so that nothing seen proves nothing.
 * A hold's own thaw passes the probe as well: only if that was seen was the watch awake.
 */
#include <linux/kprobes.h>
#include <linux/sched.h>

#include "registry.h"
#include "thaw_watch.h"

/* Module parameter: whether to watch; afterwards, whether it could be done. */
bool fg_thaw_watch_enabled = true;

/* Not every architecture that has probes can tell a function's arguments. */
#if defined(CONFIG_KPROBES) && defined(CONFIG_HAVE_FUNCTION_ARG_ACCESS_API)

static int fg_thaw_watch_deactivate(struct kprobe *probe, struct pt_regs *regs);

static struct kprobe fg_thaw_watch_probe = {
	.symbol_name = "deactivate_locked_super",
	.pre_handler = fg_thaw_watch_deactivate,
};

/*
 * The superblock is unfrozen, and stays so for now, since the caller has s_umount. What only its
 * own holder can thaw is no concern of other thaws.
 */
static bool fg_thaw_watch_unfrozen(struct fg_hold *hold, void *unused)
{
	if (current == hold->thread)	/* have all thaws since the beginning been seen? */
		hold->watched = !READ_ONCE(fg_thaw_watch_probe.nmissed);
	else if (!fg_super_holder_is_exclusive(hold->sb, hold->who))
		fg_lease_foreign_thaw(hold);
	return true;
}

/*
 * Preemption is off here. fg_process_current() and the locks are fine: the function may sleep, so
 * its caller has no spinlock and is no interrupt.
 */
static int fg_thaw_watch_deactivate(struct kprobe *probe, struct pt_regs *regs)
{
	struct super_block *sb = (struct super_block *)regs_get_kernel_argument(regs, 0);

	if (fg_super_state(sb) == SB_UNFROZEN)
		fg_registry_visit_hold(sb, fg_thaw_watch_unfrozen, NULL);
	return 0;
}

static int fg_thaw_watch_place(void)
{
	int err;

	/* The handler takes spinlocks, which sleep there. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return -EOPNOTSUPP;
	err = register_kprobe(&fg_thaw_watch_probe);
	if (err)
		return err;
	/* A breakpoint's handler runs as a non-maskable interrupt, which must not take locks. */
	if (!kprobe_ftrace(&fg_thaw_watch_probe)) {
		unregister_kprobe(&fg_thaw_watch_probe);
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * fg_thaw_watch_start() - watch from now on, if this kernel allows it and the parameter says so
 *
 * Without a watch a foreign thaw is found out at the end of the lease, by the superblock's state.
 *
 * Context: sleeps.
 */
void fg_thaw_watch_start(void)
{
	int err;

	if (!fg_thaw_watch_enabled)
		return;
	err = fg_thaw_watch_place();
	if (!err)
		return;
	fg_thaw_watch_enabled = false;
	pr_info("freezeguard: foreign thaws can't be watched (error %d); they are found at the end of a lease\n",
		-err);
}

/**
 * fg_thaw_watch_stop() - the opposite; afterwards no handler runs
 *
 * Context: sleeps.
 */
void fg_thaw_watch_stop(void)
{
	if (fg_thaw_watch_enabled)
		unregister_kprobe(&fg_thaw_watch_probe);
}

#else

void fg_thaw_watch_start(void)
{
	fg_thaw_watch_enabled = false;
}

void fg_thaw_watch_stop(void)
{
}

#endif
