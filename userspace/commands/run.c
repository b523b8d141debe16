// SPDX-License-Identifier: GPL-2.0-only
/*
 * freezectl run: freeze, run a command, thaw; with the applications around it, if wanted. The lease
 * stays bound to this process, and the command does not outlive the lease. The child is forked before
 * anything is frozen, and waits for its go: forking needs memory, which may be short while writers are
 * stopped.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "apps/around.h"
#include "apps/history.h"
#include "apps/show.h"
#include "apps/supervisor_job.h"
#include "base/util.h"
#include "commands/commands.h"

/* From SIGTERM to SIGKILL, and from there to the end of waiting. */
#define KILL_AFTER_MS	5000
#define POLL_MS		500

static const struct option_help options[] = {
	{ "id", FREEZE_OPT_ID, "ID", "name of the lease; default: one is made up" },
	{ "timeout", FREEZE_OPT_TIMEOUT, "DURATION",
	  "the kernel thaws after this time; default 60s" },
	{ "script-timeout", FREEZE_OPT_SCRIPT_TIMEOUT, "DURATION",
	  "with applications: give up freezing after this time; default 8s" },
	{ "sync-budget", FREEZE_OPT_SYNC_BUDGET, "DURATION",
	  "write back dirty data before the freeze, while writers still run, for this "
	  "long at most; part of --timeout" },
	{ "all", FREEZE_OPT_ALL, NULL, "every mounted block-device filesystem but / and /boot" },
	{ "allow-root", FREEZE_OPT_ALLOW_ROOT, NULL, "the root filesystem may be among the paths" },
	{ "profile", FREEZE_OPT_PROFILE, "NAME", "use the settings of the section [profile NAME]" },
	{ "app", FREEZE_OPT_APP, "NAME",
	  "quiesce this application by its hook; repeatable" },
	{ "apps", FREEZE_OPT_APPS, NULL, "quiesce all applications whose hooks are enabled" },
	{ "no-apps", FREEZE_OPT_NO_APPS, NULL, "call no hooks, and do not warn of that" },
	{ "allow-unfrozen", FREEZE_OPT_ALLOW_UNFROZEN, NULL,
	  "applications may have files on filesystems that are not frozen; these are synced" },
	{ 0 }
};

/* What the child needs to know to go; small enough to go through a pipe in one piece. */
struct go {
	char id[FREEZEGUARD_ID_MAX + 1];
	char deadline[32];
};

/**
 * struct child - the command
 * @pid: its process; 0 once it is gone
 * @go: the pipe it waits on; without a go, closing it lets it end
 * @status: as waitpid() tells it
 * @kill_ns: when it gets SIGKILL, CLOCK_BOOTTIME; 0: it need not end yet
 * @killed: it got it
 */
struct child {
	pid_t pid;
	int go;
	int status;
	uint64_t kill_ns;
	bool killed;
};

static void __attribute__((noreturn)) child_main(int pipe_end, char **command, bool json)
{
	struct go go;
	int error;

	/* Should freezectl be killed, its lease ends, and the command works on thawed ground. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_DFL);
	/* One document, and nothing but that, is what --json promises of standard output. */
	if (json)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	if (read(pipe_end, &go, sizeof(go)) != sizeof(go))
		_exit(EXIT_CODE_SYSTEM);
	setenv("FREEZEGUARD_ID", go.id, 1);
	setenv("FREEZEGUARD_DEADLINE", go.deadline, 1);
	execvp(command[0], command);
	error = errno;
	dprintf(STDERR_FILENO, "freezectl: cannot run %s: %s\n", command[0], strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

static bool child_prepare(struct freezectl *ctl, struct child *child, char **command)
{
	int ends[2];

	/* Ignored by whoever started us, it would make the kernel forget how the child ended. */
	signal(SIGCHLD, SIG_DFL);
	if (pipe2(ends, O_CLOEXEC)) {
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, command[0],
			     "cannot be prepared: %s; nothing was touched",
			     strerror(errno));
		return false;
	}
	child->pid = fork();
	if (child->pid == 0) {
		/* The child must keep neither: the one is its own signal, the other the lease. */
		close(ends[1]);
		close(freezeguard_fd(ctl->fg));
		child_main(ends[0], command, ctl->out.json);
	}
	close(ends[0]);
	if (child->pid < 0) {
		findings_add(&ctl->findings, EXIT_CODE_FREEZE_FAILED, command[0],
			     "cannot be prepared: %s; nothing was touched",
			     strerror(errno));
		child->pid = 0;
		close(ends[1]);
		return false;
	}
	child->go = ends[1];
	return true;
}

static bool child_go(struct freezectl *ctl, const struct child *child, const char *id,
		     uint64_t deadline_ns)
{
	uint64_t now = freezeguard_now_ns();
	struct go go = { 0 };

	snprintf(go.id, sizeof(go.id), "%s", id);
	snprintf(go.deadline, sizeof(go.deadline), "%llu",
		 (unsigned long long)(deadline_ns > now ? (deadline_ns - now) / NS_PER_S : 0));
	if (write(child->go, &go, sizeof(go)) == sizeof(go))
		return true;
	findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "the command could not be started: %s",
		     strerror(errno));
	return false;
}

