// SPDX-License-Identifier: GPL-2.0-only
/* metrics: what Prometheus' own parser thinks of it, and that the figures are the right ones */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "capture.h"
#include "fake_observer.h"
#include "show/metrics.h"

static char *text;
static size_t size;

static int reset(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	return 0;
}

static int drop(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	return 0;
}

/* The figures as a text, after Prometheus' parser and Documentation/observing.md have agreed. */
static void print(const struct metrics_source *source)
{
	FILE *file;

	free(text);
	text = NULL;
	file = open_memstream(&text, &size);
	assert_int_equal(metrics_print(file, source), 0);
	fclose(file);
	file = popen(TEST_DATA "/../metrics.py " TEST_DATA "/../../../Documentation/observing.md",
		     "w");
	assert_non_null(file);
	fwrite(text, 1, size, file);
	assert_int_equal(pclose(file), 0);
}

static void assert_line(const char *line)
{
	char whole[2048];

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(text, whole))
		print_error("no line %s in:\n%s\n", line, text);
	assert_non_null(strstr(text, whole));
}

static void put_file(const char *dir, const char *name, const char *content)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static void with_nothing_loaded(void **state)
{
	const struct metrics_source source = { .ended = "/nowhere", .n_blocked = -1 };

	(void)state;
	print(&source);
	assert_line("freezeguard_up 0");
	assert_line("freezeguard_observer_loaded 0");
	/* What isn't known is not 0. */
	assert_null(strstr(text, "freezeguard_leases"));
	assert_null(strstr(text, "freezeguard_filesystem_frozen"));
	assert_null(strstr(text, "blocked"));
	assert_null(strstr(text, "stall"));
}

static void with_the_module_alone(void **state)
{
	struct freezeguard_lease v[] = {
		{ .state = FREEZEGUARD_LEASE_STATE_FROZEN },
		{ .state = FREEZEGUARD_LEASE_STATE_FROZEN },
		{ .state = FREEZEGUARD_LEASE_STATE_FREEZING },
		{ .state = FREEZEGUARD_LEASE_STATE_THAWED },
	};
	const struct freezeguard_lease_list leases = { .v = v, .n = 4 };
	const struct freezeguard_fs filesystems[] = {
		{ .major = 8, .minor = 1, .fstype = "ext4",
		  .state = FREEZEGUARD_FS_STATE_COMPLETE, .lease_number = 3 },
		{ .major = 8, .minor = 2, .fstype = "xfs", .state = FREEZEGUARD_FS_STATE_WRITE },
		{ .major = 8, .minor = 3, .fstype = "xfs" },
		/* somebody froze it on top of its lease */
		{ .major = 8, .minor = 4, .fstype = "xfs", .lease_number = 3,
		  .state = FREEZEGUARD_FS_STATE_COMPLETE, .has_holders = true,
		  .kernel_holders = 1, .user_holders = 1 },
	};
	const char *const sources[] = { "/dev/sda1", "/dev/sda2", "/dev/sda3", "/dev/sda4" };
	char dir[] = "/tmp/fg-metrics.XXXXXX", path[256];
	struct metrics_source source = {
		.leases = &leases, .ended = path, .filesystems = filesystems,
		.sources = sources, .n_filesystems = 4, .n_blocked = 2,
	};

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/leases_ended", dir);
	/* an older module tells none of these */
	print(&source);
	assert_null(strstr(text, "freezeguard_leases_ended_total"));
	put_file(dir, "leases_ended", "10,11,12,13\n");
	print(&source);
	assert_null(strstr(text, "freezeguard_leases_ended_total"));
	put_file(dir, "leases_ended", "10,11,12,13,14\n");
	print(&source);
	unlink(path);
	rmdir(dir);
	assert_line("freezeguard_up 1");
	assert_line("freezeguard_leases{state=\"freezing\"} 1");
	assert_line("freezeguard_leases{state=\"frozen\"} 2");
	assert_line("freezeguard_leases{state=\"rolling-back\"} 0");
	assert_line("freezeguard_leases_ended_total{state=\"thawed\"} 10");
	assert_line("freezeguard_leases_ended_total{state=\"expired\"} 11");
	assert_line("freezeguard_leases_ended_total{state=\"failed\"} 14");
	assert_line("freezeguard_filesystem_frozen{device=\"8:1\",fstype=\"ext4\","
		    "source=\"/dev/sda1\",holder=\"lease\"} 1");
	assert_line("freezeguard_filesystem_frozen{device=\"8:1\",fstype=\"ext4\","
		    "source=\"/dev/sda1\",holder=\"other\"} 0");
	assert_line("freezeguard_filesystem_frozen{device=\"8:2\",fstype=\"xfs\","
		    "source=\"/dev/sda2\",holder=\"other\"} 1");
	assert_line("freezeguard_filesystem_frozen{device=\"8:3\",fstype=\"xfs\","
		    "source=\"/dev/sda3\",holder=\"other\"} 0");
	assert_line("freezeguard_filesystem_frozen{device=\"8:4\",fstype=\"xfs\","
		    "source=\"/dev/sda4\",holder=\"lease\"} 1");
	assert_line("freezeguard_filesystem_frozen{device=\"8:4\",fstype=\"xfs\","
		    "source=\"/dev/sda4\",holder=\"other\"} 1");
	assert_line("freezeguard_blocked_writers 2");
	assert_null(strstr(text, "stall"));
}

