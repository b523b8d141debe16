// SPDX-License-Identifier: GPL-2.0-only
/*
 * freezectl monitor: what happens to leases, and what the observer sees, as it happens and in the
 * order of time, one line each
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "freezectl.h"
#include "merge.h"
#include "sight.h"

/* The longest that a lease's event is waited for: without the observer there is nothing to poll. */
#define POLL_MS		500
/* Its stream has no wake-up. */
#define OBSERVER_POLL_MS	100
/* How long events are held back, so that the other stream's of the same time can come. */
#define HOLD_MS		150
/* An observer that is being replaced by another is not there for a moment. */
#define GONE_MS		500

enum { OPT_COUNT = OPT_FIRST, OPT_TIMEOUT };

static const struct option options[] = {
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	COMMON_OPTIONS,
	{ 0 }
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* Prints what is in @line, or in the text. Returns false if nobody reads any more. */
static bool print(struct freezectl *ctl, struct json_object *line)
{
	int r = output_print_line(&ctl->out, line, freezectl_in_ms(PRINT_MS));

	if (r)
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "cannot write the output: %s",
			     output_error(r));
	return !r;
}

/* @what: "lease" for one that was there at the start or after a loss, "event" for a change. */
static bool print_lease(struct freezectl *ctl, const char *what,
			const struct freezeguard_lease *lease, uint64_t time_ns)
{
	const struct places places = { .mounts = freezectl_mounts(ctl) };
	char clock[WHEN_TEXT_MAX], deadline[WHEN_TEXT_MAX], place[PLACES_TEXT_MAX];
	struct when when = when_now();
	struct json_object *line = NULL;
	FILE *file = ctl->out.text;
	size_t i;

	if (ctl->out.json) {
		line = json_object_new_object();
		output_json_add(line, "what", output_json_string(what));
		output_json_add(line, "source", output_json_string("lease"));
		output_json_add(line, "time",
				output_json_string(when_iso(&when, time_ns, clock)));
		output_json_add(line, "time_ns", json_object_new_uint64(time_ns));
		output_json_add(line, "event_seq", strcmp(what, "event") ? NULL :
				json_object_new_int64(lease->event_seq));
		output_json_add(line, "lease", output_json_lease(lease, &places, &when));
		return print(ctl, line);
	}
	fprintf(file, "%s %s %s: %s, %u filesystem%s", when_clock(&when, time_ns, clock), what,
		lease->id, freezeguard_lease_state_name(lease->state), lease->n_superblocks,
		lease->n_superblocks == 1 ? "" : "s");
	if (lease->n_live && lease->n_live != lease->n_superblocks)
		fprintf(file, ", %u not released yet", lease->n_live);
	if (lease->bound)
		fputs(", bound to its owner", file);
	if (lease->cause)
		fprintf(file, ", ended by %s", freezeguard_cause_name(lease->cause));
	else
		fprintf(file, ", thaws by itself at %s",
			when_text(&when, lease->deadline_ns, deadline));
	for (i = 0; i < lease->n_holds && !strcmp(what, "event"); i++)
		fprintf(file, "; %s: %u failed thaw%s (%s), trying again",
			output_clean(places_hold(&places, &lease->holds[i], place), clock,
				     sizeof(clock)), lease->holds[i].thaw_failures,
			lease->holds[i].thaw_failures == 1 ? "" : "s",
			strerror((int)lease->holds[i].error));
	fputc('\n', file);
	return print(ctl, NULL);
}

