// SPDX-License-Identifier: GPL-2.0-only
/*
 * preflight: nothing that freezectl needs while filesystems are frozen may have to come from one of
 * them, nor may it write to one. Reading a frozen filesystem mostly works; but a page that has to
 * be read in may need memory, and memory may need write-back to the frozen filesystem.
 */
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/output.h"
#include "base/util.h"
#include "lease/preflight.h"
#include "plan/below.h"
#include "show/lease.h"

/* More than the 128 KiB with which the kernel begins a stack, fs/exec.c. */
#define STACK_BYTES	(160 * 1024)
/* ... of the heap, and for each filesystem: the kernel's reply, and its text or JSON. */
#define HEAP_BYTES	(128 * 1024)
#define HEAP_EACH	(16 * 1024)
/* A script whose interpreter is a script whose interpreter...: the kernel follows five. */
#define INTERPRETERS	5

/* Its end: a stack grows down to where it is touched, and what is in between comes with the locking. */
static __attribute__((noinline)) void grow_stack(void)
{
	*(volatile char *)alloca(STACK_BYTES) = 0;
}

/**
 * preflight_memory() - lock the whole program in memory, with all that it will need
 * @plan: what will be printed about
 * @json: as JSON, not as text
 * @findings: gets why it cannot be
 *
 * What is done, in this order:
 * - symbols: nothing to do; the program is linked with -z now, so none is looked up later;
 * - the time zone is read (localtime_r() does not look for it again), error texts are fetched, the
 *   locale, if one is needed, is loaded by a rehearsal of everything that will be printed;
 * - no name service is used at all;
 * - the stack is grown to more than is needed, and so is the heap, which is told to give nothing
 *   back;
 * - everything that is mapped, and what will be, is locked.
 *
 * Return: 0; -EPERM code 1; another negative errno: code 201, nothing was touched.
 */
int preflight_memory(const struct plan *plan, bool json, struct findings *findings)
{
	size_t heap_bytes = HEAP_BYTES + plan->n * HEAP_EACH;
	void *heap;
	int r;

	tzset();
	show_rehearse(plan, json);
	grow_stack();
	mallopt(M_TRIM_THRESHOLD, (int)heap_bytes * 4);
	mallopt(M_MMAP_MAX, 0);
	heap = malloc(heap_bytes);
	/* Not to be optimised away: it is the growing that is wanted. */
	__asm__ volatile("" : : "r"(heap) : "memory");
	free(heap);

	if (!mlockall(MCL_CURRENT | MCL_FUTURE))
		return 0;
	r = -errno;
	if (geteuid())
		r = -EPERM;
	findings_add(findings, r == -EPERM ? EXIT_CODE_USAGE : EXIT_CODE_FREEZE_FAILED, NULL,
		     "cannot lock this program in memory before freezing: %s; nothing was touched. This needs CAP_IPC_LOCK (root), or a limit of locked memory (ulimit -l) and free memory of about 20 MB",
		     strerror(-r));
	return r;
}

/* The target that will be frozen and that @fd lies on, or NULL. Errors count as none. */
static const struct plan_target *target_of(struct freezeguard *fg, const struct plan *plan, int fd)
{
	struct below on = { .mounts = &plan->mounts, .machine = &machine_real, .plan = plan };
	const struct plan_target *found = NULL;
	struct freezeguard_fs fs;
	size_t i;

	if (freezeguard_fs_get(fg, fd, &fs) || below_find(&on, fs.major, fs.minor))
		return NULL;
	for (i = 0; !found && i < plan->n; i++)
		if (!plan->v[i].skip && below_has(&on, plan->v[i].major, plan->v[i].minor))
			found = &plan->v[i];
	below_free(&on);
	return found;
}

/**
 * preflight_stdio() - refuse to write to a file that is about to be frozen
 * @fg: connected
 * @plan: what will be frozen
 * @findings: gets code 1 for standard output, standard error, or both
 *
 * Return: 0 or -EINVAL.
 */
int preflight_stdio(struct freezeguard *fg, const struct plan *plan, struct findings *findings)
{
	static const struct {
		int fd;
		const char *name;
	} files[] = {
		{ STDOUT_FILENO, "standard output" },
		{ STDERR_FILENO, "standard error" },
	};
	const struct plan_target *t;
	struct stat st;
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		if (fstat(files[i].fd, &st) || !S_ISREG(st.st_mode))
			continue;
		t = target_of(fg, plan, files[i].fd);
		if (!t)
			continue;
		findings_add(findings, EXIT_CODE_USAGE, t->path,
			     "%s goes to a file on this filesystem and would hang with it; send it elsewhere (a pipe, another filesystem)",
			     files[i].name);
		r = -EINVAL;
	}
	return r;
}

