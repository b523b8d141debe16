// SPDX-License-Identifier: GPL-2.0-only
/* files: where applications' hooks and files lie, compared with what is frozen */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/files.h"
#include "lease/preflight.h"
#include "plan/reach.h"

/**
 * files_of_hooks() - what is used while filesystems are frozen so that hooks can be called
 * @config: where the records are
 * @hooks: the hooks; those that are not called use nothing
 * @files: gets the paths
 *
 * Return: 0 or -ENOMEM.
 */
int files_of_hooks(const struct config *config, const struct hooks *hooks,
		   struct text_list *files)
{
	char *above = text_format("%s/..", config->run_dir), *slash;
	size_t i;
	int ret = above ? 0 : -ENOMEM;

	if (!ret && hooks_n_called(hooks)) {
		/* It is made where it is missing. */
		slash = strrchr(config->run_dir, '/');
		if (access(config->run_dir, F_OK) && slash > config->run_dir)
			above[slash - config->run_dir] = '\0';
		else
			strcpy(above, config->run_dir);
		ret = text_list_add(files, above);
	}
	free(above);
	for (i = 0; !ret && i < hooks->n; i++)
		if (!hooks->v[i].skip)
			ret = preflight_files(hooks->v[i].path, files);
	return ret;
}

/* Overlays may be stacked; the kernel allows two. */
#define OVERLAYS_MAX	8

/*
 * The mount that a path's files are kept on: below an overlay its upper directory's. What cannot
 * be reached at once is not opened.
 */
static int find_mount(const struct files_check *check, const char *path,
		      const struct mount_entry **e)
{
	const struct mounts *m = &check->plan->mounts;
	struct text_list layers = { 0 };
	bool writable = true;
	int i, ret;

	ret = reach_path(m, check->machine, path, NULL, e);
	for (i = 0; (!ret || ret == -EHOSTUNREACH) && mounts_is_overlay(*e); i++) {
		if (i == OVERLAYS_MAX)
			return -ELOOP;
		ret = mounts_layers(*e, &layers, &writable);
		if (!ret && !writable) {
			text_list_free(&layers);
			return 0;
		}
		if (!ret)
			ret = reach_path(m, check->machine, layers.v[0], NULL, e);
		text_list_free(&layers);
	}
	return ret == -EHOSTUNREACH ? 0 : ret;
}

/* Is it kept on a disk, so that a sync brings it there? */
static bool can_be_synced(const struct mount_entry *e)
{
	return !e->network && !e->pseudo && !mounts_is_fuse(e);
}

/* One of an application's paths */
static bool is_frozen(const struct files_check *check, const char *app, const char *path,
		      bool allowed)
{
	const char *advice = allowed ? "that is allowed" :
			     "freeze that filesystem too, or allow it with --allow-unfrozen or allow_unfrozen = yes in [hook NAME]";
	int code = allowed ? EXIT_CODE_DONE : EXIT_CODE_NOT_READY;
	const struct plan_target *t;
	const struct mount_entry *e;
	int ret;

	ret = find_mount(check, path, &e);
	if (ret) {
		findings_add(check->findings, code, app,
			     "has files in %s, and on which filesystem that is cannot be found: %s; %s",
			     path, strerror(-ret), advice);
		return allowed;
	}
	t = plan_find(check->plan, e);
	if (e->read_only || (t && !t->skip))
		return true;
	findings_add(check->findings, code, app,
		     "has files in %s, which is on %s (%s), and that is not frozen: %s; %s", path,
		     e->mountpoint, e->fstype,
		     t ? t->skip : "it is not among what is to be frozen", advice);
	if (allowed && check->sync && can_be_synced(e) &&
	    sync_begin(check->sync, check->plan, e, true)) {
		findings_add(check->findings, EXIT_CODE_SYSTEM, NULL, "out of memory");
		return false;
	}
	return allowed;
}

/**
 * files_are_frozen() - are an application's files on what is frozen, as far as its paths are known?
 * @check: with what they are compared
 * @app: its hook's name
 * @paths: what its hook says; what is configured is added
 *
 * Return: whether they are, or that is not asked for.
 */
bool files_are_frozen(const struct files_check *check, const char *app,
		      const struct text_list *paths)
{
	const struct config_hook *section = config_hook(check->config, app);
	bool allowed = check->allow_unfrozen || (section && section->allow_unfrozen);
	bool good = true;
	size_t i;

	for (i = 0; i < paths->n; i++)
		good &= is_frozen(check, app, paths->v[i], allowed);
	for (i = 0; section && i < section->paths.n; i++)
		good &= is_frozen(check, app, section->paths.v[i], allowed);
	return good;
}

/** files_of_record_are_frozen() - the same for all applications, but for those that are stopped and skipped */
bool files_of_record_are_frozen(const struct files_check *check, const struct record *record)
{
	bool good = true;
	size_t i;

	for (i = 0; i < record->n_apps; i++)
		if (record->apps[i].state != RECORD_APP_STOPPED)
			good &= files_are_frozen(check, record->apps[i].name,
						 &record->apps[i].paths);
	return good;
}
