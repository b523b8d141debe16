// SPDX-License-Identifier: GPL-2.0-only
/*
 * plan: which superblocks are to be frozen, in which order, and why not the others.
 *
 * Named paths are opened first and the mount table is read after that, so that every one of their
 * mounts is in it, one that the opening made autofs mount too. Apart from named paths only what can
 * be reached at once is opened. Opening and reading a frozen filesystem is fine.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "plan/below.h"
#include "plan/levels.h"
#include "plan/mounts.h"
#include "plan/needed.h"
#include "plan/plan.h"
#include "plan/reach.h"

#define OPEN_DIR	(O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK)

/* What plan_make() works with. */
struct planner {
	struct plan *plan;
	const struct plan_request *req;
	const struct machine *machine;
	struct findings *f;
	/* the text of /proc/filesystems, or NULL */
	char *filesystems;
	struct needed needed;
	/* 0, or the error to return */
	int error;
};

static void wrong(struct planner *p)
{
	p->error = -EINVAL;
}

static void failed(struct planner *p, int error)
{
	if (p->error != -EINVAL)
		p->error = error;
}

static int out_of_memory(struct planner *p)
{
	findings_add(p->f, EXIT_CODE_SYSTEM, NULL, "out of memory");
	failed(p, -ENOMEM);
	return -ENOMEM;
}

/*
 * The kernel lists the types that need a block device without "nodev". The device number alone
 * doesn't tell: btrfs has an anonymous one.
 */
static bool is_on_block_device(const struct planner *p, const struct mount_entry *e)
{
	size_t len = strcspn(e->fstype, ".");
	const char *line, *next;

	if (e->major)
		return true;
	if (!p->filesystems)
		return !e->pseudo && !strncmp(e->source, "/dev/", strlen("/dev/"));
	for (line = p->filesystems; *line; line = next) {
		size_t n = strcspn(line, "\n");

		next = line + n + (line[n] == '\n');
		if (n == len + 1 && line[0] == '\t' && !memcmp(line + 1, e->fstype, len))
			return true;
	}
	return false;
}

/* Does anybody keep files there, although it isn't on a block device? */
static bool holds_files(const struct mount_entry *e)
{
	return e->network || mounts_is_overlay(e) || !e->pseudo ||
	       (mounts_is_fuse(e) && strncmp(e->fstype, "fuse.", strlen("fuse.")));
}

static int find_root(struct planner *p)
{
	int ret = needed_root(&p->needed, p->plan, p->machine);

	if (ret == -ENODEV) {
		findings_add(p->f, EXIT_CODE_SYSTEM, "/",
			     "cannot find the root filesystem in the mount table, so it cannot be kept from freezing");
		failed(p, ret);
	} else if (ret) {
		out_of_memory(p);
	}
	return ret;
}

/* Add the superblock of a mount; NULL without memory, which is a finding then. */
static struct plan_target *target_add(struct planner *p, const struct mount_entry *e)
{
	struct plan_target *t = plan_add(p->plan, e);

	if (!t) {
		out_of_memory(p);
		return NULL;
	}
	t->on_disk = !e->network && !mounts_is_fuse(e) && is_on_block_device(p, e);
	t->is_root = below_has(&p->needed.root_on, e->major, e->minor);
	return t;
}

/* Why a path can't be opened, and whose fault that is */
static void open_failed(struct planner *p, const char *path, int error)
{
	int code = EXIT_CODE_USAGE;
	const char *advice = "";

	switch (error) {
	case -ENOENT:
		findings_add(p->f, code, path,
			     *path ? "does not exist" : "the path is empty; name a mount point");
		wrong(p);
		return;
	case -ENOTDIR:
		findings_add(p->f, code, path,
			     "is not a directory; name the mount point or a directory on it");
		wrong(p);
		return;
	case -EACCES:
	case -EPERM:
		advice = "; run this as root";
		wrong(p);
		break;
	case -ELOOP:
	case -ENAMETOOLONG:
		wrong(p);
		break;
	default:
		code = EXIT_CODE_SYSTEM;
		failed(p, error);
	}
	findings_add(p->f, code, path, "cannot be opened: %s%s", strerror(-error), advice);
}

