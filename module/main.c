// SPDX-License-Identifier: GPL-2.0-only
/* main: loads and unloads the module; its parameters; what happens at a reboot. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/reboot.h>

#include "compat/compat.h"
#include "expedite.h"
#include "netlink.h"
#include "registry.h"
#include "thaw_watch.h"

/* How long a reboot waits for the thaws. */
#define FG_SHUTDOWN_WAIT_MS	3000

module_param_named(max_timeout_ms, fg_netlink_max_timeout_ms, uint, 0644);
MODULE_PARM_DESC(max_timeout_ms, "longest life of a lease, in milliseconds (default 600000)");

module_param_named(max_holds, fg_netlink_max_holds, uint, 0644);
MODULE_PARM_DESC(max_holds, "most superblocks in one lease (default and most 512)");

module_param_named(max_leases, fg_registry_live_max, uint, 0644);
MODULE_PARM_DESC(max_leases, "most live leases (default 4096)");

module_param_named(history, fg_registry_history_max, uint, 0644);
MODULE_PARM_DESC(history, "how many ended leases are remembered (default 256)");

module_param_named(watch, fg_thaw_watch_enabled, bool, 0444);
MODULE_PARM_DESC(watch, "notice foreign thaws as they happen; reads N where the kernel cannot (default Y)");

module_param_named(expedite, fg_expedite_enabled, bint, 0644);
MODULE_PARM_DESC(expedite,
		 "shorten the writers' wait for RCU while freezing, by interrupts to every CPU (default 1, but 0 with isolated CPUs)");

module_param_array_named(leases_ended, fg_registry_nr_ended, ulong, NULL, 0444);
MODULE_PARM_DESC(leases_ended,
		 "counters, not to be set: leases that ended thawed, expired, broken, aborted, failed");

static const struct fg_lease_events fg_events = {
	.happened = fg_netlink_notify,
	.retired = fg_registry_retire,
};

static unsigned int fg_ended_for_shutdown;

static void fg_end_for_shutdown(struct fg_lease *lease)
{
	if (!fg_lease_end(lease, FREEZEGUARD_CAUSE_SHUTDOWN))
		fg_ended_for_shutdown++;
}

/*
 * An orderly shutdown has unmounted most filesystems before this is called; after reboot -f all
 * are still mounted. A frozen filesystem must not block the shutdown of a driver.
 */
static int fg_reboot(struct notifier_block *nb, unsigned long event, void *data)
{
	fg_registry_close();
	fg_registry_for_each_live(fg_end_for_shutdown);
	if (!fg_registry_wait_idle(FG_SHUTDOWN_WAIT_MS))
		pr_warn("filesystems are still frozen at shutdown\n");
	else if (fg_ended_for_shutdown)
		pr_notice("%u leases ended for the shutdown\n", fg_ended_for_shutdown);
	return NOTIFY_DONE;
}

static struct notifier_block fg_reboot_notifier = {
	.notifier_call = fg_reboot,
};

static int __init fg_init(void)
{
	int err;

	fg_suspend_probe();
	fg_expedite_init();
	err = fg_lease_init(&fg_events);
	if (err)
		return err;
	err = register_reboot_notifier(&fg_reboot_notifier);
	if (err)
		goto exit_lease;
	fg_thaw_watch_start();
	err = fg_netlink_init();
	if (err)
		goto stop_watch;
	return 0;

stop_watch:
	fg_thaw_watch_stop();
	unregister_reboot_notifier(&fg_reboot_notifier);
exit_lease:
	fg_lease_exit();
	return err;
}

/* No lease is live: each of its threads holds a reference to the module. */
static void __exit fg_exit(void)
{
	fg_netlink_exit();
	fg_thaw_watch_stop();
	unregister_reboot_notifier(&fg_reboot_notifier);
	fg_lease_exit();
	fg_expedite_exit();
	fg_registry_clear();
}

module_init(fg_init);
module_exit(fg_exit);

MODULE_DESCRIPTION("Filesystem freezes that end by a deadline");
MODULE_AUTHOR("The freezeguard authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
MODULE_ALIAS_GENL_FAMILY(FREEZEGUARD_FAMILY_NAME);
