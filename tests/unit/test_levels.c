// SPDX-License-Identifier: GPL-2.0-only
/* levels: stacks of filesystems in a made-up sysfs */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "plan/levels.h"
#include "machine.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define UUID2 "11111111-2222-3333-4444-555555555555"

/* makedev() as a constant, for small numbers */
#define DEV(major, minor)	((dev_t)(major) << 8 | (minor))

static struct plan plan;
static struct findings findings;
static char sysfs[64];
static int n_fds;

/* Make a file, or a link, with all the directories above it */
static void put(const char *path, const char *text, bool is_link)
{
	char full[4096], *slash;
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", sysfs, path);
	for (slash = strchr(full + strlen(sysfs) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(full, 0700) < 0 && errno != EEXIST)
			fail_msg("%s: %s", full, strerror(errno));
		*slash = '/';
	}
	if (is_link) {
		assert_int_equal(symlink(text, full), 0);
		return;
	}
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* A block device below sysfs/devices, with its number */
static void put_device(const char *name, unsigned int major, unsigned int minor)
{
	char path[256], text[256];

	snprintf(path, sizeof(path), "devices/%s/dev", name);
	snprintf(text, sizeof(text), "%u:%u\n", major, minor);
	put(path, text, false);
	snprintf(path, sizeof(path), "dev/block/%u:%u", major, minor);
	snprintf(text, sizeof(text), "../../devices/%s", name);
	put(path, text, true);
}

static void put_loop(unsigned int minor, const char *file)
{
	char name[64], path[256], text[256];

	snprintf(name, sizeof(name), "loop%u", minor);
	put_device(name, 7, minor);
	snprintf(path, sizeof(path), "devices/%s/loop/backing_file", name);
	snprintf(text, sizeof(text), "%s\n", file);
	put(path, text, false);
}

static void put_slave(const char *of, const char *slave)
{
	char path[256], text[256];

	snprintf(path, sizeof(path), "devices/%s/slaves/%s", of, slave);
	snprintf(text, sizeof(text), "../../%s", slave);
	put(path, text, true);
}

static int setup(void **state)
{
	(void)state;
	plan = (struct plan){};
	findings = (struct findings){};
	strcpy(sysfs, "/tmp/test_levels.XXXXXX");
	n_fds = count_fds();
	return mkdtemp(sysfs) ? 0 : -1;
}

static int delete(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	plan_free(&plan);
	findings_free(&findings);
	nftw(sysfs, delete, 16, FTW_DEPTH | FTW_PHYS);
	return count_fds() == n_fds ? 0 : -1;
}

static const struct machine_path paths[] = {
	{ .path = "/", .mount_id = 27 },
	{ .path = "/l0", .mount_id = 90, .dev = DEV(259, 5) },
	{ .path = "/l1", .mount_id = 91, .dev = DEV(7, 0) },
	{ .path = "/l2", .mount_id = 92, .dev = DEV(7, 1) },
	{ .path = "/l3", .mount_id = 93, .dev = DEV(7, 2) },
	{ .path = "/lv", .mount_id = 94, .dev = DEV(253, 0) },
	{ .path = "/pool", .mount_id = 95, .dev = DEV(0, 135), .uuid = UUID },
	{ .path = "/lone", .mount_id = 96, .dev = DEV(259, 20) },
	{ .path = "/logged", .mount_id = 97, .dev = DEV(259, 21) },
	{ .path = "/pool2", .mount_id = 98, .dev = DEV(0, 136), .uuid = UUID2 },
	{ .path = "/l0/a.img", .mount_id = 90, .dev = DEV(259, 5), .ino = 11 },
	{ .path = "/l0/upper", .mount_id = 90, .dev = DEV(259, 5), .ino = 12 },
	{ .path = "/layers/a.img", .mount_id = 99, .dev = DEV(0, 61), .ino = 13 },
	{ .path = "/pool/a.img", .mount_id = 95, .dev = DEV(0, 135), .ino = 300 },
	{}
};

static int make(char **names, const struct machine_loop *loops)
{
	struct plan_request req = { .paths = names };

	while (names[req.n_paths])
		req.n_paths++;
	req.machine = machine_make("stacks.mountinfo", paths, sysfs);
	made_up.loops = loops;
	return plan_make(&plan, &req, &findings);
}

#define PATHS(...) ((char *[]){ __VA_ARGS__, NULL })

static void assert_level(const char *path, unsigned int level)
{
	size_t i;

	for (i = 0; i < plan.n; i++) {
		if (strcmp(plan.v[i].path, path))
			continue;
		if (plan.v[i].level != level)
			fail_msg("%s: level %u, not %u", path, plan.v[i].level, level);
		return;
	}
	fail_msg("%s isn't in the plan", path);
}

/* /l1 in a file on /l0, /l2 in one on /l1, /l3 in one on /l2 */
static const struct machine_loop three_loops[] = {
	{ 0, DEV(259, 5), 11 }, { 1, DEV(7, 0), 11 }, { 2, DEV(7, 1), 11 }, {}
};

static void put_three_loops(void)
{
	put_device("nvme1n1", 259, 5);
	put_loop(0, "/l0/a.img");
	put_loop(1, "/l1/a.img");
	put_loop(2, "/l2/a.img (deleted)");
}

static void loop_on_loop_on_loop(void **state)
{
	(void)state;
	put_three_loops();
	assert_int_equal(make(PATHS("/l0", "/l1", "/l2", "/l3", "/lone"), three_loops), 0);
	assert_level("/l3", 0);
	assert_level("/l2", 1);
	assert_level("/l1", 2);
	assert_level("/l0", 3);
	assert_level("/lone", 0);
	assert_int_equal(findings.n, 0);
}

/* The loop driver may show an empty name while it clears the device. */
static void a_loop_device_without_a_file_is_a_device(void **state)
{
	(void)state;
	put_loop(0, "");
	put_loop(1, "");
	put_loop(2, "");
	assert_int_equal(make(PATHS("/l0", "/l1", "/l2"), NULL), 0);
	assert_int_equal(findings.n, 0);
	plan_free(&plan);
}

static void in_the_other_order_of_naming(void **state)
{
	(void)state;
	put_three_loops();
	assert_int_equal(make(PATHS("/l3", "/l2", "/lone", "/l1", "/l0"), three_loops), 0);
	assert_level("/l3", 0);
	assert_level("/l2", 1);
	assert_level("/l1", 2);
	assert_level("/l0", 3);
}

static void what_is_no_target_does_not_count_but_is_walked_through(void **state)
{
	(void)state;
	put_three_loops();
	assert_int_equal(make(PATHS("/l0", "/l3"), three_loops), 0);
	assert_level("/l3", 0);
	assert_level("/l0", 1);
}

static void what_is_skipped_later_does_not_count(void **state)
{
	struct mounts m;

	(void)state;
	put_three_loops();
	assert_int_equal(make(PATHS("/l0", "/l1", "/l2"), three_loops), 0);
	assert_level("/l0", 2);
	assert_int_equal(plan_skip(&plan.v[1], "because"), 0);
	assert_int_equal(mounts_read(&m, made_up.machine.mountinfo), 0);
	assert_int_equal(levels_assign(&plan, &m, &made_up.machine, &findings), 0);
	mounts_free(&m);
	assert_level("/l2", 0);
	assert_level("/l0", 1);
}

static void through_mapper_raid_and_partition(void **state)
{
	static const struct machine_loop loops[] = { { 3, DEV(259, 20), 5 }, {} };

	(void)state;
	/* lv on md on a partition of a loop device whose file is on /lone */
	put_device("dm-0", 253, 0);
	put_device("md0", 9, 0);
	put_loop(3, "/lone/disk.img");
	put_device("loop3/loop3p1", 259, 40);
	put("devices/loop3/loop3p1/partition", "1\n", false);
	put("devices/dm-0/slaves/md0", "../../md0", true);
	put("devices/md0/slaves/loop3p1", "../../loop3/loop3p1", true);
	put_device("sda", 8, 0);
	put_slave("md0", "sda");
	put_device("nvme9n1", 259, 20);
	assert_int_equal(make(PATHS("/lone", "/lv"), loops), 0);
	assert_level("/lv", 0);
	assert_level("/lone", 1);
	assert_int_equal(findings.n, 0);
}

static void all_devices_of_a_btrfs(void **state)
{
	static const struct machine_loop loops[] = {
		{ 4, DEV(259, 20), 5 }, { 6, DEV(259, 5), 6 }, {}
	};

	(void)state;
	/* the mount table names loop4 alone; loop6 is its second device */
	put_loop(4, "/lone/a.img");
	put_loop(6, "/l0/b.img");
	put("fs/btrfs/" UUID "/devices/loop4", "../../../../devices/loop4", true);
	put("fs/btrfs/" UUID "/devices/loop6", "../../../../devices/loop6", true);
	assert_int_equal(make(PATHS("/l0", "/lone", "/pool"), loops), 0);
	assert_level("/pool", 0);
	assert_level("/lone", 1);
	assert_level("/l0", 1);
}

static void a_btrfs_that_sysfs_does_not_have(void **state)
{
	static const struct machine_loop loops[] = { { 4, DEV(259, 20), 5 }, {} };

	(void)state;
	put_loop(4, "/lone/a.img");
	assert_int_equal(make(PATHS("/lone", "/pool"), loops), 0);
	assert_level("/pool", 0);
	assert_level("/lone", 1);
}

static void the_log_of_an_xfs(void **state)
{
	static const struct machine_loop loops[] = { { 5, DEV(259, 20), 5 }, {} };

	(void)state;
	put_device("nvme8n1", 259, 21);
	put_loop(5, "/lone/log.img");
	assert_int_equal(make(PATHS("/lone", "/logged"), loops), 0);
	assert_level("/logged", 0);
	assert_level("/lone", 1);
}

static void a_file_on_a_subvolume_by_its_path(void **state)
{
	static const struct machine_loop loops[] = { { 0, DEV(0, 135), 300 }, {} };

	(void)state;
	put_loop(0, "/pool/a.img");
	assert_int_equal(make(PATHS("/pool", "/l1"), loops), 0);
	assert_level("/l1", 0);
	assert_level("/pool", 1);
	assert_int_equal(findings.n, 0);
}

static void a_deleted_file_on_a_subvolume_that_is_open(void **state)
{
	static const struct machine_loop loops[] = { { 0, DEV(0, 135), 301 }, {} };

	(void)state;
	put_loop(0, "/pool/gone.img (deleted)");
	assert_int_equal(make(PATHS("/pool", "/pool2", "/l1"), loops), 0);
	assert_level("/l1", 0);
	assert_level("/pool", 1);
	assert_level("/pool2", 0);
	assert_int_equal(findings.n, 0);
}

static void another_file_of_that_name_is_not_believed(void **state)
{
	/* the path is on /l0, but the file behind the loop device is on some btrfs; the inode
	 * number happens to be the same
	 */
	static const struct machine_loop loops[] = { { 0, DEV(0, 199), 11 }, {} };

	(void)state;
	put_loop(0, "/l0/a.img");
	assert_int_equal(make(PATHS("/l0", "/pool", "/pool2", "/l1"), loops), 0);
	/* so both of those might be it, and freeze later; /l0 can't be */
	assert_level("/l1", 0);
	assert_level("/pool", 1);
	assert_level("/pool2", 1);
	assert_level("/l0", 0);
	assert_int_equal(findings.n, 1);
	assert_int_equal(findings.v[0].code, 0);
	assert_string_equal(findings.v[0].target, "/l1");
	assert_non_null(strstr(findings.v[0].message, "/l0/a.img"));
}

static void not_knowing_makes_no_circle(void **state)
{
	/* /pool lies on loop4, whose file is nowhere to be found, and so does /l1 on loop0 */
	static const struct machine_loop loops[] = {
		{ 4, DEV(0, 199), 400 }, { 0, DEV(0, 199), 401 }, {}
	};

	(void)state;
	put_loop(4, "/gone (deleted)");
	put_loop(0, "/gone2 (deleted)");
	assert_int_equal(make(PATHS("/pool", "/pool2", "/l1"), loops), 0);
	assert_level("/l1", 0);
	assert_level("/pool", 1);
	assert_level("/pool2", 2);
	assert_int_equal(findings.n, 2);
}

static void two_unknown_ones_make_no_circle_either(void **state)
{
	/* two btrfs, each of which might hold the other one's loop file */
	static const struct machine_loop loops[] = {
		{ 4, DEV(0, 199), 400 }, { 6, DEV(0, 199), 401 }, {}
	};

	(void)state;
	put_loop(4, "/gone (deleted)");
	put_loop(6, "/gone2 (deleted)");
	put("fs/btrfs/" UUID2 "/devices/loop6", "../../../../devices/loop6", true);
	assert_int_equal(make(PATHS("/pool", "/pool2"), loops), 0);
	assert_level("/pool", 0);
	assert_level("/pool2", 1);
	assert_int_equal(findings.n, 2);
}

/* The loop driver asks the filesystem of its file: for a dead one that never ends. */
static void a_file_on_what_may_not_answer_is_not_asked_for(void **state)
{
	static const struct machine_loop loops[] = { { 9, DEV(0, 51), 13 }, {} };
	static const struct machine_path waiting[] = {
		{ .path = "/image", .mount_id = 50, .dev = DEV(7, 9) },
		{ .path = "/again", .mount_id = 51, .dev = DEV(259, 10) },
		{ .path = "/srv/a.img", .mount_id = 43, .dev = DEV(0, 51), .ino = 13 }, {}
	};
	struct plan_request req = { .paths = PATHS("/image", "/again"), .n_paths = 2 };

	(void)state;
	put_loop(9, "/srv/a.img");
	req.machine = machine_make("waits.mountinfo", waiting, sysfs);
	made_up.loops = loops;
	made_up.hangs = "/srv";
	assert_int_equal(plan_make(&plan, &req, &findings), 0);
	assert_int_equal(made_up.opened_hanging, 0);
	assert_int_equal(made_up.loops_asked, 0);
	assert_int_equal(findings.n, 0);
}

static void without_the_loop_device_the_path_must_do(void **state)
{
	(void)state;
	put_loop(0, "/l0/a.img");
	assert_int_equal(make(PATHS("/l0", "/l1"), NULL), 0);
	assert_level("/l1", 0);
	assert_level("/l0", 1);
	assert_int_equal(findings.n, 0);
}

static void a_file_on_an_overlay_is_on_its_upper_layer(void **state)
{
	static const struct machine_loop loops[] = { { 0, DEV(0, 61), 13 }, {} };

	(void)state;
	put_loop(0, "/layers/a.img");
	assert_int_equal(make(PATHS("/l0", "/l1"), loops), 0);
	assert_int_equal(made_up.loops_answering, made_up.loops_asked);
	assert_level("/l1", 0);
	assert_level("/l0", 1);
}

static void through_what_is_not_mounted_here(void **state)
{
	/* loop0's file is on loop9, which is mounted elsewhere, and whose file is on /l0 */
	static const struct machine_loop loops[] = {
		{ 0, DEV(7, 9), 1 }, { 9, DEV(259, 5), 2 }, {}
	};

	(void)state;
	put_loop(0, "/elsewhere/a.img");
	put_loop(9, "/l0/elsewhere.img");
	assert_int_equal(make(PATHS("/l0", "/l1"), loops), 0);
	/* Whether what serves them answers is not known. */
	assert_int_equal(made_up.loops_answering, 0);
	assert_level("/l1", 0);
	assert_level("/l0", 1);
	assert_int_equal(findings.n, 0);
}

static void a_circle_is_an_error(void **state)
{
	static const struct machine_loop loops[] = {
		{ 0, DEV(7, 1), 1 }, { 1, DEV(7, 2), 1 }, { 2, DEV(7, 0), 1 }, {}
	};

	(void)state;
	put_loop(0, "/l2/x");
	put_loop(1, "/l3/x");
	put_loop(2, "/l1/x");
	assert_int_equal(make(PATHS("/l1", "/l2", "/l3"), loops), -ELOOP);
	assert_int_equal(findings_exit_code(&findings), 2);
	assert_non_null(strstr(findings.v[0].message, "circle"));
	assert_int_equal(count_fds(), n_fds);
}

static void a_device_on_itself_ends(void **state)
{
	(void)state;
	put_device("dm-0", 253, 0);
	put_slave("dm-0", "dm-0");
	assert_int_equal(make(PATHS("/lv", "/lone"), NULL), 0);
	assert_level("/lv", 0);
	assert_level("/lone", 0);
}

static void an_empty_sysfs_has_one_level(void **state)
{
	(void)state;
	assert_int_equal(make(PATHS("/l0", "/l1", "/lv", "/pool"), NULL), 0);
	assert_level("/l0", 0);
	assert_level("/l1", 0);
	assert_level("/lv", 0);
	assert_level("/pool", 0);
}

static void assert_left_out(const char *path, const char *why)
{
	size_t i;

	for (i = 0; i < plan.n; i++) {
		if (strcmp(plan.v[i].path, path))
			continue;
		if (!plan.v[i].skip || !strstr(plan.v[i].skip, why))
			fail_msg("%s: left out: %s", path, plan.v[i].skip ? plan.v[i].skip : "no");
		return;
	}
	fail_msg("%s isn't in the plan", path);
}

static const struct machine_path needed_paths[] = {
	{ .path = "/", .mount_id = 27 }, { .path = "/l0", .mount_id = 90, .dev = DEV(259, 5) },
	{ .path = "/tmp", .mount_id = 91 }, { .path = "/l1", .mount_id = 92 },
	{ .path = "/l1/upper", .mount_id = 92 }, { .path = "/var/log/journal", .mount_id = 93 },
	{ .path = "/pool", .mount_id = 94, .dev = DEV(0, 135), .uuid = UUID },
	{ .path = "/pool/run.img", .mount_id = 94, .dev = DEV(0, 135), .ino = 5 },
	{ .path = "/l2", .mount_id = 95 }, { .path = "/run", .mount_id = 96 },
	{ .path = "/free", .mount_id = 97 }, { .path = "/opt", .mount_id = 98 },
	{ .path = "/opt/hooks/mysql", .mount_id = 98 }, { .path = "/low", .mount_id = 99 }, {}
};

/* /tmp in a file on /l0; /run in a file on a btrfs in a file on /l2 */
static const struct machine_loop needed_loops[] = {
	{ 0, DEV(259, 5), 7 }, { 1, DEV(0, 135), 5 }, { 4, DEV(259, 7), 9 }, {}
};

static void all_leaves_out_what_the_thaw_needs_through_every_stack(void **state)
{
	char *hooks[] = { "/opt/hooks/mysql", "/nowhere/hook" };
	struct text_list programs = { hooks, 2 };
	struct plan_request req = { .all = true, .needed = &programs };

	(void)state;
	put_loop(0, "/l0/tmp.img");
	put_loop(1, "/pool/run.img");
	put_loop(4, "/l2/pool.img");
	put("fs/btrfs/" UUID "/devices/loop4", "../../../../devices/loop4", true);
	req.machine = machine_make("needed.mountinfo", needed_paths, sysfs);
	made_up.loops = needed_loops;
	assert_int_equal(plan_make(&plan, &req, &findings), 0);
	assert_left_out("/tmp", "it holds /tmp (temporary files");
	assert_left_out("/l0", "/tmp (temporary files of the scripts that the SSM agent runs) lies on it");
	assert_left_out("/l1", "/var/log/journal (the system journal) lies on it");
	assert_left_out("/low", "/var/log/journal (the system journal) lies on it");
	assert_left_out("/run", "it holds /run");
	assert_left_out("/pool", "/run (the state of running services) lies on it");
	assert_left_out("/l2", "/run (the state of running services) lies on it");
	assert_left_out("/opt", "/opt/hooks/mysql lies on it");
	assert_int_equal(plan_n_to_freeze(&plan), 1);
	assert_level("/free", 0);
	assert_int_equal(findings.n, 0);
}

/* Then it may be on any filesystem without a device number of its own. */
static void all_leaves_out_what_may_hold_a_needed_file(void **state)
{
	static const struct machine_loop loops[] = { { 0, DEV(0, 199), 7 }, {} };
	struct plan_request req = { .all = true };

	(void)state;
	put_loop(0, "/gone/tmp.img (deleted)");
	req.machine = machine_make("needed.mountinfo", needed_paths, sysfs);
	made_up.loops = loops;
	assert_int_equal(plan_make(&plan, &req, &findings), 0);
	assert_left_out("/pool", "/tmp may lie on it: that is on loop device 7:0");
	assert_level("/l0", 0);
}

static void what_the_root_filesystem_lies_on_is_root_too(void **state)
{
	static const struct machine_path root_paths[] = {
		{ .path = "/", .mount_id = 91 }, { .path = "/host", .mount_id = 90 },
		{ .path = "/data", .mount_id = 92 }, {}
	};
	static const struct machine_loop loops[] = { { 0, DEV(259, 5), 7 }, {} };
	struct plan_request req = { .all = true };

	(void)state;
	put_loop(0, "/ubuntu/root.disk");
	req.machine = machine_make("loop-root.mountinfo", root_paths, sysfs);
	made_up.loops = loops;
	assert_int_equal(plan_make(&plan, &req, &findings), 0);
	assert_left_out("/", "it is the root filesystem");
	assert_left_out("/host", "the root filesystem lies on it");
	assert_level("/data", 0);
	plan_free(&plan);
	req = (struct plan_request){ .paths = PATHS("/host"), .n_paths = 1, .machine = req.machine };
	assert_int_equal(plan_make(&plan, &req, &findings), -EINVAL);
	assert_non_null(strstr(findings.v[0].message, "--allow-root"));
}

/* Then nothing is known of what lies on what, which matters when there is more than one. */
static void no_sysfs_is_warned_of(void **state)
{
	(void)state;
	assert_int_equal(make(PATHS("/l0"), NULL), 0);
	assert_int_equal(findings.n, 0);
	plan_free(&plan);
	assert_int_equal(make(PATHS("/l0", "/l1"), NULL), 0);
	assert_int_equal(findings.n, 1);
	assert_int_equal(findings.v[0].code, 0);
	assert_non_null(strstr(findings.v[0].message, "must freeze first"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(loop_on_loop_on_loop),
		TEST(a_loop_device_without_a_file_is_a_device),
		TEST(in_the_other_order_of_naming),
		TEST(what_is_no_target_does_not_count_but_is_walked_through),
		TEST(what_is_skipped_later_does_not_count),
		TEST(through_mapper_raid_and_partition),
		TEST(all_devices_of_a_btrfs),
		TEST(a_btrfs_that_sysfs_does_not_have),
		TEST(the_log_of_an_xfs),
		TEST(a_file_on_a_subvolume_by_its_path),
		TEST(a_deleted_file_on_a_subvolume_that_is_open),
		TEST(another_file_of_that_name_is_not_believed),
		TEST(not_knowing_makes_no_circle),
		TEST(two_unknown_ones_make_no_circle_either),
		TEST(a_file_on_what_may_not_answer_is_not_asked_for),
		TEST(without_the_loop_device_the_path_must_do),
		TEST(a_file_on_an_overlay_is_on_its_upper_layer),
		TEST(through_what_is_not_mounted_here),
		TEST(a_circle_is_an_error),
		TEST(a_device_on_itself_ends),
		TEST(an_empty_sysfs_has_one_level),
		TEST(all_leaves_out_what_the_thaw_needs_through_every_stack),
		TEST(all_leaves_out_what_may_hold_a_needed_file),
		TEST(what_the_root_filesystem_lies_on_is_root_too),
		TEST(no_sysfs_is_warned_of),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
