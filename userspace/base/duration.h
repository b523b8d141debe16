/* SPDX-License-Identifier: GPL-2.0-only */
/* duration: time spans as people write them for systemd: 30, 1min 30s, 500ms, 2h */
#ifndef FREEZEGUARD_BASE_DURATION_H
#define FREEZEGUARD_BASE_DURATION_H

#include <stddef.h>
#include <stdint.h>

/* Room for every text that duration_format() makes, with the terminating NUL. */
#define DURATION_TEXT_MAX 48

/**
 * duration_parse() - read a time span as systemd.time(7) writes it
 * @text: numbers with units, added up; a number without a unit is seconds; decimals are allowed;
 *	units are us, ms, s, min, h, d, w, M, y and their long names
 * @ms: the span in milliseconds; a part of a millisecond rounds up. Unchanged on an error.
 *
 * Return: 0; -EINVAL not a time span, negative, or zero; -ERANGE over UINT32_MAX milliseconds
 * ("infinity" too).
 */
int duration_parse(const char *text, uint64_t *ms);

/**
 * duration_format() - write a time span as duration_parse() reads it
 * @ms: the span in milliseconds
 * @buf: where to
 * @size: its size; %DURATION_TEXT_MAX is always enough, a smaller one cuts the text off
 *
 * Return: @buf.
 */
const char *duration_format(uint64_t ms, char *buf, size_t size);

#endif
