// SPDX-License-Identifier: GPL-2.0-only
/*
 * config: the only file that knows libinih. The file is read whole into a list of entries, with
 * their lines, and then applied: the defaults, [default], the profile. The sections of the other
 * profiles are applied too, to nothing, so that what is wrong in them is told before they are needed.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ini.h>

#include "base/config.h"
#include "base/duration.h"
#include "base/installed.h"
#include "base/secret.h"
#include "base/util.h"

#define AT(field)	offsetof(struct config, field)

const struct config_key config_keys[CONFIG_N_KEYS] = {
	{ "timeout", CONFIG_DURATION, AT(timeout_ms), false, "60s" },
	{ "script_timeout", CONFIG_DURATION, AT(script_timeout_ms), false, "8s" },
	{ "sync_budget", CONFIG_DURATION, AT(sync_budget_ms), false, NULL },
	{ "path", CONFIG_PATHS, AT(paths), false, NULL },
	{ "exclude", CONFIG_PATHS, AT(exclude), false, NULL },
	{ "allow_root", CONFIG_BOOL, AT(allow_root), false, "no" },
	{ "apps", CONFIG_BOOL, AT(call_apps), false, "yes" },
	{ "app", CONFIG_NAMES, AT(apps), false, NULL },
	{ "hook_timeout", CONFIG_DURATION, AT(hook_timeout_ms), false, "5s" },
	{ "thaw_timeout", CONFIG_DURATION, AT(thaw_timeout_ms), false, "5s" },
	{ "hooks_dir", CONFIG_PATH, AT(hooks_dir), true, "/etc/freezeguard/hooks.d" },
	{ "shipped_dir", CONFIG_PATH, AT(shipped_dir), true, NULL },
	{ "run_dir", CONFIG_PATH, AT(run_dir), true, "/run/freezeguard" },
	{ "keep_dir", CONFIG_PATH, AT(keep_dir), true, "/var/lib/freezeguard" },
};

/* One line of the file that sets something. */
struct entry {
	char *section, *name, *value;
	unsigned int line;
};

struct reader {
	FILE *stream;
	const char *file;
	struct findings *findings;
	unsigned int line;
	bool wrong, no_memory;
	mode_t mode;
	struct entry *v;
	size_t n;
};

static void wrong(struct reader *r, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void wrong(struct reader *r, unsigned int line, const char *fmt, ...)
{
	char target[4200], text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(target, sizeof(target), "%s:%u", r->file, line);
	findings_add(r->findings, EXIT_CODE_USAGE, target, "%s", text);
	r->wrong = true;
}

/* To a shell, a ';' is no comment: half a command would run, and no error would say so. */
static bool is_cut(const char *line)
{
	const char *at = line + strspn(line, " \t");

	if (strncmp(at, "env.", strlen("env.")))
		return false;
	for (; (at = strchr(at, ';')); at++)
		if (isspace((unsigned char)at[-1]))
			return true;
	return false;
}

/*
 * For the library, as fgets(). It counts the lines, and what the library would take in pieces, or
 * for the end of the file, is told here.
 */
static char *next_line(char *buf, int size, void *arg)
{
	struct reader *r = arg;
	size_t len;
	int c;

	if (!fgets(buf, size, r->stream))
		return NULL;
	r->line++;
	len = strlen(buf);
	if (is_cut(buf)) {
		wrong(r, r->line,
		      "a ';' behind a space begins a comment; write it without the space, or put the command into a script");
		strcpy(buf + strspn(buf, " \t"), buf[len - 1] == '\n' ? ";\n" : ";");
		len = strlen(buf);
	}
	if (len && buf[len - 1] == '\n')
		return buf;
	c = getc(r->stream);
	if (c == EOF && len)
		return buf;
	wrong(r, r->line, len + 1 < (size_t)size ? "contains a null byte; this is not a text file" :
	      "is longer than %zu characters; split a long list into several lines with the same key",
	      len);
	while (c != EOF && c != '\n')
		c = getc(r->stream);
	strcpy(buf, "\n");
	return buf;
}

static int each(void *arg, const char *section, const char *name, const char *value)
{
	struct reader *r = arg;
	struct entry *e = APPEND(r->v, r->n);

	if (!e) {
		r->no_memory = true;
		return 1;
	}
	e->section = text_copy(section);
	e->name = text_copy(name);
	e->value = text_copy(value);
	e->line = r->line;
	r->no_memory |= !e->section || !e->name || !e->value;
	return 1;
}

static bool parse_bool(const char *text, bool *value)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };
	size_t i;

	for (i = 0; i < 4; i++) {
		if (!strcasecmp(text, yes[i]) || !strcasecmp(text, no[i])) {
			*value = !strcasecmp(text, yes[i]);
			return true;
		}
	}
	return false;
}

