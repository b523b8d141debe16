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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "plan/below.h"
#include "plan/levels.h"
#include "plan/mounts.h"
#include "plan/plan.h"
#include "plan/reach.h"

#define OPEN_DIR	(O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK)

/*
 * What must work to get from the pre-script to the post-script. A filesystem that one of these lies
 * on, be it through a loop device or an overlay, is frozen only if it is named: with --all every run
 * would end at the deadline. What doesn't exist isn't needed.
 */
static const struct {
	const char *path, *whose;
} needed[] = {
	{ "/var/lib/amazon/ssm", "the SSM agent's state" },
	{ "/var/log/amazon/ssm", "the SSM agent's log" },
	{ "/etc/amazon/ssm", "the SSM agent's configuration" },
	{ "/var/snap/amazon-ssm-agent", "the SSM agent's state, as a snap" },
	{ "/var/log/journal", "the system journal" },
	{ "/run/log/journal", "the system journal" },
	{ "/var/log/audit", "the audit log, for which audited processes wait" },
	{ "/tmp", "temporary files of the scripts that the SSM agent runs" },
	{ "/run", "the state of running services" },
	{ "/bin/sh", "the shell of the scripts that the SSM agent runs" },
};

/* One of them, and what it lies on. */
struct need {
	const char *path, *whose;
	struct below on;
};

/* What plan_make() works with. */
struct planner {
	struct plan *plan;
	const struct plan_request *req;
	const struct machine *machine;
	struct findings *f;
	/* the root filesystem's mount, and what it lies on */
	const struct mount_entry *root;
	struct below root_on;
	/* the text of /proc/filesystems, or NULL */
	char *filesystems;
	/* what is needed, one for each filesystem that isn't the root filesystem */
	struct need *needs;
	size_t n_needs;
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
	for (line = p->filesystems; line && *line; line = next) {
		size_t n = strcspn(line, "\n");

		next = line + n + (line[n] == '\n');
		if (n == len + 1 && line[0] == '\t' && !memcmp(line + 1, e->fstype, len))
			return true;
	}
	return false;
}

static struct below below_nothing(const struct planner *p)
{
	return (struct below){
		.mounts = &p->plan->mounts, .machine = p->machine, .plan = p->plan,
	};
}

static int find_root(struct planner *p)
{
	p->root = mounts_at(&p->plan->mounts, "/");
	if (!p->root) {
		findings_add(p->f, EXIT_CODE_SYSTEM, "/",
			     "cannot find the root filesystem in the mount table, so it cannot be kept from freezing");
		failed(p, -ENODEV);
		return -ENODEV;
	}
	p->root_on = below_nothing(p);
	return below_find(&p->root_on, p->root->major, p->root->minor) ? out_of_memory(p) : 0;
}

/* What the root filesystem lies on is left out anyway, and one reason is enough for the others. */
static bool is_known_need(const struct planner *p, const struct mount_entry *e)
{
	size_t i;

	for (i = 0; i < p->n_needs; i++)
		if (p->needs[i].on.nodes[0].major == e->major &&
		    p->needs[i].on.nodes[0].minor == e->minor)
			return true;
	return mounts_same_superblock(e, p->root);
}

static int add_need(struct planner *p, const char *path, const char *whose)
{
	const struct mount_entry *e;
	struct need *need;
	int ret;

	ret = reach_path(&p->plan->mounts, p->machine, path, NULL, &e);
	if ((ret && ret != -EHOSTUNREACH) || is_known_need(p, e))
		return ret == -ENOMEM ? ret : 0;
	need = APPEND(p->needs, p->n_needs);
	if (!need)
		return -ENOMEM;
	*need = (struct need){ .path = path, .whose = whose, .on = below_nothing(p) };
	return below_find(&need->on, e->major, e->minor);
}

static int find_needs(struct planner *p)
{
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < ARRAY_SIZE(needed); i++)
		ret = add_need(p, needed[i].path, needed[i].whose);
	for (i = 0; !ret && p->req->needed && i < p->req->needed->n; i++)
		ret = add_need(p, p->req->needed->v[i], NULL);
	return ret ? out_of_memory(p) : 0;
}

static void forget_needs(struct planner *p)
{
	size_t i;

	for (i = 0; i < p->n_needs; i++)
		below_free(&p->needs[i].on);
	free(p->needs);
	below_free(&p->root_on);
}

/* Add the superblock of a mount; NULL without memory, which is a finding then. */
static struct plan_target *target_add(struct planner *p, const struct mount_entry *e)
{
	struct plan_target *t = plan_add(p->plan, e);

