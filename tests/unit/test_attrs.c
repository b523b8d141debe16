// SPDX-License-Identifier: GPL-2.0-only
/* attrs: leases and filesystems from hand-made messages, whole, in parts, and broken */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "../../userspace/lib/internal.h"
#include "netlink.h"

static struct test_msg m;

static void put_hold(uint32_t minor, uint32_t state)
{
	size_t nest = msg_nest(&m, FREEZEGUARD_A_LEASE_HOLD);

	msg_u32(&m, FREEZEGUARD_A_HOLD_DEV_MAJOR, 8);
	msg_u32(&m, FREEZEGUARD_A_HOLD_DEV_MINOR, minor);
	msg_string(&m, FREEZEGUARD_A_HOLD_FS_TYPE, "ext4");
	msg_string(&m, FREEZEGUARD_A_HOLD_NAME, "sda1");
	msg_u32(&m, FREEZEGUARD_A_HOLD_LEVEL, 2);
	msg_u32(&m, FREEZEGUARD_A_HOLD_STATE, state);
	msg_u32(&m, FREEZEGUARD_A_HOLD_ERROR, EIO);
	msg_u32(&m, FREEZEGUARD_A_HOLD_THAW_FAILURES, 3);
	msg_u64(&m, FREEZEGUARD_A_HOLD_FREEZE_BEGIN_NS, 1001);
	msg_u64(&m, FREEZEGUARD_A_HOLD_FROZEN_NS, 1002);
	msg_u64(&m, FREEZEGUARD_A_HOLD_RELEASED_NS, 1003);
	msg_u32(&m, FREEZEGUARD_A_HOLD_CONTINUITY, FREEZEGUARD_CONTINUITY_GUARANTEED);
	msg_attr(&m, FREEZEGUARD_A_HOLD_STILL_FROZEN, "", 0);
	msg_attr(&m, FREEZEGUARD_A_HOLD_TURNED_READ_ONLY, "", 0);
	msg_nest_end(&m, nest);
}

static void put_lease(uint64_t number)
{
	msg_genl(&m, 0, 1, FREEZEGUARD_CMD_LEASE_GET);
	msg_u64(&m, FREEZEGUARD_A_LEASE_NUMBER, number);
	msg_string(&m, FREEZEGUARD_A_LEASE_ID, "backup");
	msg_u32(&m, FREEZEGUARD_A_LEASE_STATE, FREEZEGUARD_LEASE_STATE_THAWING);
	msg_u32(&m, FREEZEGUARD_A_LEASE_CAUSE, FREEZEGUARD_CAUSE_DEADLINE);
	msg_u32(&m, FREEZEGUARD_A_LEASE_ERROR, EBUSY);
	msg_attr(&m, FREEZEGUARD_A_LEASE_BOUND, "", 0);
	msg_u32(&m, FREEZEGUARD_A_LEASE_CONTINUITY, FREEZEGUARD_CONTINUITY_OBSERVED);
	msg_u64(&m, FREEZEGUARD_A_LEASE_BEGIN_NS, 11);
	msg_u64(&m, FREEZEGUARD_A_LEASE_FROZEN_NS, 12);
	msg_u64(&m, FREEZEGUARD_A_LEASE_DEADLINE_NS, 13);
	msg_u64(&m, FREEZEGUARD_A_LEASE_ENDED_NS, 14);
	msg_u64(&m, FREEZEGUARD_A_LEASE_RELEASED_NS, 15);
	msg_u32(&m, FREEZEGUARD_A_LEASE_OWNER_PID, 4711);
	msg_string(&m, FREEZEGUARD_A_LEASE_OWNER_COMM, "freezectl");
	msg_u32(&m, FREEZEGUARD_A_LEASE_ENDER_PID, 4712);
	msg_string(&m, FREEZEGUARD_A_LEASE_ENDER_COMM, "ender");
	msg_u32(&m, FREEZEGUARD_A_LEASE_HOLDS, 3);
	msg_u32(&m, FREEZEGUARD_A_LEASE_HOLDS_LIVE, 2);
	msg_u32(&m, FREEZEGUARD_A_LEASE_EVENT_SEQ, 99);
}

