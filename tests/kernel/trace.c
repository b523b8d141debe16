// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints, and the notices that BPF programs get: what they say, in which order, and that neither
 * keeps the module from being unloaded. Through tracefs, in an instance of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/freezeguard_notice.h>

#include "kt.h"

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/kt"
#define PROBE		"kt_notice"

#define EVENTS_MAX	64

/* One line of the trace. */
struct event {
	uint64_t time_ns;	/* CLOCK_BOOTTIME, in microseconds' steps */
	char name[32];
	char fields[512];
};

static struct event events[EVENTS_MAX];
static unsigned int n_events, next_event;

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		FAIL("write %s to %s: %s", text, path, strerror(errno));
	close(fd);
}

/*
 * A new, empty trace with the tracepoints and the clock of the protocol. Without the names of tasks: for
 * them tracing turns on sched_switch, and an emulator that runs its processors in parallel (QEMU before
 * 8.1) now and then still executes the breakpoint by which the kernel changes code that is in use, when it
 * is gone: "Oops: int3" in __schedule().
 */
static void start_tracing(void)
{
	if (access(TRACEFS "/events", F_OK) && mount("tracefs", TRACEFS, "tracefs", 0, NULL))
		FAIL("mount tracefs: %s", strerror(errno));
	if (rmdir(INSTANCE) && errno != ENOENT)	/* of a test that failed */
		FAIL("rmdir " INSTANCE ": %s", strerror(errno));
	put(TRACEFS "/options/record-cmd", "0");	/* an instance has the flags of its making */
	CHECK(!mkdir(INSTANCE, 0755));
	put(INSTANCE "/trace_clock", "boot");
	put(INSTANCE "/events/freezeguard/enable", "1");
}

static void stop_tracing(void)
{
	CHECK(!rmdir(INSTANCE));
}

/* "  comm-123  [000] d..1.  12.345678: name: fields" */
static bool parse(char *line, struct event *event)
{
	static const char *const names[] = { "lease_state", "lease_deadline", "hold_frozen",
					     "hold_thawed", PROBE };
	unsigned long long seconds, micros;
	char mark[40], *at = NULL, *word;
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(*names) && !at; i++) {
		snprintf(mark, sizeof(mark), ": %s: ", names[i]);
		at = strstr(line, mark);
	}
	if (!at)
		return false;
	*at = 0;
	snprintf(event->name, sizeof(event->name), "%s", names[i - 1]);
	snprintf(event->fields, sizeof(event->fields), " %s ", at + strlen(mark));
	word = strrchr(line, ' ');
	if (!word || sscanf(word, "%llu.%llu", &seconds, &micros) != 2)
		FAIL("no time in: %s", line);
	event->time_ns = (seconds * 1000000 + micros) * 1000;
	return true;
}

/* Everything traced so far; the next() is the first of it. */
static void read_trace(void)
{
	FILE *f = fopen(INSTANCE "/trace", "re");
	char line[1024];

	CHECK(f);
	n_events = next_event = 0;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] != '#' && parse(line, &events[n_events]) && ++n_events == EVENTS_MAX)
			FAIL("over %u events", EVENTS_MAX);
	}
	fclose(f);
}

/* The value of a field. */
static const char *text_of(const struct event *event, const char *field)
{
	static char values[4][128];
	static unsigned int turn;
	char *value = values[turn++ % 4], mark[32];
	const char *at;

	snprintf(mark, sizeof(mark), " %s=", field);
	at = strstr(event->fields, mark);
	if (!at)
		FAIL("%s has no %s:%s", event->name, field, event->fields);
	at += strlen(mark);
	snprintf(value, sizeof(values[0]), "%.*s", (int)strcspn(at, " "), at);
	return value;
}

static long long number_of(const struct event *event, const char *field)
{
	const char *text = text_of(event, field);
	long long value;
	char *end;

	value = strtoull(text, &end, 0);	/* of addresses only what they compare to matters */

	if (end == text || *end)
		FAIL("%s: %s is %s, no number", event->name, field, text);
	return value;
}

