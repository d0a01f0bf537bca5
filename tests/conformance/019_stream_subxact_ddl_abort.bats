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

@test "a column added in a savepoint that is rolled back" {
	src "BEGIN; $(rows acme 1001 1500); SAVEPOINT a; ALTER TABLE items ADD c int;
	    INSERT INTO items SELECT 'acme', i, 0, repeat(md5(i::text), 4), i FROM generate_series(1501, 2000) i;
	    ROLLBACK TO a; $(rows globex 1501 2000); UPDATE items SET n = 1 WHERE id < 10; COMMIT"
	src "INSERT INTO items VALUES ('acme', 100, 1, 'after')"
	sync
	streamed
	same
	equal "globex 500" "$(dst "SELECT tenant_id, count(*) FROM items WHERE id > 1500 GROUP BY 1" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "other columns after those that were rolled back" {
	dst "ALTER TABLE items ADD b text, ADD c int, ADD d text"
	session big
	in_session big "BEGIN; ALTER TABLE items ADD c int;
	    INSERT INTO items SELECT 'acme', i, 0, repeat(md5(i::text), 4), i FROM generate_series(1001, 1500) i"
	in_session big "SAVEPOINT a; ALTER TABLE items ADD d int, DROP c;
	    INSERT INTO items SELECT 'acme', i, 0, repeat(md5(i::text), 4), -i FROM generate_series(1501, 2000) i"
	in_session big "SAVEPOINT b; ALTER TABLE items ADD b int; UPDATE items SET b = 1 WHERE id > 1000; ROLLBACK TO a"
	in_session big "ALTER TABLE items ADD d text;
	    INSERT INTO items SELECT 'globex', i, 0, repeat(md5(i::text), 4), i, 'd' || i FROM generate_series(1501, 2000) i"
	in_session big "UPDATE items SET d = 'changed' WHERE id <= 1100; COMMIT"
	src "ALTER TABLE items ADD b text; INSERT INTO items VALUES ('acme', 100, 1, 'after', 7, 'd', 'b')"
	sync
	streamed
	same
	equal "1001 631 1" "$(dst "SELECT count(c), count(d), count(b) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "--ddl add leaves out columns that were rolled back" {
	src "BEGIN; $(rows acme 1001 1500); SAVEPOINT a; ALTER TABLE items ADD gone int;
	    INSERT INTO items SELECT 'acme', i, 0, repeat(md5(i::text), 4), i FROM generate_series(1501, 2000) i;
	    ROLLBACK TO a; ALTER TABLE items ADD stays int;
	    INSERT INTO items SELECT 'acme', i, 0, repeat(md5(i::text), 4), i FROM generate_series(1501, 2000) i; COMMIT"
	src "BEGIN; ALTER TABLE items ADD never int;
	    INSERT INTO items SELECT 'acme', i, 0, repeat(md5(i::text), 4), i, i FROM generate_series(2001, 2500) i; ROLLBACK"
	src "INSERT INTO items VALUES ('acme', 100, 1, 'after', 7)"
	APPLY=(--ddl add)
	sync
	streamed_but 2 1
	same
	equal "tenant_id id n t stays" "$(dst "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
	    WHERE attrelid = 'items'::regclass AND attnum > 0")"
	equal 0 "$(conflicts)"
}

@test "a streamed transaction with new columns, rolled back, leaves nothing" {
	session big
	in_session big "BEGIN; ALTER TABLE items ADD c int; SAVEPOINT a; ALTER TABLE items DROP t;
	    INSERT INTO items SELECT 'acme', i, 0, i FROM generate_series(1001, 3000) i; RELEASE a; ROLLBACK"
	src "INSERT INTO items VALUES ('acme', 100, 1, 'after'); UPDATE items SET n = 3 WHERE id = 3"
	src "BEGIN; $(rows acme 1001 2000); COMMIT"
	sync
	streamed_but 2 1
	same
	equal 1031 "$(count items)"
	equal 0 "$(conflicts)"
}

@test "a table truncated or remade in a savepoint that is rolled back" {
	src "BEGIN; $(rows acme 1001 1500); SAVEPOINT a; TRUNCATE items; $(rows globex 1 1000); ROLLBACK TO a;
	    SAVEPOINT b; DROP TABLE items; CREATE TABLE items (id int PRIMARY KEY, tenant_id text, other text);
	    INSERT INTO items SELECT i, 'acme', md5(i::text) FROM generate_series(1, 1000) i; ROLLBACK TO b;
	    $(rows globex 1501 1600); COMMIT"
	src "UPDATE items SET n = 9 WHERE id = 9"
	sync
	streamed
	same
	equal 630 "$(count items)"
	equal 0 "$(conflicts)"
}
