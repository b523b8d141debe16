// SPDX-License-Identifier: GPL-2.0-only
/*
 * options: --json and --help belong to every command. They are added here, and main() has dealt
 * with them before a command reads its options.
 */
#include <stdbool.h>
#include <string.h>

#include "base/options.h"

#define OPTIONS_MAX	16
#define HELP_WIDTH	80
#define HELP_COLUMN	24

static const struct option_help common_options[] = {
	{ "json", OPT_JSON, NULL, "print one JSON document" },
	{ "help", OPT_HELP, NULL, "print this help" },
	{ 0 }
};

static size_t add_table(struct option *table, size_t n, const struct option_help *options)
{
	for (; options->name && n < OPTIONS_MAX; options++)
		table[n++] = (struct option) {
			.name = options->name,
			.has_arg = options->argument ? required_argument : no_argument,
			.val = options->value,
		};
	return n;
}

static void bad_option(int c, char **argv, struct findings *findings)
{
	const char *option = argv[optind - 1];

	if (c == ':')
		findings_add(findings, EXIT_CODE_USAGE, NULL,
			     "option '%s' needs an argument; see freezectl %s --help",
			     option, argv[0]);
	else if (optopt && optopt < 256)
		findings_add(findings, EXIT_CODE_USAGE, NULL,
			     "unknown option '-%c'; see freezectl %s --help", optopt, argv[0]);
	else if (optopt)
		findings_add(findings, EXIT_CODE_USAGE, NULL,
			     "option '%s' takes no argument; see freezectl %s --help",
			     option, argv[0]);
	else
		findings_add(findings, EXIT_CODE_USAGE, NULL,
			     "unknown or ambiguous option '%s'; see freezectl %s --help",
			     option, argv[0]);
}

/**
 * options_next() - read the next option of a command line
 * @options: the command's own options
 * @argc: how many arguments there are
 * @argv: the arguments; the first is the command's name
 * @findings: gets a finding of code 1 for each option that is wrong
 *
 * Return: the option's value, with its argument in optarg; -1 at the end, with what is no option
 * from @argv[optind] on.
 */
int options_next(const struct option_help *options, int argc, char **argv,
		 struct findings *findings)
{
	struct option table[OPTIONS_MAX + 1] = { 0 };
	int c;

	add_table(table, add_table(table, 0, options), common_options);
	while ((c = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (c == ':' || c == '?')
			bad_option(c, argv, findings);
		else if (c >= OPT_FIRST)
			break;
	}
	return c;
}

/* "[--id ID]" is one word. */
static size_t word_length(const char *text)
{
	size_t n;
	int depth = 0;

	for (n = 0; text[n] && (depth || text[n] != ' '); n++)
		depth += (text[n] == '[' || text[n] == '{') - (text[n] == ']' || text[n] == '}');
	return n;
}

/**
 * options_wrap() - print a paragraph of a help text
 * @file: where to
 * @column: how many columns of its first line are used already
 * @indent: where its other lines begin
 * @text: the paragraph; lines are broken at spaces outside of brackets
 */
void options_wrap(FILE *file, size_t column, size_t indent, const char *text)
{
	bool first = true;
	size_t n;

	for (; *text; text += n + strspn(text + n, " ")) {
		n = word_length(text);
		if (!first && column + 1 + n > HELP_WIDTH) {
			fprintf(file, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', file);
			column++;
		}
		fwrite(text, 1, n, file);
		column += n;
		first = false;
	}
	fputc('\n', file);
}

static void print_table(FILE *file, const struct option_help *options)
{
	int n;

	for (; options->name; options++) {
		n = fprintf(file, "  --%s%s%s", options->name, options->argument ? " " : "",
			    options->argument ? options->argument : "");
		if (n > HELP_COLUMN - 2)
			n = fprintf(file, "\n") - 1;
		fprintf(file, "%*s", HELP_COLUMN - n, "");
		options_wrap(file, HELP_COLUMN, HELP_COLUMN, options->text);
	}
}

/**
 * options_help() - print what a command's options do, one paragraph each
 * @file: where to
 * @options: the command's own options
 */
void options_help(FILE *file, const struct option_help *options)
{
	print_table(file, options);
	print_table(file, common_options);
}