static void every_field_of_a_lease(void **state)
{
	struct freezeguard_lease lease = { 0 };
	const struct freezeguard_hold *hold;

	(void)state;
	put_lease(7);
	put_hold(1, FREEZEGUARD_HOLD_STATE_THAWING);
	assert_int_equal(fg_decode_lease(&m.nlh, &lease), 0);
	assert_int_equal(lease.number, 7);
	assert_string_equal(lease.id, "backup");
	assert_int_equal(lease.state, FREEZEGUARD_LEASE_STATE_THAWING);
	assert_int_equal(lease.cause, FREEZEGUARD_CAUSE_DEADLINE);
	assert_int_equal(lease.error, EBUSY);
	assert_true(lease.bound);
	assert_int_equal(lease.continuity, FREEZEGUARD_CONTINUITY_OBSERVED);
	assert_int_equal(lease.begin_ns, 11);
	assert_int_equal(lease.frozen_ns, 12);
	assert_int_equal(lease.deadline_ns, 13);
	assert_int_equal(lease.ended_ns, 14);
	assert_int_equal(lease.released_ns, 15);
	assert_int_equal(lease.owner_pid, 4711);
	assert_string_equal(lease.owner_comm, "freezectl");
	assert_int_equal(lease.ender_pid, 4712);
	assert_string_equal(lease.ender_comm, "ender");
	assert_int_equal(lease.n_superblocks, 3);
	assert_int_equal(lease.n_live, 2);
	assert_int_equal(lease.event_seq, 99);
	assert_int_equal(lease.n_holds, 1);
	hold = &lease.holds[0];
	assert_int_equal(hold->major, 8);
	assert_int_equal(hold->minor, 1);
	assert_string_equal(hold->fstype, "ext4");
	assert_string_equal(hold->name, "sda1");
	assert_int_equal(hold->level, 2);
	assert_int_equal(hold->state, FREEZEGUARD_HOLD_STATE_THAWING);
	assert_int_equal(hold->error, EIO);
	assert_int_equal(hold->thaw_failures, 3);
	assert_int_equal(hold->freeze_begin_ns, 1001);
	assert_int_equal(hold->frozen_ns, 1002);
	assert_int_equal(hold->released_ns, 1003);
	assert_int_equal(hold->continuity, FREEZEGUARD_CONTINUITY_GUARANTEED);
	assert_true(hold->still_frozen);
	assert_true(hold->turned_read_only);
	freezeguard_lease_clear(&lease);
	assert_null(lease.holds);
}

static void what_is_missing_is_zero(void **state)
{
	struct freezeguard_lease lease = { .bound = true, .cause = 5, .owner_comm = "old" };

	(void)state;
	msg_genl(&m, 0, 1, FREEZEGUARD_CMD_LEASE_GET);
	msg_u64(&m, FREEZEGUARD_A_LEASE_NUMBER, 1);
	assert_int_equal(fg_decode_lease(&m.nlh, &lease), 0);
	assert_int_equal(lease.number, 1);
	assert_false(lease.bound);
	assert_int_equal(lease.cause, 0);
	assert_string_equal(lease.owner_comm, "");
	assert_int_equal(lease.n_holds, 0);
}

static void holds_of_several_messages_add_up(void **state)
{
	struct freezeguard_lease lease = { 0 };

	(void)state;
	put_lease(7);
	put_hold(1, FREEZEGUARD_HOLD_STATE_FROZEN);
	put_hold(2, FREEZEGUARD_HOLD_STATE_FROZEN);
	assert_int_equal(fg_decode_lease(&m.nlh, &lease), 0);
	put_lease(7);
	put_hold(3, FREEZEGUARD_HOLD_STATE_FROZEN);
	assert_int_equal(fg_decode_lease(&m.nlh, &lease), 0);
	assert_int_equal(lease.n_holds, 3);
	assert_int_equal(lease.holds[0].minor, 1);
	assert_int_equal(lease.holds[1].minor, 2);
	assert_int_equal(lease.holds[2].minor, 3);
	freezeguard_lease_clear(&lease);
}

