#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Compares the documentation with the code: manual pages, help texts, option tables, completion, README.
# On the host; it needs only build/userspace/freezectl. KTAP on standard output.
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1

freezectl=$PWD/build/userspace/freezectl
man=Documentation/man
overview=$man/freezectl.8
uapi=module/uapi/linux/freezeguard.h
[ -x "$freezectl" ] || { echo "Bail out! $freezectl is not there: make userspace"; exit 1; }
# shellcheck source-path=SCRIPTDIR source=../../userspace/completion/freezectl
. userspace/completion/freezectl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- KTAP ----

# shellcheck source=tests/lib/report.sh
. tests/lib/report.sh

# differ WHAT A WHAT B: how two lists of lines differ, in words; an empty list differs from any
differ() {
	[ -n "$2" ] || echo "nothing was found in $1"
	[ -n "$4" ] || echo "nothing was found in $3"
	comm -23 <(sort -u <<<"$2") <(sort -u <<<"$4") | sed "s|\$| is in $1 and not in $3|"
	comm -13 <(sort -u <<<"$2") <(sort -u <<<"$4") | sed "s|\$| is in $3 and not in $1|"
}

# ---- what the sources say: one thing a line ----

# section NAME FILE...: that section of manual pages
section() {
	local name=$1
	shift
	awk -v name="$name" '$1 == ".Sh" { inside = $0 == ".Sh " name; next } inside' "$@"
}

# The options that a page describes: "--id ID", "--all".
page_options() {
	section OPTIONS "$1" | sed -n 's/^\.It Fl -/--/p' | sed 's/ Ar / /'
}

# The same of a help text.
help_options() {
	sed -n 's/^  \(--[a-z]\)/\1/p' | sed 's/  .*//'
}

# A command line that is spread over lines, and begins with "Usage:" in a help and not in a page.
one_line() { tr -s ' \n' ' ' | sed 's/^ *\(Usage: \)*//; s/ *$//'; }
usage() { sed '/^$/,$d' | one_line; }
synopsis() {
	mandoc -T ascii -O width=1000 "$1" | sed 's/.\x08//g' | sed -n '/^SYNOPSIS/,/^DESCRIPTION/ s/^ //p' | one_line
}

completed() {
	COMP_WORDS=(freezectl "$@")
	COMP_CWORD=$#
	_freezectl
	printf '%s\n' "${COMPREPLY[@]}"
}

no_argument() { sed 's/ .*//'; }
own() { grep -vxE -- '--(json|help)?'; }

help_codes() { sed -n '/^Exit codes:/,$ s/^ *\([0-9][0-9]*\)  .*/\1/p'; }

# ---- the command line ----

subcommands=$("$freezectl" --help | sed -n '/^Subcommands:/,/^$/ s/^  \([a-z]*\)  .*/\1/p')

check_subcommands() {
	local summaries
	summaries=$("$freezectl" --help | sed -nE '/^Subcommands:/,/^$/ s/^  ([a-z]+) +(.*)/\1: \2/p')
	differ "--help" "$subcommands" "the table" \
		"$(grep -oE '&cmd_[a-z]+' userspace/main.c | sed 's/&cmd_//')"
	differ "--help" "$summaries" "the overview" "$(section SUBCOMMANDS $overview |
		sed -nE '/^\.It Xr freezectl-/ { N; s/^\.It Xr freezectl-([a-z]+) 8\n/\1: /p }')"
	differ "--help" "$summaries" "the pages" \
		"$(cat $man/freezectl-*.8 | sed -nE '/^\.Nm freezectl-/ { N; s/^\.Nm freezectl-([a-z]+)\n\.Nd /\1: /p }')"
	differ "--help" "$subcommands" "the completion" "$(completed '' | grep -v '^-')"
}

