// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The handle: its error record, and a ring of the notifications that arrived while an answer was
 * waited for. Nothing here sends or receives.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/genetlink.h>

#include "internal.h"

/**
 * freezeguard_now_ns() - the time on the clock of all deadlines
 *
 * Return: nanoseconds of CLOCK_BOOTTIME.
 */
uint64_t freezeguard_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/** fg_error_clear() - forget the last error */
void fg_error_clear(struct freezeguard *fg)
{
	fg->err = 0;
	fg->text[0] = '\0';
	fg->attr[0] = '\0';
	fg->superblock = -1;
	memset(&fg->extack, 0, sizeof(fg->extack));
}

/**
 * fg_error_set() - record an error
 * @fg: the handle
 * @err: positive errno
 * @fmt: the whole text
 *
 * Return: -@err.
 */
int fg_error_set(struct freezeguard *fg, int err, const char *fmt, ...)
{
	va_list args;

	fg->err = err;
	va_start(args, fmt);
	vsnprintf(fg->text, sizeof(fg->text), fmt, args);
	va_end(args);
	return -err;
}

/**
 * freezeguard_errno() - the number of the last error
 * @fg: the handle, or NULL if there was no memory for one
 *
 * Return: positive errno, 0 if the last call succeeded.
 */
int freezeguard_errno(const struct freezeguard *fg)
{
	return fg ? fg->err : ENOMEM;
}

/**
 * freezeguard_error() - what was tried, on what, why it failed and what to do
 * @fg: the handle, or NULL if there was no memory for one
 *
 * Return: a text that is valid until the next call on @fg; empty if the last call succeeded.
 */
const char *freezeguard_error(const struct freezeguard *fg)
{
	return fg ? fg->text : "cannot open a connection to freezeguard: out of memory";
}

/** freezeguard_error_kernel() - only the kernel's message of the last error, or empty */
const char *freezeguard_error_kernel(const struct freezeguard *fg)
{
	return fg ? fg->extack.message : "";
}

/** freezeguard_error_attr() - the attribute that the last error is about; empty if unknown */
const char *freezeguard_error_attr(const struct freezeguard *fg)
{
	return fg ? fg->attr : "";
}

/**
 * freezeguard_error_superblock() - which superblock of a freezeguard_lease_new() was refused
 * @fg: the handle
 *
 * Return: its index, -1 if the last error is not about one of them.
 */
int freezeguard_error_superblock(const struct freezeguard *fg)
{
	return fg ? fg->superblock : -1;
}

/**
 * freezeguard_error_lease() - whose lease is in the way, after -EBUSY of freezeguard_lease_new()
 * @fg: the handle
 *
 * Return: that lease's number; 0 if something other than freezeguard froze the superblock.
 */
uint64_t freezeguard_error_lease(const struct freezeguard *fg)
{
	return fg ? fg->extack.cookie : 0;
}

/**
 * freezeguard_fd() - the socket, to poll for POLLIN before freezeguard_event_next()
 * @fg: the handle
 *
 * Return: a file descriptor that stays the handle's.
 */
int freezeguard_fd(const struct freezeguard *fg)
{
	return fg->fd;
}

/**
 * fg_handle_new() - a handle without a socket
 *
 * Return: the handle, for freezeguard_close(); NULL if there is no memory.
 */
struct freezeguard *fg_handle_new(void)
{
	struct freezeguard *fg = calloc(1, sizeof(*fg));

	if (!fg)
		return NULL;
	fg->fd = -1;
	fg->superblock = -1;
	fg->buffer = malloc(FG_BUFFER_SIZE);
	if (!fg->buffer) {
		free(fg);
		return NULL;
	}
	return fg;
}

/**
 * freezeguard_close() - close a handle; a lease that is bound to its socket ends
 * @fg: the handle, or NULL
 */
void freezeguard_close(struct freezeguard *fg)
{
	struct freezeguard_lease event = { 0 };

	if (!fg)
		return;
	while (fg_ntf_take(fg, &event))
		freezeguard_lease_clear(&event);
	nl_socket_free(fg->sock);
	free(fg->buffer);
	free(fg);
}

/** fg_is_ntf() - is this message one of our family's notifications? */
bool fg_is_ntf(const struct freezeguard *fg, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = (const void *)((const char *)nlh + NLMSG_HDRLEN);

	return fg->family && nlh->nlmsg_type == fg->family &&
	       nlh->nlmsg_len >= NLMSG_HDRLEN + GENL_HDRLEN && nlh->nlmsg_seq == 0 &&
	       genl->cmd == FREEZEGUARD_CMD_LEASE_NTF;
}

/**
 * fg_ntf_keep() - put a notification into the ring
 * @fg: the handle
 * @nlh: the message
 *
 * One that cannot be read or for which there is no room counts as lost.
 */
void fg_ntf_keep(struct freezeguard *fg, const struct nlmsghdr *nlh)
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
 * fg_ntf_take() - take the oldest notification out of the ring
 * @fg: the handle
 * @event: where to; the caller clears it
 *
 * Return: whether there was one.
 */
bool fg_ntf_take(struct freezeguard *fg, struct freezeguard_lease *event)
{
	if (!fg->n_pending)
		return false;
	*event = fg->pending[fg->pending_first];
	memset(&fg->pending[fg->pending_first], 0, sizeof(*event));
	fg->pending_first = (fg->pending_first + 1) % FG_PENDING_MAX;
	fg->n_pending--;
	return true;
}
