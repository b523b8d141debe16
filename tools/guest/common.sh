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

# Version and the Debian suite that has it. "debug" is built of that suite's sources: build-debug.
declare -A KERNEL_SUITE=([6.1]=bookworm [6.12]=trixie [newest]=trixie-backports [debug]=bookworm)
# Raised when the way a cached kernel is made changes, so that old ones aren't used.
KERNEL_RECIPE=4
# Likewise, and whenever a line of debug.config changes.
DEBUG_RECIPE=2

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() { say "$1"; exit "${2:-1}"; }

kernel_check()
{
	[ -n "${KERNEL_SUITE[$1]:-}" ] ||
		die "unknown kernel '$1'; known: $(printf '%s\n' "${!KERNEL_SUITE[@]}" | sort -V | xargs)" "${2:-1}"
}

kernel_dir()
{
	case $1 in
	debug) printf '%s\n' "$CACHE/kernel/$1-r$DEBUG_RECIPE" ;;
	*) printf '%s\n' "$CACHE/kernel/$1-r$KERNEL_RECIPE" ;;
	esac
}

# in_tree ROOT BUILD HOST COMMAND...: runs COMMAND, as root of that tree at least, in a cached
# kernel's tree ROOT, with the directory BUILD as /build and this machine's root as HOST, a directory
# of the tree; either may be empty.
in_tree()
{
	local enter=(unshare --mount)
	[ "$(id -u)" = 0 ] || enter=(unshare --map-root-user --mount)
	# shellcheck disable=SC2016 # the inner shell expands them
	"${enter[@]}" sh -c '
		set -e
		root=$1 build=$2 host=$3
		shift 3
		mount --rbind /proc "$root/proc"
		mount --rbind /dev "$root/dev"
		[ -z "$build" ] || mount --bind "$build" "$root/build"
		[ -z "$host" ] || mount --bind / "$root$host"
		exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LC_ALL=C.UTF-8 "$@"
	' sh "$@"
}

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