/* @n: how many; 0: not known */
static bool print_lost(struct freezectl *ctl, const char *source, uint64_t n)
{
	bool observer = !strcmp(source, "observer");
	struct json_object *line = NULL;
	char clock[WHEN_TEXT_MAX];
	struct when when = when_now();

	if (ctl->out.json) {
		line = json_object_new_object();
		output_json_add(line, "what", output_json_string("lost"));
		output_json_add(line, "source", output_json_string(source));
		output_json_add(line, "time",
				output_json_string(when_iso(&when, when.now_ns, clock)));
		output_json_add(line, "n", n ? json_object_new_uint64(n) : NULL);
	} else if (observer) {
		fprintf(ctl->out.text, "%s lost: %llu of the observer's events were lost\n",
			when_clock(&when, when.now_ns, clock), (unsigned long long)n);
	} else {
		fprintf(ctl->out.text, "%s lost: some events were lost; the leases that are live "
			"now:\n", when_clock(&when, when.now_ns, clock));
	}
	return print(ctl, line);
}

/* @state: "loaded", "replaced", "gone" or "missing" */
static bool print_observer(struct freezectl *ctl, const char *state, const char *text)
{
	struct json_object *line = NULL;
	char clock[WHEN_TEXT_MAX];
	struct when when = when_now();

	if (ctl->out.json) {
		line = json_object_new_object();
		output_json_add(line, "what", output_json_string("observer"));
		output_json_add(line, "source", output_json_string("observer"));
		output_json_add(line, "time",
				output_json_string(when_iso(&when, when.now_ns, clock)));
		output_json_add(line, "state", output_json_string(state));
	} else {
		fprintf(ctl->out.text, "%s observer: %s\n",
			when_clock(&when, when.now_ns, clock), text);
	}
	return print(ctl, line);
}

static void observed_text(FILE *file, const struct fw_event *event)
{
	char process[SIGHT_TEXT_MAX], clean[SIGHT_TEXT_MAX], span[WHEN_TEXT_MAX];
	const char *error = event->error ? strerrorname_np((int)event->error) : NULL;

	switch (event->type) {
	case FW_EVENT_FROZEN:
		fputs("frozen", file);
		break;
	case FW_EVENT_FROZEN_AGAIN:
		fputs("frozen once more, on top of another freeze,", file);
		break;
	case FW_EVENT_FREEZE_FAILED:
		fprintf(file, "not frozen (%s)", error ? error : "?");
		break;
	case FW_EVENT_THAWED:
		fputs("thawed", file);
		break;
	case FW_EVENT_THAW_FAILED:
		if (error)
			fprintf(file, "not thawed (%s)", error);
		else
			fputs("thawed, but another keeps it frozen,", file);
		break;
	case FW_EVENT_UNMOUNTED:
		fputs("gone while frozen", file);
		break;
	case FW_EVENT_EMERGENCY_THAW:
		fputs("everything is to be thawed (SysRq-j)", file);
		break;
	default:
		fputs(sight_event_name(event->type), file);
	}
	if (event->by.pid)
		fprintf(file, " by %s", output_clean(sight_process(&event->by, process), clean,
						     sizeof(clean)));
	if (event->means != FW_MEANS_UNKNOWN && event->type != FW_EVENT_EMERGENCY_THAW)
		fprintf(file, ", %s", sight_means(event->means));
	if (event->lease)
		fprintf(file, ", lease number %llu", (unsigned long long)event->lease);
	if (event->took_ns)
		fprintf(file, ", took %s", when_span(0, event->took_ns, span));
	if (event->frozen_for_ns)
		fprintf(file, "; had been frozen for %s", when_span(0, event->frozen_for_ns, span));
	if (event->type == FW_EVENT_THAWED)
		fprintf(file, "; %llu writer%s waited", (unsigned long long)event->waits,
			event->waits == 1 ? "" : "s");
}

static struct json_object *observed_json(const struct fw_event *event, const char *path)
{
	const char *error = event->error ? strerrorname_np((int)event->error) : NULL;
	bool thawed = event->type == FW_EVENT_THAWED;
	struct json_object *object = json_object_new_object(), *fs = NULL;

