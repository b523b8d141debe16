/* SPDX-License-Identifier: GPL-2.0-only */
/* commands: what a subcommand is, and all of them; each has a file of its own */
#ifndef FREEZEGUARD_COMMANDS_COMMANDS_H
#define FREEZEGUARD_COMMANDS_COMMANDS_H

#include "base/options.h"
#include "freezectl.h"

/**
 * struct subcommand - an entry of the table of subcommands
 * @name: its name
 * @arguments: what follows it, as the help shows it
 * @summary: what it does, in a line
 * @help: more about it, a paragraph; or NULL
 * @options: its options
 * @run: does it; @argv[0] is its name. What is wrong goes to the findings.
 */
struct subcommand {
	const char *name, *arguments, *summary, *help;
	const struct option_help *options;
	void (*run)(struct freezectl *ctl, int argc, char **argv);
};

extern const struct subcommand cmd_freeze, cmd_thaw, cmd_run, cmd_complete, cmd_extend, cmd_status, cmd_history,
	cmd_plan, cmd_monitor, cmd_dlm, cmd_observer, cmd_config, cmd_apps;

#endif
