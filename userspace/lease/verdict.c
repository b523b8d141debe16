// SPDX-License-Identifier: GPL-2.0-only
/*
 * verdict: the one place that turns a lease's state into exit codes. The state says how it is, the
 * cause why it ended; both come from the kernel and neither is guessed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "observer/observed.h"
#include "lease/verdict.h"

/* "Input/output error (EIO)" */
static const char *error_text(uint32_t error, char buf[128])
{
	const char *name = strerrorname_np((int)error);

	if (name)
		snprintf(buf, 128, "%.90s (%s)", strerror((int)error), name);
	else
		snprintf(buf, 128, "error %u", error);
	return buf;
}

/* "process 4711 (freezectl)", "an unknown process" */
static const char *process_text(uint32_t pid, const char *comm, char buf[64])
{
	if (pid)
		snprintf(buf, 64, "process %u (%s)", pid, comm[0] ? comm : "?");
	else
		snprintf(buf, 64, "an unknown process");
	return buf;
}

/* Who thawed what a lease held: "process 4711 (fsfreeze)" where that was seen. */
static const char *culprit_text(const struct freezeguard_lease *lease, char buf[96])
{
	char process[64];

	if (lease->cause != FREEZEGUARD_CAUSE_FOREIGN_THAW || !lease->ender_pid)
		return "something other than freezeguard";
	snprintf(buf, 96, "%s%s", process_text(lease->ender_pid, lease->ender_comm, process),
		 strncmp(lease->ender_comm, "kworker/", 8) ? "" : ", as SysRq-j does,");
	return buf;
}

/* Had this superblock been frozen by the time the lease ended? */
static bool was_frozen(const struct freezeguard_lease *lease, const struct freezeguard_hold *hold)
{
	return hold->frozen_ns && (!lease->ended_ns || hold->frozen_ns <= lease->ended_ns);
}

/* The kernel keeps thawing these by itself; freezectl stops waiting at some point. */
static void still_held(const struct freezeguard_lease *lease, int code,
		       const struct verdict_context *c, struct findings *f)
{
	char place[PATHS_TEXT_MAX], error[128], span[TIMEFMT_TEXT_MAX];
	size_t i, n = 0;

	for (i = 0; i < lease->n_holds; i++) {
		const struct freezeguard_hold *hold = &lease->holds[i];

		if (hold->state == FREEZEGUARD_HOLD_STATE_RELEASED)
			continue;
		n++;
		paths_hold(&c->paths, hold, place);
		if (hold->state == FREEZEGUARD_HOLD_STATE_FREEZING)
			findings_add(f, code, place,
				     "its freeze has not returned and cannot be interrupted; the kernel thaws it as soon as it returns");
		else if (hold->thaw_failures)
			findings_add(f, code, place,
				     "is not thawed yet: %u thaw%s failed, the last with %s; the kernel keeps trying. To follow it: freezectl status --id %s",
				     hold->thaw_failures, hold->thaw_failures == 1 ? "" : "s",
				     error_text(hold->error, error), lease->id);
		else
			findings_add(f, code, place,
				     "is not thawed yet, %s after its lease ended; the kernel keeps trying. To follow it: freezectl status --id %s",
				     timefmt_span(lease->ended_ns, c->clocks.now_ns, span), lease->id);
	}
	if (!n && lease->n_live)
		findings_add(f, code, lease->id,
			     "%u of its filesystems %s not thawed yet; the kernel keeps trying",
			     lease->n_live, lease->n_live == 1 ? "is" : "are");
}

static void freeze_not_finished(const struct freezeguard_lease *lease, const char *by,
				const struct verdict_context *c, struct findings *f)
{
	char place[PATHS_TEXT_MAX], span[TIMEFMT_TEXT_MAX];
	size_t i, n = 0;

	timefmt_span(lease->begin_ns, lease->ended_ns ? lease->ended_ns : c->clocks.now_ns, span);
	for (i = 0; i < lease->n_holds; i++) {
		const struct freezeguard_hold *hold = &lease->holds[i];

		if (was_frozen(lease, hold))
			continue;
		n++;
		paths_hold(&c->paths, hold, place);
		if (hold->state == FREEZEGUARD_HOLD_STATE_RELEASED)
			findings_add(f, EXIT_CODE_FREEZE_FAILED, place,
				     "had not finished freezing %s, after %s; it is not frozen now",
				     by, span);
		else
			findings_add(f, EXIT_CODE_FREEZE_FAILED, place,
				     "had not finished freezing %s, after %s; its freeze cannot be interrupted, and the kernel thaws it as soon as it returns",
				     by, span);
	}
	if (!n)
		findings_add(f, EXIT_CODE_FREEZE_FAILED, lease->id,
			     "was not frozen completely %s, after %s", by, span);
}