	output_json_add(object, "type", output_json_string(sight_event_name(event->type)));
	output_json_add(object, "means", output_json_string(sight_means_name(event->means)));
	output_json_add(object, "error", event->error ? json_object_new_int64(event->error) : NULL);
	output_json_add(object, "error_name", error ? output_json_string(error) : NULL);
	output_json_add(object, "phase", output_json_string(sight_phase_name(event->phase)));
	if (event->device.major || event->device.minor) {
		fs = json_object_new_object();
		output_json_add(fs, "path", path ? output_json_string(path) : NULL);
		output_json_add(fs, "major", json_object_new_int64(event->device.major));
		output_json_add(fs, "minor", json_object_new_int64(event->device.minor));
		output_json_add(fs, "fstype", output_json_string(event->filesystem));
		output_json_add(fs, "source", output_json_string(event->source));
	}
	output_json_add(object, "filesystem", fs);
	output_json_add(object, "by", sight_json_process(&event->by));
	output_json_add(object, "took_ns", json_object_new_uint64(event->took_ns));
	output_json_add(object, "frozen_for_ns",
			event->frozen_for_ns ? json_object_new_uint64(event->frozen_for_ns) : NULL);
	output_json_add(object, "lease_number",
			event->lease ? json_object_new_uint64(event->lease) : NULL);
	output_json_add(object, "writers_waited",
			thawed ? json_object_new_uint64(event->waits) : NULL);
	return object;
}

static bool print_observed(struct freezectl *ctl, const struct fw_event *event)
{
	const struct places places = { .mounts = freezectl_mounts(ctl) };
	const char *path = places_path(&places, event->device.major, event->device.minor);
	const char *place = path ? path : event->source;
	char clock[WHEN_TEXT_MAX], clean[PLACES_TEXT_MAX];
	struct when when = when_now();
	struct json_object *line;

	if (ctl->out.json) {
		line = json_object_new_object();
		output_json_add(line, "what", output_json_string("observed"));
		output_json_add(line, "source", output_json_string("observer"));
		output_json_add(line, "time",
				output_json_string(when_iso(&when, event->time_ns, clock)));
		output_json_add(line, "time_ns", json_object_new_uint64(event->time_ns));
		output_json_add(line, "observed", observed_json(event, path));
		return print(ctl, line);
	}
	fprintf(ctl->out.text, "%s observed %s: ", when_clock(&when, event->time_ns, clock),
		event->type == FW_EVENT_EMERGENCY_THAW ? "machine" :
		output_clean(*place ? place : "?", clean, sizeof(clean)));
	observed_text(ctl->out.text, event);
	fputc('\n', ctl->out.text);
	return print(ctl, NULL);
}

/**
 * struct monitor - both streams
 * @merge: what is held back
 * @events: the leases'
 * @observer: the observer, or NULL
 * @instance: which one
 * @cursor: where in its stream
 * @lost_said: how many lost events were said
 * @gone_since_ns: since when it isn't there; 0: it is
 */
struct monitor {
	struct merge merge;
	struct freezeguard *events;
	struct observer *observer;
	uint64_t instance;
	struct observer_cursor cursor;
	uint64_t lost_said;
	uint64_t gone_since_ns;
};

static bool print_live(struct freezectl *ctl, struct merge *merge)
{
	struct freezeguard_lease_list leases;
	bool good = true;
	size_t i;

	if (freezeguard_lease_dump(ctl->fg, &leases)) {
		freezectl_refused(ctl, NULL, EXIT_CODE_SYSTEM);
		return false;
	}
	merge->n_states = 0;
	for (i = 0; good && i < leases.n; i++) {
		if (!freezeguard_lease_is_live(&leases.v[i]))
			continue;
		merge_live(merge, &leases.v[i]);
		good = print_lease(ctl, "lease", &leases.v[i], freezeguard_now_ns());
	}
	freezeguard_lease_list_clear(&leases);
	return good;
}

