# Archives and spools of hr-ship, with servers: what is restored is what the source
# was, and a spool lets the source go on while the target is away.

load ../lib
load pipe
load tenants

setup() {
	pair
	set -o pipefail
	both "CREATE TABLE t (tenant_id text, id int, v text, PRIMARY KEY (tenant_id, id))"
	src "INSERT INTO t SELECT CASE i % 3 WHEN 0 THEN 'acme' WHEN 1 THEN 'globex' ELSE 'initech' END, i, 'first ' || i
	    FROM generate_series(1, 500) i"
}

teardown() {
	unpair
}

# The source, up to now, into the archive.
archive() {			# OPTION of hr-capture...
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --checkpoint cp --endpos now "$@" 2>err.cap |
	    hr-ship --archive arch --checkpoint cp "${KEYS[@]}" 2>err.ship || { cat err.*; return 1; }
}

emptied() {
	dst "TRUNCATE t; DROP SCHEMA IF EXISTS hr CASCADE" 2>/dev/null
}

# restore OPTION of hr-ship...
restore() {
	hr-ship --from-archive arch "${KEYS[@]}" "$@" | hr-apply -d "$DST"
}

@test "a restore is what the source was at that commit, by LSN and by time" {
	local i lsn=() time=() sum=() acme=()

	echo "k1 * passphrase:correct horse battery" >keys
	chmod 600 keys
	KEYS=(--key-file keys)
	archive --create-slot --snapshot
	for i in 1 2 3 4 5; do
		[ $i != 3 ] || { echo "k2 * hex:$(printf 'ab%.0s' {1..32})" >>keys; }
		change $i
		lsn[i]=$(src "SELECT pg_current_wal_insert_lsn()")
		time[i]=$(src "SELECT now()")
		sum[i]=$(sum_of "$SRC")
		acme[i]=$(sum_of "$SRC" acme)
		sleep 0.05
		src "INSERT INTO t VALUES ('acme', 10000 + $i, 'later')"
		archive
	done
	for i in 4 1 5 2; do
		emptied
		restore --until "${lsn[i]}"
		[ "$(sum_of "$DST")" = "${sum[i]}" ] || fail "LSN $i"
		emptied
		restore --until "${time[i]}"
		[ "$(sum_of "$DST")" = "${sum[i]}" ] || fail "time $i"
		emptied
		restore --until "${lsn[i]}" --tenant acme
		[ "$(sum_of "$DST")" = "${acme[i]}" ] || fail "acme $i"
	done
	# On from there.
	restore --tenant acme
	[ "$(sum_of "$DST" acme)" = "$(sum_of "$SRC" acme)" ]
	# Under the newest key alone, and on from there again.
	hr-ship reseal arch "${KEYS[@]}"
	sed -i /^k1/d keys
	for i in 2 5; do
		emptied
		restore --until "${lsn[i]}"
		[ "$(sum_of "$DST")" = "${sum[i]}" ] || fail "LSN $i, sealed again"
	done
	change 6
	archive
	restore
	[ "$(sum_of "$DST")" = "$(sum_of "$SRC")" ] || fail "behind what was sealed again"
	! grep -rqa 'first 30' arch || fail "it can be read"
	run -0 hr-ship archive verify arch "${KEYS[@]}"
	[[ $output == *good* ]]
	run --separate-stderr -78 hr-ship archive verify arch
	one_error hr-ship "there is no key 'k.'"
	file=$(find arch -path '*tenant/acme*' -name '*.seg' | head -1)
	printf '\x01' | dd of="$file" bs=1 seek=2000 conv=notrunc 2>/dev/null
	run -65 hr-ship archive verify arch "${KEYS[@]}"
	run --separate-stderr -77 hr-ship --from-archive arch "${KEYS[@]}" --until 0/1
	one_error hr-ship "goes from"
}

@test "who has keys is not given what is not sealed, unless he says so" {
	KEYS=()
	echo "k1 * hex:$(printf 'ab%.0s' {1..32})" >keys
	chmod 600 keys
	archive --create-slot --snapshot
	change 1
	KEYS=(--key-file keys)
	archive
	run --separate-stderr -65 bash -c 'hr-ship --from-archive arch --key-file keys >cut.hrs'
	one_error hr-ship "is not sealed, and there are keys; .*--unsealed, or seal it with hr-ship reseal"
	run --separate-stderr -65 hr-ship archive verify arch "${KEYS[@]}"
	one_error hr-ship "is not sealed, and there are keys"
	[[ $output == *BROKEN* ]]
	run -65 --separate-stderr hr-ship archive list arch "${KEYS[@]}"
	run -0 hr-ship archive verify arch "${KEYS[@]}" --unsealed
	[[ $output == *good* ]]
	restore --unsealed
	[ "$(sum_of "$DST")" = "$(sum_of "$SRC")" ] || fail "unsealed"
	hr-ship reseal arch "${KEYS[@]}"
	run -0 hr-ship archive verify arch "${KEYS[@]}"
	emptied
	restore
	[ "$(sum_of "$DST")" = "$(sum_of "$SRC")" ] || fail "sealed"
	run -64 --separate-stderr hr-ship archive verify arch --unsealed
	one_error hr-ship "without them nothing else is read"
}

