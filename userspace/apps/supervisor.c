// SPDX-License-Identifier: GPL-2.0-only
/*
 * supervisor: a process of its own and its phases: making quiet, holding, letting go. Each calls
 * process_turn() until what it waits for has happened or is too late.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/history.h"
#include "apps/supervisor.h"
#include "apps/supervisor_process.h"
#include "apps/supervisor_scope.h"
#include "base/timefmt.h"
#include "base/util.h"

/* After that the next one is released, whether or not the one before has answered. */
#define OVERTAKE_MS	300

/* How long it is, from now, until a time of CLOCK_BOOTTIME. */
static uint64_t left_ns(uint64_t until_ns)
{
	uint64_t now = freezeguard_now_ns();

	return until_ns > now ? until_ns - now : 0;
}

/* @may_take_ns: how long until it has to be quiet; 0: its own timeout counts */
static void start(struct process *p, size_t i, const char *verb, uint64_t may_take_ns)
{
	const struct hook_call_args call = {
		.id = p->job->id,
		.timeout_ms = (uint32_t)(may_take_ns / NS_PER_MS),
		.limit_ms = left_ns(p->job->give_up_ns) / NS_PER_MS + p->job->timeout_ms +
			    SUPERVISOR_PATIENCE_MS,
		.paths = p->job->paths,
		.keep = p->job->keep_dir,
		.oom_score_adj = p->oom_score_adj,
	};
	struct hook_call *run = &p->runs[i];
	int r;

	r = hook_call_start(run, p->hooks[i], verb, &call);
	if (!r)
		return;
	snprintf(run->output, sizeof(run->output), "cannot be started: %s\n", strerror(-r));
	run->ended = true;
	run->status = 126 << 8;
}

/* Make an application quiet. Returns whether it is, or need not be. */
static bool quiesce(struct process *p, size_t i)
{
	struct record_app *app = &p->record.apps[i];
	struct hook_call *run = &p->runs[i];
	uint64_t may_take, until;
	bool quiet;

	app->state = RECORD_APP_FREEZING;
	app->begun = true;
	app->begin_ns = freezeguard_now_ns();
	process_save(p);
	may_take = p->hooks[i]->timeout_ms * NS_PER_MS;
	if (left_ns(p->job->quiet_until_ns) < may_take)
		may_take = left_ns(p->job->quiet_until_ns);
	until = process_awake_ns() + may_take;
	start(p, i, app->session ? "session" : "freeze", may_take);
	while (!run->ended && !(app->session && run->ready) && !p->abort && !p->orphan &&
	       !p->killed && process_awake_ns() < until)
		process_turn(p, until);
	if (!run->ended && !run->ready) {
		app->timed_out = !p->abort && !p->orphan && !p->killed;
		/* A one-shot is called with thaw; only the session itself knows what it has begun. */
		process_wait_for_end(p, run, 0, app->session ? p->hooks[i]->thaw_timeout_ms :
				     HOOK_CALL_KILL_AFTER_MS);
	}
	process_take_output(app, run, false);
	if (run->ended)
		app->exit_status = hook_call_exit_status(run);
	if (app->timed_out)
		app->state = RECORD_APP_FAILED;
	else if (app->session ? run->ready && !run->ended : run->ended && !app->exit_status)
		app->state = RECORD_APP_QUIET;
	else if (app->exit_status != HOOK_CALL_NOT_READY)
		app->state = RECORD_APP_FAILED;
	else
		app->state = RECORD_APP_NOT_READY;
	app->stopped = app->state == RECORD_APP_NOT_READY && run->stopped;
	if (app->stopped) {
		/* There is nothing to undo. */
		app->begun = false;
		if (p->hooks[i]->skip_stopped)
			app->state = RECORD_APP_STOPPED;
	}
	quiet = app->state == RECORD_APP_QUIET;
	if (quiet)
		app->quiet_ns = freezeguard_now_ns();
	/* LOST may arrive together with READY; CHECK will find it. */
	if (quiet && app->lost)
		app->state = RECORD_APP_LOST;
	process_save(p);
	return quiet || app->state == RECORD_APP_STOPPED;
}

