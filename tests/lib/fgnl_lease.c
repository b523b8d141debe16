// SPDX-License-Identifier: GPL-2.0-only
/* fgnl_lease: the commands about leases and filesystems, and what is in their answers. */
#include "fgnl.h"

#include <string.h>

static void parse_hold(uint16_t type, const void *data, size_t len, void *arg)
{
	struct fg_hold *h = arg;

	switch (type) {
	case FREEZEGUARD_A_HOLD_DEV_MAJOR: h->dev_major = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_HOLD_DEV_MINOR: h->dev_minor = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_HOLD_FS_TYPE: FGNL_STRING(h->fs_type); break;
	case FREEZEGUARD_A_HOLD_NAME: FGNL_STRING(h->name); break;
	case FREEZEGUARD_A_HOLD_LEVEL: h->level = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_HOLD_STATE: h->state = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_HOLD_ERROR: h->error = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_HOLD_THAW_FAILURES: h->thaw_failures = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_HOLD_FREEZE_BEGIN_NS: h->freeze_begin_ns = fgnl_u64(data, len); break;
	case FREEZEGUARD_A_HOLD_FROZEN_NS: h->frozen_ns = fgnl_u64(data, len); break;
	case FREEZEGUARD_A_HOLD_RELEASED_NS: h->released_ns = fgnl_u64(data, len); break;
	case FREEZEGUARD_A_HOLD_CONTINUITY: h->continuity = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_HOLD_STILL_FROZEN: h->still_frozen = true; break;
	case FREEZEGUARD_A_HOLD_CLASS: h->class = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_HOLD_TURNED_READ_ONLY: h->turned_read_only = true; break;
	}
}

static void parse_lease(uint16_t type, const void *data, size_t len, void *arg)
{
	struct fg_lease *l = arg;

	l->present |= 1u << type;
	switch (type) {
	case FREEZEGUARD_A_LEASE_NUMBER: l->number = fgnl_u64(data, len); break;
	case FREEZEGUARD_A_LEASE_ID: FGNL_STRING(l->id); break;
	case FREEZEGUARD_A_LEASE_STATE: l->state = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_LEASE_CAUSE: l->cause = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_LEASE_ERROR: l->error = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_LEASE_BOUND: l->bound = true; break;
	case FREEZEGUARD_A_LEASE_CONTINUITY: l->continuity = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_LEASE_BEGIN_NS: l->begin_ns = fgnl_u64(data, len); break;
	case FREEZEGUARD_A_LEASE_FROZEN_NS: l->frozen_ns = fgnl_u64(data, len); break;
	case FREEZEGUARD_A_LEASE_DEADLINE_NS: l->deadline_ns = fgnl_u64(data, len); break;
	case FREEZEGUARD_A_LEASE_ENDED_NS: l->ended_ns = fgnl_u64(data, len); break;
	case FREEZEGUARD_A_LEASE_RELEASED_NS: l->released_ns = fgnl_u64(data, len); break;
	case FREEZEGUARD_A_LEASE_OWNER_PID: l->owner_pid = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_LEASE_OWNER_COMM: FGNL_STRING(l->owner_comm); break;
	case FREEZEGUARD_A_LEASE_ENDER_PID: l->ender_pid = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_LEASE_ENDER_COMM: FGNL_STRING(l->ender_comm); break;
	case FREEZEGUARD_A_LEASE_HOLDS: l->holds = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_LEASE_HOLDS_LIVE: l->holds_live = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_LEASE_EVENT_SEQ: l->event_seq = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_LEASE_HOLD:
		if (l->n_hold < FREEZEGUARD_HOLDS_MAX)
			fgnl_walk(data, len, parse_hold, &l->hold[l->n_hold++]);
		break;
	}
}

/* Of a later message about a lease: its state is not to be newer than that of any hold. */
static void parse_more_holds(uint16_t type, const void *data, size_t len, void *arg)
{
	if (type == FREEZEGUARD_A_LEASE_HOLD)
		parse_lease(type, data, len, arg);
}

