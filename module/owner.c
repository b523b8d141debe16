// SPDX-License-Identifier: GPL-2.0-only
/* owner: the socket that a lease is bound to, and the process that made it. */
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "owner.h"

/**
 * fg_process_current() - record the calling process, for reports
 * @process: receives the process
 *
 * Context: any but interrupts; does not sleep, on PREEMPT_RT either.
 */
void fg_process_current(struct fg_process *process)
{
	process->pid = task_tgid_nr(current);
	/* Without the lock of the name, which sleeps on PREEMPT_RT: a name always ends. */
	strscpy(process->comm, current->group_leader->comm, sizeof(process->comm));
}

/**
 * fg_owner_init() - record the sender of a netlink message as an owner
 * @owner: receives the owner, with a reference to its socket
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
