// SPDX-License-Identifier: GPL-2.0-only
/* hooks: finding them; nothing is run here */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/hooks.h"
#include "base/safe_path.h"
#include "base/text.h"
#include "base/util.h"

#define SESSION_SUFFIX	".session"

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && !strcmp(text + len - n, end);
}

/* What editors and package managers leave behind. */
static bool is_left_over(const char *file)
{
	static const char *const ends[] = { "~", ".bak", ".orig", ".rej", ".sample", ".swp" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends_in(file, ends[i]))
			return true;
	return file[0] == '.' || strstr(file, ".dpkg-") || strstr(file, ".rpm");
}

/* "20-mysql.session" is called mysql. */
static char *name_of(const char *file)
{
	size_t digits = strspn(file, "0123456789");
	char *name;

	if (digits && file[digits] == '-' && file[digits + 1])
		file += digits + 1;
	name = text_copy(file);
	if (name && ends_in(name, SESSION_SUFFIX) && strlen(name) > strlen(SESSION_SUFFIX))
		name[strlen(name) - strlen(SESSION_SUFFIX)] = '\0';
	return name;
}

static void skip(struct hook *hook, bool wrong, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void skip(struct hook *hook, bool wrong, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	if (hook->skip)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	hook->skip = text_copy(text);
	hook->wrong = wrong || !hook->skip;
}

/* It is run as root: only root may decide what its path leads to. */
static void check_path(struct hook *hook, const char *path)
{
	char why[SAFE_PATH_TEXT_MAX];

	if (safe_path(path, why))
		skip(hook, true, "%s", why);
}

/* Even in a sticky directory others could add a hook. */
static void check_directory(struct hook *hook, const char *dir)
{
	struct stat st;

	if (!stat(dir, &st) && st.st_mode & (S_IWGRP | S_IWOTH))
		skip(hook, true,
		     "%s belongs to user %u and has mode %03o, so a user other than root could change what root runs; chown root and chmod go-w it",
		     dir, st.st_uid, st.st_mode & 0777);
}

static const struct text_list no_env;

static int add(struct hooks *hooks, const struct config *config, const char *dir, const char *file)
{
	const struct config_hook *own;
	struct hook *hook = APPEND(hooks->v, hooks->n);
	size_t i;

	if (!hook)
		return -ENOMEM;
	*hook = (struct hook){
		.name = name_of(file),
		.session = ends_in(file, SESSION_SUFFIX),
		.timeout_ms = config->hook_timeout_ms,
		.thaw_timeout_ms = config->thaw_timeout_ms,
		.env = &no_env,
	};
	hook->path = text_format("%s/%s", dir, file);
	if (!hook->name || !hook->path) {
		free(hook->name);
		free(hook->path);
		hooks->n--;
		return -ENOMEM;
	}
	own = config_hook(config, hook->name);
	if (own) {
		if (own->timeout_ms)
			hook->timeout_ms = own->timeout_ms;
		if (own->thaw_timeout_ms)
			hook->thaw_timeout_ms = own->thaw_timeout_ms;
		hook->env = &own->env;
		if (!own->enabled)
			skip(hook, false, "it is disabled in %s, [hook %s]", config->file,
			     hook->name);
	}
	for (i = 0; hook->name[i]; i++)
		if (!isgraph((unsigned char)hook->name[i]) || hook->name[i] == '%')
			skip(hook, true,
			     "byte %zu of its name is not allowed; use printable ASCII without spaces",
			     i + 1);
	if (i > HOOK_NAME_MAX)
		skip(hook, true, "its name has %zu characters; at most %d are allowed", i,
		     HOOK_NAME_MAX);
	check_path(hook, hook->path);
	for (i = 0; i + 1 < hooks->n; i++)
		if (!strcmp(hooks->v[i].name, hook->name))
			skip(hook, true, "%s has the same name; remove or rename one of them",
			     hooks->v[i].path);
	return 0;
}

static bool is_hook(const char *dir, const char *file)
{
	char path[4096];
	struct stat st;

	if (is_left_over(file))
		return false;
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return !stat(path, &st) && S_ISREG(st.st_mode) && st.st_mode & 0111;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Every hook of a directory, or those of a name. A directory that isn't there has none. */
static int add_directory(struct hooks *hooks, const struct config *config, const char *dir,
			 const char *name, struct findings *findings)
{
	struct dirent **files;
	int i, n, r = 0;

	n = scandir(dir, &files, NULL, by_bytes);
	if (n < 0) {
		if (errno == ENOENT)
			return 0;
		r = -errno;
		findings_add(findings, EXIT_CODE_NOT_READY, dir,
			     "the hooks in it cannot be read: %s", strerror(errno));
		return r;
	}
	for (i = 0; i < n; i++) {
		char *called = name_of(files[i]->d_name);

		if (!called)
			r = -ENOMEM;
		else if (!r && is_hook(dir, files[i]->d_name) &&
			 (!name || !strcmp(called, name)))
			r = add(hooks, config, dir, files[i]->d_name);
		free(called);
		free(files[i]);
	}
	free(files);
	return r;
}

static bool wanted(const struct text_list *apps, const char *name)
{
	size_t i;

	for (i = 0; i < apps->n; i++)
		if (!strcmp(apps->v[i], name))
			return true;
	return !apps->n;
}

static const struct hook *find(const struct hooks *hooks, const char *name)
{
	size_t i;

	for (i = 0; i < hooks->n; i++)
		if (!strcmp(hooks->v[i].name, name))
			return &hooks->v[i];
	return NULL;
}

/**
 * hooks_find() - which hooks there are, and which of them are to be called
 * @hooks: all of it is overwritten, also on an error; hooks_free() it
 * @config: what is in force; it has to live as long as @hooks
 * @apps: names: only these are called, those that come with freezeguard too; an empty list: all
 *	of hooks_dir
 * @findings: gets what is wrong, code 206, except for single hooks: see hooks_refuse()
 *
 * Return: 0 or a negative errno.
 */
int hooks_find(struct hooks *hooks, const struct config *config, const struct text_list *apps,
	       struct findings *findings)
{
	size_t i, before;
	int r;

	*hooks = (struct hooks){ 0 };
	r = add_directory(hooks, config, config->hooks_dir, NULL, findings);
	for (i = 0; !r && i < hooks->n; i++) {
		check_directory(&hooks->v[i], config->hooks_dir);
		if (!wanted(apps, hooks->v[i].name)) {
			free(hooks->v[i].skip);
			hooks->v[i].skip = NULL;
			skip(&hooks->v[i], false, "others are named");
		}
	}
	for (i = 0; !r && i < apps->n; i++) {
		const struct hook *known = find(hooks, apps->v[i]);

		before = hooks->n;
		if (!known)
			r = add_directory(hooks, config, config->shipped_dir, apps->v[i], findings);
		if (!known && !r && hooks->n == before)
			findings_add(findings, EXIT_CODE_NOT_READY, apps->v[i],
				     "there is no hook of this name in %s or %s; freezectl apps lists the hooks",
				     config->hooks_dir,
				     config->shipped_dir);
		else if (known && known->skip && !known->wrong)
			findings_add(findings, EXIT_CODE_NOT_READY, apps->v[i], "is not called: %s",
				     known->skip);
	}
	if (r == -ENOMEM)
		findings_add(findings, EXIT_CODE_SYSTEM, NULL, "out of memory");
	return r;
}

/**
 * hooks_refuse() - tell of every hook that ought to be called and cannot be
 * @hooks: what was found
 * @findings: gets one of code 206 for each
 */
void hooks_refuse(const struct hooks *hooks, struct findings *findings)
{
	size_t i;

	for (i = 0; i < hooks->n; i++)
		if (hooks->v[i].wrong)
			findings_add(findings, EXIT_CODE_NOT_READY, hooks->v[i].path,
				     "is not run: %s", hooks->v[i].skip);
}

/** hooks_n_called() - how many of them are to be called */
size_t hooks_n_called(const struct hooks *hooks)
{
	size_t i, n = 0;

	for (i = 0; i < hooks->n; i++)
		n += !hooks->v[i].skip;
	return n;
}

/** hooks_free() - free what hooks_find() filled */
void hooks_free(struct hooks *hooks)
{
	size_t i;

	for (i = 0; i < hooks->n; i++) {
		free(hooks->v[i].name);
		free(hooks->v[i].path);
		free(hooks->v[i].skip);
	}
	free(hooks->v);
	*hooks = (struct hooks){ 0 };
}
