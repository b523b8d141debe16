// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The protocol's attributes: one table of them, the decoding of leases and filesystems by policies
 * made from that table, the names of the enum values, and how a decoded lease is freed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>

#include "internal.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define LEASE(NAME, name, type) \
	{ "lease", name, FREEZEGUARD_A_LEASE_##NAME, FREEZEGUARD_ATTR_##type }
#define HOLD(NAME, name, type) \
	{ "hold", name, FREEZEGUARD_A_HOLD_##NAME, FREEZEGUARD_ATTR_##type }
#define SUPERBLOCK(NAME, name, type) \
	{ "superblock", name, FREEZEGUARD_A_SUPERBLOCK_##NAME, FREEZEGUARD_ATTR_##type }
#define FS(NAME, name, type) \
	{ "fs", name, FREEZEGUARD_A_FS_##NAME, FREEZEGUARD_ATTR_##type }

const struct freezeguard_attr freezeguard_attrs[] = {
	SUPERBLOCK(FD, "fd", S32),
	SUPERBLOCK(LEVEL, "level", U32),

	HOLD(DEV_MAJOR, "dev-major", U32),
	HOLD(DEV_MINOR, "dev-minor", U32),
	HOLD(FS_TYPE, "fs-type", STRING),
	HOLD(NAME, "name", STRING),
	HOLD(LEVEL, "level", U32),
	HOLD(STATE, "state", U32),
	HOLD(ERROR, "error", U32),
	HOLD(THAW_FAILURES, "thaw-failures", U32),
	HOLD(FREEZE_BEGIN_NS, "freeze-begin-ns", U64),
	HOLD(FROZEN_NS, "frozen-ns", U64),
	HOLD(RELEASED_NS, "released-ns", U64),
	HOLD(CONTINUITY, "continuity", U32),
	HOLD(STILL_FROZEN, "still-frozen", FLAG),
	HOLD(TURNED_READ_ONLY, "turned-read-only", FLAG),
	HOLD(PAD, "pad", PAD),
	HOLD(CLASS, "class", U32),

	LEASE(NUMBER, "number", U64),
	LEASE(ID, "id", STRING),
	LEASE(TIMEOUT_MS, "timeout-ms", U32),
	LEASE(SUPERBLOCK, "superblock", NEST),
	LEASE(STATE, "state", U32),
	LEASE(CAUSE, "cause", U32),
	LEASE(ERROR, "error", U32),
	LEASE(BOUND, "bound", FLAG),
	LEASE(CONTINUITY, "continuity", U32),
	LEASE(BEGIN_NS, "begin-ns", U64),
	LEASE(FROZEN_NS, "frozen-ns", U64),
	LEASE(DEADLINE_NS, "deadline-ns", U64),
	LEASE(ENDED_NS, "ended-ns", U64),
	LEASE(RELEASED_NS, "released-ns", U64),
	LEASE(OWNER_PID, "owner-pid", U32),
	LEASE(OWNER_COMM, "owner-comm", STRING),
	LEASE(ENDER_PID, "ender-pid", U32),
	LEASE(ENDER_COMM, "ender-comm", STRING),
	LEASE(HOLDS, "holds", U32),
	LEASE(HOLDS_LIVE, "holds-live", U32),
	LEASE(HOLD, "hold", NEST),
	LEASE(EVENT_SEQ, "event-seq", U32),
	LEASE(PAD, "pad", PAD),
	LEASE(SYNC_BUDGET_MS, "sync-budget-ms", U32),

	FS(FD, "fd", S32),
	FS(DEV_MAJOR, "dev-major", U32),
	FS(DEV_MINOR, "dev-minor", U32),
	FS(TYPE, "type", STRING),
	FS(NAME, "name", STRING),
	FS(STATE, "state", U32),
	FS(FREEZABLE, "freezable", FLAG),
	FS(READ_ONLY, "read-only", FLAG),
	FS(KERNEL_HOLDERS, "kernel-holders", U32),
	FS(USER_HOLDERS, "user-holders", U32),
	FS(LEASE_NUMBER, "lease-number", U64),
	FS(LEASE_ID, "lease-id", STRING),
	FS(SUSPEND, "suspend", U32),
	FS(PAD, "pad", PAD),
};

const size_t freezeguard_n_attrs = ARRAY_SIZE(freezeguard_attrs);

/* Large enough for any of the sets; the policies are made on the stack. */
#define SET_MAX	FREEZEGUARD_A_LEASE_MAX
_Static_assert((int)FREEZEGUARD_A_HOLD_MAX <= (int)SET_MAX &&
	       (int)FREEZEGUARD_A_FS_MAX <= (int)SET_MAX,
	       "a policy has no room for every attribute");

/**
 * freezeguard_attr_type_name() - the netlink spec's word for an encoding
 * @type: the encoding
 *
 * Return: a static string.
 */
const char *freezeguard_attr_type_name(enum freezeguard_attr_type type)
{
	switch (type) {
	case FREEZEGUARD_ATTR_FLAG:
		return "flag";
	case FREEZEGUARD_ATTR_S32:
		return "s32";
	case FREEZEGUARD_ATTR_U32:
		return "u32";
	case FREEZEGUARD_ATTR_U64:
		return "u64";
	case FREEZEGUARD_ATTR_STRING:
		return "string";
	case FREEZEGUARD_ATTR_NEST:
		return "nest";
	case FREEZEGUARD_ATTR_PAD:
		return "pad";
	}
	return "unrecognised";
}

/**
 * fg_attr_find() - an attribute by its number
 * @set: the set it belongs to
 * @number: its number
 *
 * Return: the attribute, or NULL if this library does not know it.
 */
const struct freezeguard_attr *fg_attr_find(const char *set, uint16_t number)
{
	size_t i;

	for (i = 0; i < freezeguard_n_attrs; i++)
		if (!strcmp(freezeguard_attrs[i].set, set) && freezeguard_attrs[i].number == number)
			return &freezeguard_attrs[i];
	return NULL;
}

static uint16_t nla_type_of(enum freezeguard_attr_type type)
{
	switch (type) {
	case FREEZEGUARD_ATTR_FLAG:
		return NLA_FLAG;
	case FREEZEGUARD_ATTR_S32:
	case FREEZEGUARD_ATTR_U32:
		return NLA_U32;
	case FREEZEGUARD_ATTR_U64:
		return NLA_U64;
	case FREEZEGUARD_ATTR_STRING:
		return NLA_STRING;
	case FREEZEGUARD_ATTR_NEST:
		return NLA_NESTED;
	case FREEZEGUARD_ATTR_PAD:
		break;
	}
	return NLA_UNSPEC;
}

/*
 * Attributes that the table does not have are skipped: a newer kernel may send more. Those that it
 * has must be long enough for their type.
 */
static int parse(const char *set, struct nlattr **tb, const struct nlattr *head, int len)
{
	struct nla_policy policy[SET_MAX + 1] = { 0 };
	size_t i;

	for (i = 0; i < freezeguard_n_attrs; i++)
		if (!strcmp(freezeguard_attrs[i].set, set))
			policy[freezeguard_attrs[i].number].type =
				nla_type_of(freezeguard_attrs[i].type);
	if (nla_parse(tb, SET_MAX, (struct nlattr *)head, len, policy) < 0)
		return -EBADMSG;
	return 0;
}

static uint32_t u32_of(struct nlattr **tb, int number)
{
	return tb[number] ? nla_get_u32(tb[number]) : 0;
}

static uint64_t u64_of(struct nlattr **tb, int number)
{
	return tb[number] ? nla_get_u64(tb[number]) : 0;
}

static void string_of(struct nlattr **tb, int number, char *text, size_t size)
{
	text[0] = '\0';
	if (tb[number])
		nla_strlcpy(text, tb[number], size);
}

static int decode_hold(const struct nlattr *nest, struct freezeguard_hold *hold)
{
	struct nlattr *tb[SET_MAX + 1];

	if (parse("hold", tb, nla_data(nest), nla_len(nest)))
		return -EBADMSG;
	memset(hold, 0, sizeof(*hold));
	hold->major = u32_of(tb, FREEZEGUARD_A_HOLD_DEV_MAJOR);
	hold->minor = u32_of(tb, FREEZEGUARD_A_HOLD_DEV_MINOR);
	string_of(tb, FREEZEGUARD_A_HOLD_FS_TYPE, hold->fstype, sizeof(hold->fstype));
	string_of(tb, FREEZEGUARD_A_HOLD_NAME, hold->name, sizeof(hold->name));
	hold->level = u32_of(tb, FREEZEGUARD_A_HOLD_LEVEL);
	hold->state = u32_of(tb, FREEZEGUARD_A_HOLD_STATE);
	hold->error = u32_of(tb, FREEZEGUARD_A_HOLD_ERROR);
	hold->thaw_failures = u32_of(tb, FREEZEGUARD_A_HOLD_THAW_FAILURES);
	hold->freeze_begin_ns = u64_of(tb, FREEZEGUARD_A_HOLD_FREEZE_BEGIN_NS);
	hold->frozen_ns = u64_of(tb, FREEZEGUARD_A_HOLD_FROZEN_NS);
	hold->released_ns = u64_of(tb, FREEZEGUARD_A_HOLD_RELEASED_NS);
	hold->continuity = u32_of(tb, FREEZEGUARD_A_HOLD_CONTINUITY);
	hold->still_frozen = tb[FREEZEGUARD_A_HOLD_STILL_FROZEN];
	hold->turned_read_only = tb[FREEZEGUARD_A_HOLD_TURNED_READ_ONLY];
	hold->class = u32_of(tb, FREEZEGUARD_A_HOLD_CLASS);
	return 0;
}

/* Attributes begin behind the generic netlink header; the family has no header of its own. */
static int body(const struct nlmsghdr *nlh, const struct nlattr **head)
{
	int len = (int)nlh->nlmsg_len - (int)(NLMSG_HDRLEN + GENL_HDRLEN);

	if (len < 0)
		return -EBADMSG;
	*head = (const struct nlattr *)((const char *)nlh + NLMSG_HDRLEN + GENL_HDRLEN);
	return len;
}

/**
 * fg_decode_lease() - read a message that has a lease in it
 * @nlh: the message; its length has been checked against the buffer
 * @lease: all zero, or as an earlier message of the same answer left it: a lease with many holds
 *	comes in several messages. A later message only adds its holds. So the lease's state is
 *	never newer than that of a hold: if it says that the lease is over, every hold is released.
 *
 * Return: 0; -EBADMSG if the message is malformed or has no number; -ENOMEM.
 */
int fg_decode_lease(const struct nlmsghdr *nlh, struct freezeguard_lease *lease)
{
	struct freezeguard_hold *holds;
	struct nlattr *tb[SET_MAX + 1];
	const struct nlattr *head;
	struct nlattr *attr;
	size_t n = 0;
	int len, rem;

	len = body(nlh, &head);
	if (len < 0 || parse("lease", tb, head, len) || !tb[FREEZEGUARD_A_LEASE_NUMBER])
		return -EBADMSG;

	nla_for_each_attr(attr, (struct nlattr *)head, len, rem)
		n += nla_type(attr) == FREEZEGUARD_A_LEASE_HOLD;
	if (n) {
		holds = reallocarray(lease->holds, lease->n_holds + n, sizeof(*holds));
		if (!holds)
			return -ENOMEM;
		lease->holds = holds;
		nla_for_each_attr(attr, (struct nlattr *)head, len, rem) {
			if (nla_type(attr) != FREEZEGUARD_A_LEASE_HOLD)
				continue;
			if (decode_hold(attr, &holds[lease->n_holds]))
				return -EBADMSG;
			lease->n_holds++;
		}
	}

	if (lease->number)
		return 0;
	lease->number = u64_of(tb, FREEZEGUARD_A_LEASE_NUMBER);
	string_of(tb, FREEZEGUARD_A_LEASE_ID, lease->id, sizeof(lease->id));
	lease->state = u32_of(tb, FREEZEGUARD_A_LEASE_STATE);
	lease->cause = u32_of(tb, FREEZEGUARD_A_LEASE_CAUSE);
	lease->error = u32_of(tb, FREEZEGUARD_A_LEASE_ERROR);
	lease->bound = tb[FREEZEGUARD_A_LEASE_BOUND];
	lease->continuity = u32_of(tb, FREEZEGUARD_A_LEASE_CONTINUITY);
	lease->begin_ns = u64_of(tb, FREEZEGUARD_A_LEASE_BEGIN_NS);
	lease->frozen_ns = u64_of(tb, FREEZEGUARD_A_LEASE_FROZEN_NS);
	lease->deadline_ns = u64_of(tb, FREEZEGUARD_A_LEASE_DEADLINE_NS);
	lease->ended_ns = u64_of(tb, FREEZEGUARD_A_LEASE_ENDED_NS);
	lease->released_ns = u64_of(tb, FREEZEGUARD_A_LEASE_RELEASED_NS);
	lease->owner_pid = u32_of(tb, FREEZEGUARD_A_LEASE_OWNER_PID);
	string_of(tb, FREEZEGUARD_A_LEASE_OWNER_COMM, lease->owner_comm, sizeof(lease->owner_comm));
	lease->ender_pid = u32_of(tb, FREEZEGUARD_A_LEASE_ENDER_PID);
	string_of(tb, FREEZEGUARD_A_LEASE_ENDER_COMM, lease->ender_comm, sizeof(lease->ender_comm));
	lease->n_superblocks = u32_of(tb, FREEZEGUARD_A_LEASE_HOLDS);
	lease->n_live = u32_of(tb, FREEZEGUARD_A_LEASE_HOLDS_LIVE);
	lease->event_seq = u32_of(tb, FREEZEGUARD_A_LEASE_EVENT_SEQ);
	return 0;
}

/**
 * fg_decode_fs() - read the answer to FREEZEGUARD_CMD_FS_GET
 * @nlh: the message; its length has been checked against the buffer
 * @fs: where to; all of it is overwritten
 *
 * Return: 0; -EBADMSG if the message is malformed or has no device number or state.
 */
int fg_decode_fs(const struct nlmsghdr *nlh, struct freezeguard_fs *fs)
{
	struct nlattr *tb[SET_MAX + 1];
	const struct nlattr *head;
	int len;

	len = body(nlh, &head);
	if (len < 0 || parse("fs", tb, head, len) || !tb[FREEZEGUARD_A_FS_DEV_MAJOR] ||
	    !tb[FREEZEGUARD_A_FS_DEV_MINOR] || !tb[FREEZEGUARD_A_FS_STATE])
		return -EBADMSG;
	memset(fs, 0, sizeof(*fs));
	fs->major = u32_of(tb, FREEZEGUARD_A_FS_DEV_MAJOR);
	fs->minor = u32_of(tb, FREEZEGUARD_A_FS_DEV_MINOR);
	string_of(tb, FREEZEGUARD_A_FS_TYPE, fs->fstype, sizeof(fs->fstype));
	string_of(tb, FREEZEGUARD_A_FS_NAME, fs->name, sizeof(fs->name));
	fs->state = u32_of(tb, FREEZEGUARD_A_FS_STATE);
	fs->freezable = tb[FREEZEGUARD_A_FS_FREEZABLE];
	fs->read_only = tb[FREEZEGUARD_A_FS_READ_ONLY];
	fs->has_holders = tb[FREEZEGUARD_A_FS_KERNEL_HOLDERS] || tb[FREEZEGUARD_A_FS_USER_HOLDERS];
	fs->kernel_holders = u32_of(tb, FREEZEGUARD_A_FS_KERNEL_HOLDERS);
	fs->user_holders = u32_of(tb, FREEZEGUARD_A_FS_USER_HOLDERS);
	fs->lease_number = u64_of(tb, FREEZEGUARD_A_FS_LEASE_NUMBER);
	string_of(tb, FREEZEGUARD_A_FS_LEASE_ID, fs->lease_id, sizeof(fs->lease_id));
	fs->suspend = u32_of(tb, FREEZEGUARD_A_FS_SUSPEND);
	return 0;
}

static const char *name_of(const char *const *names, size_t n, uint32_t value)
{
	return value < n && names[value] ? names[value] : "unrecognised";
}

/** freezeguard_lease_state_name() - the spec's word for an enum freezeguard_lease_state */
const char *freezeguard_lease_state_name(uint32_t state)
{
	static const char *const names[] = {
		[FREEZEGUARD_LEASE_STATE_FREEZING] = "freezing",
		[FREEZEGUARD_LEASE_STATE_FROZEN] = "frozen",
		[FREEZEGUARD_LEASE_STATE_THAWING] = "thawing",
		[FREEZEGUARD_LEASE_STATE_ROLLING_BACK] = "rolling-back",
		[FREEZEGUARD_LEASE_STATE_THAWED] = "thawed",
		[FREEZEGUARD_LEASE_STATE_EXPIRED] = "expired",
		[FREEZEGUARD_LEASE_STATE_BROKEN] = "broken",
		[FREEZEGUARD_LEASE_STATE_ABORTED] = "aborted",
		[FREEZEGUARD_LEASE_STATE_FAILED] = "failed",
	};

	return name_of(names, ARRAY_SIZE(names), state);
}

/** freezeguard_cause_name() - the spec's word for an enum freezeguard_cause */
const char *freezeguard_cause_name(uint32_t cause)
{
	static const char *const names[] = {
		[FREEZEGUARD_CAUSE_NONE] = "none",
		[FREEZEGUARD_CAUSE_REQUEST] = "request",
		[FREEZEGUARD_CAUSE_DEADLINE] = "deadline",
		[FREEZEGUARD_CAUSE_OWNER_DEATH] = "owner-death",
		[FREEZEGUARD_CAUSE_HOLD_FAILED] = "hold-failed",
		[FREEZEGUARD_CAUSE_FOREIGN_THAW] = "foreign-thaw",
		[FREEZEGUARD_CAUSE_SHUTDOWN] = "shutdown",
		[FREEZEGUARD_CAUSE_SLEEP] = "sleep",
	};

	return name_of(names, ARRAY_SIZE(names), cause);
}

/** freezeguard_continuity_name() - the spec's word for an enum freezeguard_continuity */
const char *freezeguard_continuity_name(uint32_t continuity)
{
	static const char *const names[] = {
		[FREEZEGUARD_CONTINUITY_UNKNOWN] = "unknown",
		[FREEZEGUARD_CONTINUITY_OBSERVED] = "observed",
		[FREEZEGUARD_CONTINUITY_GUARANTEED] = "guaranteed",
		[FREEZEGUARD_CONTINUITY_BROKEN] = "broken",
	};

	return name_of(names, ARRAY_SIZE(names), continuity);
}

/** freezeguard_hold_state_name() - the spec's word for an enum freezeguard_hold_state */
const char *freezeguard_hold_state_name(uint32_t state)
{
	static const char *const names[] = {
		[FREEZEGUARD_HOLD_STATE_WAITING] = "waiting",
		[FREEZEGUARD_HOLD_STATE_FREEZING] = "freezing",
		[FREEZEGUARD_HOLD_STATE_FROZEN] = "frozen",
		[FREEZEGUARD_HOLD_STATE_THAWING] = "thawing",
		[FREEZEGUARD_HOLD_STATE_RELEASED] = "released",
	};

	return name_of(names, ARRAY_SIZE(names), state);
}

/** freezeguard_class_name() - the spec's word for an enum freezeguard_class */
const char *freezeguard_class_name(uint32_t class)
{
	static const char *const names[] = {
		[FREEZEGUARD_CLASS_NORMAL] = "normal",
		[FREEZEGUARD_CLASS_FIFO] = "fifo",
		[FREEZEGUARD_CLASS_DEADLINE] = "deadline",
	};

	return name_of(names, ARRAY_SIZE(names), class);
}

/** freezeguard_fs_state_name() - the spec's word for an enum freezeguard_fs_state */
const char *freezeguard_fs_state_name(uint32_t state)
{
	static const char *const names[] = {
		[FREEZEGUARD_FS_STATE_UNFROZEN] = "unfrozen",
		[FREEZEGUARD_FS_STATE_WRITE] = "write",
		[FREEZEGUARD_FS_STATE_PAGEFAULT] = "pagefault",
		[FREEZEGUARD_FS_STATE_FS] = "fs",
		[FREEZEGUARD_FS_STATE_COMPLETE] = "complete",
	};

	return name_of(names, ARRAY_SIZE(names), state);
}

/** freezeguard_suspend_name() - the spec's word for an enum freezeguard_suspend */
const char *freezeguard_suspend_name(uint32_t suspend)
{
	static const char *const names[] = {
		[FREEZEGUARD_SUSPEND_UNKNOWN] = "unknown",
		[FREEZEGUARD_SUSPEND_REFUSED] = "refused",
		[FREEZEGUARD_SUSPEND_NESTS] = "nests",
		[FREEZEGUARD_SUSPEND_SPOILS] = "spoils",
	};

	return name_of(names, ARRAY_SIZE(names), suspend);
}

/** freezeguard_lease_is_live() - is any of its superblocks not released yet? */
bool freezeguard_lease_is_live(const struct freezeguard_lease *lease)
{
	return lease->n_live || lease->state < FREEZEGUARD_LEASE_STATE_THAWED;
}

/** freezeguard_lease_clear() - free what a lease points to, and zero it */
void freezeguard_lease_clear(struct freezeguard_lease *lease)
{
	free(lease->holds);
	memset(lease, 0, sizeof(*lease));
}

/** freezeguard_lease_list_clear() - free a list and all of its leases, and zero it */
void freezeguard_lease_list_clear(struct freezeguard_lease_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		freezeguard_lease_clear(&list->v[i]);
	free(list->v);
	memset(list, 0, sizeof(*list));
}
