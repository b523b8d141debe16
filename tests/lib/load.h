/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads that keep a machine from doing what it should, and ways to be scheduled beside them. What
 * a load starts ends with the test, and by itself some seconds after it was switched on.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stdint.h>

void load_beside(unsigned int runtime_ms, unsigned int period_ms);
void load_keep_in_memory(void);

void load_prepare(void);
void load_hogs(int priority);
void load_reserve_all(void);
void load_busy(unsigned int n);
void load_memory(void);
void load_forks(void);
void load_on(unsigned int seconds);
void load_off(void);

uint64_t load_oom_kills(void);
unsigned int load_forks_alive(void);

void load_cgroup(const char *name);
void load_cgroup_join(const char *name);
void load_cgroup_set(const char *name, const char *file, const char *value);
bool load_cgroup_has(const char *name, const char *file, const char *line);

#endif
