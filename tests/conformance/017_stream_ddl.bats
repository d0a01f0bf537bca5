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

@test "columns added on the way through a streamed transaction" {
	dst "ALTER TABLE items ADD c int, ADD d text, ADD e int"
	session big
	in_session big "BEGIN; $(rows acme 1001 1500); ALTER TABLE items ADD c int"
	in_session big "INSERT INTO items SELECT 'globex', i, 0, repeat(md5(i::text), 4), i FROM generate_series(1501, 2000) i"
	in_session big "SAVEPOINT a; ALTER TABLE items ADD d text, ADD e int;
	    INSERT INTO items SELECT 'acme', i, 0, NULL, i, repeat(md5(i::text), 4), -i FROM generate_series(2001, 2500) i;
	    UPDATE items SET d = 'd', c = 1 WHERE id BETWEEN 1401 AND 1600; RELEASE a"
	in_session big "UPDATE items SET e = 9 WHERE id = 1; COMMIT"
	src "INSERT INTO items VALUES ('acme', 100, 1, 't', 2, 'd', 3)"
	sync
	streamed
	same
	equal "1101 701 502" "$(dst "SELECT count(c), count(d), count(e) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "columns that a streamed transaction adds are added with --ddl add" {
	src "BEGIN; $(rows acme 1001 1500); ALTER TABLE items ADD c numeric(8,2);
	    INSERT INTO items SELECT 'globex', i, 0, repeat(md5(i::text), 4), i / 4.0 FROM generate_series(1501, 2000) i;
	    SAVEPOINT a; ALTER TABLE items ADD d text; UPDATE items SET d = md5(id::text) WHERE id > 1200; COMMIT"
	APPLY=(--ddl add)
	sync
	streamed
	same
	equal "500 800" "$(dst "SELECT count(c), count(d) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a column dropped on the way through a streamed transaction" {
	src "BEGIN; $(rows acme 1001 1500); ALTER TABLE items DROP n;
	    INSERT INTO items SELECT 'globex', i, repeat(md5(i::text), 4) FROM generate_series(1501, 2000) i;
	    UPDATE items SET t = 'x' WHERE id % 2 = 0; DELETE FROM items WHERE id % 5 = 0; COMMIT"
	sync
	streamed
	same
	equal 800 "$(count "items WHERE id > 1000")"
	equal 0 "$(conflicts)"
}

@test "a type changed and a table rewritten inside a streamed transaction" {
	dst "ALTER TABLE items ALTER n TYPE bigint"
	src "BEGIN; $(rows acme 1001 1500); ALTER TABLE items ALTER n TYPE bigint;
	    INSERT INTO items SELECT 'globex', i, i * 10000000000, repeat(md5(i::text), 4) FROM generate_series(1501, 2000) i;
	    UPDATE items SET n = n + 5000000000 WHERE id < 1100; COMMIT"
	sync
	streamed
	same
	equal 20000000000000 "$(dst "SELECT max(n) FROM items")"
	equal 0 "$(conflicts)"
}

@test "a table made and filled in a streamed transaction" {
	src "BEGIN; $(rows acme 1001 1200); CREATE TABLE made (tenant_id text, id int PRIMARY KEY, t text);
	    INSERT INTO made SELECT 'acme', i, md5(i::text) FROM generate_series(1, 1000) i;
	    SAVEPOINT a; CREATE TABLE gone (tenant_id text, id int PRIMARY KEY); INSERT INTO gone VALUES ('acme', 1);
	    DROP TABLE gone; UPDATE made SET t = 'x' WHERE id < 10; COMMIT"
	dst "CREATE TABLE made (tenant_id text, id int PRIMARY KEY, t text)"
	dst "CREATE TABLE gone (tenant_id text, id int PRIMARY KEY)"
	sync
	streamed
	same
	equal 1000 "$(count made)"
	equal 0 "$(conflicts)"
}

# The publication's columns are not locked by who writes to the table.
@test "the published columns change while a streamed transaction is open" {
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE items"
	src "SELECT FROM pg_drop_replication_slot('$SLOT')"
	slot
	session big
	in_session big "BEGIN; $(rows acme 1001 1500)"
	# With a large value last, nothing is left to be sent at the commit.
	in_session big "INSERT INTO items SELECT 'acme', 1501, 1, string_agg(md5(i::text), '') FROM generate_series(1, 5000) i"
	src "ALTER PUBLICATION hr SET TABLE items (tenant_id, id, t)"
	src "INSERT INTO items VALUES ('globex', 101, 1, 'one')"
	in_session big "COMMIT"
	src "INSERT INTO items VALUES ('globex', 102, 2, 'two')"
	sync
	streamed
	equal "101 one,102 two,1501 160000" "$(dst "SELECT concat_ws(' ', id,
	    CASE WHEN id < 1000 THEN t ELSE length(t)::text END) FROM items
	    WHERE id IN (101, 102, 1501) ORDER BY id" | paste -sd ,)"
	equal 2 "$(count "items WHERE id IN (101, 102) AND n IS NULL")"
	equal 533 "$(count items)"
	equal 0 "$(conflicts)"
}