static void with_the_observer(void **state)
{
	const struct freezeguard_fs filesystem = { .major = 8, .minor = 1, .fstype = "ext4" };
	const char *const sources[] = { "/dev/sda1" };
	struct metrics_source source = {
		.ended = "/nowhere", .filesystems = &filesystem, .sources = sources,
		.n_filesystems = 1, .observer = FAKE, .n_blocked = -1,
	};
	struct fw_filesystem *fs = fake_filesystem(8, 1);
	struct fw_frozen *frozen;
	char line[256];

	(void)state;
	strcpy(fs->filesystem, "ext4");
	strcpy(fs->source, "/dev/sda1");
	fs->freezes = 7;
	fs->longest_freeze_ns = 1500000000;
	fs->stall.ended = 6;
	fs->stall.total_ns = 2000000001;
	/* 1 us, 2 us, 8 us, 1024 us, and longer than any bound */
	fs->stall.histogram[0] = 1;
	fs->stall.histogram[1] = 2;
	fs->stall.histogram[3] = 1;
	fs->stall.histogram[10] = 1;
	fs->stall.histogram[FW_WAIT_BUCKETS - 1] = 1;
	/* the kernel's word for 8:1 is that it is not frozen (any more) */
	frozen = fake_frozen(8, 1);
	strcpy(frozen->filesystem, "ext4");
	strcpy(frozen->source, "/dev/sda1");
	frozen->blocked = 4;
	frozen = fake_frozen(253, 0);
	strcpy(frozen->filesystem, "xfs");
	strcpy(frozen->source, "a\"b\\c\nd\xff");
	frozen->lease.number = 9;
	fake.n_writers = 4;
	fake.totals.freezes = 70;
	fake.totals.lost_events = 3;
	fake.totals.longest_freeze_ns = 60 * NS_PER_S;
	fake.totals.stall.histogram[20] = 5;
	fake.totals.stall.total_ns = 5 * NS_PER_S;
	print(&source);
	assert_line("freezeguard_observer_loaded 1");
	assert_line("freezeguard_up 0");
	assert_line("freezeguard_filesystem_frozen{device=\"8:1\",fstype=\"ext4\","
		    "source=\"/dev/sda1\",holder=\"other\"} 0");
	assert_line("freezeguard_filesystem_frozen{device=\"253:0\",fstype=\"xfs\","
		    "source=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\",holder=\"lease\"} 1");
	assert_line("freezeguard_freezes_total 70");
	assert_line("freezeguard_observer_lost_total{what=\"event\"} 3");
	assert_line("freezeguard_longest_freeze_seconds 60.000000000");
	assert_line("freezeguard_blocked_writers 4");
#define SDA1 "device=\"8:1\",fstype=\"ext4\",source=\"/dev/sda1\""
	assert_line("freezeguard_filesystem_blocked_writers{" SDA1 "} 4");
	assert_line("freezeguard_filesystem_freezes_total{" SDA1 "} 7");
	assert_line("freezeguard_filesystem_longest_freeze_seconds{" SDA1 "} 1.500000000");
	assert_line("freezeguard_filesystem_stall_seconds_bucket{" SDA1 ",le=\"4e-06\"} 3");
	assert_line("freezeguard_filesystem_stall_seconds_bucket{" SDA1 ",le=\"1.6e-05\"} 4");
	assert_line("freezeguard_filesystem_stall_seconds_bucket{" SDA1 ",le=\"0.001024\"} 4");
	assert_line("freezeguard_filesystem_stall_seconds_bucket{" SDA1 ",le=\"0.004096\"} 5");
	assert_line("freezeguard_filesystem_stall_seconds_bucket{" SDA1 ",le=\"1073.741824\"} 5");
	assert_line("freezeguard_filesystem_stall_seconds_bucket{" SDA1 ",le=\"+Inf\"} 6");
	assert_line("freezeguard_filesystem_stall_seconds_sum{" SDA1 "} 2.000000001");
	assert_line("freezeguard_filesystem_stall_seconds_count{" SDA1 "} 6");
	assert_line("freezeguard_stall_seconds_count 5");
	assert_line("freezeguard_stall_seconds_sum 5.000000000");
	snprintf(line, sizeof(line), "freezeguard_stall_seconds_bucket{le=\"%.12g\"} 5", 4.194304);
	assert_line(line);
	assert_line("freezeguard_stall_seconds_bucket{le=\"1.048576\"} 0");
}

static void what_it_excludes(void **state)
{
	(void)state;
	assert_int_equal(FREEZECTL("status", "--prometheus", "--json"), 1);
	assert_non_null(strstr(captured_out, "--prometheus and --json exclude each other"));
	assert_int_equal(FREEZECTL("status", "--prometheus", "/"), 1);
	assert_int_equal(FREEZECTL("status", "--prometheus", "--history"), 1);
	assert_int_equal(FREEZECTL("status", "--prometheus", "--id", "a"), 1);
	assert_string_equal(captured_out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(with_nothing_loaded, reset, drop),
		cmocka_unit_test_setup_teardown(with_the_module_alone, reset, drop),
		cmocka_unit_test_setup_teardown(with_the_observer, reset, drop),
		cmocka_unit_test_setup(what_it_excludes, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
