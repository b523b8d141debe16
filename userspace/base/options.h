/* SPDX-License-Identifier: GPL-2.0-only */
/* options: the options of a command in one table, from which getopt_long() and --help both work */
#ifndef FREEZEGUARD_BASE_OPTIONS_H
#define FREEZEGUARD_BASE_OPTIONS_H

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

#include "base/findings.h"

/* What options_next() returns for the options of a table begins at OPT_FIRST. */
enum { OPT_JSON = 256, OPT_HELP, OPT_FIRST };

/**
 * struct option_help - an option of a command; an entry without a name ends the table
 * @name: without the dashes
 * @value: what options_next() returns for it
 * @argument: the name of its argument, in capitals; NULL if it takes none
 * @text: what it does, for the help: a sentence without a full stop
 */
struct option_help {
	const char *name;
	int value;
	const char *argument, *text;
};

int options_next(const struct option_help *options, int argc, char **argv,
		 struct findings *findings);
void options_help(FILE *file, const struct option_help *options);
void options_wrap(FILE *file, size_t column, size_t indent, const char *text);

#endif
