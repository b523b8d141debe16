// SPDX-License-Identifier: GPL-2.0-only
/* duration: time spans as people write them for systemd */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "base/util.h"

#define NS_PER_D	(24 * NS_PER_H)
/* systemd's: 30.44 and 365.25 days */
#define NS_PER_MONTH	(2629800 * NS_PER_S)
#define NS_PER_YEAR	(31557600 * NS_PER_S)

#define MAX_NS		((uint64_t)UINT32_MAX * NS_PER_MS)

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "us", NS_PER_US }, { "usec", NS_PER_US },
	{ "\xc2\xb5s", NS_PER_US },	/* micro sign */
	{ "\xce\xbcs", NS_PER_US },	/* Greek mu */
	{ "ms", NS_PER_MS }, { "msec", NS_PER_MS },
	{ "s", NS_PER_S }, { "sec", NS_PER_S }, { "second", NS_PER_S }, { "seconds", NS_PER_S },
	{ "m", NS_PER_MIN }, { "min", NS_PER_MIN }, { "minute", NS_PER_MIN },
	{ "minutes", NS_PER_MIN },
	{ "h", NS_PER_H }, { "hr", NS_PER_H }, { "hour", NS_PER_H }, { "hours", NS_PER_H },
	{ "d", NS_PER_D }, { "day", NS_PER_D }, { "days", NS_PER_D },
	{ "w", 7 * NS_PER_D }, { "week", 7 * NS_PER_D }, { "weeks", 7 * NS_PER_D },
	{ "M", NS_PER_MONTH }, { "month", NS_PER_MONTH }, { "months", NS_PER_MONTH },
	{ "y", NS_PER_YEAR }, { "year", NS_PER_YEAR }, { "years", NS_PER_YEAR },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t\n\r");
}

static uint64_t unit_ns(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (strlen(units[i].name) == len && !memcmp(units[i].name, name, len))
			return units[i].ns;
	return 0;
}

/* whole * unit plus its decimals, in nanoseconds, rounded up; -ERANGE over MAX_NS */
static int part_ns(const char *whole, size_t n_whole, const char *decimals, size_t n_decimals,
		   uint64_t unit, uint64_t *ns)
{
	uint64_t number = 0;
	size_t i;

	for (i = 0; i < n_whole; i++) {
		number = number * 10 + (uint64_t)(whole[i] - '0');
		if (number > MAX_NS)
			return -ERANGE;
	}
	if (number > MAX_NS / unit)
		return -ERANGE;
	*ns = number * unit;
	for (i = 0; i < n_decimals && unit % 10 == 0; i++) {
		unit /= 10;
		*ns += (uint64_t)(decimals[i] - '0') * unit;
	}
	/* decimals too fine to be counted still make it more than what was counted */
	for (; i < n_decimals; i++) {
		if (decimals[i] != '0') {
			*ns += 1;
			break;
		}
	}
	return *ns > MAX_NS ? -ERANGE : 0;
}

int duration_parse(const char *text, uint64_t *ms)
{
	const char *p = skip_space(text);
	uint64_t sum = 0;
	int ret = 0;

	if (!strncmp(p, "infinity", 8) && !*skip_space(p + 8))
		return -ERANGE;
	if (!*p)
		return -EINVAL;
	while (*p) {
		const char *whole, *decimals, *name;
		size_t n_whole, n_decimals = 0, n_name;
		uint64_t unit, part = 0;

		whole = p;
		while (is_digit(*p))
			p++;
		n_whole = (size_t)(p - whole);
		decimals = p;
		if (*p == '.') {
			decimals = ++p;
			while (is_digit(*p))
				p++;
			n_decimals = (size_t)(p - decimals);
			if (!n_decimals)
				return -EINVAL;
		}
		if (!n_whole && !n_decimals)
			return -EINVAL;
		name = p = skip_space(p);
		while (*p && !is_digit(*p) && !strchr(" \t\n\r.", *p))
			p++;
		n_name = (size_t)(p - name);
		/* "1 30" is a slip, not 31 seconds */
		if (!n_name && *p)
			return -EINVAL;
		unit = n_name ? unit_ns(name, n_name) : NS_PER_S;
		if (!unit)
			return -EINVAL;
		p = skip_space(p);
		/* go on after a part out of range: the rest may not be a time span at all */
		if (part_ns(whole, n_whole, decimals, n_decimals, unit, &part) < 0)
			ret = -ERANGE;
		else if (!ret)
			sum += part;
		if (sum > MAX_NS)
			ret = -ERANGE;
	}
	if (ret)
		return ret;
	if (!sum)
		return -EINVAL;
	*ms = (sum + NS_PER_MS - 1) / NS_PER_MS;
	return 0;
}

const char *duration_format(uint64_t ms, char *buf, size_t size)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} parts[] = {
		{ "h", NS_PER_H / NS_PER_MS }, { "min", NS_PER_MIN / NS_PER_MS },
		{ "s", NS_PER_S / NS_PER_MS }, { "ms", 1 },
	};
	char text[DURATION_TEXT_MAX];
	size_t used = 0, i;

	if (!ms)
		used = (size_t)snprintf(text, sizeof(text), "0s");
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		uint64_t number = ms / parts[i].ms;

		ms %= parts[i].ms;
		if (number)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%llu%s",
						 used ? " " : "", (unsigned long long)number,
						 parts[i].name);
	}
	snprintf(buf, size, "%s", text);
	return buf;
}
