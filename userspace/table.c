// SPDX-License-Identifier: GPL-2.0-only
/*
 * table: text in columns that are as wide as they have to be. Every function takes a NULL for a table
 * for which there was no memory.
 */
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "output.h"
#include "table.h"

/**
 * struct table - rows of cells, the headers first
 * @columns: how many cells a row has
 * @cells: all of them, row by row; clean texts
 * @n: how many
 * @room: for how many there is memory
 */
struct table {
	size_t columns;
	char **cells;
	size_t n, room;
};

/* A character of more than one byte; @s is valid UTF-8, as output_clean() leaves it. */
static size_t character_width(const unsigned char *s, size_t *len)
{
	static bool locale_set;
	wchar_t c;
	int width;
	size_t i;

	*len = *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2;
	c = *s & (0x3f >> (*len - 1));
	for (i = 1; i < *len; i++)
		c = c << 6 | (s[i] & 0x3f);
	/* How wide it is, is all that is wanted of the locale; loading it takes a while. */
	if (!locale_set)
		setlocale(LC_CTYPE, "");
	locale_set = true;
	width = wcwidth(c);
	return width < 0 ? 1 : (size_t)width;
}

static size_t text_width(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t width = 0, len;

	for (; *s; s += len) {
		len = 1;
		width += *s < 0x80 ? 1 : character_width(s, &len);
	}
	return width;
}

/**
 * table_new() - begin a table
 * @headers: the columns, up to a NULL
 *
 * Return: the table; NULL if there is no memory.
 */
struct table *table_new(const char *const *headers)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	while (headers[table->columns])
		table->columns++;
	table_row(table, headers);
	return table;
}

/** table_row() - add a row; @cells are as many as there are columns, of any bytes, or NULL: "-" */
void table_row(struct table *table, const char *const *cells)
{
	char **bigger, *copy;
	size_t i, size;

	if (!table)
		return;
	if (table->n + table->columns > table->room) {
		table->room = 2 * table->room + table->columns;
		bigger = reallocarray(table->cells, table->room, sizeof(*bigger));
		if (!bigger) {
			table->room = table->n;
			return;
		}
		table->cells = bigger;
	}
	for (i = 0; i < table->columns; i++) {
		const char *cell = cells[i] ? cells[i] : "-";

		size = 4 * strlen(cell) + 5;
		copy = malloc(size);
		table->cells[table->n + i] = copy;
		if (copy)
			output_clean(cell, copy, size);
	}
	table->n += table->columns;
}

static const char *cell_at(const struct table *table, size_t row, size_t column)
{
	const char *cell = table->cells[row * table->columns + column];

	return cell ? cell : "";
}

/** table_print() - print a table, nothing if it has no rows, and free it */
void table_print(struct table *table, FILE *file)
{
	size_t row, rows, column, *widths, width;

	if (!table)
		return;
	widths = calloc(table->columns, sizeof(*widths));
	rows = widths ? table->n / table->columns : 0;
	if (rows == 1)	/* the headers */
		rows = 0;
	for (row = 0; row < rows; row++) {
		for (column = 0; column < table->columns; column++) {
			width = text_width(cell_at(table, row, column));
			if (width > widths[column])
				widths[column] = width;
		}
	}
	for (row = 0; row < rows; row++) {
		for (column = 0; column < table->columns; column++) {
			const char *cell = cell_at(table, row, column);

			fputs(cell, file);
			if (column + 1 < table->columns)
				fprintf(file, "%*s", (int)(widths[column] - text_width(cell) + 1),
					"");
		}
		fputc('\n', file);
	}
	free(widths);
	table_free(table);
}

/** table_free() - free a table that is not wanted after all */
void table_free(struct table *table)
{
	size_t i;

	if (!table)
		return;
	for (i = 0; i < table->n; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}
