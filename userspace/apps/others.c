// SPDX-License-Identifier: GPL-2.0-only
/* others: what earlier freezes, and others at the same time, do with applications */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "apps/others.h"
#include "apps/post_script.h"

/**
 * others_check() - is one of the applications kept quiet already, or is this freeze begun already?
 * @ctl: gets a finding of code 204 for each
 * @config: what is in force
 * @id: of this freeze
 * @hooks: those that are to be called
 */
void others_check(struct freezectl *ctl, const struct config *config, const char *id,
		  const struct hooks *hooks)
{
	struct clocks clocks = timefmt_now();
	struct record_list list;
	char text[TIMEFMT_TEXT_MAX];
	size_t i, k, h;

	if (record_list(config->run_dir, &list))
		return;
	for (i = 0; i < list.n; i++) {
		const struct record *s = &list.v[i];

		if (s->state == RECORD_RELEASED || !apps_alive(config->run_dir, s))
			continue;
		if (!strcmp(s->id, id))
			findings_add(&ctl->findings, EXIT_CODE_ALREADY_FROZEN, s->id,
				     "its applications are already kept quiet by process %d, since %s; nothing was touched. Wait for its post-script, or freezectl thaw --id %s",
				     s->pid, timefmt_text(&clocks, s->begin_ns, text), s->id);
		for (k = 0; k < s->n_apps && strcmp(s->id, id); k++)
			for (h = 0; h < hooks->n; h++)
				if (!hooks->v[h].skip &&
				    !strcmp(hooks->v[h].name, s->apps[k].name))
					findings_add(&ctl->findings, EXIT_CODE_ALREADY_FROZEN,
						     s->apps[k].name,
						     "is already kept quiet for %s by process %d, since %s; nothing was touched. Wait for its post-script, or freezectl thaw --id %s",
						     s->id, s->pid,
						     timefmt_text(&clocks, s->begin_ns, text),
						     s->id);
	}
	record_list_free(&list);
}

/* It may have come to its end between the reading of its record and the look whether it lives. */
static bool reload_is_over(const char *run_dir, const struct record *record)
{
	struct record now;
	bool over;

	if (record_load(run_dir, record->id, &now))
		return true;
	over = now.state == RECORD_RELEASED || now.pid != record->pid;
	record_free(&now);
	return over;
}

/**
 * others_thaw() - thaw what supervisors that were killed would have thawed
 * @ctl: gets a warning for each
 * @config: what is in force
 * @until_ns: what is not begun by then is left to the next pre-script, CLOCK_BOOTTIME
 */
void others_thaw(struct freezectl *ctl, const struct config *config, uint64_t until_ns)
{
	struct record_list list;
	size_t i;

	if (record_list(config->run_dir, &list))
		return;
	/* The next pre-script handles those that there is no time for now. */
	for (i = 0; i < list.n && freezeguard_now_ns() < until_ns; i++) {
		struct record *s = &list.v[i];

		if (s->state == RECORD_RELEASED || apps_alive(config->run_dir, s) ||
		    reload_is_over(config->run_dir, s))
			continue;
		findings_add(&ctl->findings, EXIT_CODE_DONE, s->id,
			     "its supervisor, process %d, died without releasing the applications; this pre-script releases them now",
			     s->pid);
		apps_thaw_for_dead(ctl, config, s, EXIT_CODE_DONE, until_ns);
	}
	record_list_free(&list);
}

/**
 * others_lock() - pre-scripts come one after another
 * @run_dir: the directory of the records
 * @until_ns: how long to wait, CLOCK_BOOTTIME
 *
 * From the check for others until the record says who is kept quiet now.
 *
 * Return: the lock, a file to be closed, or a negative errno; -EWOULDBLOCK: in all that time another
 * one had it.
 */
int others_lock(const char *run_dir, uint64_t until_ns)
{
	int r = record_directory(run_dir), lock;

	if (r)
		return r;
	lock = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0)
		return -errno;
	while (flock(lock, LOCK_EX | LOCK_NB)) {
		r = -errno;
		if (r != -EWOULDBLOCK || freezeguard_now_ns() >= until_ns) {
			close(lock);
			return r;
		}
		usleep(5000);
	}
	return lock;
}
