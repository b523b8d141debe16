#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The table and the cache of kernels: a kernel that is not available, one that its suite has replaced, and
# failures while fetching one. Runs on the host and starts no guest. It has its own cache, and downloads
# only indexes and the beginning of a kernel.
# shellcheck disable=SC2317 # functions that check() calls by name
set -u
cd "$(dirname "$0")/../.." || exit 1

count=0 failed=0
tmp=$(mktemp -d)
chmod 755 "$tmp"
started=
trap '[ -z "$started" ] || kill -KILL -- "-$started" 2>/dev/null; rm -rf "$tmp" build/kernel/gone.missing' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The table with a kernel whose suite, and one whose package does not exist, and one that nothing builds for.
default=$(tools/guest/list default)
{
	grep "^$default " tools/guest/kernels
	echo "gone | nonesuch-backports | linux-image-amd64 linux-headers-amd64 | check | cli kernel | | nothing"
	echo "broken | nonesuch | linux-image-amd64 linux-headers-amd64 | check | cli | | nothing"
	grep "^$default " tools/guest/kernels |
		sed -e "s/^$default /nopackage /" -e 's/| default /| /' -e 's/linux-image-amd64/linux-image-nonesuch/'
} >"$tmp/kernels"
newest=$(awk -F ' *[|] *' '!/^#/ && $2 ~ /[+]$/ { print $1; exit }' tools/guest/kernels)	# what follows its suite

# A cache of its own, and a table of its own.
kernel() { FREEZEGUARD_CACHE=$tmp/cache timeout -k 5 300 tools/guest/kernel "$@" >"$tmp/out" 2>"$tmp/err"; }
# Nor does apt try again, which it does after 1, 2 and 4 seconds.
without_network()
{
	local enter=(unshare --net)
	[ "$(id -u)" = 0 ] || enter=(unshare --map-root-user --net)
	{ cat "${APT_CONFIG:-/dev/null}" && echo 'Acquire::Retries "0";'; } >"$tmp/apt.conf"
	"${enter[@]}" env APT_CONFIG="$tmp/apt.conf" "$@"
}
says() { grep -qE -e "$1" "$tmp/err"; }
is_empty() { [ -z "$(find "$@" -mindepth 1 -print -quit)" ]; }
says_nothing() { [ ! -s "$tmp/err" ] || ! says .; }

check() { # check NAME COMMAND...
	local name=$1 begun=$SECONDS
	shift
	count=$((count + 1))
	rm -rf "$tmp/cache" "$tmp/why" "$tmp/err"
	if "$@"; then
		echo "ok $count - $name"
		echo "# $((SECONDS - begun)) s"
	else
		sed 's/^/#   /' "$tmp/err" 2>/dev/null | tail -n 40
		echo "not ok $count - $name"
		failed=$((failed + 1))
	fi
}

skip() { echo "ok $((++count)) - $1 # SKIP $2"; }

# A kernel of the cache that is whole, as far as anybody looks: cached NAME RELEASE [SOURCE]
cached()
(
	FREEZEGUARD_CACHE=$tmp/cache
	# shellcheck source=tools/guest/common.sh disable=SC1091
	. tools/guest/common.sh
	dir=$(kernel_dir "$1")
	mkdir -p "$dir"
	echo "${3:-${KERNEL_SUITE[$1]} ${KERNEL_PACKAGES[$1]}}" >"$dir/source"
	echo "$2" >"$dir/release"
	touch -d '1 day ago' "$dir/asked"
	echo "$dir"
)

# ---- the table ----