/* What was printed until the thaw is not to be printed again after it. */
static void forget_output(struct hook_call *run)
{
	run->n_output = 0;
	run->output[0] = '\0';
}

/* Tell an application to go on. Returns whether its answer is to be waited for. */
static bool release_begin(struct process *p, size_t i, const char *word)
{
	struct record_app *app = &p->record.apps[i];
	struct hook_call *run = &p->runs[i];

	/* A session that has ended has released its application. */
	if (!app->begun || (app->session && run->ended))
		return false;
	if (app->state == RECORD_APP_QUIET || app->state == RECORD_APP_LOST)
		app->state = RECORD_APP_THAWING;
	if (app->session) {
		hook_call_read(run);
		process_take_output(app, run, false);
		forget_output(run);
		hook_call_let_go(run, word);
	} else {
		hook_call_close(run);
		start(p, i, "thaw", 0);
	}
	return true;
}

/* Wait until it is released, or its time is over, and record the result. */
static void release_end(struct process *p, size_t i, uint64_t until_ns)
{
	struct record_app *app = &p->record.apps[i];
	struct hook_call *run = &p->runs[i];
	int exit_status = app->exit_status;
	bool in_time = process_wait_for_end(p, run, until_ns, HOOK_CALL_KILL_AFTER_MS);

	process_take_output(app, run, true);
	process_note_losses(p);
	app->exit_status = hook_call_exit_status(run);
	app->ended_ns = freezeguard_now_ns();
	if (!in_time || app->exit_status) {
		app->timed_out = !in_time;
		app->state = RECORD_APP_THAW_FAILED;
	} else if (app->state == RECORD_APP_THAWING) {
		app->state = app->lost ? RECORD_APP_LOST : RECORD_APP_RELEASED;
	} else {
		/* Why it could not be made quiet is what is of interest. */
		app->exit_status = exit_status;
	}
}

/*
 * Was it a success: did its owner end it, the post-script for one, after a freeze that had reported
 * success, and was all quiet and frozen until then? Only such an end may be recorded as a backup.
 */
static bool in_time(const struct process *p, const char *why)
{
	bool post_script = false, strict = false;
	size_t i;

	for (i = 0; i < N_CLIENTS; i++) {
		post_script |= p->clients[i].post_script;
		strict |= p->clients[i].strict;
	}
	for (i = 0; i < p->record.n_apps; i++)
		if (p->record.apps[i].lost)
			return false;
	return post_script && !strcmp(why, "request") && !p->broken && !(strict && p->unknown) &&
	       (p->record.kept || (p->job->lease && !p->job->attended && p->orphan));
}

/* All applications are released before the record is written: writing may take long, or hang. */
static void release_all(struct process *p, const char *why)
{
	const char *word;
	uint64_t now;
	size_t i;

	p->record.state = RECORD_RELEASING;
	p->record.ended_ns = freezeguard_now_ns();
	snprintf(p->record.why, sizeof(p->record.why), "%s", why);
	process_last_words(p);
	p->record.in_time = in_time(p, why);
	word = p->record.in_time ? "thaw" : !strcmp(why, "deadline") ? "deadline" : "abort";
	/* One that takes its time does not keep the others quiet. */
	for (i = p->record.n_apps; i-- > 0; ) {
		if (!release_begin(p, i, word))
			continue;
		now = process_awake_ns();
		p->release_until_ns[i] = now + p->hooks[i]->thaw_timeout_ms * NS_PER_MS;
		now += OVERTAKE_MS * NS_PER_MS;
		while (!p->runs[i].ended && process_awake_ns() < now)
			process_turn(p, now);
		if (!p->runs[i].ended)
			continue;
		release_end(p, i, now);
		p->release_until_ns[i] = 0;
	}
	process_save(p);
	for (i = p->record.n_apps; i-- > 0; ) {
		if (!p->release_until_ns[i])
			continue;
		release_end(p, i, p->release_until_ns[i]);
		process_save(p);
	}
	p->record.state = RECORD_RELEASED;
	p->record.released_ns = freezeguard_now_ns();
	process_save(p);
}