check_options() {
	local page=$man/freezectl-$1.8 help options option words
	help=$("$freezectl" "$1" --help)
	options=$(help_options <<<"$help" | own)
	differ "--help" "$options" "the page" "$(page_options "$page")"
	differ "--help" "$(no_argument <<<"$options")" "the completion" "$(completed "$1" -- | own)"
	differ "--help" "$(usage <<<"$help")" "the page" "$(synopsis "$page")"
	words=$(usage <<<"$help" | grep -oE '\{[a-z |-]+\}' | tr -s '{}| ' '\n' | grep .)
	[ -z "$words" ] || differ "the usage" "$words" "the completion" "$(completed "$1" '')"
	while IFS= read -r option; do
		usage <<<"$help" | grep -qE -- "(^|[^a-z-])$option([^a-z-]|$)" ||
			echo "$option is in --help and not in its usage"
	done <<<"$options"
}

check_common_options() {
	local help
	help=$("$freezectl" --help | help_options)
	differ "--help" "$help" "the page" "$(page_options $overview)"
	differ "--help" "$help" "the completion" "$(completed '' | grep '^-')"
	for name in $subcommands; do
		differ "--help" "$(grep -vx -- --version <<<"$help")" "the help of $name" \
			"$("$freezectl" "$name" --help | help_options | grep -xE -- '--(json|help)')"
	done
}

# "--timeout default 60s": what is said to be an option's default
help_defaults() {
	awk '/^  --/ { option = $1 } { text = text " " $0 } /^ *--|^$/ { text = $0 }
	option && match(text, /default [0-9][0-9a-z]*/) { print option, substr(text, RSTART, RLENGTH); text = "" }'
}

page_defaults() {
	awk '$1 == ".It" { option = "-" $3 }
	option && match($0, /default [0-9][0-9a-z]*/) { print option, substr($0, RSTART, RLENGTH) }'
}

check_defaults() {
	local name list
	for name in $subcommands; do
		list=$("$freezectl" "$name" --help | help_defaults)
		[ -z "$list" ] || differ "the help of $name" "$list" "the page" \
			"$(section OPTIONS "$man/freezectl-$name.8" | page_defaults)"
	done
}

# A stand-in that lists such things as ids and hooks as the module and freezectl never would: what completes
# them does not rely on that.
make_completed() {
	mkdir "$work/bin"
	cat >"$work/bin/freezectl" <<-'END'
		#!/bin/bash
		ids=('$(touch${IFS}ran)' '`touch${IFS}ran`' lease-1 'a;touch${IFS}ran' '*')
		case $* in
		"apps --json") printf '      "id": "%s",\n' "${ids[@]}" ;;
		"apps") echo "APP KIND"; printf '%s session\n' "${ids[@]}" ;;
		status*) echo "LEASE NUMBER"; printf '%s 7\n' "${ids[@]}"
			echo "FILESYSTEM TYPE"; echo "/data ext4" ;;
		esac
	END
	chmod +x "$work/bin/freezectl"
	# shellcheck disable=SC2016 # not to be expanded
	printf '%s\n' '[default]' '[profile $(touch${IFS}ran)]' ' [profile `touch${IFS}ran`]' '[profile lease-1]' \
		'# [profile none]' '[profile a;touch${IFS}ran]' '[profile *]' '[hook web]' >"$work/conf"
	# shellcheck disable=SC2016
	printf '%s\n' '$(touch${IFS}ran)' '`touch${IFS}ran`' lease-1 'a;touch${IFS}ran' '*' >"$work/ids"
}

check_completed_ids() (
	local candidates option
	make_completed
	cd "$work" || exit
	PATH=$work/bin:$PATH _freezectl_module=$work FREEZEGUARD_CONFIG=$work/conf
	export FREEZEGUARD_CONFIG
	for option in "thaw --id" "extend --id" "status --id" "apps --id" "dlm --app" "dlm --profile" "freeze --profile"; do
		# shellcheck disable=SC2086 # two words
		candidates=$(completed $option '' | tr '\n' ' ')
		[ ! -e ran ] || { echo "the completion of $option ran what is in a name"; exit; }
		differ "what is listed" "$(cat ids)" "what the shell reads of the candidates for $option" \
			"$(eval "printf '%s\n' $candidates")"
		# shellcheck disable=SC2086
		[ "$(completed $option lea)" = lease-1 ] || echo "$option does not complete lease-1"
	done
	for option in "freeze --sync-budget" "run --timeout" "dlm --script-timeout" "thaw --wait"; do
		# shellcheck disable=SC2086
		completed $option '' | grep -qx 10s || echo "$option does not complete a duration"
	done
)

