// SPDX-License-Identifier: GPL-2.0-only
/* observer_layout: two types are the same only if what is written as one can be read as the other */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <bpf/btf.h>

#include "observer/layout.h"

/*
 * struct NAME { u64 TIME; enum STATE { NONE, VALUE_NAME = VALUE } state; char name[LENGTH];
 *	struct part { u32 MEMBER; } part; void *next; }
 */
struct recipe {
	const char *name, *time, *state, *value_name, *member;
	int value, length, time_bits, time_encoding, padding;
};

static const struct recipe usual = {
	.name = "entry", .time = "since_ns", .state = "state", .value_name = "FROZEN",
	.member = "waits", .value = 2, .length = 16, .time_bits = 64,
};

/* @before types come first, so that the numbers of the rest differ. Sets the structure's number. */
static struct btf *make(const struct recipe *recipe, int before, __u32 *id)
{
	struct btf *btf = btf__new_empty();
	int number, size, text, state, part, next, i, at;
	char name[32];

	assert_non_null(btf);
	for (i = 0; i < before; i++) {
		snprintf(name, sizeof(name), "unrelated%d", i);
		assert_true(btf__add_int(btf, name, 4, 0) > 0);
	}
	number = btf__add_int(btf, "number", (size_t)recipe->time_bits / 8, recipe->time_encoding);
	number = btf__add_typedef(btf, before ? "u64" : "__u64", number);
	size = btf__add_int(btf, "size", 4, 0);
	text = btf__add_array(btf, size, btf__add_int(btf, "char", 1, BTF_INT_CHAR),
			      (__u32)recipe->length);
	state = btf__add_enum(btf, recipe->state, 4);
	assert_false(btf__add_enum_value(btf, "NONE", 0));
	assert_false(btf__add_enum_value(btf, recipe->value_name, recipe->value));
	part = btf__add_struct(btf, "part", 4);
	assert_false(btf__add_field(btf, recipe->member, size, 0, 0));
	next = btf__add_ptr(btf, 0);
	at = 64 + recipe->padding;
	*id = (__u32)btf__add_struct(btf, recipe->name, 128);
	assert_false(btf__add_field(btf, recipe->time, number, 0, 0));
	assert_false(btf__add_field(btf, "state", state, (__u32)at, 0));
	assert_false(btf__add_field(btf, "name", text, (__u32)at + 32, 0));
	assert_false(btf__add_field(btf, "part", part, 800, 0));
	assert_false(btf__add_field(btf, "next", next, 832, 0));
	return btf;
}

static bool same(const struct recipe *other)
{
	__u32 a_id, b_id;
	struct btf *a = make(&usual, 0, &a_id), *b = make(other, 3, &b_id);
	bool same = observer_same_type(a, a_id, b, b_id);

	assert_int_equal(same, observer_same_type(b, b_id, a, a_id));
	assert_true(observer_same_type(a, a_id, a, a_id));
	btf__free(a);
	btf__free(b);
	return same;
}

static void numbers_of_types_and_typedefs_do_not_count(void **state)
{
	(void)state;
	assert_true(same(&usual));
}

#define DIFFERS(member_, value_) do {						\
	struct recipe other = usual;						\
										\
	other.member_ = value_;							\
	if (same(&other))							\
		fail_msg("the same in spite of another %s", #member_);		\
} while (0)

static void everything_else_does(void **state)
{
	(void)state;
	DIFFERS(name, "entry2");
	DIFFERS(time, "frozen_ns");
	DIFFERS(time_bits, 32);
	DIFFERS(time_encoding, BTF_INT_SIGNED);
	DIFFERS(state, "phase");
	DIFFERS(value_name, "THAWED");
	DIFFERS(value, 3);
	DIFFERS(length, 17);
	DIFFERS(padding, 32);
	DIFFERS(member, "ended");
}

static void what_is_not_there_is_nothing(void **state)
{
	struct btf *a;
	__u32 id;

	(void)state;
	a = make(&usual, 0, &id);
	assert_false(observer_same_type(a, id, a, 4711));
	assert_false(observer_same_type(a, 4711, a, id));
	assert_false(observer_same_type(a, id, a, 1));
	btf__free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_types_and_typedefs_do_not_count),
		cmocka_unit_test(everything_else_does),
		cmocka_unit_test(what_is_not_there_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
