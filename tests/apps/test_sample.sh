# SPDX-License-Identifier: GPL-2.0-only
# What a pre-script and a post-script cost, beside the steps of the sample document, when no database
# runs: one ext4 filesystem, pairs of both in turn.
# shellcheck disable=SC2154 # variables of the library
# shellcheck source=tests/apps/lib.sh
. ./lib.sh
plan 3
pairs=${PAIRS:-9}

# Touching a file copies it from the host into the guest's memory: the host is not what is measured.
commands=()
for name in freezectl fsfreeze bash date lsblk grep mount nohup setsid sleep pgrep pkill xargs ps sort tr; do
	commands+=("$(command -v "$name")")
done
mapfile -t loaded < <(ldd "${commands[@]}" 2>/dev/null | awk '/=> \// { print $3 } /^\t\// { print $1 }' | sort -u)
touch -c -a "${commands[@]}" "${loaded[@]}" /etc/ld.so.cache /usr/lib/locale/C.utf8/* 2>/dev/null

make_fs ext4
configure ""
ours() { pre_script "${mounted[ext4]}" && post_script; }
samples() { "$here/sample-steps" pre-script && "$here/sample-steps" post-script; }

# took FILE COMMAND: adds a line with microseconds to FILE
took() {
	local begun=${EPOCHREALTIME/./}
	"$2" || return
	echo $((${EPOCHREALTIME/./} - begun)) >>"$1"
}
median() { sort -n "$1" | sed -n "$((pairs / 2 + 1))p"; }

measure() {
	local n
	ours && samples || return	# both once before it counts
	for ((n = 0; n < pairs; n++)); do
		took "$scratch/ours" ours && took "$scratch/samples" samples || return
	done
}

does "pre- and post-script, and the sample's steps" measure
that "nothing is left frozen" unfrozen "${mounted[ext4]}"
a=$(median "$scratch/ours") b=$(median "$scratch/samples")
echo "# medians of $pairs: freezectl $((a / 1000)) ms, the sample's steps $((b / 1000)) ms: 1/$((b / a))"
# It is more than ten on an idle machine; how much remains of that on a busy one is not promised.
that "several times faster" test $((b / a)) -ge 5