bad_tables()
{
	local line
	local -x FREEZEGUARD_KERNELS=$tmp/bad
	kernel x
	[ $? = 1 ] && says "cannot read the table of kernels, $tmp/bad" || return
	for line in "6.1 bookworm" "a | b | c | d | e | f | g | h" "../x | y | | | | |" "x | y/z | | | | |"; do
		printf '# a comment\n%s\n' "$line" >"$tmp/bad"
		kernel x
		[ $? = 1 ] && says "$tmp/bad, line 2: " || return
	done
	: >"$tmp/bad"
	kernel x
	[ $? = 1 ] && says "names no kernel" || return
	# Each of these is the default kernel's line with one mistake.
	bad_words "kernel '$default' is in the table already" 'p' &&
		bad_words "0 kernels are in the set 'default'" 's/| default /| /' &&
		bad_words "kernel '$default' has no packages" 's/linux-[a-z0-9-]*//g' &&
		bad_words "unknown set 'chekc'" 's/ check / chekc /' &&
		bad_words "unknown suite of tests 'clii'" 's/| cli /| clii /' &&
		bad_words "'klii' is no suite of kernel '$default'" 's/cli:/klii:/' &&
		bad_words "exception 'cli:-cpus=1'" 's/cli:--/cli:-/'
}

# bad_words MESSAGE SED-SCRIPT
bad_words()
{
	sed -n "s/^$default /&/; T; $2; p" tools/guest/kernels >"$tmp/bad"
	kernel x
	[ $? = 1 ] && says "$tmp/bad.*: $1"
}

unknown_name()
{
	kernel nonesuch
	[ $? = 1 ] && says "unknown kernel 'nonesuch'; known: .*$default" || return
	tools/vm-run --kernel nonesuch true 2>"$tmp/err"
	[ $? = 125 ] && says "unknown kernel 'nonesuch'; known: .*$default" || return
	tools/vm-run --kernel '' true 2>"$tmp/err"
	[ $? = 125 ] && says "unknown kernel ''; known: .*$default" || return
	tools/vm-run --kernel @ true 2>"$tmp/err"
	[ $? = 125 ] && says "unknown kernel '@'; known: .*$default" || return
	tools/guest/list nonesuch >"$tmp/out" 2>"$tmp/err"
	[ $? = 1 ] && says "unknown set 'nonesuch'; known: default "
}

no_suite()
{
	kernel --why "$tmp/why" gone
	[ $? = 3 ] && says "kernel gone is not available: there is no suite nonesuch" && [ ! -s "$tmp/out" ] &&
		grep -q "^there is no suite nonesuch" "$tmp/why" && is_empty "$tmp/cache/kernel" "$tmp/cache/tmp" || return
	FREEZEGUARD_CACHE=$tmp/cache tools/vm-run --kernel gone true 2>"$tmp/err"
	[ $? = 125 ] && says "kernel gone is not available: there is no suite nonesuch"
}

no_package()
{
	kernel --why "$tmp/why" nopackage
	[ $? = 3 ] && says "kernel nopackage is not available: .*linux-image-nonesuch" && [ -s "$tmp/why" ]
}

# Even if a kernel of that name is in the cache, of another suite.
not_the_cached_one()
{
	cached gone 1.2.3 "other-suite linux-image-amd64 linux-headers-amd64" >/dev/null
	kernel gone
	[ $? = 3 ] && [ ! -s "$tmp/out" ] || return
	cached gone 1.2.3 >/dev/null
	kernel gone && [ -s "$tmp/out" ] && says_nothing
}

goes_on()
{
	local KERNELS="$default gone"
	export KERNELS CHECK_OUTPUT=$tmp/check
	# shellcheck disable=SC2086 # words
	timeout -k 5 900 tools/guest/prepare $KERNELS >"$tmp/out" 2>"$tmp/err" &&
		says "kernel gone is not available" && [ -s build/kernel/gone.missing ] &&
		[ -e "build/kernel/$default/stamp" ] || return
	timeout -k 5 300 tests/run ssm cli-gone kernel-gone >"$tmp/out" 2>>"$tmp/err" || return
	cat "$tmp/out" >>"$tmp/err"
	grep -q '^1\.\.0 # SKIP kernel gone: there is no suite nonesuch' "$tmp/check/cli-gone.ktap" &&
		tail -n 1 "$tmp/out" | grep -qE '^[1-9][0-9]* passed, 0 failed, 2 skipped$'
}

