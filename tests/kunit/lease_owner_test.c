// SPDX-License-Identifier: GPL-2.0-only
/* The socket that a lease is bound to. */
#include <linux/net.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "fake_hold.h"
#include "lease_test.h"
#include "tests.h"

static struct sock *bind_to_socket(struct kunit *test, struct fg_lease *lease,
				   struct socket **socket)
{
	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, PF_UNIX, SOCK_DGRAM, 0, socket), 0);
	lease->owner.sk = (*socket)->sk;
	sock_hold(lease->owner.sk);
	return lease->owner.sk;
}

static const unsigned int first_super;

static void detach(struct kunit *test)
{
	struct fake_super *super = &fake_world->supers[0];
	struct fg_lease_info info;
	struct fg_owner owner;
	struct socket *socket;
	struct fg_lease *lease;

	super->freeze_hangs = true;
	super->thaw_hangs = true;
	lease = fake_lease(test, "detach", LONG_MS, &first_super, NULL, 1);
	bind_to_socket(test, lease, &socket);
	fg_lease_start(lease);
	KUNIT_EXPECT_EQ(test, fg_lease_detach(lease), -EAGAIN);
	KUNIT_EXPECT_TRUE(test, fg_lease_owner_get(lease, &owner));
	KUNIT_EXPECT_PTR_EQ(test, owner.sk, socket->sk);
	sock_put(owner.sk);
	complete(&super->freeze_go);
	EXPECT_SOON(test, fake_state(lease) == FREEZEGUARD_LEASE_STATE_FROZEN);
	EXPECT_SOON(test, atomic_read(&fake_world->changed) == 2);

	KUNIT_EXPECT_EQ(test, fg_lease_detach(lease), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->changed), 3);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_FALSE(test, info.bound);
	KUNIT_EXPECT_FALSE(test, fg_lease_owner_get(lease, &owner));
	KUNIT_EXPECT_EQ(test, fg_lease_detach(lease), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->changed), 3);
	/* The death of the socket is none of its business any more. */
	sock_set_flag(socket->sk, SOCK_DEAD);
	fg_lease_end_orphaned(lease);
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_FROZEN);

	KUNIT_EXPECT_EQ(test, fg_lease_end(lease, FREEZEGUARD_CAUSE_REQUEST), 0);
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_THAWING);
	KUNIT_EXPECT_EQ(test, fg_lease_detach(lease), -EALREADY);
	complete(&super->thaw_go);
	await_over(test, lease);
	KUNIT_EXPECT_EQ(test, fg_lease_detach(lease), -EALREADY);
	sock_reset_flag(socket->sk, SOCK_DEAD);
	sock_release(socket);
	fg_lease_put(lease);
}

static void the_owner_dies(struct kunit *test)
{
	struct fg_lease_info info;
	struct socket *socket;
	struct fg_lease *lease;
	struct fg_owner owner;

	lease = fake_lease(test, "orphan", LONG_MS, &first_super, NULL, 1);
	bind_to_socket(test, lease, &socket);
	fg_lease_start(lease);
	EXPECT_SOON(test, fake_state(lease) == FREEZEGUARD_LEASE_STATE_FROZEN);
	fg_lease_end_orphaned(lease);	/* it lives */
	KUNIT_EXPECT_EQ(test, fake_state(lease), FREEZEGUARD_LEASE_STATE_FROZEN);
	sock_set_flag(socket->sk, SOCK_DEAD);
	fg_lease_end_orphaned(lease);
	await_over(test, lease);
	fg_lease_snapshot(lease, &info);
	KUNIT_EXPECT_EQ(test, info.state, FREEZEGUARD_LEASE_STATE_ABORTED);
	KUNIT_EXPECT_EQ(test, info.cause, FREEZEGUARD_CAUSE_OWNER_DEATH);
	KUNIT_EXPECT_TRUE(test, info.bound);
	/* History doesn't keep the socket. */
	EXPECT_SOON(test, !fg_lease_owner_get(lease, &owner));
	sock_reset_flag(socket->sk, SOCK_DEAD);
	sock_release(socket);
	fg_lease_put(lease);
}

/* A lease that is given up before it was started lets go of everything. */
static void never_started(struct kunit *test)
{
	struct socket *socket;
	struct fg_lease *lease;
	unsigned int refs;

	lease = fake_lease(test, "never", LONG_MS, &first_super, NULL, 1);
	bind_to_socket(test, lease, &socket);
	refs = refcount_read(&socket->sk->sk_refcnt);
	fg_lease_put(lease);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[0].puts), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake_world->supers[0].freezes), 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&socket->sk->sk_refcnt), refs - 1);
	sock_release(socket);
}

static struct kunit_case fg_lease_owner_cases[] = {
	KUNIT_CASE(detach),
	KUNIT_CASE(the_owner_dies),
	KUNIT_CASE(never_started),
	{ }
};

struct kunit_suite fg_lease_owner_suite = {
	.name = "freezeguard_lease_owner",
	.init = fake_world_init,
	.exit = fake_world_exit,
	.test_cases = fg_lease_owner_cases,
};
