// SPDX-License-Identifier: GPL-2.0-only
/* fake_hold: hold.h on superblocks that freeze and thaw as a test says. */
#include <linux/slab.h>
#include <linux/string.h>

#include "expedite.h"
#include "fake_hold.h"
#include "registry.h"
#include "writeback.h"

struct fake_world *fake_world;

static struct fake_super *fake_super_of(const struct fg_hold *hold)
{
	return container_of(hold->sb, struct fake_super, sb);
}

/* ---- writeback.h and hold.h ---- */

int fg_writeback(struct super_block *sb, bool (*stop)(void *data), void *data)
{
	struct fake_super *super = container_of(sb, struct fake_super, sb);

	do {
		if (super->write_back_hangs)
			wait_for_completion(&super->write_back_go);
	} while (!stop(data) && super->write_backs && --super->write_backs);
	super->written_back = atomic_inc_return(&fake_world->order);
	return super->write_back_error;
}

int fg_hold_freeze(struct fg_hold *hold, bool *frozen)
{
	struct fake_super *super = fake_super_of(hold);

	super->begun = atomic_inc_return(&fake_world->order);
	atomic_inc(&super->freezes);
	if (super->freeze_hangs)
		wait_for_completion(&super->freeze_go);
	super->frozen = atomic_inc_return(&fake_world->order);
	*frozen = !super->freeze_error;
	return super->freeze_other_holders ? -EBUSY : super->freeze_error;
}

int fg_hold_thaw(struct fg_hold *hold, enum freezeguard_continuity *continuity)
{
	struct fake_super *super = fake_super_of(hold);

	if (super->thaw_hangs)
		wait_for_completion(&super->thaw_go);
	*continuity = super->thaw_continuity;
	if (super->thaw_errors) {
		super->thaw_errors--;
		super->thaw_continuity = FREEZEGUARD_CONTINUITY_BROKEN;
		return -EIO;
	}
	atomic_inc(&super->thaws);
	return 0;
}

bool fg_hold_frozen_by_others(const struct fg_hold *hold)
{
	return fake_super_of(hold)->others;
}

bool fg_hold_turned_read_only(const struct fg_hold *hold)
{
	return false;
}

void fg_hold_put_super(struct fg_hold *hold)
{
	hold->mnt = NULL;
	atomic_inc(&fake_super_of(hold)->puts);
}

void fg_hold_destroy(struct fg_hold *hold)
{
	atomic_inc(&fake_world->destroyed);
}

/* ---- compat/rcu.c ---- */

bool fg_rcu_expedite(void)
{
	atomic_inc(&fake_world->expedited);
	return true;
}

void fg_rcu_unexpedite(void)
{
	atomic_dec(&fake_world->expedited);
}

/* ---- what the lease tells ---- */

static void fake_happened(struct fg_lease *lease, enum fg_lease_event what, struct fg_hold *hold)
{
	switch (what) {
	case FG_LEASE_CHANGED:
		atomic_inc(&fake_world->changed);
		break;
	case FG_LEASE_ENDING:
		atomic_inc(&fake_world->ending);
		break;
	case FG_LEASE_THAW_FAILED:
		atomic_inc(&fake_world->thaw_failed);
		break;
	}
}

static void fake_retired(struct fg_lease *lease)
{
	/* Everything else that changes a lease comes before its threads are through. */
	if (fg_lease_is_live(lease))
		atomic_inc(&fake_world->retired_live);
	if (fake_world->to_registry)
		fg_registry_retire(lease);
	atomic_inc(&fake_world->retired);
}

static const struct fg_lease_events fake_events = {
	.happened = fake_happened,
	.retired = fake_retired,
};

/* ---- a test's world ---- */

/**
 * fake_world_init() - before a test
 * @test: the test
 *
 * Return: 0 or -ENOMEM.
 */
int fake_world_init(struct kunit *test)
{
	unsigned int i;

	fake_world = kvzalloc(sizeof(*fake_world), GFP_KERNEL);
	if (!fake_world)
		return -ENOMEM;
	for (i = 0; i < FAKE_HOLDS_MAX; i++) {
		init_completion(&fake_world->supers[i].write_back_go);
		init_completion(&fake_world->supers[i].freeze_go);
		init_completion(&fake_world->supers[i].thaw_go);
		fake_world->supers[i].thaw_continuity = FREEZEGUARD_CONTINUITY_GUARANTEED;
	}
	return fg_lease_init(&fake_events);
}

/**
 * fake_release() - let every freeze and thaw return that hangs, now and later
 * @test: the test
 */
void fake_release(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < FAKE_HOLDS_MAX; i++) {
		complete_all(&fake_world->supers[i].write_back_go);
		complete_all(&fake_world->supers[i].freeze_go);
		complete_all(&fake_world->supers[i].thaw_go);
	}
}

