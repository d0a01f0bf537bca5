load ../lib
load ../pipe/pipe

setup() {
	pair
	both "CREATE TABLE r (tenant_id text, id int PRIMARY KEY, n int, big text);
	    ALTER TABLE r ALTER big SET STORAGE EXTERNAL"
	both "INSERT INTO r SELECT 'acme', i, i, repeat(md5(i::text), 300) FROM generate_series(1, 5) i"
	slot
}

teardown() {
	unpair
}

@test "a column added with a default, constant or not" {
	both "ALTER TABLE r ADD c int NOT NULL DEFAULT 7"
	src "INSERT INTO r VALUES ('acme', 6, 6, 'x', 6); UPDATE r SET n = 0 WHERE id = 1"
	both "ALTER TABLE r ADD v text NOT NULL DEFAULT upper(clock_timestamp()::text)"
	src "UPDATE r SET v = 'known'"
	src "INSERT INTO r VALUES ('acme', 7, 7, 'x', 7, 'v')"
	sync
	same
	equal "7|5" "$(dst "SELECT count(*), count(*) FILTER (WHERE c = 7 AND id < 6) FROM r")"
	equal 0 "$(conflicts)"
}

@test "a type that changes on both sides, with rows before and after" {
	src "UPDATE r SET n = 10 WHERE id = 1"
	sync
	both "ALTER TABLE r ALTER n TYPE bigint"
	src "UPDATE r SET n = 10000000000 WHERE id = 2; INSERT INTO r VALUES ('acme', 6, 20000000000)"
	sync
	both "ALTER TABLE r ALTER n TYPE text USING 'n' || n"
	src "UPDATE r SET n = 'text' WHERE id = 3; DELETE FROM r WHERE id = 4"
	sync
	same
	equal "n10 n10000000000 text n5 n20000000000" "$(dst "SELECT string_agg(n, ' ' ORDER BY id) FROM r")"
	equal 0 "$(conflicts)"
}

@test "rows of the old type that arrive when the target has the new one" {
	src "UPDATE r SET n = 10 WHERE id = 1; INSERT INTO r VALUES ('acme', 6, 6, 'x')"
	both "ALTER TABLE r ALTER n TYPE bigint"
	src "UPDATE r SET n = 10000000000 WHERE id = 2"
	both "ALTER TABLE r ALTER n TYPE numeric(20,2)"
	src "UPDATE r SET n = 1.25 WHERE id = 3; DELETE FROM r WHERE id = 5"
	sync
	same
	equal "10.00 10000000000.00 1.25 4.00 6.00" "$(dst "SELECT string_agg(n::text, ' ' ORDER BY id) FROM r")"
	equal 0 "$(conflicts)"
}

@test "a rewrite in the middle of a transaction" {
	src "BEGIN; INSERT INTO r VALUES ('acme', 6, 6, repeat('before', 3000)); UPDATE r SET n = -1 WHERE id = 1;
	    ALTER TABLE r ALTER n TYPE bigint; INSERT INTO r VALUES ('acme', 7, 10000000000, repeat('after', 3000));
	    UPDATE r SET n = n + 1; ALTER TABLE r ADD c text DEFAULT md5(random()::text);
	    UPDATE r SET c = 'c' || id; INSERT INTO r VALUES ('acme', 8, 8, NULL, 'last'); COMMIT"
	dst "ALTER TABLE r ALTER n TYPE bigint, ADD c text"
	sync
	same
	equal "8|10000000001|last" "$(dst "SELECT count(*), max(n), max(c) FROM r")"
	equal 0 "$(conflicts)"
}

@test "a rewrite that is rolled back leaves nothing" {
	src "BEGIN; UPDATE r SET n = 1; ALTER TABLE r ALTER n TYPE text; INSERT INTO r VALUES ('acme', 6, 'x'); ROLLBACK"
	src "BEGIN; UPDATE r SET n = 2; SAVEPOINT a; ALTER TABLE r ADD c int DEFAULT 1; UPDATE r SET c = 2; ROLLBACK TO a;
	    INSERT INTO r VALUES ('acme', 7, 7); COMMIT"
	sync
	same
	equal "6|17" "$(dst "SELECT count(*), sum(n) FROM r")"
	equal 0 "$(conflicts)"
}

@test "VACUUM FULL and CLUSTER say nothing, and large values survive them" {
	src "UPDATE r SET n = 1"
	src "VACUUM FULL r"
	src "UPDATE r SET n = 2 WHERE id = 2"
	src "CLUSTER r USING r_pkey"
	src "UPDATE r SET n = 3 WHERE id = 3; UPDATE r SET big = big || 'x' WHERE id = 4"
	src "ALTER TABLE r SET (fillfactor = 50); ALTER TABLE r ALTER big SET STORAGE MAIN"
	src "VACUUM FULL r"
	src "UPDATE r SET n = 5 WHERE id = 5"
	sync
	same
	equal "9600 9600 9600 9601 9600" "$(dst "SELECT string_agg(length(big)::text, ' ' ORDER BY id) FROM r")"
	equal 0 "$(conflicts)"
}

@test "a rewrite of a table with full identity keeps its rows findable" {
	both "ALTER TABLE r DROP CONSTRAINT r_pkey, ALTER id DROP NOT NULL, REPLICA IDENTITY FULL"
	src "UPDATE r SET n = 10 WHERE id = 1"
	both "ALTER TABLE r ADD c int DEFAULT 7, ADD d text DEFAULT 'd'"
	src "UPDATE r SET n = 20 WHERE id = 2; DELETE FROM r WHERE id = 3"
	both "ALTER TABLE r ALTER c TYPE bigint"
	src "UPDATE r SET c = 8 WHERE id = 4; DELETE FROM r WHERE id = 5"
	sync
	same
	equal "1 7 d,2 7 d,4 8 d" "$(dst "SELECT string_agg(concat_ws(' ', id, c, d), ',' ORDER BY id) FROM r")"
	equal 0 "$(conflicts)"
}

@test "a table that becomes logged is known from then on by its changes" {
	both "CREATE UNLOGGED TABLE u (tenant_id text, id int PRIMARY KEY)"
	src "INSERT INTO u VALUES ('acme', 1)"
	src "ALTER TABLE u SET LOGGED"
	dst "ALTER TABLE u SET LOGGED; INSERT INTO u VALUES ('acme', 1)"
	src "INSERT INTO u VALUES ('acme', 2)"
	src "ALTER TABLE u SET UNLOGGED; INSERT INTO u VALUES ('acme', 3)"
	sync
	equal "1 2" "$(dst "SELECT string_agg(id::text, ' ' ORDER BY id) FROM u")"
	same
	equal 0 "$(conflicts)"
}

@test "refused: a new type that the target's has no room for" {
	src "ALTER TABLE r ALTER n TYPE bigint"
	src "UPDATE r SET n = 11 WHERE id = 1; INSERT INTO r VALUES ('globex', 6, 10000000000)"
	job
	ended 0 77
	[[ $(parked) == "globex|"*range* ]]
	equal 11 "$(dst "SELECT n FROM r WHERE id = 1")"
	dst "ALTER TABLE r ALTER n TYPE bigint"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal 0 "$(conflicts)"
}
