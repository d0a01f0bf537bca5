# hr-capture without a server: its options, its refusals, its messages.

load ../lib

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# A server that is not there.
NOWHERE="host=/nonexistent user=u dbname=x"
ALL=(-d "$NOWHERE" -S s -P p --tenant-column t)

# misused PATTERN ARG...: 64, one error, the usage, nothing on stdout.
misused() {
	local pattern=$1

	shift
	run -64 --separate-stderr hr-capture "$@"
	[ -z "$output" ]
	one_error hr-capture "$pattern"
	[[ $stderr == *"usage: hr-capture "* ]]
}

config() {
	cat >c.yaml
}

@test "what is missing is named" {
	misused "-d CONNINFO is missing" -S s -P p --tenant-column t
	misused "-S SLOT is missing" -d x -P p --tenant-column t
	misused "-P PUBLICATION is missing" -d x -S s --tenant-column t
	misused "--tenant-column, --tenant-schema or --tenant-database is missing" -d x -S s -P p
	misused "-S SLOT is missing" --drop-slot -d x
	misused "-P PUBLICATION is missing" --check -d x --tenant-column t
	misused "--print-pipeline needs --config" --print-pipeline /state
}

@test "a tenant is known in one way" {
	misused "only one of" -d x -S s -P p --tenant-column t --tenant-schema 's_(.*)'
	misused "only one of" -d x -S s -P p --tenant-schema 's_(.*)' --tenant-database d
}

@test "values out of their range are misuse" {
	misused "-j takes 1 to 64, not '0'" "${ALL[@]}" -j 0
	misused "-j takes 1 to 64, not '65'" "${ALL[@]}" -j 65
	misused "not '2x'" "${ALL[@]}" -j 2x
	misused "-s takes 1 to 3600 seconds, not '0'" "${ALL[@]}" -s 0
	misused "-s takes 1 to 3600 seconds, not '3601'" "${ALL[@]}" -s 3601
	misused "--epoch takes a number from 1, not '0'" "${ALL[@]}" --epoch 0
	misused "--endpos takes an LSN or 'now', not 'later'" "${ALL[@]}" --endpos later
	misused "--spill-max takes a size such as 10GB, not '3x'" "${ALL[@]}" --spill-max 3x
	misused "--ready-fd takes a descriptor, not '-1'" "${ALL[@]}" --ready-fd -1
	misused "--log-format takes text or json, not 'xml'" "${ALL[@]}" --log-format xml
	misused "'more' is not an option" "${ALL[@]}" more
}

@test "values in their range are taken" {
	local option

	for option in "-j 1" "-j 64" "-s 1" "-s 3600" "--epoch 1" "--epoch 9223372036854775807" \
	    "--endpos now" "-E 0/0" "-E FFFFFFFF/FFFFFFFF" "--spill-max 10GB" "--spill-max 3" \
	    "--log-format text" "--create-slot" "--snapshot" "--tenant a --tenant b" -v; do
		# shellcheck disable=SC2086 # an option and its value
		run -75 --separate-stderr hr-capture "${ALL[@]}" $option
		one_error hr-capture "cannot connect"
	done
}

@test "a stream is not written to a terminal" {
	need script
	run -64 script -qec "hr-capture -d x -S s -P p --tenant-column t" /dev/null
	[[ $output == *"the stream is not written to a terminal"* ]]
}

@test "a source that is not there is temporary, and nothing is written" {
	run -75 --separate-stderr hr-capture "${ALL[@]}"
	[ -z "$output" ]
	one_error hr-capture "^hr-capture: error: source: cannot connect: .*; is the server running\?$"
	run -75 --separate-stderr hr-capture --check "${ALL[@]}"
	run -75 --separate-stderr hr-capture --drop-slot -d "$NOWHERE" -S s
}

@test "a connection string that cannot be read is configuration" {
	run -78 --separate-stderr hr-capture -d "nonsense=1" -S s -P p --tenant-column t
	one_error hr-capture "invalid connection option"
}

@test "a regular expression that cannot be read is configuration" {
	run -78 --separate-stderr hr-capture -d "$NOWHERE" -S s -P p --tenant-schema '(x'
	one_error hr-capture "'\(x'"
}

@test "messages are JSON objects when asked for" {
	need jq
	run -75 --separate-stderr hr-capture "${ALL[@]}" --log-format json
	[ "$(jq -r '.program, .level' <<<"$stderr")" = $'hr-capture\nerror' ]
	jq -e '.time and .message and .hint' <<<"$stderr"
}

@test "the file says what the options do not, and they stand above it" {
	config <<-'YAML'
	name: t
	source: {dbname: "host=/in_the_file user=u dbname=x", slot: s, publication: p}
	target: {dbname: "host=/target"}
	tenancy: {column: t}
	YAML
	run -75 --separate-stderr hr-capture --config c.yaml
	one_error hr-capture "/in_the_file"
	run -75 --separate-stderr hr-capture --config c.yaml -d "host=/in_the_option user=u dbname=x"
	one_error hr-capture "/in_the_option"
}

@test "a file with a mistake is configuration, and the place is said" {
	echo "naem: t" | config
	run -78 --separate-stderr hr-capture --config c.yaml
	one_error hr-capture "c.yaml:1:1: unknown key 'naem'; "
	run -78 --separate-stderr hr-capture --config no.yaml
	one_error hr-capture "no.yaml"
}

@test "a checkpoint in a folder that is not there is I/O" {
	run -74 --separate-stderr hr-capture "${ALL[@]}" --checkpoint /nowhere/checkpoint
	one_error hr-capture "/nowhere"
}
