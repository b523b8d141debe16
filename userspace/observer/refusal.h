/* SPDX-License-Identifier: GPL-2.0-only */
/* refusal: why the observer can't be loaded, in words, and what to do about it */
#ifndef FREEZEGUARD_OBSERVER_REFUSAL_H
#define FREEZEGUARD_OBSERVER_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/findings.h"

/**
 * struct observer_machine - what loading depends on
 * @bpffs: a BPF filesystem is mounted where it belongs
 * @kernel_btf: the kernel has a description of its types
 * @initial_user_ns: this process is in the initial user namespace
 * @capabilities: its effective ones, a bit each
 * @lockdown: what /sys/kernel/security/lockdown says, or empty
 */
struct observer_machine {
	bool bpffs, kernel_btf, initial_user_ns;
	uint64_t capabilities;
	char lockdown[64];
};

/** observer_machine_look() - at this one */
void observer_machine_look(struct observer_machine *machine);

/**
 * observer_machine_check() - what can be told without trying
 * @machine: what to look at
 * @f: gets everything that is in the way: code 1 permissions, 206 the rest
 *
 * Return: whether nothing is in the way.
 */
bool observer_machine_check(const struct observer_machine *machine, struct findings *f);

/**
 * observer_refused() - the kernel didn't take a program, map or link
 * @machine: where
 * @error: negative errno
 * @what: what was tried, as in "to load the programs"
 * @log: what libbpf and the verifier printed, or NULL
 * @f: gets the reason
 */
void observer_refused(const struct observer_machine *machine, int error, const char *what,
		      const char *log, struct findings *f);

#endif
