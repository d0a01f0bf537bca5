# hr-ship through NATS JetStream, with servers: what comes out is what went in,
# whatever is killed.

load ../lib
load pipe
load tenants
load nats

TENANTS=(acme globex initech)

setup() {
	need nats-server
	pair
	set -o pipefail
	src "CREATE TABLE t (tenant_id text, id int, v text, PRIMARY KEY (tenant_id, id))"
	change 0
	PORT=$(free_port)
	URL=nats://127.0.0.1:$PORT/hr
	targets
}

teardown() {
	unpair
	[ ! -s server.pid ] || kill -KILL "$(cat server.pid)" 2>/dev/null || true
}

# A target of its own for each tenant: DST_acme.
targets() {
	local tenant db=t${BATS_SUITE_TEST_NUMBER:-0}

	for tenant in "${TENANTS[@]}"; do
		new_database target "${db}_$tenant"
		export "DST_$tenant=$(pg_conninfo target "${db}_$tenant")"
		pg_sql "$(pg_conninfo target "${db}_$tenant")" <<<"CREATE TABLE t (tenant_id text, id int, v text,
		    PRIMARY KEY (tenant_id, id))"
	done
}

equal() {
	local tenant

	for tenant in "${TENANTS[@]}"; do
		[ "$(sum_of "$(pg_conninfo target "t${BATS_SUITE_TEST_NUMBER:-0}_$tenant")" "$tenant")" = \
		    "$(sum_of "$SRC" "$tenant")" ] || return 1
	done
}

# The source's side, until what is there now is in the queue.
publish() {			# OPTION of hr-capture...
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --checkpoint cp --endpos now "$@" 2>>err.cap |
	    hr-compress | timeout 60 hr-ship --to "$URL" --spool spool --checkpoint cp "${NET[@]}" 2>>err.to
}

# The same, until it is told to end: cap.pid and to.pid.
publish_on() {
	{ { hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --checkpoint cp 2>>err.cap & echo $! >cap.pid; wait $!; } |
	    { hr-ship --to "$URL" --spool spool --checkpoint cp 2>>err.to & echo $! >to.pid; wait $!; }; } 3>&- 4>&- &
}

consume() {
	# shellcheck disable=SC2016 # the command's
	hr-ship --listen "$URL" "${TENANTS[@]/#/--tenant=}" --checkpoint to.%t "${NET[@]}" \
	    --exec 'eval "to=\$DST_$HR_TENANT"; exec hr-apply -d "$to" --checkpoint "$HR_CHECKPOINT"' 2>>err.from 3>&- 4>&- &
	echo $! >from.pid
}

# Targets have the first copy, and are open for more.
copied() {
	publish --create-slot --snapshot || said
	consume
	wait_for 20 equal || said
}

stop() {			# NAME [SIGNAL]
	kill "-${2:-TERM}" "$(cat "$1.pid")"
	wait "$(cat "$1.pid")" || true
	rm "$1.pid"
}

# Messages that the server keeps, values in the bucket with them: two for each tenant.
messages() {
	exec 5<>"/dev/tcp/127.0.0.1/$MONITOR"
	printf 'GET /jsz HTTP/1.0\r\n\r\n' >&5
	sed -n 's/^ *"messages": \([0-9]*\).*/\1/p' <&5
	exec 5>&-
}

