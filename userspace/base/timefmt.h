/* SPDX-License-Identifier: GPL-2.0-only */
/* when: the kernel's times, for people: "05:30:12, in 60s" */
#ifndef FREEZEGUARD_WHEN_H
#define FREEZEGUARD_WHEN_H

#include <stddef.h>
#include <stdint.h>

/* Room for every text that is made here, with the terminating NUL. */
#define WHEN_TEXT_MAX 96

#define NS_PER_MS	1000000ULL
#define NS_PER_S	1000000000ULL

/**
 * struct when - one moment on both clocks
 * @now_ns: CLOCK_BOOTTIME
 * @wall_ns: CLOCK_REALTIME at that moment
 */
struct when {
	uint64_t now_ns;
	uint64_t wall_ns;
};

struct when when_now(void);
const char *when_clock(const struct when *when, uint64_t ns, char buf[WHEN_TEXT_MAX]);
const char *when_text(const struct when *when, uint64_t ns, char buf[WHEN_TEXT_MAX]);
const char *when_iso(const struct when *when, uint64_t ns, char buf[WHEN_TEXT_MAX]);
const char *when_span(uint64_t from_ns, uint64_t to_ns, char buf[WHEN_TEXT_MAX]);

#endif
