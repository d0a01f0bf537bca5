load ../lib
load ../pipe/pipe

setup() {
	pair
	both "CREATE TABLE f (tenant_id text, a int, b text, c numeric); ALTER TABLE f REPLICA IDENTITY FULL"
}

teardown() {
	unpair
}

# Rows with NULLs and twins, on both sides, and changes of some of them.
fill() {
	both "INSERT INTO f SELECT 'acme', NULLIF(i % 4, 0), NULLIF(i % 3, 0)::text, NULL FROM generate_series(1, 24) i;
	    INSERT INTO f SELECT 'globex', NULL, NULL, NULL FROM generate_series(1, 3) i"
	slot
	src "UPDATE f SET b = 'first' WHERE ctid = (SELECT min(ctid) FROM f WHERE a IS NULL AND b IS NULL AND tenant_id = 'acme');
	    DELETE FROM f WHERE ctid = (SELECT max(ctid) FROM f WHERE tenant_id = 'globex');
	    DELETE FROM f WHERE ctid = (SELECT min(ctid) FROM f WHERE a = 1 AND b = '1');
	    UPDATE f SET a = NULL, b = 'x' WHERE a = 2; UPDATE f SET b = NULL WHERE b = '2' AND a = 3;
	    UPDATE f SET c = 1 WHERE tenant_id = 'globex' AND ctid = (SELECT min(ctid) FROM f WHERE tenant_id = 'globex');
	    INSERT INTO f VALUES ('acme', NULL, NULL, NULL), ('acme', NULL, NULL, NULL)"
}

filled() {
	sync
	same
	equal "27|2|1" "$(dst "SELECT count(*), count(*) FILTER (WHERE tenant_id = 'globex'), sum(c) FROM f")"
	equal 0 "$(conflicts)"
}

@test "full identity with NULLs and twins, without an index" {
	fill
	filled
}

@test "full identity beside plain indexes, of some columns or all" {
	dst "CREATE INDEX ON f (a); CREATE INDEX ON f (b, a); CREATE INDEX ON f USING hash (b);
	    CREATE INDEX ON f (tenant_id, a, b, c)"
	fill
	filled
}

@test "full identity beside indexes that cannot find every row" {
	dst "CREATE INDEX ON f (a) WHERE b IS NOT NULL; CREATE INDEX ON f (lower(b)); CREATE INDEX ON f ((a + 1), b);
	    CREATE UNIQUE INDEX ON f (a, b) WHERE c > 100; CREATE UNIQUE INDEX ON f ((c * 2), a)"
	fill
	filled
}

@test "full identity beside a unique index that lets NULLs in twice" {
	both "CREATE UNIQUE INDEX ON f (a)"
	both "INSERT INTO f VALUES ('acme', NULL, 'x', 1), ('acme', NULL, 'x', 1), ('acme', NULL, 'y', 1), ('acme', 1, 'x', 1)"
	slot
	src "DELETE FROM f WHERE ctid = (SELECT min(ctid) FROM f WHERE a IS NULL AND b = 'x')"
	src "UPDATE f SET b = 'z' WHERE b = 'y'; UPDATE f SET a = NULL WHERE a = 1; INSERT INTO f VALUES ('globex', 1, NULL, NULL)"
	src "UPDATE f SET a = 2, b = NULL WHERE a = 1"
	sync
	same
	equal "4|1" "$(dst "SELECT count(*), count(a) FROM f")"
	equal 0 "$(conflicts)"
}

