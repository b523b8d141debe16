/* SPDX-License-Identifier: GPL-2.0-only */
/* programs: which programs the observer has, and which of them a kernel has a place for */
#ifndef FREEZEGUARD_OBSERVER_PROGRAMS_H
#define FREEZEGUARD_OBSERVER_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/findings.h"
#include "observer/pins.h"

struct observer_bpf;

/** observer_programs_open() - of this freezectl. Return: NULL: errno says why not. */
struct observer_bpf *observer_programs_open(void);

/** observer_programs_build() - a number that is another one for other programs */
uint64_t observer_programs_build(void);

/**
 * observer_programs_fit() - leave out what this kernel has no place for, and tell the rest how it is
 * @skel: the programs, not loaded yet
 * @kernel: the kernel's types
 * @f: gets each function that is missing and without which the observer is none
 *
 * Return: 0 or -ENOTSUP.
 */
int observer_programs_fit(struct observer_bpf *skel, const struct btf *kernel,
			  struct findings *f);

/** observer_program_target() - the kernel's function that it sits on, or what an iterator walks */
const char *observer_program_target(const struct bpf_program *program);
bool observer_program_is_iterator(const struct bpf_program *program);

/** observer_program_is_probe() - a kprobe or kretprobe, the second way to where it sits */
bool observer_program_is_probe(const struct bpf_program *program);

/** observer_program_stays() - it is pinned; the other one is run once, by the loader */
bool observer_program_stays(const struct bpf_program *program);

/** observer_program_is_optional() - the observer works on kernels, too, that have no place for it */
bool observer_program_is_optional(const struct bpf_program *program);

/** observer_program_has_place() - can it be attached in this kernel, which has these types? */
bool observer_program_has_place(const struct bpf_program *program, const struct btf *kernel);

/** observer_program_pin() - where its link or iterator is pinned, in the set @dir */
void observer_program_pin(char path[OBSERVER_PATH_MAX], const char *dir,
			  const struct bpf_program *program);

#endif
