// SPDX-License-Identifier: GPL-2.0-only
/*
 * kill_phases TRIES MOUNT PHASE COMMAND...
 *
 * Runs a freezing COMMAND again and again, kills it with SIGKILL in the middle of PHASE, and measures
 * how long the filesystem on MOUNT stays frozen. Prints one KTAP result line's text and a line for
 * each try; exits with 0 if every try was killed in that phase and thawed within a second.
 *
 * The phase "end" is different: the kills are spread over the time from COMMAND's output to after its exit.
 * Each kill that comes before the last act has to thaw. At most a quarter may meet the moment between the
 * last act and the exit, after which the filesystem stays frozen though COMMAND reports no success.
 *
 *   writers	the kernel is waiting for writers to stop
 *   sync	the kernel is writing dirty data back, with writers stopped
 *   frozen	all is frozen, COMMAND has not exited: its standard output is a full pipe
 *   running	all is frozen, COMMAND ("freezectl run") waits for its own command
 *   end		all is frozen, COMMAND has printed its result
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fgnl.h"

#define DIRTY_BYTES	(2 << 20)
#define PHASE_WAIT_MS	5000
#define THAW_BOUND_MS	1000
/* From the output to the exit an emulated machine takes a few milliseconds. */
#define END_US		8000

static const struct phase {
	const char *name;
	uint32_t state;
	bool dirty, full_pipe, end;
} phases[] = {
	{ "writers", FREEZEGUARD_FS_STATE_WRITE },
	{ "sync", FREEZEGUARD_FS_STATE_PAGEFAULT, .dirty = true },
	{ "frozen", FREEZEGUARD_FS_STATE_COMPLETE, .full_pipe = true },
	{ "running", FREEZEGUARD_FS_STATE_COMPLETE },
	{ "end", FREEZEGUARD_FS_STATE_COMPLETE, .end = true },
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static void nap(long us)
{
	nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void make_dirty(const char *mount)
{
	char path[4096], *data = calloc(1, DIRTY_BYTES);
	int fd;

	snprintf(path, sizeof(path), "%s/dirty", mount);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	if (!data || fd < 0 || write(fd, data, DIRTY_BYTES) != DIRTY_BYTES)
		die(path);
	close(fd);
	free(data);
}

/* @output: set to where COMMAND's standard output can be read, in the phase "end" */
static pid_t start(const struct phase *phase, char **command, int *output)
{
	int fds[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	static char full[65536];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		die("pipe");
	if (phase->full_pipe && write(fds[1], full, sizeof(full)) != sizeof(full))
		die("filling the pipe");
	pid = fork();
	if (!pid) {
		dup2(null, 0);
		dup2(phase->full_pipe || phase->end ? fds[1] : null, 1);
		dup2(null, 2);
		if (phase->full_pipe)	/* a reader that never reads */
			fcntl(fds[0], F_SETFD, 0);
		execvp(command[0], command);
		_exit(127);
	}
	close(fds[1]);
	close(null);
	if (phase->end)
		*output = fds[0];
	else
		close(fds[0]);
	return pid;
}

/* Wait for the filesystem to be in a state, or, with lease == false, for no lease to hold it. */
static bool wait_for(struct fgnl *nl, int fd, uint32_t state, bool lease, double bound_ms)
{
	double until = now_ms() + bound_ms;
	struct fg_fs fs;

	do {
		if (fg_fs(nl, fd, &fs))
			die("fs-get");
		if (fs.state == state && (lease || !fs.lease_number))
			return true;
		nap(200);
	} while (now_ms() < until);
	return false;
}

/* True if COMMAND was killed in the phase; *thaw_ms: how long the filesystem stayed frozen then. */
static bool try_once(struct fgnl *nl, int fd, const struct phase *phase, const char *mount,
		     char **command, double *thaw_ms)
{
	struct fg_fs fs;
	double killed;
	int status;
	pid_t pid;

	if (phase->dirty)
		make_dirty(mount);
	pid = start(phase, command, NULL);
	if (!wait_for(nl, fd, phase->state, true, PHASE_WAIT_MS)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		wait_for(nl, fd, FREEZEGUARD_FS_STATE_UNFROZEN, false, PHASE_WAIT_MS);
		return false;
	}
	if (phase->state == FREEZEGUARD_FS_STATE_COMPLETE)
		nap(20000 + rand() % 100000);
	else
		nap(rand() % 3000);
	if (fg_fs(nl, fd, &fs))
		die("fs-get");
	kill(pid, SIGKILL);
	killed = now_ms();
	waitpid(pid, &status, 0);
	if (!wait_for(nl, fd, FREEZEGUARD_FS_STATE_UNFROZEN, false, 4 * THAW_BOUND_MS))
		*thaw_ms = 1e9;
	else
		*thaw_ms = now_ms() - killed;
	return WIFSIGNALED(status) && fs.state == phase->state;
}

/* Kill COMMAND again and again after its output, most often soon after it. */
static int kill_at_end(struct fgnl *nl, int fd, const struct phase *phase, int tries, char **command)
{
	int i, status, output, kept = 0, thawed = 0, left = 0;
	static struct fg_lease lease;
	struct fg_fs fs;
	long us;
	pid_t pid;

	for (i = 0; i < tries; i++) {
		us = END_US * i * i / (tries * tries);
		pid = start(phase, command, &output);
		poll(&(struct pollfd){ .fd = output, .events = POLLIN }, 1, PHASE_WAIT_MS);
		nap(us);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		close(output);
		if (WIFSIGNALED(status) &&
		    wait_for(nl, fd, FREEZEGUARD_FS_STATE_UNFROZEN, false, THAW_BOUND_MS)) {
			printf("# killed %ld us after the output: thawed\n", us);
			thawed++;
			continue;
		}
		printf("# %s %ld us after the output: frozen\n",
		       WIFSIGNALED(status) ? "killed" : "done", us);
		left += WIFSIGNALED(status);
		kept += WIFEXITED(status) && !WEXITSTATUS(status);
		if (fg_fs(nl, fd, &fs) || fs.state != phase->state ||
		    fg_end(nl, fs.lease_number, &lease) ||
		    !wait_for(nl, fd, FREEZEGUARD_FS_STATE_UNFROZEN, false, PHASE_WAIT_MS))
			die("ending the lease");
	}
	printf("%d kills up to %d us after the output: %d thawed, %d after the exit, %d left frozen\n",
	       tries, END_US, thawed, kept, left);
	return thawed + kept + left != tries || left > tries / 4;
}

int main(int argc, char **argv)
{
	const struct phase *phase = NULL;
	int i, fd, tries, hits = 0, late = 0;
	double thaw_ms, worst = 0;
	struct fgnl nl;

	if (argc < 5)
		return 2;
	tries = atoi(argv[1]);
	for (i = 0; i < (int)(sizeof(phases) / sizeof(phases[0])); i++)
		if (!strcmp(phases[i].name, argv[3]))
			phase = &phases[i];
	fd = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!phase || fd < 0 || fgnl_open(&nl))
		die("kill_phases");
	if (phase->end)
		return kill_at_end(&nl, fd, phase, tries, argv + 4);
	for (i = 0; hits < tries && i < 3 * tries; i++) {
		if (!try_once(&nl, fd, phase, argv[2], argv + 4, &thaw_ms))
			continue;
		hits++;
		worst = thaw_ms > worst ? thaw_ms : worst;
		late += thaw_ms > THAW_BOUND_MS;
		printf("# killed in phase %s, thawed %.1f ms later\n", phase->name, thaw_ms);
	}
	printf("killed %d of %d times in phase %s (%d runs), %d thawed late, slowest %.1f ms\n",
	       hits, tries, phase->name, i, late, worst);
	return !(hits == tries && !late);
}