static bool parse_duration(struct reader *r, const struct entry *e, uint32_t *ms)
{
	uint64_t value;

	if (duration_parse(e->value, &value) || value > UINT32_MAX) {
		wrong(r, e->line,
		      "%s: '%s' is not a duration above 0; write it like 30, 90s, 1min 30s or 500ms",
		      e->name, e->value);
		return false;
	}
	*ms = (uint32_t)value;
	return true;
}

static bool parse_yes_no(struct reader *r, const struct entry *e, bool *value)
{
	if (parse_bool(e->value, value))
		return true;
	wrong(r, e->line, "%s: '%s' is neither yes nor no", e->name, e->value);
	return false;
}

/* Without @e the default is meant. @first: of several values of the same section. */
static void set(struct reader *r, struct config *config, const struct config_key *key,
		const struct entry *e, bool first)
{
	void *place = (char *)config + key->offset;
	char *text;
	size_t n;

	switch (key->type) {
	case CONFIG_DURATION:
		parse_duration(r, e, place);
		return;
	case CONFIG_BOOL:
		parse_yes_no(r, e, place);
		return;
	case CONFIG_PATH:
		if (e->value[0] != '/') {
			wrong(r, e->line, "%s: '%s' is not an absolute path", e->name, e->value);
			return;
		}
		text = text_copy(e->value);
		if (!text) {
			r->no_memory = true;
			return;
		}
		free(*(char **)place);
		*(char **)place = text;
		return;
	case CONFIG_PATHS:
		if (e->value[0] != '/') {
			wrong(r, e->line,
			      "%s: '%s' is not an absolute path; write several paths as several lines",
			      e->name, e->value);
			return;
		}
		break;
	case CONFIG_NAMES:
		if (!e->value[0] || strpbrk(e->value, "/ \t,")) {
			wrong(r, e->line,
			      "%s: '%s' is not the name of one hook; write several hooks as several lines",
			      e->name, e->value);
			return;
		}
	}
	if (first)
		text_list_free(place);
	text = text_copy(e->value);
	/* "/data/" is the mount point "/data". */
	for (n = text ? strlen(text) : 0; n > 1 && text[n - 1] == '/'; n--)
		text[n - 1] = '\0';
	if (!text || text_list_add(place, text))
		r->no_memory = true;
	free(text);
}

static bool is_list(const struct config_key *key)
{
	return key->type == CONFIG_PATHS || key->type == CONFIG_NAMES;
}

static void unknown_key(struct reader *r, const struct entry *e, const char *section)
{
	char known[512] = "";
	size_t i, used = 0;

	for (i = 0; i < CONFIG_N_KEYS; i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 used ? ", " : "", config_keys[i].name);
	wrong(r, e->line, "unknown key '%s' in [%s]; known are %s", e->name, section, known);
}

/* All entries of a section [default] or [profile NAME]. */
static void apply_section(struct reader *r, struct config *config, const char *section,
			  bool profile)
{
	unsigned int lines[CONFIG_N_KEYS] = { 0 };
	size_t i, k;

	for (i = 0; i < r->n; i++) {
		const struct entry *e = &r->v[i];

		if (strcmp(e->section, section))
			continue;
		for (k = 0; k < CONFIG_N_KEYS; k++)
			if (!strcmp(e->name, config_keys[k].name))
				break;
		if (k == CONFIG_N_KEYS) {
			unknown_key(r, e, section);
			continue;
		}
		if (profile && config_keys[k].machine) {
			wrong(r, e->line, "%s belongs in [default]", e->name);
			continue;
		}
		if (lines[k] && !is_list(&config_keys[k])) {
			wrong(r, e->line, "%s is already set in line %u; remove one of them",
			      e->name, lines[k]);
			continue;
		}
		set(r, config, &config_keys[k], e, !lines[k]);
		if (!lines[k])
			config->from[k] = (struct config_from){ .line = e->line,
								.profile = profile };
		lines[k] = e->line;
	}
}

static void set_defaults(struct reader *r, struct config *config)
{
	char hooks[4096];
	size_t k;

	for (k = 0; k < CONFIG_N_KEYS; k++) {
		struct entry e = {
			.name = (char *)config_keys[k].name,
			.value = (char *)config_keys[k].otherwise,
		};

		if (config_keys[k].offset == AT(shipped_dir))
			e.value = (char *)installed_hooks(hooks);
		if (e.value)
			set(r, config, &config_keys[k], &e, true);
	}
}