/**
 * fake_world_exit() - after a test: every lease must have gone, with all that it had
 * @test: the test
 *
 * A lease that is not freed has threads in this module's code, or is lost memory. What it may
 * still use is kept then.
 */
void fake_world_exit(struct kunit *test)
{
	struct fake_world *world = fake_world;
	bool gone;

	if (!world)
		return;
	fake_release(test);
	if (world->to_registry) {
		KUNIT_EXPECT_TRUE(test, fg_registry_wait_idle(FAKE_SOON_MS));
		fg_registry_clear();
	}
	gone = fake_within(FAKE_SOON_MS,
			   atomic_read(&world->destroyed) == atomic_read(&world->holds));
	KUNIT_EXPECT_TRUE_MSG(test, gone, "%d holds of %d were freed",
			      atomic_read(&world->destroyed), atomic_read(&world->holds));
	KUNIT_EXPECT_EQ(test, atomic_read(&world->retired_live), 0);
	if (!gone)
		return;
	fg_lease_exit();
	fg_expedite_exit();
	KUNIT_EXPECT_EQ(test, atomic_read(&world->expedited), 0);
	fake_world = NULL;
	kvfree(world);
}

/**
 * fake_lease() - a lease that is prepared
 * @test: the test
 * @id: its name
 * @timeout_ms: its deadline, from now
 * @supers: which superblocks
 * @levels: their levels, or NULL for 0
 * @n: how many
 *
 * Return: the lease, with a reference for the caller.
 */
struct fg_lease *fake_lease(struct kunit *test, const char *id, u64 timeout_ms,
			    const unsigned int *supers, const unsigned int *levels, unsigned int n)
{
	struct fg_lease *lease = fg_lease_alloc(n);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, lease);
	strscpy(lease->id, id, sizeof(lease->id));
	for (i = 0; i < n; i++) {
		struct fg_hold *hold = &lease->holds[lease->nr_holds++];

		INIT_HLIST_NODE(&hold->by_sb);
		hold->lease = lease;
		hold->sb = &fake_world->supers[supers[i]].sb;
		hold->mnt = ERR_PTR(-EINVAL);	/* there is one */
		hold->dev = MKDEV(0, supers[i]);
		hold->level = levels ? levels[i] : 0;
		hold->state = FREEZEGUARD_HOLD_STATE_WAITING;
		hold->continuity = FREEZEGUARD_CONTINUITY_UNKNOWN;
		atomic_inc(&fake_world->holds);
	}
	fg_lease_prepare(lease, timeout_ms * NSEC_PER_MSEC);
	return lease;
}

/**
 * fake_start() - a lease on the first superblocks, begun
 * @test: the test
 * @timeout_ms: its deadline, from now
 * @n: on how many
 *
 * Return: the lease, with a reference for the caller.
 */
struct fg_lease *fake_start(struct kunit *test, u64 timeout_ms, unsigned int n)
{
	static const unsigned int supers[FAKE_HOLDS_MAX] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	struct fg_lease *lease = fake_lease(test, "kunit", timeout_ms, supers, NULL, n);

	fg_lease_start(lease);
	return lease;
}

/**
 * fake_frozen() - the same, and FROZEN
 * @test: the test
 * @timeout_ms: its deadline, from now
 * @n: on how many superblocks
 *
 * Return: the lease, with a reference for the caller.
 */
struct fg_lease *fake_frozen(struct kunit *test, u64 timeout_ms, unsigned int n)
{
	struct fg_lease *lease = fake_start(test, timeout_ms, n);

	EXPECT_SOON(test, fake_state(lease) == FREEZEGUARD_LEASE_STATE_FROZEN);
	return lease;
}

/**
 * fake_state() - where a lease is in its life
 * @lease: the lease
 *
 * Return: its state.
 */
enum freezeguard_lease_state fake_state(struct fg_lease *lease)
{
	struct fg_lease_info info;

	fg_lease_snapshot(lease, &info);
	return info.state;
}

/**
 * fake_hold() - what is known of one superblock of a lease, which keeps them in an order of its own
 * @lease: the lease
 * @super: which superblock
 * @copy: where to; all zero if the lease has no such superblock
 */
void fake_hold(struct fg_lease *lease, unsigned int super, struct fg_hold *copy)
{
	unsigned int i;

	for (i = 0; i < lease->nr_holds; i++) {
		fg_lease_snapshot_hold(&lease->holds[i], copy);
		if (copy->sb == &fake_world->supers[super].sb)
			return;
	}
	memset(copy, 0, sizeof(*copy));
}

/**
 * fake_hold_state() - where one superblock of a lease is
 * @lease: the lease
 * @super: which superblock
 *
 * Return: its hold's state, or 0 if the lease has no such superblock.
 */
enum freezeguard_hold_state fake_hold_state(struct fg_lease *lease, unsigned int super)
{
	struct fg_hold copy;

	fake_hold(lease, super, &copy);
	return copy.state;
}