static void as_many_holds_as_there_can_be(void **state)
{
	struct freezeguard_lease lease = { 0 };
	uint32_t i;

	(void)state;
	put_lease(7);
	for (i = 0; i < FREEZEGUARD_HOLDS_MAX; i++)
		put_hold(i, FREEZEGUARD_HOLD_STATE_FROZEN);
	assert_in_range(m.nlh.nlmsg_len, 1, FG_BUFFER_SIZE);
	assert_int_equal(fg_decode_lease(&m.nlh, &lease), 0);
	assert_int_equal(lease.n_holds, FREEZEGUARD_HOLDS_MAX);
	assert_int_equal(lease.holds[FREEZEGUARD_HOLDS_MAX - 1].minor, FREEZEGUARD_HOLDS_MAX - 1);
	freezeguard_lease_clear(&lease);
}

static void unknown_attributes_are_skipped(void **state)
{
	struct freezeguard_lease lease = { 0 };
	size_t nest;

	(void)state;
	msg_genl(&m, 0, 1, FREEZEGUARD_CMD_LEASE_GET);
	msg_u32(&m, 200, 1);
	msg_u64(&m, FREEZEGUARD_A_LEASE_NUMBER, 5);
	msg_string(&m, FREEZEGUARD_A_LEASE_MAX + 1, "from a newer kernel");
	nest = msg_nest(&m, FREEZEGUARD_A_LEASE_HOLD);
	msg_u32(&m, FREEZEGUARD_A_HOLD_MAX + 1, 1);
	msg_u32(&m, FREEZEGUARD_A_LEASE_MAX + 20, 1);
	msg_u32(&m, FREEZEGUARD_A_HOLD_DEV_MINOR, 6);
	msg_nest_end(&m, nest);
	assert_int_equal(fg_decode_lease(&m.nlh, &lease), 0);
	assert_int_equal(lease.number, 5);
	assert_int_equal(lease.n_holds, 1);
	assert_int_equal(lease.holds[0].minor, 6);
	freezeguard_lease_clear(&lease);
}

/* Every attribute that the library reads, too short for its type by one byte. */
static void short_attributes_are_refused(void **state)
{
	static const size_t sizes[] = {
		[FREEZEGUARD_ATTR_S32] = 4, [FREEZEGUARD_ATTR_U32] = 4, [FREEZEGUARD_ATTR_U64] = 8,
		[FREEZEGUARD_ATTR_PAD] = 0,
	};
	static const char bytes[8];
	size_t i, nest, tried = 0;

	(void)state;
	for (i = 0; i < freezeguard_n_attrs; i++) {
		const struct freezeguard_attr *attr = &freezeguard_attrs[i];
		struct freezeguard_lease lease = { 0 };
		size_t size = attr->type < sizeof(sizes) / sizeof(sizes[0]) ? sizes[attr->type] : 0;

		if (!size || (strcmp(attr->set, "lease") && strcmp(attr->set, "hold")))
			continue;
		msg_genl(&m, 0, 1, FREEZEGUARD_CMD_LEASE_GET);
		if (strcmp(attr->name, "number"))
			msg_u64(&m, FREEZEGUARD_A_LEASE_NUMBER, 5);
		if (!strcmp(attr->set, "hold")) {
			nest = msg_nest(&m, FREEZEGUARD_A_LEASE_HOLD);
			msg_attr(&m, attr->number, bytes, size - 1);
			msg_nest_end(&m, nest);
		} else {
			msg_attr(&m, attr->number, bytes, size - 1);
		}
		assert_int_equal(fg_decode_lease(&m.nlh, &lease), -EBADMSG);
		freezeguard_lease_clear(&lease);
		tried++;
	}
	assert_in_range(tried, 20, 100);
}

