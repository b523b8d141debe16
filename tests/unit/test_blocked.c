// SPDX-License-Identifier: GPL-2.0-only
/* blocked: threads that wait, in a made-up /proc */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "show/blocked.h"

static void make_file(const char *dir, const char *task, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, task);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/%s", dir, task, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void finds_threads_that_wait(void **state)
{
	char dir[] = "/tmp/fg-blocked.XXXXXX", path[256], command[320];
	struct blocked blocked;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(blocked_find(&blocked, dir), 0);
	assert_int_equal(blocked.n, 0);
	assert_false(blocked.readable);

	snprintf(path, sizeof(path), "%s/10", dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/10/task", dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/self", dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/10/task", dir);
	make_file(path, "10", "stack", "[<0>] do_nanosleep+0x1/0x2\n");
	make_file(path, "10", "comm", "sleeper\n");
	make_file(path, "11", "stack", "[<0>] percpu_rwsem_wait+0xf9/0x120\n[<0>] vfs_write\n");
	make_file(path, "11", "comm", "wri ter\n");
	assert_int_equal(blocked_find(&blocked, dir), 0);
	assert_true(blocked.readable);
	assert_int_equal(blocked.n, 1);
	assert_int_equal(blocked.v[0].pid, 10);
	assert_int_equal(blocked.v[0].tid, 11);
	assert_string_equal(blocked.v[0].comm, "wri ter");
	blocked_free(&blocked);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
	assert_true(blocked_find(&blocked, dir) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_threads_that_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