static bool can_freeze(const struct planner *p, int fd)
{
	return !p->req->can_freeze || p->req->can_freeze(p->req->can_freeze_ctx, fd) != 0;
}

static bool is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return !strncmp(path, directory, len) && (path[len] == '\0' || path[len] == '/');
}

/* May a named path be frozen? Says why not. */
static bool check_named(struct planner *p, const char *path, const struct mount_entry *e, int fd)
{
	if (p->req->survey)
		return true;
	if (mounts_same_superblock(e, p->needed.root) && !p->req->allow_root) {
		findings_add(p->f, EXIT_CODE_USAGE, path,
			     "is on the root filesystem (%s): freezing that stops the whole machine, so it needs --allow-root",
			     e->mountpoint);
		wrong(p);
		return false;
	}
	if (below_has(&p->needed.root_on, e->major, e->minor) && !p->req->allow_root) {
		findings_add(p->f, EXIT_CODE_USAGE, path,
			     "is on %s, and the root filesystem lies on that: freezing it stops the whole machine, so it needs --allow-root",
			     e->mountpoint);
		wrong(p);
		return false;
	}
	if (mounts_is_overlay(e)) {
		findings_add(p->f, EXIT_CODE_USAGE, path,
			     "is on an overlay (%s), which cannot be frozen; name the filesystem that holds its upper directory",
			     e->mountpoint);
		wrong(p);
		return false;
	}
	if ((e->pseudo && !e->major) || !can_freeze(p, fd)) {
		findings_add(p->f, EXIT_CODE_USAGE, path,
			     "is on %s (%s), a filesystem that cannot be frozen; name a directory on a disk's filesystem",
			     e->fstype, e->mountpoint);
		wrong(p);
		return false;
	}
	return true;
}

/*
 * A mount point that fstab has and that nothing is mounted on (nofail): whoever names it, or what
 * is below it, does not mean the filesystem above.
 */
static bool check_mounted(struct planner *p, const char *path, const struct mount_entry *e, int fd)
{
	struct text_list known = { 0 };
	char real[PATH_MAX];
	bool good = true;
	size_t i;

	if (p->req->survey || p->machine->real_path(fd, real, sizeof(real)) < 0 ||
	    mounts_fstab(p->machine->fstab, &known))
		goto free_known;
	for (i = 0; good && i < known.n; i++) {
		const struct mount_entry *at = mounts_at(&p->plan->mounts, known.v[i]);

		/* What is mounted below it by hand is what was meant. */
		if (!is_below(real, known.v[i]) || is_below(e->mountpoint, known.v[i]) || !at ||
		    !strcmp(at->mountpoint, known.v[i]))
			continue;
		findings_add(p->f, EXIT_CODE_NOT_READY, path,
			     "is on %s, because nothing is mounted on %s, a mount point of %s; mount it, or remove it there",
			     e->mountpoint, known.v[i], p->machine->fstab);
		failed(p, -ENODEV);
		good = false;
	}
free_known:
	text_list_free(&known);
	return good;
}

/* Add the superblock that an open path is on; takes the fd */
static void add_named(struct planner *p, const char *path, int fd)
{
	const struct mount_entry *e;
	struct plan_target *t;
	int id;

	id = p->machine->mount_id(fd);
	if (id < 0) {
		findings_add(p->f, EXIT_CODE_SYSTEM, path,
			     "cannot find its mount: %s", strerror(-id));
		failed(p, id);
		goto close_fd;
	}
	e = mounts_find(&p->plan->mounts, id);
	if (!e) {
		findings_add(p->f, EXIT_CODE_USAGE, path,
			     "is on a mount that is not in this mount namespace, or was unmounted lazily; run this where it is mounted, with nsenter --mount");
		wrong(p);
		goto close_fd;
	}
	if (!check_mounted(p, path, e, fd) || !check_named(p, path, e, fd))
		goto close_fd;
	if (plan_find(p->plan, e))
		goto close_fd;
	t = target_add(p, e);
	if (!t)
		goto close_fd;
	t->named = true;
	t->fd = fd;
	if (t->read_only && !p->req->survey) {
		findings_add(p->f, EXIT_CODE_DONE, path,
			     "is on a read-only filesystem (%s), which nothing can write to; it is left out",
			     e->mountpoint);
		if (plan_skip(t, "it is read-only"))
			out_of_memory(p);
	}
	return;

close_fd:
	close(fd);
}

