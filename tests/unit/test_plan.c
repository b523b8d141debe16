// SPDX-License-Identifier: GPL-2.0-only
/* plan: what is frozen, what is left out and why, what is refused, on made-up machines */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/util.h"
#include "plan/plan.h"
#include "machine.h"

static struct plan plan;
static struct findings findings;
static int n_fds;

static int setup(void **state)
{
	(void)state;
	plan = (struct plan){};
	findings = (struct findings){};
	n_fds = count_fds();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plan_free(&plan);
	findings_free(&findings);
	return count_fds() == n_fds ? 0 : -1;
}

static int make(const struct machine *machine, struct plan_request req)
{
	req.machine = machine;
	while (req.paths && req.paths[req.n_paths])
		req.n_paths++;
	return plan_make(&plan, &req, &findings);
}

#define PATHS(...) ((char *[]){ __VA_ARGS__, NULL })

static const struct plan_target *target(unsigned int minor)
{
	size_t i;

	for (i = 0; i < plan.n; i++)
		if (plan.v[i].minor == minor)
			return &plan.v[i];
	fail_msg("no superblock with minor %u in the plan", minor);
	return NULL;
}

static bool has_target(unsigned int minor)
{
	size_t i;

	for (i = 0; i < plan.n; i++)
		if (plan.v[i].minor == minor)
			return true;
	return false;
}

static void assert_frozen(unsigned int minor)
{
	const struct plan_target *t = target(minor);

	if (t->skip || t->fd < 0)
		fail_msg("%s: skipped: %s, fd %d", t->path, t->skip, t->fd);
}

static void assert_skipped(unsigned int minor, const char *why)
{
	const struct plan_target *t = target(minor);

	if (!t->skip || !strstr(t->skip, why) || t->fd >= 0)
		fail_msg("%s: skipped: %s, fd %d", t->path, t->skip ? t->skip : "no", t->fd);
}

/* There is exactly one finding for this path, with this code, and it says this */
static void assert_finding(int code, const char *path, const char *message)
{
	size_t i, n = 0;

	for (i = 0; i < findings.n; i++) {
		const struct finding *v = &findings.v[i];

		if (!v->target || strcmp(v->target, path))
			continue;
		if (v->code != code || !strstr(v->message, message))
			fail_msg("%s: %d: %s", path, v->code, v->message);
		n++;
	}
	if (n != 1)
		fail_msg("%s: %zu findings", path, n);
}

static const struct machine_path ec2_paths[] = {
	{ .path = "/", .mount_id = 27 },
	{ .path = "/usr/share", .mount_id = 27 },
	{ .path = "/boot", .mount_id = 30 },
	{ .path = "/proc/1", .mount_id = 22 },
	{ .path = "/run", .mount_id = 25 },
	{ .path = "/data", .mount_id = 40 },
	{ .path = "/data/", .mount_id = 40 },
	{ .path = "/data/deep/below", .mount_id = 40 },
	{ .path = "data", .mount_id = 40 },
	{ .path = "/link-to-data", .mount_id = 40 },
	{ .path = "/var/lib/mysql", .mount_id = 41 },
	{ .path = "/var/log", .mount_id = 42 },
	{ .path = "/var/log/journal", .mount_id = 42 },
	{ .path = "/tmp", .mount_id = 27 },
	{ .path = "/efs", .mount_id = 43 },
	{ .path = "/efs/local", .mount_id = 44 },
	{ .path = "/archive", .mount_id = 45 },
	{ .path = "/windows", .mount_id = 47 },
	{ .path = "/stick", .mount_id = 48 },
	{ .path = "/file", .mount_id = -ENOTDIR },
	{ .path = "/secret", .mount_id = -EACCES },
	{ .path = "/circle", .mount_id = -ELOOP },
	{ .path = "/long", .mount_id = -ENAMETOOLONG },
	{ .path = "/broken", .mount_id = -EIO },
	{ .path = "/proc/1234/root/elsewhere", .mount_id = 999 },
	{}
};

static const struct machine *ec2(void)
{
	return machine_make("ec2.mountinfo", ec2_paths, NULL);
}

