# hr-migrate without a server: its options, its refusals, its messages.

load ../lib

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

NOWHERE="host=/nonexistent user=u dbname=x"
ALL=(verify --from "$NOWHERE" --to "$NOWHERE" -P p --tenant-column t)

# misused PATTERN ARG...: 64, one error, the usage, nothing on stdout.
misused() {
	local pattern=$1

	shift
	run -64 --separate-stderr hr-migrate "$@"
	[ -z "$output" ]
	one_error hr-migrate "$pattern"
	[[ $stderr == *"usage: hr-migrate verify "* ]]
}

@test "what is missing is named" {
	misused "what to do is missing: verify"
	misused "'prove' is not verify" prove
	misused "'more' is not an option" verify more
	misused "--from CONNINFO is missing" verify --to x -P p --tenant-column t
	misused "--to CONNINFO is missing" verify --from x -P p --tenant-column t
	misused "-P PUBLICATION is missing" verify --from x --to x --tenant-column t
	misused "--tenant-column, --tenant-schema or --tenant-database is missing" verify --from x --to x -P p
}

@test "a tenant is known in one way" {
	misused "only one of" "${ALL[@]}" --tenant-schema 's_(.*)'
	misused "only one of" "${ALL[@]}" --tenant-database d
}

@test "values out of their range are misuse" {
	misused "--chunk-rows takes 1 to 1000000, not '0'" "${ALL[@]}" --chunk-rows 0
	misused "--chunk-rows takes 1 to 1000000, not '1000001'" "${ALL[@]}" --chunk-rows 1000001
	misused "--timeout takes 0 to 86400 seconds, not '86401'" "${ALL[@]}" --timeout 86401
	misused "--timeout takes 0 to 86400 seconds, not '1s'" "${ALL[@]}" --timeout 1s
	misused "--tenant: a name has 1 to 255 bytes" "${ALL[@]}" --tenant ''
	misused "--tenant: a name has 1 to 255 bytes" "${ALL[@]}" --tenant "$(printf '%256s' x)"
	misused "--log-format takes text or json, not 'xml'" "${ALL[@]}" --log-format xml
}

@test "values in their range are taken, and a server that is not there is 75" {
	local option

	for option in "--chunk-rows 1" "--chunk-rows 1000000" "--timeout 0" "--timeout 86400" "--json" \
	    "--table a.b --table c.d" "--tenant a --tenant b" "-S s" "--log-format text"; do
		# shellcheck disable=SC2086 # words
		run -75 --separate-stderr hr-migrate "${ALL[@]}" $option
		[ -z "$output" ]
		one_error hr-migrate "source: cannot connect: .*; is the server running\?"
	done
}

@test "a file says what the options do not, and an unknown key in it is 78" {
	cat >c.yaml <<-YAML
	name: t
	source: {dbname: "$NOWHERE", slot: s, publication: p}
	target: {dbname: "$NOWHERE"}
	tenancy: {column: t}
	YAML
	run -75 --separate-stderr hr-migrate verify --config c.yaml
	one_error hr-migrate "source: cannot connect"
	echo "x: y" >>c.yaml
	run -78 --separate-stderr hr-migrate verify --config c.yaml
	one_error hr-migrate "c.yaml:5:1: unknown key 'x'"
	run -78 --separate-stderr hr-migrate verify --config none.yaml
	one_error hr-migrate "none.yaml"
}

@test "messages can be JSON" {
	run -75 --separate-stderr hr-migrate "${ALL[@]}" --log-format json
	[ "$(jq -r '.program + " " + .level' <<<"$stderr")" = "hr-migrate error" ]
}