/* Whatever length a message is cut to, reading it stays inside it (the sanitizer watches). */
static void messages_cut_anywhere(void **state)
{
	size_t cut, full, refused = 0;

	(void)state;
	put_lease(7);
	put_hold(1, FREEZEGUARD_HOLD_STATE_FROZEN);
	full = m.nlh.nlmsg_len;
	for (cut = NLMSG_HDRLEN; cut < full; cut++) {
		struct freezeguard_lease lease = { 0 };
		struct nlmsghdr *copy = malloc(cut);

		assert_non_null(copy);
		memcpy(copy, &m, cut);
		copy->nlmsg_len = (uint32_t)cut;
		if (fg_decode_lease(copy, &lease))
			refused++;
		else
			assert_int_equal(lease.number, 7);
		freezeguard_lease_clear(&lease);
		free(copy);
	}
	/* At least those that end before the number does. */
	assert_in_range(refused, GENL_HDRLEN + 12, full);
}

static void a_lease_without_a_number_is_refused(void **state)
{
	struct freezeguard_lease lease = { 0 };

	(void)state;
	msg_genl(&m, 0, 1, FREEZEGUARD_CMD_LEASE_GET);
	msg_string(&m, FREEZEGUARD_A_LEASE_ID, "x");
	assert_int_equal(fg_decode_lease(&m.nlh, &lease), -EBADMSG);
}

static void long_strings_are_cut_and_endless_ones_refused(void **state)
{
	struct freezeguard_lease lease = { 0 };
	char text[400];

	(void)state;
	memset(text, 'x', sizeof(text));
	msg_genl(&m, 0, 1, FREEZEGUARD_CMD_LEASE_GET);
	msg_u64(&m, FREEZEGUARD_A_LEASE_NUMBER, 5);
	text[sizeof(text) - 1] = '\0';
	msg_string(&m, FREEZEGUARD_A_LEASE_ID, text);
	assert_int_equal(fg_decode_lease(&m.nlh, &lease), 0);
	assert_int_equal(strlen(lease.id), FREEZEGUARD_ID_MAX);
	msg_attr(&m, FREEZEGUARD_A_LEASE_OWNER_COMM, "without an end", 7);
	assert_int_equal(fg_decode_lease(&m.nlh, &lease), -EBADMSG);
}

static void every_field_of_a_filesystem(void **state)
{
	struct freezeguard_fs fs;

	(void)state;
	msg_genl(&m, 0, 1, FREEZEGUARD_CMD_FS_GET);
	msg_u32(&m, FREEZEGUARD_A_FS_DEV_MAJOR, 8);
	msg_u32(&m, FREEZEGUARD_A_FS_DEV_MINOR, 2);
	assert_int_equal(fg_decode_fs(&m.nlh, &fs), -EBADMSG);
	msg_u32(&m, FREEZEGUARD_A_FS_STATE, FREEZEGUARD_FS_STATE_COMPLETE);
	assert_int_equal(fg_decode_fs(&m.nlh, &fs), 0);
	assert_false(fs.freezable || fs.read_only || fs.has_holders);
	msg_string(&m, FREEZEGUARD_A_FS_TYPE, "xfs");
	msg_string(&m, FREEZEGUARD_A_FS_NAME, "vdb");
	msg_attr(&m, FREEZEGUARD_A_FS_FREEZABLE, "", 0);
	msg_attr(&m, FREEZEGUARD_A_FS_READ_ONLY, "", 0);
	msg_u32(&m, FREEZEGUARD_A_FS_KERNEL_HOLDERS, 1);
	msg_u32(&m, FREEZEGUARD_A_FS_USER_HOLDERS, 2);
	msg_u32(&m, FREEZEGUARD_A_FS_SUSPEND, FREEZEGUARD_SUSPEND_SPOILS);
	msg_u64(&m, FREEZEGUARD_A_FS_LEASE_NUMBER, 9);
	msg_string(&m, FREEZEGUARD_A_FS_LEASE_ID, "backup");
	assert_int_equal(fg_decode_fs(&m.nlh, &fs), 0);
	assert_int_equal(fs.major, 8);
	assert_int_equal(fs.minor, 2);
	assert_int_equal(fs.state, FREEZEGUARD_FS_STATE_COMPLETE);
	assert_string_equal(fs.fstype, "xfs");
	assert_string_equal(fs.name, "vdb");
	assert_true(fs.freezable && fs.read_only && fs.has_holders);
	assert_int_equal(fs.kernel_holders, 1);
	assert_int_equal(fs.user_holders, 2);
	assert_int_equal(fs.suspend, FREEZEGUARD_SUSPEND_SPOILS);
	assert_int_equal(fs.lease_number, 9);
	assert_string_equal(fs.lease_id, "backup");
}

