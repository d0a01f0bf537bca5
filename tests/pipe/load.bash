# load.bash - a source that is written to while stages and servers are killed.
# shellcheck shell=bash disable=SC2153,SC2154 # SRC, DST and the rest: pair()

# Tables with and without a key, several tenants, rows that move between them
# where the key says whose they are.
load_tables() {
	both "CREATE TABLE items (tenant_id text NOT NULL, id int PRIMARY KEY, n int NOT NULL, t text)"
	both "ALTER TABLE items REPLICA IDENTITY FULL"
	both "CREATE TABLE log (tenant_id text, n int, t text)"
	both "ALTER TABLE log REPLICA IDENTITY FULL"
	both "CREATE TABLE balance (tenant_id text PRIMARY KEY, a int, b int)"
	both "INSERT INTO balance SELECT 't' || i, 1000, 1000 FROM generate_series(0, 5) i"
	both "INSERT INTO items SELECT 't' || i % 6, i, 0, repeat('x', i % 50) FROM generate_series(1, 2000) i"
	both "CREATE TABLE moving (tenant_id text, id int, n int, PRIMARY KEY (tenant_id, id))"
	both "ALTER TABLE moving REPLICA IDENTITY FULL"
	both "INSERT INTO moving SELECT 't' || i % 6, i, 0 FROM generate_series(1, 600) i"
	both "CREATE TABLE bulk (tenant_id text, id int, t text, PRIMARY KEY (tenant_id, id))"
	slot
	cat >load.sql <<-'SQL'
	\set id random(1, 2500)
	\set t :id % 6
	\set u random(0, 5)
	\set n random(1, 9)
	BEGIN;
	UPDATE items SET n = n + 1 WHERE id = :id;
	INSERT INTO items VALUES ('t' || :t, :id, :n, 'new') ON CONFLICT DO NOTHING;
	UPDATE balance SET a = a - :n, b = b + :n WHERE tenant_id = 't' || :t;
	INSERT INTO log VALUES ('t' || :t, :n, 'twin'), ('t' || :t, :n, 'twin');
	COMMIT;
	BEGIN;
	DELETE FROM items WHERE id = 2500 - :id;
	DELETE FROM log WHERE ctid IN (SELECT ctid FROM log WHERE tenant_id = 't' || :u LIMIT 1);
	UPDATE moving SET tenant_id = 't' || :u, n = n * 2 % 1000 + 1 WHERE id = :id % 600 + 1;
	COMMIT;
	SQL
	cat >big.sql <<-'SQL'
	\set base random(1, 200000) * 10000
	BEGIN;
	INSERT INTO bulk SELECT 't' || i % 6, :base + i, repeat('big', 10) FROM generate_series(1, 3000) i
	    ON CONFLICT DO NOTHING;
	DELETE FROM bulk WHERE id BETWEEN :base AND :base + 2900;
	COMMIT;
	SQL
}

# Write until the file stop_load is there, whatever happens to the server.
load_start() {
	rm -f stop_load
	{
		while [ ! -e stop_load ]; do
			pgbench -n -c 3 --max-tries=5 -f load.sql@60 -f big.sql@1 -R "${HR_RATE:-400}" -T 5 "$SRC" || true
			sleep 0.1
		done
	} >load.out 2>&1 3>&- &
	echo $! >load.pid
}

load_stop() {
	kill -0 "$(cat load.pid)" || fail "the load has ended by itself"
	touch stop_load
	wait "$(cat load.pid)" || true
	rm load.pid
}

# The same command line again and again, until the file stop_flow is there.
# Each exit status has to be one that says that trying again makes sense, or
# that of a stage that was killed (137) or lost its reader (141) or, for
# hr-apply, its writer (65).
flow_start() {
	rm -f stop_flow
	{
		while [ ! -e stop_flow ]; do
			{
				from=0
				bash -c 'echo $$ >from.pid; exec "$@"' - \
				    "${FROM[@]}" "${TENANCY[@]}" "${CAPTURE[@]}" || from=$?
				echo "capture $from" >>statuses
			} | {
				to=0
				bash -c 'echo $$ >to.pid; exec "$@"' - "${TO[@]}" "${APPLY[@]}" || to=$?
				echo "apply $to" >>statuses
				# An idle writer has not noticed yet.
				kill -TERM "$(cat from.pid)" 2>/dev/null || true
			}
			sleep 0.1
		done
	} 2>>flow.err 3>&- &
	echo $! >flow.pid
}

flow_stop() {
	kill -0 "$(cat flow.pid)" || fail "the pipeline has ended for good"
	touch stop_flow
	kill "$(cat from.pid)" 2>/dev/null || true
	wait "$(cat flow.pid)" || true
	rm -f flow.pid from.pid to.pid
	! grep -vE '^(capture (0|75|137|141|143)|apply (0|65|75|137|143))$' statuses ||
	    fail "unexpected statuses" "$(cat flow.err)"
}

# One blow, chosen at random.
blow() {
	case $((RANDOM % 10)) in
	0 | 1 | 2) kill -KILL "$(cat from.pid)" 2>/dev/null || true ;;
	3 | 4 | 5) kill -KILL "$(cat to.pid)" 2>/dev/null || true ;;
	6) src "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
	    WHERE active_pid IS NOT NULL" >/dev/null || true ;;
	7) dst "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	    WHERE application_name = 'hr-apply'" >/dev/null || true ;;
	8) pg_restart target immediate ;;
	9) pg_restart source immediate ;;
	esac
}

# What led to it, for whoever has to find out: only said when a test fails.
story() {
	printf '%s\n' "--- story" "slot $(confirmed), source $(now)" "$(tail -n 12 statuses)"
	tail -n 60 flow.err
	cat "$F"
	dst "SELECT * FROM hr.progress ORDER BY generation, worker"
	dst "SELECT * FROM hr.conflict ORDER BY id LIMIT 40"
	grep -E 'ready to accept|redo done|terminated|FATAL' "$PG_DIR/target/log" | tail -n 12
}

# blows N: N of them, then everything written arrives.
blows() {
	local i

	load_start
	flow_start
	wait_for 10 [ -s to.pid ]
	for ((i = 0; i < $1; i++)); do
		sleep "0.$((RANDOM % 5 + 1))"
		blow
	done
	sleep 0.3
	load_stop
	flow_stop
	story >story.txt
	sync || { cat story.txt; return 1; }
	story >>story.txt
	same || { cat story.txt; return 1; }
	[ "$(conflicts)" = 0 ] || cat story.txt
	equal 0 "$(conflicts)"
	equal 2000 "$(dst "SELECT DISTINCT a + b FROM balance")"
	# It was worth it: there was something to lose.
	[ "$(src "SELECT count(*) FROM log")" -gt 100 ]
}