/* vfat can't freeze, as the kernel would say; -1 stands for a kernel that can't be asked */
static int all_but_vfat(void *ctx, int fd)
{
	(void)ctx;
	return made_up.of_fd[fd]->mount_id == 48 ? 0 : 1;
}

static int nobody_to_ask(void *ctx, int fd)
{
	(void)ctx;
	(void)fd;
	return -ENOENT;
}

static void named_paths(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.paths = PATHS("/var/lib/mysql", "/data/deep/below") }), 0);
	assert_int_equal(findings.n, 0);
	assert_int_equal(plan.n, 2);
	assert_int_equal(plan_n_to_freeze(&plan), 2);
	assert_string_equal(plan.v[0].path, "/var/lib/mysql");
	assert_string_equal(plan.v[0].fstype, "xfs");
	assert_string_equal(plan.v[0].source, "/dev/nvme2n1");
	assert_int_equal(plan.v[0].major, 259);
	assert_int_equal(plan.v[0].minor, 6);
	assert_true(plan.v[0].named);
	assert_false(plan.v[0].is_root || plan.v[0].read_only);
	/* a directory on it is as good as the mount point, and is called by the mount point */
	assert_string_equal(plan.v[1].path, "/data");
	assert_int_equal(plan.v[1].n_mountpoints, 1);
	assert_string_equal(plan.v[1].mountpoints[0], "/data");
	assert_frozen(5);
	assert_frozen(6);
}

static void the_same_superblock_many_times_is_one(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.paths = PATHS("/data", "/data", "/data/", "data", "/link-to-data",
			       "/data/deep/below") }), 0);
	assert_int_equal(plan.n, 1);
	assert_int_equal(findings.n, 0);
}

static void every_bad_path_is_reported(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.paths = PATHS("/data", "", "/missing", "/file", "/secret", "/circle", "/long",
			       "/proc/1", "/run", "/proc/1234/root/elsewhere", "/usr/share", "/"),
		.can_freeze = all_but_vfat }), -EINVAL);
	assert_finding(1, "", "empty");
	assert_finding(1, "/missing", "does not exist");
	assert_finding(1, "/file", "is not a directory; name the mount point");
	assert_finding(1, "/secret", "run this as root");
	assert_finding(1, "/circle", "cannot be opened");
	assert_finding(1, "/long", "cannot be opened");
	assert_finding(1, "/proc/1", "proc (/proc), a filesystem that cannot be frozen");
	assert_finding(1, "/run", "tmpfs (/run), a filesystem that cannot be frozen");
	assert_finding(1, "/proc/1234/root/elsewhere", "not in this mount namespace");
	assert_finding(1, "/usr/share", "--allow-root");
	assert_finding(1, "/", "--allow-root");
	assert_int_equal(findings.n, 11);
	assert_int_equal(findings_exit_code(&findings), 1);
	/* nothing stays open, also not what was fine */
	assert_int_equal(count_fds(), n_fds);
}

static void a_broken_filesystem_is_a_system_error(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.paths = PATHS("/data", "/broken") }), -EIO);
	assert_finding(2, "/broken", "cannot be opened");
	assert_int_equal(count_fds(), n_fds);
}

static void a_usage_error_comes_before_a_system_error(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.paths = PATHS("/missing", "/broken") }), -EINVAL);
	assert_int_equal(findings_exit_code(&findings), 1);
}

static void root_takes_a_flag(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.paths = PATHS("/usr/share"), .allow_root = true }), 0);
	assert_frozen(2);
	assert_true(plan.v[0].is_root);
	assert_string_equal(plan.v[0].path, "/");
}

static void a_named_read_only_one_is_left_out_with_a_warning(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.paths = PATHS("/archive", "/archive", "/data") }), 0);
	assert_finding(0, "/archive", "read-only");
	assert_int_equal(findings_exit_code(&findings), 0);
	assert_skipped(9, "read-only");
	assert_true(target(9)->read_only);
	assert_int_equal(plan_n_to_freeze(&plan), 1);
}

static void the_kernel_says_what_can_freeze(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.paths = PATHS("/stick", "/efs"), .can_freeze = all_but_vfat }), -EINVAL);
	assert_finding(1, "/stick", "vfat (/stick), a filesystem that cannot be frozen");
	assert_int_equal(findings.n, 1);
}

