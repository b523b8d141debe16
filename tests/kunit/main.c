// SPDX-License-Identifier: GPL-2.0-only
/* freezeguard_kunit: KUnit tests, which run when this is loaded. */
#include <kunit/test.h>
#include <linux/module.h>

#include "tests.h"

kunit_test_suites(&fg_lease_suite, &fg_lease_freeze_suite, &fg_lease_deadline_suite,
		  &fg_lease_owner_suite, &fg_registry_suite);

MODULE_DESCRIPTION("KUnit tests of freezeguard's leases and registry");
MODULE_LICENSE("GPL");