none_at_all()
{
	export CHECK_OUTPUT=$tmp/check
	timeout -k 5 300 tools/guest/prepare gone 2>"$tmp/err"
	[ $? = 1 ] && says "there is no kernel to test: none of gone is available" || return
	KERNELS=gone timeout -k 5 300 tests/run cli-gone kernel-gone >"$tmp/err" 2>&1
	[ $? = 1 ] && says "none of the kernels is available" && says "^0 passed, 1 failed, 2 skipped$"
}

# A project of one empty module, and a kernel that has nothing to build with.
no_build()
{
	local project=$tmp/project dir
	dir=$(tools/guest/kernel "$default") && cached broken 1.2.3 >/dev/null && ln -s "$dir" "$tmp/cache/kernel/" &&
		mkdir -p "$project/module" && cp -r tools "$project" || return
	printf '%s\n' 'obj-m := empty.o' 'empty-y := module/main.o' >"$project/Kbuild"
	printf '%s\n' '#include <linux/module.h>' 'MODULE_LICENSE("GPL");' 'MODULE_DESCRIPTION("empty");' \
		>"$project/module/main.c"
	FREEZEGUARD_CACHE=$tmp/cache timeout -k 5 300 "$project/tools/guest/prepare" broken "$default" \
		>"$tmp/out" 2>"$tmp/err" && says "^prepare: the modules do not build for kernel broken" &&
		! says "do not build for kernel $default" &&
		compgen -G "$project/build/kernel/$default/modroot/lib/modules/*/updates/empty.ko" >/dev/null || return
	FREEZEGUARD_CACHE=$tmp/cache timeout -k 5 300 "$project/tools/guest/prepare" broken >"$tmp/out" 2>"$tmp/err"
	[ $? = 1 ] && says "there is no kernel to test: none of broken is available and has its modules"
}

# ---- one that follows its suite ----

# With a disk that a kernel does not fit on, so that none is fetched: on_full_disk COMMAND...
on_full_disk()
{
	local enter=(unshare --mount)
	[ "$(id -u)" = 0 ] || enter=(unshare --map-root-user --mount)
	mkdir -p "$tmp/cache"
	# shellcheck disable=SC2016 # the inner shell expands them
	"${enter[@]}" bash -c 'cp -a "$1" "$1.copy" && mount -t tmpfs -o size=16m tmpfs "$1" &&
		cp -a "$1.copy/." "$1" && rm -rf "$1.copy" && shift && "$@"; exit' bash "$tmp/cache" "$@"
}

moved()
{
	local dir
	dir=$(cached "$newest" 1.2.3-old)
	on_full_disk env FREEZEGUARD_CACHE="$tmp/cache" tools/guest/kernel "$newest" >"$tmp/out" 2>"$tmp/err" &&
		says_nothing && [ "$(<"$tmp/out")" = "$dir" ] || return
	on_full_disk env FREEZEGUARD_CACHE="$tmp/cache" tools/guest/kernel --follow "$newest" >"$tmp/out" 2>"$tmp/err" &&
		says "^kernel: kernel $newest: 1\.2\.3-old -> [0-9.]+.*-amd64$" && says "using the cached 1\.2\.3-old" &&
		[ "$(<"$tmp/out")" = "$dir" ] || return
	# Nor is it fetched as long as a guest runs the one that it is to replace.
	exec 7<"$dir/release" && flock -s 7 || return
	FREEZEGUARD_CACHE=$tmp/cache timeout 120 tools/guest/kernel --follow "$newest" >"$tmp/out" 2>"$tmp/err" 7<&-
	exec 7<&-
	says "guests still run 1\.2\.3-old; using the cached" && [ "$(<"$tmp/out")" = "$dir" ]
}