/**
 * preflight_directory() - refuse to freeze what a directory is on that is written to meanwhile
 * @fg: connected
 * @plan: what will be frozen
 * @path: the directory; if it is not there, what it will be made in counts
 * @findings: gets code 1
 *
 * Return: 0 or -EINVAL.
 */
int preflight_directory(struct freezeguard *fg, const struct plan *plan, const char *path,
			struct findings *findings)
{
	const struct plan_target *t;
	char above[4096], *slash;
	int fd;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	snprintf(above, sizeof(above), "%s", path);
	slash = strrchr(above, '/');
	if (fd < 0 && slash) {
		slash[slash == above] = '\0';
		fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	}
	if (fd < 0)
		return 0;
	t = target_of(fg, plan, fd);
	close(fd);
	if (!t)
		return 0;
	findings_add(findings, EXIT_CODE_USAGE, path,
		     "is on %s, which would be frozen, and freezectl writes to it during the freeze; set another directory in the configuration",
		     t->path);
	return -EINVAL;
}

/* The interpreter that the first line of a script names: "#! /bin/sh -e". */
static bool interpreter_of(int fd, char path[256])
{
	ssize_t n = pread(fd, path, 255, 0);
	char *start;

	if (n < 3 || path[0] != '#' || path[1] != '!')
		return false;
	path[n] = '\0';
	start = path + 2 + strspn(path + 2, " \t");
	start[strcspn(start, " \t\n")] = '\0';
	memmove(path, start, strlen(start) + 1);
	return path[0] == '/';
}

static int check_executable(struct freezeguard *fg, const struct plan *plan, const char *path,
			    int depth, struct findings *findings)
{
	const struct plan_target *t;
	char interpreter[256];
	int fd, r = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		findings_add(findings, EXIT_CODE_USAGE, path,
			     "cannot be run: the script's interpreter does not exist");
		return -EINVAL;
	}
	if (fd < 0)
		/* It may be executable and not readable. */
		return 0;
	t = target_of(fg, plan, fd);
	if (t) {
		findings_add(findings, EXIT_CODE_USAGE, path,
			     "is on %s, which would be frozen; no program may be started from there. Copy it elsewhere first",
			     t->path);
		r = -EINVAL;
	} else if (depth < INTERPRETERS && interpreter_of(fd, interpreter)) {
		r = check_executable(fg, plan, interpreter, depth + 1, findings);
	}
	close(fd);
	return r;
}

/* access() alone would take a directory for a program. Sets errno. */
static bool is_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) || access(path, X_OK))
		return false;
	errno = EACCES;
	return S_ISREG(st.st_mode);
}

/* A command as execvp() finds it; NULL and errno if there is none */
static const char *find_program(const char *command, char file[4096])
{
	const char *dir, *end, *path = getenv("PATH");

	if (strchr(command, '/'))
		return is_program(command) ? command : NULL;
	for (dir = path ? path : "/bin:/usr/bin"; ; dir = end + 1) {
		end = strchrnul(dir, ':');
		snprintf(file, 4096, "%.*s%s%.255s", (int)(end - dir), dir,
			 end == dir ? "" : "/", command);
		if (is_program(file))
			return file;
		if (!*end)
			break;
	}
	errno = ENOENT;
	return NULL;
}

/**
 * preflight_command() - refuse to start a program from a filesystem that will be frozen
 * @fg: connected
 * @plan: what will be frozen
 * @command: as given: a path, or a name that is looked for as execvp() does
 * @findings: gets code 1, also if there is no such command: freezing for it would be for nothing
 *
 * Return: 0 or -EINVAL.
 */
int preflight_command(struct freezeguard *fg, const struct plan *plan, const char *command,
		      struct findings *findings)
{
	char file[4096];
	const char *program = find_program(command, file);

	if (program)
		return check_executable(fg, plan, program, 0, findings);
	if (strchr(command, '/'))
		findings_add(findings, EXIT_CODE_USAGE, command, "cannot be run: %s",
			     strerror(errno));
	else
		findings_add(findings, EXIT_CODE_USAGE, command,
			     "there is no such command in PATH");
	return -EINVAL;
}

/**
 * preflight_files() - which files starting a program needs: itself and its interpreters
 * @command: as for preflight_command()
 * @files: gets their absolute paths; none if there is no such command
 *
 * Return: 0 or -ENOMEM.
 */
int preflight_files(const char *command, struct text_list *files)
{
	char file[4096], interpreter[256];
	const char *program = find_program(command, file);
	int fd, depth, ret = 0;
	char *real;

	for (depth = 0; program && !ret && depth <= INTERPRETERS; depth++) {
		real = realpath(program, NULL);
		ret = !real && errno == ENOMEM ? -ENOMEM : 0;
		if (real)
			ret = text_list_add(files, real);
		free(real);
		fd = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		program = fd >= 0 && interpreter_of(fd, interpreter) ? interpreter : NULL;
		if (fd >= 0)
			close(fd);
	}
	return ret;
}
