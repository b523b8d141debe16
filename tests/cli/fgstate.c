// SPDX-License-Identifier: GPL-2.0-only
/*
 * fgstate [-f | -u] PATH...: the kernel's word on each filesystem, "STATE LEASE", without freezectl.
 * Success means with -f that all are frozen, with -u that none is and no lease has to do with any.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fgnl.h"

static const char *const states[] = { "unfrozen", "write", "pagefault", "fs", "frozen" };

int main(int argc, char **argv)
{
	bool all_frozen = argc > 1 && !strcmp(argv[1], "-f");
	bool all_unfrozen = argc > 1 && !strcmp(argv[1], "-u");
	int i, status = 0;
	struct fgnl nl;

	if (fgnl_open(&nl)) {
		fputs("fgstate: no freezeguard here\n", stderr);
		return 1;
	}
	for (i = 1 + (all_frozen || all_unfrozen); i < argc; i++) {
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
		struct fg_fs fs;

		if (fd < 0 || fg_fs(&nl, fd, &fs) || fs.state >= sizeof(states) / sizeof(states[0])) {
			fprintf(stderr, "fgstate: %s: %s\n", argv[i], nl.extack);
			return 1;
		}
		if ((all_frozen && fs.state != FREEZEGUARD_FS_STATE_COMPLETE) ||
		    (all_unfrozen && (fs.state != FREEZEGUARD_FS_STATE_UNFROZEN || fs.lease_number)))
			status = 1;
		printf("%s %s\n", states[fs.state], *fs.lease_id ? fs.lease_id : "-");
	}
	fgnl_close(&nl);
	return status;
}