not_moved()
{
	local dir now
	dir=$(cached "$newest" 1.2.3-old)
	on_full_disk env FREEZEGUARD_CACHE="$tmp/cache" tools/guest/kernel --follow "$newest" >"$tmp/out" 2>"$tmp/err"
	now=$(sed -n 's/.* -> //p' "$tmp/err")
	echo "$now" >"$dir/release"
	kernel --follow "$newest" && says_nothing && [ "$(<"$tmp/out")" = "$dir" ] || return
	# It has asked just now: no network is needed, nor missed.
	FREEZEGUARD_CACHE=$tmp/cache without_network tools/guest/kernel --follow "$newest" >"$tmp/out" 2>"$tmp/err" &&
		says_nothing
}

not_to_be_asked()
{
	local dir
	dir=$(cached "$newest" 1.2.3-old)
	FREEZEGUARD_CACHE=$tmp/cache without_network tools/guest/kernel --follow "$newest" >"$tmp/out" 2>"$tmp/err" &&
		says "^kernel: kernel $newest: no network, .*; using the cached 1.2.3-old$" &&
		[ "$(wc -l <"$tmp/err")" = 1 ] && [ "$(<"$tmp/out")" = "$dir" ]
}

# ---- what gets into the way ----

no_network()
{
	FREEZEGUARD_CACHE=$tmp/cache without_network tools/guest/kernel "$newest" >"$tmp/out" 2>"$tmp/err"
	[ $? = 3 ] && says "kernel $newest is not available: no network" && is_empty "$tmp/cache/kernel"
}

full_disk()
{
	on_full_disk env FREEZEGUARD_CACHE="$tmp/cache" tools/guest/kernel "$newest" >"$tmp/out" 2>"$tmp/err"
	[ $? = 1 ] && says "disk is full: $tmp/cache has 1[0-9] MiB left" && says "set FREEZEGUARD_CACHE" || return
	on_full_disk env FREEZEGUARD_CACHE="$tmp/cache" tools/vm-run true >"$tmp/out" 2>"$tmp/err"
	[ $? = 125 ] && says "disk is full: $tmp/cache has 1[0-9] MiB left"
}

no_cache()
{
	FREEZEGUARD_CACHE=/proc/none tools/vm-run true 2>"$tmp/err"
	[ $? = 125 ] && says "cannot write to the cache, /proc/none; set FREEZEGUARD_CACHE"
}

# Killed with all that it started, once something of the tree is there.
half_a_download()
{
	local i half
	set -m
	FREEZEGUARD_CACHE=$tmp/cache tools/guest/kernel "$newest" >"$tmp/out" 2>"$tmp/err" &
	started=$!
	set +m
	for ((i = 0; i < 600; i++)); do
		half=$(find "$tmp/cache/tmp" -mindepth 3 -path '*/root/*' -print -quit 2>/dev/null)
		[ -z "$half" ] || break
		sleep 0.1
	done
	sleep 1
	{ kill -KILL -- "-$started"; wait "$started"; } 2>/dev/null
	started=
	[ -n "$half" ] && [ -e "$tmp/cache/tmp" ] && is_empty "$tmp/cache/kernel" || return
	FREEZEGUARD_CACHE=$tmp/cache without_network tools/guest/kernel "$newest" >"$tmp/out" 2>"$tmp/err"
	[ $? = 3 ] && [ ! -s "$tmp/out" ] && is_empty "$tmp/cache/kernel" "$tmp/cache/tmp"
}

pruned()
{
	local dir old
	dir=$(cached "$newest" 1.2.3)
	for old in "${dir%-r*}-r1" "$tmp/cache/kernel/7.77-r1" "$tmp/cache/kernel/7.78-r1" \
		"$tmp/cache/tmp/kernel-7.77.abcdef" "$tmp/cache/tmp/kernel-7.78.abcdef"; do
		mkdir -p "$old/root" && echo 1.2 >"$old/release" || return
	done
	mkdir "$tmp/cache/lock"
	# Somebody runs the one and fetches the other.
	exec 7<"$tmp/cache/kernel/7.78-r1/release" 8>"$tmp/cache/lock/kernel-7.78"
	flock -s 7 && flock 8 || return
	FREEZEGUARD_CACHE=$tmp/cache without_network tools/guest/kernel --follow "$newest" >"$tmp/out" 2>"$tmp/err" 7<&- 8>&-
	exec 7<&- 8>&-
	[ "$(<"$tmp/out")" = "$dir" ] && [ "$(cd "$tmp/cache" && echo kernel/* tmp/*)" = \
		"kernel/7.78-r1 kernel/${dir##*/} tmp/kernel-7.78.abcdef" ] && says "removing .*/7.77-r1"
}

