/* SPDX-License-Identifier: GPL-2.0-only */
/* info: what of the observer is loaded */
#ifndef FREEZEGUARD_OBSERVER_INFO_H
#define FREEZEGUARD_OBSERVER_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * enum observer_point_state - a program of the observer, in this kernel
 * @OBSERVER_POINT_ATTACHED: it is where it belongs
 * @OBSERVER_POINT_ABSENT: it has nowhere to be: this kernel doesn't have the function
 * @OBSERVER_POINT_MISSING: it should be there and isn't
 */
enum observer_point_state {
	OBSERVER_POINT_ATTACHED,
	OBSERVER_POINT_ABSENT,
	OBSERVER_POINT_MISSING,
};

/**
 * struct observer_point - where a program of the observer sits
 * @name: the program's
 * @kind: "fentry", "fexit", "kprobe", "kretprobe" or "iter"
 * @function: the kernel's function, or what the iterator walks; empty if this freezectl has no program
 *	of that name
 * @optional: not every kernel has the function
 * @state: is it there
 * @program: the kernel's number of it; 0: none
 * @has_runs: the kernel counts runs (kernel.bpf_stats_enabled)
 * @runs: how often it ran
 * @run_ns: how long altogether
 * @has_missed: the kernel could be asked what it missed
 * @missed: how often the kernel skipped it
 */
struct observer_point {
	char name[32], kind[12], function[48];
	bool optional;
	enum observer_point_state state;
	uint32_t program;
	bool has_runs;
	uint64_t runs, run_ns;
	bool has_missed;
	uint64_t missed;
};

/**
 * struct observer_info - what is loaded
 * @loaded: something is
 * @same_build: it is what this freezectl would load
 * @unfinished: a load was killed and left something
 * @version: of the freezectl that loaded it
 * @loaded_ns: when it was loaded, CLOCK_BOOTTIME
 * @counting_ns: since when the totals are counted
 * @skipped: at most so many calls that no program of a place saw, because the kernel skipped them all
 * @v: its programs
 * @n: how many
 */
struct observer_info {
	bool loaded, same_build, unfinished;
	char version[32];
	uint64_t loaded_ns, counting_ns, skipped;
	struct observer_point *v;
	size_t n;
};

/**
 * observer_info_read() - what is loaded
 * @info: set; observer_info_clear() it
 *
 * Return: 0, also if nothing is loaded; or a negative errno.
 */
int observer_info_read(struct observer_info *info);
void observer_info_clear(struct observer_info *info);

#endif
