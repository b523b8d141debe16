/* SPDX-License-Identifier: GPL-2.0-only */
/* text: copies of texts, and lists of them */
#ifndef FREEZEGUARD_BASE_TEXT_H
#define FREEZEGUARD_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/** struct text_list - texts, each of which was copied */
struct text_list {
	char **v;
	size_t n;
};

char *text_copy(const char *text);
char *text_vformat(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));
char *text_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int text_list_add(struct text_list *list, const char *text);
void text_list_free(struct text_list *list);

#endif
