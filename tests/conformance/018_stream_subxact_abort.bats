load ../lib
load ../pipe/pipe
load session

setup() {
	pair
	small_memory
	items
}

teardown() {
	unpair
}

@test "savepoints rolled back after they were streamed" {
	session big
	in_session big "BEGIN; $(rows acme 1001 1500); SAVEPOINT a; $(rows acme 1501 2500)"
	src "INSERT INTO items VALUES ('globex', 101)"
	in_session big "SAVEPOINT b; $(rows globex 2501 3500); UPDATE items SET n = 5 WHERE id > 1000"
	in_session big "ROLLBACK TO a; $(rows globex 1501 1600); UPDATE items SET n = 1 WHERE id = 1"
	src "UPDATE items SET n = 2 WHERE id = 2"
	in_session big "SAVEPOINT c; DELETE FROM items; SAVEPOINT d; $(rows acme 4001 5000); ROLLBACK TO c"
	in_session big "$(rows acme 6001 6100); COMMIT"
	sync
	streamed
	same
	equal "731 0" "$(dst "SELECT count(*), max(n) FILTER (WHERE id > 1000) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a streamed transaction that is rolled back leaves nothing" {
	session big
	in_session big "BEGIN; $(rows acme 1001 2000)"
	src "UPDATE items SET t = 'small' WHERE id = 1"
	in_session big "SAVEPOINT a; $(rows globex 2001 3000); DELETE FROM items WHERE id > 1; RELEASE a; ROLLBACK"
	src "INSERT INTO items VALUES ('acme', 1001, 1, 'taken')"
	dump
	equal "update insert" "$(jq -r 'select(.new) | .op' dump | paste -sd ' ')"
	sync
	streamed_but 1 1
	same
	equal 31 "$(count items)"
	equal 0 "$(conflicts)"
}

@test "a streamed transaction that is rolled back after a part of it was sent" {
	"${FROM[@]}" "${TENANCY[@]}" 2>from.err 3>&- > >(exec "${TO[@]}" 2>to.err 3>&-) &
	echo $! >from.pid
	session big
	in_session big "BEGIN; $(rows acme 1001 2000)"
	src "INSERT INTO items VALUES ('globex', 101)"
	wait_for 10 streamed
	in_session big "SAVEPOINT a; $(rows globex 2001 3000)"
	src "INSERT INTO items VALUES ('globex', 102)"
	wait_for 10 same_table "$SRC" "$DST" items
	in_session big "ROLLBACK TO a; $(rows globex 2001 2100)"
	src "INSERT INTO items VALUES ('globex', 103)"
	wait_for 10 same_table "$SRC" "$DST" items
	in_session big "ROLLBACK"
	src "INSERT INTO items VALUES ('acme', 1001, 1, 'taken')"
	src "BEGIN; $(rows globex 2001 3000); COMMIT"
	wait_for 10 same_table "$SRC" "$DST" items
	kill "$(cat from.pid)"
	wait "$(cat from.pid)"
	equal 1034 "$(count items)"
	equal 0 "$(conflicts)"
}

@test "a table first written to in a savepoint that is rolled back" {
	both "CREATE TABLE late (tenant_id text, id int PRIMARY KEY, t text)"
	src "BEGIN; $(rows acme 1001 1500); SAVEPOINT a;
	    INSERT INTO late SELECT 'acme', i, md5(i::text) FROM generate_series(1, 1000) i; ROLLBACK TO a;
	    INSERT INTO late SELECT 'globex', i, md5(i::text) FROM generate_series(1, 10) i; COMMIT"
	src "INSERT INTO late VALUES ('acme', 11, 'next')"
	sync
	streamed
	same
	equal 11 "$(count late)"
	equal 0 "$(conflicts)"
}

@test "a streamed transaction whose first savepoint is rolled back" {
	src "BEGIN; SAVEPOINT a; $(rows acme 1001 2000); ROLLBACK TO a; $(rows globex 1001 2000); COMMIT"
	sync
	streamed
	same
	equal globex "$(dst "SELECT DISTINCT tenant_id FROM items WHERE id > 1000")"
	equal 0 "$(conflicts)"
}

@test "savepoints released into one that is rolled back, and the other way" {
	src "BEGIN; SAVEPOINT a; $(rows acme 1001 1500); SAVEPOINT b; $(rows acme 1501 2000); RELEASE b;
	    SAVEPOINT c; $(rows acme 2001 2500); RELEASE c; ROLLBACK TO a; RELEASE a;
	    SAVEPOINT d; $(rows globex 1001 1500); SAVEPOINT e; $(rows globex 1501 2000); ROLLBACK TO e; RELEASE e;
	    UPDATE items SET n = 3 WHERE id > 1400; RELEASE d; COMMIT"
	sync
	streamed
	same
	equal "500 100" "$(dst "SELECT count(*), count(*) FILTER (WHERE n = 3) FROM items WHERE id > 1000" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "one savepoint taken, rolled back and filled again, many times" {
	local i sql="BEGIN; SAVEPOINT a"
	for i in {1..8}; do
		sql+="; $(rows acme 1001 1300); UPDATE items SET n = n + 1 WHERE id < 10; ROLLBACK TO a"
	done
	src "$sql; $(rows globex 1001 1300); UPDATE items SET n = 100 WHERE id = 1; COMMIT"
	sync
	streamed
	same
	equal "globex 100" "$(dst "SELECT DISTINCT tenant_id, (SELECT n FROM items WHERE id = 1) FROM items WHERE id > 1000" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a session that dies inside a streamed transaction leaves nothing" {
	session big
	in_session big "BEGIN; $(rows acme 1001 1500); SAVEPOINT a; $(rows globex 1501 3000)"
	src "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
	    WHERE datname = current_database() AND state = 'idle in transaction'"
	src "INSERT INTO items VALUES ('acme', 1001, 1, 'taken')"
	sync
	streamed_but 1 1
	same
	equal 31 "$(count items)"
	equal 0 "$(conflicts)"
}

@test "a crash of the source ends a streamed transaction" {
	session big
	in_session big "BEGIN; $(rows acme 1001 2000)"
	src "INSERT INTO items VALUES ('globex', 101)"
	sync
	streamed
	pg_restart source immediate
	src "INSERT INTO items VALUES ('acme', 1001, 1, 'taken')"
	src "BEGIN; $(rows globex 3001 4000); COMMIT"
	sync
	same
	equal 1032 "$(count items)"
	equal 0 "$(conflicts)"
}