static void a_kernel_that_cannot_be_asked_refuses_nothing(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.paths = PATHS("/stick", "/boot"), .can_freeze = nobody_to_ask }), 0);
	assert_frozen(11);
	assert_frozen(4);
}

static void all_is_what_data_lifecycle_manager_means(void **state)
{
	const struct machine *machine = ec2();

	(void)state;
	made_up.hangs = "/efs/local";
	assert_int_equal(make(machine, (struct plan_request){
		.all = true, .can_freeze = all_but_vfat }), 0);
	assert_skipped(2, "root");
	assert_skipped(3, "/boot/efi");
	assert_skipped(4, "/boot");
	assert_frozen(5);
	assert_frozen(6);
	assert_skipped(7, "/var/log/journal (the system journal)");
	assert_skipped(8, "network");
	assert_skipped(9, "read-only");
	assert_skipped(10, "fuseblk cannot be frozen");
	assert_skipped(11, "vfat cannot be frozen");
	/* nobody who keeps files there is to miss them in the list */
	assert_skipped(45, "network filesystem");
	assert_skipped(50, "fuse.s3fs cannot be frozen");
	assert_int_equal(plan.n, 12);
	assert_int_equal(plan_n_to_freeze(&plan), 2);
	assert_false(target(5)->named);
	/* only the one that could have waited for a server is worth a warning */
	assert_int_equal(findings.n, 1);
	assert_finding(0, "/efs/local", "could wait for ever");
	assert_int_equal(made_up.opened_hanging, 0);
}

static void what_is_excluded_is_left_out_unless_it_is_named(void **state)
{
	char *exclude[] = { "/nowhere", "/data" };

	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.all = true, .can_freeze = all_but_vfat, .exclude = exclude, .n_exclude = 2 }), 0);
	assert_skipped(5, "excluded by the configuration");
	assert_frozen(6);
	assert_finding(0, "/nowhere", "nothing is mounted there");
	assert_int_equal(findings_exit_code(&findings), 0);
	plan_free(&plan);
	findings_free(&findings);
	assert_int_equal(make(ec2(), (struct plan_request){
		.paths = PATHS("/data"), .exclude = exclude, .n_exclude = 2 }), 0);
	assert_frozen(5);
}

static void naming_overrides_what_all_leaves_out(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.all = true, .paths = PATHS("/var/log", "/boot", "/efs/local") }), 0);
	assert_frozen(7);
	assert_frozen(4);
	assert_frozen(8);
	assert_frozen(5);
	assert_true(target(7)->named);
	assert_false(target(5)->named);
	/* named ones come first */
	assert_string_equal(plan.v[0].path, "/var/log");
	assert_int_equal(findings.n, 0);
}

static void a_survey_has_them_all(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.survey = true, .can_freeze = all_but_vfat }), 0);
	assert_true(target(2)->fd >= 0);
	assert_true(target(4)->fd >= 0);
	assert_true(target(7)->fd >= 0);
	assert_true(target(9)->fd >= 0);
	assert_true(target(11)->fd >= 0);
	assert_skipped(10, "fuseblk");
	/* /boot/efi doesn't exist here */
	assert_skipped(3, "hidden");
	assert_int_equal(findings_exit_code(&findings), 0);
}

static void a_survey_refuses_only_what_cannot_be_opened(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.survey = true, .paths = PATHS("/", "/run", "/archive") }), 0);
	assert_int_equal(findings_exit_code(&findings), 0);
	assert_true(target(2)->named);
	assert_true(target(24)->fd >= 0);
	assert_true(target(9)->fd >= 0);
}

static void a_survey_of_a_missing_path(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){
		.survey = true, .paths = PATHS("/missing") }), -EINVAL);
	assert_finding(1, "/missing", "does not exist");
	assert_int_equal(count_fds(), n_fds);
}

static void no_request_is_no_plan(void **state)
{
	(void)state;
	assert_int_equal(make(ec2(), (struct plan_request){}), 0);
	assert_int_equal(plan.n, 0);
	assert_int_equal(findings.n, 0);
}