static void parse_fs(uint16_t type, const void *data, size_t len, void *arg)
{
	struct fg_fs *f = arg;

	f->present |= 1u << type;
	switch (type) {
	case FREEZEGUARD_A_FS_DEV_MAJOR: f->dev_major = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_FS_DEV_MINOR: f->dev_minor = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_FS_TYPE: FGNL_STRING(f->type); break;
	case FREEZEGUARD_A_FS_NAME: FGNL_STRING(f->name); break;
	case FREEZEGUARD_A_FS_STATE: f->state = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_FS_FREEZABLE: f->freezable = true; break;
	case FREEZEGUARD_A_FS_READ_ONLY: f->read_only = true; break;
	case FREEZEGUARD_A_FS_KERNEL_HOLDERS: f->kernel_holders = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_FS_USER_HOLDERS: f->user_holders = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_FS_SUSPEND: f->suspend = fgnl_u32(data, len); break;
	case FREEZEGUARD_A_FS_LEASE_NUMBER: f->lease_number = fgnl_u64(data, len); break;
	case FREEZEGUARD_A_FS_LEASE_ID: FGNL_STRING(f->lease_id); break;
	}
}

/** fgnl_queue_event() - keep a notification for fg_event() */
void fgnl_queue_event(struct fgnl *nl, const struct nlmsghdr *msg, bool multicast)
{
	static struct fg_lease lease;
	struct fg_event *e = &nl->events[nl->events_head % FGNL_EVENTS];

	memset(&lease, 0, offsetof(struct fg_lease, hold) + sizeof(lease.hold[0]));
	fgnl_walk_message(msg, parse_lease, &lease);
	*e = (struct fg_event){
		.multicast = multicast, .present = lease.present, .seq = lease.event_seq,
		.number = lease.number, .state = lease.state, .cause = lease.cause,
		.error = lease.error, .holds = lease.holds, .holds_live = lease.holds_live,
		.continuity = lease.continuity, .begin_ns = lease.begin_ns,
		.frozen_ns = lease.frozen_ns, .deadline_ns = lease.deadline_ns,
		.ended_ns = lease.ended_ns, .released_ns = lease.released_ns,
		.ender_pid = lease.ender_pid,
		.bound = lease.bound, .has_hold = lease.n_hold > 0, .hold = lease.hold[0],
	};
	memcpy(e->id, lease.id, sizeof(e->id));
	memcpy(e->ender_comm, lease.ender_comm, sizeof(e->ender_comm));
	nl->events_head++;
	if (nl->events_head - nl->events_tail > FGNL_EVENTS)
		nl->events_tail++;
}

/* Commands */

static void each_lease(const struct nlmsghdr *msg, void *arg)
{
	struct fg_lease *lease = arg;

	fgnl_walk_message(msg, lease->number ? parse_more_holds : parse_lease, lease);
}

static int talk_lease(struct fgnl *nl, struct fgnl_msg *msg, struct fg_lease *lease)
{
	static struct fg_lease unused;

	if (!lease)
		lease = &unused;
	memset(lease, 0, sizeof(*lease));
	return fgnl_talk(nl, msg, each_lease, lease);
}

/**
 * fg_new_levels() - LEASE_NEW
 * @nl: will own it
 * @id: or NULL
 * @timeout_ms: to the deadline
 * @fds: of the superblocks
 * @levels: of each, or NULL
 * @n: how many
 * @lease: is the answer, or NULL
 *
 * Return: 0 or -errno.
 */
int fg_new_levels(struct fgnl *nl, const char *id, uint32_t timeout_ms, const int *fds,
		  const uint32_t *levels, unsigned int n, struct fg_lease *lease)
{
	static struct fgnl_msg msg;
	unsigned int i;

	fgnl_begin(&msg, nl, FREEZEGUARD_CMD_LEASE_NEW, NLM_F_ACK);
	if (id)
		fgnl_put_string(&msg, FREEZEGUARD_A_LEASE_ID, id);
	fgnl_put_u32(&msg, FREEZEGUARD_A_LEASE_TIMEOUT_MS, timeout_ms);
	for (i = 0; i < n; i++)
		fgnl_put_superblock(&msg, fds[i], levels ? levels[i] : 0);
	return talk_lease(nl, &msg, lease);
}

