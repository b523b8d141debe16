// SPDX-License-Identifier: GPL-2.0-only
/* mounts: mount tables as machines have them, and some that make no sense */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/util.h"
#include "plan/mounts.h"
#include "machine.h"

static int read_data(struct mounts *m, const char *name)
{
	char path[4096];

	return mounts_read(m, data_path(name, path, sizeof(path)));
}

static void reads_an_instance(void **state)
{
	const struct mount_entry *e;
	struct mounts m;

	(void)state;
	assert_int_equal(read_data(&m, "ec2.mountinfo"), 0);
	assert_int_equal(m.n, 17);
	assert_int_equal(m.n_unreadable, 0);
	e = mounts_find(&m, 40);
	assert_non_null(e);
	assert_int_equal(e->parent_id, 27);
	assert_int_equal(e->major, 259);
	assert_int_equal(e->minor, 5);
	assert_string_equal(e->fstype, "ext4");
	assert_string_equal(e->source, "/dev/nvme1n1");
	assert_string_equal(e->root, "/");
	assert_string_equal(e->mountpoint, "/data");
	assert_false(e->read_only || e->pseudo || e->network);
	assert_true(mounts_find(&m, 45)->read_only);
	assert_true(mounts_find(&m, 22)->pseudo);
	assert_true(mounts_find(&m, 25)->pseudo);
	assert_true(mounts_find(&m, 43)->network);
	assert_null(mounts_find(&m, 12345));
	mounts_free(&m);
	assert_int_equal(m.n, 0);
}

static void a_read_only_mount_is_not_a_read_only_superblock(void **state)
{
	struct mounts m;

	(void)state;
	assert_int_equal(read_data(&m, "bind.mountinfo"), 0);
	assert_false(mounts_find(&m, 72)->read_only);
	assert_string_equal(mounts_find(&m, 72)->root, "/ro");
	mounts_free(&m);
}

static void decodes_odd_names(void **state)
{
	static const char *const names[] = {
		"/with space", "/with\ttab", "/with\nnewline", "/with\\backslash",
		"/not-utf8-\xff\xfe", "/-dash", "/hash#tag",
	};
	struct mounts m;
	int i;

	(void)state;
	assert_int_equal(read_data(&m, "odd-names.mountinfo"), 0);
	for (i = 0; i < 7; i++)
		assert_string_equal(mounts_find(&m, 80 + i)->mountpoint, names[i]);
	/* libmount has no source for "none" */
	assert_non_null(mounts_find(&m, 87)->source);
	mounts_free(&m);
}

static void reads_options(void **state)
{
	struct mounts m;
	char *value;

	(void)state;
	assert_int_equal(read_data(&m, "stacks.mountinfo"), 0);
	value = mounts_option(mounts_find(&m, 97), "logdev");
	assert_string_equal(value, "/dev/loop5");
	free(value);
	assert_null(mounts_option(mounts_find(&m, 97), "rtdev"));
	assert_null(mounts_option(mounts_find(&m, 97), "noquota"));
	assert_null(mounts_option(mounts_find(&m, 97), "log"));
	mounts_free(&m);
}

static void an_empty_table_is_empty(void **state)
{
	struct mounts m;

	(void)state;
	assert_int_equal(read_data(&m, "empty.mountinfo"), 0);
	assert_int_equal(m.n, 0);
	assert_null(mounts_find(&m, 1));
	mounts_free(&m);
}

static void counts_lines_that_make_no_sense(void **state)
{
	struct mounts m;

	(void)state;
	assert_int_equal(read_data(&m, "garbage.mountinfo"), 0);
	assert_int_equal(m.n, 2);
	assert_true(m.n_unreadable >= 2);
	assert_string_equal(mounts_find(&m, 54)->mountpoint, "/data");
	mounts_free(&m);
}

static void a_missing_table_is_an_error(void **state)
{
	struct mounts m;

	(void)state;
	assert_int_equal(read_data(&m, "nonexistent"), -ENOENT);
	assert_int_equal(m.n, 0);
}

static void finds_the_mount_of_an_open_file(void **state)
{
	const struct mount_entry *e;
	struct mounts m;
	int fd, id;

	(void)state;
	fd = open("/proc/self", O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	id = mounts_id_of_fd(fd);
	close(fd);
	assert_true(id > 0);
	assert_int_equal(mounts_read(&m, NULL), 0);
	e = mounts_find(&m, id);
	assert_non_null(e);
	assert_string_equal(e->fstype, "proc");
	mounts_free(&m);
	assert_int_equal(mounts_id_of_fd(-1), -EBADF);
}

static void knows_the_layers_of_an_overlay(void **state)
{
	static const char *const layers[] = {
		"/l1/upper", "/low", "/ro:x", "/only/data", "/l1/work",
	};
	struct text_list list = { 0 };
	struct mounts m;
	bool writable;
	size_t i;

	(void)state;
	assert_int_equal(read_data(&m, "needed.mountinfo"), 0);
	assert_int_equal(mounts_layers(mounts_find(&m, 93), &list, &writable), 0);
	assert_true(writable);
	assert_int_equal(list.n, ARRAY_SIZE(layers));
	for (i = 0; i < list.n; i++)
		assert_string_equal(list.v[i], layers[i]);
	text_list_free(&list);
	/* of these options each value is one path */
	assert_int_equal(mounts_layers(mounts_find(&m, 100), &list, &writable), 0);
	assert_false(writable);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.v[0], "/a:b");
	assert_string_equal(list.v[1], "/c");
	text_list_free(&list);
	mounts_free(&m);
}