# All is acknowledged but, as the server needs it, each tenant's last message.
emptied() {
	[ "$(messages)" -le $((3 * ${#TENANTS[@]})) ]
}

said() {
	cat err.*
	return 1
}

@test "what was published is consumed by tenant, once, and leaves the queue" {
	local i

	NET=()
	MONITOR=$(free_port)
	server "http: \"127.0.0.1:$MONITOR\""
	publish --create-slot --snapshot || said
	for i in 5 6; do
		change $i
		publish || said
	done
	[ "$(messages)" -gt $((3 * ${#TENANTS[@]})) ] || fail "$(messages) messages"
	consume
	wait_for 20 equal || said
	wait_for 10 emptied || fail "$(messages) messages"
	change 1
	publish || said
	wait_for 20 equal || said
	# A row that is longer than a message may be.
	src "INSERT INTO t SELECT 'globex', 100000, string_agg(md5(random()::text), '') FROM generate_series(1, 150000)"
	publish || said
	wait_for 20 equal || said
	# What a crash may leave of the file that says what the target has.
	: >"$(find spool -name target.acme)"
	# A consumer that comes again goes on where the target is.
	stop from
	change 2
	publish || said
	consume
	wait_for 20 equal || said
	wait_for 10 emptied || fail "$(messages) messages"
}

@test "killed again and again, either side and the server, and nothing is lost or doubled" {
	local i loop piped

	NET=()
	server
	publish --create-slot --snapshot || said
	consume
	{ for i in 1 2 3 4 5 6; do change "$i" 0.02; done; } &
	loop=$!
	for i in 1 2 3 4 5 6 7 8; do
		{ hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --checkpoint cp 2>>err.cap |
		    { hr-ship --to "$URL" --spool spool --checkpoint cp 2>>err.to & echo $! >to.pid; wait $!; }; } 3>&- 4>&- &
		piped=$!
		wait_for 10 test -s to.pid
		sleep "0.$((RANDOM % 9 + 1))"
		case $((RANDOM % 3)) in
		0) stop from KILL; consume ;;
		1) kill_server; sleep 0.2; restart ;;
		esac
		sleep "0.$((RANDOM % 9 + 1))"
		kill -KILL "$(cat to.pid)"
		rm to.pid
		wait $piped || true
	done
	wait $loop
	publish || said
	wait_for 60 equal || said
}

@test "a queue that lost what it had acknowledged gets it again from the spool" {
	NET=()
	server
	copied
	stop from
	change 1
	publish || said
	change 2
	# The disk of the queue's server is that of before.
	kill_server
	rm -rf js
	restart
	consume
	publish || said
	wait_for 60 equal || said
}

@test "what was lost is noticed though nothing follows it" {
	NET=()
	server
	publish --create-slot --snapshot || said
	cp -r js was
	change 1
	publish || said
	# The disk of the queue's server is that of before, and the bucket knows of what was published.
	kill_server
	rm -rf js/jetstream/\$G/streams/hr
	cp -r was/jetstream/\$G/streams/hr js/jetstream/\$G/streams/
	restart
	consume
	publish_on
	wait_for 30 equal || said
}

@test "a queue that is full, and has lost one in its middle, goes on" {
	local i

	NET=(--nats-max 4MB)
	server
	publish --create-slot --snapshot || said
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		src "INSERT INTO t SELECT 'globex', 100000 + $i, string_agg(md5(random()::text), '') FROM generate_series(1, 20000)"
		change $i
	done
	{ publish || touch failed; } 3>&- 4>&- &
	wait_for 20 grep -q 'the queue is full: it has [0-9]* of [0-9]* bytes; the stream waits in the spool' err.to || said
	# One that the queue has acknowledged, and that nobody has had.
	# shellcheck disable=SC2016 # the server's name for it
	say '$JS.API.STREAM.MSG.DELETE.hr' '{"seq": 7}'
	NET=()
	consume
	wait_for 20 grep -q 'messages are missing in the queue' err.from || said
	wait_for 60 equal || said
	[ ! -e failed ] || said
}

# say SUBJECT TEXT: what an administrator, or anybody who may, would tell the server.
say() {
	local line

	exec 5<>"/dev/tcp/127.0.0.1/$PORT"
	printf 'CONNECT {}\r\nPUB %s none %d\r\n%s\r\nPING\r\n' "$1" "${#2}" "$2" >&5
	while read -r -t 5 line <&5 && [ "${line%$'\r'}" != PONG ]; do :; done
	exec 5>&-
	[ "${line%$'\r'}" = PONG ]
}

@test "a reader does not begin behind what is missing" {
	local i

	NET=()
	server
	copied
	stop from
	for i in 1 2 3; do
		change $i
		publish || said
	done
	# All but the last two, which do not say by themselves that something is missing.
	# shellcheck disable=SC2016 # the server's name for it
	say '$JS.API.STREAM.PURGE.hr' '{"keep": 2}'
	consume
	wait_for 20 grep -q 'messages are missing in the queue' err.from || said
	publish_on
	wait_for 30 equal || said
	[ "$(grep -c 'changes are missing' err.from)" = 0 ] || said
}

# part_of N: the sequence of a message that is this part of several.
part_of() {
	local seq head

	for ((seq = 1; seq < 200; seq++)); do
		head=$(api STREAM.MSG.GET.hr "{\"seq\": $seq}" | sed -n 's/.*"hdrs":"\([^"]*\)".*/\1/p' | base64 -d | tr -d '\r')
		if grep -q "^Hr-Part: $1/[2-9] " <<<"$head"; then
			echo $seq
			return
		fi
	done
	return 1
}

@test "a part of a message that is lost: it comes again as a whole" {
	local seq

	NET=()
	server 'max_payload: 65536'
	copied
	stop from
	src "INSERT INTO t SELECT 'globex', 100000, string_agg(md5(random()::text), '') FROM generate_series(1, 10000)"
	publish || said
	seq=$(part_of 2) || fail "there is no second part"
	run -0 api STREAM.MSG.DELETE.hr "{\"seq\": $seq}"
	[[ $output == *'"success":true'* ]] || fail "$output"
	change 1
	publish || said
	consume
	wait_for 20 grep -q 'messages are missing in the queue' err.from || said
	publish_on
	wait_for 30 equal || said
	[ "$(grep -c 'cannot be unpacked' err.from)" = 0 ] || said
}

@test "a server that is away is told of by both sides, and nothing has to be done" {
	NET=()
	server
	copied
	publish_on
	change 6
	wait_for 20 equal || said
	kill_server
	change 7
	wait_for 10 grep -q 'warning: the queue is away.*; nothing comes from it' err.from || said
	wait_for 10 grep -q 'warning: the queue is away.*; the stream waits in the spool' err.to || said
	restart
	wait_for 20 equal || said
	wait_for 10 grep -q 'the queue goes on after' err.from || said
	[ "$(grep -c 'the queue is away' err.from)" = 1 ] || said
	stop cap
	stop from
}

@test "values in the bucket that nobody can read are warned of, and no more" {
	NET=()
	server
	publish --create-slot --snapshot || said
	# shellcheck disable=SC2016 # the server's names for them
	say '$KV.hr-hr.at-acme' garbage
	# shellcheck disable=SC2016
	say '$KV.hr-hr.sent-globex' 'more of it'
	consume
	change 1
	publish || said
	grep -q "hr-ship: warning: tenant 'globex': a value in the queue's bucket that hr-ship did not write" err.to || said
	wait_for 30 equal || said
	# What was there already, behind which there is what other tenants had, is no other publisher's.
	grep 'another publisher' err.to && said
	true
}

@test "what a killed sender left of a transaction is not gone on with" {
	local i

	NET=()
	MONITOR=$(free_port)
	server "http: \"127.0.0.1:$MONITOR\""
	copied
	wait_for 10 emptied || said
	change 1
	src "INSERT INTO t SELECT 'globex', 100000 + i, (SELECT string_agg(md5(random()::text || i || j), '')
	    FROM generate_series(1, 2000) j) FROM generate_series(1, 200) i"
	change 2
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --endpos now >one 2>>err.cap || said
	# Most of the transaction, and the sender is killed in it.
	{ { head -c 9000000 one; exec sleep 60; } & echo $! >head.pid; } |
	    { hr-ship --to "$URL" --spool spool --checkpoint cp 2>>err.to & echo $! >to.pid; wait $!; } 3>&- 4>&- &
	wait_for 30 settled 12 || said
	stop to KILL
	stop head KILL
	hr-ship --to "$URL" --spool spool --checkpoint cp <one 2>>err.to || said
	wait_for 30 equal || said
	grep -q "tenant 'globex': its sender was killed in the middle of what it sent; its reader is begun anew" err.from || said
	wait_for 10 emptied || said
}

# More messages than so many are there, and no others come.
settled() {
	local count

	count=$(messages)
	[ "$count" -gt "$1" ] && sleep 1.5 && [ "$(messages)" = "$count" ]
}

@test "one tenant to standard output, and who comes later takes it over" {
	local to=$DST_acme

	NET=()
	server
	publish --create-slot --snapshot || said
	{ hr-ship --listen "$URL" --tenant acme --checkpoint to.acme 2>err.one || echo $? >one.rc; } |
	    hr-apply -d "$to" --checkpoint to.acme 2>>err.apply 3>&- 4>&- &
	wait_for 20 same acme "$to" || said
	# The server goes and comes; the reader goes on with the stream that it has.
	kill_server
	sleep 0.5
	restart
	change 3
	publish || said
	wait_for 20 same acme "$to" || said
	[ ! -s one.rc ] || said
	consume
	wait_for 20 test -s one.rc || said
	[ "$(cat one.rc)" = 77 ] || fail "$(cat one.rc)" "$(cat err.one)"
	one_error hr-ship "another receiver took the consumer over" err.one
	change 1
	publish || said
	wait_for 20 equal || said
}

@test "by TLS, with certificates of both sides, and a tenant whose name NATS would not take" {
	local to=$DST_acme

	certificates
	URL=tls://127.0.0.1:$PORT/hr
	NET=(--tls-ca ca.pem --tls-cert client.pem --tls-key client.key)
	server "tls { cert_file: '$PWD/server.pem', key_file: '$PWD/server.key', ca_file: '$PWD/ca.pem', verify: true }"
	src "UPDATE t SET tenant_id = 'acme * inc. é' WHERE tenant_id = 'acme'"
	publish --create-slot --snapshot || said
	{ hr-ship --listen "$URL" --tenant 'acme * inc. é' --checkpoint to.acme "${NET[@]}" 2>err.one 3>&- 4>&- &
	    echo $! >one.pid; wait $!; } | hr-apply -d "$to" --checkpoint to.acme 2>>err.apply 3>&- 4>&- &
	wait_for 20 same 'acme * inc. é' "$to" || said
	[ "$(sum_of "$to" 'acme * inc. é')" != "(0,)" ]
	run --separate-stderr -78 hr-ship --listen "$URL" --tenant globex --checkpoint to.globex --exec true --tls-ca other.pem
	one_error hr-ship "certificate"
}

same() {			# TENANT CONNINFO
	[ "$(sum_of "$2" "$1")" = "$(sum_of "$SRC" "$1")" ]
}

# big FROM ROWS: rows of 1 kB that hardly pack, in one transaction of globex.
big() {
	src "INSERT INTO t SELECT 'globex', $1 + i, (SELECT string_agg(md5(random()::text || i || j), '')
	    FROM generate_series(1, 32) j) FROM generate_series(1, $2) i"
}

@test "a message that has a watermark in its middle is not had when the target has that" {
	NET=()
	server
	copied
	stop from
	big 100000 1000
	# Of the slot twice: to here, and on from before it.
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --endpos now >some 2>>err.cap || said
	{ hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" 2>>err.cap >more & echo $! >cap.pid; wait $!; } 3>&- 4>&- &
	wait_for 10 larger more 1000000
	src "INSERT INTO t SELECT CASE WHEN i % 100 = 0 THEN 'acme' ELSE 'globex' END, 200000 + i,
	    (SELECT string_agg(md5(random()::text || i || j), '') FROM generate_series(1, 32) j) FROM generate_series(1, 1500) i"
	wait_for 10 larger more 2500000
	sleep 0.5
	stop cap
	# The target has the first of them.
	hr-ship --archive arch <some 2>>err.to || said
	hr-ship --from-archive arch --tenant globex 2>>err.to |
	    hr-apply -d "$DST_globex" --checkpoint to.globex 2>>err.from || said
	hr-ship --to "$URL" --spool spool --checkpoint cp <more 2>>err.to || said
	run -0 api STREAM.PURGE.hr '{"keep": 2}'
	consume
	publish_on
	wait_for 30 equal || said
}

larger() {			# FILE BYTES
	[ "$(stat -c %s "$1")" -gt "$2" ]
}

@test "what a source that was fenced off left in a full queue makes room" {
	local i

	NET=(--nats-max 4MB)
	server
	copied
	change 1
	publish --epoch 3 || said
	wait_for 20 equal || said
	stop from
	for i in {10..25}; do
		big "3${i}000" 900
	done
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --endpos now --epoch 2 >old 2>>err.cap || said
	{ hr-ship --to "$URL" --spool spool.old "${NET[@]}" <old 2>err.old & echo $! >old.pid; wait $!; } 3>&- 4>&- &
	wait_for 10 grep -q 'the queue is full' err.old || said
	stop old KILL
	consume
	{ publish --epoch 3 || touch failed; } 3>&- 4>&- &
	wait_for 60 equal || said
	grep -q 'what is of epoch 2 is left out' err.from || said
	[ ! -e failed ] || said
}

@test "a reader that is killed while another beginning waits is given what it did not keep again" {
	local count

	NET=()
	MONITOR=$(free_port)
	server "http: \"127.0.0.1:$MONITOR\""
	copied
	wait_for 10 emptied || said
	{ pg_sql "$DST_globex" <<<"BEGIN; LOCK TABLE t; SELECT pg_sleep(12); COMMIT"; } >/dev/null 2>&1 3>&- 4>&- &
	sleep 0.5
	change 1
	publish || said
	big 100000 12000
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --endpos now >one 2>>err.cap || said
	# A sender is killed within it, and another one sends all of it.
	{ { head -c 9000000 one; exec sleep 60; } & echo $! >head.pid; wait $!; } 3>&- 4>&- |
	    { hr-ship --to "$URL" --spool spool --checkpoint cp 2>>err.to & echo $! >to.pid; wait $!; } 3>&- 4>&- &
	wait_for 10 grown 12 || said
	stop to KILL
	stop head KILL
	hr-ship --to "$URL" --spool spool --checkpoint cp <one 2>>err.to || said
	# No sender is there to ask: all that is missing is in the queue.
	pkill -KILL -f "hr-apply -d $DST_globex" || said
	wait_for 40 equal || said
	[ "$(grep -c 'messages are missing' err.from)" = 0 ] || said
}

# grown COUNT: more messages than that are there, and no more come.
grown() {
	local now

	now=$(messages)
	[ "$now" -gt "$1" ] && sleep 1 && [ "$(messages)" = "$now" ]
}

@test "a command that is set up wrongly is its tenant's trouble, and no other's" {
	NET=()
	server
	publish --create-slot --snapshot || said
	# shellcheck disable=SC2016 # the command's
	hr-ship --listen "$URL" "${TENANTS[@]/#/--tenant=}" --checkpoint to.%t \
	    --exec '[ "$HR_TENANT" != globex ] || exit 78; eval "to=\$DST_$HR_TENANT"; exec hr-apply -d "$to" --checkpoint "$HR_CHECKPOINT"' \
	    2>>err.from 3>&- 4>&- &
	echo $! >from.pid
	wait_for 20 has_all acme || said
	wait_for 20 has_all initech || said
	wait_for 10 grep -q "warning: tenant 'globex' waits in the queue: .*its command ended with status 78" err.from || said
	change 1
	publish || said
	wait_for 20 has_all acme || said
	kill -0 "$(cat from.pid)" || said
}

has_all() {			# TENANT
	[ "$(sum_of "$(pg_conninfo target "t${BATS_SUITE_TEST_NUMBER:-0}_$1")" "$1")" = "$(sum_of "$SRC" "$1")" ]
}