static void snaps_are_left_out(void **state)
{
	static const struct machine_path paths[] = {
		{ .path = "/", .mount_id = 27 }, { .path = "/data", .mount_id = 54 }, {}
	};

	(void)state;
	assert_int_equal(make(machine_make("snaps.mountinfo", paths, NULL),
			      (struct plan_request){ .all = true }), 0);
	assert_skipped(0, "read-only");
	assert_skipped(2, "read-only");
	assert_skipped(15, "/boot/efi");
	assert_frozen(5);
	assert_int_equal(findings.n, 0);
}

static void subvolumes_are_one_superblock(void **state)
{
	static const struct machine_path paths[] = {
		{ .path = "/", .mount_id = 27 }, { .path = "/home", .mount_id = 60 },
		{ .path = "/pool/a", .mount_id = 61 }, { .path = "/pool/b", .mount_id = 62 }, {}
	};

	(void)state;
	assert_int_equal(make(machine_make("btrfs.mountinfo", paths, NULL),
			      (struct plan_request){ .all = true }), 0);
	/* /home is a subvolume of the root filesystem */
	assert_int_equal(plan.n, 2);
	assert_skipped(20, "root");
	assert_int_equal(target(20)->n_mountpoints, 2);
	assert_frozen(35);
	assert_int_equal(target(35)->n_mountpoints, 2);
	assert_int_equal(target(35)->major, 0);
	plan_free(&plan);
	assert_int_equal(make(machine_make("btrfs.mountinfo", paths, NULL), (struct plan_request){
		.paths = PATHS("/pool/b", "/pool/a") }), 0);
	assert_int_equal(plan.n, 1);
	assert_string_equal(plan.v[0].path, "/pool/b");
	plan_free(&plan);
	assert_int_equal(make(machine_make("btrfs.mountinfo", paths, NULL), (struct plan_request){
		.paths = PATHS("/home") }), -EINVAL);
	assert_finding(1, "/home", "--allow-root");
}

static const struct machine_path bind_paths[] = {
	{ .path = "/", .mount_id = 27 }, { .path = "/export", .mount_id = 70 },
	{ .path = "/data", .mount_id = 71 }, { .path = "/readonly", .mount_id = 72 },
	{ .path = "/srv/again", .mount_id = 73 }, { .path = "/covered", .mount_id = 75 },
	{ .path = "/etc/hosts", .mount_id = -ENOTDIR }, { .path = "/mnt/esp", .mount_id = 77 },
	{ .path = "/efi", .mount_id = 78 }, {}
};

static void bind_mounts_are_one_superblock(void **state)
{
	const struct machine *machine = machine_make("bind.mountinfo", bind_paths, NULL);

	(void)state;
	assert_int_equal(make(machine, (struct plan_request){
		.paths = PATHS("/readonly", "/export", "/data") }), 0);
	assert_int_equal(plan.n, 1);
	assert_frozen(5);
	assert_string_equal(plan.v[0].path, "/readonly");
	assert_int_equal(plan.v[0].n_mountpoints, 3);
	assert_false(plan.v[0].read_only);
	assert_int_equal(findings.n, 0);
}

static void root_is_root_wherever_it_is_mounted(void **state)
{
	(void)state;
	assert_int_equal(make(machine_make("bind.mountinfo", bind_paths, NULL),
			      (struct plan_request){ .paths = PATHS("/srv/again") }), -EINVAL);
	assert_finding(1, "/srv/again", "--allow-root");
}

static void all_sees_through_bind_mounts(void **state)
{
	(void)state;
	assert_int_equal(make(machine_make("bind.mountinfo", bind_paths, NULL),
			      (struct plan_request){ .all = true }), 0);
	assert_skipped(1, "root");
	assert_frozen(5);
	/* called by the mount that shows the whole of it, not by the first one */
	assert_string_equal(target(5)->path, "/data");
	assert_skipped(6, "hidden");
	assert_finding(0, "/covered", "hidden");
	assert_skipped(7, "single files");
	assert_skipped(8, "/efi");
	assert_false(has_target(60));
}

static void an_overmount_is_what_is_named(void **state)
{
	(void)state;
	assert_int_equal(make(machine_make("bind.mountinfo", bind_paths, NULL),
			      (struct plan_request){ .paths = PATHS("/covered") }), -EINVAL);
	assert_finding(1, "/covered", "tmpfs");
}

