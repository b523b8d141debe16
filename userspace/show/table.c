// SPDX-License-Identifier: GPL-2.0-only
/*
 * table: text in columns; the only file that knows libsmartcols. Every function takes a NULL for a table
 * for which there was no memory.
 */
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>

#include <libsmartcols.h>

#include "show/table.h"

struct table {
	struct libscols_table *cols;
};

/**
 * table_new() - begin a table
 * @headers: the columns, up to a NULL
 *
 * Return: the table; NULL if there is no memory.
 */
struct table *table_new(const char *const *headers)
{
	struct table *table = malloc(sizeof(*table));

	if (!table)
		return NULL;
	table->cols = scols_new_table();
	for (; table->cols && *headers; headers++) {
		if (!scols_table_new_column(table->cols, *headers, 0, 0)) {
			scols_unref_table(table->cols);
			table->cols = NULL;
		}
	}
	if (table->cols)
		return table;
	free(table);
	return NULL;
}

/*
 * How wide a character is, is all that is wanted of the locale, and without any but ASCII's it takes
 * none: loading it is a dozen files.
 */
static void load_widths(const char *cell)
{
	static bool loaded;

	while (*cell && !(*cell & 0x80))
		cell++;
	if (!*cell || loaded)
		return;
	setlocale(LC_CTYPE, "");
	loaded = true;
}

/** table_row() - add a row; @cells are as many as there are columns, of any bytes */
void table_row(struct table *table, const char *const *cells)
{
	struct libscols_line *line = table ? scols_table_new_line(table->cols, NULL) : NULL;
	size_t i;

	/* libsmartcols itself makes control characters \x1b and the like. */
	for (i = 0; line && i < scols_table_get_ncols(table->cols); i++) {
		load_widths(cells[i] ? cells[i] : "-");
		scols_line_set_data(line, i, cells[i] ? cells[i] : "-");
	}
}

/** table_print() - print a table, and free it */
void table_print(struct table *table, FILE *file)
{
	if (!table)
		return;
	scols_table_set_stream(table->cols, file);
	scols_print_table(table->cols);
	table_free(table);
}

/** table_free() - free a table that is not to be printed */
void table_free(struct table *table)
{
	if (!table)
		return;
	scols_unref_table(table->cols);
	free(table);
}
