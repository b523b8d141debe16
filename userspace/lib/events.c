// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Notifications: those that the kernel sends to a lease's owner, and those of the group "events".
 * Those that arrive while an answer is waited for are kept in a ring.
 */
#include <errno.h>
#include <string.h>

#include <linux/genetlink.h>
#include <netlink/genl/genl.h>

#include "internal.h"

/** fg_events_is_ntf() - is this message one of our family's notifications? */
bool fg_events_is_ntf(const struct freezeguard *fg, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = (const void *)((const char *)nlh + NLMSG_HDRLEN);

	return fg->family && nlh->nlmsg_type == fg->family &&
	       nlh->nlmsg_len >= NLMSG_HDRLEN + GENL_HDRLEN && nlh->nlmsg_seq == 0 &&
	       genl->cmd == FREEZEGUARD_CMD_LEASE_NTF;
}

/**
 * fg_events_keep() - put a notification into the ring
 * @fg: the handle
 * @nlh: the message
 *
 * One that cannot be read or for which there is no room counts as lost.
 */
void fg_events_keep(struct freezeguard *fg, const struct nlmsghdr *nlh)
{
	size_t at = (fg->pending_first + fg->n_pending) % FG_PENDING_MAX;
	struct freezeguard_lease event = { 0 };

	if (fg->n_pending == FG_PENDING_MAX || fg_decode_lease(nlh, &event)) {
		freezeguard_lease_clear(&event);
		fg->lost = true;
		return;
	}
	fg->pending[at] = event;
	fg->n_pending++;
	/* Only the group sees every number; a lease's owner sees its own leases'. */
	if (fg->events && fg->event_seq_known && event.event_seq != fg->event_seq + 1)
		fg->lost = true;
	fg->event_seq_known = true;
	fg->event_seq = event.event_seq;
}

/**
 * fg_events_take() - take the oldest notification out of the ring
 * @fg: the handle
 * @event: where to; the caller clears it
 *
 * Return: whether there was one.
 */
bool fg_events_take(struct freezeguard *fg, struct freezeguard_lease *event)
{
	if (!fg->n_pending)
		return false;
	*event = fg->pending[fg->pending_first];
	memset(&fg->pending[fg->pending_first], 0, sizeof(*event));
	fg->pending_first = (fg->pending_first + 1) % FG_PENDING_MAX;
	fg->n_pending--;
	return true;
}

/**
 * freezeguard_event_next() - the next notification
 * @fg: the handle
 * @timeout_ms: how long to wait for it; 0 to take only what is there
 * @event: where to; the lease without its holds, or with the one whose thaw failed. The caller
 *	clears it.
 *
 * Return: 1 there is one; 0 none came in time; -ENOBUFS some were lost: the caller learns by
 * freezeguard_lease_dump() how things are, and goes on; -EINTR a signal came; another negative
 * errno.
 */
int freezeguard_event_next(struct freezeguard *fg, int timeout_ms, struct freezeguard_lease *event)
{
	uint64_t deadline = timeout_ms > 0 ?
			    freezeguard_now_ns() + (uint64_t)timeout_ms * FG_NS_PER_MS : 0;
	struct nlmsghdr *nlh;
	int len;

	fg_error_clear(fg);
	for (;;) {
		if (fg->lost) {
			fg->lost = false;
			return fg_error_set(fg, ENOBUFS, "some events were lost");
		}
		if (fg_events_take(fg, event))
			return 1;
		len = fg_socket_receive(fg, deadline);
		if (len == -ETIMEDOUT)
			return 0;
		if (len == -ENOBUFS) {
			fg->lost = true;
			continue;
		}
		if (len < 0)
			return fg_error_set(fg, -len, "cannot receive events: %s", strerror(-len));
		for (nlh = (struct nlmsghdr *)fg->buffer; nlmsg_ok(nlh, len);
		     nlh = nlmsg_next(nlh, &len))
			if (fg_events_is_ntf(fg, nlh))
				fg_events_keep(fg, nlh);
	}
}