	if (!t)
		out_of_memory(p);
	else
		t->is_root = below_has(&p->root_on, e->major, e->minor);
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

/* May a named path be frozen? Says why not. */
static bool check_named(struct planner *p, const char *path, const struct mount_entry *e, int fd)
{
	if (p->req->survey)
		return true;
	if (mounts_same_superblock(e, p->root) && !p->req->allow_root) {
		findings_add(p->f, EXIT_CODE_USAGE, path,
			     "is on the root filesystem (%s): freezing that stops the whole machine, so it needs --allow-root",
			     e->mountpoint);
		wrong(p);
		return false;
	}
	if (below_has(&p->root_on, e->major, e->minor) && !p->req->allow_root) {
		findings_add(p->f, EXIT_CODE_USAGE, path,
			     "is on %s, and the root filesystem lies on that: freezing it stops the whole machine, so it needs --allow-root",
			     e->mountpoint);
		wrong(p);
		return false;
	}
	if (!strcmp(e->fstype, "overlay")) {
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
	if (!check_named(p, path, e, fd))
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

static bool is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return !strncmp(path, directory, len) && (path[len] == '\0' || path[len] == '/');
}

/* As Data Lifecycle Manager's own script: everything whose path begins with /boot */
static const char *boot_mountpoint(const struct plan_target *t)
{
	size_t i;

	for (i = 0; i < t->n_mountpoints; i++) {
		const char *path = t->mountpoints[i];

		if (!strncmp(path, "/boot", 5) || is_below(path, "/efi"))
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

/* Something that is needed lies on it */
static int skip_needed(struct plan_target *t, const struct need *need)
{
	const struct below_node *itself = need->on.nodes;

	if (!need->whose)
		return plan_skip(t, "%s lies on it, which is used while filesystems are frozen",
				 need->path);
	if (itself->major == t->major && itself->minor == t->minor)
		return plan_skip(t,
				 "it holds %s (%s), which the thaw may depend on; to freeze it, name it",
				 need->path, need->whose);
	return plan_skip(t,
			 "%s (%s) lies on it, which the thaw may depend on; to freeze it, name it",
			 need->path, need->whose);
}

/* Why --all leaves a superblock out, as far as that is known without opening it */
static int skip_unopened(struct planner *p, struct plan_target *t, const struct mount_entry *e)
{
	const char *boot = boot_mountpoint(t);
	size_t i;

	if (t->is_root)
		return plan_skip(t, mounts_same_superblock(e, p->root) ?
				 "it is the root filesystem" : "the root filesystem lies on it");
	if (boot)
		return plan_skip(t, "it is mounted on %s, which the machine boots from", boot);
	if (t->read_only)
		return plan_skip(t, "it is read-only");
	if (mounts_is_fuse(e))
		return plan_skip(t, "%s cannot be frozen", t->fstype);
	if (is_excluded(p, t))
		return plan_skip(t, "it is excluded by the configuration");
	for (i = 0; i < p->n_needs; i++)
		if (below_has(&p->needs[i].on, t->major, t->minor))
			return skip_needed(t, &p->needs[i]);
	return 0;
}

/* Why --all leaves a superblock out that is open */
static int skip_opened(struct planner *p, struct plan_target *t)
{
	size_t i;

	if (!can_freeze(p, t->fd))
		return plan_skip(t, "%s cannot be frozen", t->fstype);
	if (below_may_have(&p->root_on, t))
		return plan_skip(t,
				 "the root filesystem may lie on it: it is on %s; to freeze it, name it",
				 p->root_on.what);
	for (i = 0; i < p->n_needs; i++)
		if (below_may_have(&p->needs[i].on, t))
			return plan_skip(t,
					 "%s may lie on it: that is on %s; to freeze it, name it",
					 p->needs[i].path, p->needs[i].on.what);
	return 0;
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
	return p->req->survey ? 0 : skip_opened(p, t);
}

static void add_all(struct planner *p)
{
	size_t i;

	for (i = 0; i < p->plan->mounts.n; i++) {
		const struct mount_entry *e = &p->plan->mounts.v[i];

		if (plan_find(p->plan, e) || e->network || !is_on_block_device(p, e))
			continue;
		if (add_found(p, e)) {
			out_of_memory(p);
			return;
		}
	}
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
	plan->v = calloc(plan->mounts.n + 1, sizeof(*plan->v));
	if (!plan->v)
		return out_of_memory(p);
	if (plan->mounts.n_unreadable)
		findings_add(p->f, EXIT_CODE_DONE, p->machine->mountinfo,
			     "%zu lines of the mount table are malformed; their mounts are left out",
			     plan->mounts.n_unreadable);
	p->filesystems = text_read(AT_FDCWD, p->machine->filesystems);
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
	find_root(&p);
	for (i = 0; i < req->n_paths; i++) {
		if (fds[i] >= 0)
			add_named(&p, req->paths[i], fds[i]);
		else
			open_failed(&p, req->paths[i], fds[i]);
		fds[i] = -1;
	}
	if (req->all && !req->survey && p.root)
		find_needs(&p);
	if (req->all || req->survey)
		add_all(&p);
	if (!p.error && !req->survey) {
		ret = levels_assign(plan, &plan->mounts, p.machine, f);
		if (ret)
			failed(&p, ret);
	}
	if (p.error)
		plan_close(plan);
	forget_needs(&p);
	free(p.filesystems);
close_fds:
	for (i = 0; i < req->n_paths; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(fds);
	return p.error;
}