/* No attribute of the uapi header is missing from the table, and none is there twice. */
static void the_table_is_complete(void **state)
{
	static const struct { const char *set; int max; } sets[] = {
		{ "superblock", FREEZEGUARD_A_SUPERBLOCK_MAX }, { "hold", FREEZEGUARD_A_HOLD_MAX },
		{ "lease", FREEZEGUARD_A_LEASE_MAX }, { "fs", FREEZEGUARD_A_FS_MAX },
	};
	size_t s, i, total = 0;
	int number;

	(void)state;
	for (s = 0; s < 4; s++) {
		for (number = 1; number <= sets[s].max; number++, total++) {
			size_t n = 0;

			for (i = 0; i < freezeguard_n_attrs; i++)
				n += !strcmp(freezeguard_attrs[i].set, sets[s].set) &&
				     freezeguard_attrs[i].number == number;
			assert_int_equal(n, 1);
		}
	}
	assert_int_equal(total, freezeguard_n_attrs);
}

static void every_value_has_a_name(void **state)
{
	uint32_t i;

	(void)state;
	for (i = FREEZEGUARD_LEASE_STATE_FREEZING; i <= FREEZEGUARD_LEASE_STATE_FAILED; i++)
		assert_string_not_equal(freezeguard_lease_state_name(i), "unrecognised");
	for (i = 0; i <= FREEZEGUARD_CAUSE_SLEEP; i++)
		assert_string_not_equal(freezeguard_cause_name(i), "unrecognised");
	for (i = 0; i <= FREEZEGUARD_CONTINUITY_BROKEN; i++)
		assert_string_not_equal(freezeguard_continuity_name(i), "unrecognised");
	for (i = FREEZEGUARD_HOLD_STATE_WAITING; i <= FREEZEGUARD_HOLD_STATE_RELEASED; i++)
		assert_string_not_equal(freezeguard_hold_state_name(i), "unrecognised");
	for (i = 0; i <= FREEZEGUARD_FS_STATE_COMPLETE; i++)
		assert_string_not_equal(freezeguard_fs_state_name(i), "unrecognised");
	assert_string_equal(freezeguard_lease_state_name(0), "unrecognised");
	assert_string_equal(freezeguard_lease_state_name(99), "unrecognised");
	assert_string_equal(freezeguard_cause_name(99), "unrecognised");
	assert_string_equal(freezeguard_fs_state_name(99), "unrecognised");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_of_a_lease),
		cmocka_unit_test(what_is_missing_is_zero),
		cmocka_unit_test(holds_of_several_messages_add_up),
		cmocka_unit_test(as_many_holds_as_there_can_be),
		cmocka_unit_test(unknown_attributes_are_skipped),
		cmocka_unit_test(short_attributes_are_refused),
		cmocka_unit_test(messages_cut_anywhere),
		cmocka_unit_test(a_lease_without_a_number_is_refused),
		cmocka_unit_test(long_strings_are_cut_and_endless_ones_refused),
		cmocka_unit_test(every_field_of_a_filesystem),
		cmocka_unit_test(the_table_is_complete),
		cmocka_unit_test(every_value_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
