// SPDX-License-Identifier: GPL-2.0-only
/* registry: all leases, live ones and the bounded history; who holds which superblock. */
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/stringhash.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "registry.h"
#include "trace.h"

/* How many ended leases are kept; how many can live. Module parameters. */
unsigned int fg_registry_history_max = 256;
unsigned int fg_registry_live_max = 4096;

/*
 * How many leases have ended in each of the last states, THAWED first; also a module parameter, to
 * be read. The numbers never fall, whereas counts of the history do, since the history is bounded.
 */
unsigned long fg_registry_nr_ended[FREEZEGUARD_LEASE_STATE_FAILED -
				   FREEZEGUARD_LEASE_STATE_THAWED + 1];

/* Guards everything below. Outermost; never held across anything that sleeps. */
static DEFINE_SPINLOCK(fg_registry_lock);
static DEFINE_XARRAY(fg_registry_leases);	/* by number: lookup and the order of dumps */
static DEFINE_HASHTABLE(fg_registry_ids, 10);	/* newest first */
static LIST_HEAD(fg_registry_live);
static LIST_HEAD(fg_registry_history);		/* oldest first */
static unsigned int fg_registry_nr_live, fg_registry_nr_history;
static unsigned int fg_registry_closed;	/* enum fg_registry_closed */
static unsigned long fg_registry_last_number;
static DECLARE_WAIT_QUEUE_HEAD(fg_registry_idle);

/*
 * The holds of live leases. Changed with both locks, so either is enough to read. The inner one is
 * for callers with preemption off, who must not wait for a lock that sleeps on PREEMPT_RT.
 */
static DEFINE_RAW_SPINLOCK(fg_registry_supers_lock);
static DEFINE_HASHTABLE(fg_registry_supers, 10);

static u32 fg_registry_hash_id(const char *id)
{
	return jhash(id, strlen(id), 0);
}

static struct fg_lease *fg_registry_lookup_id(const char *id)
{
	struct fg_lease *lease;

	lockdep_assert_held(&fg_registry_lock);
	hash_for_each_possible(fg_registry_ids, lease, by_id, fg_registry_hash_id(id))
		if (!strcmp(lease->id, id))
			return lease;
	return NULL;
}

static struct fg_hold *fg_registry_lookup_super(const struct super_block *sb)
{
	struct fg_hold *hold;

	lockdep_assert(lockdep_is_held(&fg_registry_lock) ||
		       lockdep_is_held(&fg_registry_supers_lock));
	hash_for_each_possible(fg_registry_supers, hold, by_sb, (unsigned long)sb)
		if (hold->sb == sb && fg_hold_is_live(hold))
			return hold;
	return NULL;
}

static int fg_registry_check(struct fg_lease *lease, unsigned long *conflict)
{
	struct fg_lease *other;
	struct fg_hold *held;
	unsigned int i;

	if (fg_registry_closed & FG_CLOSED_FOR_SHUTDOWN)
		return -ESHUTDOWN;
	if (fg_registry_closed)
		return -EAGAIN;
	if (fg_registry_nr_live >= READ_ONCE(fg_registry_live_max))
		return -EUSERS;
	for (i = 0; i < lease->nr_holds; i++) {
		held = fg_registry_lookup_super(lease->holds[i].sb);
		if (held) {
			*conflict = held->lease->number;
			return -EBUSY;
		}
		if (fg_hold_frozen_by_others(&lease->holds[i]))
			return -EBUSY;
	}
	other = fg_registry_lookup_id(lease->id);
	if (other && fg_lease_is_live(other)) {
		*conflict = other->number;
		return -EEXIST;
	}
	return 0;
}

/**
 * fg_registry_add() - register a lease, unless another freeze or lease conflicts with it
 * @lease: a prepared lease; gets its number, and an id if it has none
 * @conflict: receives the number of the live lease in the way, or 0
 *
 * Context: sleeps.
 * Return: 0, and the registry has a reference; -ESHUTDOWN the machine is shutting down; -EAGAIN it
 * is about to sleep; -EUSERS too many leases are live; -EBUSY a live lease holds a superblock or,
 * if @conflict is 0, something else has frozen one; -EEXIST a live lease has that id; -ENOMEM.
 */
