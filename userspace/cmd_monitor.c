// SPDX-License-Identifier: GPL-2.0-only
/* freezectl monitor: what happens to leases, as it happens, one line each */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "freezectl.h"

#define POLL_MS	500

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
			     strerror(-r));
	return !r;
}

/* @what: "lease" for one that was there at the start or after a loss, "event" for a change. */
static bool print_lease(struct freezectl *ctl, const char *what,
			const struct freezeguard_lease *lease)
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
		output_json_add(line, "time",
				output_json_string(when_iso(&when, when.now_ns, clock)));
		output_json_add(line, "event_seq", strcmp(what, "event") ? NULL :
				json_object_new_int64(lease->event_seq));
		output_json_add(line, "lease", output_json_lease(lease, &places, &when));
		return print(ctl, line);
	}
	fprintf(file, "%s %s %s: %s, %u filesystem%s", when_clock(&when, when.now_ns, clock), what,
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

static bool print_lost(struct freezectl *ctl)
{
	struct json_object *line = NULL;
	char clock[WHEN_TEXT_MAX];
	struct when when = when_now();

	if (ctl->out.json) {
		line = json_object_new_object();
		output_json_add(line, "what", output_json_string("lost"));
		output_json_add(line, "time",
				output_json_string(when_iso(&when, when.now_ns, clock)));
	} else {
		fprintf(ctl->out.text, "%s lost: some events were lost; the leases that are live "
			"now:\n", when_clock(&when, when.now_ns, clock));
	}
	return print(ctl, line);
}

static bool print_live(struct freezectl *ctl)
{
	struct freezeguard_lease_list leases;
	bool good = true;
	size_t i;

	if (freezeguard_lease_dump(ctl->fg, &leases)) {
		freezectl_refused(ctl, NULL, EXIT_CODE_SYSTEM);
		return false;
	}
	for (i = 0; good && i < leases.n; i++)
		if (freezeguard_lease_is_live(&leases.v[i]))
			good = print_lease(ctl, "lease", &leases.v[i]);
	freezeguard_lease_list_clear(&leases);
	return good;
}

static void follow(struct freezectl *ctl, struct freezeguard *events, unsigned long count,
		   uint64_t until_ns)
{
	struct freezeguard_lease event = { 0 };
	unsigned long n = 0;
	int r;

	while (!stop && (!count || n < count) &&
	       (!until_ns || freezeguard_now_ns() < until_ns)) {
		r = freezeguard_event_next(events, POLL_MS, &event);
		if (r == 0 || r == -EINTR)
			continue;
		if (r == -ENOBUFS) {
			if (!print_lost(ctl) || !print_live(ctl))
				return;
			continue;
		}
		if (r < 0) {
			findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "%s",
				     freezeguard_error(events));
			return;
		}
		n++;
		if (!print_lease(ctl, "event", &event)) {
			freezeguard_lease_clear(&event);
			return;
		}
		freezeguard_lease_clear(&event);
	}
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct freezeguard *events = NULL;
	unsigned long count = 0;
	uint32_t timeout_ms = 0;
	char *end;
	int c;

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
	if (freezeguard_open_events(&events)) {
		findings_add(&ctl->findings, freezeguard_errno(events) == EPERM ?
			     EXIT_CODE_USAGE : EXIT_CODE_SYSTEM, NULL, "%s",
			     freezeguard_error(events));
	} else if (print_live(ctl)) {
		follow(ctl, events, count,
		       timeout_ms ? freezectl_in_ms(timeout_ms) : 0);
	}
	freezeguard_close(events);
}

const struct subcommand cmd_monitor = {
	.name = "monitor",
	.arguments = "[--count N] [--timeout DURATION]",
	.summary = "show what happens to leases, as it happens",
	.help =
	"Begins with the leases that are live. With --json each line is an object, whose \"what\"\n"
	"is \"lease\" (live), \"event\" (something changed) or \"lost\" (events were lost; the\n"
	"live ones follow). Ends at SIGINT or SIGTERM.\n\n"
	"  --count N             end after N events\n"
	"  --timeout DURATION    end after that\n",
	.run = run,
};
