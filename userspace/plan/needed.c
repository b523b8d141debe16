// SPDX-License-Identifier: GPL-2.0-only
/* needed: what must work to get from a freeze to its thaw, and what that lies on */
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "plan/needed.h"
#include "plan/reach.h"

/*
 * What must work to get from the pre-script to the post-script. A filesystem that one of these lies
 * on, be it through a loop device or an overlay, is frozen only if it is named: with --all every run
 * would end at the deadline. What doesn't exist isn't needed.
 */
static const struct {
	const char *path, *whose;
} always[] = {
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

/**
 * needed_root() - find the root filesystem, and what it lies on
 * @needed: zero; needed_free() it
 * @plan: its mount table is read
 * @machine: the machine
 *
 * Return: 0; -ENODEV the mount table has none; -ENOMEM.
 */
int needed_root(struct needed *needed, const struct plan *plan, const struct machine *machine)
{
	needed->root_on = (struct below){
		.mounts = &plan->mounts, .machine = machine, .plan = plan,
	};
	needed->root = mounts_at(&plan->mounts, "/");
	if (!needed->root)
		return -ENODEV;
	return below_find(&needed->root_on, needed->root->major, needed->root->minor);
}

/* What the root filesystem lies on is left out anyway, and one reason is enough for the others. */
static bool is_known(const struct needed *needed, const struct mount_entry *e)
{
	size_t i;

	for (i = 0; i < needed->n; i++)
		if (needed->v[i].on.nodes[0].major == e->major &&
		    needed->v[i].on.nodes[0].minor == e->minor)
			return true;
	return mounts_same_superblock(e, needed->root);
}

static int add(struct needed *needed, const char *path, const char *whose)
{
	const struct below *root = &needed->root_on;
	const struct mount_entry *e;
	struct need *need;
	int ret;

	ret = reach_path(root->mounts, root->machine, path, NULL, &e);
	if ((ret && ret != -EHOSTUNREACH) || is_known(needed, e))
		return ret == -ENOMEM ? ret : 0;
	need = APPEND(needed->v, needed->n);
	if (!need)
		return -ENOMEM;
	need->path = path;
	need->whose = whose;
	need->on = (struct below){
		.mounts = root->mounts, .machine = root->machine, .plan = root->plan,
	};
	ret = below_find(&need->on, e->major, e->minor);
	if (ret)
		needed->n--;
	return ret;
}

/**
 * needed_find() - find what is needed, and what that lies on
 * @needed: with its root
 * @more: files and directories that are needed too, and outlive @needed; or NULL
 *
 * Return: 0 or -ENOMEM.
 */
int needed_find(struct needed *needed, const struct text_list *more)
{
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < ARRAY_SIZE(always); i++)
		ret = add(needed, always[i].path, always[i].whose);
	for (i = 0; !ret && more && i < more->n; i++)
		ret = add(needed, more->v[i], NULL);
	return ret;
}

static int skip_for(struct plan_target *t, const struct need *need)
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

/**
 * needed_skip() - leave a superblock out if something that is needed lies on it
 * @needed: what is needed
 * @t: the superblock
 *
 * Return: 0 or -ENOMEM.
 */
int needed_skip(const struct needed *needed, struct plan_target *t)
{
	size_t i;

	for (i = 0; i < needed->n; i++)
		if (below_has(&needed->v[i].on, t->major, t->minor))
			return skip_for(t, &needed->v[i]);
	return 0;
}

/**
 * needed_skip_lost() - leave a superblock out that may hold what could not be found
 * @needed: what is needed
 * @t: the superblock, open
 *
 * Return: 0 or -ENOMEM.
 */
int needed_skip_lost(const struct needed *needed, struct plan_target *t)
{
	size_t i;

	if (below_may_have(&needed->root_on, t))
		return plan_skip(t,
				 "the root filesystem may lie on it: it is on %s; to freeze it, name it",
				 needed->root_on.what);
	for (i = 0; i < needed->n; i++)
		if (below_may_have(&needed->v[i].on, t))
			return plan_skip(t,
					 "%s may lie on it: that is on %s; to freeze it, name it",
					 needed->v[i].path, needed->v[i].on.what);
	return 0;
}

/** needed_free() - forget all of it */
void needed_free(struct needed *needed)
{
	size_t i;

	for (i = 0; i < needed->n; i++)
		below_free(&needed->v[i].on);
	free(needed->v);
	below_free(&needed->root_on);
	*needed = (struct needed){ 0 };
}
