// SPDX-License-Identifier: GPL-2.0-only
/* A security module that denies the ioctl FIFREEZE to everybody. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <linux/errno.h>
#include <linux/fs.h>

SEC("lsm/file_ioctl")
int denied(unsigned long long *args)	/* file, command, argument */
{
	return (unsigned int)args[1] == FIFREEZE ? -EACCES : 0;
}

char LICENSE[] SEC("license") = "GPL";
