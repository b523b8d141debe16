/* SPDX-License-Identifier: GPL-2.0-only */
/* lease_test: shared by the tests of leases. */
#ifndef FG_LEASE_TEST_H
#define FG_LEASE_TEST_H

#include "lease.h"

struct kunit;

/* Long enough to end by nothing but what a test does. */
#define LONG_MS		120000
/* The longest that a lease may live, for fg_lease_extend(). */
#define LONGEST_NS	(600000 * NSEC_PER_MSEC)

enum freezeguard_lease_state last_state_of(enum freezeguard_cause cause);
void expect_balanced(struct kunit *test, unsigned int n, int freezes);
void await_over(struct kunit *test, struct fg_lease *lease);

#endif /* FG_LEASE_TEST_H */