static void drop_observer(struct monitor *m)
{
	observer_close(m->observer);
	m->observer = NULL;
	m->instance = 0;
	m->gone_since_ns = 0;
}

/* Finds one that was loaded; its stream is read from here on. */
static bool find_observer(struct freezectl *ctl, struct monitor *m, bool begin)
{
	uint64_t instance = sight_instance();
	int r;

	/* At the beginning it is asked even so: the answer says why there is none. */
	if (!instance && !begin)
		return true;
	r = observer_open(&m->observer);
	if (r) {
		m->observer = NULL;
		return !begin || print_observer(ctl, "missing", observer_why(r));
	}
	m->instance = instance;
	m->lost_said = 0;
	if (observer_events_from_now(m->observer, &m->cursor)) {
		drop_observer(m);
		return true;
	}
	return begin || print_observer(ctl, "loaded", "loaded; from here on what it sees is shown");
}

/* Another one, perhaps with the maps of the one before: then it goes on where that was. */
static bool replace_observer(struct freezectl *ctl, struct monitor *m, uint64_t instance)
{
	struct observer *observer;
	struct fw_totals totals;

	/* Not there completely yet, or not any more: it is asked again. */
	if (observer_open(&observer))
		return true;
	observer_close(m->observer);
	m->observer = observer;
	m->instance = instance;
	if (!observer_totals(observer, &totals) && totals.next_event < m->cursor.next) {
		m->cursor = (struct observer_cursor) { 0 };
		m->lost_said = 0;
	}
	return print_observer(ctl, "replaced", "another one was loaded, which is read now");
}

static bool watch_observer(struct freezectl *ctl, struct monitor *m)
{
	uint64_t instance, now = freezeguard_now_ns();

	if (!m->observer)
		return find_observer(ctl, m, false);
	instance = sight_instance();
	if (instance == m->instance) {
		m->gone_since_ns = 0;
		return true;
	}
	if (instance) {
		m->gone_since_ns = 0;
		return replace_observer(ctl, m, instance);
	}
	if (!m->gone_since_ns)
		m->gone_since_ns = now;
	if (now - m->gone_since_ns < GONE_MS * NS_PER_MS)
		return true;
	drop_observer(m);
	return print_observer(ctl, "gone", "was unloaded; only leases' events are shown now");
}

/* All that the observer has; the stream may grow as fast as it is read, so with a bound. */
static bool read_observer(struct freezectl *ctl, struct monitor *m)
{
	struct fw_event event;
	uint64_t lost;
	size_t i;

	for (i = 0; m->observer && i < FW_MAX_EVENTS; i++) {
		if (observer_next_event(m->observer, &m->cursor, &event) != 1)
			break;
		if (merge_observed(&m->merge, &event))
			m->cursor.lost++;
	}
	lost = m->cursor.lost + m->cursor.lost_by_kernel - m->lost_said;
	m->lost_said += lost;
	return !m->observer || !lost || print_lost(ctl, "observer", lost);
}

/* What comes within @timeout_ms, and what is there then. Returns false if that's the end. */
static bool read_leases(struct freezectl *ctl, struct monitor *m, int timeout_ms)
{
	struct freezeguard_lease event = { 0 };
	int r;

	for (;;) {
		r = freezeguard_event_next(m->events, timeout_ms, &event);
		if (r == 0 || r == -EINTR)
			return true;
		timeout_ms = 0;
		if (r == 1)
			r = merge_lease(&m->merge, &event, freezeguard_now_ns()) ? -ENOBUFS : 0;
		freezeguard_lease_clear(&event);
		if (r == -ENOBUFS) {
			if (!print_lost(ctl, "lease", 0) || !print_live(ctl, &m->merge))
				return false;
		} else if (r < 0) {
			findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "%s",
				     freezeguard_error(m->events));
			return false;
		}
	}
}

