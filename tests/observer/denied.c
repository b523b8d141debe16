// SPDX-License-Identifier: GPL-2.0-only
/* denied FILE: attaches the first program of a BPF object, says so, and keeps it until it is killed. */
#include <stdio.h>
#include <unistd.h>
#include <bpf/libbpf.h>

int main(int argc, char **argv)
{
	struct bpf_object *object = argc == 2 ? bpf_object__open_file(argv[1], NULL) : NULL;
	struct bpf_program *program = object ? bpf_object__next_program(object, NULL) : NULL;

	if (!program || bpf_object__load(object) || !bpf_program__attach(program)) {
		perror("denied");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