# What status prints of the observer ends the ids: no word of it may be taken for one.
check_observer_lines() {
	local ends
	ends=$(grep -oP '\|PID\|\K[^)]*(?=\) /)' userspace/completion/freezectl)
	[ -n "$ends" ] || echo "the completion does not say which lines end the ids"
	sed -n '/^const char \*observer_why/,/^}/ s/.*return "\(.*\)";/\1/p' userspace/observer/read.c |
		grep -vE "^($ends) " | sed 's/^/the completion takes this for an id: /'
}

# ---- exit codes ----

readme_codes() {
	sed -nE 's/^\| ([0-9]+) \| (.*) \|$/\1 \2/p' README.md
}

page_codes() {
	section "EXIT STATUS" $overview |
		awk '$1 == ".It" { tag = 1; code = $2; next } tag { print code, $0; tag = 0 }'
}

# The first sentence in lower case without its full stop.
plain() { tr '[:upper:]' '[:lower:]' | sed 's/\.$//'; }

check_codes() {
	local name header
	header=$(sed -nE 's/^\tEXIT_CODE_[A-Z_]+\t*= ([0-9]+),/\1/p' userspace/base/findings.h)
	differ findings.h "$header" "--help" "$("$freezectl" --help | help_codes)"
	differ findings.h "$header" "the page" "$(page_codes | no_argument)"
	differ findings.h "$header" "the README" "$(readme_codes | no_argument)"
	for name in $subcommands; do
		differ findings.h "$header" "the help of $name" "$("$freezectl" "$name" --help | help_codes)"
	done
}

check_code_order() {
	local name text=''
	while read -r name; do
		text+="${text:+, }$(sed -nE "s/^\t$name\t*= ([0-9]+),/\1/p" userspace/base/findings.h)"
	done < <(sed -n '/^static const int order/,/^}/ s/^\t\(EXIT_CODE_[A-Z_]*\),/\1/p' userspace/base/findings.c)
	grep -qF "of $text, 2." $overview || echo "the page does not say: $text, 2"
}

# ---- JSON, environment ----

json_keys() {
	grep -ohP 'output_json_add\([^"]*"\K[a-z_]+(?=")' userspace/*/*.c
	grep -q '	add_error(object' userspace/show/lease.c && printf '%s\n' error error_name
	grep -ohP '^\t\t\{ "\K[a-z_]+(?=", "[a-z ]+", (totals->|skipped))' userspace/*/*.c
	grep -ohP '\toutput_json_time\([a-z]+, "\K[a-z_]+' userspace/*/*.c | sed 's/.*/&_ns\n&_time/'
}

check_json() {
	differ "the code" "$(json_keys)" "the page" \
		"$(section JSON $man/*.8 | sed -nE 's/^\.(It )?Li //p' | tr -s ' ,' '\n' | grep -xE '[a-z][a-z_]*')"
}

