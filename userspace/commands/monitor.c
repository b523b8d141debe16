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

#include "commands/commands.h"
#include "commands/monitor_merge.h"
#include "observer/stream.h"
#include "show/monitor.h"

/* The longest that a lease's event is waited for: without the observer there is nothing to poll. */
#define POLL_MS		500
/* Its stream has no wake-up. */
#define OBSERVER_POLL_MS	100
/* How long events are held back, so that the other stream's of the same time can come. */
#define HOLD_MS		150
/* How many events are read before some are shown: they may come as fast as they are read. */
#define READ_MAX	FW_MAX_EVENTS

enum { OPT_COUNT = OPT_FIRST, OPT_TIMEOUT };

static const struct option_help options[] = {
	{ "count", OPT_COUNT, "N", "end after N events" },
	{ "timeout", OPT_TIMEOUT, "DURATION", "end after this time" },
	{ 0 }
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/**
 * struct monitor - both streams
 * @merge: what is held back
 * @events: the leases'
 * @observed: the observer's
 * @left: how many events are still to be shown
 */
struct monitor {
	struct merge merge;
	struct freezeguard *events;
	struct stream observed;
	unsigned long left;
};

/* Shows what happened by then. Returns false if the reader is gone. */
static bool print_until(struct freezectl *ctl, struct monitor *m, uint64_t until_ns)
{
	struct merged event;
	bool good = true;

	while (good && m->left && merge_next(&m->merge, until_ns, &event)) {
		m->left--;
		if (event.observed) {
			good = show_monitor_observed(ctl, &event.event);
			continue;
		}
		good = show_monitor_lease(ctl, "event", &event.lease, event.time_ns);
		freezeguard_lease_clear(&event.lease);
	}
	return good;
}

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
		good = show_monitor_lease(ctl, "lease", &leases.v[i], freezeguard_now_ns());
	}
	freezeguard_lease_list_clear(&leases);
	return good;
}

/* A missing observer is reported once: foreign freezes are not shown then. */
static bool open_observer(struct freezectl *ctl, struct monitor *m)
{
	int r = stream_open(&m->observed);

	return !r || show_monitor_observer(ctl, "missing", observer_why(r));
}

static bool watch_observer(struct freezectl *ctl, struct monitor *m)
{
	int error = 0;

	switch (stream_watch(&m->observed, freezeguard_now_ns(), &error)) {
	case STREAM_LOADED:
		return show_monitor_observer(ctl, "loaded",
					     "was loaded; its events are shown from here on");
	case STREAM_REPLACED:
		return show_monitor_observer(ctl, "replaced",
					     "was replaced; the events of the new one are shown from here on");
	case STREAM_GONE:
		return show_monitor_observer(ctl, "gone",
					     "was unloaded; only events of leases are shown from here on");
	case STREAM_UNREADABLE:
		return show_monitor_observer(ctl, "missing", observer_why(error));
	case STREAM_AS_BEFORE:
		break;
	}
	return true;
}

static bool read_observer(struct freezectl *ctl, struct monitor *m)
{
	struct fw_event event;
	uint64_t lost;
	int i;

	for (i = 0; i < READ_MAX && stream_next(&m->observed, &event); i++)
		if (merge_observed(&m->merge, &event))
			m->observed.cursor.lost++;
	lost = stream_lost(&m->observed);
	return !lost || show_monitor_lost(ctl, "observer", lost);
}

/* What comes within @timeout_ms, and what is there then. Returns false if that's the end. */
static bool read_leases(struct freezectl *ctl, struct monitor *m, int timeout_ms)
{
	struct freezeguard_lease event = { 0 };
	int i, r;

	for (i = 0; i < READ_MAX; i++, timeout_ms = 0) {
		r = freezeguard_event_next(m->events, timeout_ms, &event);
		if (r == 0 || r == -EINTR)
			return true;
		if (r == 1)
			r = merge_lease(&m->merge, &event, freezeguard_now_ns()) ? -ENOBUFS : 0;
		freezeguard_lease_clear(&event);
		if (r == -ENOBUFS) {
			if (!print_until(ctl, m, UINT64_MAX) ||
			    !show_monitor_lost(ctl, "lease", 0) || !print_live(ctl, &m->merge))
				return false;
		} else if (r < 0) {
			findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "%s",
				     freezeguard_error(m->events));
			return false;
		}
	}
	return true;
}

static void follow(struct freezectl *ctl, struct monitor *m, uint64_t until_ns)
{
	uint64_t now, hold_ns;
	bool good = true;
	int wait_ms;

	while (good && m->left && !stop && (!until_ns || freezeguard_now_ns() < until_ns)) {
		wait_ms = m->observed.observer ? OBSERVER_POLL_MS : POLL_MS;
		/* With no other stream there is nothing to wait for. */
		hold_ns = m->observed.observer ? HOLD_MS * NS_PER_MS : 0;
		good = read_leases(ctl, m, wait_ms);
		now = freezeguard_now_ns();
		good = good && read_observer(ctl, m) && print_until(ctl, m, now - hold_ns) &&
		       watch_observer(ctl, m);
	}
	if (good && read_leases(ctl, m, 0) && read_observer(ctl, m))
		print_until(ctl, m, UINT64_MAX);
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct monitor monitor = { .left = ULONG_MAX };
	uint32_t timeout_ms = 0;
	char *end;
	int c;

	ctl->out.lines = ctl->out.json;
	while ((c = options_next(options, argc, argv, &ctl->findings)) != -1) {
		switch (c) {
		case OPT_COUNT:
			errno = 0;
			monitor.left = strtoul(optarg, &end, 10);
			if (errno || *end || !monitor.left || strchr(optarg, '-'))
				findings_add(&ctl->findings, EXIT_CODE_USAGE, "--count",
					     "'%s' is not a number above 0", optarg);
			break;
		case OPT_TIMEOUT:
			freezectl_duration(ctl, "--timeout", optarg, &timeout_ms);
			break;
		}
	}
	if (optind < argc)
		freezectl_usage(ctl, "monitor takes no arguments, and got '%s'", argv[optind]);
	if (findings_exit_code(&ctl->findings) || !freezectl_connect(ctl))
		return;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* Subscribe, then list: what happens in between is reported twice, not never. */
	if (freezeguard_open_events(&monitor.events)) {
		findings_add(&ctl->findings, freezeguard_errno(monitor.events) == EPERM ?
			     EXIT_CODE_USAGE : EXIT_CODE_SYSTEM, NULL, "%s",
			     freezeguard_error(monitor.events));
	} else if (open_observer(ctl, &monitor) && print_live(ctl, &monitor.merge)) {
		follow(ctl, &monitor, timeout_ms ? freezectl_in_ms(timeout_ms) : 0);
	}
	stream_close(&monitor.observed);
	merge_free(&monitor.merge);
	freezeguard_close(monitor.events);
}

const struct subcommand cmd_monitor = {
	.name = "monitor",
	.arguments = "[--count N] [--timeout DURATION]",
	.summary = "show changes of leases, and what the observer sees, as they happen",
	.help =
	"Begins with the live leases, and ends at SIGINT or SIGTERM. With --json each line is an "
	"object. Its \"what\" is \"lease\" (live), \"event\" (a lease changed), \"observed\" (the "
	"observer saw a freeze or thaw, by a lease too), \"observer\" (it was loaded or unloaded) "
	"or \"lost\" (events were lost; if the \"source\" is \"lease\", the live leases follow). "
	"After an error the last object has \"findings\".",
	.options = options,
	.run = run,
};