static void is(const struct event *event, const char *field, const char *value)
{
	const char *text = text_of(event, field);

	if (strcmp(text, value))
		FAIL("%s: %s is %s, not %s:%s", event->name, field, text, value, event->fields);
}

static const struct event *next(const char *name, uint64_t lease)
{
	const struct event *event = &events[next_event];

	if (next_event == n_events)
		FAIL("%u events, and no %s", n_events, name);
	next_event++;
	if (strcmp(event->name, name))
		FAIL("event %u is %s, not %s:%s", next_event, event->name, name, event->fields);
	EQUAL(number_of(event, "lease"), lease);
	return event;
}

static void no_more(void)
{
	if (next_event < n_events)
		FAIL("one more event, %s:%s", events[next_event].name, events[next_event].fields);
}

static const struct event *next_state(const struct fg_lease *lease, const char *state,
				      const char *cause, int error)
{
	const struct event *event = next("lease_state", lease->number);

	is(event, "id", lease->id);
	is(event, "state", state);
	is(event, "cause", cause);
	EQUAL(number_of(event, "error"), error);
	return event;
}

/* The superblock is the one that @name is mounted from. */
static const struct event *next_hold(const char *what, const struct fg_lease *lease,
				     const char *name, unsigned int level, int error)
{
	const struct event *event = next(what, lease->number);
	struct stat st;
	char dev[32];

	CHECK(!stat(kt_path(name, NULL), &st));
	snprintf(dev, sizeof(dev), "%u:%u", major(st.st_dev), minor(st.st_dev));
	is(event, "dev", dev);
	is(event, "fs_type", "fgtestfs");
	EQUAL(number_of(event, "level"), level);
	EQUAL(number_of(event, "error"), error);
	CHECK(number_of(event, "took_ns") > 0);
	return event;
}

static bool same_time(uint64_t a_ns, uint64_t b_ns)
{
	return (a_ns > b_ns ? a_ns - b_ns : b_ns - a_ns) < 200 * MS;
}

/* End a lease of two so that one is released before the other is thawed, which takes @last_ms. */
static struct fg_lease *end_in_order(struct fgnl *nl, uint64_t number, const char *first,
				     const char *last, unsigned int last_ms)
{
	uint64_t until_ns = kt_now_ns() + KT_SOON_MS * MS;
	static struct fg_lease lease;

	kt_tell(last, "thaw", "hang");
	EQUAL(fg_end(nl, number, NULL), 0);
	kt_await_state(last, "thaw_inside", 1);
	do {
		CHECK(kt_now_ns() < until_ns);
		kt_sleep_ms(2);
		EQUAL(fg_get(nl, number, &lease), 0);
	} while (kt_hold(&lease, first)->state != FREEZEGUARD_HOLD_STATE_RELEASED);
	kt_sleep_ms(last_ms);
	kt_tell(last, "thaw", "ok");
	kt_tell(last, "release", "0");
	return kt_await(nl, number, FREEZEGUARD_LEASE_STATE_THAWED, KT_SOON_MS);
}

static const char *continuity_name(uint32_t continuity)
{
	static const char *const names[] = { "unknown", "observed", "guaranteed", "broken" };

	return names[continuity];
}

