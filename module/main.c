// SPDX-License-Identifier: GPL-2.0-only
/* main: loads and unloads the module; its parameters. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "compat/compat.h"
#include "expedite.h"
#include "netlink.h"
#include "power.h"
#include "registry.h"
#include "thaw_watch.h"

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

static int __init fg_init(void)
{
	int err;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		pr_info("PREEMPT_RT: real-time tasks above the priority of a disk's interrupt thread can delay thaws\n");
	fg_suspend_probe();
	fg_expedite_init();
	err = fg_lease_init(&fg_events);
	if (err)
		return err;
	err = fg_power_init();
	if (err)
		goto exit_lease;
	fg_thaw_watch_start();
	err = fg_netlink_init();
	if (err)
		goto stop_watch;
	return 0;

stop_watch:
	fg_thaw_watch_stop();
	fg_power_exit();
exit_lease:
	fg_lease_exit();
	return err;
}

/* No lease is live: each of its threads holds a reference to the module. */
static void __exit fg_exit(void)
{
	fg_netlink_exit();
	fg_thaw_watch_stop();
	fg_power_exit();
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
