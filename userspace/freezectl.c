// SPDX-License-Identifier: GPL-2.0-only
/*
 * freezectl: what the subcommands ask of a call: its connection to the module, the observer, the
 * configuration, and whether an argument is a path, an id or a time span.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/text.h"
#include "freezectl.h"

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
	text = text_vformat(fmt, args);
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
		findings_add(&ctl->findings, EXIT_CODE_USAGE, what, "the duration '%s' is too long",
			     text);
		return false;
	default:
		findings_add(&ctl->findings, EXIT_CODE_USAGE, what,
			     "'%s' is not a duration above 0; write it like 30, 90s, 1min 30s or 500ms",
			     text);
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
	size_t good = strspn(id, FREEZEGUARD_ID_CHARACTERS);

	if (!*id) {
		findings_add(&ctl->findings, EXIT_CODE_USAGE, "--id", "the id is empty");
		return false;
	}
	if (id[good]) {
		findings_add(&ctl->findings, EXIT_CODE_USAGE, "--id",
			     "byte %zu of the id is not allowed; use letters, digits and ._:@+-",
			     good + 1);
		return false;
	}
	if (good > FREEZEGUARD_ID_MAX) {
		findings_add(&ctl->findings, EXIT_CODE_USAGE, "--id",
			     "the id has %zu characters; at most %d are allowed",
			     good, FREEZEGUARD_ID_MAX);
		return false;
	}
	return true;
}

/**
 * freezectl_sees_all() - does the module show every lease on the machine to this process?
 *
 * It shows only those that the process may end. Root of a user namespace, and root without
 * CAP_SYS_ADMIN, may end none of the other leases.
 *
 * Return: whether it does.
 */
bool freezectl_sees_all(void)
{
	/* The kernel gives this number to the first user namespace of the machine, always. */
	static const ino_t first_user_ns = 0xEFFFFFFDU;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = { 0 };
	struct stat st;

	if (syscall(SYS_capget, &header, caps) ||
	    !(caps[0].effective & CAP_TO_MASK(CAP_SYS_ADMIN)))
		return false;
	return stat("/proc/self/ns/user", &st) || st.st_ino == first_user_ns;
}

/**
 * freezectl_refused() - the kernel said no to the last request
 * @ctl: gets a finding
 * @target: what it is about, or NULL
 * @otherwise: its code, unless the error is the user's (1), or no more leases may live (206)
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
	case EUSERS:
		/* As what is found before a hook is called: it was not taken, and nothing was touched. */
		code = EXIT_CODE_NOT_READY;
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
		findings_add(&ctl->findings, EXIT_CODE_USAGE, path,
			     "cannot be opened: %s; name a mount point or a directory on it",
			     strerror(errno));
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
		/* A missing observer is no warning here; callers mention it where it matters. */
		if (ctl->observer_error && ctl->observer_error != -ENOENT &&
		    ctl->observer_error != -EPERM)
			findings_add(&ctl->findings, EXIT_CODE_DONE, "observer", "%s",
				     observer_why(ctl->observer_error));
	}
	return ctl->observer;
}

/** freezectl_config_file() - the path of the configuration file */
const char *freezectl_config_file(void)
{
	const char *file = secure_getenv(CONFIG_ENV);

	return file && *file ? file : CONFIG_FILE;
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
	config_free(&ctl->config);
	if (config_read(&ctl->config, freezectl_config_file(),
			profile ? profile : usual, profile, &ctl->findings))
		return NULL;
	return &ctl->config;
}

/**
 * freezectl_keep() - the end of a call that leaves something behind: print, keep, exit
 * @ctl: with all that is to be printed; gets a finding of code 201 if this fails
 * @id: the lease's id
 * @until_ns: when to give up printing, CLOCK_BOOTTIME
 * @keep: the last act: lets it outlive this process, and returns whether it does
 * @arg: for @keep
 *
 * Until @keep the end of this process undoes everything. After it only the exit status is missing.
 * So nothing is freed, closed or flushed between them, and no handler of exit() runs.
 *
 * Return: only if it is not kept: whether it was printed, so that @keep failed and left an error.
 */
bool freezectl_keep(struct freezectl *ctl, const char *id, uint64_t until_ns,
		    bool (*keep)(struct freezectl *ctl, void *arg), void *arg)
{
	int code = output_exit_code(&ctl->out, &ctl->findings);
	int r = output_print(&ctl->out, &ctl->findings, until_ns);

	if (r) {
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, id,
			     "is undone, because the result could not be written: %s",
			     output_error(r));
		return false;
	}
	if (keep(ctl, arg))
		_exit(code);
	findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, id,
		     "is undone, although the output reports success; the reason follows");
	return true;
}

/** freezectl_in_ms() - the time in so many milliseconds, CLOCK_BOOTTIME */
uint64_t freezectl_in_ms(uint64_t ms)
{
	return freezeguard_now_ns() + ms * NS_PER_MS;
}
