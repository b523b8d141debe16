// SPDX-License-Identifier: GPL-2.0-only
/* owner: the socket that made a lease, and what happens when it is closed. */
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "owner.h"
#include "registry.h"

/**
 * fg_process_current() - the calling process, for reports
 * @process: where to
 *
 * Context: process context.
 */
void fg_process_current(struct fg_process *process)
{
	process->pid = task_tgid_nr(current);
	get_task_comm(process->comm, current->group_leader);
}

/**
 * fg_owner_init() - the sender of a netlink message
 * @owner: where to; its socket has a reference
 * @skb: the message, in the handler of its command
 *
 * Context: process context.
 */
void fg_owner_init(struct fg_owner *owner, struct sk_buff *skb)
{
	owner->sk = NETLINK_CB(skb).sk;
	owner->portid = NETLINK_CB(skb).portid;
	sock_hold(owner->sk);
}

/*
 * A netlink socket was released. netlink_release() marks it dead before it calls this, so the mark
 * tells which leases were its own, whoever has its port id by now.
 */
static int fg_owner_released(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *notify = data;

	if (event == NETLINK_URELEASE && notify->protocol == NETLINK_GENERIC)
		fg_registry_for_each_live(fg_lease_end_orphaned);
	return NOTIFY_DONE;
}

static struct notifier_block fg_owner_notifier = {
	.notifier_call = fg_owner_released,
};

/**
 * fg_owner_watch() - hear of closed sockets from now on
 *
 * Context: sleeps.
 * Return: 0 or a negative errno.
 */
int fg_owner_watch(void)
{
	return netlink_register_notifier(&fg_owner_notifier);
}

/**
 * fg_owner_unwatch() - the opposite; afterwards no notifier runs
 *
 * Context: sleeps.
 */
void fg_owner_unwatch(void)
{
	netlink_unregister_notifier(&fg_owner_notifier);
}