/* Has the lease ended, and can the applications go on? Says why. */
static bool lease_over(struct process *p, uint64_t *ended_ns, char *why)
{
	struct supervisor_lease lease;
	uint64_t now = freezeguard_now_ns();
	int r = p->job->module->look(p->record.lease_number, &lease);

	if (r == -ENOENT) {
		strcpy(why, "none");
		return true;
	}
	if (r) {
		strcpy(why, "deadline");
		return now >= p->record.deadline_ns + SUPERVISOR_RELEASE_MS * NS_PER_MS;
	}
	p->unknown = lease.unknown;
	p->broken = lease.broken || (lease.unknown && p->job->require_continuity);
	if (!lease.ended)
		return false;
	if (!*ended_ns)
		*ended_ns = now;
	strcpy(why, lease.cause);
	return lease.released || now >= *ended_ns + SUPERVISOR_RELEASE_MS * NS_PER_MS;
}

/*
 * Without a lease, or as long as it is not known: why it is to end, or NULL; until when that is true
 * if nothing happens.
 */
static const char *over_without_lease(const struct process *p, uint64_t *until)
{
	uint64_t now = freezeguard_now_ns();

	*until = p->job->give_up_ns + SUPERVISOR_PATIENCE_MS * NS_PER_MS;
	if (!p->job->lease &&
	    (p->record.kept || p->job->attended || p->record.deadline_ns < *until))
		*until = p->record.deadline_ns;
	if (p->abort)
		return "abort";
	if (p->end)
		return "request";
	if (p->orphan && !p->record.kept)
		return "owner-death";
	if (now < *until)
		return NULL;
	return *until == p->record.deadline_ns ? "deadline" : "abort";
}

/* All are quiet. Returns when that is to end, and why. */
static void hold(struct process *p, char why[RECORD_WHY_MAX + 1])
{
	uint64_t ended_ns = 0, until, now;
	const char *over = NULL;

	while (!p->killed && !over) {
		if (!p->record.lease_number) {
			over = over_without_lease(p, &until);
		} else if (lease_over(p, &ended_ns, why)) {
			return;
		} else {
			now = freezeguard_now_ns();
			until = p->record.deadline_ns;
			if (ended_ns || until <= now)
				until = now + 20 * NS_PER_MS;
		}
		if (!over)
			process_turn(p, process_awake_ns() + left_ns(until));
	}
	strcpy(why, over ? over : "killed");
}

/* Whoever asks: the answer is in the record by now. */
static void dismiss_clients(struct process *p)
{
	struct sockaddr_un address;
	size_t i;

	process_accept_clients(p);
	for (i = 0; i < N_CLIENTS; i++) {
		if (p->clients[i].fd < 0)
			continue;
		if (write(p->clients[i].fd, "over\n", 5) < 0)
			continue;
		close(p->clients[i].fd);
	}
	close(p->listener);
	if (!record_address(p->job->run_dir, p->job->id, &address))
		unlink(address.sun_path);
}

/* The last act: the file may lie on what others have frozen. */
static void keep_history(struct process *p)
{
	const struct record *record = &p->record;
	struct freezeguard_lease lease = { 0 };
	bool known = record->lease_number &&
		     !p->job->module->get(record->lease_number, &lease) &&
		     lease.begin_ns == record->lease_begin_ns;

	if (record->lease_number && (!known || freezeguard_lease_is_live(&lease)))
		return;
	history_keep_record(p->job->history_dir, record, known ? &lease : NULL);
}

