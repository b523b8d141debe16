// SPDX-License-Identifier: GPL-2.0-only
/* sync: syncing filesystems that are not frozen, each in a process of its own */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <freezeguard.h>

#include "base/text.h"
#include "base/util.h"
#include "lease/sync.h"
#include "plan/machine.h"
#include "plan/reach.h"

/**
 * sync_find() - how a filesystem does
 * @sync: those that were begun
 * @major: its device number
 * @minor: its minor part
 *
 * Return: it; NULL if it was not begun.
 */
struct sync_one *sync_find(const struct sync *sync, unsigned int major, unsigned int minor)
{
	size_t i;

	for (i = 0; i < sync->n; i++)
		if (sync->v[i].major == major && sync->v[i].minor == minor)
			return &sync->v[i];
	return NULL;
}

static void __attribute__((noreturn)) child(const struct plan *plan, const struct sync_one *one)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
	int fd;

	/* It may outlive us: whoever waits for the end of our output, or for ours, is not to. */
	close_range(0, ~0U, 0);
	/* In a container a single file of it may be all that is mounted. */
	if (strcmp(one->path, "/"))
		fd = reach_superblock(&plan->mounts, &machine_real, one->major, one->minor, flags,
				      NULL);
	else
		fd = machine_real.open("/", flags);
	if (fd < 0)
		_exit(-fd);
	_exit(syncfs(fd) ? errno : 0);
}

/**
 * sync_begin() - begin to sync a filesystem, unless it was begun already
 * @sync: gets it
 * @plan: has the mount table
 * @e: a mount of it; it is opened by any that opens at once
 * @must: it has to be synced
 *
 * Return: 0, also if there is no process: @error of it; -ENOMEM.
 */
int sync_begin(struct sync *sync, const struct plan *plan, const struct mount_entry *e, bool must)
{
	struct sync_one *one = sync_find(sync, e->major, e->minor);
	char *path;

	if (one) {
		one->must |= must;
		return 0;
	}
	path = text_copy(e->mountpoint);
	one = path ? APPEND(sync->v, sync->n) : NULL;
	if (!one) {
		free(path);
		return -ENOMEM;
	}
	*one = (struct sync_one){
		.major = e->major, .minor = e->minor, .path = path, .must = must,
		.error = ETIMEDOUT,
	};
	/* Ignored by whoever started us, it would make the kernel forget how the child ended. */
	signal(SIGCHLD, SIG_DFL);
	one->pid = fork();
	if (!one->pid)
		child(plan, one);
	if (one->pid < 0) {
		one->error = errno;
		one->pid = 0;
	}
	return 0;
}

/* A mount of a target, one that opens at once if there is any; NULL if it is not mounted */
static const struct mount_entry *mount_of(const struct plan *plan, const struct plan_target *t,
					  bool *opens)
{
	const struct mount_entry *found = NULL;
	size_t i;

	*opens = false;
	for (i = 0; i < plan->mounts.n && !*opens; i++) {
		const struct mount_entry *e = &plan->mounts.v[i];

		if (e->major != t->major || e->minor != t->minor)
			continue;
		found = e;
		*opens = !reach_mount(&plan->mounts, e);
	}
	return found;
}

/**
 * sync_begin_left_out() - begin to sync all filesystems on disks that a plan leaves out
 * @sync: gets those that can be written to
 * @plan: the plan
 * @must: all of them have to be synced that can be opened
 *
 * Return: 0 or -ENOMEM.
 */
int sync_begin_left_out(struct sync *sync, const struct plan *plan, bool must)
{
	const struct mount_entry *e;
	bool opens;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < plan->n; i++) {
		const struct plan_target *t = &plan->v[i];

		if (!t->skip || t->read_only || !(t->on_disk || t->is_root))
			continue;
		e = mount_of(plan, t, &opens);
		if (e)
			ret = sync_begin(sync, plan, e, must && opens);
	}
	return ret;
}

/**
 * sync_wait() - wait until all have ended
 * @sync: those that were begun
 * @until_ns: no longer, CLOCK_BOOTTIME; each is looked at once in any case
 */
void sync_wait(struct sync *sync, uint64_t until_ns)
{
	size_t i, left;
	int status;

	for (;;) {
		for (i = left = 0; i < sync->n; i++) {
			struct sync_one *one = &sync->v[i];

			if (!one->pid)
				continue;
			if (waitpid(one->pid, &status, WNOHANG) != one->pid) {
				left++;
				continue;
			}
			one->pid = 0;
			one->error = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
		}
		if (!left || freezeguard_now_ns() >= until_ns)
			return;
		usleep(1000);
	}
}

/**
 * sync_failed() - is one not on the disk that has to be?
 * @sync: those that were begun
 * @f: gets code 201 for each
 */
bool sync_failed(const struct sync *sync, struct findings *f)
{
	bool failed = false;
	size_t i;

	for (i = 0; i < sync->n; i++) {
		const struct sync_one *one = &sync->v[i];

		if (!one->must || !one->error)
			continue;
		failed = true;
		if (one->error == ETIMEDOUT)
			findings_add(f, EXIT_CODE_FREEZE_FAILED, one->path,
				     "could not be synced within the time that there is for it");
		else
			findings_add(f, EXIT_CODE_FREEZE_FAILED, one->path,
				     "could not be synced: %s; see the kernel's log",
				     strerror(one->error));
	}
	return failed;
}

/* Of what is left out: was it synced? */
static const char *how(const struct sync_one *one)
{
	if (!one)
		return "it is not synced either";
	if (!one->error)
		return "it was synced";
	return one->error == ETIMEDOUT ? "its sync has not ended yet" : "it could not be synced";
}

/**
 * sync_warn() - warn of each filesystem that can be written to and is left out
 * @sync: those that were begun
 * @plan: the plan
 * @f: gets a warning for each; an overlay keeps nothing itself
 */
void sync_warn(struct sync *sync, const struct plan *plan, struct findings *f)
{
	size_t i;

	sync_wait(sync, 0);
	for (i = 0; i < plan->n; i++) {
		const struct plan_target *t = &plan->v[i];
		const struct sync_one *one = sync_find(sync, t->major, t->minor);

		if (!t->skip || t->read_only || (!strcmp(t->fstype, "overlay") && !one))
			continue;
		findings_add(f, EXIT_CODE_DONE, t->path, "is not frozen: %s; %s%s%s", t->skip, how(one),
			     one && one->error && one->error != ETIMEDOUT ? ": " : "",
			     one && one->error && one->error != ETIMEDOUT ?
			     strerror(one->error) : "");
	}
}

/** sync_free() - forget them; those that have not ended go on */
void sync_free(struct sync *sync)
{
	size_t i;

	for (i = 0; i < sync->n; i++)
		free(sync->v[i].path);
	free(sync->v);
	*sync = (struct sync){ 0 };
}