lock_of_the_living()
{
	mkdir -p "$tmp/cache/lock"
	exec 8>"$tmp/cache/lock/kernel-$newest"
	flock 8 && echo 4242 >&8 || return
	FREEZEGUARD_LOCK_TIMEOUT=1 kernel "$newest" 8>&-
	[ $? = 1 ] && says "process 4242 is fetching kernel $newest and holds $tmp/cache/lock/kernel-$newest; waiting" &&
		says "still holds .* after 1 s" || return
	exec 8>&-
}

lock_of_the_dead()
{
	mkdir -p "$tmp/cache/lock"
	echo 4242 >"$tmp/cache/lock/kernel-$newest"
	FREEZEGUARD_CACHE=$tmp/cache without_network tools/guest/kernel "$newest" >"$tmp/out" 2>"$tmp/err"
	[ $? = 3 ] && ! says 4242
}

as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$@"; }

# Packages are missing to a dpkg that has an empty list of them.
no_root()
{
	mkdir -p "$tmp/dpkg/updates" && : >"$tmp/dpkg/status" || return
	DPKG_ADMINDIR=$tmp/dpkg as_nobody tools/bootstrap build </dev/null 2>"$tmp/err"
	[ $? = 1 ] && says "installing them needs root: .*gcc" && says "run as root: apt-get install .*gcc" || return
	mkdir -m 777 "$tmp/cache" || return
	FREEZEGUARD_CACHE=$tmp/cache as_nobody tools/guest/kernel "$default" >"$tmp/out" 2>"$tmp/err"
	[ $? = 3 ] && says "is not available: nobody needs subordinate ids .*usermod" && is_empty "$tmp/cache/tmp" || return
	HOME=/nonexistent as_nobody env -u FREEZEGUARD_CACHE tools/vm-run true 2>"$tmp/err"
	[ $? = 125 ] && says "cannot write to the cache, /nonexistent/.cache/freezeguard; set FREEZEGUARD_CACHE"
}

echo "1..19"
check "tables that make no sense are refused with the line" bad_tables
check "a name that is not in the table" unknown_name
FREEZEGUARD_KERNELS=$tmp/kernels
export FREEZEGUARD_KERNELS
check "a suite that does not exist: the kernel is not available" no_suite
check "... not even if another one of that name is cached" not_the_cached_one
check "a package that does not exist" no_package
check "what does not need that kernel goes on, and its suites are counted as skips" goes_on
check "no kernel at all is a failure" none_at_all
check "modules that do not build for one kernel: the others get theirs" no_build
unset FREEZEGUARD_KERNELS
check "a suite that has moved on: one line says so" moved
check "one that has not, and is not asked again at once" not_moved
check "one that cannot be asked: the cached kernel is used, and one line says so" not_to_be_asked
check "no network" no_network
check "a full disk" full_disk
check "a cache that cannot be written to" no_cache
check "half a download is not used" half_a_download
check "older recipes, kernels that are listed no more and what killed runs left are removed" pruned
check "a lock whose holder lives: who it is, and an end of the wait" lock_of_the_living
check "a lock whose holder is dead" lock_of_the_dead
if [ "$(id -u)" != 0 ] || ! as_nobody test -x tools/bootstrap; then
	skip "no root and no sudo" "takes root, in a clone that others can read"
else
	check "no root and no sudo" no_root
fi
[ $failed = 0 ]
