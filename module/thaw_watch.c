// SPDX-License-Identifier: GPL-2.0-only
/*
 * thaw_watch: sees every thaw of a held superblock, whoever makes it.
 *
 * In three cases any process can thaw what a lease holds: before Linux 6.6, where freezes have no
 * holders; if the lease freezes as the user; and on filesystems with a freeze operation of their
 * own. The watch ends the lease at once and records which process thawed.
 *
 * All thaws, SysRq-j's too, run thaw_super_locked(), into which no module can look. But when that
 * function has thawed, the last thing it does is to call deactivate_locked_super(), with s_umount
 * held and the superblock unfrozen. The watch is a probe there. A return probe on
 * thaw_super_locked() would be too late: s_umount is free by then, and another process may already
 * have frozen again.
 *
 * Probes can be switched off (debugfs, kernel.ftrace_enabled). So a watch that has seen nothing
 * proves nothing by itself. A hold's own thaw passes the probe too: if the watch saw that, it was
 * active.
 */
#include <linux/kprobes.h>
#include <linux/sched.h>

#include "registry.h"
#include "thaw_watch.h"

/* Module parameter: whether to watch. Once the module is loaded: whether the watch is on. */
bool fg_thaw_watch_enabled = true;

/* Some architectures have probes but no access to a function's arguments. */
#if defined(CONFIG_KPROBES) && defined(CONFIG_HAVE_FUNCTION_ARG_ACCESS_API)

static int fg_thaw_watch_deactivate(struct kprobe *probe, struct pt_regs *regs);

static struct kprobe fg_thaw_watch_probe = {
	.symbol_name = "deactivate_locked_super",
	.pre_handler = fg_thaw_watch_deactivate,
};

/*
 * The superblock is unfrozen and stays so for now, since the caller has s_umount. If only the hold
 * itself can thaw its freeze, the thaw of another process was of some other freeze.
 */
static void fg_thaw_watch_unfrozen(struct fg_hold *hold)
{
	if (current == hold->thread)	/* false if the probe has missed a call since it was set */
		hold->watched = !READ_ONCE(fg_thaw_watch_probe.nmissed);
	else if (!fg_super_holder_is_exclusive(hold->sb, hold->who))
		fg_lease_foreign_thaw(hold);
}

/*
 * Preemption is off here. fg_process_current() and the locks may be used all the same: the probed
 * function may sleep, so its caller holds no spinlock and is no interrupt.
 */
static int fg_thaw_watch_deactivate(struct kprobe *probe, struct pt_regs *regs)
{
	struct super_block *sb = (struct super_block *)regs_get_kernel_argument(regs, 0);

	if (fg_super_state(sb) == SB_UNFROZEN)
		fg_registry_visit_hold(sb, fg_thaw_watch_unfrozen);
	return 0;
}

static int fg_thaw_watch_place(void)
{
	int err;

	/* The handler takes spinlocks, which sleep on such kernels. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return -EOPNOTSUPP;
	err = register_kprobe(&fg_thaw_watch_probe);
	if (err)
		return err;
	/* Without ftrace the probe is a breakpoint, whose handler must not take locks. */
	if (!kprobe_ftrace(&fg_thaw_watch_probe)) {
		unregister_kprobe(&fg_thaw_watch_probe);
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * fg_thaw_watch_start() - start to watch, if the parameter says so and this kernel allows it
 *
 * Without a watch a foreign thaw is found at the end of the lease, by the superblock's state.
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
	pr_info("freezeguard: foreign thaws cannot be watched (error %d); they are noticed only at the end of a lease\n",
		-err);
}

/**
 * fg_thaw_watch_stop() - stop to watch; afterwards no handler runs
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