static void odd_names_are_names(void **state)
{
	static const struct machine_path paths[] = {
		{ .path = "/", .mount_id = 27 }, { .path = "/with space", .mount_id = 80 },
		{ .path = "/with\ttab", .mount_id = 81 },
		{ .path = "/with\nnewline", .mount_id = 82 },
		{ .path = "/with\\backslash", .mount_id = 83 },
		{ .path = "/not-utf8-\xff\xfe", .mount_id = 84 },
		{ .path = "/-dash", .mount_id = 85 },
		{ .path = "/hash#tag", .mount_id = 86 }, {}
	};

	(void)state;
	assert_int_equal(make(machine_make("odd-names.mountinfo", paths, NULL),
			      (struct plan_request){ .all = true }), 0);
	assert_int_equal(plan_n_to_freeze(&plan), 7);
	assert_int_equal(findings.n, 0);
	assert_string_equal(target(7)->path, "/with\nnewline");
}

static const struct machine_path overlay_paths[] = {
	{ .path = "/", .mount_id = 27 }, { .path = "/persist", .mount_id = 28 },
	{ .path = "/persist/upper", .mount_id = 28 }, { .path = "/data", .mount_id = 29 },
	{ .path = "/merged", .mount_id = 30 }, {}
};

static void below_an_overlay_root_is_root_too(void **state)
{
	(void)state;
	assert_int_equal(make(machine_make("overlay-root.mountinfo", overlay_paths, NULL),
			      (struct plan_request){
		.paths = PATHS("/persist", "/merged") }), -EINVAL);
	assert_finding(1, "/persist", "--allow-root");
	assert_finding(1, "/merged", "upper directory");
	plan_free(&plan);
	findings_free(&findings);
	assert_int_equal(make(machine_make("overlay-root.mountinfo", overlay_paths, NULL),
			      (struct plan_request){ .all = true }), 0);
	assert_skipped(5, "root");
	assert_frozen(6);
	assert_skipped(41, "an overlay cannot be frozen");
	assert_int_equal(plan.n, 4);
}

/*
 * After a switch of the root directory the path of its upper directory leads nowhere. It may be on
 * any filesystem, unless that one has another size: an overlay says that of the one it writes to.
 */
static void an_overlay_root_whose_upper_is_lost_may_be_anywhere(void **state)
{
	static const struct machine_path paths[] = {
		{ .path = "/", .mount_id = 27, .space = { 7, 4096, 1000 } },
		{ .path = "/persist", .mount_id = 28, .space = { 8, 4096, 1000 } },
		{ .path = "/data", .mount_id = 29, .space = { 9, 4096, 1001 } }, {}
	};
	static const struct machine_path silent[] = {
		{ .path = "/", .mount_id = 27 }, { .path = "/persist", .mount_id = 28 },
		{ .path = "/data", .mount_id = 29 }, {}
	};

	(void)state;
	assert_int_equal(make(machine_make("overlay-root.mountinfo", paths, NULL),
			      (struct plan_request){ .all = true }), 0);
	assert_skipped(5, "the root filesystem may lie on it: it is on the overlay on /, and its upper directory \"/persist/upper\" cannot be found");
	assert_frozen(6);
	plan_free(&plan);
	assert_int_equal(make(machine_make("overlay-root.mountinfo", silent, NULL),
			      (struct plan_request){ .all = true }), 0);
	assert_skipped(5, "may lie on it");
	assert_skipped(6, "may lie on it");
	assert_int_equal(findings.n, 0);
}

