// SPDX-License-Identifier: GPL-2.0-only
/*
 * text: copies of texts, lists of them, and small files. In a file of its own also because GCC 12's
 * analyzer takes a strdup() that is stored in an element of an array for a leak; the unit tests
 * look for real ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"

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
 * text_read() - a small file, as those of proc and sysfs, whole
 * @dir: the directory that a relative @path begins at, or AT_FDCWD
 * @path: the file
 *
 * Return: its text without a last newline, for free(); NULL and errno if it cannot be read.
 */
char *text_read(int dir, const char *path)
{
	size_t size = 4096, used = 0;
	char *text = malloc(size), *more;
	int fd = text ? openat(dir, path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, text + used, size - used - 1)) > 0) {
		used += (size_t)n;
		if (used < size - 1)
			continue;
		more = realloc(text, 2 * size);
		if (!more) {
			n = -1;
			break;
		}
		text = more;
		size *= 2;
	}
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	if (used && text[used - 1] == '\n')
		used--;
	text[used] = '\0';
	return text;
}

/**
 * text_read_number() - the number that a small file begins with
 * @path: the file
 * @number: set to it
 *
 * Return: whether it can be read, and is a number.
 */
bool text_read_number(const char *path, unsigned long *number)
{
	char *text = text_read(AT_FDCWD, path), *end = text;
	bool is_number;

	if (text)
		*number = strtoul(text, &end, 10);
	is_number = end != text;
	free(text);
	return is_number;
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
	char *copy = strdup(text), **at;

	if (!copy)
		return -ENOMEM;
	at = APPEND(list->v, list->n);
	if (!at) {
		free(copy);
		return -ENOMEM;
	}
	*at = copy;
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