static const char *boot_mountpoint(const struct plan_target *t)
{
	size_t i;

	for (i = 0; i < t->n_mountpoints; i++) {
		const char *path = t->mountpoints[i];

		if (is_below(path, "/boot") || is_below(path, "/efi"))
			return path;
	}
	return NULL;
}

/* Is one of its mount points among those that were excluded? */
static bool is_excluded(const struct planner *p, const struct plan_target *t)
{
	size_t i, k;

	for (i = 0; i < p->req->n_exclude; i++)
		for (k = 0; k < t->n_mountpoints; k++)
			if (!strcmp(p->req->exclude[i], t->mountpoints[k]))
				return true;
	return false;
}

/* Why --all leaves a superblock out, as far as that is known without opening it */
static int skip_unopened(struct planner *p, struct plan_target *t, const struct mount_entry *e)
{
	const char *boot = boot_mountpoint(t);

	if (t->is_root)
		return plan_skip(t, mounts_same_superblock(e, p->needed.root) ?
				 "it is the root filesystem" : "the root filesystem lies on it");
	if (e->network)
		return plan_skip(t, "it is a network filesystem, which cannot be frozen from here");
	if (mounts_is_overlay(e))
		return plan_skip(t,
				 "an overlay cannot be frozen; what is written to it is on the filesystem of its upper directory");
	if (boot)
		return plan_skip(t, "it is mounted on %s, which the machine boots from", boot);
	if (t->read_only)
		return plan_skip(t, "it is read-only");
	if (mounts_is_fuse(e))
		return plan_skip(t, "%s cannot be frozen", t->fstype);
	if (is_excluded(p, t))
		return plan_skip(t, "it is excluded by the configuration");
	return needed_skip(&p->needed, t);
}

/* Open a superblock by a mount point, and call it by that; 0, or -errno of why there's none */
static int open_mountpoint(struct planner *p, struct plan_target *t)
{
	const struct mount_entry *by;
	char *path;
	int fd;

	fd = reach_superblock(&p->plan->mounts, p->machine, t->major, t->minor, OPEN_DIR, &by);
	if (fd < 0)
		return fd;
	path = strdup(by->mountpoint);
	if (!path) {
		close(fd);
		return -ENOMEM;
	}
	free(t->path);
	t->path = path;
	t->fd = fd;
	return 0;
}

/* No mount point of a superblock that isn't named could be opened */
static int not_opened(struct planner *p, struct plan_target *t, int error)
{
	switch (error) {
	case -ENOMEM:
		return -ENOMEM;
	case -EHOSTUNREACH:
		findings_add(p->f, EXIT_CODE_DONE, t->path,
			     "is mounted below a network or FUSE filesystem, where opening it could wait for ever; it is left out unless it is named");
		return plan_skip(t,
				 "it is mounted below a network or FUSE filesystem; to freeze it, name it");
	case -ESTALE:
	case -ENOENT:
		findings_add(p->f, EXIT_CODE_DONE, t->path,
			     "is hidden below another mount; it is left out");
		return plan_skip(t, "it is hidden below another mount");
	case -ENOTDIR:
		return plan_skip(t, "only single files of it are mounted here");
	}
	if (p->req->survey)
		findings_add(p->f, EXIT_CODE_DONE, t->path, "cannot be opened: %s",
			     strerror(-error));
	else
		open_failed(p, t->path, error);
	return plan_skip(t, "it cannot be opened: %s", strerror(-error));
}