TEST(a_lease_that_is_thawed)
{
	const uint32_t levels[2] = { 3, 5 };
	const struct event *event;
	const struct fg_hold *hold;
	struct fg_lease *lease;
	static struct fg_lease made;
	struct fgnl nl;
	int fds[2];

	fds[0] = kt_mount("a", "freeze=sleep:30");
	fds[1] = kt_mount("b", NULL);
	kt_open(&nl);
	start_tracing();
	EQUAL(fg_new_levels(&nl, "backup", 60000, fds, levels, 2, &made), 0);
	kt_await(&nl, made.number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS);
	kt_sleep_ms(50);
	lease = end_in_order(&nl, made.number, "a", "b", 30);

	read_trace();
	next_state(lease, "freezing", "none", 0);
	event = next_hold("hold_frozen", lease, "a", 3, 0);
	hold = kt_hold(lease, "a");
	CHECK(number_of(event, "took_ns") >= (long long)(30 * MS));
	CHECK(number_of(event, "took_ns") <= (long long)(hold->frozen_ns - hold->freeze_begin_ns));
	CHECK(same_time(event->time_ns, hold->frozen_ns));
	next_hold("hold_frozen", lease, "b", 5, 0);
	event = next_state(lease, "frozen", "none", 0);
	CHECK(same_time(event->time_ns, lease->frozen_ns));
	event = next_state(lease, "thawing", "request", 0);
	CHECK(same_time(event->time_ns, lease->ended_ns));
	event = next_hold("hold_thawed", lease, "a", 3, 0);
	CHECK(number_of(event, "took_ns") < number_of(event, "frozen_ns"));
	CHECK(number_of(event, "frozen_ns") >= (long long)(50 * MS));
	CHECK(number_of(event, "frozen_ns") <= (long long)(hold->released_ns - hold->frozen_ns));
	EQUAL(number_of(event, "failures"), 0);
	is(event, "continuity", continuity_name(hold->continuity));
	event = next_hold("hold_thawed", lease, "b", 5, 0);
	CHECK(number_of(event, "took_ns") >= (long long)(30 * MS));
	next_state(lease, "thawed", "request", 0);
	no_more();
	stop_tracing();
}

TEST(a_lease_that_expires)
{
	const struct event *event;
	struct fg_lease *lease;
	uint64_t number;
	struct fgnl nl;
	int fd;

	fd = kt_mount("a", NULL);
	kt_open(&nl);
	start_tracing();
	number = kt_new(&nl, NULL, 300, &fd, 1);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_EXPIRED, KT_SOON_MS);

	read_trace();
	next_state(lease, "freezing", "none", 0);
	next_hold("hold_frozen", lease, "a", 0, 0);
	next_state(lease, "frozen", "none", 0);
	event = next("lease_deadline", number);
	is(event, "id", lease->id);
	EQUAL(number_of(event, "deadline_ns"), lease->deadline_ns);
	kt_note("late by %.3f ms", number_of(event, "late_ns") / 1e6);
	CHECK(number_of(event, "late_ns") >= 0);
	CHECK(number_of(event, "late_ns") <= (long long)(lease->ended_ns - lease->deadline_ns));
	CHECK(same_time(event->time_ns, lease->deadline_ns + number_of(event, "late_ns")));
	event = next_state(lease, "thawing", "deadline", 0);
	next_hold("hold_thawed", lease, "a", 0, 0);
	next_state(lease, "expired", "deadline", 0);
	no_more();
	stop_tracing();
}

TEST(a_freeze_that_fails)
{
	struct fg_lease *lease;
	uint64_t number;
	struct fgnl nl;
	int fd;

	fd = kt_mount("a", "freeze=fail:28");
	kt_open(&nl);
	start_tracing();
	number = kt_new(&nl, NULL, 60000, &fd, 1);
	lease = kt_await(&nl, number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);

	read_trace();
	next_state(lease, "freezing", "none", 0);
	next_hold("hold_frozen", lease, "a", 0, ENOSPC);
	next_state(lease, "rolling-back", "hold-failed", ENOSPC);
	next_state(lease, "failed", "hold-failed", ENOSPC);
	no_more();
	stop_tracing();
}

TEST(a_thaw_that_fails_twice)
{
	const struct event *event;
	struct fg_lease *lease;
	uint64_t number;
	struct fgnl nl;
	int fd;

	fd = kt_mount("a", NULL);
	kt_open(&nl);
	start_tracing();
	number = kt_frozen(&nl, NULL, 60000, &fd, 1)->number;
	kt_tell("a", "thaw", "fail:5:2");
	lease = kt_end(&nl, number);

	read_trace();
	next_state(lease, "freezing", "none", 0);
	next_hold("hold_frozen", lease, "a", 0, 0);
	next_state(lease, "frozen", "none", 0);
	next_state(lease, "thawing", "request", 0);
	for (int failures = 1; failures <= 2; failures++) {
		event = next_hold("hold_thawed", lease, "a", 0, EIO);
		EQUAL(number_of(event, "failures"), failures);
	}
	event = next_hold("hold_thawed", lease, "a", 0, 0);
	EQUAL(number_of(event, "failures"), 2);
	next_state(lease, "thawed", "request", 0);
	no_more();
	stop_tracing();
}

