load ../lib
load ../pipe/pipe

setup() {
	pair
}

teardown() {
	unpair
}

@test "columns that only the target has get their defaults and keep local edits" {
	src "CREATE TABLE d (tenant_id text, a int PRIMARY KEY, b text)"
	dst "CREATE TABLE d (tenant_id text, a int PRIMARY KEY, b text, c timestamptz DEFAULT now(),
	    d bigint DEFAULT 999, e int GENERATED ALWAYS AS IDENTITY, g int GENERATED ALWAYS AS (length(b)) STORED)"
	src "INSERT INTO d VALUES ('acme', 1, 'foo'), ('globex', 2, 'bar')"
	sync --create-slot --snapshot
	equal "2|2|2|2|3" "$(dst "SELECT count(*), count(c), count(*) FILTER (WHERE d = 999), count(DISTINCT e), max(g) FROM d")"
	dst "UPDATE d SET c = '2000-01-01', d = 5 WHERE a = 1"
	src "UPDATE d SET b = 'longer'; INSERT INTO d SELECT 'acme', i, 'many' FROM generate_series(3, 600) i"
	sync
	same
	equal "600|1|599|6" "$(dst "SELECT count(*), count(*) FILTER (WHERE c = '2000-01-01' AND d = 5),
	    count(*) FILTER (WHERE d = 999), max(g) FROM d")"
	dst "UPDATE d SET d = a + 1"
	src "UPDATE d SET b = b || '!', a = a + 1000; DELETE FROM d WHERE a > 1500"
	sync
	same
	equal 500 "$(dst "SELECT count(*) FROM d WHERE d = a - 1000 + 1")"
	equal 0 "$(conflicts)"
}

@test "a row without a key is found whatever else the target has" {
	src "CREATE TABLE d (tenant_id text, a int, b text); ALTER TABLE d REPLICA IDENTITY FULL"
	dst "CREATE TABLE d (x serial PRIMARY KEY, b text, y text DEFAULT 'y', a int, tenant_id text)"
	both "INSERT INTO d (tenant_id, a, b) SELECT 'acme', i % 3, NULLIF(i % 2, 0) FROM generate_series(1, 12) i"
	slot
	dst "UPDATE d SET y = 'edited' WHERE x <= 6"
	src "UPDATE d SET b = 'z' WHERE a = 1; DELETE FROM d WHERE a = 2 AND b IS NULL"
	src "INSERT INTO d VALUES ('acme', 9, NULL); UPDATE d SET a = NULL WHERE a = 9"
	sync
	same
	equal "11|5" "$(dst "SELECT count(*), count(*) FILTER (WHERE y = 'edited') FROM d")"
	equal 0 "$(conflicts)"
}

@test "columns in another order, with other types that hold the values" {
	src "CREATE TABLE d (tenant_id varchar(20), id int PRIMARY KEY, a int, b varchar(5), c real, d json, e date,
	    f smallint[], g uuid, h boolean, i timestamp)"
	dst "CREATE TABLE d (i text, h text, g text, f int[], e timestamp, d jsonb, c float8, b text, a numeric, id bigint PRIMARY KEY,
	    tenant_id text)"
	slot
	src "INSERT INTO d VALUES ('acme', 1, 5, 'abc', 1.5, '{\"k\":1}', '2024-02-29', '{1,2}',
	    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', true, '2024-01-02 03:04:05');
	    INSERT INTO d VALUES ('globex', 2), ('acme', 3)"
	src "UPDATE d SET a = a + 1, b = 'x'; DELETE FROM d WHERE id = 3; UPDATE d SET id = 20 WHERE id = 2"
	sync
	equal "1 6 x 1.5 {\"k\": 1} 2024-02-29 00:00:00 {1,2} a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 true,20 x" \
	    "$(dst "SET datestyle = ISO; SELECT string_agg(concat_ws(' ', id, a, b, c, d, e, f, g, h), ',' ORDER BY id) FROM d")"
	equal 2024 "$(dst "SET datestyle = ISO; SELECT extract(year FROM i::timestamp) FROM d WHERE id = 1")"
	equal 0 "$(conflicts)"
}

