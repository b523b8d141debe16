// SPDX-License-Identifier: GPL-2.0-only
/*
 * The misbehaviour: an operation that succeeds, fails, sleeps, or hangs until told otherwise.
 *
 * One syntax for mount options and debugfs: ok, fail:ERRNO[:TIMES], sleep:MS, hang.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "inject.h"

/* Longer than any test waits, and far from an overflow of jiffies. */
#define SLEEP_MS_MAX	(10 * 60 * 1000)

/**
 * inject_init() - make an operation that behaves as @what from the start
 * @inject: to be made
 * @what: to do
 */
void inject_init(struct inject *inject, const struct inject_what *what)
{
	memset(inject, 0, sizeof(*inject));
	spin_lock_init(&inject->lock);
	init_waitqueue_head(&inject->queue);
	inject->what = *what;
}

/**
 * inject_parse() - read a behaviour
 * @text: terminated by NUL
 * @what: is what it says
 *
 * Return: 0, or -EINVAL.
 */
int inject_parse(const char *text, struct inject_what *what)
{
	struct inject_what parsed = { .kind = INJECT_OK };
	char rest;
	int n;

	if (!strcmp(text, "hang")) {
		parsed.kind = INJECT_HANG;
	} else if (!strncmp(text, "sleep:", 6)) {
		parsed.kind = INJECT_SLEEP;
		if (kstrtouint(text + 6, 10, &parsed.sleep_ms) || parsed.sleep_ms > SLEEP_MS_MAX)
			return -EINVAL;
	} else if (!strncmp(text, "fail:", 5)) {
		parsed.kind = INJECT_FAIL;
		n = sscanf(text + 5, "%u:%u%c", &parsed.error, &parsed.times, &rest);
		if (n == 1 ? kstrtouint(text + 5, 10, &parsed.error) : n != 2 || !parsed.times)
			return -EINVAL;
		if (!parsed.error || parsed.error > MAX_ERRNO)
			return -EINVAL;
	} else if (strcmp(text, "ok")) {
		return -EINVAL;
	}
	*what = parsed;
	return 0;
}

/**
 * inject_print() - write a behaviour in the form that inject_parse() reads
 * @inject: whose
 * @text: at least INJECT_TEXT_MAX bytes
 * @size: of @text
 *
 * Return: the length of the text.
 */
int inject_print(struct inject *inject, char *text, size_t size)
{
	struct inject_what what;

	spin_lock(&inject->lock);
	what = inject->what;
	spin_unlock(&inject->lock);

	switch (what.kind) {
	case INJECT_FAIL:
		if (what.times)
			return scnprintf(text, size, "fail:%u:%u", what.error, what.times);
		return scnprintf(text, size, "fail:%u", what.error);
	case INJECT_SLEEP:
		return scnprintf(text, size, "sleep:%u", what.sleep_ms);
	case INJECT_HANG:
		return scnprintf(text, size, "hang");
	case INJECT_OK:
		break;
	}
	return scnprintf(text, size, "ok");
}

/**
 * inject_tell() - behave differently from the next call on
 * @inject: the operation
 * @what: to do; calls that hang or sleep now go on doing so
 */
void inject_tell(struct inject *inject, const struct inject_what *what)
{
	spin_lock(&inject->lock);
	inject->what = *what;
	spin_unlock(&inject->lock);
}

/**
 * inject_release() - end every call that sleeps or hangs, and the telling to do so
 * @inject: the operation
 * @error: what those calls return: a positive errno, or 0
 */
void inject_release(struct inject *inject, unsigned int error)
{
	spin_lock(&inject->lock);
	inject->generation++;
	inject->release_error = error;
	if (inject->what.kind == INJECT_HANG || inject->what.kind == INJECT_SLEEP)
		inject->what.kind = INJECT_OK;
	spin_unlock(&inject->lock);
	wake_up_all(&inject->queue);
}

/**
 * inject_counts() - say how often an operation was called
 * @inject: the operation
 * @calls: is set to all calls so far
 * @inside: is set to those that sleep or hang now
 */
void inject_counts(struct inject *inject, unsigned int *calls, unsigned int *inside)
{
	spin_lock(&inject->lock);
	*calls = inject->calls;
	*inside = inject->inside;
	spin_unlock(&inject->lock);
}

/**
 * inject_run() - do what the operation is told to do
 * @inject: the operation
 *
 * Context: may sleep, for good if told so; not even a fatal signal ends that, as in a filesystem
 * whose device doesn't answer. Doesn't count as load nor as a hung task.
 * Return: 0, or a negative errno as told.
 */
int inject_run(struct inject *inject)
{
	struct inject_what what;
	unsigned int generation;
	long left = MAX_SCHEDULE_TIMEOUT;
	ktime_t until;
	int err = 0;

	spin_lock(&inject->lock);
	what = inject->what;
	generation = inject->generation;
	inject->calls++;
	if (what.kind == INJECT_FAIL && what.times && !--inject->what.times)
		inject->what.kind = INJECT_OK;
	if (what.kind == INJECT_SLEEP || what.kind == INJECT_HANG)
		inject->inside++;
	spin_unlock(&inject->lock);

	switch (what.kind) {
	case INJECT_OK:
		break;
	case INJECT_FAIL:
		return -(int)what.error;
	case INJECT_SLEEP:
		left = msecs_to_jiffies(what.sleep_ms);
		fallthrough;
	case INJECT_HANG:
		/* Ticks may come early by the clock that tests measure with. */
		until = ktime_add_ms(ktime_get(), what.sleep_ms);
		while (!(left = wait_event_idle_timeout(inject->queue,
							READ_ONCE(inject->generation) != generation, left)) &&
		       ktime_before(ktime_get(), until))
			left = 1;
		spin_lock(&inject->lock);
		inject->inside--;
		if (left)
			err = -(int)inject->release_error;
		spin_unlock(&inject->lock);
		break;
	}
	return err;
}
