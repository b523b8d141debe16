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
#include <time.h>
#include <unistd.h>

#include "apps/supervisor_process.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "base/util.h"

/* How often the supervisor queries the kernel although no event came. */
#define LOOK_MS		500
/* How long a process may take to vanish after SIGKILL. */
#define VANISH_MS	500

/**
 * process_awake_ns() - CLOCK_MONOTONIC: the clock of what a hook may take
 *
 * A hook does not run while the machine sleeps, and its time does not, either. Deadlines of leases
 * and scripts are CLOCK_BOOTTIME.
 */
uint64_t process_awake_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/** process_save() - write the record; whether that worked is in @unsaved */
void process_save(struct process *p)
{
	p->unsaved = -record_save(p->job->run_dir, &p->record);
}

/* Applications that are to be released come first: writing may take long, or hang. */
static void note(struct process *p)
{
	if (p->record.state != RECORD_RELEASING)
		process_save(p);
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
	app->wants_complete |= !thaw && run->wants_complete;
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
		if (p->record.apps[i].state != RECORD_APP_QUIET &&
		    p->record.apps[i].state != RECORD_APP_STOPPED)
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
		note(p);
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
		note(p);
}

static void hear_control(struct process *p)
{
	struct supervisor_message message;
	ssize_t n;

	for (;;) {
		n = recv(p->control, &message, sizeof(message), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n != sizeof(message) && p->deaf)
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
			note(p);
			break;
		case SUPERVISOR_CHECK:
			/* Only a query shows that one has died. */
			reap(p);
			/* Without the record a post-script would not know of applications. */
			if (p->unsaved)
				note(p);
			process_say(p, all_quiet(p) && !p->unsaved ? SUPERVISOR_STILL : SUPERVISOR_LOST,
				    p->unsaved ? strerror(p->unsaved) : NULL);
			break;
		case SUPERVISOR_KEEP:
			p->record.kept = true;
			note(p);
			break;
		case SUPERVISOR_ABORT:
			p->abort = true;
			break;
		default:
			break;
		}
	}
}

/** process_accept_clients() - clients wait for the end; beyond the limit they are turned away */
void process_accept_clients(struct process *p)
{
	size_t i;
	int fd;

	while ((fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		for (i = 0; i < N_CLIENTS && p->clients[i].fd >= 0; i++)
			;
		if (i < N_CLIENTS)
			p->clients[i].fd = fd;
		else
			close(fd);
	}
}

static void hear_client(struct process *p, struct client *client)
{
	char text[16];
	ssize_t n;

	while (client->fd >= 0) {
		n = read(client->fd, text, sizeof(text) - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(client->fd);
			*client = (struct client){ .fd = -1 };
			return;
		}
		text[n] = '\0';
		client->strict |= !strcmp(text, SUPERVISOR_STRICT);
		client->post_script |= client->strict || !strcmp(text, SUPERVISOR_POST_SCRIPT);
		/* With a lease, the kernel reports its end. */
		if ((client->post_script || !strcmp(text, SUPERVISOR_END)) && !p->job->lease)
			p->end = true;
	}
}

/**
 * process_last_words() - the end is decided: hear what was said before that, and nothing more
 *
 * The caller's word that all is to be kept is either heard here, or cannot be sent any more. Who
 * ended the freeze had said so before.
 */
void process_last_words(struct process *p)
{
	size_t i;

	for (i = 0; i < p->record.n_apps; i++)
		hook_call_read(&p->runs[i]);
	process_note_losses(p);
	reap(p);
	if (p->control >= 0)
		hear_control(p);
	p->deaf = true;
	if (p->control >= 0) {
		shutdown(p->control, SHUT_RD);
		hear_control(p);
	}
	process_accept_clients(p);
	for (i = 0; i < N_CLIENTS; i++)
		hear_client(p, &p->clients[i]);
}

static void hear_signals(struct process *p)
{
	struct signalfd_siginfo info;

	while (read(p->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			p->killed = true;
}

/**
 * process_turn() - wait until something happens, and note all that has happened
 * @p: the supervisor
 * @until_ns: until when, process_awake_ns()
 */
void process_turn(struct process *p, uint64_t until_ns)
{
	struct pollfd fds[4 + N_CLIENTS + 64];
	uint64_t now = process_awake_ns();
	uint64_t wait = until_ns > now ? (until_ns - now + NS_PER_MS - 1) / NS_PER_MS : 0;
	nfds_t n = 0;
	size_t i;

	fds[n++] = (struct pollfd){ .fd = p->signals, .events = POLLIN };
	fds[n++] = (struct pollfd){ .fd = p->deaf ? -1 : p->control, .events = POLLIN };
	fds[n++] = (struct pollfd){ .fd = p->listener, .events = POLLIN };
	fds[n++] = (struct pollfd){ .fd = p->events, .events = POLLIN };
	for (i = 0; i < N_CLIENTS; i++)
		fds[n++] = (struct pollfd){ .fd = p->clients[i].fd, .events = POLLIN };
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
		process_accept_clients(p);
	if (fds[3].revents) {
		p->job->module->drain();
		/* It may have closed it. */
		p->events = p->job->module->fd();
	}
	for (i = 0; i < N_CLIENTS; i++)
		if (fds[4 + i].revents)
			hear_client(p, &p->clients[i]);
}

/**
 * process_wait_for_end() - wait for the end of a call that is to end
 * @p: the supervisor
 * @run: the call
 * @until_ns: then it is made to end, process_awake_ns(),
 * @kill_after_ms: and has that long to undo what it did
 *
 * Return: whether it ended by itself.
 */
bool process_wait_for_end(struct process *p, struct hook_call *run, uint64_t until_ns,
			  uint32_t kill_after_ms)
{
	uint64_t now;

	while (!run->ended && (now = process_awake_ns()) < until_ns)
		process_turn(p, until_ns);
	if (run->ended)
		return true;
	hook_call_signal(run, SIGTERM);
	until_ns = process_awake_ns() + kill_after_ms * NS_PER_MS;
	while (!run->ended && process_awake_ns() < until_ns)
		process_turn(p, until_ns);
	hook_call_signal(run, SIGKILL);
	until_ns = process_awake_ns() + VANISH_MS * NS_PER_MS;
	while (!run->ended && process_awake_ns() < until_ns)
		process_turn(p, until_ns);
	return false;
}
