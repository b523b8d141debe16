// SPDX-License-Identifier: GPL-2.0-only
/* monitor: each line of freezectl monitor, for people or as a JSON object */
#include <string.h>

#include "observer/observed.h"
#include "show/lease.h"
#include "show/monitor.h"
#include "show/process.h"

/* Prints what is in @line, or in the text. Returns false if the reader is gone. */
static bool print(struct freezectl *ctl, struct json_object *line)
{
	int r = output_print_line(&ctl->out, line, freezectl_in_ms(PRINT_MS));

	if (r)
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "cannot write the output: %s",
			     output_error(r));
	return !r;
}

/**
 * show_monitor_lease() - a lease
 * @ctl: the call
 * @what: "lease" for one that was there at the start or after a loss, "event" for a change
 * @lease: as it was then
 * @time_ns: when, CLOCK_BOOTTIME
 *
 * Return: false: nobody reads any more; there is a finding.
 */
bool show_monitor_lease(struct freezectl *ctl, const char *what,
			const struct freezeguard_lease *lease, uint64_t time_ns)
{
	const struct paths paths = { .mounts = &ctl->mounts };
	char clock[TIMEFMT_TEXT_MAX], deadline[TIMEFMT_TEXT_MAX], place[PATHS_TEXT_MAX];
	struct clocks clocks = timefmt_now();
	struct json_object *line = NULL;
	FILE *file = ctl->out.text;
	size_t i;

	if (ctl->out.json) {
		line = json_object_new_object();
		output_json_add(line, "what", output_json_string(what));
		output_json_add(line, "source", output_json_string("lease"));
		output_json_add(line, "time",
				output_json_string(timefmt_iso(&clocks, time_ns, clock)));
		output_json_add(line, "time_ns", json_object_new_uint64(time_ns));
		output_json_add(line, "event_seq", strcmp(what, "event") ? NULL :
				json_object_new_int64(lease->event_seq));
		output_json_add(line, "lease", show_lease_json(lease, &paths, &clocks));
		return print(ctl, line);
	}
	fprintf(file, "%s %s %s: %s, %u filesystem%s", timefmt_clock(&clocks, time_ns, clock), what,
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
			timefmt_text(&clocks, lease->deadline_ns, deadline));
	for (i = 0; i < lease->n_holds && !strcmp(what, "event"); i++)
		fprintf(file, "; %s: %u failed thaw%s (%s), trying again",
			output_clean(paths_hold(&paths, &lease->holds[i], place), clock,
				     sizeof(clock)), lease->holds[i].thaw_failures,
			lease->holds[i].thaw_failures == 1 ? "" : "s",
			strerror((int)lease->holds[i].error));
	fputc('\n', file);
	return print(ctl, NULL);
}

/**
 * show_monitor_lost() - that events were lost
 * @ctl: the call
 * @source: whose: "lease" or "observer"
 * @n: how many; 0: not known
 *
 * Return: false: nobody reads any more; there is a finding.
 */
bool show_monitor_lost(struct freezectl *ctl, const char *source, uint64_t n)
{
	bool observer = !strcmp(source, "observer");
	struct json_object *line = NULL;
	char clock[TIMEFMT_TEXT_MAX];
	struct clocks clocks = timefmt_now();

	if (ctl->out.json) {
		line = json_object_new_object();
		output_json_add(line, "what", output_json_string("lost"));
		output_json_add(line, "source", output_json_string(source));
		output_json_add(line, "time",
				output_json_string(timefmt_iso(&clocks, clocks.now_ns, clock)));
		output_json_add(line, "n", n ? json_object_new_uint64(n) : NULL);
	} else if (observer) {
		fprintf(ctl->out.text, "%s lost: %llu of the observer's events were lost\n",
			timefmt_clock(&clocks, clocks.now_ns, clock), (unsigned long long)n);
	} else {
		fprintf(ctl->out.text,
			"%s lost: some events were lost; the leases that are live now:\n",
			timefmt_clock(&clocks, clocks.now_ns, clock));
	}
	return print(ctl, line);
}

/**
 * show_monitor_observer() - that the observer came, went, or isn't there
 * @ctl: the call
 * @state: "loaded", "replaced", "gone" or "missing"
 * @text: the same for people
 *
 * Return: false: nobody reads any more; there is a finding.
 */
bool show_monitor_observer(struct freezectl *ctl, const char *state, const char *text)
{
	struct json_object *line = NULL;
	char clock[TIMEFMT_TEXT_MAX];
	struct clocks clocks = timefmt_now();

	if (ctl->out.json) {
		line = json_object_new_object();
		output_json_add(line, "what", output_json_string("observer"));
		output_json_add(line, "source", output_json_string("observer"));
		output_json_add(line, "time",
				output_json_string(timefmt_iso(&clocks, clocks.now_ns, clock)));
		output_json_add(line, "state", output_json_string(state));
		output_json_add(line, "message", output_json_string(text));
	} else {
		fprintf(ctl->out.text, "%s observer: %s\n",
			timefmt_clock(&clocks, clocks.now_ns, clock), text);
	}
	return print(ctl, line);
}