/* What they are called with the escapes of the kernel, and below these with those of overlayfs. */
static void decodes_the_layers_of_an_overlay(void **state)
{
	static const struct {
		int id;
		const char *layers[8];
		bool writable;
	} overlays[] = {
		{ 60, { "/u,ro,x", "/l", "/w,1" }, true },
		{ 61, { "/u,1 \\2", "/l,m", "/n:o", "/w" }, true },
		{ 62, { "/u\t2", "/a:b", "/c:d", "/e\\", "/f", "/w" }, true },
		{ 63, { "/a\\,:b", "/c 1" }, false },
	};
	struct text_list list = { 0 };
	struct mounts m;
	bool writable;
	size_t i, k;

	(void)state;
	assert_int_equal(read_data(&m, "overlay-names.mountinfo"), 0);
	for (i = 0; i < ARRAY_SIZE(overlays); i++) {
		const struct mount_entry *e = mounts_find(&m, overlays[i].id);

		assert_int_equal(mounts_layers(e, &list, &writable), 0);
		assert_int_equal(writable, overlays[i].writable);
		/* a path that has ",ro," is no option */
		assert_int_equal(e->read_only, !overlays[i].writable);
		for (k = 0; k < list.n; k++)
			assert_string_equal(list.v[k], overlays[i].layers[k]);
		assert_null(overlays[i].layers[list.n]);
		text_list_free(&list);
	}
	mounts_free(&m);
}

static void assert_at(const struct mounts *m, const char *path, int id)
{
	const struct mount_entry *e = mounts_at(m, path);

	if (!e || e->id != id)
		fail_msg("%s is on mount %d, not %d", path, e ? e->id : 0, id);
}

static void follows_a_path_from_mount_to_mount(void **state)
{
	struct mounts m;

	(void)state;
	assert_int_equal(read_data(&m, "waits.mountinfo"), 0);
	assert_at(&m, "/", 27);
	assert_at(&m, "/etc", 27);
	assert_at(&m, "/journal", 48);
	assert_at(&m, "/journal/.snapshots", 49);
	assert_at(&m, "/journal/.snapshots/1/x", 49);
	assert_at(&m, "/journal/.snapshot", 48);
	assert_at(&m, "/journals", 27);
	/* what is hidden is not on the way, neither by a mount on it nor by one above it */
	assert_at(&m, "/srv/x", 43);
	assert_at(&m, "/mnt/data", 41);
	assert_at(&m, "/mnt/again/x", 52);
	assert_at(&m, "/auto/x", 45);
	mounts_free(&m);
}

static void what_is_mounted_over_the_root_is_not_on_the_way(void **state)
{
	struct mounts m;

	(void)state;
	assert_int_equal(read_data(&m, "over-root.mountinfo"), 0);
	assert_at(&m, "/", 27);
	assert_at(&m, "/data", 29);
	mounts_free(&m);
	assert_int_equal(read_data(&m, "empty.mountinfo"), 0);
	assert_null(mounts_at(&m, "/"));
	mounts_free(&m);
}

static void a_circle_of_mounts_ends(void **state)
{
	struct mounts m;

	(void)state;
	assert_int_equal(read_data(&m, "circle.mountinfo"), 0);
	assert_non_null(mounts_at(&m, "/data/x"));
	mounts_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_an_instance),
		cmocka_unit_test(a_read_only_mount_is_not_a_read_only_superblock),
		cmocka_unit_test(decodes_odd_names),
		cmocka_unit_test(reads_options),
		cmocka_unit_test(an_empty_table_is_empty),
		cmocka_unit_test(counts_lines_that_make_no_sense),
		cmocka_unit_test(a_missing_table_is_an_error),
		cmocka_unit_test(finds_the_mount_of_an_open_file),
		cmocka_unit_test(knows_the_layers_of_an_overlay),
		cmocka_unit_test(decodes_the_layers_of_an_overlay),
		cmocka_unit_test(follows_a_path_from_mount_to_mount),
		cmocka_unit_test(what_is_mounted_over_the_root_is_not_on_the_way),
		cmocka_unit_test(a_circle_of_mounts_ends),
	};

	/* only data_path() of machine.h is used here */
	(void)machine_make;
	(void)count_fds;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