check_names() {
	local name text
	text=$(section CONTINUITY $man/freezeguard.7; section JSON $man/*.8)
	while read -r name; do
		grep -qw -e "$name" <<<"$text" || echo "the page does not have $name"
	done < <(grep -oP '^\t\t\[FREEZEGUARD_\w+\] = "\K[^"]+' userspace/lib/attrs.c)
}

check_metrics() {
	differ "metrics.c" "$(grep -ohE '"freezeguard_[a-z_]+' userspace/show/metrics.c | tr -d '"')" \
		"the tables of observing.md" \
		"$(sed -nE 's/^\| .(freezeguard_[a-z_]+). \| .*/\1/p' Documentation/observing.md)"
}

check_environment() {
	differ "the code" "$(grep -ohP 'setenv\("\K\w+' userspace/commands/run.c
		awk '$2 == "CONFIG_ENV" { gsub("\"", "", $3); print $3 }' userspace/base/config.h)" "the page" \
		"$(section ENVIRONMENT $man/*.8 | grep -oE 'FREEZEGUARD_[A-Z]+')"
}

# "timeout 60s", "path"; but shipped_dir's default is where it was installed
code_settings() {
	sed -nE '/^const struct config_key/,/^}/ s/^\t\{ "([a-z_]+)", .*, (NULL|"(.*)") \},/\1 \3/p' userspace/base/config.c |
		sed 's/ $//'
}

# The text of each key on one line, without what marks paths and full stops.
page_settings() {
	awk '/^\.Sh KEYS OF \[hook/ { exit } /^\.Sh/ { inside = /KEYS OF/ } !inside { next }
	/^\.It Va/ || /^\.El/ { if (key) print key, value; key = $3; value = ""; text = ""; next }
	key { sub(/^\.Pa /, ""); text = text " " $0; sub(/ \.$/, "", text)
		if (match(text, /default [^ ]+$/)) { value = substr(text, RSTART + 8); sub(/\.$/, "", value) } }' \
		$man/freezeguard.conf.5 | sed 's/ $//'
}

check_settings() {
	differ "config.c" "$(code_settings)" "the page" "$(page_settings)"
}

check_limits() {
	local id holds characters
	id=$(awk '$2 == "FREEZEGUARD_ID_MAX" { print $3 }' $uapi)
	holds=$(awk '$2 == "FREEZEGUARD_HOLDS_MAX" { print $3 }' $uapi)
	characters=$(sed -nE '/FREEZEGUARD_ID_CHARACTERS/,/"$/ s/.*[A-Za-z0-9]([^A-Za-z0-9]+)"$/\1/p' $uapi)
	grep -A 1 "1 to $id letters, digits" $overview | grep -qxF ".Ql $characters ." ||
		echo "$overview does not say that ids have $id characters, letters, digits and $characters"
	grep -q "^$holds filesystems in a lease" $man/freezeguard.7 || echo "freezeguard.7 does not say $holds filesystems"
}

# ---- the module ----

# value EXPRESSION: of numbers and of constants of the uapi header
value() {
	local text=$1 name
	while read -r name; do
		text=${text//$name/$(awk -v name="$name" '$2 == name { print $3 }' $uapi)}
	done < <(grep -oE '[A-Z][A-Z_]+' <<<"$1")
	echo $((text))
}

code_parameters() {
	local name variable text
	while read -r name variable; do
		text=$(sed -nE "s/^(unsigned int|int|bool) $variable = (.*);/\2/p" module/*.c)
		case $text in
		-1) echo "$name 1" ;;	# decided when the module is loaded; 1 on most machines
		true) echo "$name Y" ;;
		false) echo "$name N" ;;
		*) echo "$name $(value "$text")" ;;
		esac
	done < <(sed -nE 's/^module_param_named\((\w+), (\w+),.*/\1 \2/p' module/main.c)
}

described_parameters() {
	awk '/^MODULE_PARM_DESC/ { text = $0; while (text !~ /;$/ && getline > 0) text = text $0; print text }' \
		module/main.c |
		sed -nE 's/^MODULE_PARM_DESC\((\w+),.*\(default[a-z ]* ([0-9YN]+)[,)].*/\1 \2/p'
}

check_parameters() {
	local code names
	code=$(code_parameters)
	names=$(sed -nE '/^module_param_array/d; s/^module_param\w*\((\w+),.*/\1/p' module/main.c)
	differ "main.c" "$names" "the parameters that this test understands" "$(no_argument <<<"$code")"
	differ "the code" "$code" "MODULE_PARM_DESC" "$(described_parameters)"
	differ "the code" "$code" "the page" \
		"$(section PARAMETERS $man/freezeguard.4 | sed -nE 's/^\.It Va (\w+) No \(default (\w+)\)$/\1 \2/p')"
}

# ---- files ----

check_links() {
	local file link
	for file in *.md Documentation/*.md; do
		while IFS= read -r link; do
			case $link in '' | *://* | mailto:*) continue ;; esac
			[ -e "$(dirname "$file")/$link" ] || echo "$file: $link does not exist"
		done < <(grep -oP '\]\(\K[^)#]+' "$file")
	done
}

# A reference to a page of freezeguard's leads to one, and the overview has all of them.
check_references() {
	local name
	grep -ohE '^\.(It )?Xr freez(ectl|eguard)[a-z.-]* [0-9]' $man/* | sed -E 's/.*Xr //' | sort -u |
		while read -r name; do
			[ -e "$man/${name// /.}" ] || echo "$name: there is no such page"
		done
	for name in "${pages[@]##*/}"; do
		[ "$name" = "${overview##*/}" ] || section "SEE ALSO" $overview | grep -q "^\.Xr ${name%.*} ${name##*.}\( ,\|$\)" ||
			echo "$name is not among the overview's SEE ALSO"
	done
}

