# SPDX-License-Identifier: GPL-2.0-only
# What a caller may have done to its streams, signals, limits and mounts: the answer stays true, and
# nothing stays frozen that nobody knows of.
# shellcheck disable=SC2016 # the commands of other shells
# shellcheck source=tests/cli/lib.sh
. ./lib.sh
plan 43

make_fs ext4
fs=${mounted[ext4]}
export fs

# ---- streams ----

expect 201 "standard output is closed: nobody would know of the lease" \
	sh -c 'freezectl freeze --timeout 20s "$fs" >&-'
says "... says so" "could not be written"
that "... nothing is frozen" unfrozen "$fs"
expect 0 "standard error is closed, and not needed" sh -c 'freezectl freeze --id quiet --timeout 20s "$fs" 2>&-'
expect 0 "standard input is closed" sh -c 'freezectl thaw --id quiet <&-'
expect 201 "a full disk" sh -c 'freezectl freeze --json --timeout 20s "$fs" >/dev/full'
that "... nothing is frozen" unfrozen "$fs"
expect 204 "a full disk does not hide what is wrong" sh -c \
	'fsfreeze -f "$fs"; freezectl freeze --json "$fs" >/dev/full; code=$?; fsfreeze -u "$fs"; exit $code'
says "... and it is told" "already frozen" "No space left"

mkdir "$fs/upper" "$fs/work" "$scratch/lower" "$scratch/overlay"
mount -t overlay -o "lowerdir=$scratch/lower,upperdir=$fs/upper,workdir=$fs/work" overlay "$scratch/overlay"
mounted[overlay]=$scratch/overlay
overlay=$scratch/overlay
export overlay
expect 1 "standard output on an overlay that lies on the filesystem" \
	sh -c 'freezectl freeze --timeout 5s "$fs" >"$overlay/out"'
says "... says so" "standard output" "$fs"
cp /usr/bin/true "$overlay/program"
expect 1 "a command on such an overlay" freezectl run --timeout 5s "$fs" -- "$overlay/program"
says "... says so" "$overlay/program" "$fs"
umount "$overlay"
unset "mounted[overlay]"

# ---- run ----

cat >"$scratch/ignore.py" <<'END'
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execvp(sys.argv[1], sys.argv[1:])
END
began=$EPOCHSECONDS
expect 7 "run by a program that ignores SIGCHLD" \
	python3 "$scratch/ignore.py" freezectl run --timeout 20s "$fs" -- sh -c 'exit 7'
that "... ends with its command" test $((EPOCHSECONDS - began)) -lt 10
expect 1 "run of a directory" freezectl run --timeout 5s "$fs" -- /tmp
says "... says so" "/tmp: cannot be run"
expect 1 "run of nothing" freezectl run --timeout 5s "$fs" -- ""
printf '#!/no/such/interpreter\n' >"$scratch/script"
chmod +x "$scratch/script"
expect 1 "run of a script without its interpreter" freezectl run --timeout 5s "$fs" -- "$scratch/script"
says "... says so" "/no/such/interpreter"
out=$(freezectl run --json --timeout 20s "$fs" -- sh -c 'echo noise; exit 9' 2>"$scratch/err")
that "run --json: standard output is the document" json 'd["command_status"] == 9 and d["code"] == 9'
that "... and the command's output is on standard error" grep -qx noise "$scratch/err"

# ---- monitor ----

expect 0 "monitor --json without events" freezectl monitor --json --timeout 300ms
that "... says that the observer is not loaded, and nothing else" \
	json 'd["what"] == "observer" and d["state"] == "missing"'
freezectl freeze --id seen --timeout 20s "$fs" >/dev/null
expect 0 "monitor --json with a live lease" freezectl monitor --json --timeout 300ms
that "... is one line more" test "$(wc -l <<<"$out")" -eq 2
freezectl thaw --id seen >/dev/null

# ---- how many ended how ----

ended() {
	cat "/sys/module/freezeguard/leases_ended/$1"
}

# More than are remembered.
thawed=$(ended thawed) expired=$(ended expired)
history=$(cat /sys/module/freezeguard/parameters/history)
echo 1 >/sys/module/freezeguard/parameters/history
for _ in 1 2 3; do
	freezectl run --timeout 20s "$fs" -- true >/dev/null 2>&1
done
echo "$history" >/sys/module/freezeguard/parameters/history
that "three more leases ended by a thaw" test "$(ended thawed)" -eq $((thawed + 3))
freezectl freeze --id late --timeout 100ms "$fs" >/dev/null
that "one more by its deadline" within 5000 eval '[ "$(ended expired)" -eq $((expired + 1)) ]'
expect 0 "status --prometheus" freezectl status --prometheus
says "... has these" "freezeguard_leases_ended_total{state=\"thawed\"} $((thawed + 3))" \
	"freezeguard_leases_ended_total{state=\"expired\"} $((expired + 1))"
that "... and Prometheus' own parser reads it" "$top/tests/unit/metrics.py" "$top/Documentation/observing.md" <<<"$out"

# ---- who ----

user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
chmod 755 "$scratch"
freezectl freeze --id roots --timeout 20s "$fs" >/dev/null
expect 1 "thaw --all by a user who may not see the leases" "${user[@]}" freezectl thaw --all --force
says "... says what it does not know" "root"
that "... still frozen" frozen "$fs"
freezectl thaw --id roots >/dev/null
expect 201 "without CAP_IPC_LOCK" setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock \
	prlimit --memlock=65536:65536 freezectl freeze "$fs"
says "... says what it takes" "CAP_IPC_LOCK" "ulimit -l"

# ---- what is missing ----

truncate -s 32M "$fs/inner.img" && mkfs.ext4 -q "$fs/inner.img" && mkdir "$scratch/inner"
mount -o loop "$fs/inner.img" "$scratch/inner" || exit 99
mounted[inner]=$scratch/inner
inner=$scratch/inner
export inner
expect 0 "a stack without sysfs: the plan" unshare -m sh -c 'mount -t tmpfs none /sys; freezectl plan "$fs" "$inner"'
says "... warns" "/sys/dev/block: cannot be read"
expect 0 "one filesystem without sysfs" unshare -m sh -c 'mount -t tmpfs none /sys; freezectl freeze --id one --timeout 20s "$fs"'
expect 0 "... and its thaw" freezectl thaw --id one
umount "$scratch/inner"
unset "mounted[inner]"

expect 1 "a directory of a filesystem that was unmounted lazily" unshare -m sh -c \
	'cd "$fs" && umount -l "$fs" && freezectl freeze --timeout 5s .'
says "... says so" "unmounted lazily"
that "nothing is frozen at the end" unfrozen "$fs"