@test "another key at the target than at the source" {
	both "CREATE TABLE d (tenant_id text NOT NULL, a int NOT NULL, b int NOT NULL, t text)"
	src "ALTER TABLE d ADD PRIMARY KEY (a)"
	dst "ALTER TABLE d ADD UNIQUE (b), ADD PRIMARY KEY (a, b)"
	both "CREATE TABLE e (LIKE d)"
	src "ALTER TABLE e ADD PRIMARY KEY (tenant_id, a, b)"
	dst "ALTER TABLE e ADD PRIMARY KEY (tenant_id, a)"
	slot
	src "INSERT INTO d SELECT 'acme', i, i * 10, 't' FROM generate_series(1, 6) i; INSERT INTO e SELECT * FROM d"
	sync
	src "UPDATE d SET t = 'u' WHERE a = 1; UPDATE d SET b = -1 WHERE a = 2; UPDATE d SET a = 30 WHERE a = 3; DELETE FROM d WHERE a = 4"
	src "UPDATE e SET t = 'u' WHERE a = 1; UPDATE e SET b = -1 WHERE a = 2; UPDATE e SET a = 30 WHERE a = 3; DELETE FROM e WHERE a = 4"
	sync
	same
	equal "1 10 u,2 -1 t,5 50 t,6 60 t,30 30 t" "$(dst "SELECT string_agg(concat_ws(' ', a, b, t), ',' ORDER BY a) FROM d")"
	equal 0 "$(conflicts)"
}

@test "a key with a column that the source does not have" {
	src "CREATE TABLE d (tenant_id text, a int PRIMARY KEY, t text)"
	dst "CREATE TABLE d (tenant_id text, a int, t text, region text DEFAULT 'eu', PRIMARY KEY (region, a))"
	slot
	src "INSERT INTO d SELECT 'acme', i, 't' FROM generate_series(1, 4) i"
	src "UPDATE d SET t = 'u' WHERE a = 1; DELETE FROM d WHERE a = 2; UPDATE d SET a = 30 WHERE a = 3"
	sync
	same
	equal 3 "$(dst "SELECT count(*) FROM d WHERE region = 'eu'")"
	grep -q "warning: table 'public.d' at the target has no unique index on its key" to.err
	equal 0 "$(conflicts)"
}

@test "no key at the target at all" {
	src "CREATE TABLE d (tenant_id text, a int PRIMARY KEY, t text)"
	dst "CREATE TABLE d (tenant_id text, a int, t text)"
	slot
	src "INSERT INTO d SELECT 'acme', i, 't' FROM generate_series(1, 4) i"
	src "UPDATE d SET t = 'u' WHERE a = 1; DELETE FROM d WHERE a = 2; UPDATE d SET a = 30 WHERE a = 3"
	sync
	same
	equal 3 "$(dst "SELECT count(*) FROM d")"
	equal 0 "$(conflicts)"
}

