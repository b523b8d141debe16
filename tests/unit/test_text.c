// SPDX-License-Identifier: GPL-2.0-only
/* text: reading small files; what text lists do is tested by those who have some */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/text.h"

static char path[] = "/tmp/freezeguard-text-XXXXXX";

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void fill(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void reads(const char *in, const char *out)
{
	char *text;

	fill(in);
	text = text_read(AT_FDCWD, path);
	assert_non_null(text);
	assert_string_equal(text, out);
	free(text);
}

static void a_file_is_read_whole(void **state)
{
	char in[20000], out[20000];
	size_t n;

	(void)state;
	reads("one\ntwo\n", "one\ntwo");
	reads("no newline", "no newline");
	reads("", "");
	reads("\n", "");
	/* around the room that it begins with, and each doubling of it */
	for (n = 4090; n < 17000; n += n == 4100 ? 4080 : n == 8200 ? 8170 : 1) {
		memset(in, 'x', n);
		in[n] = '\0';
		strcpy(out, in);
		reads(in, out);
	}
}

static void a_file_is_found_from_a_directory(void **state)
{
	int dir = open("/tmp", O_RDONLY | O_DIRECTORY);
	char *text;

	(void)state;
	fill("here\n");
	text = text_read(dir, path + strlen("/tmp/"));
	assert_non_null(text);
	assert_string_equal(text, "here");
	free(text);
	close(dir);
}

static void what_cannot_be_read_is_no_text(void **state)
{
	(void)state;
	assert_null(text_read(AT_FDCWD, "/nothing/of/that/name"));
	assert_int_equal(errno, ENOENT);
	assert_null(text_read(AT_FDCWD, "/tmp"));
	assert_int_equal(errno, EISDIR);
}

static void numbers(void **state)
{
	unsigned long number = 1;

	(void)state;
	fill("120\n");
	assert_true(text_read_number(path, &number));
	assert_int_equal(number, 120);
	fill("0\n");
	assert_true(text_read_number(path, &number));
	assert_int_equal(number, 0);
	fill("none\n");
	assert_false(text_read_number(path, &number));
	fill("");
	assert_false(text_read_number(path, &number));
	assert_false(text_read_number("/nothing/of/that/name", &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_whole),
		cmocka_unit_test(a_file_is_found_from_a_directory),
		cmocka_unit_test(what_cannot_be_read_is_no_text),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
