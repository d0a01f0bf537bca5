# hr-checkpoint: its commands, messages and statuses.  No server.

load ../lib

setup() {
	mkdir "$BATS_TEST_TMPDIR/here" && cd "$BATS_TEST_TMPDIR/here" || return
	cp "$ROOT/tests/fuzz/corpus/state_checkpoint/two_tenants" ck
}

# The example in the page, a literal block after the words.
page_example() {
	sed -n '/^The gaps are tabs/,/^\.Ed/{/^hr /,/^end /p}' "$ROOT/man/hr-checkpoint.5"
}

@test "the example in the page is a checkpoint" {
	page_example >page
	cmp page ck
	run -0 --separate-stderr hr-checkpoint get page
	[ "$output" = 0/16B3748 ]
}

@test "the shortest checkpoint in the page is one" {
	sed -n '/^The shortest one is/,/^\.Ed/{/^hr /,/^end /p}' "$ROOT/man/hr-checkpoint.5" >page
	[ "$(wc -l <page)" = 2 ]
	run -0 --separate-stderr hr-checkpoint get page
	[ "$output" = 0/0 ]
}

@test "show prints the head and an aligned table" {
	run -0 --separate-stderr hr-checkpoint show ck
	[ -z "$stderr" ]
	sed -E 's/, [0-9]+ (s|min|h|days) ago$/, AGE ago/' <<<"$output" >got
	diff - got <<-'END'
	stream        hr_shop
	database      shop
	system        7301234567890123456, timeline 1
	epoch         3
	state         streaming
	lsn           0/16B3748
	last commit   2026-01-31T09:10:11.123456Z, AGE ago
	written       2026-01-31T09:10:11.130227Z, AGE ago
	rows          1042
	bytes         88210
	transactions  97
	tenants       2, 1 parked

	TENANT  STATE      LSN        LAST COMMIT                  ROWS  BYTES  REASON
	acme    streaming  0/16B3748  2026-01-31T09:10:11.123456Z  1000  84000
	globex  parked     0/16B1200  2026-01-31T09:09:58.004100Z    42   4210  column 'vat' of 'public.orders' is not in the target
	END
}

@test "show narrows to a tenant, and says so when there is none of the name" {
	run -0 --separate-stderr hr-checkpoint show ck --tenant globex
	[ "${#lines[@]}" = 14 ]
	[[ "${lines[13]}" = "globex  parked "* ]]
	run -78 --separate-stderr hr-checkpoint show ck --tenant initech
	[ -z "$output" ]
	[ "$stderr" = "hr-checkpoint: error: tenant 'initech' is not in checkpoint 'ck'; hr-checkpoint show lists those that are" ]
}

@test "an empty checkpoint has no table" {
	cp "$ROOT/tests/fuzz/corpus/state_checkpoint/empty_head" none
	run -0 --separate-stderr hr-checkpoint show none
	[ "${lines[0]}" = "stream        -" ]
	[ "${lines[-1]}" = "tenants       0" ]
	run -0 hr-checkpoint show none --json
	need jq
	jq -e '.tenants == [] and .age_seconds == null and .stream == null' <<<"$output"
}

@test "control characters do not reach the terminal" {
	cp "$ROOT/tests/fuzz/corpus/state_checkpoint/escapes" esc
	hr-checkpoint show esc >got
	run ! grep -q '[[:cntrl:]]' got
	grep -qF 'database      a\tb\nc\\d\x01\x7f' got
}