@test "refused: a column that the target lacks, until it is added" {
	src "CREATE TABLE d (tenant_id text, a int PRIMARY KEY, b text, c int)"
	dst "CREATE TABLE d (tenant_id text, a int PRIMARY KEY)"
	both "CREATE TABLE e (tenant_id text, a int PRIMARY KEY)"
	slot
	src "INSERT INTO d VALUES ('acme', 1, 'x', 1); INSERT INTO e VALUES ('acme', 1), ('globex', 2)"
	job
	ended 0 77
	[[ $(parked) == "acme|table 'public.d' at the target lacks column 'b'"* ]]
	equal 2 "$(dst "SELECT a FROM e")"
	one_error hr-apply "lacks column 'b'" to.err
	dst "$(dst "SELECT substring(hint FROM 'run (ALTER TABLE .*) at the target') FROM hr.tenant")"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	src "UPDATE d SET b = 'y'"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "refused: a key column that the target lacks, until it is added" {
	src "CREATE TABLE d (tenant_id text, a int, b int, t text, PRIMARY KEY (tenant_id, a, b))"
	dst "CREATE TABLE d (tenant_id text, a int, t text)"
	slot
	src "INSERT INTO d VALUES ('acme', 1, 1, 'x'), ('acme', 1, 2, 'y'); UPDATE d SET t = 'z' WHERE b = 2"
	src "DELETE FROM d WHERE b = 1"
	job
	ended 0 77
	one_error hr-apply "lacks column 'b'" to.err
	equal 0 "$(dst "SELECT count(*) FROM d")"
	dst "ALTER TABLE d ADD b int, ADD PRIMARY KEY (tenant_id, a, b)"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal "1|2|z" "$(dst "SELECT a, b, t FROM d")"
	equal 0 "$(conflicts)"
}

@test "refused: a delete for all tenants by a column that the target lacks" {
	src "CREATE TABLE d (tenant_id text, a int, b int, t text, PRIMARY KEY (a, b))"
	dst "CREATE TABLE d (tenant_id text, a int, t text)"
	slot
	src "INSERT INTO d VALUES ('acme', 1, 1, 'x'), ('acme', 1, 2, 'y'); UPDATE d SET t = 'z' WHERE b = 2"
	src "DELETE FROM d WHERE b = 1"
	job
	equal 78 "$to"
	one_error hr-apply "'public.d' at the target lacks column 'b'" to.err
	dst "ALTER TABLE d ADD b int, ADD PRIMARY KEY (a, b)"
	sync
	same
	equal "1|2|z" "$(dst "SELECT a, b, t FROM d")"
	equal 0 "$(conflicts)"
}

@test "a column that the target lacks is added where that is allowed" {
	both "CREATE TYPE mood AS ENUM ('sad', 'glad')"
	src "CREATE TABLE d (tenant_id text, a int PRIMARY KEY, b varchar(9) DEFAULT 'b', c numeric(9,2)[], m mood)"
	dst "CREATE TABLE d (tenant_id text, a int PRIMARY KEY)"
	slot
	src "INSERT INTO d VALUES ('acme', 1, 'x', '{1.5}', 'sad'); INSERT INTO d (tenant_id, a) VALUES ('globex', 2)"
	APPLY=(--ddl add)
	sync
	src "ALTER TABLE d ADD \"e e\" int DEFAULT 5"
	src "UPDATE d SET m = 'glad', \"e e\" = 6"
	sync
	same
	equal "character varying(9) numeric(9,2)[] mood integer" "$(dst "SELECT string_agg(format_type(atttypid, atttypmod), ' '
	    ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'd'::regclass AND attnum > 2")"
	equal 0 "$(conflicts)"
}

@test "columns added, renamed and dropped on both sides as rows go on" {
	both "CREATE TABLE d (tenant_id text, a int PRIMARY KEY, b text, c text)"
	slot
	src "INSERT INTO d VALUES ('acme', 1, 'b1', 'c1'), ('acme', 2, 'b2', 'c2')"
	sync
	both "ALTER TABLE d DROP b"
	src "UPDATE d SET c = 'c1!' WHERE a = 1"
	sync
	both "ALTER TABLE d ADD b int; ALTER TABLE d RENAME c TO cc"
	src "UPDATE d SET b = 5 WHERE a = 1; INSERT INTO d VALUES ('acme', 3, 'cc3', 3)"
	sync
	both "ALTER TABLE d RENAME TO dd"
	src "UPDATE dd SET cc = 'in dd' WHERE a = 2"
	sync
	same
	equal "1 c1! 5,2 in dd,3 cc3 3" "$(dst "SELECT string_agg(concat_ws(' ', a, cc, b), ',' ORDER BY a) FROM dd")"
	equal 0 "$(conflicts)"
}