static int open_listener(const struct supervisor_job *job)
{
	struct sockaddr_un address;
	int fd, r;

	r = record_address(job->run_dir, job->id, &address);
	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Stale socket: the caller has checked that no supervisor is alive. */
	unlink(address.sun_path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, N_CLIENTS)) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static int open_signals(void)
{
	static const int ours[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };
	sigset_t set;
	size_t i;

	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(ours); i++)
		sigaddset(&set, ours[i]);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int make_record(struct process *p)
{
	const struct hooks *hooks = p->job->hooks;
	struct record *s = &p->record;
	size_t i, n = hooks_n_called(hooks);

	snprintf(s->id, sizeof(s->id), "%s", p->job->id);
	snprintf(s->by, sizeof(s->by), "%s", p->job->by ? p->job->by : "");
	s->pid = getpid();
	s->has_lease = p->job->lease;
	s->begin_ns = freezeguard_now_ns();
	s->limit_ns = p->job->give_up_ns +
		      (p->job->timeout_ms + SUPERVISOR_PATIENCE_MS) * NS_PER_MS;
	s->deadline_ns = s->begin_ns + p->job->timeout_ms * NS_PER_MS;
	s->apps = calloc(n + 1, sizeof(*s->apps));
	p->hooks = calloc(n + 1, sizeof(*p->hooks));
	p->runs = calloc(n + 1, sizeof(*p->runs));
	p->release_until_ns = calloc(n + 1, sizeof(*p->release_until_ns));
	if (!s->apps || !p->hooks || !p->runs || !p->release_until_ns)
		return -ENOMEM;
	for (i = 0; i < hooks->n; i++) {
		struct record_app *app = &s->apps[s->n_apps];

		if (hooks->v[i].skip)
			continue;
		p->hooks[s->n_apps] = &hooks->v[i];
		p->runs[s->n_apps].in = p->runs[s->n_apps].out = -1;
		s->n_apps++;
		snprintf(app->name, sizeof(app->name), "%s", hooks->v[i].name);
		app->path = hooks->v[i].path;
		app->session = hooks->v[i].session;
		app->exit_status = -1;
	}
	return 0;
}

/* Nothing of the caller's is kept but the socket and the lock. */
static int detach_from_caller(int control, int lock)
{
	int low = lock && lock < control ? lock : control, high = lock > control ? lock : control;
	int fd;

	if (setsid() < 0 || chdir("/"))
		return -errno;
	fd = open("/dev/null", O_RDWR);
	if (fd < 0)
		return -errno;
	/* Both numbers are valid, and that is all that it takes. */
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	umask(077);
	/* Of these, those that are empty are refused. */
	close_range(STDERR_FILENO + 1, (unsigned int)low - 1, 0);
	close_range((unsigned int)low + 1, (unsigned int)high - 1, 0);
	close_range((unsigned int)high + 1, ~0U, 0);
	prctl(PR_SET_NAME, "freezectl-apps");
	return 0;
}

/* All that can fail, before any hook is called. @what: set to what was tried last. */
static int prepare(struct process *p, const char **what)
{
	const struct supervisor_job *job = p->job;
	int r;

	*what = "leave its caller's session";
	r = detach_from_caller(p->control, job->lock);
	if (r)
		return r;
	*what = "receive signals";
	p->signals = open_signals();
	if (p->signals < 0)
		return -errno;
	*what = "make the directory of its records";
	r = record_directory(job->run_dir);
	if (r)
		return r;
	*what = "prepare";
	r = make_record(p);
	if (r)
		return r;
	*what = "listen";
	p->listener = open_listener(job);
	if (p->listener < 0)
		return p->listener;
	if (job->lease) {
		*what = "connect to the kernel module";
		r = job->module->open();
		if (r)
			return r;
		p->events = job->module->fd();
	}
	*what = "write its record";
	return record_save(job->run_dir, &p->record);
}

