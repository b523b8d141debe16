// SPDX-License-Identifier: GPL-2.0-only
/*
 * log: one datagram of syslog's protocol, as journald and every syslog daemon read it. syslog(3) and
 * sd_journal_send(3) wait while the daemon's queue is full. A daemon that writes to a frozen filesystem
 * does not empty it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

/**
 * log_line() - send a line to the system's log; never waits
 * @socket_path: the log's socket, _PATH_LOG
 * @priority: one of syslog.h
 * @text: the line; what is longer than 2000 bytes is cut off
 *
 * Return: 0; -EAGAIN the log's queue is full; another negative errno, such as -ENOENT, no daemon runs.
 */
int log_line(const char *socket_path, int priority, const char *text)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), n, r = 0;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char line[2100], stamp[32];
	time_t now = time(NULL);
	struct tm tm = { 0 };

	if (fd < 0)
		return -errno;
	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	n = snprintf(line, sizeof(line), "<%d>%s freezectl[%d]: %.2000s", LOG_DAEMON | priority,
		     stamp, getpid(), text);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	if (sendto(fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL,
		   (struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	close(fd);
	return r;
}
