// SPDX-License-Identifier: GPL-2.0-only
/*
 * observed: what the observer saw, in words and as names. The names are those of the observer's
 * enums, so that what is printed here and what bpftool prints can be compared.
 */
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/util.h"
#include "observer/observed.h"

/* Between two looks at whether writers that may go on do. */
#define STALLS_POLL_MS	5

static const char *name_of(const char *const *names, size_t n, uint32_t value)
{
	return value < n && names[value] ? names[value] : "unrecognised";
}

/** observed_origin_name() - the name of an enum fw_origin, for programs */
const char *observed_origin_name(uint32_t origin)
{
	static const char *const names[] = {
		[FW_ORIGIN_UNKNOWN] = "unknown", [FW_ORIGIN_USER] = "user",
		[FW_ORIGIN_KERNEL] = "kernel", [FW_ORIGIN_DEVICE] = "device",
		[FW_ORIGIN_SUSPEND] = "suspend", [FW_ORIGIN_LEASE] = "lease",
		[FW_ORIGIN_SYSRQ] = "sysrq",
	};

	return name_of(names, ARRAY_SIZE(names), origin);
}

/** observed_origin() - an enum fw_origin for people; what follows "by way of" */
const char *observed_origin(uint32_t origin)
{
	static const char *const texts[] = {
		[FW_ORIGIN_UNKNOWN] = "origin unknown", [FW_ORIGIN_USER] = "ioctl",
		[FW_ORIGIN_KERNEL] = "kernel", [FW_ORIGIN_DEVICE] = "device-mapper",
		[FW_ORIGIN_SUSPEND] = "system suspend", [FW_ORIGIN_LEASE] = "freezeguard",
		[FW_ORIGIN_SYSRQ] = "SysRq-j",
	};

	return name_of(texts, ARRAY_SIZE(texts), origin);
}

/** observed_phase_name() - the name of an enum fw_phase; as freezeguard_fs_state_name() has them */
const char *observed_phase_name(uint32_t phase)
{
	static const char *const names[] = {
		[FW_PHASE_NONE] = "none", [FW_PHASE_WRITE] = "write",
		[FW_PHASE_PAGEFAULT] = "pagefault", [FW_PHASE_FS] = "fs",
		[FW_PHASE_COMPLETE] = "complete",
	};

	return name_of(names, ARRAY_SIZE(names), phase);
}

/** observed_event_name() - the name of an enum fw_event_type */
const char *observed_event_name(uint32_t type)
{
	static const char *const names[] = {
		[FW_EVENT_FROZEN] = "frozen", [FW_EVENT_FROZEN_AGAIN] = "frozen-again",
		[FW_EVENT_FREEZE_FAILED] = "freeze-failed", [FW_EVENT_THAWED] = "thawed",
		[FW_EVENT_THAW_FAILED] = "thaw-failed", [FW_EVENT_UNMOUNTED] = "unmounted",
		[FW_EVENT_EMERGENCY_THAW] = "emergency-thaw",
	};

	return name_of(names, ARRAY_SIZE(names), type);
}

/**
 * observed_process() - who did something
 * @by: who
 * @buf: where to
 *
 * Return: @buf: "process 4711 (fsfreeze) of user 0".
 */
const char *observed_process(const struct fw_process *by, char buf[OBSERVED_TEXT_MAX])
{
	if (by->pid)
		snprintf(buf, OBSERVED_TEXT_MAX, "process %u (%.*s) of user %u", by->pid,
			 FW_COMM_LEN, by->comm[0] ? by->comm : "?", by->uid);
	else
		snprintf(buf, OBSERVED_TEXT_MAX, "an unknown process");
	return buf;
}

/* The lease's own freeze may have been the first; then this is the freeze on top of it, if any. */
static bool others_came_later(const struct fw_frozen *frozen)
{
	return frozen->origin == FW_ORIGIN_LEASE;
}

/**
 * observed_is_foreign() - whether somebody other than freezeguard has frozen it, perhaps on top
 * of a lease
 */
bool observed_is_foreign(const struct fw_frozen *frozen)
{
	return !frozen->lease.number || (others_came_later(frozen) && frozen->nested);
}

/**
 * observed_freezer() - who, other than freezeguard, froze what is frozen
 * @frozen: what the observer knows of it
 *
 * Return: who; with pid 0 if that isn't known.
 */
const struct fw_process *observed_freezer(const struct fw_frozen *frozen)
{
	return others_came_later(frozen) ? &frozen->nested_by : &frozen->by;
}

/** observed_freeze_origin() - by which way observed_freezer() froze it, an enum fw_origin */
uint32_t observed_freeze_origin(const struct fw_frozen *frozen)
{
	return others_came_later(frozen) ? frozen->nested_origin : frozen->origin;
}

/** observed_freeze_since() - since when observed_freezer() has frozen it; 0: not known */
uint64_t observed_freeze_since(const struct fw_frozen *frozen)
{
	return others_came_later(frozen) ? frozen->nested_since_ns : frozen->since_ns;
}

/**
 * observed_others() - describe a foreign freeze
 * @observer: the observer, or NULL
 * @major: the superblock
 * @minor: its minor part
 * @clocks: now
 * @buf: where to
 *
 * Return: @buf: "something other than freezeguard" and what is known: process, origin, since when.
 */