/* A place to attach to that is the kernel's: what comes by there, and is freezeguard's, is traced. */
static void start_probing(void)
{
	char text[512];

	if (!access(TRACEFS "/events/kprobes/" PROBE, F_OK))	/* of a test that failed */
		put(TRACEFS "/kprobe_events", "-:" PROBE "\n");
	put(TRACEFS "/kprobe_events",
	    "p:" PROBE " blocking_notifier_call_chain_robust val=$arg2:x64 size=+0($arg4):u32"
	    " event=+4($arg4):u32 superblock=+8($arg4):x64 lease=+16($arg4):u64 deadline_ns=+24($arg4):u64"
	    " maker_pid=+32($arg4):u32 thaw_pid=+36($arg4):u32 maker_comm=+40($arg4):string"
	    " id=+56($arg4):string task=$comm\n");
	snprintf(text, sizeof(text), "val == 0x%lx", FREEZEGUARD_NOTICE);
	put(INSTANCE "/events/kprobes/" PROBE "/filter", text);
	put(INSTANCE "/events/kprobes/" PROBE "/enable", "1");
}

/* The trace is lost with the probe: not before it has been read. */
static void stop_probing(void)
{
	put(INSTANCE "/events/kprobes/" PROBE "/enable", "0");
	put(TRACEFS "/kprobe_events", "-:" PROBE "\n");
}

static const struct event *next_notice(const struct fg_lease *lease, unsigned int what,
				       uint64_t deadline_ns)
{
	const struct event *event = next(PROBE, lease->number);
	char quoted[FGNL_ID_SIZE + 2];

	EQUAL(number_of(event, "event"), what);
	EQUAL(number_of(event, "size"), sizeof(struct freezeguard_notice));
	EQUAL(number_of(event, "deadline_ns"), deadline_ns);
	EQUAL(number_of(event, "maker_pid"), getpid());
	CHECK(number_of(event, "thaw_pid"));
	snprintf(quoted, sizeof(quoted), "\"%s\"", lease->owner_comm);
	is(event, "maker_comm", quoted);
	snprintf(quoted, sizeof(quoted), "\"%s\"", lease->id);
	is(event, "id", quoted);
	return event;
}

/* Of the thread that freezes that superblock. */
static bool from_thread_of(const struct event *event, const char *name)
{
	char task[16];		/* so long is a task's name, which cuts the minor number */
	char quoted[sizeof(task) + 2];
	struct stat st;

	CHECK(!stat(kt_path(name, NULL), &st));
	snprintf(task, sizeof(task), "fguard/%u:%u", major(st.st_dev), minor(st.st_dev));
	snprintf(quoted, sizeof(quoted), "\"%s\"", task);
	return !strcmp(text_of(event, "task"), quoted);
}

