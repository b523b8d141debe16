/* SPDX-License-Identifier: GPL-2.0-only */
/* text: copies of texts, lists of them, and small files */
#ifndef FREEZEGUARD_BASE_TEXT_H
#define FREEZEGUARD_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/** struct text_list - texts, each of which was copied */
struct text_list {
	char **v;
	size_t n;
};

char *text_copy(const char *text);
char *text_vformat(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));
char *text_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *text_read(int dir, const char *path);
bool text_read_number(const char *path, unsigned long *number);
int text_list_add(struct text_list *list, const char *text);
void text_list_free(struct text_list *list);

#endif