const char *observed_others(struct observer *observer, uint32_t major, uint32_t minor,
			    const struct clocks *clocks, char buf[OBSERVED_TEXT_MAX])
{
	char process[OBSERVED_TEXT_MAX], since[TIMEFMT_TEXT_MAX];
	struct fw_frozen frozen;
	uint64_t since_ns;

	if (!observer) {
		snprintf(buf, OBSERVED_TEXT_MAX,
			 "something other than freezeguard (fsfreeze, a snapshot tool)");
		return buf;
	}
	if (!observer_frozen(observer, makedev(major, minor), &frozen)) {
		snprintf(buf, OBSERVED_TEXT_MAX,
			 "something other than freezeguard, which the observer did not see");
		return buf;
	}
	since_ns = observed_freeze_since(&frozen);
	if (!observed_freezer(&frozen)->pid || !since_ns)
		snprintf(buf, OBSERVED_TEXT_MAX,
			 "something other than freezeguard, before the observer was loaded");
	else
		snprintf(buf, OBSERVED_TEXT_MAX, "something other than freezeguard: %.120s, %s, at %s",
			 observed_process(observed_freezer(&frozen), process),
			 observed_origin(observed_freeze_origin(&frozen)),
			 timefmt_text(clocks, since_ns, since));
	return buf;
}

/**
 * observed_hint() - for the end of a sentence about somebody else's freeze: how to know who it
 * was
 */
const char *observed_hint(struct observer *observer)
{
	return observer ? "" : " (the observer would know which process that was; to load it: " OBSERVED_HOW ")";
}

/**
 * observed_unseen() - the same where nobody is known to have done it, with an observer or without
 */
const char *observed_unseen(struct observer *observer)
{
	return observer ? " (the observer did not see which process that was)" : observed_hint(observer);
}

/**
 * observed_thaw() - who thawed a superblock under its lease
 * @observer: the observer, or NULL
 * @lease: the lease
 * @hold: the superblock
 * @last: set to what the observer knows of that freeze
 *
 * Return: whether that thaw was seen, was within the lease and not its own, and by whom is known.
 */
bool observed_thaw(struct observer *observer, const struct freezeguard_lease *lease,
		   const struct freezeguard_hold *hold, struct fw_last *last)
{
	uint64_t until_ns = hold->released_ns ? hold->released_ns : freezeguard_now_ns();
	struct fw_filesystem filesystem;

	if (!observer ||
	    !observer_filesystem(observer, makedev(hold->major, hold->minor), &filesystem))
		return false;
	*last = filesystem.last;
	return last->lease == lease->number && last->thawed_by.pid &&
	       last->thaw_origin != FW_ORIGIN_LEASE && hold->freeze_begin_ns &&
	       last->thawed_ns >= hold->freeze_begin_ns && last->thawed_ns <= until_ns;
}

static void add_stalls(struct observer *observer, const struct freezeguard_lease *lease,
		       struct observed_stalls *stalls)
{
	struct fw_filesystem filesystem;
	const struct fw_last *last = &filesystem.last;
	size_t i;

	*stalls = (struct observed_stalls) { .known = true };
	for (i = 0; i < lease->n_holds; i++) {
		const struct freezeguard_hold *hold = &lease->holds[i];

		if (!observer_filesystem(observer, makedev(hold->major, hold->minor),
					 &filesystem) || last->lease != lease->number) {
			/* A freeze that never began has stopped no writer. */
			stalls->known = stalls->known && !hold->freeze_begin_ns;
			continue;
		}
		stalls->known = stalls->known && last->since_ns;
		stalls->waited += last->waits;
		stalls->waiting += last->waits > last->ended ? last->waits - last->ended : 0;
		if (last->longest_ns > stalls->longest_ns)
			stalls->longest_ns = last->longest_ns;
	}
}

/**
 * observed_stalls() - how writers waited for the thaw of a lease
 * @observer: the observer, or NULL
 * @lease: a lease that has been released
 * @until_ns: how long to wait for the last of them to go on, CLOCK_BOOTTIME
 * @stalls: set to it
 *
 * Return: whether an observer is loaded.
 */
bool observed_stalls(struct observer *observer, const struct freezeguard_lease *lease,
		     uint64_t until_ns, struct observed_stalls *stalls)
{
	const struct timespec pause = { .tv_nsec = STALLS_POLL_MS * (long)NS_PER_MS };

	*stalls = (struct observed_stalls) { 0 };
	if (!observer)
		return false;
	for (;;) {
		add_stalls(observer, lease, stalls);
		if (!stalls->waiting || freezeguard_now_ns() >= until_ns)
			return true;
		nanosleep(&pause, NULL);
	}
}

/**
 * observed_stalls_text() - the same as a sentence
 * @stalls: what observed_stalls() found
 * @buf: where to
 *
 * Return: @buf: "3 writers waited, the longest for 1.2s".
 */
const char *observed_stalls_text(const struct observed_stalls *stalls, char buf[OBSERVED_TEXT_MAX])
{
	char span[TIMEFMT_TEXT_MAX], waiting[48] = "";

	timefmt_span(0, stalls->longest_ns, span);
	if (stalls->waiting)
		snprintf(waiting, sizeof(waiting), ", %llu still wait%s",
			 (unsigned long long)stalls->waiting, stalls->waiting == 1 ? "s" : "");
	if (!stalls->waited && !stalls->known)
		snprintf(buf, OBSERVED_TEXT_MAX,
			 "how long writers waited is unknown: the observer did not see all of the freeze");
	else if (!stalls->waited)
		snprintf(buf, OBSERVED_TEXT_MAX, "no writer waited");
	else
		snprintf(buf, OBSERVED_TEXT_MAX, "%s%llu writer%s waited, the longest for %s%s%s",
			 stalls->known ? "" : "at least ", (unsigned long long)stalls->waited,
			 stalls->waited == 1 ? "" : "s", stalls->known ? "" : "at least ", span,
			 waiting);
	return buf;
}
