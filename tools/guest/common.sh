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

# apt_sources SUITE: prints the lines of a sources.list for a Debian suite: the suite itself, the base of
# a backports suite, and the base's updates and security as far as the mirror has them. Every address
# comes from this host's apt configuration.
apt_sources()
{
	local suite=$1 base=${1%-backports} host targets site release main_site
	# shellcheck disable=SC1091 # a file of the host
	host=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
	[ -n "$host" ] || die "this host names no Debian release in /etc/os-release"
	targets=$(host_targets "$host")
	if [ -z "$targets" ]; then
		as_root apt-get -qq update >&2
		targets=$(host_targets "$host")
	fi
	main_site=$(awk -v r="$host" '$2 == r { print $1; exit }' <<<"$targets")
	[ -n "$main_site" ] || die "apt on this host has no source for $host main; see /etc/apt/sources.list.d"
	{
		while read -r site release; do
			printf '%s %s\n' "$site" "$base${release#"$host"}"
		done <<<"$targets"
		[ "$suite" = "$base" ] || printf '%s %s\n' "$main_site" "$suite"
	} | awk '!seen[$0]++' | while read -r site release; do
		case $release in
		"$base"|"$suite") ;;
		*-backports*) continue ;;
		*) mirror_has "$site" "$release" || continue ;;
		esac
		printf 'deb %s %s main\n' "$site" "$release"
	done
}

# SITE RELEASE pairs of a release, from this host's apt
host_targets()
{
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v host="$1" '$3 == "main" && index($2, host) == 1 { print $1, $2 }' | sort -u
}

mirror_has()
{
	local file status=0
	file=$(mktemp)
	timeout 60 /usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root download-file \
		"$1/dists/$2/InRelease" "$file" >/dev/null 2>&1 </dev/null || status=1
	rm -f "$file"
	return $status
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

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
