/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netlink: the generic netlink family, through which userspace makes, changes and queries leases.
 */
#ifndef FG_NETLINK_H
#define FG_NETLINK_H

#include "lease.h"

extern unsigned int fg_netlink_max_timeout_ms;
extern unsigned int fg_netlink_max_holds;

int fg_netlink_init(void);
void fg_netlink_exit(void);

void fg_netlink_notify(struct fg_lease *lease, enum fg_lease_event what, struct fg_hold *hold);

#endif /* FG_NETLINK_H */