static void freeze_hold_failed(const struct freezeguard_lease *lease,
			       const struct verdict_context *c, struct findings *f)
{
	char place[PATHS_TEXT_MAX], error[128], others[OBSERVED_TEXT_MAX];
	size_t i, n = 0;

	for (i = 0; i < lease->n_holds; i++) {
		const struct freezeguard_hold *hold = &lease->holds[i];

		/* Its error may also be that of a thaw in the roll-back. */
		if (!hold->error || was_frozen(lease, hold))
			continue;
		n++;
		paths_hold(&c->paths, hold, place);
		if (hold->error == EBUSY)
			findings_add(f, EXIT_CODE_ALREADY_FROZEN, place,
				     "is already frozen by %s, and stays frozen; thaw it with the program that froze it%s",
				     observed_others(c->observer, hold->major, hold->minor, &c->clocks,
						     others), observed_hint(c->observer));
		else
			findings_add(f, EXIT_CODE_FREEZE_FAILED, place,
				     "cannot be frozen: %s; see the kernel's log",
				     error_text(hold->error, error));
	}
	if (n)
		return;
	if (lease->error == EBUSY)
		findings_add(f, EXIT_CODE_ALREADY_FROZEN, lease->id,
			     "one of its filesystems is already frozen by something other than freezeguard");
	else
		findings_add(f, EXIT_CODE_FREEZE_FAILED, lease->id,
			     "one of its filesystems cannot be frozen: %s",
			     error_text(lease->error, error));
}

/**
 * verdict_freeze() - did the freeze succeed?
 * @lease: as it is now
 * @context: for the texts
 * @findings: gets 201 or 204, one for each filesystem it is about
 *
 * Return: whether it is FROZEN; there are no findings then.
 */
bool verdict_freeze(const struct freezeguard_lease *lease, const struct verdict_context *context,
		    struct findings *findings)
{
	char text[TIMEFMT_TEXT_MAX], process[64], by[TIMEFMT_TEXT_MAX + 32], culprit[96];

	if (lease->state == FREEZEGUARD_LEASE_STATE_FROZEN)
		return true;

	if (context->gave_up) {
		freeze_not_finished(lease, context->gave_up, context, findings);
	} else if (lease->state == FREEZEGUARD_LEASE_STATE_FREEZING) {
		freeze_not_finished(lease, "yet", context, findings);
	} else {
		switch (lease->cause) {
		case FREEZEGUARD_CAUSE_HOLD_FAILED:
			freeze_hold_failed(lease, context, findings);
			break;
		case FREEZEGUARD_CAUSE_DEADLINE:
			if (lease->frozen_ns) {
				findings_add(findings, EXIT_CODE_FREEZE_FAILED, lease->id,
					     "its deadline passed at %s, before freezectl could report that all is frozen; use a longer --timeout, and make sure that the output is read",
					     timefmt_text(&context->clocks, lease->ended_ns, text));
				break;
			}
			snprintf(by, sizeof(by), "by the deadline at %s",
				 timefmt_clock(&context->clocks, lease->deadline_ns, text));
			freeze_not_finished(lease, by, context, findings);
			break;
		case FREEZEGUARD_CAUSE_REQUEST:
			findings_add(findings, EXIT_CODE_FREEZE_FAILED, lease->id,
				     "was ended at %s, by %s",
				     timefmt_text(&context->clocks, lease->ended_ns, text),
				     process_text(lease->ender_pid, lease->ender_comm, process));
			break;
		case FREEZEGUARD_CAUSE_OWNER_DEATH:
			findings_add(findings, EXIT_CODE_FREEZE_FAILED, lease->id,
				     "was ended at %s: its owner's connection to the kernel was closed",
				     timefmt_text(&context->clocks, lease->ended_ns, text));
			break;
		case FREEZEGUARD_CAUSE_FOREIGN_THAW:
			findings_add(findings, EXIT_CODE_FREEZE_FAILED, lease->id,
				     "%s thawed one of its filesystems at %s",
				     culprit_text(lease, culprit),
				     timefmt_text(&context->clocks, lease->ended_ns, text));
			break;
		case FREEZEGUARD_CAUSE_SHUTDOWN:
			findings_add(findings, EXIT_CODE_FREEZE_FAILED, lease->id,
				     "was ended: the machine is shutting down");
			break;
		case FREEZEGUARD_CAUSE_SLEEP:
			findings_add(findings, EXIT_CODE_FREEZE_FAILED, lease->id,
				     "was ended at %s, because the machine was about to sleep (suspend or hibernation)",
				     timefmt_text(&context->clocks, lease->ended_ns, text));
			break;
		default:
			findings_add(findings, EXIT_CODE_FREEZE_FAILED, lease->id,
				     "was not frozen; it is %s, for a cause that this version of freezectl does not know (%u)",
				     freezeguard_lease_state_name(lease->state), lease->cause);
		}
	}
	if (freezeguard_lease_is_live(lease) &&
	    lease->cause != FREEZEGUARD_CAUSE_DEADLINE && !context->gave_up)
		still_held(lease, EXIT_CODE_FREEZE_FAILED, context, findings);
	return false;
}

