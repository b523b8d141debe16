/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libfreezeguard: freeze leases from userspace.
 *
 * Every function returns 0 (or what its comment says) or a negative errno, and leaves in the handle
 * one text that says what was tried, on what, why it failed and what to do; nothing is printed.
 * No function waits without a bound. Times are nanoseconds of CLOCK_BOOTTIME. A handle is for one
 * thread at a time. Sockets are close-on-exec: a lease that is bound to a handle's socket ends when
 * the handle is closed or its process dies.
 */
#ifndef FREEZEGUARD_H
#define FREEZEGUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/freezeguard.h>

#define FREEZEGUARD_FS_TYPE_MAX	31
#define FREEZEGUARD_FS_NAME_MAX	63

/** struct freezeguard - a connection to the kernel module; opaque */
struct freezeguard;

/** struct freezeguard_superblock - one superblock to freeze, for freezeguard_lease_new() */
struct freezeguard_superblock {
	int fd;			/* any open file on it */
	uint32_t level;		/* freezes after all lower levels */
};

/** struct freezeguard_hold - one superblock of a lease; the uapi header explains each field */
struct freezeguard_hold {
	uint32_t major;
	uint32_t minor;
	char fstype[FREEZEGUARD_FS_TYPE_MAX + 1];
	char name[FREEZEGUARD_FS_NAME_MAX + 1];
	uint32_t level;
	uint32_t state;			/* enum freezeguard_hold_state */
	uint32_t error;			/* positive errno, 0 for none */
	uint32_t thaw_failures;
	uint64_t freeze_begin_ns;	/* 0: has not happened, like all times here */
	uint64_t frozen_ns;
	uint64_t released_ns;
	uint32_t continuity;		/* enum freezeguard_continuity */
	bool still_frozen;
	bool turned_read_only;		/* released, and read-only since it was frozen */
	uint32_t class;			/* enum freezeguard_class; 0: has no thread yet */
};

/** struct freezeguard_lease - a lease; freezeguard_lease_clear() frees what it points to */
struct freezeguard_lease {
	uint64_t number;
	char id[FREEZEGUARD_ID_MAX + 1];
	uint32_t state;			/* enum freezeguard_lease_state */
	uint32_t cause;			/* enum freezeguard_cause */
	uint32_t error;			/* positive errno of the hold that failed first */
	bool bound;
	uint32_t continuity;		/* enum freezeguard_continuity */
	uint64_t begin_ns;
	uint64_t frozen_ns;
	uint64_t deadline_ns;
	uint64_t ended_ns;
	uint64_t released_ns;
	uint32_t owner_pid;
	char owner_comm[FREEZEGUARD_COMM_MAX + 1];
	uint32_t ender_pid;		/* 0: no process ended it */
	char ender_comm[FREEZEGUARD_COMM_MAX + 1];
	uint32_t n_superblocks;		/* how many superblocks it has */
	uint32_t n_live;		/* how many of them are not released yet */
	uint32_t event_seq;		/* notifications only */
	struct freezeguard_hold *holds;
	size_t n_holds;			/* entries in @holds; a notification has none or one */
};

/** struct freezeguard_lease_list - what a dump found, oldest first */
struct freezeguard_lease_list {
	struct freezeguard_lease *v;
	size_t n;
	bool interrupted;	/* leases came or went meanwhile, each time that it was tried */
};

/** struct freezeguard_fs - the freeze state of one superblock, whoever froze it */
struct freezeguard_fs {
	uint32_t major;
	uint32_t minor;
	char fstype[FREEZEGUARD_FS_TYPE_MAX + 1];
	char name[FREEZEGUARD_FS_NAME_MAX + 1];
	uint32_t state;			/* enum freezeguard_fs_state */
	bool freezable;
	bool read_only;
	bool has_holders;		/* the kernel counts holders, in the next two */
	uint32_t kernel_holders;
	uint32_t user_holders;
	uint64_t lease_number;		/* 0: no live lease holds it */
	char lease_id[FREEZEGUARD_ID_MAX + 1];
	uint32_t suspend;		/* enum freezeguard_suspend */
};

