/* SPDX-License-Identifier: GPL-2.0-only */
/* hooks: which application hooks there are; Documentation/hooks.md has the contract */
#ifndef FREEZEGUARD_APPS_HOOKS_H
#define FREEZEGUARD_APPS_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/findings.h"

#define HOOK_NAME_MAX	63

/**
 * struct hook - a hook
 * @name: its name, "mysql"
 * @path: its file
 * @session: it stays for the whole freeze; else it is called twice
 * @skip: NULL: it is called; else why not
 * @wrong: it ought to be called and cannot be: @skip is what is wrong with it
 * @skip_stopped: a server that does not run is no reason not to freeze
 * @timeout_ms: at the freeze
 * @thaw_timeout_ms: at the thaw
 * @env: variables for it, the configuration's; or NULL
 */
struct hook {
	char *name;
	char *path;
	bool session;
	char *skip;
	bool wrong;
	bool skip_stopped;
	uint32_t timeout_ms;
	uint32_t thaw_timeout_ms;
	const struct text_list *env;
};

/** struct hooks - all of them, in order */
struct hooks {
	struct hook *v;
	size_t n;
};

int hooks_find(struct hooks *hooks, const struct config *config, const struct text_list *apps,
	       struct findings *findings);
void hooks_refuse(const struct hooks *hooks, struct findings *findings);
size_t hooks_n_called(const struct hooks *hooks);
void hooks_free(struct hooks *hooks);

#endif