/* Add the superblock of a mount that nobody named */
static int add_found(struct planner *p, const struct mount_entry *e)
{
	struct plan_target *t = target_add(p, e);
	int ret;

	if (!t)
		return -ENOMEM;
	if (!p->req->survey) {
		ret = skip_unopened(p, t, e);
		if (ret || t->skip)
			return ret;
	} else if (mounts_is_fuse(e)) {
		return plan_skip(t, "%s cannot be frozen", t->fstype);
	}
	ret = open_mountpoint(p, t);
	if (ret)
		return not_opened(p, t, ret);
	if (p->req->survey)
		return 0;
	if (!can_freeze(p, t->fd))
		return plan_skip(t, "%s cannot be frozen", t->fstype);
	if (!is_on_block_device(p, e))
		return plan_skip(t, "it is not on a block device; to freeze it, name it");
	return needed_skip_lost(&p->needed, t);
}

static void warn_of_excluded(struct planner *p)
{
	size_t i, k;

	for (i = 0; i < p->req->n_exclude; i++) {
		for (k = 0; k < p->plan->mounts.n; k++)
			if (!strcmp(p->req->exclude[i], p->plan->mounts.v[k].mountpoint))
				break;
		if (k == p->plan->mounts.n)
			findings_add(p->f, EXIT_CODE_DONE, p->req->exclude[i],
				     "is excluded by the configuration, but nothing is mounted there; exclude names mount points");
	}
}

static void add_all(struct planner *p)
{
	size_t i;

	for (i = 0; i < p->plan->mounts.n; i++) {
		const struct mount_entry *e = &p->plan->mounts.v[i];
		bool wanted = !e->network && is_on_block_device(p, e);

		if (plan_find(p->plan, e) || (!wanted && (p->req->survey || !holds_files(e))))
			continue;
		if (add_found(p, e)) {
			out_of_memory(p);
			return;
		}
	}
	if (p->req->all)
		warn_of_excluded(p);
}

/* Read what the plan is made from */
static int look(struct planner *p)
{
	struct plan *plan = p->plan;
	int ret = mounts_read(&plan->mounts, p->machine->mountinfo);

	if (ret) {
		findings_add(p->f, EXIT_CODE_SYSTEM, p->machine->mountinfo,
			     "cannot read the mount table: %s", strerror(-ret));
		failed(p, ret);
		return ret;
	}
	if (plan->mounts.n_unreadable)
		findings_add(p->f, EXIT_CODE_DONE, p->machine->mountinfo,
			     "%zu lines of the mount table are malformed; their mounts are left out",
			     plan->mounts.n_unreadable);
	p->filesystems = text_read(AT_FDCWD, p->machine->filesystems);
	if (!p->filesystems)
		findings_add(p->f, EXIT_CODE_DONE, p->machine->filesystems,
			     "cannot be read: %s; a filesystem without a device number, as btrfs, is on a block device if its source is one",
			     strerror(errno));
	return 0;
}

int plan_make(struct plan *plan, const struct plan_request *req, struct findings *f)
{
	struct planner p = {
		.plan = plan, .req = req, .f = f,
		.machine = req->machine ? req->machine : &machine_real,
	};
	int *fds, ret;
	size_t i;

	*plan = (struct plan){};
	fds = calloc(req->n_paths + 1, sizeof(*fds));
	if (!fds)
		return out_of_memory(&p);
	for (i = 0; i < req->n_paths; i++)
		fds[i] = p.machine->open(req->paths[i], OPEN_DIR);
	if (look(&p))
		goto close_fds;
	plan->v = calloc(plan->mounts.n + 1, sizeof(*plan->v));
	if (!plan->v) {
		out_of_memory(&p);
		goto free_filesystems;
	}
	ret = find_root(&p);
	for (i = 0; i < req->n_paths; i++) {
		if (fds[i] >= 0)
			add_named(&p, req->paths[i], fds[i]);
		else
			open_failed(&p, req->paths[i], fds[i]);
		fds[i] = -1;
	}
	if (!ret && req->all && !req->survey && needed_find(&p.needed, req->needed))
		out_of_memory(&p);
	if (req->all || req->survey)
		add_all(&p);
	if (!p.error && !req->survey) {
		ret = levels_assign(plan, &plan->mounts, p.machine, f);
		if (ret)
			failed(&p, ret);
	}
	if (p.error)
		plan_close(plan);
	needed_free(&p.needed);
free_filesystems:
	free(p.filesystems);
close_fds:
	for (i = 0; i < req->n_paths; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(fds);
	return p.error;
}