int fg_registry_add(struct fg_lease *lease, unsigned long *conflict)
{
	unsigned int i;
	int err;

	*conflict = 0;
	spin_lock(&fg_registry_lock);
	lease->number = ++fg_registry_last_number;
	spin_unlock(&fg_registry_lock);
	if (!*lease->id)
		snprintf(lease->id, sizeof(lease->id), "lease-%lu", lease->number);
	/* Allocate here, where waiting for memory is allowed. */
	err = xa_reserve(&fg_registry_leases, lease->number, GFP_KERNEL);
	if (err)
		return err;

	spin_lock(&fg_registry_lock);
	err = fg_registry_check(lease, conflict);
	if (!err) {
		fg_lease_get(lease);
		xa_store(&fg_registry_leases, lease->number, lease, GFP_ATOMIC);
		hash_add(fg_registry_ids, &lease->by_id, fg_registry_hash_id(lease->id));
		raw_spin_lock(&fg_registry_supers_lock);
		for (i = 0; i < lease->nr_holds; i++)
			hash_add(fg_registry_supers, &lease->holds[i].by_sb,
				 (unsigned long)lease->holds[i].sb);
		raw_spin_unlock(&fg_registry_supers_lock);
		list_add_tail(&lease->list, &fg_registry_live);
		fg_registry_nr_live++;
		trace_lease_state(lease);	/* before any caller can end it */
	}
	spin_unlock(&fg_registry_lock);
	if (err)
		xa_release(&fg_registry_leases, lease->number);
	return err;
}

/* The lease holds no superblock any more. */
static void fg_registry_unlive(struct fg_lease *lease)
{
	unsigned int i;

	lockdep_assert_held(&fg_registry_lock);
	raw_spin_lock(&fg_registry_supers_lock);
	for (i = 0; i < lease->nr_holds; i++)
		hash_del(&lease->holds[i].by_sb);
	raw_spin_unlock(&fg_registry_supers_lock);
	list_del_init(&lease->list);
	if (!--fg_registry_nr_live)
		wake_up_all(&fg_registry_idle);
}

static void fg_registry_forget(struct fg_lease *lease)
{
	lockdep_assert_held(&fg_registry_lock);
	hash_del(&lease->by_id);
	xa_erase(&fg_registry_leases, lease->number);
}

/* Remove the oldest ended lease if there are more than @max. The caller puts its reference. */
static struct fg_lease *fg_registry_trim_one(unsigned int max)
{
	struct fg_lease *lease = NULL;

	spin_lock(&fg_registry_lock);
	if (fg_registry_nr_history > max) {
		lease = list_first_entry(&fg_registry_history, struct fg_lease, list);
		list_del_init(&lease->list);
		fg_registry_nr_history--;
		fg_registry_forget(lease);
	}
	spin_unlock(&fg_registry_lock);
	return lease;
}

static void fg_registry_trim(unsigned int max)
{
	struct fg_lease *lease;

	while ((lease = fg_registry_trim_one(max)))
		fg_lease_put(lease);
}

/**
 * fg_registry_retire() - move a lease to the history
 * @lease: a lease that is not live any more
 *
 * Context: may sleep; allocates nothing.
 */
void fg_registry_retire(struct fg_lease *lease)
{
	spin_lock(&fg_registry_lock);
	fg_registry_unlive(lease);
	list_add_tail(&lease->list, &fg_registry_history);
	fg_registry_nr_history++;
	fg_registry_nr_ended[READ_ONCE(lease->info.state) - FREEZEGUARD_LEASE_STATE_THAWED]++;
	spin_unlock(&fg_registry_lock);
	fg_registry_trim(READ_ONCE(fg_registry_history_max));
}

/**
 * fg_registry_find_id() - find the newest lease with an id
 * @id: the id
 *
 * Context: process context.
 * Return: the lease with a reference for the caller, or NULL.
 */
struct fg_lease *fg_registry_find_id(const char *id)
{
	struct fg_lease *lease;

	spin_lock(&fg_registry_lock);
	lease = fg_registry_lookup_id(id);
	if (lease)
		fg_lease_get(lease);
	spin_unlock(&fg_registry_lock);
	return lease;
}

