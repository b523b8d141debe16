/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * freeze: taking a lease, from the plan to FROZEN. Until freeze_keep() it is bound to this process:
 * whatever happens to it, the kernel thaws.
 */
#ifndef FREEZEGUARD_LEASE_FREEZE_H
#define FREEZEGUARD_LEASE_FREEZE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"
#include "freezectl.h"

/**
 * struct freeze_choice - which applications the command line asks for
 * @names: those that are named
 * @all: all whose hooks are enabled
 * @none: none
 * @allow_unfrozen: their files may be on what is not frozen
 * @script_timeout_ms: within which all has to be quiet and frozen; 0: what is configured
 */
struct freeze_choice {
	struct text_list names;
	bool all, none, allow_unfrozen;
	uint32_t script_timeout_ms;
};

/**
 * struct freeze_request - what is to be frozen, and how
 * @id: the lease's id, or NULL
 * @timeout_ms: the lease's timeout
 * @sync_budget_ms: how long dirty data are written back before, at most; 0: not at all
 * @paths: what was named
 * @n_paths: how many
 * @all: also what --all means
 * @allow_root: the root filesystem may be named
 * @exclude: mount points that @all leaves out
 * @n_exclude: how many
 * @choice: which applications are asked for
 * @apps: there are applications to be made quiet, so that nothing to freeze is no error
 * @needed: files and directories that are used while filesystems are frozen; @all leaves out what
 *	they lie on
 * @rehearsal: nothing will be frozen: all that could fail is to be found
 * @command: a program that will be started while frozen, or NULL
 * @give_up_ns: when to end a lease that is not frozen yet, CLOCK_BOOTTIME; 0: its deadline
 * @give_up_text: how to tell that, "within the script timeout of 8s"
 */
struct freeze_request {
	const char *id;
	uint32_t timeout_ms;
	uint32_t sync_budget_ms;
	char **paths;
	size_t n_paths;
	bool all;
	bool allow_root;
	char **exclude;
	size_t n_exclude;
	struct freeze_choice choice;
	bool apps;
	struct text_list needed;
	bool rehearsal;
	const char *command;
	uint64_t give_up_ns;
	const char *give_up_text;
};

/**
 * struct freeze - a freeze on its way; zero it before use
 * @plan: what is to be frozen
 * @paths: the paths of @plan
 * @lease: the lease, once it is taken
 */
struct freeze {
	struct plan plan;
	struct paths paths;
	struct freezeguard_lease lease;
};

/* What freeze, run, plan and dlm have in common, for their tables of options. */
enum freeze_option {
	FREEZE_OPT_ID = OPT_FIRST,
	FREEZE_OPT_TIMEOUT,
	FREEZE_OPT_ALL,
	FREEZE_OPT_ALLOW_ROOT,
	FREEZE_OPT_SYNC_BUDGET,
	FREEZE_OPT_PROFILE,
	FREEZE_OPT_APP,
	FREEZE_OPT_APPS,
	FREEZE_OPT_NO_APPS,
	FREEZE_OPT_ALLOW_UNFROZEN,
	FREEZE_OPT_SCRIPT_TIMEOUT,
	FREEZE_OPT_NEXT,
};

void freeze_check_sync_budget(struct freezectl *ctl, const struct freeze_request *request,
			      const char *option, uint32_t timeout_ms);
void freeze_option(struct freezectl *ctl, int option, struct freeze_request *request);
void freeze_check_choice(struct freezectl *ctl, const struct freeze_choice *choice);
void freeze_arguments(struct freezectl *ctl, int argc, char **argv,
		      const struct option_help *options, struct freeze_request *request);
bool freeze_prepare(struct freezectl *ctl, const struct freeze_request *request,
		    struct freeze *freeze);
bool freeze_take(struct freezectl *ctl, const struct freeze_request *request,
		 struct freeze *freeze);
void freeze_show(struct freezectl *ctl, const struct freeze *freeze, bool kept);
void freeze_show_left_out(struct freezectl *ctl, const struct freeze *freeze);
void freeze_keep(struct freezectl *ctl, const struct freeze_request *request,
		 struct freeze *freeze);
void freeze_undo(struct freezectl *ctl, struct freeze *freeze);
void freeze_free(struct freeze *freeze);

#endif
