# SPDX-License-Identifier: GPL-2.0-only
# Callers with unusual streams, signals and commands: the answer stays true, and nothing stays frozen
# without a report.
# On one kernel: it is about what freezectl does with what it was given.
# shellcheck disable=SC2016 # the commands of other shells
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 27

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
make_testfs stuck
export stuck=${mounted[stuck]}
echo hang >"$(control stuck)/thaw"
expect 201 "a full disk, and a thaw that hangs" sh -c 'freezectl freeze --timeout 20s "$stuck" >/dev/full'
says "... says that the filesystem is still frozen" "$stuck" "thaw"
that "... which it is" frozen "$stuck"
echo ok >"$(control stuck)/thaw"
echo 1 >"$(control stuck)/release"
that "... until the thaw returns" within 2000 unfrozen "$stuck"
expect 204 "a full disk does not hide what is wrong" sh -c \
	'fsfreeze -f "$fs"; freezectl freeze --json "$fs" >/dev/full; code=$?; fsfreeze -u "$fs"; exit $code'
says "... and it is told" "already frozen" "No space left"

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
that "nothing is frozen at the end" unfrozen "$fs"
