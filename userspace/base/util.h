/* SPDX-License-Identifier: GPL-2.0-only */
/* util: what every file may need and no library has */
#ifndef FREEZEGUARD_BASE_UTIL_H
#define FREEZEGUARD_BASE_UTIL_H

#include <stdlib.h>
#include <string.h>

#define NS_PER_US	1000ULL
#define NS_PER_MS	(1000 * NS_PER_US)
#define NS_PER_S	(1000 * NS_PER_MS)
#define NS_PER_MIN	(60 * NS_PER_S)
#define NS_PER_H	(60 * NS_PER_MIN)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * APPEND() - one more element at the end of a list
 * @v: its elements, which move
 * @n: how many there are; one more afterwards
 *
 * Return: the new element, all of it zero; NULL without memory, and the list is as it was.
 */
#define APPEND(v, n) ({								\
	typeof(v) more_ = reallocarray(v, (n) + 1, sizeof(*more_));		\
	if (more_) {								\
		(v) = more_;							\
		more_ = memset(&more_[(n)++], 0, sizeof(*more_));		\
	}									\
	more_;									\
})

#endif
