# hr-apply without a server: its options, its refusals, and streams that it
# reads without writing.

load ../lib

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

NOWHERE="host=/nonexistent user=u dbname=x"
ONE=$STREAMS/passed/0010_insert.hrs

# misused PATTERN ARG...: 64, one error, the usage, nothing on stdout.
misused() {
	local pattern=$1

	shift
	run -64 --separate-stderr hr-apply "$@" <"$ONE"
	[ -z "$output" ]
	one_error hr-apply "$pattern"
	[[ $stderr == *"usage: hr-apply "* ]]
}

@test "what is missing is named" {
	misused "-d CONNINFO is missing"
	misused "-d CONNINFO is missing" --retry
}

@test "values out of their range are misuse" {
	misused "-j takes 1 to 64, not '0'" -d x -j 0
	misused "-j takes 1 to 64, not '65'" -d x -j 65
	misused "--batch-rows takes 1 to 100000, not '0'" -d x --batch-rows 0
	misused "--batch-rows takes 1 to 100000, not '100001'" -d x --batch-rows 100001
	misused "--ddl takes none, add or all, not 'some'" -d x --ddl some
	misused "--synchronous-commit takes on or off, not 'local'" -d x --synchronous-commit local
	misused "--ready-fd takes a descriptor, not 'x'" -d x --ready-fd x
	misused "--log-format takes text or json, not 'xml'" -d x --log-format xml
	misused "'more' is not an option" -d x more
}

@test "a stream is not read from a terminal" {
	need script
	run -64 script -qec "hr-apply -d x" /dev/null
	[[ $output == *"the stream is not read from a terminal"* ]]
}

@test "a dry run takes every good stream, and asks no server" {
	local file

	for file in "$STREAMS"/passed/*.hrs; do
		run -0 --separate-stderr hr-apply -n -d "$NOWHERE" <"$file"
		[ -z "$output$stderr" ]
	done
	run -0 --separate-stderr hr-apply --dry-run -v <"$ONE"
	[ "$stderr" = "hr-apply: note: 4 frames with 3 items would be applied" ]
}

@test "a dry run refuses frames that are cut, damaged or out of place" {
	local file

	for file in "$STREAMS"/failed/0[0-4]*.hrs; do
		run -65 --separate-stderr hr-apply -n <"$file"
		[ -z "$output" ]
		one_error hr-apply ""
		[ "${stderr#hr-apply}" = "$(sed 's/^hr-transform//' "${file%.hrs}.err")" ]
	done
}

@test "a stream in pieces of a byte is the same stream" {
	run -0 bash -c "set -o pipefail; dd if='$ONE' bs=1 status=none | hr-apply -n"
}

@test "a bad stream is said before a bad connection string" {
	run -65 --separate-stderr hr-apply -d "nonsense=1" <"$STREAMS/failed/0003_bad_magic.hrs"
	one_error hr-apply "the input is not an hr stream"
	run -65 --separate-stderr hr-apply -d "$NOWHERE" </dev/null
	one_error hr-apply "the input is empty"
	run -78 --separate-stderr hr-apply -d "nonsense=1" <"$ONE"
	one_error hr-apply "invalid connection option"
}

@test "a target that is not there is temporary" {
	run -75 --separate-stderr hr-apply -d "$NOWHERE" <"$ONE"
	[ -z "$output" ]
	one_error hr-apply "^hr-apply: error: target: cannot connect: .*; is the server running\?$"
	run -75 --separate-stderr hr-apply --retry -d "$NOWHERE"
	one_error hr-apply "cannot connect"
}

@test "the file says what the options do not, and they stand above it" {
	cat >c.yaml <<-'YAML'
	name: t
	source: {dbname: "host=/source", slot: s, publication: p}
	target: {dbname: "host=/in_the_file user=u dbname=x"}
	tenancy: {column: t}
	YAML
	run -75 --separate-stderr hr-apply --config c.yaml <"$ONE"
	one_error hr-apply "/in_the_file"
	run -75 --separate-stderr hr-apply --config c.yaml -d "host=/in_the_option user=u dbname=x" <"$ONE"
	one_error hr-apply "/in_the_option"
	echo "more: 1" >>c.yaml
	run -78 --separate-stderr hr-apply --config c.yaml <"$ONE"
	one_error hr-apply "c.yaml:5:1: unknown key 'more'"
}

@test "an input that cannot be read is I/O" {
	run -74 --separate-stderr hr-apply -n <.
	one_error hr-apply ""
}