/** enum freezeguard_attr_type - how an attribute is encoded */
enum freezeguard_attr_type {
	FREEZEGUARD_ATTR_FLAG,
	FREEZEGUARD_ATTR_S32,
	FREEZEGUARD_ATTR_U32,
	FREEZEGUARD_ATTR_U64,
	FREEZEGUARD_ATTR_STRING,
	FREEZEGUARD_ATTR_NEST,
	FREEZEGUARD_ATTR_PAD,
};

/** struct freezeguard_attr - one attribute of the protocol, as this library uses it */
struct freezeguard_attr {
	const char *set;		/* "lease", "hold", "superblock" or "fs" */
	const char *name;		/* as the netlink spec spells it */
	uint16_t number;
	enum freezeguard_attr_type type;
};

/* All attributes. The decoder's policies are made from it; a test holds it to the netlink spec. */
extern const struct freezeguard_attr freezeguard_attrs[];
extern const size_t freezeguard_n_attrs;

const char *freezeguard_attr_type_name(enum freezeguard_attr_type type);

/* Names of the uapi's enum values as the spec spells them; "unrecognised" for others. */
const char *freezeguard_lease_state_name(uint32_t state);
const char *freezeguard_cause_name(uint32_t cause);
const char *freezeguard_continuity_name(uint32_t continuity);
const char *freezeguard_class_name(uint32_t class);
const char *freezeguard_hold_state_name(uint32_t state);
const char *freezeguard_fs_state_name(uint32_t state);
const char *freezeguard_suspend_name(uint32_t suspend);

uint64_t freezeguard_now_ns(void);

int freezeguard_open(struct freezeguard **fgp);
int freezeguard_open_events(struct freezeguard **fgp);
void freezeguard_close(struct freezeguard *fg);

int freezeguard_errno(const struct freezeguard *fg);
const char *freezeguard_error(const struct freezeguard *fg);
const char *freezeguard_error_kernel(const struct freezeguard *fg);
const char *freezeguard_error_attr(const struct freezeguard *fg);
int freezeguard_error_superblock(const struct freezeguard *fg);
uint64_t freezeguard_error_lease(const struct freezeguard *fg);

int freezeguard_lease_new(struct freezeguard *fg, const char *id, uint32_t timeout_ms,
			  uint32_t sync_budget_ms, const struct freezeguard_superblock *superblocks,
			  size_t n, struct freezeguard_lease *lease);
int freezeguard_lease_end(struct freezeguard *fg, uint64_t number, const char *id,
			  struct freezeguard_lease *lease);
int freezeguard_lease_extend(struct freezeguard *fg, uint64_t number, const char *id,
			     uint32_t timeout_ms, struct freezeguard_lease *lease);
int freezeguard_lease_detach(struct freezeguard *fg, uint64_t number, const char *id);
int freezeguard_lease_get(struct freezeguard *fg, uint64_t number, const char *id,
			  struct freezeguard_lease *lease);
int freezeguard_lease_dump(struct freezeguard *fg, struct freezeguard_lease_list *list);
int freezeguard_lease_wait(struct freezeguard *fg, uint64_t number,
			   bool (*until)(const struct freezeguard_lease *lease, void *arg),
			   void *arg, uint64_t deadline_ns, struct freezeguard_lease *lease);
bool freezeguard_lease_is_live(const struct freezeguard_lease *lease);
void freezeguard_lease_clear(struct freezeguard_lease *lease);
void freezeguard_lease_list_clear(struct freezeguard_lease_list *list);

int freezeguard_fs_get(struct freezeguard *fg, int fd, struct freezeguard_fs *fs);

int freezeguard_fd(const struct freezeguard *fg);
int freezeguard_event_next(struct freezeguard *fg, int timeout_ms, struct freezeguard_lease *event);

#endif /* FREEZEGUARD_H */
