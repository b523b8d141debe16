// SPDX-License-Identifier: GPL-2.0-only
/*
 * freezectl: the table of subcommands, the options that all of them have, and the one exit.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/duration.h"
#include "freezectl.h"

static const struct subcommand *const subcommands[] = {
	&cmd_freeze, &cmd_thaw, &cmd_run, &cmd_extend, &cmd_status, &cmd_plan, &cmd_monitor,
	&cmd_dlm, &cmd_observer, &cmd_config, &cmd_apps,
};

#define N_SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

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

/**
 * freezectl_usage() - the command line is wrong
 * @ctl: gets a finding of code 1
 * @fmt: what is wrong, and what would be right
 */
void freezectl_usage(struct freezectl *ctl, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	findings_add(&ctl->findings, EXIT_CODE_USAGE, NULL, "%s", text ? text : "out of memory");
	free(text);
}

/**
 * freezectl_duration() - read a time span of the command line
 * @ctl: gets a finding of code 1 if it is none
 * @what: the option or argument, for the text
 * @text: the time span
 * @ms: set to it
 *
 * Return: whether it is one.
 */
bool freezectl_duration(struct freezectl *ctl, const char *what, const char *text, uint32_t *ms)
{
	uint64_t value;

	switch (duration_parse(text, &value)) {
	case 0:
		if (value <= UINT32_MAX) {
			*ms = (uint32_t)value;
			return true;
		}
		/* fall through */
	case -ERANGE:
		findings_add(&ctl->findings, EXIT_CODE_USAGE, what, "'%s' is too long a time",
			     text);
		return false;
	default:
		findings_add(&ctl->findings, EXIT_CODE_USAGE, what, "'%s' is not a time span above "
			     "0; write it like 30, 90s, 1min 30s or 500ms", text);
		return false;
	}
}

/**
 * freezectl_id() - check a lease's id
 * @ctl: gets a finding of code 1 if it cannot be one
 * @id: the id
 *
 * Return: whether it can be one.
 */
bool freezectl_id(struct freezectl *ctl, const char *id)
{
	size_t i;

	if (!*id) {
		findings_add(&ctl->findings, EXIT_CODE_USAGE, "--id", "the id is empty");
		return false;
	}
	for (i = 0; id[i]; i++) {
		if (id[i] <= ' ' || id[i] > '~') {
			findings_add(&ctl->findings, EXIT_CODE_USAGE, "--id",
				     "byte %zu of the id is not a printable ASCII character; ids "
				     "have no spaces, control characters or umlauts", i + 1);
			return false;
		}
	}
	if (i > FREEZEGUARD_ID_MAX) {
		findings_add(&ctl->findings, EXIT_CODE_USAGE, "--id", "the id has %zu characters, "
			     "at most %d are possible", i, FREEZEGUARD_ID_MAX);
		return false;
	}
	return true;
}

/**
 * freezectl_refused() - the kernel said no to the last request
 * @ctl: gets a finding
 * @target: what it is about, or NULL
 * @otherwise: its code, unless the error is the user's (1) or the module is missing (206)
 */
void freezectl_refused(struct freezectl *ctl, const char *target, int otherwise)
{
	const char *advice = "";
	int code = otherwise;

	switch (freezeguard_errno(ctl->fg)) {
	case ERANGE:
		/* The kernel says which bound it is over, and has no room to say how much that is. */
		advice = "; see /sys/module/freezeguard/parameters/max_timeout_ms";
		code = EXIT_CODE_USAGE;
		break;
	case EPERM:
	case EACCES:
	case EINVAL:
	case E2BIG:
	case EBADF:
	case EOPNOTSUPP:
		code = EXIT_CODE_USAGE;
		break;
	}
	findings_add(&ctl->findings, code, target, "%s%s", freezeguard_error(ctl->fg), advice);
}

/**
 * freezectl_connect() - connect to the kernel module, which may load it
 * @ctl: gets a finding, 206 if the module is missing, and @ctl->fg
 *
 * Return: whether that worked.
 */
bool freezectl_connect(struct freezectl *ctl)
{
	int r;

	if (ctl->fg)
		return !freezeguard_errno(ctl->fg);
	r = freezeguard_open(&ctl->fg);
	if (!r)
		return true;
	/* EPROTONOSUPPORT: a kernel without generic netlink has no module either. */
	if (r == -ENOENT || r == -EPROTONOSUPPORT || r == -EAFNOSUPPORT)
		findings_add(&ctl->findings, EXIT_CODE_NOT_READY, NULL, "%s",
			     freezeguard_error(ctl->fg));
	else
		freezectl_refused(ctl, NULL, EXIT_CODE_SYSTEM);
	return false;
}

/**
 * freezectl_fs() - the freeze state of the filesystem that a path of the command line is on
 * @ctl: connected; gets a finding of code 1 if the path cannot be opened
 * @path: a directory
 * @otherwise: the code of what else fails, as for freezectl_refused()
 * @fs: set to it
 *
 * Return: whether it is known.
 */
bool freezectl_fs(struct freezectl *ctl, const char *path, int otherwise,
		  struct freezeguard_fs *fs)
{
	int fd, r;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		findings_add(&ctl->findings, EXIT_CODE_USAGE, path, "cannot be opened: %s; name a "
			     "mount point or a directory on it", strerror(errno));
		return false;
	}
	r = freezeguard_fs_get(ctl->fg, fd, fs);
	close(fd);
	if (r)
		freezectl_refused(ctl, path, otherwise);
	return !r;
}

/**
 * freezectl_observer() - the observer, to read what it saw
 * @ctl: gets a warning if one is loaded that cannot be read
 *
 * Return: the observer; NULL if none is loaded, and @ctl->observer_error says why.
 */
struct observer *freezectl_observer(struct freezectl *ctl)
{
	if (!ctl->observer_tried) {
		ctl->observer_tried = true;
		ctl->observer_error = observer_open(&ctl->observer);
		if (ctl->observer_error)
			ctl->observer = NULL;
		/* That none is loaded is told where something can't be known for it. */
		if (ctl->observer_error && ctl->observer_error != -ENOENT &&
		    ctl->observer_error != -EPERM)
			findings_add(&ctl->findings, EXIT_CODE_DONE, "observer", "%s",
				     observer_why(ctl->observer_error));
	}
	return ctl->observer;
}

/**
 * freezectl_config() - read the configuration file
 * @ctl: gets a finding of code 1 for each thing that is wrong with it, and @ctl->config
 * @profile: what --profile says, or NULL
 * @usual: without that, the profile that is in force if there is such a section; or NULL
 *
 * Return: what is in force; NULL if the file is wrong.
 */
const struct config *freezectl_config(struct freezectl *ctl, const char *profile,
				      const char *usual)
{
	const char *file = getenv(CONFIG_ENV);

	config_free(&ctl->config);
	if (config_read(&ctl->config, file && *file ? file : CONFIG_FILE,
			profile ? profile : usual, profile, &ctl->findings))
		return NULL;
	return &ctl->config;
}

/** freezectl_in_ms() - the time in so many milliseconds, CLOCK_BOOTTIME */
uint64_t freezectl_in_ms(uint64_t ms)
{
	return freezeguard_now_ns() + ms * NS_PER_MS;
}

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
