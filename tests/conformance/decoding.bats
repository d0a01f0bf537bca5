load ../lib
load ../pipe/pipe
load session

setup() {
	pair
}

teardown() {
	unpair
}

@test "large values in keys, in line, out of line, compressed or not" {
	both "CREATE TABLE docs (tenant_id text, id text PRIMARY KEY, n int, a text, b text, c bytea)"
	both "ALTER TABLE docs ALTER id SET STORAGE EXTERNAL, ALTER a SET STORAGE EXTERNAL, ALTER b SET STORAGE MAIN"
	slot
	src "INSERT INTO docs SELECT 'acme', repeat(chr(96 + i), 2500), i, repeat(md5(i::text), 300), repeat('b', 5000),
	    decode(repeat(md5(i::text), 2000), 'hex') FROM generate_series(1, 10) i"
	src "UPDATE docs SET n = n + 100 WHERE n < 4"
	src "UPDATE docs SET id = id || 'x', a = NULL WHERE n = 5; DELETE FROM docs WHERE n = 6"
	src "BEGIN; SAVEPOINT a; UPDATE docs SET a = repeat('gone', 5000); ROLLBACK TO a;
	    UPDATE docs SET a = a || 'y', c = '' WHERE n = 7; UPDATE docs SET n = 107 WHERE n = 7; COMMIT"
	src "BEGIN; UPDATE docs SET n = 0 WHERE n = 8; ALTER TABLE docs ALTER a SET STORAGE EXTENDED;
	    UPDATE docs SET a = a || a WHERE n = 9; COMMIT"
	src "COPY docs FROM STDIN;
acme	$(printf 'k%.0s' {1..2400})	50	$(printf 'copied%.0s' {1..1000})	\\N	\\N
globex	small	51	s	s	\\\\x00"
	sync
	same
	equal "9601 19200" "$(dst "SELECT max(length(a)) FILTER (WHERE n = 107), max(length(a)) FROM docs" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "tables rewritten between and inside transactions" {
	items
	dst "ALTER TABLE items ALTER n TYPE bigint"
	src "INSERT INTO items VALUES ('acme', 101, 1, repeat('x', 5000))"
	src "VACUUM FULL items"
	src "UPDATE items SET n = n + 1 WHERE id % 2 = 0"
	src "CLUSTER items USING items_pkey"
	src "BEGIN; INSERT INTO items VALUES ('globex', 102, 2); ALTER TABLE items ALTER n TYPE bigint;
	    UPDATE items SET n = 10000000000 WHERE id = 102; INSERT INTO items VALUES ('acme', 103, 20000000000); COMMIT"
	src "BEGIN; UPDATE items SET n = 5 WHERE id = 1; SAVEPOINT a; ALTER TABLE items ALTER t TYPE varchar(9000);
	    UPDATE items SET t = 'gone'; ROLLBACK TO a; DELETE FROM items WHERE id = 2; COMMIT"
	src "ALTER TABLE items SET UNLOGGED; ALTER TABLE items SET LOGGED"
	src "VACUUM FULL pg_class; VACUUM FULL pg_attribute; UPDATE items SET n = n + 1 WHERE id < 10; REINDEX TABLE items"
	src "INSERT INTO items VALUES ('acme', 104, 4)"
	sync
	same
	equal "33 20000000000" "$(dst "SELECT count(*), max(n) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a transaction larger than memory" {
	both "CREATE TABLE docs (tenant_id text, id int PRIMARY KEY, t text)"
	slot
	small_memory
	src "BEGIN; INSERT INTO docs SELECT (ARRAY['acme', 'globex'])[i % 2 + 1], i, repeat(chr(97 + i % 26), 100000)
	    FROM generate_series(1, 250) i; SAVEPOINT a;
	    INSERT INTO docs SELECT 'acme', i, repeat('z', 100000) FROM generate_series(251, 350) i; ROLLBACK TO a;
	    INSERT INTO docs SELECT 'acme', i, repeat('y', 100000) FROM generate_series(251, 300) i;
	    UPDATE docs SET t = 'x' WHERE id % 10 = 0; COMMIT"
	mkdir spill
	sync --spill-dir spill --spill-max 100MB
	same
	equal "300 30" "$(dst "SELECT count(*), count(*) FILTER (WHERE t = 'x') FROM docs" | tr '|' ' ')"
	equal "" "$(ls spill)"
	equal 0 "$(conflicts)"
}