static void __attribute__((noreturn)) work(const struct supervisor_job *job, int control)
{
	struct process p = { .job = job, .control = control, .events = -1 };
	char why[RECORD_WHY_MAX + 1], text[256];
	const char *what;
	size_t i;
	int r;

	for (i = 0; i < N_CLIENTS; i++)
		p.clients[i].fd = -1;
	r = prepare(&p, &what);
	if (r) {
		snprintf(text, sizeof(text), "cannot %s (%s): %s", what, job->run_dir,
			 strerror(-r));
		process_say(&p, SUPERVISOR_BROKEN, text);
		_exit(1);
	}
	/* Whoever comes now finds it. */
	if (job->lock)
		close(job->lock);
	/* It may be that nothing can be read or written while it is frozen. */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	supervisor_spare_from_oom(p.oom_score_adj);
	if (job->own_scope)
		supervisor_scope_enter(job->id, job->quiet_until_ns);
	record_forget_old(job->run_dir, RECORD_HISTORY);

	for (i = 0; i < p.record.n_apps; i++) {
		if (quiesce(&p, i))
			continue;
		release_all(&p, p.orphan ? "owner-death" : p.killed ? "killed" : "abort");
		process_say(&p, SUPERVISOR_FAILED, NULL);
		dismiss_clients(&p);
		keep_history(&p);
		_exit(0);
	}
	p.record.state = RECORD_QUIET;
	p.record.quiet_ns = freezeguard_now_ns();
	process_save(&p);
	process_say(&p, SUPERVISOR_QUIET, NULL);
	hold(&p, why);
	if (!strcmp(why, "killed"))
		for (i = 0; i < p.record.n_apps; i++)
			p.record.apps[i].lost = true;
	release_all(&p, why);
	process_say(&p, SUPERVISOR_OVER, NULL);
	dismiss_clients(&p);
	keep_history(&p);
	_exit(0);
}

/**
 * supervisor_start() - fork a supervisor, which at once begins to call the hooks
 * @supervisor: set; supervisor_leave() it
 * @job: what it is to do; the child has a copy of everything
 *
 * Return: 0 or a negative errno; nothing was touched then.
 */
int supervisor_start(struct supervisor *supervisor, const struct supervisor_job *job)
{
	int ends[2], r;

	*supervisor = (struct supervisor){ .control = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	supervisor->pid = fork();
	if (!supervisor->pid) {
		close(ends[0]);
		work(job, ends[1]);
	}
	r = -errno;
	close(ends[1]);
	if (supervisor->pid < 0) {
		close(ends[0]);
		supervisor->pid = 0;
		return r;
	}
	supervisor->control = ends[0];
	return 0;
}

/**
 * supervisor_tell() - say something to a supervisor
 * @supervisor: started
 * @message: what
 *
 * Return: 0; -EPIPE it is gone; another negative errno.
 */
int supervisor_tell(const struct supervisor *supervisor, const struct supervisor_message *message)
{
	ssize_t n = send(supervisor->control, message, sizeof(*message),
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	return n == sizeof(*message) ? 0 : -errno;
}

/**
 * supervisor_hear() - what a supervisor says next
 * @supervisor: started
 * @until_ns: when to give up, CLOCK_BOOTTIME
 * @message: set to it
 *
 * Return: 0; -ETIMEDOUT; -EPIPE it is gone.
 */
int supervisor_hear(const struct supervisor *supervisor, uint64_t until_ns,
		    struct supervisor_message *message)
{
	struct pollfd fd = { .fd = supervisor->control, .events = POLLIN };
	uint64_t now;
	ssize_t n;

	for (;;) {
		now = freezeguard_now_ns();
		if (poll(&fd, 1, until_ns > now ? (int)((until_ns - now) / NS_PER_MS) + 1 : 0) <= 0) {
			if (freezeguard_now_ns() >= until_ns)
				return -ETIMEDOUT;
			continue;
		}
		n = recv(supervisor->control, message, sizeof(*message), MSG_DONTWAIT);
		if (n == sizeof(*message)) {
			message->text[sizeof(message->text) - 1] = '\0';
			return 0;
		}
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		return -EPIPE;
	}
}

/** supervisor_leave() - close the caller's end; the supervisor goes on as it promised */
void supervisor_leave(struct supervisor *supervisor)
{
	if (supervisor->pid && supervisor->control >= 0)
		close(supervisor->control);
	supervisor->control = -1;
}
