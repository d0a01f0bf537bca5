# ship.bash - an hr-ship in the background, for the tests of it.
# shellcheck shell=bash

# listen NAME [OPTION]...: a receiver on 127.0.0.1, which writes NAME.out and
# NAME.err.
listen() {
	local name=$1

	shift
	rm -f "$name.port"
	timeout 60 hr-ship --listen "${AT:-127.0.0.1:0}" --port-file "$name.port" "$@" \
	    >"$name.out" 2>"$name.err" </dev/null 3>&- &
	echo $! >"$name.pid"
	wait_for 10 test -s "$name.port" || fail "$(cat "$name.err")"
}

# ended NAME STATUS: it has ended with it.
ended() {
	local got=0

	wait "$(cat "$1.pid")" || got=$?
	rm -f "$1.pid"
	[ "$got" = "$2" ] || fail "$1: status $got, not $2" "$(cat "$1.err")"
}
