/* SPDX-License-Identifier: GPL-2.0-only */
/* post_script: waiting until applications are released, and reporting the result */
#ifndef FREEZEGUARD_APPS_POST_SCRIPT_H
#define FREEZEGUARD_APPS_POST_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "apps/record.h"
#include "freezectl.h"

/**
 * struct apps_end - the applications of a freeze that is being ended; zero it before use
 * @record: the record; its id is empty if there is none
 * @fd: a connection to their supervisor; or a negative errno
 * @first: nobody had ended it before
 * @post_script: it is its post-script, or another owner's thaw, that ends it
 */
struct apps_end {
	struct record record;
	int fd;
	bool first, post_script;
};

bool apps_alive(const char *run_dir, const struct record *record);
void apps_thaw_for_dead(struct freezectl *ctl, const struct config *config, struct record *record,
			int code, uint64_t until_ns);
int apps_end_begin(const char *run_dir, const char *id, const char *word, struct apps_end *end);
void apps_end_unreadable(struct freezectl *ctl, const struct config *config, const char *id,
			 int error);
bool apps_end_wait(struct freezectl *ctl, const struct config *config, struct apps_end *end,
		   uint64_t until_ns);
bool apps_end_missing(struct freezectl *ctl, const struct config *config,
		      const struct text_list *names, const char *id);
void apps_end_unnamed(struct freezectl *ctl, const struct config *config,
		      const struct record *record, const struct text_list *names);
void apps_end_remember(struct freezectl *ctl, const struct config *config,
		       const struct freezeguard_lease *lease);
void apps_end_forget(const struct config *config, const char *id);
void apps_end_verdict(struct freezectl *ctl, const struct apps_end *end, uint64_t lease_ended_ns);
void apps_end_free(struct apps_end *end);

#endif
