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
 * held and the superblock unfrozen. The watch is an ftrace callback there. Others call that
 * function too, such as a freeze that fails or a mount that is refused, so the caller's name
 * decides. To watch the return of thaw_super_locked() would be too late: s_umount is free by then,
 * and another process may already have frozen again.
 *
 * While the watch is on, kernel.ftrace_enabled cannot be set to 0. A trial shows that the watch
 * works when it is switched on, but not that nothing has stopped it since. So a watch that has
 * seen nothing proves nothing by itself. A hold's own thaw passes the watch too: if it saw that,
 * it was active.
 */
#include <linux/kallsyms.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "registry.h"
#include "thaw_watch.h"

/* Module parameter: whether to watch. Once the module is loaded: whether the watch is on. */
bool fg_thaw_watch_enabled = true;

#ifdef FG_FTRACE_FLAGS

/* The superblock of the trial, until its thaw is seen. */
static struct super_block *fg_thaw_watch_trial;

/*
 * The superblock is unfrozen and stays so for now, since the caller has s_umount. If only the hold
 * itself can thaw its freeze, the thaw of another process was of some other freeze.
 */
static void fg_thaw_watch_unfrozen(struct fg_hold *hold)
{
	if (current == hold->thread)
		hold->watched = true;
	else if (!fg_super_holder_is_exclusive(hold->sb, hold->who))
		fg_lease_foreign_thaw(hold);
}

/* Any of the functions in the kernel that thaw: a compiler may have put one into another. */
static bool fg_thaw_watch_is_thaw(unsigned long ip)
{
	char name[KSYM_SYMBOL_LEN];

	sprint_symbol_no_offset(name, ip);
	return strstarts(name, "thaw_super") || strstarts(name, "do_thaw_all");
}

/*
 * Preemption may be off here, so all locks that are taken are raw. They may be taken: the watched
 * function may sleep, so its caller holds no spinlock and is no interrupt.
 */
static void fg_thaw_watch_deactivate(unsigned long ip, unsigned long parent_ip,
				     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct super_block *sb = (struct super_block *)fg_ftrace_argument(fregs, 0);

	/* A thaw of 6.6 and 6.7 also comes here when another freeze is left. */
	if (fg_super_state(sb) != SB_UNFROZEN || !fg_thaw_watch_is_thaw(parent_ip))
		return;
	if (sb == READ_ONCE(fg_thaw_watch_trial))
		WRITE_ONCE(fg_thaw_watch_trial, NULL);
	fg_registry_visit_hold(sb, fg_thaw_watch_unfrozen);
}

static struct ftrace_ops fg_thaw_watch_ops = {
	.func = fg_thaw_watch_deactivate,
	.flags = FG_FTRACE_FLAGS | FTRACE_OPS_FL_PERMANENT,
};

static void fg_thaw_watch_try(struct super_block *sb)
{
	WRITE_ONCE(fg_thaw_watch_trial, sb);
	if (!fg_super_freeze(sb, FG_HOLDER_KERNEL))
		fg_super_thaw(sb, FG_HOLDER_KERNEL);
}

static void fg_thaw_watch_remove(void)
{
	unregister_ftrace_function(&fg_thaw_watch_ops);
	ftrace_free_filter(&fg_thaw_watch_ops);
}

static int fg_thaw_watch_place(void)
{
	static unsigned char function[] = "deactivate_locked_super";
	int err;

	err = ftrace_set_filter(&fg_thaw_watch_ops, function, sizeof(function) - 1, 0) ?:
	      register_ftrace_function(&fg_thaw_watch_ops);
	if (err) {
		ftrace_free_filter(&fg_thaw_watch_ops);
		return err;
	}
	err = fg_trial(fg_thaw_watch_try);
	if (!err && fg_thaw_watch_trial)
		err = -EOPNOTSUPP;
	if (err)
		fg_thaw_watch_remove();
	return err;
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
	pr_info("freezeguard: foreign thaws cannot be watched (error %d%s); they are noticed only at the end of a lease\n",
		-err, err == -EBUSY ? ": kernel.ftrace_enabled is 0" : "");
}

/**
 * fg_thaw_watch_stop() - stop to watch; afterwards no callback runs
 *
 * Context: sleeps.
 */
void fg_thaw_watch_stop(void)
{
	if (fg_thaw_watch_enabled)
		fg_thaw_watch_remove();
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
