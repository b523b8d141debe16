/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The protocol with plain sockets, for tests: nothing of libfreezeguard or libnl is between the
 * test and the kernel, and nothing malformed is refused on the way.
 */
#ifndef FGNL_H
#define FGNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/freezeguard.h>

#define FGNL_ID_SIZE	128
#define FGNL_EVENTS	4096

/* One hold, as received; absent attributes are 0 or empty. */
struct fg_hold {
	uint32_t dev_major, dev_minor;
	char fs_type[32], name[64];
	uint32_t level, state, error, thaw_failures;
	uint64_t freeze_begin_ns, frozen_ns, released_ns;
	uint32_t continuity;
	bool still_frozen, turned_read_only;
	uint32_t class;
};

/* One lease, as received. */
struct fg_lease {
	uint32_t present;		/* bit n: attribute n came */
	uint64_t number;
	char id[FGNL_ID_SIZE];
	uint32_t state, cause, error;
	bool bound;
	uint32_t continuity;
	uint64_t begin_ns, frozen_ns, deadline_ns, ended_ns, released_ns;
	uint32_t owner_pid, ender_pid;
	char owner_comm[32], ender_comm[32];
	uint32_t holds, holds_live;
	uint32_t event_seq;
	unsigned int n_hold;		/* of those below */
	struct fg_hold hold[FREEZEGUARD_HOLDS_MAX];
};

/* A notification: the lease with at most one hold. */
struct fg_event {
	bool multicast;
	uint32_t present;
	uint32_t seq;
	uint64_t number;
	char id[FGNL_ID_SIZE];
	uint32_t state, cause, error, holds, holds_live, continuity;
	uint64_t begin_ns, frozen_ns, deadline_ns, ended_ns, released_ns;
	uint32_t ender_pid;
	char ender_comm[32];
	bool bound, has_hold;
	struct fg_hold hold;
};

/* A superblock, as received from FS_GET. */
struct fg_fs {
	uint32_t present;
	uint32_t dev_major, dev_minor;
	char type[32], name[64];
	uint32_t state;
	bool freezable, read_only;
	uint32_t kernel_holders, user_holders;
	uint64_t lease_number;
	char lease_id[FGNL_ID_SIZE];
	uint32_t suspend;
};

/* A socket, and what its last request was answered. */
struct fgnl {
	int fd;
	uint32_t port, seq, group;
	uint16_t family;
	int error;			/* positive errno of the last request */
	char extack[256];		/* its message, empty if none came */
	bool has_cookie;
	uint64_t cookie;
	bool overrun;			/* ENOBUFS was seen */
	bool connected;			/* send without a destination */
	struct fg_event *events;	/* a ring of notifications */
	unsigned int events_head, events_tail;
};

/* A message being made. */
struct fgnl_msg {
	size_t len;
	bool overflow;
	union {
		struct nlmsghdr header;
		char data[65536];
	};
};

int fgnl_open(struct fgnl *nl);
void fgnl_close(struct fgnl *nl);
int fgnl_subscribe(struct fgnl *nl);

void fgnl_begin(struct fgnl_msg *msg, const struct fgnl *nl, uint8_t cmd, uint16_t flags);
void fgnl_put(struct fgnl_msg *msg, uint16_t type, const void *data, size_t len);
void fgnl_put_u32(struct fgnl_msg *msg, uint16_t type, uint32_t value);
void fgnl_put_u64(struct fgnl_msg *msg, uint16_t type, uint64_t value);
void fgnl_put_string(struct fgnl_msg *msg, uint16_t type, const char *value);
size_t fgnl_nest(struct fgnl_msg *msg, uint16_t type);
void fgnl_nest_end(struct fgnl_msg *msg, size_t nest);
void fgnl_put_superblock(struct fgnl_msg *msg, int fd, uint32_t level);

typedef void (*fgnl_each)(const struct nlmsghdr *msg, void *arg);
int fgnl_send(struct fgnl *nl, struct fgnl_msg *msg);
int fgnl_talk(struct fgnl *nl, struct fgnl_msg *msg, fgnl_each each, void *arg);
void fgnl_walk(const void *data, size_t len,
	       void (*each)(uint16_t type, const void *data, size_t len, void *arg), void *arg);
void fgnl_walk_message(const struct nlmsghdr *msg,
		       void (*each)(uint16_t type, const void *data, size_t len, void *arg),
		       void *arg);
uint32_t fgnl_u32(const void *data, size_t len);
uint64_t fgnl_u64(const void *data, size_t len);
void fgnl_string(char *to, size_t size, const void *data, size_t len);
/* Within what fgnl_walk() calls. */
#define FGNL_STRING(to)	fgnl_string(to, sizeof(to), data, len)
void fgnl_queue_event(struct fgnl *nl, const struct nlmsghdr *msg, bool multicast);

int fg_new(struct fgnl *nl, const char *id, uint32_t timeout_ms, const int *fds, unsigned int n,
	   struct fg_lease *lease);
int fg_new_levels(struct fgnl *nl, const char *id, uint32_t timeout_ms, const int *fds,
		  const uint32_t *levels, unsigned int n, struct fg_lease *lease);
int fg_new_synced(struct fgnl *nl, uint32_t timeout_ms, uint32_t sync_budget_ms, const int *fds,
		  unsigned int n, struct fg_lease *lease);
int fg_which(struct fgnl *nl, uint8_t cmd, uint64_t number, const char *id, uint32_t timeout_ms,
	     struct fg_lease *lease);
int fg_fs(struct fgnl *nl, int fd, struct fg_fs *fs);
int fg_dump(struct fgnl *nl, void (*each)(const struct fg_lease *part, void *arg), void *arg);
int fg_event(struct fgnl *nl, struct fg_event *event, int timeout_ms);

static inline int fg_end(struct fgnl *nl, uint64_t number, struct fg_lease *lease)
{
	return fg_which(nl, FREEZEGUARD_CMD_LEASE_END, number, NULL, 0, lease);
}

static inline int fg_extend(struct fgnl *nl, uint64_t number, uint32_t ms, struct fg_lease *lease)
{
	return fg_which(nl, FREEZEGUARD_CMD_LEASE_EXTEND, number, NULL, ms, lease);
}

static inline int fg_detach(struct fgnl *nl, uint64_t number, struct fg_lease *lease)
{
	return fg_which(nl, FREEZEGUARD_CMD_LEASE_DETACH, number, NULL, 0, lease);
}

static inline int fg_get(struct fgnl *nl, uint64_t number, struct fg_lease *lease)
{
	return fg_which(nl, FREEZEGUARD_CMD_LEASE_GET, number, NULL, 0, lease);
}

#endif
