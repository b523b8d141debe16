// SPDX-License-Identifier: GPL-2.0-only
/* main: the table of subcommands, the options that all of them have, and the one exit */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "commands/commands.h"

static const struct subcommand *const subcommands[] = {
	&cmd_freeze, &cmd_thaw, &cmd_run, &cmd_complete, &cmd_extend, &cmd_status, &cmd_history, &cmd_plan,
	&cmd_monitor, &cmd_dlm, &cmd_observer, &cmd_config, &cmd_apps,
};

#define N_SUBCOMMANDS ARRAY_SIZE(subcommands)

static const char exit_codes[] =
	"Exit codes:\n"
	"    0  done\n"
	"    1  usage or permission error, nothing was touched\n"
	"    2  system error\n"
	"  201  the freeze failed, nothing stays frozen\n"
	"  202  the thaw failed\n"
	"  203  the deadline came before the thaw request, or an application was lost\n"
	"  204  a filesystem to freeze is already frozen\n"
	"  205  what to thaw is not frozen\n"
	"  206  not ready\n";

static void print_help(FILE *file)
{
	static const struct option_help own[] = {
		{ "version", OPT_FIRST, NULL, "print the version" },
		{ 0 }
	};
	size_t i;

	fputs("Usage: freezectl SUBCOMMAND [OPTIONS] [ARGUMENTS]\n\n"
	      "Freezes filesystems under a deadline that the kernel keeps.\n\n"
	      "Subcommands:\n", file);
	for (i = 0; i < N_SUBCOMMANDS; i++)
		fprintf(file, "  %-8s  %s\n", subcommands[i]->name, subcommands[i]->summary);
	fputs("\nOptions:\n", file);
	options_help(file, own);
	fprintf(file, "\n%s", exit_codes);
}

static void print_subcommand_help(FILE *file, const struct subcommand *sub)
{
	int column = fprintf(file, "Usage: freezectl %s ", sub->name);

	options_wrap(file, (size_t)column, (size_t)column, sub->arguments);
	fprintf(file, "\n%s.\n\n", sub->summary);
	if (sub->help) {
		options_wrap(file, 0, 0, sub->help);
		fputc('\n', file);
	}
	options_help(file, sub->options);
	fprintf(file, "\n%s", exit_codes);
}

static const struct subcommand *find_subcommand(const char *name)
{
	size_t i;

	for (i = 0; i < N_SUBCOMMANDS; i++)
		if (!strcmp(name, subcommands[i]->name))
			return subcommands[i];
	return NULL;
}

/*
 * Is an option given before "--", in full or shortened as getopt_long() takes it? Wanted before the
 * subcommand's own options are read.
 */
static bool has_option(int argc, char **argv, const char *option)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (strlen(argv[i]) > 2 && !strncmp(argv[i], option, strlen(argv[i])))
			return true;
	return false;
}

/*
 * A closed standard stream would give its number to the next file that is opened, and what is
 * printed would go there. It stays unusable: reading or writing it is an error.
 */
static bool reserve_standard_streams(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	return true;
}

static void dispatch(struct freezectl *ctl, int argc, char **argv)
{
	const struct subcommand *sub;
	int at = 1;

	while (at < argc && !strcmp(argv[at], "--json"))
		at++;
	if (at == argc) {
		freezectl_usage(ctl, "a subcommand is missing; see freezectl --help");
		return;
	}
	if (!strcmp(argv[at], "--help") || !strcmp(argv[at], "-h")) {
		print_help(ctl->out.text);
		return;
	}
	if (!strcmp(argv[at], "--version") || !strcmp(argv[at], "-V")) {
		fputs("freezectl " FREEZEGUARD_VERSION "\n", ctl->out.text);
		output_json_add(ctl->out.doc, "version", output_json_string(FREEZEGUARD_VERSION));
		return;
	}
	sub = find_subcommand(argv[at]);
	if (!sub) {
		freezectl_usage(ctl, "unknown %s '%s'; see freezectl --help",
				argv[at][0] == '-' ? "option" : "subcommand", argv[at]);
		return;
	}
	if (has_option(argc - at, argv + at, "--help")) {
		print_subcommand_help(ctl->out.text, sub);
		return;
	}
	opterr = 0;
	sub->run(ctl, argc - at, argv + at);
}

int main(int argc, char **argv)
{
	bool json = has_option(argc, argv, "--json") && !has_option(argc, argv, "--help");
	struct freezectl ctl = { 0 };
	const char *command = NULL;
	int i, r, code;

	if (!reserve_standard_streams())
		return EXIT_CODE_SYSTEM;
	/* A reader that went away is an error of writing, after which the lease has to be ended. */
	signal(SIGPIPE, SIG_IGN);
	for (i = 1; i < argc && !command; i++)
		if (argv[i][0] != '-')
			command = argv[i];
	if (output_open(&ctl.out, json, command ? command : "freezectl")) {
		fputs("freezectl: 2: out of memory\n", stderr);
		return EXIT_CODE_SYSTEM;
	}

	dispatch(&ctl, argc, argv);

	r = output_print(&ctl.out, &ctl.findings, freezectl_in_ms(PRINT_MS));
	if (r) {
		findings_add(&ctl.findings, EXIT_CODE_SYSTEM, NULL, "cannot write the output: %s",
			     output_error(r));
		output_print(&ctl.out, &ctl.findings, freezectl_in_ms(GRACE_MS));
	}
	code = output_exit_code(&ctl.out, &ctl.findings);
	freezeguard_close(ctl.fg);
	config_free(&ctl.config);
	mounts_once_free(&ctl.mounts);
	if (ctl.observer)
		observer_close(ctl.observer);
	findings_free(&ctl.findings);
	output_close(&ctl.out);
	return code;
}
