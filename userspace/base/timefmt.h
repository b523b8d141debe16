/* SPDX-License-Identifier: GPL-2.0-only */
/* timefmt: the kernel's times, for people: "05:30:12, in 60s" */
#ifndef FREEZEGUARD_BASE_TIMEFMT_H
#define FREEZEGUARD_BASE_TIMEFMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

/* Room for every text that is made here, with the terminating NUL. */
#define TIMEFMT_TEXT_MAX 96

/**
 * struct clocks - one moment on both clocks
 * @now_ns: CLOCK_BOOTTIME
 * @wall_ns: CLOCK_REALTIME at that moment
 */
struct clocks {
	uint64_t now_ns;
	uint64_t wall_ns;
};

struct clocks timefmt_now(void);
const char *timefmt_clock(const struct clocks *clocks, uint64_t ns, char buf[TIMEFMT_TEXT_MAX]);
const char *timefmt_text(const struct clocks *clocks, uint64_t ns, char buf[TIMEFMT_TEXT_MAX]);
const char *timefmt_iso(const struct clocks *clocks, uint64_t ns, char buf[TIMEFMT_TEXT_MAX]);
const char *timefmt_span(uint64_t from_ns, uint64_t to_ns, char buf[TIMEFMT_TEXT_MAX]);
bool timefmt_parse_since(const char *text, uint64_t now_ms, uint64_t *ms);

#endif