/** fg_new() - LEASE_NEW, all on one level; see fg_new_levels() */
int fg_new(struct fgnl *nl, const char *id, uint32_t timeout_ms, const int *fds, unsigned int n,
	   struct fg_lease *lease)
{
	return fg_new_levels(nl, id, timeout_ms, fds, NULL, n, lease);
}

/** fg_new_synced() - LEASE_NEW that writes back before; see fg_new_levels() */
int fg_new_synced(struct fgnl *nl, uint32_t timeout_ms, uint32_t sync_budget_ms, const int *fds,
		  unsigned int n, struct fg_lease *lease)
{
	static struct fgnl_msg msg;
	unsigned int i;

	fgnl_begin(&msg, nl, FREEZEGUARD_CMD_LEASE_NEW, NLM_F_ACK);
	fgnl_put_u32(&msg, FREEZEGUARD_A_LEASE_TIMEOUT_MS, timeout_ms);
	fgnl_put_u32(&msg, FREEZEGUARD_A_LEASE_SYNC_BUDGET_MS, sync_budget_ms);
	for (i = 0; i < n; i++)
		fgnl_put_superblock(&msg, fds[i], 0);
	return talk_lease(nl, &msg, lease);
}

/**
 * fg_which() - a command about one lease
 * @nl: to ask through
 * @cmd: LEASE_END, _EXTEND, _DETACH, _GET
 * @number: of the lease, or 0
 * @id: of the lease, or NULL
 * @timeout_ms: for LEASE_EXTEND, else 0
 * @lease: is the answer, or NULL
 *
 * Return: 0 or -errno.
 */
int fg_which(struct fgnl *nl, uint8_t cmd, uint64_t number, const char *id, uint32_t timeout_ms,
	     struct fg_lease *lease)
{
	static struct fgnl_msg msg;

	/* Only a dump has the holds. */
	fgnl_begin(&msg, nl, cmd, cmd == FREEZEGUARD_CMD_LEASE_GET ? NLM_F_DUMP : NLM_F_ACK);
	if (number)
		fgnl_put_u64(&msg, FREEZEGUARD_A_LEASE_NUMBER, number);
	if (id)
		fgnl_put_string(&msg, FREEZEGUARD_A_LEASE_ID, id);
	if (cmd == FREEZEGUARD_CMD_LEASE_EXTEND)
		fgnl_put_u32(&msg, FREEZEGUARD_A_LEASE_TIMEOUT_MS, timeout_ms);
	return talk_lease(nl, &msg, lease);
}

static void each_fs(const struct nlmsghdr *msg, void *arg)
{
	fgnl_walk_message(msg, parse_fs, arg);
}

/**
 * fg_fs() - FS_GET
 *
 * Return: 0 or -errno.
 */
int fg_fs(struct fgnl *nl, int fd, struct fg_fs *fs)
{
	static struct fgnl_msg msg;

	memset(fs, 0, sizeof(*fs));
	fgnl_begin(&msg, nl, FREEZEGUARD_CMD_FS_GET, NLM_F_ACK);
	fgnl_put_u32(&msg, FREEZEGUARD_A_FS_FD, fd);
	return fgnl_talk(nl, &msg, each_fs, fs);
}

struct dump {
	void (*each)(const struct fg_lease *part, void *arg);
	void *arg;
	int n;
};

static void each_dumped(const struct nlmsghdr *msg, void *arg)
{
	static struct fg_lease part;
	struct dump *dump = arg;

	memset(&part, 0, sizeof(part));
	fgnl_walk_message(msg, parse_lease, &part);
	dump->n++;
	if (dump->each)
		dump->each(&part, dump->arg);
}

/**
 * fg_dump() - all leases
 * @nl: to ask through
 * @each: called for each message: a lease with some of its holds; may be NULL
 * @arg: for @each
 *
 * Return: how many messages, or -errno.
 */
int fg_dump(struct fgnl *nl, void (*each)(const struct fg_lease *part, void *arg), void *arg)
{
	static struct fgnl_msg msg;
	struct dump dump = { .each = each, .arg = arg };
	int err;

	fgnl_begin(&msg, nl, FREEZEGUARD_CMD_LEASE_GET, NLM_F_DUMP);
	err = fgnl_talk(nl, &msg, each_dumped, &dump);
	return err ?: dump.n;
}