static void child_reap(struct child *child)
{
	if (child->pid && waitpid(child->pid, &child->status, WNOHANG) == child->pid)
		child->pid = 0;
}

/* Closing the pipe ends a child that never got its go; it does nothing else, and is waited for. */
static void child_abandon(struct child *child)
{
	close(child->go);
	if (child->pid)
		waitpid(child->pid, &child->status, 0);
	child->pid = 0;
}

/* What the terminal sends goes to the command as well, since it is in the same process group. */
static void forward(struct child *child, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD && info.ssi_code != SI_KERNEL && child->pid)
			kill(child->pid, (int)info.ssi_signo);
}

/* The lease ended under the command. Returns false when it has been waited for long enough. */
static bool enforce_end(struct child *child)
{
	uint64_t now = freezeguard_now_ns();

	if (!child->kill_ns) {
		kill(child->pid, SIGTERM);
		child->kill_ns = now + KILL_AFTER_MS * NS_PER_MS;
	} else if (now >= child->kill_ns && !child->killed) {
		kill(child->pid, SIGKILL);
		child->killed = true;
	} else if (now >= child->kill_ns + KILL_AFTER_MS * NS_PER_MS) {
		return false;
	}
	return true;
}

/* Has what the command relies on ended? Without a lease there are only applications. */
static bool is_over(struct freezectl *ctl, struct around *around)
{
	struct freezeguard_lease *lease = &around->freeze.lease;

	if (!lease->number)
		return apps_are_over(&around->called);
	if (!freezeguard_lease_get(ctl->fg, lease->number, NULL, lease) &&
	    lease->state == FREEZEGUARD_LEASE_STATE_FROZEN)
		return false;
	return freezeguard_errno(ctl->fg) != ETIMEDOUT;
}

/* The deadline bounds this: after that the command is made to end. */
static void watch(struct freezectl *ctl, struct child *child, int signals, struct around *around)
{
	struct freezeguard_lease event = { 0 };
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = freezeguard_fd(ctl->fg), .events = POLLIN },
	};
	bool ended = false;

	for (child_reap(child); child->pid; child_reap(child)) {
		poll(fds, 2, POLL_MS);
		forward(child, signals);
		while (freezeguard_event_next(ctl->fg, 0, &event) == 1)
			freezeguard_lease_clear(&event);
		ended = ended || is_over(ctl, around);
		child_reap(child);
		if (ended && child->pid && !enforce_end(child)) {
			findings_add(&ctl->findings, EXIT_CODE_SYSTEM, around->request.command,
				     "(process %d) did not end even after SIGKILL; its lease has ended, and freezectl no longer waits for it",
				     child->pid);
			return;
		}
	}
}

/* Thaw, and release the applications. Only a command that succeeded has made a backup. */
static void end(struct freezectl *ctl, struct around *around, bool success)
{
	const struct config *config = around->apps.config;
	uint64_t until = freezectl_in_ms(DEFAULT_WAIT_MS);
	struct around_end end = {
		.thaw.number = around->freeze.lease.number,
		.thaw.require_continuity = around->apps.require_continuity,
		.apps.fd = -ENOENT,
	};
	int r = -ENOENT;

	if (around->called.started) {
		if (success)
			apps_confirm(&around->called);
		r = apps_end_begin(config->run_dir, around->apps.id,
				   success ? SUPERVISOR_POST_SCRIPT : SUPERVISOR_END, &end.apps);
		if (r)
			apps_end_unreadable(ctl, config, around->apps.id, r);
	}
	if (end.thaw.number) {
		if (around_end_lease(ctl, config, &end, until))
			thaw_finish(ctl, &end.thaw, until, DEFAULT_WAIT_MS);
		thaw_document(ctl, &end.thaw, &around->freeze.paths);
		around_end_wait(ctl, config, &end, until);
		history_keep(ctl, &end.thaw.lease);
		freezeguard_lease_clear(&end.thaw.lease);
	} else if (!r && apps_end_wait(ctl, config, &end.apps, until) &&
		   (success || strcmp(end.apps.record.why, "request"))) {
		apps_end_verdict(ctl, &end.apps, 0);
	}
	if (around->called.started)
		apps_show_record(ctl, &end.apps.record, true);
	apps_end_free(&end.apps);
}

