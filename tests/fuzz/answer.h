/* SPDX-License-Identifier: GPL-2.0-only */
/* answer: sends batches, judges what is answered, and counts. */
#ifndef FUZZ_ANSWER_H
#define FUZZ_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

/* What a socket's sender and opener may do. */
enum fuzz_privilege {
	FUZZ_NOTHING,		/* unprivileged, at least one of them */
	FUZZ_OWN,		/* what a user namespace owns */
	FUZZ_ALL,
};

/* Filesystems owned by the user namespace have names that begin so. */
#define FUZZ_OWN_PREFIX	"own"

#define FUZZ_CMDS	16	/* 0: commands that don't exist */
#define FUZZ_ERRNOS	160

/* What was answered; in memory shared with the test, one for each process that sends. */
struct fuzz_counts {
	uint64_t sent, batches;
	uint64_t accepted[FUZZ_CMDS];
	uint64_t refused[FUZZ_CMDS][FUZZ_ERRNOS];	/* by the family, with a message */
	uint64_t malformed[FUZZ_CMDS];	/* by netlink or the policy */
	uint64_t malformed_explained;	/* those with a message */
	uint64_t dumps, dump_parts;
	uint64_t not_requests, not_messages;
	uint64_t notifications, overruns;
};

struct fuzz_talker {
	const char *name;		/* of its process, for reports */
	struct fuzz_maker maker;
	struct fuzz_counts *counts;
	volatile uint64_t *recent;
	int fd;
	bool connected;
	enum fuzz_privilege privilege;
	uint32_t seq;
	uint64_t *own;			/* numbers of the leases that FUZZ_OWN has made, ascending */
	unsigned int n_own;
	uint64_t to_check;		/* the newest of them, whose holds are still to be looked at */
};

void fuzz_socket(struct fuzz_talker *t, int fd, enum fuzz_privilege privilege, bool connected);
void fuzz_talk(struct fuzz_talker *t, unsigned int n);

#endif
