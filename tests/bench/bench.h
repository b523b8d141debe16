/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the measurements have in common. They are tests of tests/kernel's harness, which ends whatever
 * one leaves behind. Each makes samples of named series, one after another, into the file
 * $BENCH_SAMPLES; figures.py knows which series are compared, report.py compares them.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "kt.h"

#define FREEZECTL	"freezectl"
#define FSFREEZE	"/usr/sbin/fsfreeze"

/* What a process took, from its start to when it had been waited for. */
struct cost {
	uint64_t wall_ns;
	uint64_t cpu_ns;
};

bool bench_quick(void);
unsigned int bench_runs(unsigned int full, unsigned int quick);
void bench_sample(const char *series, double value);
void bench_sample_ns(const char *series, uint64_t ns);
const char *bench_name(const char *format, ...) __attribute__((format(printf, 1, 2)));

void bench_settle(void);
struct cost bench_program(const char *const *argv);
void bench_ioctl_thaw(int fd);

struct fg_lease *bench_lease(struct fgnl *nl, const int *fds, unsigned int n, uint32_t timeout_ms,
			     uint64_t *wall_ns);
void bench_await(struct fgnl *nl, uint64_t number, uint32_t state);
uint64_t bench_end(struct fgnl *nl, uint64_t number);

#endif