static void run_frozen(struct freezectl *ctl, struct around *around, struct child *child)
{
	static const int forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	const struct freezeguard_lease *lease = &around->freeze.lease;
	sigset_t set;
	size_t i;
	int signals;

	/* Until now a signal just killed freezectl and the kernel thawed. From here on it thaws. */
	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, NULL, "cannot watch for signals: %s",
			     strerror(errno));
	else if (child_go(ctl, child, lease->number ? lease->id : around->apps.id,
			  lease->number ? lease->deadline_ns : around->called.record.deadline_ns))
		watch(ctl, child, signals, around);

	end(ctl, around, !child->pid && WIFEXITED(child->status) && !WEXITSTATUS(child->status));
	if (signals >= 0)
		close(signals);
	if (child->pid)
		return;
	ctl->out.passed_on = WIFSIGNALED(child->status) ? 128 + WTERMSIG(child->status) :
			     WEXITSTATUS(child->status);
	output_json_add(ctl->out.doc, "command_status", json_object_new_int(ctl->out.passed_on));
}

static bool freeze_alone(struct freezectl *ctl, struct around *around)
{
	if (freeze_take(ctl, &around->request, &around->freeze))
		return true;
	history_keep(ctl, &around->freeze.lease);
	return false;
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	struct around around = {
		.start_ns = freezeguard_now_ns(), .apps.by = RECORD_BY_RUN, .apps.attended = true,
	};
	struct freeze_request *request = &around.request;
	struct child child = { 0 };
	bool apps = false;
	int dashes;

	for (dashes = 1; dashes < argc && strcmp(argv[dashes], "--"); dashes++)
		;
	/* What is behind "--" is the command's, and getopt_long() is not to see it. */
	freeze_arguments(ctl, dashes, argv, options, request);
	if (!request->all && !request->n_paths)
		freezectl_usage(ctl, "nothing to freeze is named: give paths, or --all");
	if (dashes + 1 >= argc)
		freezectl_usage(ctl, "the command is missing: freezectl run PATH... -- COMMAND");
	if (!findings_exit_code(&ctl->findings))
		apps = around_choose(ctl, &around);
	if (findings_exit_code(&ctl->findings))
		goto out_free;

	/* Standard output is the command's, or with --json the document's. */
	ctl->out.text_fd = STDERR_FILENO;
	request->command = argv[dashes + 1];
	if ((apps ? around_prepare(ctl, &around) : freeze_prepare(ctl, request, &around.freeze)) &&
	    child_prepare(ctl, &child, argv + dashes + 1)) {
		if (apps ? around_begin(ctl, &around) : freeze_alone(ctl, &around))
			run_frozen(ctl, &around, &child);
		if (!child.status && child.pid && !child.kill_ns)
			child_abandon(&child);
	}

out_free:
	around_free(&around);
}

const struct subcommand cmd_run = {
	.name = "run",
	.arguments = "[--id ID] [--timeout DURATION] [--script-timeout DURATION] "
		     "[--sync-budget DURATION] [--allow-root] [--profile NAME] "
		     "[--app NAME | --apps | --no-apps] [--allow-unfrozen] [--all | PATH ...] "
		     "-- COMMAND [ARGUMENT ...]",
	.summary = "freeze filesystems, run a command, thaw them",
	.help =
	"If the lease ends early, the command gets SIGTERM, and SIGKILL 5s later. If nothing else "
	"went wrong, freezectl exits with the status of the command. The command finds the id of "
	"the lease in FREEZEGUARD_ID, and the seconds until the deadline in FREEZEGUARD_DEADLINE. "
	"With --json its standard output goes to standard error.",
	.options = options,
	.run = run,
};