/* Also what isn't on a block device is in the list, unless nobody keeps files there. */
static void what_cannot_be_frozen_is_listed(void **state)
{
	static const struct machine_path paths[] = {
		{ .path = "/", .mount_id = 27 }, { .path = "/tank/db", .mount_id = 48 },
		{ .path = "/new", .mount_id = 53 }, { .path = "/bootstrap", .mount_id = 54 },
		{ .path = "/pool", .mount_id = 55 }, {}
	};
	const struct machine *machine;

	(void)state;
	assert_int_equal(make(machine_make("kinds.mountinfo", paths, NULL), (struct plan_request){
		.all = true, .can_freeze = all_but_vfat }), 0);
	assert_skipped(50, "network filesystem");
	assert_skipped(51, "network filesystem");
	assert_skipped(52, "network filesystem");
	assert_skipped(53, "network filesystem");
	assert_skipped(54, "zfs cannot be frozen");
	assert_skipped(55, "fuse cannot be frozen");
	assert_skipped(56, "not on a block device; to freeze it, name it");
	assert_frozen(5);
	assert_frozen(35);
	assert_false(has_target(60));
	assert_false(has_target(61));
	assert_false(has_target(62));
	assert_int_equal(findings.n, 0);
	plan_free(&plan);
	/* without the list of types, what a source says must do */
	machine = machine_make("kinds.mountinfo", paths, NULL);
	made_up.machine.filesystems = "/nonexistent";
	assert_int_equal(make(machine, (struct plan_request){ .all = true }), 0);
	assert_frozen(35);
	assert_finding(0, "/nonexistent", "cannot be read");
	plan_free(&plan);
	findings_free(&findings);
	/* a survey is about what can be frozen */
	assert_int_equal(make(machine_make("kinds.mountinfo", paths, NULL),
			      (struct plan_request){ .survey = true }), 0);
	assert_false(has_target(50) || has_target(54));
}

/* What is named lies on the filesystem above, since its own one isn't mounted (nofail). */
static void a_mount_point_without_its_mount_is_not_ready(void **state)
{
	static const struct machine_path paths[] = {
		{ .path = "/", .mount_id = 27 }, { .path = "/data", .mount_id = 40 },
		{ .path = "/data/mysql", .mount_id = 40 }, { .path = "/data/mysql/ibdata", .mount_id = 40 },
		{ .path = "/data/mysqld", .mount_id = 40 },
		/* mounted by hand below a mount point of fstab that nothing is mounted on */
		{ .path = "/var/lib/mysql", .mount_id = 41 }, {}
	};
	char fstab[4096];
	const struct machine *machine = machine_make("ec2.mountinfo", paths, NULL);

	(void)state;
	made_up.machine.fstab = data_path("fstab", fstab, sizeof(fstab));
	assert_int_equal(make(machine, (struct plan_request){
		.paths = PATHS("/data", "/data/mysql", "/data/mysql/ibdata") }), -ENODEV);
	assert_finding(206, "/data/mysql", "nothing is mounted on /data/mysql");
	assert_finding(206, "/data/mysql/ibdata", "nothing is mounted on /data/mysql");
	assert_int_equal(findings.n, 2);
	plan_free(&plan);
	findings_free(&findings);
	assert_int_equal(make(machine, (struct plan_request){
		.paths = PATHS("/data", "/data/mysqld", "/var/lib/mysql") }), 0);
	assert_int_equal(findings.n, 0);
	plan_free(&plan);
	assert_int_equal(make(machine, (struct plan_request){
		.survey = true, .paths = PATHS("/data/mysql") }), 0);
}

static void a_table_without_root_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(make(machine_make("empty.mountinfo", ec2_paths, NULL),
			      (struct plan_request){ .all = true }), -ENODEV);
	assert_finding(2, "/", "root filesystem");
}

static void a_missing_table_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(make(machine_make("nonexistent", ec2_paths, NULL), (struct plan_request){
		.paths = PATHS("/data") }), -ENOENT);
	assert_int_equal(findings_exit_code(&findings), 2);
	assert_int_equal(count_fds(), n_fds);
}

static void lines_that_make_no_sense_are_a_warning(void **state)
{
	static const struct machine_path paths[] = {
		{ .path = "/", .mount_id = 27 }, { .path = "/data", .mount_id = 54 }, {}
	};

	(void)state;
	assert_int_equal(make(machine_make("garbage.mountinfo", paths, NULL),
			      (struct plan_request){ .all = true }), 0);
	assert_int_equal(findings.n, 1);
	assert_int_equal(findings.v[0].code, 0);
	assert_frozen(5);
}

