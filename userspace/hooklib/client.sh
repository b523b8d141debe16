# shellcheck shell=bash disable=SC2034 # variables for the files that source this
# SPDX-License-Identifier: GPL-2.0-only
# A database client that one hook keeps open for the whole freeze. Sourced by the session hooks, whose
# contract is in Documentation/hooks.md.
#
# The client reads statements on its standard input and answers each at once, unbuffered. After every
# statement it is asked for a word of ours, so that the end of an answer is known.

not_ready=75	# EX_TEMPFAIL
begun=$SECONDS
ends=END-OF-$$-$RANDOM
asked=0
client_over=
trap '' PIPE	# a client that is gone is an error of client_send()

# client_open COMMAND...: it has no group of its own, so that it ends with the hook's
client_open() {
	coproc client { exec "$@" 2>&1; }
	# shellcheck disable=SC2154 # coproc's
	client_pid=${client_PID:-}	# which is unset when it has ended
	[ -n "$client_pid" ] || { echo "$1 ended at once"; exit 1; }
	exec {client_in}>&"${client[1]}"- {client_out}<&"${client[0]}"-
}

# One that dies closes its pipes some time before it is gone, so that the end of its answers tells as well.
client_gone() {
	[ -n "$client_over" ] || ! kill -0 "$client_pid" 2>/dev/null
}

client_send() {
	asked=$((asked + 1))
	{ printf '%s\n' "$1" "SELECT '$ends-$asked';" >&"$client_in"; } 2>/dev/null && return
	client_over=1
	return 1
}

# client_ask SECONDS STATEMENT: its answer is $answer. Fails if the client is gone, or takes longer.
client_ask() {
	local line status until=$((SECONDS + $1))
	answer=
	client_send "$2" || return
	while :; do
		IFS= read -r -t "$((until > SECONDS ? until - SECONDS : 1))" -u "$client_out" line
		status=$?
		[ $status -eq 0 ] || break
		case $line in
		"$ends-$asked") return 0 ;;
		"$ends"*) answer=; continue ;;	# of what nobody waited for
		esac
		answer+=${answer:+$'\n'}$line
	done
	# over 128: nothing came in time
	[ $status -gt 128 ] || client_over=1
	return 1
}

# client_wait FUNCTION: until the line comes that ends the session, which is $why, and nothing if the
# supervisor is gone; 1 if the client's session with the server ends before that. FUNCTION makes a
# statement, one without an answer, of the number of seconds after which the server is to end the session
# by itself. It is asked every second, to see that the server is still there. No reply is no loss: it may
# take something that waits for the thaw.
client_wait() {
	local line left waits=
	why=
	while :; do
		left=$((${FREEZEGUARD_LIMIT:-60} - SECONDS + begun))
		[ "$left" -gt 0 ] || return 0
		IFS= read -r -t 1 why
		# over 128: nothing came; else a line, or the end
		[ $? -gt 128 ] || return 0
		client_gone && return 1
		# Whether there is something, and then the whole line: bash reads it byte by byte, and what
		# it has read when its time is up is gone.
		while read -r -t 0 -u "$client_out"; do
			IFS= read -r -t 5 -u "$client_out" line || return 1
			[ "$line" = "$ends-$asked" ] || { echo "$line"; return 1; }
			waits=
		done
		[ -z "$waits" ] || continue
		client_send "$("$1" "$left")" || return
		waits=1
	done
}

# How it ends does not matter: its session is over, and with it whatever it held.
client_close() {
	exec {client_in}>&-
	wait "$client_pid" || :
}

# lost WHY: the application was not quiet all the time. It goes on by itself, so that this is success, also
# if the thaw has come meanwhile.
lost() {
	echo "LOST $1"
	exit 0
}
