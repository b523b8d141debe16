/* SPDX-License-Identifier: GPL-2.0-only */
/* netlink: the generic netlink family. netlink_ops.c is data, netlink.c the handlers. */
#ifndef FG_NETLINK_H
#define FG_NETLINK_H

#include <net/genetlink.h>

#include "lease.h"

enum {
	FG_MCGRP_EVENTS,
};

extern struct genl_family fg_netlink_family;
extern const struct nla_policy fg_superblock_policy[];

extern unsigned int fg_netlink_max_timeout_ms;
extern unsigned int fg_netlink_max_holds;
extern enum fg_holder fg_netlink_holder;

int fg_netlink_lease_new(struct sk_buff *skb, struct genl_info *info);
int fg_netlink_lease_end(struct sk_buff *skb, struct genl_info *info);
int fg_netlink_lease_extend(struct sk_buff *skb, struct genl_info *info);
int fg_netlink_lease_detach(struct sk_buff *skb, struct genl_info *info);
int fg_netlink_lease_get(struct sk_buff *skb, struct genl_info *info);
int fg_netlink_lease_dump(struct sk_buff *skb, struct netlink_callback *cb);
int fg_netlink_fs_get(struct sk_buff *skb, struct genl_info *info);

void fg_netlink_notify(struct fg_lease *lease, enum fg_lease_event what, struct fg_hold *hold);

#endif /* FG_NETLINK_H */
