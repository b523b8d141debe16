/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library's files share and nobody else sees: the handle (handle.c), and the functions of
 * the encoding (attrs.c, extack.c), on which the socket stands (socket.c), and on that the
 * operations (events.c, lease.c).
 */
#ifndef FREEZEGUARD_INTERNAL_H
#define FREEZEGUARD_INTERNAL_H

#include <linux/netlink.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include "freezeguard.h"

/*
 * A lease with FREEZEGUARD_HOLDS_MAX holds is about 80 KiB when it comes in one message; a buffer
 * that is too small would truncate it.
 */
#define FG_BUFFER_SIZE		(128 * 1024)
/* The kernel's answer is normally there before sendmsg() has returned. */
#define FG_REPLY_TIMEOUT_MS	5000
/* Resolving the family may have to load the module. */
#define FG_RESOLVE_TIMEOUT_MS	30000
/*
 * How long nothing may be heard of a lease that is waited for before the kernel is asked. Only its owner
 * hears of it; others ask after the first, and then after twice as long each time: most thaws take less
 * than a millisecond.
 */
#define FG_SILENCE_FIRST_NS	(1 * 1000000ULL)
#define FG_SILENCE_LAST_NS	(500 * 1000000ULL)
/* Notifications that are kept while a reply is waited for; one more, and they count as lost. */
#define FG_PENDING_MAX		64

#define FG_NS_PER_MS		1000000ULL

/** struct fg_extack - what an NLMSG_ERROR or NLMSG_DONE says */
struct fg_extack {
	int error;		/* positive errno, 0 for success */
	char message[256];	/* empty if there is none */
	uint32_t offset;	/* of the attribute in the request that it is about, 0 if none */
	uint32_t missing;	/* type of the attribute that is missing, 0 if none */
	uint64_t cookie;	/* 0 if there is none */
};

struct freezeguard {
	struct nl_sock *sock;
	int fd;			/* of @sock; on its own, so that a test can put a socketpair here */
	uint16_t family;
	uint32_t group;		/* number of the multicast group "events" */
	uint32_t seq;
	uint64_t owned;		/* the last lease made here, not detached; its changes come here */
	uint64_t acked;		/* the lease that the last acknowledgement names, 0 if none */
	bool events;		/* joined to @group: event_seq has no gaps unless some were lost */
	bool event_seq_known;
	uint32_t event_seq;
	bool lost;		/* notifications were lost and the caller does not know yet */

	struct freezeguard_lease pending[FG_PENDING_MAX];
	size_t pending_first;
	size_t n_pending;

	int err;		/* the error record, positive errno */
	char text[1024];
	char attr[64];
	int superblock;
	struct fg_extack extack;

	char *buffer;
};

typedef int (*fg_reply_fn)(const struct nlmsghdr *nlh, void *arg);

/* attrs.c */
const struct freezeguard_attr *fg_attr_find(const char *set, uint16_t number);
int fg_decode_lease(const struct nlmsghdr *nlh, struct freezeguard_lease *lease);
int fg_decode_fs(const struct nlmsghdr *nlh, struct freezeguard_fs *fs);

/* extack.c */
int fg_extack_parse(const struct nlmsghdr *nlh, struct fg_extack *ack);
void fg_extack_attr(const struct nlmsghdr *request, uint32_t offset, char *name, size_t size,
		    int *superblock);

/* handle.c */
struct freezeguard *fg_handle_new(void);
int fg_error_set(struct freezeguard *fg, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void fg_error_clear(struct freezeguard *fg);
bool fg_is_ntf(const struct freezeguard *fg, const struct nlmsghdr *nlh);
void fg_ntf_keep(struct freezeguard *fg, const struct nlmsghdr *nlh);
bool fg_ntf_take(struct freezeguard *fg, struct freezeguard_lease *event);

/* socket.c */
int fg_socket_receive(struct freezeguard *fg, uint64_t deadline_ns);
int fg_socket_transact(struct freezeguard *fg, struct nl_msg *msg, unsigned int timeout_ms,
		       fg_reply_fn reply, void *arg);

#endif /* FREEZEGUARD_INTERNAL_H */
