# lib.bash - what every test file loads: load ../lib
# shellcheck shell=bash disable=SC2154 # status, stderr: bats' own

bats_require_minimum_version 1.5.0

ROOT=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
STREAMS=$ROOT/tests/stream
PATH=${HR_BIN:-${O:-$ROOT/.build}/bin}:$PATH
export ROOT STREAMS PATH LC_ALL=C TZ=UTC
# Nothing of the caller's reaches the tools: no server, password or state.
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGPASSFILE PGSERVICE \
    PGSERVICEFILE PGOPTIONS PGAPPNAME PGSSLMODE PGTZ PGDATESTYLE PGCLIENTENCODING \
    HR_STATE XDG_STATE_HOME

fail() {
	printf '%s\n' "$@" >&2
	return 1
}

# need COMMAND: skip without it; a failure where everything has to be there.
need() {
	command -v "$1" >/dev/null && return
	[ -z "${HR_TEST_STRICT:-}" ] || fail "$1 is missing"
	skip "$1 is missing"
}

# one_error PROGRAM PATTERN [FILE]: of the messages (a file, or $stderr) just
# one is an error, it is PROGRAM's, in the form that all errors have, and
# matches the extended regular expression.
one_error() {
	local said lines form="^$1: error: [^[:cntrl:]]*([^.[:cntrl:]]|[.][.][.])\$"

	if [ $# -gt 2 ]; then said=$(cat "$3"); else said=$stderr; fi
	lines=$(grep -E '^[a-z-]+: error: ' <<<"$said") ||
	    { fail "no error line, but:" "$said"; return 1; }
	[ "$(wc -l <<<"$lines")" = 1 ] ||
	    { fail "more than one error:" "$said"; return 1; }
	[[ $lines =~ $form ]] ||
	    { fail "not in the form of an error of $1:" "$lines"; return 1; }
	[[ $lines =~ $2 ]] || { fail "not '$2':" "$lines"; return 1; }
}

# sizes COMMAND...: stdin through the command in the five sizes.  Input and
# output all at once, a byte at a time, and input cut by one byte, which has to
# be refused.  The output goes to stdout once, and is the same each time.
sizes() {
	local dir status=0

	dir=$(mktemp -d)
	cat >"$dir/in"
	"$@" <"$dir/in" >"$dir/whole" || fail "all at once: status $?" || status=1
	dd if="$dir/in" bs=1 status=none | "$@" >"$dir/out"
	cmp "$dir/whole" "$dir/out" || fail "one byte in" || status=1
	"$@" <"$dir/in" | dd bs=1 status=none >"$dir/out"
	cmp "$dir/whole" "$dir/out" || fail "one byte out" || status=1
	dd if="$dir/in" bs=1 status=none | "$@" | dd bs=1 status=none >"$dir/out"
	cmp "$dir/whole" "$dir/out" || fail "one byte both" || status=1
	! head -c -1 "$dir/in" | "$@" >"$dir/out" 2>/dev/null ||
	    fail "cut by one byte: taken" || status=1
	cat "$dir/whole"
	rm -rf "$dir"
	return $status
}

# free_port: one on which nobody listens now.
free_port() {
	local port

	while :; do
		port=$((20000 + RANDOM % 12000))
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
	local limit=$1 end=$((SECONDS + $1 + 1))

	shift
	while [ $SECONDS -lt $end ]; do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	fail "still not after $limit s: $*"
}
