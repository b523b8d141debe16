/* SPDX-License-Identifier: GPL-2.0-only */
/* capture: freezectl's main() called in this process, with what it prints */
#ifndef FREEZEGUARD_TEST_CAPTURE_H
#define FREEZEGUARD_TEST_CAPTURE_H

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int freezectl_main(int argc, char **argv);

static char captured_out[65536], captured_err[65536];

static inline void capture_read(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	close(fd);
}

/* The exit code of freezectl with these arguments; its output is in captured_out and _err. */
static inline int freezectl(const char *const *arguments)
{
	char *argv[32] = { "freezectl" };
	int argc = 1, code, out, err, saved_out, saved_err;

	for (; arguments[argc - 1]; argc++)
		argv[argc] = (char *)arguments[argc - 1];
	out = memfd_create("out", 0);
	err = memfd_create("err", 0);
	fflush(stdout);
	saved_out = dup(STDOUT_FILENO);
	saved_err = dup(STDERR_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	optind = 0;
	code = freezectl_main(argc, argv);
	dup2(saved_out, STDOUT_FILENO);
	dup2(saved_err, STDERR_FILENO);
	close(saved_out);
	close(saved_err);
	capture_read(out, captured_out, sizeof(captured_out));
	capture_read(err, captured_err, sizeof(captured_err));
	return code;
}

#define FREEZECTL(...) freezectl((const char *[]) { __VA_ARGS__, NULL })

#endif
