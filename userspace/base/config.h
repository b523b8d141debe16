/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config: the configuration file, /etc/freezeguard/freezeguard.conf. What it says stands below what
 * the command line says and above the defaults.
 */
#ifndef FREEZEGUARD_BASE_CONFIG_H
#define FREEZEGUARD_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/findings.h"
#include "base/text.h"

#define CONFIG_FILE		"/etc/freezeguard/freezeguard.conf"
/* Names another file, which then has to be there. */
#define CONFIG_ENV		"FREEZEGUARD_CONFIG"

/**
 * struct config_hook - a section [hook NAME]
 * @name: the hook's name
 * @line: where the section's first key is
 * @enabled: it is called at all
 * @skip_stopped: when_stopped = skip
 * @timeout_ms: at the freeze; 0: that of all hooks
 * @thaw_timeout_ms: at the thaw; 0: that of all hooks
 * @env: variables for it, as NAME=value
 * @paths: where its application's files are, beside those that it names itself
 * @allow_unfrozen: its application's files may be on filesystems that are not frozen
 */
struct config_hook {
	char *name;
	unsigned int line;
	bool enabled;
	bool skip_stopped;
	uint32_t timeout_ms;
	uint32_t thaw_timeout_ms;
	struct text_list env;
	struct text_list paths;
	bool allow_unfrozen;
};

/**
 * struct config_from - where a value is from
 * @line: its line in the file; 0: it is the default
 * @profile: it is from the profile's section, else from [default]
 */
struct config_from {
	unsigned int line;
	bool profile;
};

enum config_type {
	CONFIG_DURATION,	/* uint32_t, milliseconds */
	CONFIG_BOOL,		/* bool */
	CONFIG_PATH,		/* char *, absolute */
	CONFIG_PATHS,		/* struct text_list of absolute paths; may be given several times */
	CONFIG_NAMES,		/* struct text_list; may be given several times */
};

/**
 * struct config_key - a key of the sections [default] and [profile NAME]
 * @name: its name
 * @type: of its value
 * @offset: of its place in struct config
 * @machine: it is about the machine, and only in [default]
 * @otherwise: the default, as it would be written; NULL: none
 */
struct config_key {
	const char *name;
	enum config_type type;
	size_t offset;
	bool machine;
	const char *otherwise;
};

enum { CONFIG_N_KEYS = 15 };
extern const struct config_key config_keys[CONFIG_N_KEYS];

/**
 * struct config - what is in force
 * @file: the file that was read, or looked for
 * @read: it is there
 * @profile: the profile in force, or NULL
 * @from: where each of the config_keys[] is from
 * @hooks: the sections [hook NAME]
 */
struct config {
	char *file;
	bool read;
	char *profile;

	uint32_t timeout_ms;
	uint32_t script_timeout_ms;
	uint32_t sync_budget_ms;
	uint32_t hook_timeout_ms;
	uint32_t thaw_timeout_ms;
	bool allow_root;
	bool require_continuity;
	struct text_list paths;
	struct text_list exclude;
	bool call_apps;
	struct text_list apps;
	char *hooks_dir;
	char *shipped_dir;
	char *run_dir;
	char *keep_dir;

	struct config_from from[CONFIG_N_KEYS];
	struct config_hook *hooks;
	size_t n_hooks;
};

int config_read(struct config *config, const char *file, const char *profile, bool must,
		struct findings *findings);
bool config_is_list(const struct config_key *key);
bool config_from_profile(const struct config *config, const char *name);
unsigned int config_line(const struct config *config, const char *name);
const struct config_hook *config_hook(const struct config *config, const char *name);
char *config_value(const struct config *config, const struct config_key *key, size_t i);
size_t config_n_values(const struct config *config, const struct config_key *key);
void config_free(struct config *config);

#endif