@test "killed while it archives, again and again, it has all in the end" {
	local i pid changed piped

	KEYS=()
	archive --create-slot --snapshot
	for i in 1 2 3 4 5 6; do
		change $i &
		changed=$!
		hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --checkpoint cp 2>err.cap |
		    { hr-ship --archive arch --checkpoint cp --segment 64kB 2>err.ship & echo $! >ship.pid; wait; } &
		piped=$!
		wait_for 10 test -s ship.pid
		sleep "0.$((RANDOM % 6 + 1))"
		pid=$(cat ship.pid)
		rm ship.pid
		kill -KILL "$pid"
		wait $piped || true
		wait $changed
	done
	archive
	restore
	[ "$(sum_of "$DST")" = "$(sum_of "$SRC")" ] || fail "not equal"
	hr-ship archive verify arch
}

# spooled BY COMMAND: the source's side ends while nobody receives, then a receiver comes.
spooled() {
	local reached

	hr-ship --listen 127.0.0.1:0 --port-file port --exec true 2>/dev/null &
	echo $! >rx.pid
	wait_for 10 test -s port
	kill "$(cat rx.pid)"
	wait "$(cat rx.pid)" || true
	{ hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --create-slot --snapshot --checkpoint cp --endpos now \
	    2>err.cap; echo $? >cap.rc; } |
	    hr-compress | { hr-ship --to "127.0.0.1:$(cat port)" --spool spool --checkpoint cp 2>err.ship; echo $? >ship.rc; } &
	wait_for 20 test -s cap.rc
	[ "$(cat cap.rc)" = 0 ] || fail "$(cat err.cap)"
	reached=$(hr-checkpoint get cp)
	[ "$(src "SELECT confirmed_flush_lsn >= '$reached' FROM pg_replication_slots WHERE slot_name = '$SLOT'")" = t ]
	[ ! -s ship.rc ]
	hr-ship --listen "127.0.0.1:$(cat port)" --by "$1" --checkpoint to.cp.%t --exec "$2" 2>err.rx &
	echo $! >rx.pid
	wait_for 30 test -s ship.rc || fail "$(cat err.ship err.rx; cat to.cp.*)"
	kill "$(cat rx.pid)"
	[ "$(cat ship.rc)" = 0 ] || fail "$(cat err.ship err.rx)"
}

@test "a spool lets the slot move on while the target is away, and brings all when it is back" {
	# shellcheck disable=SC2016 # the command's
	spooled sender 'hr-compress -d | hr-apply -d "$DST" --checkpoint "$HR_CHECKPOINT"'
	[ "$(sum_of "$DST")" = "$(sum_of "$SRC")" ] || fail "not equal"
}

@test "by tenant, each has its own target, and one that is broken does not hold up the others" {
	local tenant db=t${BATS_SUITE_TEST_NUMBER:-0}

	for tenant in acme globex initech; do
		new_database target "${db}_$tenant"
		export "DST_$tenant=$(pg_conninfo target "${db}_$tenant")"
		pg_sql "$(pg_conninfo target "${db}_$tenant")" <<<"CREATE TABLE t (tenant_id text, id int, v text,
		    PRIMARY KEY (tenant_id, id))"
	done
	# globex fails three times before it takes anything.
	# shellcheck disable=SC2016 # the command's
	spooled tenant 'if [ $HR_TENANT = globex ] && [ "$(wc -l <tries 2>/dev/null || echo 0)" -lt 3 ]; then
	    echo >>tries; exit 75; fi
	    eval "to=\$DST_$HR_TENANT"; hr-compress -d | hr-apply -d "$to" --checkpoint "$HR_CHECKPOINT"'
	[ "$(wc -l <tries)" = 3 ]
	for tenant in acme globex initech; do
		[ "$(sum_of "$(pg_conninfo target "${db}_$tenant")")" = "$(sum_of "$SRC" $tenant)" ] || fail $tenant
	done
	grep -q "tenant 'globex' waits in the spool" err.ship
}

