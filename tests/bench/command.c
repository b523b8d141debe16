// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the commands cost as whole processes, with one idle ext4: freeze and thaw, by freezectl and by
 * fsfreeze; Data Lifecycle Manager's pre-script and post-script, by freezectl and by the steps of its
 * sample; and the memory that freezectl locks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define EXECUTION "01234567-89ab-cdef-0123-456789abcdef"

static struct cost pair(const char *const *first, const char *const *second)
{
	struct cost a, b;

	bench_settle();
	a = bench_program(first);
	b = bench_program(second);
	return (struct cost) { a.wall_ns + b.wall_ns, a.cpu_ns + b.cpu_ns };
}

static void sample(const char *what, const char *who, struct cost cost)
{
	bench_sample_ns(bench_name("%s.%s.wall", what, who), cost.wall_ns);
	bench_sample_ns(bench_name("%s.%s.cpu", what, who), cost.cpu_ns);
}

TEST_WITHIN(freeze_and_thaw, 240)
{
	const char *path = (kt_mount_image("c", "ext4"), strdup(kt_path("c", NULL)));
	const char *const freeze[] = { FREEZECTL, "freeze", "--id", "c", path, NULL };
	const char *const thaw[] = { FREEZECTL, "thaw", "--id", "c", NULL };
	const char *const thaw_path[] = { FREEZECTL, "thaw", path, NULL };
	const char *const f[] = { FSFREEZE, "-f", path, NULL };
	const char *const u[] = { FSFREEZE, "-u", path, NULL };
	const char *const nothing[] = { FREEZECTL, "--version", NULL };
	const char *const nothing_either[] = { FSFREEZE, "--version", NULL };
	unsigned int i;

	for (i = 0; i < bench_runs(40, 1); i++) {
		sample("command", "freezectl", pair(freeze, thaw));
		sample("command", "freezectl-path", pair(freeze, thaw_path));
		sample("command", "fsfreeze", pair(f, u));
		sample("start", "freezectl", bench_program(nothing));
		sample("start", "fsfreeze", bench_program(nothing_either));
	}
}

TEST_WITHIN(data_lifecycle_manager, 240)
{
	const char *path = (kt_mount_image("d", "ext4"), strdup(kt_path("d", NULL)));
	const char *const pre[] = { FREEZECTL, "dlm", "pre-script", "--execution-id", EXECUTION,
				    path, NULL };
	const char *const post[] = { FREEZECTL, "dlm", "post-script", "--execution-id", EXECUTION,
				     NULL };
	const char *const sample_pre[] = { "tests/apps/sample-steps", "pre-script", NULL };
	const char *const sample_post[] = { "tests/apps/sample-steps", "post-script", NULL };
	unsigned int i;

	for (i = 0; i < bench_runs(20, 1); i++) {
		sample("dlm", "freezectl", pair(pre, post));
		sample("dlm", "sample", pair(sample_pre, sample_post));
	}
}

/* What is locked of the freezectl that has it frozen, its stack too; asked by the command that it runs. */
TEST_WITHIN(preflight_memory, 30)
{
	const char *path = (kt_mount_image("m", "ext4"), strdup(kt_path("m", NULL)));
	char command[256];
	double kib, stack_kib;
	FILE *f;

	snprintf(command, sizeof(command), FREEZECTL " run %s -- "
		 "sh -c 'grep -E \"VmLck|VmStk\" /proc/$PPID/status' 2>/dev/null", path);
	f = popen(command, "re");
	if (!f || fscanf(f, "VmLck: %lf kB VmStk: %lf kB", &kib, &stack_kib) != 2)
		FAIL("%s: no VmLck, VmStk", command);
	/* less than its libraries would be nothing, and it may need more stack than it has used so far */
	if (kib < 2048 || stack_kib < 160)
		FAIL("%.0f KiB locked, %.0f KiB of stack", kib, stack_kib);
	pclose(f);
	bench_sample("locked", kib / 1024);
}
