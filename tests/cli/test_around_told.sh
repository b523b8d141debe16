# SPDX-License-Identifier: GPL-2.0-only
# Applications around freeze, run, thaw and complete: what hooks are told, what is printed, which hooks are
# called, and under which ids.
# shellcheck disable=SC2119 # commands without options
# shellcheck source=tests/cli/around.sh
. ./around.sh
plan 69

# ---- what hooks are told, and what is printed ----

fresh
expect 0 "freeze --app" freezectl freeze --app db --id "$id" --timeout 30s "${target[@]}"
says "it says which applications are quiet" "app db: quiet after" "applications quiesced: db" "position=bin.7:42"
that "only that one is called" log_is "db session;"
that "all is frozen, and quiet" frozen "${target[@]}"
expect 0 "a thaw of a path" freezectl thaw "${target[0]}"
says "it shows the applications" "continuity" "app db: released" "applications released: db"
that "to the hook it is a success" log_is "db session;db thaw;"
expect 0 "complete" complete --timeout 7s
says "it shows what the hook said" "db: purged, in 7s" "applications completed: db"
that "the hook is told the id and its notes" log_is "db session;db thaw;db complete $id position=bin.7:42;"
expect 204 "complete again" complete
says "it says when" "204: $id: was already completed at" "no hook was called"
that "no hook was called" log_is "db session;db thaw;db complete $id position=bin.7:42;"

fresh
freeze >/dev/null
expect 0 "thaw --abort" freezectl thaw --abort --json --id "$id"
that "its document has the applications" json '[a["state"] for a in d["sessions"][0]["apps"]] == ["released", "released"] and not d["sessions"][0]["in_time"] and d["sessions"][0]["by"] == "freeze"'
that "to the hooks it is no success" log_is "web freeze;db session;db abort;web thaw;"
expect 205 "complete after that" complete
says "it says why" "not as a success" "no hook was called"

fresh
freeze >/dev/null
freezectl thaw --all --force >/dev/null
that "an emergency's thaw is no success" within 4000 log_is "web freeze;db session;db abort;web thaw;"

fresh
freeze >/dev/null
expect 203 "a thaw that expects another application" freezectl thaw --app cache --id "$id"
says "it names it" "203: cache: was not quiesced for $id"
expect 1 "--app and --apps exclude each other" freezectl thaw --app db --apps --id "$id"
expect 1 "--abort is about no application" freezectl thaw --app db --abort --id "$id"

fresh
expect 0 "freeze --json" freeze --json
that "its document has the applications" json '[(a["name"], a["state"], a["wants_complete"]) for a in d["apps"]] == [("web", "quiet", False), ("db", "quiet", True)] and d["leases"][0]["id"] == "'"$id"'"'
expect 0 "thaw --json" thaw --json
that "... in time" json 'd["sessions"][0]["in_time"] and d["sessions"][0]["completed_ns"] is None and d["leases"][0]["cause"] == "request"'
expect 0 "complete --json" complete --json
that "... has who completed" json '[a["completed_ns"] is not None for a in d["apps"]] == [False, True] and d["apps"][1]["complete_output"].startswith("purged")'
expect 0 "apps --json" freezectl apps --json
that "... remembers it" json 'd["sessions"][0]["completed_ns"] > d["sessions"][0]["released_ns"]'

# ---- run ----

fresh
command=(sh -c "[ -e $scratch/locked ] && echo \$FREEZEGUARD_ID")
expect 0 "run: the command runs while all is quiet" run
says "it says who was released" "applications released: web, db" "$id"
that "to the hooks its success is one" log_is "web freeze;db session;db thaw;web thaw;"
fresh
command=(sh -c 'exit 3')
expect 3 "run: its command fails" run
that "... which is no success" log_is "web freeze;db session;db abort;web thaw;"
fresh
command=(true)
expect 0 "run --json" run --json
that "its document has the applications" json '[a["state"] for a in d["apps"]] == ["released", "released"] and d["command_status"] == 0'
fresh
command=(sleep 20)
expect 203 "run: the deadline" run --timeout 1500ms
that "... is what hooks hear" log_is "web freeze;db session;db deadline;web thaw;"
fresh
command=(sleep 20)
run >/dev/null 2>&1 &
within 8000 frozen "${target[@]}"
expect 0 "run: an administrator thaws" freezectl thaw --id "$id"
wait
that "... which is no success" log_is "web freeze;db session;db abort;web thaw;"
command=(true)

# ---- hooks that are not called ----

fresh
expect 0 "freeze, without a word of applications" freezectl freeze --id "$id" --timeout 30s "${target[@]}"
says "it warns, and names them" "enabled hooks are not called, so these applications are not quiesced: web, db" "--apps"
that "none was called" test ! -e "$log"
expect 0 "... thaw" freezectl thaw --id "$id"
expect 0 "run, without a word" freezectl run "${target[@]}" -- true
says "it warns, too" "are not quiesced: web, db"
expect 0 "run --no-apps" freezectl run --no-apps "${target[@]}" -- true
that "... does not" test "${out#*are not quiesced}" = "$out"
configure '[profile night]' 'app = db' '[profile none]' 'apps = no' '[profile all]' 'apps = yes'
expect 0 "a profile names one" freezectl run --profile night "${target[@]}" -- true
that "... which is called" log_is "db session;db thaw;"
expect 0 "a profile calls none" freezectl run --profile none "${target[@]}" -- true
that "... and nothing is said" test "${out#*are not quiesced}" = "$out"
rm "$log"
expect 0 "a profile calls all" freezectl run --profile all "${target[@]}" -- true
that "... all are" log_is "web freeze;db session;db thaw;web thaw;"

# ---- any id ----

# The last has the longest name that there is.
long=$(printf '@%.0s' {1..63})
for id in . .. history a:b@c+d-e_f "$long"; do
	usual_hooks
	# shellcheck disable=SC2016
	hook 20-db.session 'mkdir -p "$FREEZEGUARD_KEEP" && echo "$FREEZEGUARD_KEEP" >keep.is; echo READY; read -r why'
	expect 0 "the id ${id:0:20}: freeze" freeze
	expect 0 "the id ${id:0:20}: thaw" thaw
done
that "none of them left its directory" test "$(cd "$scratch" && echo run/.[!.c]* keep/.[!.]*)" = "run/.[!.c]* keep/.[!.]*"
that "the history is a file" test -f "$scratch/keep/history"
that "five of them are there" test "$(find "$scratch/keep" -mindepth 2 -name db | wc -l)" -eq 5
