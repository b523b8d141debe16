/* SPDX-License-Identifier: GPL-2.0-only */
/* owner: the socket that a lease is bound to, and the process that made it. */
#ifndef FG_OWNER_H
#define FG_OWNER_H

#include <linux/freezeguard.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <net/sock.h>

/**
 * struct fg_process - a process, for reports
 * @pid: its id in the initial pid namespace
 * @comm: its name
 */
struct fg_process {
	pid_t pid;
	char comm[FREEZEGUARD_COMM_MAX + 1];
};

/**
 * struct fg_owner - the socket that a lease is bound to
 * @sk: the socket, with a reference, or NULL. The port id alone would not do: another socket can
 *	have it before the news of the first socket's death arrives.
 * @portid: its port id
 */
struct fg_owner {
	struct sock *sk;
	u32 portid;
};

/**
 * fg_owner_is_dead() - has the socket been closed?
 * @owner: the owner
 *
 * Return: true once its last file is gone.
 */
static inline bool fg_owner_is_dead(const struct fg_owner *owner)
{
	return sock_flag(owner->sk, SOCK_DEAD);
}

void fg_process_current(struct fg_process *process);
void fg_owner_init(struct fg_owner *owner, struct sk_buff *skb);

#endif /* FG_OWNER_H */
