/* SPDX-License-Identifier: GPL-2.0-only */
/* hookdir: a temporary directory with hooks that are shell scripts, and a configuration for it */
#ifndef FREEZEGUARD_TEST_HOOKDIR_H
#define FREEZEGUARD_TEST_HOOKDIR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/findings.h"

static char hookdir[64], hookdir_conf[128];
static struct config hookdir_config;
static struct findings hookdir_findings;

static inline void hookdir_write(const char *file, const char *text, mode_t mode)
{
	char path[400];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", hookdir, file);
	out = fopen(path, "w");
	if (!out || fputs(text, out) < 0 || fclose(out) || chmod(path, mode))
		abort();
}

/* A hook in hooks.d, or if its name begins with a slash among the shipped ones. */
static inline void hookdir_hook(const char *file, const char *script)
{
	char path[200], text[4096];

	snprintf(path, sizeof(path), "%s/%s", file[0] == '/' ? "shipped" : "hooks.d",
		 file + (file[0] == '/'));
	snprintf(text, sizeof(text), "#!/bin/sh\ncd %s\n%s\n", hookdir, script);
	hookdir_write(path, text, 0755);
}

/* Read the configuration: its directories, and @more. */
static inline int hookdir_configure(const char *more)
{
	char text[4096];

	config_free(&hookdir_config);
	findings_free(&hookdir_findings);
	snprintf(text, sizeof(text), "[default]\nhooks_dir = %s/hooks.d\nshipped_dir = %s/shipped\n"
		 "run_dir = %s/run\nkeep_dir = %s/keep\n%s\n", hookdir, hookdir, hookdir, hookdir,
		 more);
	hookdir_write("conf", text, 0644);
	snprintf(hookdir_conf, sizeof(hookdir_conf), "%s/conf", hookdir);
	return config_read(&hookdir_config, hookdir_conf, NULL, false, &hookdir_findings);
}

static inline int hookdir_make(void **state)
{
	char path[100];

	(void)state;
	strcpy(hookdir, "/tmp/hookdir.XXXXXX");
	if (!mkdtemp(hookdir))
		return -1;
	snprintf(path, sizeof(path), "%s/hooks.d", hookdir);
	if (mkdir(path, 0755))
		return -1;
	snprintf(path, sizeof(path), "%s/shipped", hookdir);
	return mkdir(path, 0755) || hookdir_configure("");
}

static inline int hookdir_remove(void **state)
{
	char command[200];

	(void)state;
	config_free(&hookdir_config);
	findings_free(&hookdir_findings);
	/* A hook whose supervisor was killed may be writing yet. */
	snprintf(command, sizeof(command), "for i in 1 2 3 4 5 6 7 8 9; do rm -rf %s && exit; "
		 "sleep 0.2; done; exit 1", hookdir);
	return system(command);
}

/* A process has ended, at the latest in 5 seconds; who reaps it doesn't matter. */
static inline int hookdir_gone(pid_t pid)
{
	char path[64], state = 'X';
	FILE *in;
	int i;

	for (i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		in = fopen(path, "r");
		if (!in)
			return 1;
		if (fscanf(in, "%*d (%*[^)]) %c", &state) != 1)
			state = '?';
		fclose(in);
		if (state == 'Z' || state == 'X')
			return 1;
		usleep(10000);
	}
	return 0;
}

/* The text of a file in it; "" if there is none. */
static inline const char *hookdir_read(const char *file)
{
	static char text[8192];
	char path[200];
	size_t n = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", hookdir, file);
	in = fopen(path, "r");
	if (in) {
		n = fread(text, 1, sizeof(text) - 1, in);
		fclose(in);
	}
	text[n] = '\0';
	return text;
}

#endif