/**
 * verdict_live() - what a lease still holds that should be over
 * @lease: a live lease
 * @code: the exit code that follows
 * @context: what the texts are made with
 * @findings: gets what is still held, and why
 */
void verdict_live(const struct freezeguard_lease *lease, int code,
		  const struct verdict_context *context, struct findings *findings)
{
	if (lease->state == FREEZEGUARD_LEASE_STATE_FROZEN ||
	    lease->state == FREEZEGUARD_LEASE_STATE_FREEZING)
		findings_add(findings, code, lease->id, "is still %s: it was not ended",
			     freezeguard_lease_state_name(lease->state));
	else
		still_held(lease, code, context, findings);
}

static uint32_t thaw_failures(const struct freezeguard_lease *lease)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < lease->n_holds; i++)
		sum += lease->holds[i].thaw_failures;
	return sum;
}

/* The lease is released. Was a request that came in time answered with a failed thaw? */
static void thaw_had_failed(const struct freezeguard_lease *lease, const struct verdict_context *c,
			    struct findings *f)
{
	char text[TIMEFMT_TEXT_MAX], span[TIMEFMT_TEXT_MAX];
	uint32_t failures = thaw_failures(lease);

	/* What never froze completely and was released late had a freeze that was stuck. */
	if (!failures && (!lease->frozen_ns ||
			  lease->released_ns <= lease->ended_ns + c->wait_ms * NS_PER_MS))
		return;
	findings_add(f, EXIT_CODE_THAW_FAILED, lease->id,
		     "its thaw took %s (%u attempt%s failed); it is thawed now, since %s",
		     timefmt_span(lease->ended_ns, lease->released_ns, span), failures,
		     failures == 1 ? "" : "s", timefmt_text(&c->clocks, lease->released_ns, text));
}

static void thaw_ended_by_request(const struct freezeguard_lease *lease, enum verdict_asked asked,
				  const struct verdict_context *c, struct findings *f)
{
	char text[TIMEFMT_TEXT_MAX], span[TIMEFMT_TEXT_MAX], process[64];

	process_text(lease->ender_pid, lease->ender_comm, process);
	timefmt_text(&c->clocks, lease->ended_ns, text);
	if (asked == VERDICT_WON) {
		if (!lease->frozen_ns)
			findings_add(f, EXIT_CODE_NOT_FROZEN, lease->id,
				     "was still freezing and is cancelled now; a snapshot taken meanwhile is not consistent");
		return;
	}
	/* Not thawed yet: an earlier request ended it, and its 202 is still true. */
	if (freezeguard_lease_is_live(lease))
		return;
	if (!lease->frozen_ns)
		findings_add(f, EXIT_CODE_NOT_FROZEN, lease->id,
			     "was never frozen completely: it was cancelled at %s, by %s",
			     text, process);
	else if (asked == VERDICT_AGAIN)
		findings_add(f, EXIT_CODE_DONE, lease->id,
			     "was already thawed in time, at %s, by an earlier request of its owner; it had been frozen for %s",
			     text, timefmt_span(lease->frozen_ns, lease->ended_ns, span));
	else
		findings_add(f, EXIT_CODE_NOT_FROZEN, lease->id,
			     "was already thawed at %s, by %s; it had been frozen for %s, continuity %s",
			     text, process, timefmt_span(lease->frozen_ns, lease->ended_ns, span),
			     freezeguard_continuity_name(lease->continuity));
}

