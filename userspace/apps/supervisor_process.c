// SPDX-License-Identifier: GPL-2.0-only
/*
 * supervisor_process: what happens around a supervisor: hooks that print or end, its caller, others
 * who ask, signals, the lease. process_turn() waits for whatever comes next and notes it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apps/supervisor_process.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "base/util.h"

/* How often the supervisor queries the kernel although no event came. */
#define LOOK_MS		500
/* How long a process may take to vanish after SIGKILL. */
#define VANISH_MS	500

/** process_save() - write the record; whether that worked is in @unsaved */
void process_save(struct process *p)
{
	p->unsaved = -record_save(p->job->run_dir, &p->record);
}

/** process_say() - say something to the caller, if it is still there; @text may be NULL */
void process_say(struct process *p, enum supervisor_word word, const char *text)
{
	struct supervisor_message message = { .word = word };

	snprintf(message.text, sizeof(message.text), "%s", text ? text : "");
	if (p->control >= 0)
		send(p->control, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/** process_take_output() - what a hook has said so far belongs to the record */
void process_take_output(struct record_app *app, struct hook_call *run, bool thaw)
{
	char **to = thaw ? &app->thaw_output : &app->output;
	size_t i;

	free(*to);
	*to = text_copy(run->output);
	for (i = 0; i < run->n_notes; i++) {
		if (app->n_notes < HOOK_CALL_NOTES_MAX)
			app->notes[app->n_notes++] = run->notes[i];
		else
			free(run->notes[i]);
	}
	run->n_notes = 0;
	if (!thaw && run->paths.n) {
		text_list_free(&app->paths);
		app->paths = run->paths;
		run->paths = (struct text_list){ 0 };
	}
}

static bool all_quiet(const struct process *p)
{
	size_t i;

	for (i = 0; i < p->record.n_apps; i++)
		if (p->record.apps[i].state != RECORD_APP_QUIET)
			return false;
	return p->record.state == RECORD_QUIET;
}

/**
 * process_note_losses() - sessions that say they were lost; they are to be released all the same
 */
void process_note_losses(struct process *p)
{
	bool lost = false;
	size_t i;

	for (i = 0; i < p->record.n_apps; i++) {
		struct record_app *app = &p->record.apps[i];

		if (!p->runs[i].lost || app->lost)
			continue;
		app->lost = true;
		if (app->state == RECORD_APP_QUIET)
			app->state = RECORD_APP_LOST;
		lost = true;
	}
	if (lost)
		process_save(p);
}

/* Hooks that ended; of those that were quiet that is a loss. */
static void reap(struct process *p)
{
	bool lost = false;
	size_t i;

	for (i = 0; i < p->record.n_apps; i++) {
		struct record_app *app = &p->record.apps[i];
		struct hook_call *run = &p->runs[i];

		if (!run->pid || !hook_call_reap(run))
			continue;
		if (!app->session || app->state != RECORD_APP_QUIET)
			continue;
		app->exit_status = hook_call_exit_status(run);
		process_take_output(app, run, false);
		app->state = RECORD_APP_LOST;
		app->lost = true;
		app->ended_ns = freezeguard_now_ns();
		lost = true;
	}
	if (lost)
		process_save(p);
}

static void hear_control(struct process *p)
{
	struct supervisor_message message;
	ssize_t n;

	for (;;) {
		n = recv(p->control, &message, sizeof(message), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n != sizeof(message)) {
			close(p->control);
			p->control = -1;
			p->orphan = true;
			return;
		}
		switch (message.word) {
		case SUPERVISOR_LEASE:
			p->record.lease_number = message.number;
			p->record.lease_begin_ns = message.begin_ns;
			p->record.deadline_ns = message.deadline_ns;
			process_save(p);
			break;
		case SUPERVISOR_CHECK:
			/* Only a query shows that one has died. */
			reap(p);
			/* Without the record a post-script would not know of applications. */
			if (p->unsaved)
				process_save(p);
			process_say(p, all_quiet(p) && !p->unsaved ? SUPERVISOR_STILL : SUPERVISOR_LOST,
				    p->unsaved ? strerror(p->unsaved) : NULL);
			break;
		case SUPERVISOR_KEEP:
			p->record.kept = true;
			process_save(p);
			break;
		case SUPERVISOR_ABORT:
			p->abort = true;
			break;
		default:
			break;
		}
	}
}

/** process_accept_client() - a client waits for the end; beyond the limit it is turned away */
void process_accept_client(struct process *p)
{
	int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	size_t i;

	if (fd < 0)
		return;
	for (i = 0; i < N_CLIENTS; i++) {
		if (p->clients[i] < 0) {
			p->clients[i] = fd;
			return;
		}
	}
	close(fd);
}

static void hear_client(struct process *p, int *fd)
{
	char text[16];
	ssize_t n = read(*fd, text, sizeof(text) - 1);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
		return;
	}
	text[n] = '\0';
	/* With a lease, the kernel reports its end. */
	if (!strcmp(text, "end\n") && !p->job->lease)
		p->end = true;
}

static void hear_signals(struct process *p)
{
	struct signalfd_siginfo info;

	while (read(p->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			p->killed = true;
}

/** process_turn() - wait until something happens or @until_ns, and note all that has happened */
void process_turn(struct process *p, uint64_t until_ns)
{
	struct pollfd fds[4 + N_CLIENTS + 64];
	uint64_t now = freezeguard_now_ns();
	uint64_t wait = until_ns > now ? (until_ns - now + NS_PER_MS - 1) / NS_PER_MS : 0;
	nfds_t n = 0;
	size_t i;

	fds[n++] = (struct pollfd){ .fd = p->signals, .events = POLLIN };
	fds[n++] = (struct pollfd){ .fd = p->control, .events = POLLIN };
	fds[n++] = (struct pollfd){ .fd = p->listener, .events = POLLIN };
	fds[n++] = (struct pollfd){ .fd = p->events, .events = POLLIN };
	for (i = 0; i < N_CLIENTS; i++)
		fds[n++] = (struct pollfd){ .fd = p->clients[i], .events = POLLIN };
	/* More hooks than that are read at least every half second. */
	for (i = 0; i < p->record.n_apps && n < ARRAY_SIZE(fds); i++)
		fds[n++] = (struct pollfd){ .fd = p->runs[i].out, .events = POLLIN };
	if (poll(fds, n, wait < LOOK_MS ? (int)wait : LOOK_MS) < 0)
		return;

	for (i = 0; i < p->record.n_apps; i++)
		hook_call_read(&p->runs[i]);
	process_note_losses(p);
	if (fds[0].revents)
		hear_signals(p);
	reap(p);
	if (fds[1].revents)
		hear_control(p);
	if (fds[2].revents)
		process_accept_client(p);
	if (fds[3].revents) {
		p->job->module->drain();
		/* It may have closed it. */
		p->events = p->job->module->fd();
	}
	for (i = 0; i < N_CLIENTS; i++)
		if (p->clients[i] >= 0 && fds[4 + i].revents)
			hear_client(p, &p->clients[i]);
}

/**
 * process_wait_for_end() - wait for the end of a call that is to end
 * @p: the supervisor
 * @run: the call
 * @until_ns: then it is made to end,
 * @kill_after_ms: and has that long to undo what it did
 *
 * Return: whether it ended by itself.
 */
bool process_wait_for_end(struct process *p, struct hook_call *run, uint64_t until_ns,
			  uint32_t kill_after_ms)
{
	uint64_t now;

	while (!run->ended && (now = freezeguard_now_ns()) < until_ns)
		process_turn(p, until_ns);
	if (run->ended)
		return true;
	hook_call_signal(run, SIGTERM);
	until_ns = freezeguard_now_ns() + kill_after_ms * NS_PER_MS;
	while (!run->ended && freezeguard_now_ns() < until_ns)
		process_turn(p, until_ns);
	hook_call_signal(run, SIGKILL);
	until_ns = freezeguard_now_ns() + VANISH_MS * NS_PER_MS;
	while (!run->ended && freezeguard_now_ns() < until_ns)
		process_turn(p, until_ns);
	return false;
}
