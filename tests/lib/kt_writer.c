// SPDX-License-Identifier: GPL-2.0-only
/* kt_writer: a process that writes to a mount all the time. */
#include "kt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/**
 * kt_writer() - start a process that writes to a mount all the time
 * @name: of the mount
 *
 * Return: its counters; when it has written for the first time.
 */
struct kt_writer *kt_writer(const char *name)
{
	struct kt_writer *writer = mmap(NULL, sizeof(*writer), PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (writer == MAP_FAILED)
		FAIL("mmap: %s", strerror(errno));
	pid = kt_fork();	/* the child doesn't write its own 0 to the shared memory */
	if (!pid) {
		int fd = open(kt_path(name, "written"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		while (fd >= 0 && pwrite(fd, "x", 1, 0) == 1) {
			writer->last_ns = kt_now_ns();
			writer->writes++;
			kt_sleep_ms(1);
		}
		_exit(1);
	}
	writer->pid = pid;
	if (!AWAIT(writer->writes > 0, KT_SOON_MS))
		FAIL("no write to %s", name);
	return writer;
}

/** kt_writer_blocked() - the test fails if the writer writes */
void kt_writer_blocked(struct kt_writer *writer)
{
	uint64_t before = writer->writes;

	kt_sleep_ms(60);
	EQUAL(writer->writes, before);
}

/** kt_writer_goes_on() - the test fails unless the writer writes soon */
void kt_writer_goes_on(struct kt_writer *writer)
{
	uint64_t before = writer->writes;

	if (!AWAIT(writer->writes > before, KT_SOON_MS))
		FAIL("the writer is still blocked");
}

/**
 * kt_writer_released_ns() - when a blocked writer's write returned
 * @writer: known to be blocked
 * @blocked_writes: its writes then
 *
 * Return: a time of CLOCK_BOOTTIME.
 */
uint64_t kt_writer_released_ns(struct kt_writer *writer, uint64_t blocked_writes)
{
	if (!AWAIT(writer->writes > blocked_writes, KT_SOON_MS))
		FAIL("the writer is still blocked");
	return writer->last_ns - (writer->writes - blocked_writes - 1) * MS;
}