static void thaw_ended_by_deadline(const struct freezeguard_lease *lease,
				   const struct verdict_context *c, struct findings *f)
{
	char text[TIMEFMT_TEXT_MAX], span[TIMEFMT_TEXT_MAX];

	timefmt_text(&c->clocks, lease->ended_ns, text);
	if (!lease->frozen_ns)
		findings_add(f, EXIT_CODE_NOT_FROZEN, lease->id,
			     "was never frozen completely: its deadline passed while it was freezing, at %s",
			     text);
	else
		findings_add(f, EXIT_CODE_EXPIRED, lease->id,
			     "its deadline thawed it at %s, after %s frozen, before this request came; a snapshot that was not finished by then may be inconsistent",
			     text, timefmt_span(lease->frozen_ns, lease->ended_ns, span));
}

/* Somebody else thawed: which of the filesystems, as far as the kernel knows. */
static void thaw_broken(const struct freezeguard_lease *lease, const struct verdict_context *c,
			struct findings *f)
{
	char text[TIMEFMT_TEXT_MAX], place[PATHS_TEXT_MAX], buf[96], process[OBSERVED_TEXT_MAX];
	const char *culprit = culprit_text(lease, buf);
	bool known = culprit == buf;
	struct fw_last last;
	size_t i, n = 0;

	for (i = 0; i < lease->n_holds; i++) {
		if (lease->holds[i].continuity != FREEZEGUARD_CONTINUITY_BROKEN)
			continue;
		n++;
		paths_hold(&c->paths, &lease->holds[i], place);
		timefmt_text(&c->clocks, lease->ended_ns, text);
		if (!known && observed_thaw(c->observer, lease, &lease->holds[i], &last))
			findings_add(f, EXIT_CODE_NOT_FROZEN, place,
				     "%s thawed it (%s) before the end of lease %s, at %s; the snapshot may be inconsistent",
				     observed_process(&last.thawed_by, process),
				     observed_origin(last.thaw_origin), lease->id,
				     timefmt_text(&c->clocks, last.thawed_ns, text));
		else
			findings_add(f, EXIT_CODE_NOT_FROZEN, place,
				     "%s thawed it before the end of lease %s, at %s; the snapshot may be inconsistent%s",
				     culprit, lease->id, text,
				     known ? "" : observed_unseen(c->observer));
	}
	timefmt_text(&c->clocks, lease->ended_ns, text);
	if (!n)
		findings_add(f, EXIT_CODE_NOT_FROZEN, lease->id,
			     "%s thawed one of its filesystems before its end, at %s; the snapshot may be inconsistent%s",
			     culprit, text,
			     known ? "" : observed_unseen(c->observer));
}

/* Nothing speaks for a gap, and nothing would have seen one. */
static void continuity_unknown(const struct freezeguard_lease *lease, bool required,
			       struct findings *f)
{
	findings_add(f, required ? EXIT_CODE_NOT_FROZEN : EXIT_CODE_DONE, lease->id,
		     "its continuity is unknown: if another process thawed one of its filesystems and froze it again, nothing saw that%s. The watch for such thaws is off or cannot work here, see /sys/module/freezeguard/parameters/watch",
		     required ? ", and require_continuity is set; the snapshot may be inconsistent" :
		     "; require_continuity makes this a failure");
}

/**
 * verdict_thaw() - did the thaw succeed?
 * @lease: as it is after its release was waited for
 * @asked: what became of the request to end it
 * @context: for the texts
 * @findings: gets 202, 203 and 205, whatever is true
 *
 * Return: whether this request thawed it, or did so the first time, all of it, and it had been frozen
 * without a gap; there are no findings but warnings then.
 */
