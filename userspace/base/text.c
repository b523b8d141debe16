// SPDX-License-Identifier: GPL-2.0-only
/*
 * text: copies of texts, and lists of them. In a file of its own also because GCC 12's analyzer takes
 * a strdup() that is stored in an element of an array for a leak; the unit tests look for real ones.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/** text_copy() - a copy, for free(); NULL without memory */
char *text_copy(const char *text)
{
	return strdup(text);
}

/** text_vformat() - as vasprintf(); the text, for free(); NULL without memory */
char *text_vformat(const char *fmt, va_list args)
{
	char *text;

	return vasprintf(&text, fmt, args) < 0 ? NULL : text;
}

/** text_format() - as asprintf(); the text, for free(); NULL without memory */
char *text_format(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = text_vformat(fmt, args);
	va_end(args);
	return text;
}

/**
 * text_list_add() - add a copy of a text
 * @list: the list
 * @text: the text
 *
 * Return: 0 or -ENOMEM; the list is as it was then.
 */
int text_list_add(struct text_list *list, const char *text)
{
	char *copy = strdup(text), **v;

	if (!copy)
		return -ENOMEM;
	v = reallocarray(list->v, list->n + 1, sizeof(*v));
	if (!v) {
		free(copy);
		return -ENOMEM;
	}
	v[list->n++] = copy;
	list->v = v;
	return 0;
}

/** text_list_free() - free a list, and empty it */
void text_list_free(struct text_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	list->v = NULL;
	list->n = 0;
}