@test "full identity beside a unique index without NULLs" {
	dst "ALTER TABLE f ALTER a SET NOT NULL; CREATE UNIQUE INDEX ON f (a)"
	slot
	src "INSERT INTO f SELECT 'acme', i, NULL, NULL FROM generate_series(1, 10) i"
	src "UPDATE f SET b = 'x' WHERE a < 5; UPDATE f SET a = a + 100 WHERE a IN (1, 6); DELETE FROM f WHERE a = 2"
	src "BEGIN; UPDATE f SET a = 1000 WHERE a = 3; UPDATE f SET a = 3 WHERE a = 4; UPDATE f SET a = 4 WHERE a = 1000; COMMIT"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "twins of one transaction, changed, deleted and made again" {
	slot
	src "BEGIN; INSERT INTO f SELECT 'acme', 1, NULL, 1 FROM generate_series(1, 5);
	    UPDATE f SET b = 'x' WHERE ctid IN (SELECT ctid FROM f LIMIT 2); DELETE FROM f WHERE ctid = (SELECT min(ctid) FROM f);
	    UPDATE f SET b = NULL WHERE b = 'x'; DELETE FROM f WHERE ctid = (SELECT max(ctid) FROM f);
	    INSERT INTO f VALUES ('acme', 1, NULL, 1); COMMIT"
	src "UPDATE f SET c = c + 1"
	src "BEGIN; DELETE FROM f WHERE ctid IN (SELECT ctid FROM f LIMIT 2); UPDATE f SET tenant_id = 'globex'; COMMIT"
	sync
	same
	equal "globex|2|2" "$(dst "SELECT max(tenant_id), count(*), max(c) FROM f")"
	equal 0 "$(conflicts)"
}

@test "rows that are equal but not the same stay apart" {
	both "CREATE TABLE e (tenant_id text, n numeric, x float8, i interval, z timetz, j jsonb); ALTER TABLE e REPLICA IDENTITY FULL"
	both "INSERT INTO e VALUES ('acme', 1.0, 0, '1 day', '12:00+00', '{\"a\": 1}'), ('acme', 1.00, 0, '1 day', '12:00+00', '{\"a\": 1}'),
	    ('acme', 1.0, '-0', '1 day', '12:00+00', '{\"a\": 1}'), ('acme', 1.0, 0, '24:00', '12:00+00', '{\"a\": 1}'),
	    ('acme', 1.0, 0, '1 day', '12:00+00', '{\"a\": 1.0}')"
	slot
	src "UPDATE e SET z = '01:00+00' WHERE n::text = '1.00'; DELETE FROM e WHERE x::text = '-0'"
	src "UPDATE e SET z = '02:00+00' WHERE i::text = '24:00:00'; DELETE FROM e WHERE j::text LIKE '%1.0}'"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "text that an extension calls equal stays apart under full identity" {
	both "CREATE EXTENSION citext; CREATE TABLE e (tenant_id text, t citext); ALTER TABLE e REPLICA IDENTITY FULL"
	both "INSERT INTO e VALUES ('acme', 'word'), ('acme', 'Word'), ('acme', 'WORD')"
	slot
	src "DELETE FROM e WHERE t::text = 'WORD'"
	src "UPDATE e SET t = 'other' WHERE t::text = 'Word'"
	sync
	same
	equal "other word" "$(dst "SELECT string_agg(t::text, ' ' ORDER BY t) FROM e")"
	equal 0 "$(conflicts)"
}

@test "full identity of a row with large values that did not change" {
	both "ALTER TABLE f ALTER b SET STORAGE EXTERNAL"
	slot
	src "INSERT INTO f SELECT 'acme', i % 2, repeat(md5((i % 2)::text), 300), 0 FROM generate_series(1, 6) i"
	src "UPDATE f SET c = 1 WHERE ctid = (SELECT min(ctid) FROM f WHERE a = 1); DELETE FROM f WHERE ctid = (SELECT max(ctid) FROM f WHERE a = 0)"
	src "UPDATE f SET b = b || 'x' WHERE c = 1; UPDATE f SET tenant_id = 'globex' WHERE a = 0"
	sync
	same
	equal "5|9601" "$(dst "SELECT count(*), max(length(b)) FROM f")"
	equal 0 "$(conflicts)"
}

@test "a full identity whose row has another row's values at the target" {
	both "INSERT INTO f VALUES ('acme', 1, 'x', NULL), ('acme', 2, 'x', NULL)"
	slot
	dst "UPDATE f SET b = 'local' WHERE a = 1"
	src "UPDATE f SET c = 5 WHERE a = 1; DELETE FROM f WHERE a = 2"
	sync
	# Verify says that the target has kept its own row.
	same_dump "a = 2"
	equal "update_missing inserted" "$(dst "SELECT conflict, resolution FROM hr.conflict" | tr '|' ' ')"
	equal "local x" "$(dst "SELECT string_agg(b, ' ' ORDER BY b) FROM f WHERE a = 1")"
}