static struct config_hook *hook_of(struct reader *r, struct config *config, const char *name,
				   unsigned int line)
{
	struct config_hook *hook;
	char *copy;
	size_t i;

	for (i = 0; i < config->n_hooks; i++)
		if (!strcmp(config->hooks[i].name, name))
			return &config->hooks[i];
	copy = text_copy(name);
	hook = copy ? APPEND(config->hooks, config->n_hooks) : NULL;
	if (!hook) {
		r->no_memory = true;
		free(copy);
		return NULL;
	}
	*hook = (struct config_hook){ .name = copy, .line = line, .enabled = true };
	return hook;
}

static void apply_env(struct reader *r, struct config_hook *hook, const struct entry *e)
{
	const char *name = e->name + strlen("env.");
	const char *exposed = secret_exposed(name, e->value, r->mode);
	size_t i, len = strlen(name);
	char *text;

	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			break;
	if (!len || i < len || isdigit((unsigned char)name[0])) {
		wrong(r, e->line, "'%s' cannot be the name of an environment variable", name);
		return;
	}
	if (!strncmp(name, "FREEZEGUARD_", strlen("FREEZEGUARD_"))) {
		wrong(r, e->line, "%s is set by freezectl itself", name);
		return;
	}
	for (i = 0; i < hook->env.n; i++) {
		if (!strncmp(hook->env.v[i], name, len) && hook->env.v[i][len] == '=') {
			wrong(r, e->line, "%s is already set; remove one of them", e->name);
			return;
		}
	}
	if (exposed)
		wrong(r, e->line, "%s: %s", e->name, exposed);
	text = text_format("%s=%s", name, e->value);
	if (!text || text_list_add(&hook->env, text))
		r->no_memory = true;
	free(text);
}

static void apply_hook(struct reader *r, struct config *config, const struct entry *e)
{
	const char *name = e->section + strlen("hook ");
	struct config_hook *hook;

	if (!*name || strpbrk(name, "/ \t,")) {
		wrong(r, e->line, "'%s' is not the name of a hook", name);
		return;
	}
	hook = hook_of(r, config, name, e->line);
	if (!hook)
		return;
	if (!strcmp(e->name, "enabled"))
		parse_yes_no(r, e, &hook->enabled);
	else if (!strcmp(e->name, "timeout"))
		parse_duration(r, e, &hook->timeout_ms);
	else if (!strcmp(e->name, "thaw_timeout"))
		parse_duration(r, e, &hook->thaw_timeout_ms);
	else if (!strcmp(e->name, "allow_unfrozen"))
		parse_yes_no(r, e, &hook->allow_unfrozen);
	else if (!strcmp(e->name, "paths") && e->value[0] == '/')
		r->no_memory |= text_list_add(&hook->paths, e->value) != 0;
	else if (!strcmp(e->name, "paths"))
		wrong(r, e->line, "paths: '%s' is not one absolute path", e->value);
	else if (!strncmp(e->name, "env.", strlen("env.")))
		apply_env(r, hook, e);
	else
		wrong(r, e->line,
		      "unknown key '%s' in [%s]; known are enabled, timeout, thaw_timeout, paths, allow_unfrozen, and env.NAME for environment variables",
		      e->name, e->section);
}

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/* Sections other than [default] and the profile in force. */
static void apply_others(struct reader *r, struct config *config, const char *in_force)
{
	size_t i, k;

	for (i = 0; i < r->n; i++) {
		const struct entry *e = &r->v[i];
		struct config nothing = { 0 };

		if (starts_with(e->section, "hook ")) {
			apply_hook(r, config, e);
			continue;
		}
		/* Of each section once, at its first entry. */
		for (k = 0; k < i && strcmp(r->v[k].section, e->section); k++)
			;
		if (k < i || !strcmp(e->section, "default") ||
		    (e->section[0] && !strcmp(e->section, in_force)))
			continue;
		if (starts_with(e->section, "profile ") && e->section[strlen("profile ")]) {
			apply_section(r, &nothing, e->section, true);
			config_free(&nothing);
		} else if (!e->section[0]) {
			wrong(r, e->line, "stands before the first section; begin with [default]");
		} else {
			wrong(r, e->line,
			      "unknown section [%s]; known are [default], [profile NAME] and [hook NAME]",
			      e->section);
		}
	}
}

/* What this file says is done as root. */
static void check_owner(struct reader *r)
{
	struct stat st;

	if (fstat(fileno(r->stream), &st))
		return;
	r->mode = st.st_mode;
	if ((st.st_uid && st.st_uid != geteuid()) || st.st_mode & (S_IWGRP | S_IWOTH)) {
		findings_add(r->findings, EXIT_CODE_USAGE, r->file,
			     "belongs to user %u and has mode %03o, so a user other than root could change what root does. It is not used; chown root and chmod go-w it",
			     st.st_uid,
			     st.st_mode & 0777);
		r->wrong = true;
	}
	if (!S_ISREG(st.st_mode)) {
		findings_add(r->findings, EXIT_CODE_USAGE, r->file, "is not a regular file");
		r->wrong = true;
	}
}