@test "show --json and export are JSON, export with all that is in the file" {
	need jq
	run -0 --separate-stderr hr-checkpoint show ck --json
	[ "$(jq -c '[.stream, .system, .lsn, .rows, (.age_seconds > 0)]' <<<"$output")" = \
	    '["hr_shop","7301234567890123456","0/16B3748",1042,true]' ]
	[ "$(jq -c '.tenants[1] | [.tenant, .state, .lsn, .xid, .reason, .tables]' <<<"$output")" = \
	    '["globex","parked","0/16B1200",739,"column '\''vat'\'' of '\''public.orders'\'' is not in the target",null]' ]
	run -0 hr-checkpoint show ck --json --tenant acme
	[ "$(jq -c '[.tenants[].tenant]' <<<"$output")" = '["acme"]' ]
	run -0 --separate-stderr hr-checkpoint export ck
	[ "$(jq -c '.tenants[0].tables' <<<"$output")" = \
	    '[{"table":"public.orders","lsn":"0/16B3748"},{"table":"public.users","lsn":"0/16A0098"}]' ]
	cp "$ROOT/tests/fuzz/corpus/state_checkpoint/escapes" esc
	hr-checkpoint export esc | jq -e '.tenants[1] | .tenant == "\t" and .tables[0].table == "x\\y"'
}

@test "get prints the position alone" {
	run -0 --separate-stderr hr-checkpoint get ck
	[ "$output" = 0/16B3748 ]
	run -0 --separate-stderr hr-checkpoint get ck --tenant globex
	[ "$output" = 0/16B1200 ]
	run -0 --separate-stderr hr-checkpoint get ck --json --tenant globex
	[ "$output" = '{"stream": "hr_shop", "tenant": "globex", "state": "parked", "lsn": "0/16B1200"}' ]
	run -0 --separate-stderr hr-checkpoint get --json ck
	[ "$output" = '{"stream": "hr_shop", "state": "streaming", "lsn": "0/16B3748"}' ]
	run -78 --separate-stderr hr-checkpoint get ck --tenant initech
	[ -z "$output" ]
}

@test "a tenant that streams has what the stream has, a parked one its own" {
	hr-checkpoint set ck --lsn 0/2000000 --force
	run -0 hr-checkpoint get ck --tenant acme
	[ "$output" = 0/2000000 ]
	run -0 hr-checkpoint get ck --tenant globex
	[ "$output" = 0/16B1200 ]
	need jq
	run -0 hr-checkpoint export ck
	jq -e '.tenants[0].lsn == "0/16B3748"' <<<"$output"
}

@test "a file that is not there, or is no checkpoint, is told apart" {
	local verb
	for verb in show get export "set --lsn 0/1"; do
		# shellcheck disable=SC2086 # a command and its options
		run -74 --separate-stderr hr-checkpoint $verb none
		[ -z "$output" ]
		[ "$stderr" = "hr-checkpoint: error: cannot open checkpoint 'none': there is none; has hr-apply written it yet?" ]
	done
	run -74 --separate-stderr hr-checkpoint get .
	one_error hr-checkpoint "cannot use checkpoint '.': cannot read it: Is a directory"
	head -c -1 ck >short
	run -65 --separate-stderr hr-checkpoint get short
	one_error hr-checkpoint "cannot use checkpoint 'short': it was cut or changed"
	echo hello >other
	run -65 --separate-stderr hr-checkpoint show other
	one_error hr-checkpoint "cannot use checkpoint 'other': it does not begin as a checkpoint does"
	run -65 --separate-stderr hr-checkpoint export "$ROOT/tests/fuzz/corpus/state_checkpoint/newer_version"
	one_error hr-checkpoint "its version is not 1; was it written by a newer hr"
}

@test "set lowers freely, and raises only by force" {
	run -0 --separate-stderr hr-checkpoint set ck --lsn 0/16B3747
	[ -z "$output$stderr" ]
	[ "$(hr-checkpoint get ck)" = 0/16B3747 ]
	cp ck before
	run -77 --separate-stderr hr-checkpoint set ck --lsn 0/16B3748
	[ "$stderr" = "hr-checkpoint: error: 'ck': cannot raise 0/16B3747 to 0/16B3748: the source would forget what the target may not have; if the target has it, give --force" ]
	cmp before ck
	run -0 hr-checkpoint set ck --lsn A/0 --force
	[ "$(hr-checkpoint get ck)" = A/0 ]
}

@test "a tenant that is moved back takes the stream with it" {
	run -0 hr-checkpoint set ck --tenant acme --lsn 0/100
	[ "$(hr-checkpoint get ck)" = 0/100 ]
	[ "$(hr-checkpoint get ck --tenant acme)" = 0/100 ]
	[ "$(hr-checkpoint get ck --tenant globex)" = 0/16B1200 ]
	run -77 --separate-stderr hr-checkpoint set ck --tenant acme --lsn 0/101
	run -0 hr-checkpoint set ck --tenant acme --lsn 0/101 --force
	[ "$(hr-checkpoint get ck --tenant acme)" = 0/101 ]
	[ "$(hr-checkpoint get ck)" = 0/100 ]
}

@test "set makes a file or a tenant by force only" {
	run -78 --separate-stderr hr-checkpoint set ck --tenant initech --lsn 0/1
	run -74 --separate-stderr hr-checkpoint set new --lsn 0/1
	[ ! -e new ]
	run -0 --separate-stderr hr-checkpoint set new --lsn 0/1 --force
	[ "$(hr-checkpoint get new)" = 0/1 ]
	run -0 --separate-stderr hr-checkpoint set new --tenant initech --lsn 0/1 --force
	[ "$(hr-checkpoint get new --tenant initech)" = 0/1 ]
	run -74 --separate-stderr hr-checkpoint set none/new --lsn 0/1 --force
	one_error hr-checkpoint "cannot write checkpoint 'none/new': No such file or directory"
	[ "$(echo *)" = "ck new" ]
}

@test "wait returns at once when the position is reached" {
	local lsn
	for lsn in 0/0 0/1 0/16B3748; do
		run -0 --separate-stderr hr-checkpoint wait ck --lsn $lsn --timeout 0
		[ -z "$output$stderr" ]
	done
	run -0 hr-checkpoint wait ck --lsn 0/16B3748 --tenant acme
	run -0 hr-checkpoint wait ck --lsn 0/16B1200 --tenant globex
}

@test "wait gives up in time, and says where it is" {
	run -75 --separate-stderr hr-checkpoint wait ck --lsn 0/16B3749 --timeout 0.2
	[ "$stderr" = "hr-checkpoint: error: gave up after 0.2 s: 'ck' is at 0/16B3748, not at 0/16B3749" ]
	run -75 --separate-stderr hr-checkpoint wait ck --lsn 0/1 --tenant initech --timeout 0
	[ "$stderr" = "hr-checkpoint: error: gave up after 0 s: tenant 'initech' is not in 'ck' yet" ]
	run -75 --separate-stderr hr-checkpoint wait none/ck --lsn 0/1 --timeout 0.2
	[ "$stderr" = "hr-checkpoint: error: gave up after 0.2 s: 'none/ck' is not there yet" ]
}

@test "wait ends at once when the tenant is parked" {
	run -77 --separate-stderr hr-checkpoint wait ck --lsn 0/16B1201 --tenant globex
	[ "$stderr" = "hr-checkpoint: error: tenant 'globex' is parked at 0/16B1200: column 'vat' of 'public.orders' is not in the target; mend that, then run hr-apply --retry --tenant 'globex'" ]
}

@test "wait refuses a file that is no checkpoint" {
	echo hello >ck
	run -65 --separate-stderr hr-checkpoint wait ck --lsn 0/1
}

@test "wait wakes when the file changes, before its next look" {
	local try start
	for try in 1 2 3 4 5; do
		hr-checkpoint wait ck --lsn "$try/0" --timeout 20 -vv 2>said &
		wait_for 10 grep -q 'is at ' said
		start=${EPOCHREALTIME/./}
		hr-checkpoint set ck --lsn "$try/0" --force
		wait $!
		((${EPOCHREALTIME/./} - start > 500000)) || return 0
	done
	fail "it looked each second, and was not woken"
}

@test "wait sees a file, and a directory, that are made later" {
	hr-checkpoint wait late --lsn 0/1 --timeout 20 &
	local file=$!
	hr-checkpoint wait dir/late --lsn 0/1 --timeout 20 &
	local dir=$!
	sleep 0.2
	hr-checkpoint set late --lsn 0/1 --force
	wait $file
	mkdir dir
	sleep 0.1
	hr-checkpoint set dir/late --lsn 0/1 --force
	wait $dir
}

@test "used wrongly" {
	local args bad=(
		"" "show" "show ck ck" "look ck" "show ck --lsn 0/1" "get ck --force"
		"set ck" "wait ck" "wait ck --json --lsn 0/1" "export ck --tenant acme"
		"wait ck --lsn 16B3748" "wait ck --lsn 0/1 --timeout -1" "wait ck --lsn 0/1 --timeout 1x"
		"wait ck --lsn 0/1 --timeout nan" "show ck --nonsense" "show ck --tenant"
	)
	for args in "${bad[@]}"; do
		# shellcheck disable=SC2086 # words
		run -64 --separate-stderr hr-checkpoint $args
		[ -z "$output" ]
		[[ "$stderr" = *"usage: hr-checkpoint show FILE"* ]]
	done
	run -64 --separate-stderr hr-checkpoint get ck --tenant "$(printf '%256s' x)"
	[[ "$stderr" = *"a name has at most 255 bytes"* ]]
	run -78 --separate-stderr hr-checkpoint get ck --tenant "$(printf '%255s' x)"
}

@test "help and version" {
	run -0 --separate-stderr hr-checkpoint --help
	[[ "$output" = "usage: hr-checkpoint show FILE"* ]]
	run -0 --separate-stderr hr-checkpoint --version
	[[ "$output" = "hr-checkpoint (hr) "* ]]
}

@test "a full standard output is an error" {
	run -74 --separate-stderr bash -c 'hr-checkpoint show ck >/dev/full'
	one_error hr-checkpoint "cannot write to standard output: No space left on device"
}
