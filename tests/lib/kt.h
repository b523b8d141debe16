/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A harness for tests that freeze filesystems. Each test runs in a process of its own, and whatever
 * it leaves behind when it fails or hangs is ended by its parent: processes, hangs, leases, foreign
 * freezes, mounts. Leaving anything frozen is a failure of its own.
 */
#ifndef KT_H
#define KT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/types.h>

#include "fgnl.h"

#define MS	1000000ULL	/* in nanoseconds */

/* The longest that anything but a deadline under test may take, under emulation. */
#define KT_SOON_MS	4000

struct kt_test {
	const char *name;
	void (*run)(void);
	unsigned int seconds;	/* before it is killed */
	struct kt_test *next;
};

void kt_register(struct kt_test *test);

/* TEST(name) { ... } or TEST_WITHIN(name, seconds) { ... } */
#define TEST(name)	TEST_WITHIN(name, 20)
#define TEST_WITHIN(name_, seconds_) \
	static void name_(void); \
	static struct kt_test kt_##name_ = { .name = #name_, .run = name_, .seconds = seconds_ }; \
	__attribute__((constructor)) static void kt_register_##name_(void) \
	{ \
		kt_register(&kt_##name_); \
	} \
	static void name_(void)

/* End the test as failed, saying what was found */
#define FAIL(...)	kt_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition) \
	do { \
		if (!(condition)) \
			FAIL("not true: %s", #condition); \
	} while (0)
/* Two integers are the same */
#define EQUAL(a, b) \
	do { \
		long long kt_a = (a), kt_b = (b); \
		if (kt_a != kt_b) \
			FAIL("%s is %lld, not %lld", #a, kt_a, kt_b); \
	} while (0)
/* A command through @nl was answered with that error, and a message */
#define REFUSED(nl, call, err) \
	do { \
		EQUAL(call, -(err)); \
		if (!(nl)->extack[0]) \
			FAIL("%s: no extack message", #call); \
	} while (0)

noreturn void kt_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
noreturn void kt_skip(const char *why);
void kt_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t kt_setting(const char *name, uint64_t otherwise);

uint64_t kt_now_ns(void);
void kt_sleep_ms(unsigned int ms);

/* Repeat for as long as it is false, but not for ever. */
#define AWAIT(condition, ms) \
	({ \
		uint64_t kt_until = kt_now_ns() + (ms) * MS; \
		bool kt_true; \
		while (!(kt_true = (condition)) && kt_now_ns() < kt_until) \
			kt_sleep_ms(2); \
		kt_true; \
	})

/* mounts, all below /run/kt */
const char *kt_path(const char *name, const char *file);
void kt_directory(const char *name);
int kt_mount(const char *name, const char *options);
int kt_mount_image(const char *name, const char *type);
int kt_mounts(const char *prefix, int *fds, unsigned int n);
int kt_mounts_with(const char *prefix, const char *options, int *fds, unsigned int n);
void kt_umount(const char *name);
int kt_fd(const char *path);
void kt_tell(const char *name, const char *file, const char *text);
unsigned int kt_state(const char *name, const char *key);
void kt_await_state(const char *name, const char *key, unsigned int value);
void kt_freeze(int fd);
int kt_thaw(int fd);
unsigned int kt_parameter(const char *name);
void kt_set_parameter(const char *name, unsigned int value);
void kt_reload(const char *parameters);

/* leases */
void kt_open(struct fgnl *nl);
uint64_t kt_new(struct fgnl *nl, const char *id, uint32_t timeout_ms, const int *fds,
		unsigned int n);
struct fg_lease *kt_await(struct fgnl *nl, uint64_t number, uint32_t state, unsigned int ms);
struct fg_lease *kt_frozen(struct fgnl *nl, const char *id, uint32_t timeout_ms, const int *fds,
			   unsigned int n);
struct fg_lease *kt_end(struct fgnl *nl, uint64_t number);
unsigned int kt_live_leases(struct fgnl *nl, unsigned int late_ms,
			    void (*each)(const struct fg_lease *part));
const struct fg_hold *kt_hold(const struct fg_lease *lease, const char *name);
bool kt_has_holders(struct fgnl *nl, int fd);
uint32_t kt_fs_state(struct fgnl *nl, int fd);
void kt_await_fs_state(struct fgnl *nl, int fd, uint32_t state);

/* A kernel thread of the module, its scheduling policy, SCHED_OTHER if it freezes, and whether it has work. */
struct kt_thread {
	pid_t pid;
	int policy;
	bool parked;
};

unsigned int kt_threads(struct kt_thread *found, unsigned int max);
void kt_thawers(struct kt_thread *found, unsigned int max, unsigned int n);

/* a process that writes all the time; in memory shared with the test */
struct kt_writer {
	pid_t pid;
	volatile uint64_t writes;	/* that returned */
	volatile uint64_t last_ns;	/* when the last of them did */
};

struct kt_writer *kt_writer(const char *name);
void kt_writer_blocked(struct kt_writer *writer);
void kt_writer_goes_on(struct kt_writer *writer);
uint64_t kt_writer_released_ns(struct kt_writer *writer, uint64_t blocked_writes);

pid_t kt_fork(void);
int kt_wait(pid_t pid);

#endif
