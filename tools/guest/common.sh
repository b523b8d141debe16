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

# Raised when the way a cached kernel is made changes, so that old ones aren't used.
KERNEL_RECIPE=4
# Likewise, and whenever a line of debug.config changes.
DEBUG_RECIPE=2

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() { say "$1"; exit "${2:-1}"; }

# The table of kernels, and each column by a kernel's name.
KERNELS_FILE=${FREEZEGUARD_KERNELS:-$PROJECT/tools/guest/kernels}
KERNELS_KNOWN=()
declare -A KERNEL_SUITE=() KERNEL_FOLLOWS=() KERNEL_PACKAGES=() KERNEL_SETS=() KERNEL_TESTS=()
declare -A KERNEL_EXCEPTIONS=() KERNEL_DIFFERS=()
# The words that each column may have.
KERNEL_SETS_KNOWN=' default check check-all check-debug '
KERNEL_TESTS_KNOWN=' cli hostile kernel devices observer sleep kunit '
KERNEL_ANY_TESTS=' apps hooks bench soak '	# suites that run on the default kernel, and can have exceptions
read_kernels()
{
	local line name suite packages sets tests exceptions differs word
	local -i number=0 defaults=0
	bad_line() { die "$KERNELS_FILE, line $number: $1"; }
	[ -r "$KERNELS_FILE" ] || die "cannot read the table of kernels, $KERNELS_FILE"
	while IFS= read -r line || [ -n "$line" ]; do
		number+=1
		case $line in '' | '#'*) continue ;; esac
		[[ $line =~ ^[^\|]*(\|[^\|]*){6}$ ]] ||
			bad_line "not seven columns with | between them"
		IFS='|' read -r name suite packages sets tests exceptions differs <<<"$line"
		read -r name <<<"$name"
		read -r suite <<<"$suite"
		[[ $name =~ ^[a-z0-9][a-z0-9.]*$ && $suite =~ ^[a-z][a-z0-9-]*\+?$ ]] ||
			bad_line "'$name' of suite '$suite' cannot be a kernel"
		[ -z "${KERNEL_SUITE[$name]:-}" ] || bad_line "kernel '$name' is in the table already"
		KERNELS_KNOWN+=("$name")
		KERNEL_SUITE[$name]=${suite%+}
		[ "$suite" = "${suite%+}" ] || KERNEL_FOLLOWS[$name]=1
		read -r "KERNEL_PACKAGES[$name]" <<<"$packages"
		read -r "KERNEL_SETS[$name]" <<<"$sets"
		read -r "KERNEL_TESTS[$name]" <<<"$tests"
		read -r "KERNEL_EXCEPTIONS[$name]" <<<"$exceptions"
		read -r "KERNEL_DIFFERS[$name]" <<<"$differs"
		[ -n "${KERNEL_PACKAGES[$name]}" ] || bad_line "kernel '$name' has no packages"
		for word in $sets; do
			[[ $KERNEL_SETS_KNOWN = *" $word "* ]] ||
				bad_line "unknown set '$word'; known:${KERNEL_SETS_KNOWN% }"
			[ "$word" != default ] || defaults+=1
		done
		for word in $tests; do
			[[ $KERNEL_TESTS_KNOWN = *" $word "* ]] ||
				bad_line "unknown suite of tests '$word'; known:${KERNEL_TESTS_KNOWN% }"
		done
		for word in $exceptions; do
			[[ " ${KERNEL_TESTS[$name]}$KERNEL_ANY_TESTS" = *" ${word%%:*} "* ]] ||
				bad_line "exception '$word': '${word%%:*}' is no suite of kernel '$name'"
			[[ ${word#*:} =~ ^(--[a-z-]+=.+|[A-Z_]+=.+)$ ]] ||
				bad_line "exception '$word' is neither SUITE:--option=VALUE nor SUITE:NAME=VALUE"
		done
	done <"$KERNELS_FILE"
	[ ${#KERNELS_KNOWN[@]} -gt 0 ] || die "$KERNELS_FILE names no kernel"
	[ $defaults = 1 ] || die "$KERNELS_FILE: $defaults kernels are in the set 'default', which takes one"
}
read_kernels

kernel_check()
{
	[[ $1 =~ ^[a-z0-9.]+$ && -n ${KERNEL_SUITE[$1]:-} ]] || die "unknown kernel '$1'; known: ${KERNELS_KNOWN[*]}" "${2:-1}"
}

kernel_default()
{
	local name
	for name in "${KERNELS_KNOWN[@]}"; do
		[[ " ${KERNEL_SETS[$name]} " != *" default "* ]] || break
	done
	printf '%s\n' "$name"
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
# comes from this host's apt configuration. Returns 1 after a message why that is not possible.
apt_sources()
{
	local suite=$1 base=${1%-backports} host targets site release main_site signed='' reason
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	# shellcheck disable=SC1091 # a file of the host
	host=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
	[ -n "$host" ] || { echo "this host names no Debian release in /etc/os-release" >&2; return 1; }
	targets=$(host_targets "$host")
	main_site=$(awk -v r="$host" '$2 == r { print $1; exit }' <<<"$targets")
	[ -n "$main_site" ] ||
		{ echo "apt on this host has no source for $host main; see /etc/apt/sources.list.d" >&2; return 1; }
	# Since Debian 13 a source has to name its keys.
	if [ -e $keyring ] && ! compgen -G '/etc/apt/trusted.gpg.d/debian-archive-*' >/dev/null; then
		signed="[signed-by=$keyring] "
	fi
	while read -r site release; do
		case $release in
		"$base" | "$suite") ;;
		*-backports*) continue ;;
		esac
		if ! reason=$(mirror_has "$site" "$release"); then
			[ "$release" != "$base" ] && [ "$release" != "$suite" ] && continue
			echo "$reason" >&2
			return 1
		fi
		printf 'deb %s%s %s main\n' "$signed" "$site" "$release"
	done < <({
		while read -r site release; do
			printf '%s %s\n' "$site" "$base${release#"$host"}"
		done <<<"$targets"
		[ "$suite" = "$base" ] || printf '%s %s\n' "$main_site" "$suite"
	} | awk '!seen[$0]++')
}

# SITE RELEASE pairs of a release, from this host's apt
host_targets()
{
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets -o APT::Get::IndexTargets::ReleaseInfo=false \
		--format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v host="$1" '$3 == "main" && index($2, host) == 1 { print $1, $2 }' | sort -u
}

# mirror_has SITE RELEASE: succeeds if that can be had, or prints why not.
mirror_has()
{
	local file status=0
	file=$(mktemp)
	if ! timeout 60 /usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root download-file \
		"$1/dists/$2/InRelease" "$file" >"$file.log" 2>&1 </dev/null; then
		status=1
		if grep -q 404 "$file.log"; then
			echo "there is no suite $2 where this host's packages are from"
		else
			echo "no network, or no answer: $(sed -n 's/^E: //p' "$file.log" | head -n 1)"
		fi
	fi
	rm -f "$file" "$file.log"
	return $status
}

# fetch_tree SUITE DIRECTORY SOURCES OPTION...: packages of Debian, only unpacked, never configured: no maintainer
# script runs. SOURCES is a file with the lines of a sources.list.
fetch_tree()
{
	local suite=$1 root=$2 sources=$3
	shift 3
	set -- --variant=extract --dpkgopt='path-exclude=/usr/share/doc/*' --aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Retries "3"' --aptopt='Acquire::Languages "none"' "$@"
	mkdir "$root"
	if [ "$(id -u)" = 0 ]; then
		timeout --foreground 1500 mmdebstrap --mode=root --format=directory "$@" "$suite" "$root" "$sources"
	else
		# The tree's files belong to subordinate users in there; unpacked again they are the caller's.
		timeout --foreground 1500 mmdebstrap --mode=unshare --format=tar "$@" "$suite" - "$sources" |
			tar -x -C "$root" --no-same-owner --exclude='./dev/*'
	fi
}

# cache_check STATUS MIB FOR: ends with STATUS unless the cache can be written to and has that much room.
cache_check()
{
	local left
	if ! mkdir -p "$CACHE"/{kernel,lock,run,tmp} 2>/dev/null || ! [ -w "$CACHE/tmp" ]; then
		die "cannot write to the cache, $CACHE; set FREEZEGUARD_CACHE to a directory of your own" "$1"
	fi
	left=$(($(df --output=avail -k "$CACHE" | tail -n 1) / 1024))
	[ "$left" -ge "$2" ] ||
		die "the cache's disk is full: $CACHE has $left MiB left, and $3 takes $2; make room there, or set FREEZEGUARD_CACHE to a directory elsewhere" "$1"
}

# lock_wait FILE DOING: takes an exclusive lock until the process and its children end, on a descriptor
# named LOCK_FD. If that takes more than two seconds it says which process holds it.
lock_wait()
{
	local holder='' limit=${FREEZEGUARD_LOCK_TIMEOUT:-1800}
	exec {LOCK_FD}>>"$1"
	if ! flock -w 2 "$LOCK_FD"; then
		read -r holder <"$1" || :
		say "process ${holder:-unknown} is $2 and holds $1; waiting for it, $limit s at most"
		flock -w "$limit" "$LOCK_FD" ||
			die "process ${holder:-unknown} still holds $1 after $limit s; end it, or what it started, and try again"
	fi
	printf '%s\n' $$ >"$1"
}
