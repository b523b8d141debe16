# SPDX-License-Identifier: GPL-2.0-only
# Loading, upgrading and unloading: what is seen, what is kept, what is left.
# shellcheck disable=SC2016,SC2154 # the commands of other shells; variables of the library
# shellcheck source=tests/observer/lib.sh
. ./lib.sh
plan 62

make_fs ext4
fs=${mounted[ext4]}
expedite
device=$(device_of "$fs")

# ---- there and away again ----

expect 0 "unload without anything loaded" freezectl observer unload
says "... says so" "was not loaded"
expect 206 "show without anything loaded" freezectl observer show --json
that "... says so" json 'd["loaded"] is False and d["code"] == 206'
that "... and what to do" json '"observer load" in d["findings"][0]["message"]'
expect 0 "load" freezectl observer load
says "... says so" "is loaded"
that "the loader's folders are gone" test "$(ls /sys/fs/bpf)" = freezeguard
loaded=$(programs)
that "programs stay when the loader is gone" test "$loaded" -ge 15
fsfreeze -f "$fs" && that "a freeze is seen" in_map "$device" 'e["by"]["comm"] == "fsfreeze"'
that "status shows it" grep -q " $device .*fsfreeze" $pins/status
that "its other readers work, too" grep -q PID $pins/blocked
fsfreeze -u "$fs" && that "a thaw is seen" not_in_map "$device"

expect 0 "load again" freezectl observer load --json
that "... finds it loaded" json 'd["already"] and not d["replaced"]'
that "... leaves it as it is" test "$(programs)" -eq "$loaded"
that "... and its counters" total_is freezes 1

# ---- show ----

expect 0 "show" freezectl observer show --json
that "it is loaded, by this version" json 'd["loaded"] and d["same_build"] and d["version"]'
that "each program is attached or has nothing to be attached to" json \
	'{p["state"] for p in d["programs"]} <= {"attached", "absent"} and all(p["optional"] for p in d["programs"] if p["state"] == "absent")'
that "as many are attached as the kernel has" json \
	"sum(p['state'] == 'attached' for p in d['programs']) == $loaded"
that "those that are absent are not in the kernel" json \
	'not {p["function"] for p in d["programs"] if p["state"] == "absent"} & {line.split()[2] for line in open("/proc/kallsyms")}'
that "the filesystem is counted" json \
	'[(f["freezes"], f["thaws"], f["frozen"]) for f in d["filesystems"]] == [(1, 1, False)]'
that "runs are not counted" json 'all(p["runs"] is None for p in d["programs"])'
sysctl -qw kernel.bpf_stats_enabled=1
fsfreeze -f "$fs" && fsfreeze -u "$fs"
expect 0 "show, with the kernel's statistics" freezectl observer show --json
that "... runs are" json '[p["runs"] for p in d["programs"] if p["name"] == "freeze_begins"] == [1]'
sysctl -qw kernel.bpf_stats_enabled=0
expect 0 "show as text" freezectl observer show
says "... says the same" "freeze_super" "2 freezes," "2 thaws," "$fs"

# ---- upgrade ----

fsfreeze -f "$fs"
expect 0 "replace" freezectl observer load --replace --json
that "... keeps all maps" json \
	'd["replaced"] and not d["dropped"] and {"frozen", "totals", "filesystems", "events"} <= set(d["kept"])'
that "... and the counters" total_is freezes 3
that "... and who froze what is frozen" in_map "$device" 'e["by"]["comm"] == "fsfreeze" and e["since_ns"]'
that "... and leaves none of the old programs" within 5000 programs_are "$loaded"
fsfreeze -u "$fs"
that "a thaw is counted once" total_is thaws 3

# Freezes and thaws all the time, one after the other, while programs come and go.
pairs() { # pairs DIR FILE: how many, into FILE, when it finds "stop"
	local n=0
	while [ ! -e "$scratch/stop" ] && [ $n -lt 2000 ]; do
		fsfreeze -f "$1" || break
		fsfreeze -u "$1" || break
		n=$((n + 1))
		sleep 0.05	# the load is to come to an end, too
	done
	echo $n >"$2"
}
make_fs ext4 second
before=$(ask - "totals['freezes']")
pairs "$fs" "$scratch/pairs.1" &
first=$!
pairs "${mounted[second]}" "$scratch/pairs.2" &
second=$!
expect 0 "replace while filesystems are frozen and thawed" freezectl observer load --replace --json
touch "$scratch/stop"
wait $first $second
n=$(($(cat "$scratch/pairs.1") + $(cat "$scratch/pairs.2")))
echo "# $n freezes"
that "... there were some" test $n -ge 4
that "... none is lost, none is counted twice" total_is freezes $((before + n))
that "... nor any thaw" total_is thaws $((before + n))
that "... nothing is left that would be frozen" test "$(grep -c frozen $pins/status)" -eq 0
# A set with another layout: its totals are of another size.
bpftool map create $pins/other type array key 4 value 8 entries 1 name totals
rm $pins/totals && mv $pins/other $pins/totals
expect 206 "counters of another layout" freezectl observer show --json
that "... are not shown" json '"totals" not in d and "another version" in d["findings"][0]["message"]'
expect 0 "replace them" freezectl observer load --replace --json
that "... drops them, and the events that they number" json 'set(d["dropped"]) == {"totals", "events"}'
that "... and begins anew" total_is freezes 0
expect 2 "a load that fails half way" sh -c 'ulimit -n 30; freezectl observer load --replace'
says "... says why" "Too many open files"
that "... in its own words" eval '[[ $out != *libbpf:* ]]'
expect 2 "... with --verbose" sh -c 'ulimit -n 30; freezectl observer load --replace --verbose'
says "... in libbpf's as well" "libbpf:"
that "... leaves nothing of its own" test "$(ls /sys/fs/bpf)" = freezeguard
# What is mounted can't be renamed: everything is attached when it fails.
mount --bind $pins $pins
expect 2 "a load that fails in the end" freezectl observer load --replace
says "... says why" "to rename" "busy"
umount $pins
that "... leaves nothing of its own" test "$(ls /sys/fs/bpf)" = freezeguard
that "... no program either" within 5000 programs_are "$loaded"
fsfreeze -f "$fs" && fsfreeze -u "$fs"
that "... and what was there at work" total_is freezes 1
rm $pins/links/freeze_begins
expect 0 "a program that was unpinned" freezectl observer show --json
that "... is missed" json '[p["name"] for p in d["programs"] if p["state"] == "missing"] == ["freeze_begins"]'
if printf '%s\n' 6.7 "$(uname -r)" | sort -CV; then told=True; else told=False; fi
that "what a probe missed is told if the kernel tells it: $told" \
	json "{p['missed'] is not None for p in d['programs'] if 'probe' in p['kind']} == {$told}"
expect 0 "... and comes back with the next load" freezectl observer load --json
that "... which does not believe what is said to be frozen" json 'd["replaced"] and "frozen" in d["dropped"]'
expect 0 "unload" freezectl observer unload
that "nothing is left" within 5000 nothing_left