TEST(notices_of_a_lease_that_is_extended)
{
	uint64_t first_ns, second_ns, superblocks[2];
	const uint32_t levels[2] = { 0, 1 };
	const struct event *event;
	struct fg_lease *lease;
	static struct fg_lease made;
	struct fgnl nl;
	int fds[2];

	kt_mounts("a", fds, 2);
	kt_open(&nl);
	start_tracing();
	start_probing();
	EQUAL(fg_new_levels(&nl, NULL, 60000, fds, levels, 2, &made), 0);
	first_ns = kt_await(&nl, made.number, FREEZEGUARD_LEASE_STATE_FROZEN, KT_SOON_MS)->deadline_ns;
	EQUAL(fg_extend(&nl, made.number, 90000, NULL), 0);
	lease = end_in_order(&nl, made.number, "a0", "a1", 0);
	second_ns = lease->deadline_ns;
	CHECK(second_ns > first_ns);

	read_trace();
	next_state(lease, "freezing", "none", 0);
	for (unsigned int i = 0; i < 2; i++) {
		const char *name = i ? "a1" : "a0";

		event = next_notice(lease, FREEZEGUARD_NOTICE_FREEZING, first_ns);
		superblocks[i] = number_of(event, "superblock");
		CHECK(superblocks[i]);
		CHECK(from_thread_of(event, name));
		next_hold("hold_frozen", lease, name, i, 0);
	}
	CHECK(superblocks[0] != superblocks[1]);
	next_state(lease, "frozen", "none", 0);
	for (unsigned int i = 0; i < 2; i++) {
		event = next_notice(lease, FREEZEGUARD_NOTICE_DEADLINE, second_ns);
		EQUAL(number_of(event, "superblock"), superblocks[i]);
	}
	next_state(lease, "thawing", "request", 0);
	for (unsigned int i = 0; i < 2; i++) {
		const char *name = i ? "a1" : "a0";

		next_hold("hold_thawed", lease, name, i, 0);
		event = next_notice(lease, FREEZEGUARD_NOTICE_RELEASED, second_ns);
		EQUAL(number_of(event, "superblock"), superblocks[i]);
		CHECK(from_thread_of(event, name));
	}
	next_state(lease, "thawed", "request", 0);
	no_more();
	stop_probing();
	stop_tracing();
}

/* A hold that is not frozen in the end was begun; one that was not begun is not told of. */
TEST(notices_of_a_freeze_that_fails)
{
	const uint32_t levels[2] = { 0, 1 };
	static struct fg_lease made;
	struct fg_lease *lease;
	struct fgnl nl;
	int fds[2];

	fds[0] = kt_mount("a", "freeze=fail:5");
	fds[1] = kt_mount("b", NULL);
	kt_open(&nl);
	start_tracing();
	start_probing();
	EQUAL(fg_new_levels(&nl, NULL, 60000, fds, levels, 2, &made), 0);
	lease = kt_await(&nl, made.number, FREEZEGUARD_LEASE_STATE_FAILED, KT_SOON_MS);

	read_trace();
	next_state(lease, "freezing", "none", 0);
	CHECK(from_thread_of(next_notice(lease, FREEZEGUARD_NOTICE_FREEZING, lease->deadline_ns), "a"));
	next_hold("hold_frozen", lease, "a", 0, EIO);
	next_state(lease, "rolling-back", "hold-failed", EIO);
	CHECK(from_thread_of(next_notice(lease, FREEZEGUARD_NOTICE_RELEASED, lease->deadline_ns), "a"));
	next_state(lease, "failed", "hold-failed", EIO);
	no_more();
	stop_probing();
	stop_tracing();
}

/* The life of a lease as traced, of which only the number of events is of interest here. */
static unsigned int trace_a_life(int fd)
{
	unsigned int notices = 0;
	struct fgnl nl;

	kt_open(&nl);
	kt_end(&nl, kt_frozen(&nl, NULL, 60000, &fd, 1)->number);
	fgnl_close(&nl);
	read_trace();
	for (unsigned int i = 0; i < n_events; i++)
		notices += !strcmp(events[i].name, PROBE);
	EQUAL(notices, 2);
	return n_events - notices;
}

TEST_WITHIN(neither_keeps_the_module_from_being_unloaded, 60)
{
	int fd = kt_mount("a", NULL);

	start_tracing();
	start_probing();
	EQUAL(trace_a_life(fd), 6);
	kt_reload("");		/* the events go with the module, and with them the trace */
	EQUAL(access(INSTANCE "/events/freezeguard/lease_state", F_OK), 0);
	put(INSTANCE "/events/freezeguard/enable", "1");
	EQUAL(trace_a_life(fd), 6);
	stop_probing();
	stop_tracing();
}
