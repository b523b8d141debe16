/* SPDX-License-Identifier: GPL-2.0-only */
/* fake_hold: superblocks that freeze and thaw as a test says, and leases on them. */
#ifndef FG_FAKE_HOLD_H
#define FG_FAKE_HOLD_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/ktime.h>

#include "lease.h"

/* The longest that anything takes that happens by itself, on a slow machine. */
#define FAKE_SOON_MS	20000

#define FAKE_HOLDS_MAX	8

/**
 * struct fake_super - a superblock that is none
 * @sb: what the code under test has a pointer to
 * @write_backs: how many pieces its write-back takes; 0: one; set by the test, as all up to
 *	@thaw_continuity
 * @write_back_error: what it returns
 * @write_back_hangs: each of them takes until @write_back_go is completed
 * @freeze_error: what its freeze returns
 * @freeze_other_holders: its freeze succeeds on top of somebody else's: has to be undone, but is -EBUSY
 * @freeze_hangs: its freeze returns when @freeze_go is completed
 * @thaw_errors: its first so many thaws fail with -EIO
 * @thaw_hangs: its thaws return when @thaw_go is completed
 * @others: somebody else keeps it frozen
 * @thaw_continuity: what its thaw says
 * @freezes: freezes that began
 * @thaws: thaws that returned 0
 * @puts: times that it was let go of
 * @written_back: when its write-back returned, in the order of such things
 * @begun: when its freeze began, in the order of such things
 * @frozen: when its freeze returned, likewise
 */
struct fake_super {
	struct super_block sb;
	unsigned int write_backs;
	int write_back_error;
	bool write_back_hangs;
	struct completion write_back_go;
	int freeze_error;
	bool freeze_other_holders;
	bool freeze_hangs;
	struct completion freeze_go;
	unsigned int thaw_errors;
	bool thaw_hangs;
	struct completion thaw_go;
	bool others;
	enum freezeguard_continuity thaw_continuity;

	atomic_t freezes;
	atomic_t thaws;
	atomic_t puts;
	int written_back;
	int begun;
	int frozen;
};

/**
 * struct fake_world - what one test has
 * @supers: its superblocks
 * @changed: FG_LEASE_CHANGED that came
 * @ending: FG_LEASE_ENDING likewise
 * @thaw_failed: FG_LEASE_THAW_FAILED likewise
 * @retired: leases that became history
 * @retired_live: ... though they were live
 * @expedited: how often RCU was asked to be short and not yet told that it need not
 * @order: counts freezes that begin and return
 * @holds: holds that were made
 * @destroyed: holds that were freed, with their leases
 * @to_registry: whether leases that end go to the registry
 */
struct fake_world {
	struct fake_super supers[FAKE_HOLDS_MAX];
	atomic_t changed;
	atomic_t ending;
	atomic_t thaw_failed;
	atomic_t retired;
	atomic_t retired_live;
	atomic_t expedited;
	atomic_t order;
	atomic_t holds;
	atomic_t destroyed;
	bool to_registry;
};

/* The one of the test that runs. */
extern struct fake_world *fake_world;

int fake_world_init(struct kunit *test);
void fake_world_exit(struct kunit *test);

struct fg_lease *fake_lease(struct kunit *test, const char *id, u64 timeout_ms,
			    const unsigned int *supers, const unsigned int *levels, unsigned int n);
struct fg_lease *fake_start(struct kunit *test, u64 timeout_ms, unsigned int n);
struct fg_lease *fake_frozen(struct kunit *test, u64 timeout_ms, unsigned int n);
void fake_release(struct kunit *test);
enum freezeguard_lease_state fake_state(struct fg_lease *lease);
void fake_hold(struct fg_lease *lease, unsigned int super, struct fg_hold *copy);
enum freezeguard_hold_state fake_hold_state(struct fg_lease *lease, unsigned int super);

/* Is @condition true within @ms? Looks again and again. */
#define fake_within(ms, condition) ({ \
	ktime_t until_ = ktime_add_ms(ktime_get(), ms); \
	bool true_; \
	while (!(true_ = (condition)) && ktime_before(ktime_get(), until_)) \
		usleep_range(500, 1500); \
	true_ || (condition); \
})

/* Fail unless @condition is soon true */
#define EXPECT_SOON(test, condition) \
	KUNIT_EXPECT_TRUE_MSG(test, fake_within(FAKE_SOON_MS, condition), \
			      "not soon: %s", #condition)
#define ASSERT_SOON(test, condition) \
	KUNIT_ASSERT_TRUE_MSG(test, fake_within(FAKE_SOON_MS, condition), \
			      "not soon: %s", #condition)

#endif /* FG_FAKE_HOLD_H */