bool verdict_thaw(const struct freezeguard_lease *lease, enum verdict_asked asked,
		  const struct verdict_context *context, struct findings *findings)
{
	char text[TIMEFMT_TEXT_MAX], place[PATHS_TEXT_MAX], process[64], error[128];
	char others[OBSERVED_TEXT_MAX];
	size_t i, before = findings->n;
	bool good;

	if (freezeguard_lease_is_live(lease)) {
		verdict_live(lease, EXIT_CODE_THAW_FAILED, context, findings);
	} else if (asked != VERDICT_WON) {
		thaw_had_failed(lease, context, findings);
	}

	timefmt_text(&context->clocks, lease->ended_ns, text);
	switch (lease->cause) {
	case FREEZEGUARD_CAUSE_REQUEST:
		thaw_ended_by_request(lease, asked, context, findings);
		break;
	case FREEZEGUARD_CAUSE_DEADLINE:
		thaw_ended_by_deadline(lease, context, findings);
		break;
	case FREEZEGUARD_CAUSE_OWNER_DEATH:
		findings_add(findings, EXIT_CODE_NOT_FROZEN, lease->id,
			     "was ended at %s, because its owner, %s, died or closed its connection; a snapshot that was not finished by then may be inconsistent",
			     text, process_text(lease->owner_pid, lease->owner_comm, process));
		break;
	case FREEZEGUARD_CAUSE_HOLD_FAILED:
		findings_add(findings, EXIT_CODE_NOT_FROZEN, lease->id,
			     "was never frozen completely: at %s one of its filesystems could not be frozen: %s",
			     text, error_text(lease->error, error));
		break;
	case FREEZEGUARD_CAUSE_FOREIGN_THAW:
		thaw_broken(lease, context, findings);
		break;
	case FREEZEGUARD_CAUSE_SHUTDOWN:
		findings_add(findings, EXIT_CODE_NOT_FROZEN, lease->id,
			     "was ended at %s, because the machine was shutting down", text);
		break;
	case FREEZEGUARD_CAUSE_SLEEP:
		findings_add(findings, EXIT_CODE_NOT_FROZEN, lease->id,
			     "was ended at %s, because the machine was about to sleep (suspend or hibernation); a snapshot that was not finished by then may be inconsistent",
			     text);
		break;
	default:
		if (lease->state >= FREEZEGUARD_LEASE_STATE_THAWING)
			findings_add(findings, EXIT_CODE_NOT_FROZEN, lease->id,
				     "is %s, for a cause that this version of freezectl does not know (%u)",
				     freezeguard_lease_state_name(lease->state),
				     lease->cause);
	}
	/* A foreign thaw may have been noticed only when the lease ended for another reason. */
	if (lease->cause != FREEZEGUARD_CAUSE_FOREIGN_THAW &&
	    (lease->state == FREEZEGUARD_LEASE_STATE_BROKEN ||
	     (lease->frozen_ns && lease->continuity == FREEZEGUARD_CONTINUITY_BROKEN)))
		thaw_broken(lease, context, findings);
	for (i = before, good = true; i < findings->n; i++)
		good = good && findings->v[i].code == EXIT_CODE_DONE;
	if (asked != VERDICT_LATE && lease->cause == FREEZEGUARD_CAUSE_REQUEST &&
	    lease->frozen_ns && !freezeguard_lease_is_live(lease) &&
	    lease->continuity == FREEZEGUARD_CONTINUITY_UNKNOWN) {
		good = good && !context->require_continuity;
		continuity_unknown(lease, context->require_continuity, findings);
	}

	for (i = 0; i < lease->n_holds; i++)
		if (lease->holds[i].still_frozen)
			findings_add(findings, EXIT_CODE_DONE,
				     paths_hold(&context->paths, &lease->holds[i], place),
				     "is no longer frozen by freezeguard, but still by %s; thaw it with the program that froze it%s",
				     observed_others(context->observer, lease->holds[i].major,
						  lease->holds[i].minor, &context->clocks, others),
				     observed_hint(context->observer));
	for (i = 0; i < lease->n_holds; i++)
		if (lease->holds[i].turned_read_only)
			findings_add(findings, EXIT_CODE_DONE,
				     paths_hold(&context->paths, &lease->holds[i], place),
				     "has become read-only since it was frozen, which is what filesystems do when their device fails; see the kernel's log");
	return good;
}