# The files that HACKING.md sends a reader to, "lib/fgnl.[ch]" being two.
check_named_files() {
	local name
	# shellcheck disable=SC2016 # backticks of Markdown
	grep -oE '`[A-Za-z][^` ]*/[^` ]*`' HACKING.md | tr -d '`' | grep -vE 'NAME|^fg_|\.\.\.' | sort -u | while read -r name; do
		compgen -G "$name" >/dev/null || echo "HACKING.md: $name does not exist"
	done
}

check_install() {
	local name
	make -s -C userspace O="$PWD/build/userspace" -o "$freezectl" DESTDIR="$work" PREFIX=/usr install 2>&1
	{
		echo "sbin/freezectl $freezectl"
		echo "share/bash-completion/completions/freezectl userspace/completion/freezectl"
		for name in "${pages[@]}"; do
			echo "share/man/man${name##*.}/${name##*/} $name"
		done
	} | while read -r name; do
		cmp "${name#* }" "$work/usr/${name% *}" 2>&1
	done
	differ "Documentation/man" "$(ls $man)" "what is installed" \
		"$(find "$work/usr/share/man" -type f -printf '%f\n')"
}

# ---- kernels ----

# The rows of tools/guest/kernels: name, suite, image, sets, suites, what differs
kernel_rows() {
	awk -F ' *[|] *' '
	function quoted(words,	list, n, i, text) {
		n = split(words, list, " ")
		for (i = 1; i <= n; i++)
			if (list[i] != "default")
				text = text (text ? " " : "") "`" list[i] "`"
		return text
	}
	/^[a-z0-9]/ {
		sub(/\+$/, "", $2)
		split($3, packages, " ")
		printf "| `%s` | %s | %s | %s | %s | %s |\n", $1, $2, packages[1], quoted($4), quoted($5), $7
	}' tools/guest/kernels
}

check_kernels() {
	differ tools/guest/kernels "$(kernel_rows)" Documentation/testing.md \
		"$(sed -n '/^| kernel | Debian/,/^$/ p' Documentation/testing.md | tail -n +3 | grep .)"
}

# "--kernel NAME", "KERNELS=NAME", "tests/run cli-NAME": in documents only of the table, elsewhere not by version
check_kernel_names() {
	local names versions suites
	names=$(tools/guest/list)
	versions=$(grep '^[0-9]' <<<"$names" | sed 's/\./\\./g' | paste -sd '|')
	suites=$(sed -nE 's/^[a-z0-9][^|]*\| *([a-z]+).*/\1/p' tools/guest/kernels | sort -u | paste -sd '|')
	grep -noP '(--kernel |\bKERNEL="?|tests/(hostile|sleep)/run |tests/run [a-z]+-)\K[a-z0-9][a-z0-9.]*\b' ./*.md Documentation/*.md |
		while IFS=: read -r file line name; do
			grep -qxF "$name" <<<"$names" || echo "$file:$line: $name is in no row of tools/guest/kernels"
		done
	git grep -nEe "(--kernel |KERNELS?[:?]?=[ \"']*|guest/[a-z-]+ |(cli|kernel|devices|hostile|sleep|observer)-)($versions)\b" \
		-- Makefile .ci tools tests ':!tools/guest/kernels'
	git grep -nwE "$suites" -- Makefile .ci tools tests/run 'tests/*/run' ':!tools/guest/kernels' ':!tools/guest/servers' ':!tests/fresh'
}