# kept: what the source has now goes into the spool, and nobody takes it from there.
kept() {
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --checkpoint cp --endpos now "$@" 2>err.cap |
	    timeout -s KILL 3 hr-ship --to 127.0.0.1:1 --spool spool --checkpoint cp --key-file keys 2>err.ship || true
	hr-checkpoint wait cp --lsn "$(src "SELECT pg_current_wal_flush_lsn()")" --timeout 1 ||
	    [ "$(hr-checkpoint get cp)" != 0/0 ] || fail "$(cat err.cap err.ship)"
}

@test "--drain empties a spool while the source is down, and what comes later goes on" {
	local by

	echo "k1 * hex:$(printf 'ab%.0s' {1..32})" >keys
	chmod 600 keys
	kept --create-slot --snapshot
	change 1
	kept
	# shellcheck disable=SC2016 # the command's
	hr-ship --listen 127.0.0.1:0 --port-file port --checkpoint to.cp \
	    --exec 'exec hr-apply -d "$DST" --checkpoint "$HR_CHECKPOINT"' 2>err.rx &
	echo $! >rx.pid
	wait_for 10 test -s port
	by=$(sum_of "$SRC")
	change 2
	timeout 30 hr-ship -v --to "127.0.0.1:$(cat port)" --spool spool --key-file keys --drain </dev/null 2>err.drain ||
	    fail "$(cat err.drain err.rx)"
	grep -q 'note: drained: the target has all up to' err.drain
	[ "$(sum_of "$DST")" = "$by" ] || fail "not what was kept" "$(cat err.drain err.rx)"
	# Again, with nothing to do.
	timeout 30 hr-ship --to "127.0.0.1:$(cat port)" --spool spool --key-file keys --drain 2>err.drain
	[ ! -s err.drain ] || fail "$(cat err.drain)"
	# The source is there again: the same reader, and the same spool.
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --checkpoint cp --endpos now 2>err.cap |
	    timeout 30 hr-ship --to "127.0.0.1:$(cat port)" --spool spool --checkpoint cp --key-file keys 2>err.ship ||
	    fail "$(cat err.ship err.rx)"
	[ "$(sum_of "$DST")" = "$(sum_of "$SRC")" ] || fail "not equal"
	kill "$(cat rx.pid)"
}

# listening: a receiver with hr-apply, the first time at any port and then at that one.
listening() {
	rm -f port.new
	# shellcheck disable=SC2016 # the command's
	hr-ship --listen "127.0.0.1:$(cat port 2>/dev/null || echo 0)" --port-file port.new --checkpoint to.cp \
	    --exec 'exec hr-apply -d "$DST" --checkpoint "$HR_CHECKPOINT"' 2>>err.rx 3>&- 4>&- &
	echo $! >rx.pid
	wait_for 10 test -s port.new
	mv port.new port
}

silenced() {
	pkill -KILL -P "$(cat rx.pid)" || true
	kill -KILL "$(cat rx.pid)"
	wait "$(cat rx.pid)" || true
	rm rx.pid
}

drain() {
	timeout 60 hr-ship --to "127.0.0.1:$(cat port)" --spool spool --key-file keys --drain "$@" 2>err.drain
}

@test "--drain believes no more than a reader has said: a copy that was cut, a target that was made anew" {
	echo "k1 * hex:$(printf 'ab%.0s' {1..32})" >keys
	chmod 600 keys
	src "INSERT INTO t SELECT 'acme', i, repeat('x', 100) FROM generate_series(1000, 150000) i"
	kept --create-slot --snapshot
	cp -r spool whole
	listening
	hr-ship --to "127.0.0.1:$(cat port)" --spool spool --key-file keys --drain 2>err.drain 3>&- 4>&- &
	echo $! >drain.pid
	wait_for 20 grep -q '^state copying' to.cp
	kill -KILL "$(cat drain.pid)"
	wait "$(cat drain.pid)" || true
	rm drain.pid
	silenced
	[ "$(sum_of "$DST")" != "$(sum_of "$SRC")" ] || fail "it was not cut"
	listening
	drain || fail "$(cat err.drain err.rx)"
	[ "$(sum_of "$DST")" = "$(sum_of "$SRC")" ] || fail "a copy that was cut" "$(cat err.drain err.rx)"
	# Another reader, for whom there is nothing.
	silenced
	listening
	drain || fail "$(cat err.drain err.rx)"
	[ ! -s err.drain ] || fail "$(cat err.drain)"
	# The file of a target that is no more.
	silenced
	emptied
	rm -rf spool
	mv whole spool
	listening
	drain || fail "$(cat err.drain err.rx)"
	[ "$(sum_of "$DST")" = "$(sum_of "$SRC")" ] || fail "a target that was made anew" "$(cat err.drain err.rx)"
	silenced
}
