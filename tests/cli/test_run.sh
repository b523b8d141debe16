# SPDX-License-Identifier: GPL-2.0-only
# freezectl run, monitor, plan and the missing module.
# shellcheck disable=SC2016 # the commands of other shells
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 38

make_fs ext4
make_fs btrfs
fs=("${mounted[ext4]}" "${mounted[btrfs]}")

expect 0 "run" freezectl run --timeout 20s "${fs[@]}" -- "$helpers/fgstate" "${fs[@]}"
says "everything was frozen while the command ran" $'frozen lease-'
that "thawed after it" unfrozen "${fs[@]}"
expect 7 "the command's status is passed through" freezectl run --timeout 20s "${fs[@]}" -- sh -c 'exit 7'
expect 1 "a command that ends with a code of freezectl's" freezectl run --json --timeout 20s "${fs[@]}" -- false
that "... whose document has no such finding" json 'd["command_status"] == 1 and not any(f["code"] for f in d["findings"])'
expect 1 "a command that is missing" freezectl run --json --timeout 20s "${fs[@]}"
that "... whose document has, and no status" json '"command_status" not in d and d["findings"][0]["code"] == 1'
expect 0 "the command is told the id" freezectl run --id backup-1 --timeout 20s "${fs[@]}" -- \
	sh -c 'test "$FREEZEGUARD_ID" = backup-1'
expect 203 "the deadline comes while the command runs" freezectl run --timeout 500ms "${fs[@]}" -- sleep 20
that "thawed" unfrozen "${fs[@]}"
expect 137 "the command dies of a signal" freezectl run --timeout 20s "${fs[@]}" -- sh -c 'kill -KILL $$'

freezectl run --timeout 20s "${fs[@]}" -- sleep 15 &
runner=$!
writers+=("$runner")
that "frozen while it runs" within 3000 frozen "${fs[@]}"
kill -TERM $runner
wait $runner
that "SIGTERM: it thaws and ends" unfrozen "${fs[@]}"

freezectl freeze --id victim --timeout 20s "${fs[@]}" >/dev/null
freezectl freeze --id second --timeout 20s "${fs[0]}" >/dev/null 2>&1
expect 0 "thaw --all --force" freezectl thaw --all --force
that "thawed" unfrozen "${fs[@]}"
expect 205 "nothing is left for it" freezectl thaw --id victim

timeout 20 freezectl monitor --json --count 4 --timeout 10s >"$scratch/events" 2>&1 &
monitor=$!
writers+=("$monitor")
sleep 0.7
freezectl freeze --id watched --timeout 20s "${fs[0]}" >/dev/null
freezectl thaw --id watched >/dev/null
wait $monitor
out=$(cat "$scratch/events")
that "monitor: one JSON object a line" python3 -c \
	'import json, sys; [json.loads(line) for line in open(sys.argv[1])]' "$scratch/events"
says "monitor: freezing, frozen, and the end" watched '"freezing"' '"frozen"'

expect 0 "plan" freezectl plan "${fs[@]}"
if grep -qsx 1 /sys/kernel/realtime; then
	says "it warns of the real-time kernel" "PREEMPT_RT"
else
	that "it warns of no real-time kernel" eval '! grep -q PREEMPT_RT <<<"$out"'
fi
says "plan names the filesystems" "${fs[0]}" ext4 "${fs[1]}" btrfs
expect 0 "plan --all" freezectl plan --all --json
that "plan --all is JSON with both" json "all(any(p in json.dumps(t) for t in d['filesystems']) for p in '${fs[*]}'.split())"

# Stacked: an ext4 in a file on the btrfs freezes before the btrfs does.
truncate -s 32M "${fs[1]}/inner.img" && mkfs.ext4 -q "${fs[1]}/inner.img" && mkdir "$scratch/inner"
mount -o loop "${fs[1]}/inner.img" "$scratch/inner" || exit 99
expect 0 "a filesystem inside another's file" freezectl freeze --id stack --timeout 20s "${fs[1]}" "$scratch/inner"
expect 0 "its levels" freezectl status --id stack --json
that "the inner one froze first" json \
	'{f["fstype"]: f["level"] for f in d["leases"][0]["filesystems"]} == {"ext4": 0, "btrfs": 1}'
expect 0 "thawed" freezectl thaw --id stack
umount "$scratch/inner"

expect 0 "unloading the module" modprobe -r freezeguard
echo /bin/false >/proc/sys/kernel/modprobe
expect 206 "the module is missing" freezectl freeze --timeout 5s "${fs[0]}"
says "it says how to load it" modprobe
expect 206 "status without the module" freezectl status
expect 206 "as JSON" freezectl status --json
that "the code is in the document" json 'd["code"] == 206'
echo /sbin/modprobe >/proc/sys/kernel/modprobe
expect 0 "the module comes by itself" freezectl freeze --id auto --timeout 20s "${fs[0]}"
expect 0 "and thaws" freezectl thaw --id auto
expect 1 "an unmount while it is frozen is refused" sh -c 'freezectl freeze --id busy --timeout 20s "$1" >/dev/null; umount "$1" && exit 0; exit 1' sh "${fs[0]}"
expect 0 "thawed, it can be unmounted at once" sh -c 'freezectl thaw --id busy >/dev/null && umount "$1"' sh "${fs[0]}"
unset "mounted[ext4]"
