// SPDX-License-Identifier: GPL-2.0-only
/* power: no lease lives on when the machine shuts down or sleeps. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/limits.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/suspend.h>

#include "power.h"
#include "registry.h"

/* How long a reboot waits for thaws, and the restore of a hibernated system, which ends this one. */
#define FG_SHUTDOWN_WAIT_MS	3000
/* How long a suspend waits for them: as long as the kernel then waits for tasks to freeze. */
#define FG_SLEEP_WAIT_MS	20000

/*
 * An orderly shutdown has unmounted most filesystems before this is called; after reboot -f all
 * are still mounted. A frozen filesystem must not block the shutdown of a driver.
 */
static int fg_power_shutdown(struct notifier_block *nb, unsigned long event, void *data)
{
	unsigned int nr = fg_registry_close(FG_CLOSED_FOR_SHUTDOWN, FREEZEGUARD_CAUSE_SHUTDOWN);

	if (!fg_registry_wait_idle(FG_SHUTDOWN_WAIT_MS))
		pr_warn("filesystems are still frozen at shutdown\n");
	else if (nr)
		pr_notice("%u leases ended for the shutdown\n", nr);
	return NOTIFY_DONE;
}

/*
 * Tasks still run, all devices work, and nothing of a hibernation's image exists.
 *
 * Nothing can stop the threads of leases for the sleep. If one of them may still have to thaw, the
 * machine must not sleep: the thaw would write to a suspended device, or to the disk behind the
 * image. A resume from hibernation is not refused: the kernel has already marked its image as used.
 */
static int fg_power_prepare(enum fg_registry_closed why, unsigned int wait_ms)
{
	unsigned int nr = fg_registry_close(why, FREEZEGUARD_CAUSE_SLEEP);

	if (nr)
		pr_notice("%u leases ended, because the machine is about to sleep\n", nr);
	if (fg_registry_wait_idle(wait_ms))
		return NOTIFY_OK;
	pr_warn("filesystems of ended leases are still frozen, so the machine should not sleep; freezectl status lists them\n");
	if (why == FG_CLOSED_FOR_RESTORE)
		return NOTIFY_OK;
	fg_registry_open(why);	/* a notifier that fails is not called for the end of the sleep */
	return notifier_from_errno(-EBUSY);
}

static int fg_power_sleep(struct notifier_block *nb, unsigned long event, void *data)
{
	switch (event) {
	case PM_SUSPEND_PREPARE:
		return fg_power_prepare(FG_CLOSED_FOR_SUSPEND, FG_SLEEP_WAIT_MS);
	case PM_HIBERNATION_PREPARE:
		return fg_power_prepare(FG_CLOSED_FOR_HIBERNATION, FG_SLEEP_WAIT_MS);
	case PM_RESTORE_PREPARE:
		return fg_power_prepare(FG_CLOSED_FOR_RESTORE, FG_SHUTDOWN_WAIT_MS);
	case PM_POST_SUSPEND:
		fg_registry_open(FG_CLOSED_FOR_SUSPEND);
		break;
	case PM_POST_HIBERNATION:
		fg_registry_open(FG_CLOSED_FOR_HIBERNATION);
		break;
	case PM_POST_RESTORE:
		fg_registry_open(FG_CLOSED_FOR_RESTORE);
		break;
	}
	return NOTIFY_DONE;
}

/* Thaws come first: later notifiers may read and write files, or stop devices. */
static struct notifier_block fg_power_shutdown_notifier = {
	.notifier_call = fg_power_shutdown,
	.priority = INT_MAX,
};

static struct notifier_block fg_power_sleep_notifier = {
	.notifier_call = fg_power_sleep,
	.priority = INT_MAX,
};

/**
 * fg_power_init() - from now on end every lease before the machine shuts down or sleeps
 *
 * Context: sleeps.
 * Return: 0 or a negative errno.
 */
int fg_power_init(void)
{
	int err = register_reboot_notifier(&fg_power_shutdown_notifier);

	if (err)
		return err;
	err = register_pm_notifier(&fg_power_sleep_notifier);
	if (err)
		unregister_reboot_notifier(&fg_power_shutdown_notifier);
	return err;
}

/**
 * fg_power_exit() - undo fg_power_init()
 *
 * Context: sleeps.
 */
void fg_power_exit(void)
{
	unregister_pm_notifier(&fg_power_sleep_notifier);
	unregister_reboot_notifier(&fg_power_shutdown_notifier);
}
