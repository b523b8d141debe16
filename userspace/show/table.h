/* SPDX-License-Identifier: GPL-2.0-only */
/* table: text in columns that are as wide as they have to be */
#ifndef FREEZEGUARD_SHOW_TABLE_H
#define FREEZEGUARD_SHOW_TABLE_H

#include <stdio.h>

struct table;

struct table *table_new(const char *const *headers);
void table_row(struct table *table, const char *const *cells);
void table_print(struct table *table, FILE *file);
void table_free(struct table *table);

#endif
