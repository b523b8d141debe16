// SPDX-License-Identifier: GPL-2.0-only
/* netlink_notify: notifications, to the owner of a lease and to the group of listeners. */
#include <linux/freezeguard.h>
#include <linux/spinlock.h>

#include "netlink_internal.h"

/* Every notification has the next number, and notifications leave in the order of their numbers. */
static DEFINE_SPINLOCK(fg_netlink_notify_lock);
static u32 fg_netlink_event_seq;

static struct sk_buff *fg_netlink_event(const struct fg_lease *lease,
					const struct fg_lease_info *info, struct fg_hold *hold)
{
	struct sk_buff *skb = genlmsg_new(FG_LEASE_SIZE + FG_HOLD_SIZE, GFP_ATOMIC);
	void *header;

	if (!skb)
		return NULL;
	header = genlmsg_put(skb, 0, 0, &fg_netlink_family, 0, FREEZEGUARD_CMD_LEASE_NTF);
	if (!header || fg_netlink_put_lease(skb, lease, info) ||
	    nla_put_u32(skb, FREEZEGUARD_A_LEASE_EVENT_SEQ, fg_netlink_event_seq) ||
	    (hold && fg_netlink_put_hold(skb, hold))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, header);
	return skb;
}

/*
 * The kernel has no way to send to a socket rather than to a port id. If the owner's socket is
 * closed between check and send, and another socket gets its port id meanwhile, that one receives
 * the notification. It has names and process ids, and no authority over the lease.
 */
static void fg_netlink_notify_owner(const struct fg_owner *owner, const struct sk_buff *event)
{
	struct sk_buff *copy = sock_flag(owner->sk, SOCK_DEAD) ? NULL : skb_copy(event, GFP_ATOMIC);

	if (copy)
		genlmsg_unicast(sock_net(owner->sk), copy, owner->portid);
}

/**
 * fg_netlink_notify() - announce that a lease changed
 * @lease: the lease
 * @what: what happened to it; sent only if it is news, see fg_lease_is_news()
 * @hold: the hold whose thaw failed, or NULL
 *
 * Superblocks may be frozen, so this never waits for memory. Without memory there is no
 * notification, and its number is missing in the sequence.
 *
 * Context: process context.
 */
void fg_netlink_notify(struct fg_lease *lease, enum fg_lease_event what, struct fg_hold *hold)
{
	struct fg_lease_info info;
	struct fg_owner owner;
	struct sk_buff *skb;
	bool bound;

	bound = fg_lease_owner_get(lease, &owner);
	spin_lock(&fg_netlink_notify_lock);
	fg_lease_snapshot(lease, &info);
	if (!fg_lease_is_news(lease->announced, what, info.state))
		goto unlock;
	lease->announced = info.state;
	fg_netlink_event_seq++;
	skb = fg_netlink_event(lease, &info, hold);
	if (!skb)
		goto unlock;
	if (bound && info.state != FREEZEGUARD_LEASE_STATE_FREEZING)
		fg_netlink_notify_owner(&owner, skb);
	genlmsg_multicast(&fg_netlink_family, skb, 0, FG_MCGRP_EVENTS, GFP_ATOMIC);
unlock:
	spin_unlock(&fg_netlink_notify_lock);
	if (bound)
		sock_put(owner.sk);
}
