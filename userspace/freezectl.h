/* SPDX-License-Identifier: GPL-2.0-only */
/* freezectl: one call of the program, and what the subcommands ask of it */
#ifndef FREEZEGUARD_FREEZECTL_H
#define FREEZEGUARD_FREEZECTL_H

#include <stdbool.h>
#include <stdint.h>

#include <freezeguard.h>

#include "base/config.h"
#include "base/findings.h"
#include "plan/mounts.h"
#include "observer/read.h"
#include "base/output.h"
#include "plan/paths.h"

#define DEFAULT_WAIT_MS		10000

/* How long anything is waited for that should have happened already. */
#define GRACE_MS		1000
/* What a roll-back may take after the caller has given up; the rest is the kernel's. */
#define ROLL_BACK_MS		1500
/* How long a reader may take to read what is printed when nothing is frozen. */
#define PRINT_MS		30000

/**
 * struct freezectl - one call of the program
 * @findings: what was found out; the exit code comes from it
 * @out: what is printed at the end
 * @fg: the connection to the kernel; NULL until freezectl_connect()
 * @mounts: the mount table, for the paths of filesystems; read if it is needed
 * @observer: the observer; NULL until freezectl_observer(), and if none is loaded
 * @observer_error: why not, as observer_open() returned it
 * @stalls_unknown_said: it was said that without one the stalls of writers are not known
 * @config: the configuration; empty until freezectl_config()
 */
struct freezectl {
	struct findings findings;
	struct output out;
	struct freezeguard *fg;
	struct mounts_once mounts;
	bool observer_tried;
	struct observer *observer;
	int observer_error;
	bool stalls_unknown_said;
	struct config config;
};

void freezectl_usage(struct freezectl *ctl, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
bool freezectl_duration(struct freezectl *ctl, const char *what, const char *text, uint32_t *ms);
bool freezectl_id(struct freezectl *ctl, const char *id);
bool freezectl_sees_all(void);
bool freezectl_connect(struct freezectl *ctl);
void freezectl_refused(struct freezectl *ctl, const char *target, int otherwise);
bool freezectl_fs(struct freezectl *ctl, const char *path, int otherwise,
		  struct freezeguard_fs *fs);
const char *freezectl_config_file(void);
const struct config *freezectl_config(struct freezectl *ctl, const char *profile,
				      const char *usual);
struct observer *freezectl_observer(struct freezectl *ctl);
bool freezectl_keep(struct freezectl *ctl, const char *id, uint64_t until_ns,
		    bool (*keep)(struct freezectl *ctl, void *arg), void *arg);
uint64_t freezectl_in_ms(uint64_t ms);

#endif
