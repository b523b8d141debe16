# SPDX-License-Identifier: GPL-2.0-only
# Loading under difficulties: several loads at once, a killed load, and the users and places that are refused.
# shellcheck disable=SC2016,SC2154 # the commands of other shells; variables of the library
# shellcheck source=tests/observer/lib.sh
. ./lib.sh
plan 37

make_fs ext4
fs=${mounted[ext4]}
expedite
device=$(device_of "$fs")

# ---- two at once, and the dead ----

for i in 1 2 3; do freezectl observer load --json >"$scratch/load.$i" & done
wait
out="[$(cat "$scratch/load.1"),$(cat "$scratch/load.2"),$(cat "$scratch/load.3")]"
that "of three loads at once one loads" json 'sorted(x["already"] for x in d) == [False, True, True]'
freezectl observer show --json >"$scratch/show.json"
loaded=$(ask "$scratch/show.json" "sum(p['state'] == 'attached' for p in d['programs'])")
that "... one set of programs" test "$(programs)" -eq "$loaded"

# killed_when COMMAND...: a load that is killed when COMMAND succeeds
killed_when() {
	local load
	freezectl observer load --replace >/dev/null 2>&1 &
	load=$!
	until "$@" || ! kill -0 $load 2>/dev/null; do :; done
	"$@" && kill -KILL $load
	! wait $load 2>/dev/null
}
is_attaching() { [ -e $pins-new/links/wait_begins ]; }

# sees_freezes: the set that has the name does
sees_freezes() {
	local status=0
	fsfreeze -f "$fs" || return
	in_map "$device" 'e["by"]["comm"] == "fsfreeze"' || status=1
	fsfreeze -u "$fs"
	not_in_map "$device" && return $status
}

that "a load that is killed while it attaches" killed_when is_attaching
that "... leaves the old programs at work" sees_freezes
expect 0 "... and the next load has only to tidy up" freezectl observer load --json
that "... and does" json 'd["already"]'
that "... " test "$(ls /sys/fs/bpf)" = freezeguard
that "... no program is left of it" within 5000 programs_are "$loaded"
# As one that was killed when the new programs had taken over: "about" ends with whether all is done.
bpftool map lookup pinned $pins/about key 0 0 0 0 -j >"$scratch/about.json"
read -ra value < <(ask "$scratch/about.json" '" ".join(d["value"][:-8] + ["0"] * 8)' | tr -d "'")
bpftool map update pinned $pins/about key 0 0 0 0 value "${value[@]}"
mkdir -p $pins-old/links
that "new programs have taken over, and are at work" sees_freezes
expect 0 "... and the next load does all of it again" freezectl observer load --json
that "... " json 'd["replaced"] and not d["dropped"]'
that "... and tidies up" test "$(ls /sys/fs/bpf)" = freezeguard
that "... no program is left of it either" within 5000 programs_are "$loaded"
# As one that was killed between the steps of taking over, which are too short to be hit.
mv $pins $pins-old
expect 0 "the old set has made way for none" freezectl observer load --json
that "... and gets its name back" json 'd["already"]'
that "... and is at work" sees_freezes
bpftool map update pinned $pins/gate key 0 0 0 0 value 1 0 0 0 0 0 0 0
that "with the gate shut no freeze is seen" eval '! sees_freezes'
expect 0 "the new set is not at work yet" freezectl observer load --json
that "... and is let" json 'd["already"]'
that "... " sees_freezes
# As one that was killed while it pinned: links that nobody else holds.
mkdir -p $pins-new/links && mv $pins/links/* $pins-new/links/ && mv $pins/about $pins-new/
expect 0 "unload" freezectl observer unload
that "nothing is left of a load that was killed either" within 5000 nothing_left

# ---- who may, and where ----

expect 1 "a user" setpriv --reuid 65534 --regid 65534 --clear-groups freezectl observer load
says "... is told which capability is missing" CAP_SYS_ADMIN root
expect 1 "root without the capability" setpriv --bounding-set -sys_admin --inh-caps -sys_admin \
	freezectl observer load
says "... is told as well" CAP_SYS_ADMIN
mkdir $pins && chown 65534 $pins
expect 1 "a folder that a user made in its place" freezectl observer load
says "... is told" "user 65534" "remove it"
expect 0 "... is no observer" freezectl status --prometheus
says "... for nobody" "freezeguard_observer_loaded 0"
rmdir $pins
umount /sys/fs/bpf
expect 206 "without a BPF filesystem" freezectl observer load
says "... the command that mounts it is told" "mount -t bpf bpf /sys/fs/bpf"
mount -t bpf -o ro bpf /sys/fs/bpf
expect 206 "a BPF filesystem that is read-only" freezectl observer load
says "... is told" "read-only" "remount,rw"
mount -o remount,rw /sys/fs/bpf
expect 206 "without the kernel's BTF" unshare -m sh -c \
	'mount -t tmpfs tmpfs /sys/kernel/btf && freezectl observer load'
says "... is told" /sys/kernel/btf/vmlinux CONFIG_DEBUG_INFO_BTF
that "no failed load left anything" nothing_left
