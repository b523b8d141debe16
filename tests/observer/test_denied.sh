# shellcheck shell=bash disable=SC1091 # lib.sh is looked at on its own
# SPDX-License-Identifier: GPL-2.0-only
# A security module that denies FIFREEZE denies it to a lease, too. It is a BPF program, so this test is here.
. ./lib.sh
plan 6

make_fs ext4
fs=${mounted[ext4]}
mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
if ! grep -q bpf /sys/kernel/security/lsm; then
	for name in fsfreeze freeze says thawed status after; do
		pass "$name # SKIP this kernel has no security modules of BPF"
	done
	exit
fi
"$observer_helpers/denied" "$observer_helpers/denied.bpf.o" >"$scratch/ready" &
denied=$!
within 10000 grep -q ready "$scratch/ready" || exit 99
expect 1 "fsfreeze is denied" fsfreeze -f "$fs"
expect 1 "freezectl freeze is denied, too" freezectl freeze --id denied --timeout 20s "$fs"
says "... says by what" "a security module denies"
that "... nothing is frozen" unfrozen "$fs"
expect 0 "what only looks is not" freezectl status "$fs"
kill $denied
wait $denied 2>/dev/null
expect 0 "without it a freeze works" freezectl run --timeout 20s "$fs" -- true
