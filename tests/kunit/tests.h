/* SPDX-License-Identifier: GPL-2.0-only */
/* tests: the suites there are. */
#ifndef FG_TESTS_H
#define FG_TESTS_H

#include <kunit/test.h>

extern struct kunit_suite fg_lease_suite;
extern struct kunit_suite fg_lease_freeze_suite;
extern struct kunit_suite fg_lease_deadline_suite;
extern struct kunit_suite fg_lease_owner_suite;
extern struct kunit_suite fg_registry_suite;

#endif /* FG_TESTS_H */