/* Prints what happened by then, up to @left events. Returns false if nobody reads any more. */
static bool print_until(struct freezectl *ctl, struct monitor *m, uint64_t until_ns,
			unsigned long *left)
{
	struct merged event;
	bool good = true;

	while (good && *left && merge_next(&m->merge, until_ns, &event)) {
		--*left;
		if (event.observed) {
			good = print_observed(ctl, &event.event);
			continue;
		}
		good = print_lease(ctl, "event", &event.lease, event.time_ns);
		freezeguard_lease_clear(&event.lease);
	}
	return good;
}

static void follow(struct freezectl *ctl, struct monitor *m, unsigned long left, uint64_t until_ns)
{
	uint64_t now, hold_ns;
	bool good = true;
	int wait_ms;

	while (good && left && !stop && (!until_ns || freezeguard_now_ns() < until_ns)) {
		wait_ms = m->observer ? OBSERVER_POLL_MS : POLL_MS;
		/* With no other stream there is nothing to wait for. */
		hold_ns = m->observer ? HOLD_MS * NS_PER_MS : 0;
		good = read_leases(ctl, m, wait_ms);
		now = freezeguard_now_ns();
		good = good && read_observer(ctl, m) && print_until(ctl, m, now - hold_ns, &left) &&
		       watch_observer(ctl, m);
	}
	if (good && read_leases(ctl, m, 0) && read_observer(ctl, m))
		print_until(ctl, m, UINT64_MAX, &left);
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct monitor monitor = { 0 };
	unsigned long count = ULONG_MAX;
	uint32_t timeout_ms = 0;
	char *end;
	int c;

	ctl->out.lines = ctl->out.json;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (c) {
		case OPT_COUNT:
			errno = 0;
			count = strtoul(optarg, &end, 10);
			if (errno || *end || !count || strchr(optarg, '-'))
				findings_add(&ctl->findings, EXIT_CODE_USAGE, "--count",
					     "'%s' is not a number above 0", optarg);
			break;
		case OPT_TIMEOUT:
			freezectl_duration(ctl, "--timeout", optarg, &timeout_ms);
			break;
		case OPT_JSON:
		case OPT_HELP:
			break;
		default:
			freezectl_bad_option(ctl, c, argv);
		}
	}
	if (optind < argc)
		freezectl_usage(ctl, "monitor takes no arguments, and got '%s'", argv[optind]);
	if (findings_exit_code(&ctl->findings) || !freezectl_connect(ctl))
		return;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* First the subscription, then the list: what happens between is told twice, not never. */
	if (freezeguard_open_events(&monitor.events)) {
		findings_add(&ctl->findings, freezeguard_errno(monitor.events) == EPERM ?
			     EXIT_CODE_USAGE : EXIT_CODE_SYSTEM, NULL, "%s",
			     freezeguard_error(monitor.events));
	} else if (find_observer(ctl, &monitor, true) && print_live(ctl, &monitor.merge)) {
		follow(ctl, &monitor, count,
		       timeout_ms ? freezectl_in_ms(timeout_ms) : 0);
	}
	observer_close(monitor.observer);
	merge_free(&monitor.merge);
	freezeguard_close(monitor.events);
}

const struct subcommand cmd_monitor = {
	.name = "monitor",
	.arguments = "[--count N] [--timeout DURATION]",
	.summary = "show what happens to leases, and what the observer sees, as it happens",
	.help =
	"Begins with the leases that are live. With --json each line is an object, whose \"what\"\n"
	"is \"lease\" (live), \"event\" (something changed), \"observed\" (the observer saw a freeze\n"
	"or thaw, a lease's too), \"observer\" (it came or went) or \"lost\" (events were lost; if the\n"
	"\"source\" is \"lease\", the live ones follow); if something goes wrong, a last one has\n"
	"\"findings\". Ends at SIGINT or SIGTERM.\n\n"
	"  --count N             end after N events\n"
	"  --timeout DURATION    end after that\n",
	.run = run,
};