static void observed_text(FILE *file, const struct fw_event *event)
{
	char process[OBSERVED_TEXT_MAX], clean[OBSERVED_TEXT_MAX], span[TIMEFMT_TEXT_MAX];
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
		fputs(observed_event_name(event->type), file);
	}
	if (event->by.pid)
		fprintf(file, " by %s", output_clean(observed_process(&event->by, process), clean,
						     sizeof(clean)));
	if (event->origin != FW_ORIGIN_UNKNOWN && event->type != FW_EVENT_EMERGENCY_THAW)
		fprintf(file, ", %s", observed_origin(event->origin));
	if (event->lease)
		fprintf(file, ", lease number %llu", (unsigned long long)event->lease);
	if (event->took_ns)
		fprintf(file, ", took %s", timefmt_span(0, event->took_ns, span));
	if (event->frozen_for_ns)
		fprintf(file, "; had been frozen for %s", timefmt_span(0, event->frozen_for_ns, span));
	if (event->type == FW_EVENT_THAWED)
		fprintf(file, "; %llu writer%s waited", (unsigned long long)event->waits,
			event->waits == 1 ? "" : "s");
}

static struct json_object *observed_json(const struct fw_event *event, const char *path)
{
	const char *error = event->error ? strerrorname_np((int)event->error) : NULL;
	bool thawed = event->type == FW_EVENT_THAWED;
	struct json_object *object = json_object_new_object(), *fs = NULL;

	output_json_add(object, "type", output_json_string(observed_event_name(event->type)));
	output_json_add(object, "origin", output_json_string(observed_origin_name(event->origin)));
	output_json_add(object, "error", event->error ? json_object_new_int64(event->error) : NULL);
	output_json_add(object, "error_name", error ? output_json_string(error) : NULL);
	output_json_add(object, "phase", output_json_string(observed_phase_name(event->phase)));
	if (event->device.major || event->device.minor) {
		fs = json_object_new_object();
		output_json_add(fs, "path", path ? output_json_string(path) : NULL);
		output_json_add(fs, "major", json_object_new_int64(event->device.major));
		output_json_add(fs, "minor", json_object_new_int64(event->device.minor));
		output_json_add(fs, "fstype", output_json_string(event->filesystem));
		output_json_add(fs, "source", output_json_string(event->source));
	}
	output_json_add(object, "filesystem", fs);
	output_json_add(object, "by", show_task_json(&event->by));
	output_json_add(object, "took_ns", json_object_new_uint64(event->took_ns));
	output_json_add(object, "frozen_for_ns",
			event->frozen_for_ns ? json_object_new_uint64(event->frozen_for_ns) : NULL);
	output_json_add(object, "lease_number",
			event->lease ? json_object_new_uint64(event->lease) : NULL);
	output_json_add(object, "writers_waited",
			thawed ? json_object_new_uint64(event->waits) : NULL);
	return object;
}

/**
 * show_monitor_observed() - what the observer saw
 * @ctl: the call
 * @event: what it was
 *
 * Return: false: nobody reads any more; there is a finding.
 */
bool show_monitor_observed(struct freezectl *ctl, const struct fw_event *event)
{
	const struct paths paths = { .mounts = &ctl->mounts };
	const char *path = paths_path(&paths, event->device.major, event->device.minor);
	const char *place = path ? path : event->source;
	char clock[TIMEFMT_TEXT_MAX], clean[PATHS_TEXT_MAX];
	struct clocks clocks = timefmt_now();
	struct json_object *line;

	if (ctl->out.json) {
		line = json_object_new_object();
		output_json_add(line, "what", output_json_string("observed"));
		output_json_add(line, "source", output_json_string("observer"));
		output_json_add(line, "time",
				output_json_string(timefmt_iso(&clocks, event->time_ns, clock)));
		output_json_add(line, "time_ns", json_object_new_uint64(event->time_ns));
		output_json_add(line, "observed", observed_json(event, path));
		return print(ctl, line);
	}
	fprintf(ctl->out.text, "%s observed %s: ", timefmt_clock(&clocks, event->time_ns, clock),
		event->type == FW_EVENT_EMERGENCY_THAW ? "machine" :
		output_clean(*place ? place : "?", clean, sizeof(clean)));
	observed_text(ctl->out.text, event);
	fputc('\n', ctl->out.text);
	return print(ctl, NULL);
}