# ---- what is generated ----

check_figures() {
	mkdir -p "$work/figures"
	cp Documentation/performance-figures.json "$work/figures/"
	tests/bench/publish.py "$work/figures" 2>&1
	for name in performance-figures.md performance-figures.svg; do
		cmp "Documentation/$name" "$work/figures/$name" 2>&1
	done
}

# A run that is worse than an earlier one is what the table shows; one that is better is not; and one that is
# published anew stands alone.
check_figures_of_runs() {
	first() { awk -F ' [|] ' '/[|]/ && !/figure|---/ { print $11, $14, $15; exit }' "$work/figures/performance-figures.md"; }
	publish() { # publish RATIO OPTION...: a run of the first figure
		python3 - "$work/figures" "$1" <<-'PYTHON' || return
			import json, sys
			figure = json.load(open(sys.argv[1] + "/performance-figures.json"))["figures"][0]
			run = {**figure, **figure["results"][0], "ratio": float(sys.argv[2]), "met": False}
			json.dump({"run": sys.argv[2], "figures": [run]}, open(sys.argv[1] + "/run.json", "w"))
		PYTHON
		tests/bench/publish.py --merge "$work/figures/run.json" "${@:2}" "$work/figures"
		first
	}
	differ "the table" "$(publish 8 --anew; publish 9; publish 0.75)" "what it should have" "$(
		printf '%s\n' "8.00  1 |" "9.00 8.00 to 9.00 1, 2 |" "9.00 0.75 to 9.00 1, 2, 3 |")" 2>&1
}

# ---- all of it ----

pages=(Documentation/man/*)
# shellcheck disable=SC2086 # words
set -- $subcommands
echo "1..$((23 + $# + 2 * ${#pages[@]}))"
report "every subcommand is in the help, the table, the overview and the completion, and has a page" "$(check_subcommands)"
for name in $subcommands; do
	report "$name: its usage and options are the same in the help, the page and the completion" \
		"$(check_options "$name")"
done
report "the options of all subcommands" "$(check_common_options)"
report "the completion runs nothing that an id or a name contains" "$(check_completed_ids)"
report "the completion takes no word about the observer for an id" "$(check_observer_lines)"
report "the defaults of the help are in the page" "$(check_defaults)"
report "the exit codes of help, page and README are those of the code" "$(check_codes)"
report "README and page say the same of each exit code" \
	"$(differ "the README" "$(readme_codes | plain)" "the page" "$(page_codes | plain)")"
report "the page has the order of the exit codes" "$(check_code_order)"
report "every field of the JSON documents is in the pages, and no other" "$(check_json)"
report "every state and cause is in the pages" "$(check_names)"
report "every figure for Prometheus is in observing.md, and no other" "$(check_metrics)"
report "environment variables" "$(check_environment)"
report "the keys of the configuration file and their defaults are in the page" "$(check_settings)"
report "limits" "$(check_limits)"
report "module parameters and their defaults" "$(check_parameters)"
for file in "${pages[@]}"; do
	report "${file##*/} renders without a warning" "$(groff -mdoc -Tascii -ww "$file" 2>&1 >"$work/text")"
	report "${file##*/} is clean for mandoc" "$(mandoc -T lint -W warning "$file" 2>&1)"
done
report "references between the pages" "$(check_references)"
report "the kernels of testing.md are those of tools/guest/kernels" "$(check_kernels)"
report "kernels are named by tools/guest/kernels alone" "$(check_kernel_names)"
report "the table and the picture of figures are those of performance-figures.json" "$(check_figures)"
report "of several runs the table shows the worst, and the range" "$(check_figures_of_runs)"
report "the files that HACKING.md names exist" "$(check_named_files)"
report "links point to files" "$(check_links)"
report "install puts everything in its place" "$(check_install)"
[ $failures -eq 0 ]
