# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # used where this is sourced
# What the guest tools share: the known kernels, the cache outside the tree, messages, locks.

PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

# The cache holds what is downloaded or made once per machine: kernels, initramfs, guest slots.
if [ -n "${FREEZEGUARD_CACHE:-}" ]; then
	CACHE=$FREEZEGUARD_CACHE
else
	CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/freezeguard
fi
export FREEZEGUARD_CACHE=$CACHE

# Version and the Debian suite that has it.
declare -A KERNEL_SUITE=([5.10]=bullseye [6.1]=bookworm [6.12]=trixie [7.2]=trixie-backports)
# Raised when the way a cached kernel is made changes, so that old ones aren't used.
KERNEL_RECIPE=4

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() { say "$1"; exit "${2:-1}"; }

kernel_check()
{
	[ -n "${KERNEL_SUITE[$1]:-}" ] ||
		die "unknown kernel '$1'; known: $(printf '%s\n' "${!KERNEL_SUITE[@]}" | sort -V | xargs)" "${2:-1}"
}

kernel_dir() { printf '%s\n' "$CACHE/kernel/$1-r$KERNEL_RECIPE"; }

# lock_wait FILE MESSAGE: takes an exclusive lock until the process ends, on a descriptor
# named LOCK_FD; says MESSAGE if that takes more than two seconds.
lock_wait()
{
	mkdir -p "${1%/*}"
	exec {LOCK_FD}>>"$1"
	flock -w 2 "$LOCK_FD" && return
	say "$2"
	flock -w 1800 "$LOCK_FD" || die "gave up waiting for $1"
}
