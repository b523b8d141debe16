// SPDX-License-Identifier: GPL-2.0-only
/* installed: where freezeguard was installed, which may be elsewhere than it was built for */
#include <string.h>
#include <unistd.h>

#include "base/installed.h"

#ifndef FREEZEGUARD_HOOKS
#define FREEZEGUARD_HOOKS	"/usr/local/libexec/freezeguard/hooks"
#endif

/**
 * installed_hooks() - where the hooks are that come with freezeguard
 * @buf: room for the path
 *
 * Return: the directory beside this program if there is one, else that of the build.
 */
const char *installed_hooks(char buf[4096])
{
	ssize_t n = readlink("/proc/self/exe", buf, 2048);
	char *end;

	buf[n < 0 ? 0 : n] = '\0';
	end = strstr(buf, "/sbin/freezectl");
	if (!end)
		return FREEZEGUARD_HOOKS;
	strcpy(end, "/libexec/freezeguard/hooks");
	return access(buf, F_OK) ? FREEZEGUARD_HOOKS : buf;
}