static bool has_section(const struct reader *r, const char *section)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].section, section))
			return true;
	return false;
}

/**
 * config_read() - read the configuration file
 * @config: all of it is overwritten, also on an error; config_free() it
 * @file: its path; it need not be there, if it is %CONFIG_FILE
 * @profile: a profile that is to be in force, or NULL
 * @must: there has to be such a profile
 * @findings: gets everything that is wrong with it, code 1, with file and line
 *
 * Return: 0; -EINVAL it is wrong, or cannot be read; -ENOMEM.
 */
int config_read(struct config *config, const char *file, const char *profile, bool must,
		struct findings *findings)
{
	struct reader r = { .file = file, .findings = findings };
	char section[300] = "";
	int line = 0;
	size_t i;

	*config = (struct config){ .file = text_copy(file) };
	set_defaults(&r, config);
	r.stream = fopen(file, "re");
	if (r.stream) {
		config->read = true;
		check_owner(&r);
		if (!r.wrong)
			line = ini_parse_stream(next_line, &r, each, &r);
		if (line > 0)
			wrong(&r, (unsigned int)line, "is neither a [section] nor key = value");
		fclose(r.stream);
	} else if (errno != ENOENT || strcmp(file, CONFIG_FILE)) {
		findings_add(findings, EXIT_CODE_USAGE, file, "cannot be read: %s",
			     strerror(errno));
		r.wrong = true;
	}
	if (line < 0)
		r.no_memory = true;

	if (!r.no_memory && !r.wrong) {
		if (profile)
			snprintf(section, sizeof(section), "profile %s", profile);
		apply_section(&r, config, "default", false);
		if (profile && has_section(&r, section)) {
			config->profile = text_copy(profile);
			r.no_memory |= !config->profile;
			apply_section(&r, config, section, true);
		} else if (profile && must) {
			findings_add(findings, EXIT_CODE_USAGE, "--profile",
				     "%s has no section [%s], or an empty one", file, section);
			r.wrong = true;
		}
		apply_others(&r, config, section);
	}
	for (i = 0; i < r.n; i++) {
		free(r.v[i].section);
		free(r.v[i].name);
		free(r.v[i].value);
	}
	free(r.v);
	if (r.no_memory || !config->file) {
		findings_add(findings, EXIT_CODE_SYSTEM, file, "out of memory");
		return -ENOMEM;
	}
	return r.wrong ? -EINVAL : 0;
}

/** config_hook() - the section of a hook; NULL if there is none */
const struct config_hook *config_hook(const struct config *config, const char *name)
{
	size_t i;

	for (i = 0; i < config->n_hooks; i++)
		if (!strcmp(config->hooks[i].name, name))
			return &config->hooks[i];
	return NULL;
}

/** config_n_values() - how many values a key has: those of a list, or 1; 0 if it has none */
size_t config_n_values(const struct config *config, const struct config_key *key)
{
	const void *place = (const char *)config + key->offset;

	return is_list(key) ? ((const struct text_list *)place)->n :
	       key->type != CONFIG_DURATION || *(const uint32_t *)place;
}

/**
 * config_value() - a value as it would be written into the file
 * @config: what is in force
 * @key: one of config_keys[]
 * @i: which of a list's values
 *
 * Return: the text, for free(); NULL without memory.
 */
char *config_value(const struct config *config, const struct config_key *key, size_t i)
{
	const void *place = (const char *)config + key->offset;
	char span[DURATION_TEXT_MAX];

	switch (key->type) {
	case CONFIG_DURATION:
		return text_copy(duration_format(*(const uint32_t *)place, span, sizeof(span)));
	case CONFIG_BOOL:
		return text_copy(*(const bool *)place ? "yes" : "no");
	case CONFIG_PATH:
		return text_copy(*(char *const *)place ? *(char *const *)place : "");
	default:
		return text_copy(((const struct text_list *)place)->v[i]);
	}
}

/** config_free() - free what config_read() filled */
void config_free(struct config *config)
{
	size_t k;

	for (k = 0; k < CONFIG_N_KEYS; k++) {
		void *place = (char *)config + config_keys[k].offset;

		if (is_list(&config_keys[k]))
			text_list_free(place);
		else if (config_keys[k].type == CONFIG_PATH)
			free(*(char **)place);
	}
	for (k = 0; k < config->n_hooks; k++) {
		free(config->hooks[k].name);
		text_list_free(&config->hooks[k].env);
		text_list_free(&config->hooks[k].paths);
	}
	free(config->hooks);
	free(config->file);
	free(config->profile);
	*config = (struct config){ 0 };
}
