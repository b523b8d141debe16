// SPDX-License-Identifier: LGPL-2.1-or-later
/* Waiting for notifications: those to a lease's owner, and those of the group "events". */
#include <errno.h>

#include "internal.h"

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
		if (fg_ntf_take(fg, event))
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
			if (fg_is_ntf(fg, nlh))
				fg_ntf_keep(fg, nlh);
	}
}