static const struct machine_path waits_paths[] = {
	{ .path = "/", .mount_id = 27 }, { .path = "/mnt", .mount_id = 41 },
	{ .path = "/mnt/data", .mount_id = 41 }, { .path = "/mnt/again", .mount_id = 52 },
	{ .path = "/srv", .mount_id = 43 }, { .path = "/srv/log", .mount_id = 43 },
	{ .path = "/auto", .mount_id = 45 }, { .path = "/var/log/audit", .mount_id = 46 },
	{ .path = "/var/log/amazon", .mount_id = 27, .link = "../../srv/log" },
	{ .path = "/tmp", .mount_id = 47 }, { .path = "/journal", .mount_id = 48 },
	{ .path = "/var/log/journal", .mount_id = 27, .link = "/journal/./../journal/." },
	{ .path = "/run/log", .mount_id = 27, .link = "/run/log" },
	{ .path = "/image", .mount_id = 50 }, { .path = "/again", .mount_id = 51 }, {}
};

/*
 * Whatever doesn't answer, a plan never looks at it: a server's or a program's filesystem, whether it
 * hides a disk's or the way to a needed directory leads there, or an automount.
 */
static void what_would_wait_is_not_looked_at(void **state)
{
	static const char *const hanging[] = {
		"/mnt", "/srv", "/var/log/audit", "/tmp", "/journal/.snapshots",
	};
	const struct machine *machine;
	size_t i;

	(void)state;
	for (i = 0; i < 2 * ARRAY_SIZE(hanging); i++) {
		machine = machine_make("waits.mountinfo", waits_paths, NULL);
		made_up.hangs = hanging[i / 2];
		assert_int_equal(make(machine, (struct plan_request){
			.all = i % 2, .survey = !(i % 2) }), 0);
		if (made_up.opened_hanging)
			fail_msg("%s was looked at", made_up.hangs);
		if (i % 2) {
			assert_skipped(5, "hidden");
			assert_skipped(6, "hidden");
			/* what an automount has mounted is there, and through a link it's needed */
			assert_frozen(7);
			assert_skipped(8, "/var/log/journal");
		}
		/* the mount that can be reached is the one that is used */
		assert_string_equal(target(10)->path, "/again");
		plan_free(&plan);
		findings_free(&findings);
	}
}

static void the_real_machine(void **state)
{
	struct plan_request req = { .survey = true };

	(void)state;
	assert_int_equal(plan_make(&plan, &req, &findings), 0);
	plan_free(&plan);
	req = (struct plan_request){ .paths = PATHS("/proc", "/nonexistent"), .n_paths = 2 };
	assert_int_equal(plan_make(&plan, &req, &findings), -EINVAL);
	assert_finding(1, "/proc", "cannot be frozen");
	assert_finding(1, "/nonexistent", "does not exist");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(named_paths),
		TEST(the_same_superblock_many_times_is_one),
		TEST(every_bad_path_is_reported),
		TEST(a_broken_filesystem_is_a_system_error),
		TEST(a_usage_error_comes_before_a_system_error),
		TEST(root_takes_a_flag),
		TEST(a_named_read_only_one_is_left_out_with_a_warning),
		TEST(the_kernel_says_what_can_freeze),
		TEST(a_kernel_that_cannot_be_asked_refuses_nothing),
		TEST(all_is_what_data_lifecycle_manager_means),
		TEST(what_is_excluded_is_left_out_unless_it_is_named),
		TEST(naming_overrides_what_all_leaves_out),
		TEST(a_survey_has_them_all),
		TEST(a_survey_refuses_only_what_cannot_be_opened),
		TEST(a_survey_of_a_missing_path),
		TEST(no_request_is_no_plan),
		TEST(snaps_are_left_out),
		TEST(subvolumes_are_one_superblock),
		TEST(bind_mounts_are_one_superblock),
		TEST(root_is_root_wherever_it_is_mounted),
		TEST(all_sees_through_bind_mounts),
		TEST(an_overmount_is_what_is_named),
		TEST(odd_names_are_names),
		TEST(below_an_overlay_root_is_root_too),
		TEST(an_overlay_root_whose_upper_is_lost_may_be_anywhere),
		TEST(what_cannot_be_frozen_is_listed),
		TEST(a_mount_point_without_its_mount_is_not_ready),
		TEST(a_table_without_root_is_an_error),
		TEST(a_missing_table_is_an_error),
		TEST(lines_that_make_no_sense_are_a_warning),
		TEST(what_would_wait_is_not_looked_at),
		TEST(the_real_machine),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