@test "refused: a transaction that needs more than --spill-max" {
	both "CREATE TABLE docs (tenant_id text, id int PRIMARY KEY, t text)"
	slot
	small_memory
	src "INSERT INTO docs VALUES ('acme', 1, 'before')"
	src "INSERT INTO docs SELECT 'acme', i, repeat('x', 100000) FROM generate_series(2, 400) i"
	job --spill-max 1MB
	ended 75 65
	one_error hr-capture "1000000|1048576.*--spill-max; raise" from.err
	sync
	same
	equal 400 "$(count docs)"
	equal 0 "$(conflicts)"
}

@test "columns changed beside open transactions" {
	items
	both "CREATE TABLE other (tenant_id text, id int PRIMARY KEY, a int)"
	dst "ALTER TABLE other ADD b text, ADD c int"
	session one
	in_session one "BEGIN; INSERT INTO items VALUES ('acme', 101)"
	src "INSERT INTO other VALUES ('acme', 1, 1); ALTER TABLE other ADD b text"
	in_session one "INSERT INTO other VALUES ('acme', 2, 2, 'two'); SAVEPOINT a; INSERT INTO items VALUES ('acme', 102); COMMIT"
	in_session one "BEGIN; UPDATE items SET n = 1 WHERE id = 101"
	src "ALTER TABLE other DROP a; ALTER TABLE other ADD c int DEFAULT 7"
	dst "ALTER TABLE other ALTER c SET DEFAULT 7"
	in_session one "INSERT INTO other VALUES ('globex', 3, 'three', 3); SAVEPOINT a; UPDATE other SET b = 'one' WHERE id = 1"
	src "ALTER TABLE items ADD d int" 2>/dev/null & # waits for the one that is open
	sleep 0.2
	in_session one "ROLLBACK TO a; DELETE FROM other WHERE id = 2; COMMIT"
	wait $!
	dst "ALTER TABLE items ADD d int"
	src "INSERT INTO items VALUES ('globex', 103, 1, 't', 9)"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a column added between two changes of a table, with --ddl add" {
	items
	src "INSERT INTO items VALUES ('acme', 101)"
	src "ALTER TABLE items ADD c int; INSERT INTO items VALUES ('acme', 102, 1, 't', 7)"
	src "BEGIN; INSERT INTO items VALUES ('globex', 103, 1, 't', 8); ALTER TABLE items ADD d text;
	    INSERT INTO items VALUES ('globex', 104, 1, 't', 9, 'd'); COMMIT"
	APPLY=(--ddl add)
	sync
	same
	equal "24 1" "$(dst "SELECT sum(c), count(d) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "subtransactions whose transaction has no change of its own" {
	items
	session one
	session two
	in_session one "BEGIN; SAVEPOINT a; INSERT INTO items VALUES ('acme', 101)"
	in_session two "BEGIN; SAVEPOINT a; SAVEPOINT b; UPDATE items SET n = -1 WHERE id = 1; RELEASE b"
	sync
	src "CHECKPOINT; INSERT INTO items VALUES ('globex', 102)"
	sync
	in_session one "SAVEPOINT b; INSERT INTO items VALUES ('acme', 103); COMMIT"
	in_session two "ROLLBACK TO a; SAVEPOINT c; UPDATE items SET n = -2 WHERE id = 2; COMMIT"
	sync
	same
	equal "33 -2" "$(dst "SELECT count(*), min(n) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "savepoints rolled back, with what they changed of tables" {
	items
	dst "ALTER TABLE items ADD c text"
	src "BEGIN; INSERT INTO items VALUES ('acme', 101); SAVEPOINT a; ALTER TABLE items ADD c int;
	    INSERT INTO items VALUES ('acme', 102, 1, 't', 2); SAVEPOINT b; DELETE FROM items; ROLLBACK TO a;
	    INSERT INTO items VALUES ('acme', 102, 2, 'again'); SAVEPOINT d; CREATE TABLE never (id int);
	    INSERT INTO never VALUES (1); ROLLBACK TO d; ALTER TABLE items ADD c text; TRUNCATE items; ROLLBACK TO a;
	    UPDATE items SET n = 9 WHERE id = 1; COMMIT"
	src "ALTER TABLE items ADD c text; INSERT INTO items VALUES ('globex', 103, 1, 't', 'c')"
	sync
	same
	equal "32 1" "$(dst "SELECT count(*), count(c) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "several transactions at once, over several connections" {
	items
	local i
	for i in 1 2 3 4; do
		session s$i
		in_session s$i "BEGIN; INSERT INTO items SELECT 't' || j % 3, j, $i, 's' FROM generate_series($i * 1000, $i * 1000 + 200) j"
	done
	in_session s3 "UPDATE items SET n = 30 WHERE id = 1; COMMIT"
	in_session s1 "UPDATE items SET n = n + 1 WHERE id IN (1, 3000, 1000); SAVEPOINT a; DELETE FROM items WHERE id = 3001"
	in_session s4 "ROLLBACK"
	in_session s2 "DELETE FROM items WHERE id = 3002; INSERT INTO items VALUES ('t0', 4000, 2, 'two'); COMMIT"
	in_session s1 "ROLLBACK TO a; UPDATE items SET tenant_id = 't0' WHERE id IN (2000, 4000, 1000); COMMIT"
	APPLY=(-j 3)
	sync
	same
	equal "633 31" "$(dst "SELECT count(*), max(n) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "rows that several transactions have locked" {
	items
	both "CREATE TABLE parts (tenant_id text, id int PRIMARY KEY, item int REFERENCES items)"
	session one
	session two
	in_session one "BEGIN; SELECT FROM items WHERE id < 10 FOR KEY SHARE"
	in_session two "BEGIN; SELECT FROM items WHERE id < 10 FOR KEY SHARE; INSERT INTO parts VALUES ('acme', 1, 1)"
	in_session one "UPDATE items SET n = 100 WHERE id = 1; SAVEPOINT a; UPDATE items SET n = 200 WHERE id = 2"
	in_session two "INSERT INTO parts VALUES ('acme', 2, 2), ('globex', 3, 3); UPDATE items SET t = 'two' WHERE id = 4"
	in_session one "ROLLBACK TO a; SELECT FROM items WHERE id = 20 FOR SHARE; COMMIT"
	in_session two "SELECT FROM items WHERE id = 20 FOR SHARE; UPDATE items SET n = 101 WHERE id IN (1, 20)"
	in_session one "BEGIN; SELECT FROM items WHERE id = 15 FOR NO KEY UPDATE; UPDATE items SET id = 500 WHERE id = 15"
	in_session two "SELECT FROM items WHERE id = 6 FOR UPDATE; DELETE FROM items WHERE id = 6; COMMIT"
	in_session one "INSERT INTO parts VALUES ('globex', 4, 500); COMMIT"
	sync
	same
	equal "101 2 two 101" "$(dst "SELECT string_agg(CASE id WHEN 4 THEN t ELSE n::text END, ' ' ORDER BY id)
	    FROM items WHERE id IN (1, 2, 4, 20)")"
	equal "4 1" "$(dst "SELECT count(*), count(*) FILTER (WHERE item = 500) FROM parts" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a slot and a first copy made while transactions are open" {
	both "CREATE TABLE items (tenant_id text, id int PRIMARY KEY, n int)"
	src "INSERT INTO items SELECT 'acme', i, 0 FROM generate_series(1, 100) i"
	session one
	session two
	in_session one "BEGIN; INSERT INTO items VALUES ('acme', 101, 1); UPDATE items SET n = 1 WHERE id = 1"
	job --create-slot --snapshot &
	sleep 0.4
	in_session two "BEGIN; SAVEPOINT a; INSERT INTO items VALUES ('globex', 102, 2); UPDATE items SET n = 2 WHERE id = 2"
	in_session one "DELETE FROM items WHERE id = 3; COMMIT"
	in_session one "BEGIN; INSERT INTO items VALUES ('acme', 103, 3)"
	sleep 0.2
	in_session two "COMMIT"
	in_session one "COMMIT"
	wait $!
	sync --create-slot --snapshot
	same
	equal "102 3" "$(dst "SELECT count(*), max(n) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a table made or changed by another while a savepoint is open" {
	items
	session one
	in_session one "BEGIN; SAVEPOINT a; INSERT INTO items VALUES ('acme', 101)"
	both "CREATE TABLE made (tenant_id text, id int PRIMARY KEY)"
	in_session one "INSERT INTO made VALUES ('acme', 1)"
	both "ALTER TABLE made ADD n int" 2>/dev/null &
	sleep 0.2
	in_session one "SAVEPOINT b; INSERT INTO made VALUES ('acme', 2); ROLLBACK TO b; COMMIT"
	wait $!
	in_session one "BEGIN; SAVEPOINT a; INSERT INTO made VALUES ('globex', 3, 3); SAVEPOINT b"
	src "CREATE TYPE mood AS ENUM ('sad', 'happy'); ALTER TABLE items ADD m mood"
	dst "CREATE TYPE mood AS ENUM ('sad', 'happy'); ALTER TABLE items ADD m mood"
	in_session one "INSERT INTO items VALUES ('globex', 102, 1, 't', 'happy'); COMMIT"
	sync
	same
	equal "2 happy" "$(dst "SELECT (SELECT count(*) FROM made), max(m) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "unlogged and temporary tables are left out" {
	items
	src "CREATE UNLOGGED TABLE fast (id int); INSERT INTO fast VALUES (1), (2)"
	src "BEGIN; CREATE TEMP TABLE tmp (id int); INSERT INTO tmp VALUES (1); INSERT INTO items VALUES ('acme', 101);
	    INSERT INTO fast SELECT id FROM tmp; UPDATE fast SET id = 3; COMMIT"
	src "CREATE TEMP TABLE items (LIKE public.items); INSERT INTO items VALUES ('acme', 102);
	    UPDATE public.items SET n = 7 WHERE id = 101"
	src "CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM items; REFRESH MATERIALIZED VIEW seen"
	dump
	equal public.items "$(jq -r 'select(.op).table // empty' dump | sort -u)"
	sync
	same
	equal "31 7" "$(dst "SELECT count(*), max(n) FILTER (WHERE id = 101) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

# Each has its own keys: two of them may have a row of one.
inherited() {
	both "CREATE TABLE base (tenant_id text, id int PRIMARY KEY, n int);
	    CREATE TABLE more (extra text, PRIMARY KEY (id)) INHERITS (base);
	    CREATE TABLE most (PRIMARY KEY (id)) INHERITS (more)"
	slot
	src "INSERT INTO base VALUES ('acme', 1, 1), ('globex', 2, 2), ('acme', 3, 3)"
	src "INSERT INTO more VALUES ('acme', 1, 11, 'm'), ('globex', 2, 12, 'm'), ('acme', 4, 14, 'm')"
	src "INSERT INTO most VALUES ('acme', 1, 21, 'mm'), ('globex', 5, 25, 'mm')"
	sync
	same
}

@test "rows of tables that inherit arrive each in its own" {
	inherited
	src "UPDATE ONLY base SET n = n + 100; DELETE FROM ONLY base WHERE id = 2"
	src "UPDATE base SET n = n + 1000 WHERE id <> 1; DELETE FROM more WHERE id = 4"
	sync
	same
	equal "101,1103 11,1012 21,1025" "$(dst "SELECT string_agg(n::text, ',' ORDER BY n) FROM base
	    GROUP BY tableoid ORDER BY tableoid" | paste -sd ' ')"
	equal 0 "$(conflicts)"
}

@test "a truncate leaves the tables that inherit alone" {
	inherited
	src "BEGIN; TRUNCATE ONLY more; INSERT INTO more VALUES ('acme', 7, 7, 'after'); COMMIT"
	sync
	same
	equal "3 1 2" "$(dst "SELECT count(*) FROM base GROUP BY tableoid ORDER BY tableoid" | paste -sd ' ')"
	src "TRUNCATE base; INSERT INTO most VALUES ('acme', 8, 8, 'last')"
	sync
	same
	equal 1 "$(count base)"
	equal 0 "$(conflicts)"
}

@test "tables without columns" {
	both "CREATE TABLE none (); CREATE TABLE bare ()"
	both "ALTER TABLE bare REPLICA IDENTITY FULL"
	slot
	config <<-'YAML'
	tenancy: {database: acme}
	YAML
	src "INSERT INTO none DEFAULT VALUES; INSERT INTO none DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES"
	src "INSERT INTO bare DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES"
	sync
	same
	equal "2 3" "$(dst "SELECT (SELECT count(*) FROM none), (SELECT count(*) FROM bare)" | tr '|' ' ')"
	src "DELETE FROM bare WHERE ctid = '(0,2)'; TRUNCATE none; INSERT INTO none DEFAULT VALUES"
	sync
	same
	equal "1 2" "$(dst "SELECT (SELECT count(*) FROM none), (SELECT count(*) FROM bare)" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a replica identity of nothing, where only inserts are published" {
	both "CREATE TABLE log (tenant_id text, id int PRIMARY KEY, t text)"
	src "ALTER TABLE log REPLICA IDENTITY NOTHING; ALTER PUBLICATION hr SET (publish = 'insert')"
	slot
	src "INSERT INTO log SELECT 'acme', i, 'x' FROM generate_series(1, 10) i"
	src "BEGIN; INSERT INTO log VALUES ('globex', 11, 'y'); UPDATE log SET t = 'not sent' WHERE id = 11;
	    DELETE FROM log WHERE id = 1; COMMIT"
	sync
	# Verify says what was not published: a delete and an update.
	same_dump "id BETWEEN 2 AND 10"
	equal "11 y" "$(dst "SELECT count(*), max(t) FROM log" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a replica identity that changes on the way" {
	items
	both "ALTER TABLE items ADD u int NOT NULL DEFAULT 0; UPDATE items SET u = id * 10"
	both "CREATE UNIQUE INDEX items_u ON items (tenant_id, u)"
	src "UPDATE items SET n = 1 WHERE id = 1"
	src "ALTER TABLE items REPLICA IDENTITY FULL"
	src "UPDATE items SET n = 2 WHERE id = 2; UPDATE items SET tenant_id = 'umbrella' WHERE id = 3; DELETE FROM items WHERE id = 4"
	src "ALTER TABLE items REPLICA IDENTITY USING INDEX items_u"
	src "UPDATE items SET n = 5, u = 51 WHERE id = 5; DELETE FROM items WHERE id = 6; UPDATE items SET tenant_id = 'umbrella' WHERE id = 7"
	src "BEGIN; UPDATE items SET n = 8 WHERE id = 8; ALTER TABLE items REPLICA IDENTITY DEFAULT;
	    UPDATE items SET id = 90, n = 9 WHERE id = 9; SAVEPOINT a; ALTER TABLE items REPLICA IDENTITY FULL;
	    DELETE FROM items WHERE id = 11; ROLLBACK TO a; DELETE FROM items WHERE id = 10;
	    ALTER TABLE items REPLICA IDENTITY FULL; UPDATE items SET n = 12 WHERE id = 12; COMMIT"
	src "DELETE FROM items WHERE id = 13"
	sync
	same
	equal "26 2" "$(dst "SELECT count(*), count(*) FILTER (WHERE tenant_id = 'umbrella') FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "refused: a replica identity that is set to nothing on the way" {
	items
	src "UPDATE items SET n = 100 WHERE id = 1"
	src "ALTER TABLE items REPLICA IDENTITY NOTHING; INSERT INTO items VALUES ('acme', 101, 1)"
	job
	ended 78 65
	one_error hr-capture "'public.items': its replica identity is NOTHING; run ALTER TABLE" from.err
	src "ALTER TABLE items REPLICA IDENTITY FULL"
	src "UPDATE items SET n = n + 1 WHERE id = 101"
	sync
	same
	equal "101 2" "$(dst "SELECT id, n FROM items WHERE id > 30" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a table dropped, or dropped and made anew, before its changes are read" {
	both "CREATE TABLE gone (tenant_id text, id int PRIMARY KEY, t text);
	    CREATE TABLE anew (tenant_id text, id int PRIMARY KEY, t text)"
	slot
	src "INSERT INTO gone SELECT 'acme', i, 'x' FROM generate_series(1, 10) i; UPDATE gone SET t = 'y' WHERE id < 3"
	src "INSERT INTO anew VALUES ('acme', 1, 'old'), ('globex', 2, 'old'); DELETE FROM anew"
	src "DROP TABLE gone; DROP TABLE anew; CREATE TABLE anew (t text, id int PRIMARY KEY, tenant_id text)"
	src "INSERT INTO anew VALUES ('new', 1, 'globex'), ('new', 3, 'acme')"
	sync
	same
	equal "10 2" "$(dst "SELECT count(*), count(*) FILTER (WHERE t = 'y') FROM gone" | tr '|' ' ')"
	equal 2 "$(count anew)"
	equal 0 "$(conflicts)"
}

@test "rows by COPY, MERGE and ON CONFLICT" {
	items
	src "COPY items FROM STDIN;
acme	101	1	copied
globex	102	2	copied"
	src "INSERT INTO items SELECT 'acme', i, 7, 'upsert' FROM unnest(ARRAY[3, 101, 103]) i
	    ON CONFLICT (id) DO UPDATE SET n = excluded.n, t = excluded.t"
	src "INSERT INTO items VALUES ('acme', 102, 0), ('globex', 104, 0) ON CONFLICT DO NOTHING"
	src "MERGE INTO items i USING (VALUES (1, 'delete'), (2, 'update'), (105, 'insert')) v (id, what) ON i.id = v.id
	    WHEN MATCHED AND v.what = 'delete' THEN DELETE WHEN MATCHED THEN UPDATE SET t = 'merged'
	    WHEN NOT MATCHED THEN INSERT VALUES ('umbrella', v.id, 0, 'merged')"
	src "WITH d AS (DELETE FROM items WHERE id = 10 RETURNING *) INSERT INTO items SELECT tenant_id, 106, n, t FROM d"
	sync
	same
	equal "34 3 2" "$(dst "SELECT count(*), count(*) FILTER (WHERE t = 'upsert'), count(*) FILTER (WHERE t = 'merged')
	    FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}
