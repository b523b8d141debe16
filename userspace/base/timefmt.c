// SPDX-License-Identifier: GPL-2.0-only
/*
 * timefmt: the kernel's times, for people. Deadlines are on CLOCK_BOOTTIME; a person has a clock on
 * the wall, and it may have been set meanwhile, so the time that is left is always told as well.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/timefmt.h"

/** timefmt_now() - this moment on both clocks */
struct clocks timefmt_now(void)
{
	struct timespec boot, wall;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct clocks) {
		.now_ns = (uint64_t)boot.tv_sec * NS_PER_S + (uint64_t)boot.tv_nsec,
		.wall_ns = (uint64_t)wall.tv_sec * NS_PER_S + (uint64_t)wall.tv_nsec,
	};
}

static uint64_t wall_of(const struct clocks *clocks, uint64_t ns)
{
	return clocks->wall_ns + ns - clocks->now_ns;
}

static void local_of(uint64_t wall_ns, struct tm *tm)
{
	time_t t = (time_t)(wall_ns / NS_PER_S);

	/* Unlike localtime(), this opens no file once tzset() was called. */
	if (!localtime_r(&t, tm))
		memset(tm, 0, sizeof(*tm));
}

/**
 * timefmt_clock() - local time of day, with the date if that is not today's
 * @clocks: now
 * @ns: the time, CLOCK_BOOTTIME
 * @buf: where to
 *
 * Return: @buf.
 */
const char *timefmt_clock(const struct clocks *clocks, uint64_t ns, char buf[TIMEFMT_TEXT_MAX])
{
	struct tm tm, today;

	local_of(wall_of(clocks, ns), &tm);
	local_of(clocks->wall_ns, &today);
	strftime(buf, TIMEFMT_TEXT_MAX, tm.tm_yday == today.tm_yday && tm.tm_year == today.tm_year ?
		 "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	return buf;
}

/**
 * timefmt_text() - local time of day, and how far that is from now
 * @clocks: now
 * @ns: the time, CLOCK_BOOTTIME
 * @buf: where to
 *
 * Return: @buf: "05:30:12, in 60s" or "05:30:12, 3s ago".
 */
const char *timefmt_text(const struct clocks *clocks, uint64_t ns, char buf[TIMEFMT_TEXT_MAX])
{
	char clock[TIMEFMT_TEXT_MAX], span[TIMEFMT_TEXT_MAX];

	timefmt_clock(clocks, ns, clock);
	if (ns > clocks->now_ns)
		snprintf(buf, TIMEFMT_TEXT_MAX, "%.40s, in %.40s", clock,
			 timefmt_span(clocks->now_ns, ns, span));
	else
		snprintf(buf, TIMEFMT_TEXT_MAX, "%.40s, %.40s ago", clock,
			 timefmt_span(ns, clocks->now_ns, span));
	return buf;
}

/**
 * timefmt_iso() - a time as ISO 8601 writes it, with milliseconds and the offset from UTC
 * @clocks: now
 * @ns: the time, CLOCK_BOOTTIME
 * @buf: where to
 *
 * Return: @buf: "2026-11-21T05:30:12.250+0000".
 */
const char *timefmt_iso(const struct clocks *clocks, uint64_t ns, char buf[TIMEFMT_TEXT_MAX])
{
	uint64_t wall = wall_of(clocks, ns);
	char date[40], zone[8];
	struct tm tm;

	local_of(wall, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	snprintf(buf, TIMEFMT_TEXT_MAX, "%s.%03u%s", date,
		 (unsigned int)(wall % NS_PER_S / NS_PER_MS), zone);
	return buf;
}

/**
 * timefmt_span() - how long it was; from ten seconds on rounded to seconds
 * @from_ns: from
 * @to_ns: to; before @from_ns it counts as no time
 * @buf: where to
 *
 * Return: @buf: "52ms", "1min 30s".
 */
const char *timefmt_span(uint64_t from_ns, uint64_t to_ns, char buf[TIMEFMT_TEXT_MAX])
{
	uint64_t ms = to_ns > from_ns ? (to_ns - from_ns + NS_PER_MS / 2) / NS_PER_MS : 0;

	if (ms >= 10000)
		ms = (ms + 500) / 1000 * 1000;
	duration_format(ms, buf, TIMEFMT_TEXT_MAX);
	return buf;
}

/**
 * timefmt_parse_since() - read a time of the past
 * @text: how long ago ("12h", "2d"), or a local time: "2026-11-26", "2026-11-26 03:00[:00]", with a T
 *	in place of the space too, or "03:00[:00]" of today
 * @now_ms: now, CLOCK_REALTIME
 * @ms: set to it
 *
 * Return: whether it is one.
 */
bool timefmt_parse_since(const char *text, uint64_t now_ms, uint64_t *ms)
{
	static const char *const formats[] = {
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M",
		"%Y-%m-%d", "%H:%M:%S", "%H:%M",
	};
	time_t now = (time_t)(now_ms / 1000), then;
	uint64_t span;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		struct tm today, tm = { 0 };
		const char *end;

		localtime_r(&now, &today);
		if (formats[i][1] == 'H') {
			tm.tm_year = today.tm_year;
			tm.tm_mon = today.tm_mon;
			tm.tm_mday = today.tm_mday;
		}
		end = strptime(text, formats[i], &tm);
		tm.tm_isdst = -1;
		if (!end || *end)
			continue;
		then = mktime(&tm);
		*ms = then < 0 ? 0 : (uint64_t)then * 1000;
		return true;
	}
	if (duration_parse(text, &span))
		return false;
	*ms = span < now_ms ? now_ms - span : 0;
	return true;
}
