// SPDX-License-Identifier: GPL-2.0-only
/* keep: the end of a call that leaves something behind, each in a process of its own, which it ends */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture.h"
#include "freezectl.h"

/* What the process did, in order, beside what it printed. */
static int out, log_fd;

static void note(const char *what)
{
	if (write(log_fd, what, strlen(what)) < 0)
		abort();
}

static void at_exit(void)
{
	note("exit handler\n");
}

static bool kept(struct freezectl *ctl, void *arg)
{
	char text[4096];

	(void)ctl;
	note(pread(out, text, sizeof(text), 0) > 0 ? "printed, " : "not printed, ");
	note(arg);
	return true;
}

static bool not_kept(struct freezectl *ctl, void *arg)
{
	return !kept(ctl, arg);
}

/* How a process ends that prints to @to, and what it noted and printed: @captured_err, @captured_out */
static int end(bool json, int to, bool (*keep)(struct freezectl *ctl, void *arg))
{
	pid_t pid;
	int status;

	out = memfd_create("out", 0);
	log_fd = memfd_create("log", 0);
	pid = fork();
	if (!pid) {
		struct freezectl ctl = { 0 };
		bool printed;

		dup2(to < 0 ? out : to, STDOUT_FILENO);
		dup2(log_fd, STDERR_FILENO);
		atexit(at_exit);
		if (output_open(&ctl.out, json, "test"))
			abort();
		fputs("the result\n", ctl.out.text);
		ctl.out.passed_on = 7;
		printed = freezectl_keep(&ctl, "it", freezectl_in_ms(1000), keep, "last act\n");
		note(printed ? "it was printed\n" : "it was not printed\n");
		ctl.out.passed_on = 0;
		output_print(&ctl.out, &ctl.findings, freezectl_in_ms(1000));
		_exit(output_exit_code(&ctl.out, &ctl.findings));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	capture_read(out, captured_out, sizeof(captured_out));
	capture_read(log_fd, captured_err, sizeof(captured_err));
	return WEXITSTATUS(status);
}

static void the_last_act_follows_the_output(void **state)
{
	(void)state;
	assert_int_equal(end(false, -1, kept), 7);
	assert_string_equal(captured_out, "the result\n");
	/* And nothing follows. */
	assert_string_equal(captured_err, "printed, last act\n");
	assert_int_equal(end(true, -1, kept), 7);
	assert_non_null(strstr(captured_out, "\"code\": 7"));
	assert_string_equal(captured_err, "printed, last act\n");
}

static void a_failing_last_act_takes_the_output_back(void **state)
{
	(void)state;
	assert_int_equal(end(false, -1, not_kept), 201);
	assert_string_equal(captured_out, "the result\n");
	assert_string_equal(captured_err,
			    "printed, last act\nit was printed\n"
			    "freezectl: 201: it: is undone, although the output reports success; the reason follows\n");
	assert_int_equal(end(true, -1, not_kept), 201);
	assert_non_null(strstr(captured_out, "\"code\": 7"));
	assert_non_null(strstr(captured_err, "freezectl: 201: it: is undone, although"));
}

static void without_the_output_nothing_is_kept(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(full >= 0);
	assert_int_equal(end(false, full, kept), 201);
	assert_non_null(strstr(captured_err, "it was not printed\n"));
	assert_non_null(strstr(captured_err, "could not be written: No space left"));
	assert_null(strstr(captured_err, "last act"));
	close(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_act_follows_the_output),
		cmocka_unit_test(a_failing_last_act_takes_the_output_back),
		cmocka_unit_test(without_the_output_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
