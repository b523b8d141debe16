/* SPDX-License-Identifier: GPL-2.0-only */
/* message: makes messages from the table, valid ones and spoilt ones, and says what to expect. */
#ifndef FUZZ_MESSAGE_H
#define FUZZ_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "table.h"

/* What answer a message must get. */
enum fuzz_expect {
	FUZZ_WELL_FORMED,	/* the family itself decides; if it refuses, it says why */
	FUZZ_MALFORMED,		/* refused, by whomever */
	FUZZ_DOUBTFUL,		/* may be anything */
	FUZZ_NOT_A_REQUEST,	/* acknowledged and not looked at */
	FUZZ_NOT_A_MESSAGE,	/* no answer: netlink itself drops what its length doesn't fit */
};

struct fuzz_message {
	uint8_t cmd;
	bool ack;		/* asks for an acknowledgement, also of success */
	bool dump;
	enum fuzz_expect expect;
	size_t at, len;		/* in the batch */
	bool answered;
	unsigned int replies;
};

#define FUZZ_BATCH_MAX		32
#define FUZZ_BATCH_SIZE		(160 * 1024)

/* Messages that leave with one send, and therefore arrive in one buffer. */
struct fuzz_batch {
	uint32_t seq;		/* of the first message */
	unsigned int n;
	size_t len;
	bool full;		/* nothing may follow */
	struct fuzz_message messages[FUZZ_BATCH_MAX];
	char data[FUZZ_BATCH_SIZE];
};

#define FUZZ_RECENT	16

/* What the makers of messages choose from. */
struct fuzz_maker {
	uint64_t random;		/* the generator's state */
	uint16_t family;
	const int *good_fds, *bad_fds;	/* on filesystems that can freeze; all others */
	unsigned int n_good_fds, n_bad_fds;
	const volatile uint64_t *recent;	/* FUZZ_RECENT numbers of leases */
	/* of the message being made */
	unsigned int spoil_one_in;	/* attributes; 0: none */
	bool spoilt;
};

uint32_t fuzz_random(struct fuzz_maker *m, uint32_t below);
bool fuzz_one_in(struct fuzz_maker *m, uint32_t n);
void fuzz_begin(struct fuzz_batch *b, uint32_t seq);
void fuzz_add(struct fuzz_batch *b, struct fuzz_maker *m);
void fuzz_add_get(struct fuzz_batch *b, struct fuzz_maker *m, uint64_t number);

#endif