/**
 * fg_registry_find_super() - find the live lease that holds a superblock
 * @sb: the superblock
 *
 * Context: process context.
 * Return: the lease with a reference for the caller, or NULL.
 */
struct fg_lease *fg_registry_find_super(const struct super_block *sb)
{
	struct fg_lease *lease = NULL;
	struct fg_hold *hold;

	spin_lock(&fg_registry_lock);
	hold = fg_registry_lookup_super(sb);
	if (hold) {
		lease = hold->lease;
		fg_lease_get(lease);
	}
	spin_unlock(&fg_registry_lock);
	return lease;
}

/**
 * fg_registry_visit_hold() - call a function for the hold of a superblock, if a live lease has one
 * @sb: the superblock
 * @fn: the function; called in atomic context
 *
 * The hold is used without a reference, because dropping one might sleep.
 *
 * Context: any but interrupts; does not sleep, on PREEMPT_RT either.
 */
void fg_registry_visit_hold(const struct super_block *sb, void (*fn)(struct fg_hold *hold))
{
	struct fg_hold *hold;

	raw_spin_lock(&fg_registry_supers_lock);
	hold = fg_registry_lookup_super(sb);
	if (hold)
		fn(hold);
	raw_spin_unlock(&fg_registry_supers_lock);
}

/**
 * fg_registry_next() - find a lease by its number, or walk all leases in the order of their numbers
 * @number: the lowest number to return
 * @last: the highest
 *
 * Context: process context.
 * Return: the first lease with a number from @number to @last, with a reference for the caller, or
 * NULL.
 */
struct fg_lease *fg_registry_next(u64 number, u64 last)
{
	struct fg_lease *lease = NULL;
	unsigned long index = number;

	spin_lock(&fg_registry_lock);
	if (number <= fg_registry_last_number)	/* fits into an index then */
		lease = xa_find(&fg_registry_leases, &index, min_t(u64, last, ULONG_MAX),
				XA_PRESENT);
	if (lease)
		fg_lease_get(lease);
	spin_unlock(&fg_registry_lock);
	return lease;
}

/**
 * fg_registry_for_each_live() - call a function for every live lease
 * @fn: the function; called in atomic context
 *
 * Context: process context.
 */
void fg_registry_for_each_live(void (*fn)(struct fg_lease *lease))
{
	struct fg_lease *lease;

	spin_lock(&fg_registry_lock);
	list_for_each_entry(lease, &fg_registry_live, list)
		fn(lease);
	spin_unlock(&fg_registry_lock);
}

/**
 * fg_registry_close() - refuse new leases from now on, and end every live one
 * @why: the reason to refuse new leases
 * @cause: what ends the live ones
 *
 * Context: process context. The holds' threads thaw, after this has returned.
 * Return: how many were ended here, and had not ended before.
 */
unsigned int fg_registry_close(enum fg_registry_closed why, enum freezeguard_cause cause)
{
	struct fg_lease *lease;
	unsigned int nr = 0;

	spin_lock(&fg_registry_lock);
	fg_registry_closed |= why;
	list_for_each_entry(lease, &fg_registry_live, list)
		nr += !fg_lease_end(lease, cause);
	spin_unlock(&fg_registry_lock);
	return nr;
}

/**
 * fg_registry_open() - take new leases again, unless there are other reasons to refuse them
 * @why: the reason that is over; it need not have begun
 *
 * Context: process context.
 */
void fg_registry_open(enum fg_registry_closed why)
{
	spin_lock(&fg_registry_lock);
	fg_registry_closed &= ~why;
	spin_unlock(&fg_registry_lock);
}

/**
 * fg_registry_wait_idle() - wait until no lease is live
 * @timeout_ms: how long to wait at most
 *
 * Context: sleeps.
 * Return: true if no lease is live.
 */
bool fg_registry_wait_idle(unsigned int timeout_ms)
{
	return wait_event_idle_timeout(fg_registry_idle, !READ_ONCE(fg_registry_nr_live),
				       msecs_to_jiffies(timeout_ms));
}

/**
 * fg_registry_clear() - drop the history; no lease may be live
 *
 * Context: sleeps.
 */
void fg_registry_clear(void)
{
	fg_registry_trim(0);
	WARN_ON(!xa_empty(&fg_registry_leases));
	xa_destroy(&fg_registry_leases);
}
