/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netlink_internal: shared by the files of the family and by no other.
 *
 *   netlink_family.c   the operations, policies and groups, as tables
 *   netlink.c          the handlers of commands, and the life of the family
 *   netlink_message.c  what the messages say, and notifications
 */
#ifndef FG_NETLINK_INTERNAL_H
#define FG_NETLINK_INTERNAL_H

#include <net/genetlink.h>

#include "netlink.h"

/* Room for a lease without its holds, and for one hold, with every attribute at its longest. */
#define FG_LEASE_SIZE	(NLMSG_ALIGN(GENL_HDRLEN) + 512)
#define FG_HOLD_SIZE	256

/* Indexes of the multicast groups. */
enum {
	FG_MCGRP_EVENTS,
};

extern struct genl_family fg_netlink_family;
extern const struct nla_policy fg_superblock_policy[];
extern const struct nla_policy fg_lease_policy[];

int fg_netlink_lease_new(struct sk_buff *skb, struct genl_info *info);
int fg_netlink_lease_end(struct sk_buff *skb, struct genl_info *info);
int fg_netlink_lease_extend(struct sk_buff *skb, struct genl_info *info);
int fg_netlink_lease_detach(struct sk_buff *skb, struct genl_info *info);
int fg_netlink_lease_get(struct sk_buff *skb, struct genl_info *info);
int fg_netlink_lease_dump(struct sk_buff *skb, struct netlink_callback *cb);
int fg_netlink_fs_get(struct sk_buff *skb, struct genl_info *info);

int fg_netlink_put_fs(struct sk_buff *skb, struct super_block *sb, const struct fg_lease *lease);
int fg_netlink_fill_lease(struct sk_buff *skb, struct genl_info *info, struct netlink_callback *cb,
			  struct fg_lease *lease, unsigned int *next);

#endif /* FG_NETLINK_INTERNAL_H */
