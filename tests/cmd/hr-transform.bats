# hr-transform: options, statuses, and every stream of tests/stream.

load ../lib

setup() {
	cd "$BATS_TEST_TMPDIR"
}

one=$STREAMS/passed/0010_insert.hrs

@test "-h and --help print the usage and nothing else" {
	run -0 --separate-stderr hr-transform -h
	[ "${lines[0]}" = "usage: hr-transform [-v] [--rules FILE [--key FILE | --key-fd FD] [--dead-letters FILE]" ]
	[ -z "$stderr" ]
	help=$output
	run -0 hr-transform --help
	[ "$output" = "$help" ]
}

@test "--version prints name and version" {
	run -0 hr-transform --version
	[[ $output =~ ^hr-transform\ \(hr\)\ [0-9]+\.[0-9]+ ]]
}

@test "an unknown option and an argument are misuse, and nothing is read" {
	run -64 --separate-stderr hr-transform --rool x <"$one"
	[ -z "$output" ]
	[[ $stderr == *"usage: hr-transform"* ]]
	run -64 --separate-stderr hr-transform stream.hrs <"$one"
	[ "${stderr_lines[0]}" = "hr-transform: error: unexpected argument 'stream.hrs'" ]
	[[ $stderr == *"usage: hr-transform"* ]]
}

@test "what is printed as it came is not written among parked rows" {
	echo 'rules: []' >rules.yaml
	for print in --check --dry-run; do
		run -64 --separate-stderr hr-transform --rules rules.yaml "$print" --dead-letters dead.jsonl <"$one"
		[ "${stderr_lines[0]}" = "hr-transform: error: --check and --dry-run print what would be parked, and take no --dead-letters" ]
		[ ! -e dead.jsonl ]
	done
}

@test "a terminal is refused as input and as output" {
	need script
	run -64 script -qec "hr-transform --dump" /dev/null
	[[ $output == *"hr-transform: error: standard input is a terminal, not a stream; "* ]]
	run -64 script -qec "hr-transform <'$one'" /dev/null
	[[ $output == *"hr-transform: error: standard output is a terminal, and a stream is binary; "* ]]
	run -0 script -qec "hr-transform --dump <'$one'" /dev/null
	[[ $output == *'"frame":"end"'* ]]
}

@test "every stream that is to pass passes byte for byte" {
	for f in "$STREAMS"/passed/*.hrs; do
		hr-transform <"$f" >out || fail "$f: status $?"
		cmp "$f" out
	done
}

@test "every stream that is to pass passes in each of the five sizes" {
	for f in "$STREAMS"/passed/*.hrs; do
		sizes hr-transform <"$f" >out || fail "$f"
		cmp "$f" out
	done
}

@test "--dump prints what is kept beside every stream" {
	for f in "$STREAMS"/passed/*.hrs; do
		hr-transform --dump <"$f" >out || fail "$f: status $?"
		diff -a "${f%.hrs}.txt" out || fail "$f"
	done
}

@test "--dump prints the same in each of the five sizes" {
	sizes hr-transform --dump <"$STREAMS/passed/0031_snapshot.hrs" >out
	cmp out "$STREAMS/passed/0031_snapshot.txt"
}

@test "each line of --dump is one JSON object" {
	need jq
	for f in "$STREAMS"/passed/*.txt; do
		[ "$(jq -c 'type' "$f" | sort -u)" = '"object"' ] || fail "$f"
		[ "$(jq -c . "$f" | wc -l)" = "$(wc -l <"$f")" ] || fail "$f"
	done
}

@test "--dump can be asked with jq" {
	need jq
	hr-transform --dump <"$STREAMS/passed/0021_split_transaction.hrs" >out
	run -0 jq -r 'select(.op == "insert" and .tenant == "acme") | .new.id' out
	[ "$output" = $'1\n2' ]
}

@test "every stream that is to fail is refused with the line kept beside it" {
	for f in "$STREAMS"/failed/*.hrs; do
		run -65 --separate-stderr hr-transform --dump <"$f"
		[ "$stderr" = "$(cat "${f%.hrs}.err")" ] || fail "$f:" "$stderr"
		one_error hr-transform .
	done
}

@test "without --dump it refuses the same, but does not open payloads" {
	for f in "$STREAMS"/failed/*.hrs; do
		if [[ ${f##*/} > 05 ]]; then
			hr-transform <"$f" >out || fail "$f: status $?"
			cmp "$f" out
			continue
		fi
		run -65 --separate-stderr hr-transform <"$f"
		[ "$stderr" = "$(cat "${f%.hrs}.err")" ] || fail "$f:" "$stderr"
	done
}

@test "a stream cut at any frame has no end frame behind it either" {
	head -c 530 "$one" >cut
	run -65 --separate-stderr bash -c 'hr-transform <cut >out'
	[ "$stderr" = "hr-transform: error: stream ended after frame 3 without an end frame; was the sender killed?" ]
	run -65 --separate-stderr hr-transform --dump <out
	[ "$stderr" = "hr-transform: error: stream ended after frame 3 without an end frame; was the sender killed?" ]
}

@test "what came before the damage is printed" {
	run -65 --separate-stderr hr-transform --dump <"$STREAMS/failed/0007_cut_payload.hrs"
	[ "$output" = "$(head -n -1 "$STREAMS/passed/0010_insert.txt")" ]
}

@test "a frame goes on at once, though no other follows" {
	mkfifo in
	hr-transform <in >out 3>&- &
	pid=$!
	exec 4>in
	head -c 530 "$one" >&4
	wait_for 5 test -s out
	hr-transform --dump <out >lines 2>/dev/null || true
	grep -q '"op":"commit"' lines
	tail -c +531 "$one" >&4
	exec 4>&-
	wait "$pid"
	cmp "$one" out
}

@test "so do the lines of --dump" {
	mkfifo in
	hr-transform --dump <in >out 3>&- &
	pid=$!
	exec 4>in
	head -c 530 "$one" >&4
	wait_for 5 grep -q '"op":"commit"' out
	tail -c +531 "$one" >&4
	exec 4>&-
	wait "$pid"
	cmp "$STREAMS/passed/0010_insert.txt" out
}

@test "the end frame ends it, though the sender stays" {
	mkfifo in
	hr-transform <in >out 3>&- &
	pid=$!
	exec 4>in
	cat "$one" >&4
	wait "$pid"
	exec 4>&-
	cmp "$one" out
}

@test "a reader that has gone kills it by SIGPIPE" {
	run -141 bash -o pipefail -c "{ sleep 0.3; cat '$one'; } | hr-transform --dump | true"
	run -141 bash -o pipefail -c "{ sleep 0.3; cat '$one'; } | hr-transform | true"
}

@test "output that cannot be written is not status 0" {
	[ -w /dev/full ] || skip "no /dev/full"
	run -74 --separate-stderr bash -c "hr-transform <'$one' >/dev/full"
	one_error hr-transform 'No space left on device'
	run -74 --separate-stderr bash -c "hr-transform --dump <'$one' >/dev/full"
	one_error hr-transform 'No space left on device'
}

@test "input that cannot be read is status 74" {
	run -74 --separate-stderr hr-transform </
	[ "$stderr" = "hr-transform: error: cannot read the stream: Is a directory" ]
	run -74 --separate-stderr bash -c "hr-transform <&-"
	one_error hr-transform 'cannot read the stream: Bad file descriptor'
}

@test "-v says what passed, on stderr" {
	run -0 --separate-stderr bash -c "hr-transform -v <'$one' >out"
	[ "$stderr" = "hr-transform: note: 4 frames, 563 bytes" ]
	cmp "$one" out
}
