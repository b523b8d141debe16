// SPDX-License-Identifier: GPL-2.0-only
/* fgstate PATH...: the kernel's word on each filesystem, "STATE LEASE", without freezectl. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fgnl.h"

static const char *const states[] = { "unfrozen", "write", "pagefault", "fs", "frozen" };

int main(int argc, char **argv)
{
	struct fgnl nl;
	int i;

	if (fgnl_open(&nl)) {
		fputs("fgstate: no freezeguard here\n", stderr);
		return 1;
	}
	for (i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
		struct fg_fs fs;

		if (fd < 0 || fg_fs(&nl, fd, &fs) || fs.state >= sizeof(states) / sizeof(states[0])) {
			fprintf(stderr, "fgstate: %s: %s\n", argv[i], nl.extack);
			return 1;
		}
		printf("%s %s\n", states[fs.state], *fs.lease_id ? fs.lease_id : "-");
	}
	fgnl_close(&nl);
	return 0;
}
