load ../lib
load ../pipe/pipe

setup() {
	pair
}

teardown() {
	unpair
}

# publish WHAT: the publication hr is for this.
publish() {
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR $1"
}

# Rows with numbers 1 to 20 of two tenants at the source, a slot from there on.
rows() {
	both "CREATE TABLE r (tenant_id text, id int PRIMARY KEY, n int, t text)"
	src "INSERT INTO r SELECT (ARRAY['acme', 'globex'])[i % 2 + 1], i, i, 'x' FROM generate_series(1, 20) i"
}

ids() {
	dst "SELECT string_agg(id::text, ' ' ORDER BY id) FROM ${1:-r}"
}

# With more publications than hr.
from() {
	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P "$1" --checkpoint "$F")
}

@test "the first copy and the inserts are filtered" {
	rows
	publish "TABLE r WHERE (n > 10 AND t <> 'skip')"
	sync --create-slot --snapshot
	equal "11 12 13 14 15 16 17 18 19 20" "$(ids)"
	src "INSERT INTO r VALUES ('acme', 21, 11, 'x'), ('globex', 22, 9, 'x'), ('acme', 23, 50, 'skip'), ('acme', 24, NULL, 'x'), ('acme', 25, 50, NULL)"
	sync
	same "n > 10 AND t <> 'skip'"
	equal "11 12 13 14 15 16 17 18 19 20 21" "$(ids)"
	equal 0 "$(conflicts)"
}

@test "the first copy takes the filter and the tenants chosen together" {
	rows
	publish "TABLE r WHERE (n > 16 OR n < 3)"
	sync --create-slot --snapshot --tenant acme
	equal "2 18 20" "$(ids)"
	src "INSERT INTO r VALUES ('acme', 30, 1), ('globex', 31, 1), ('acme', 32, 10)"
	sync --tenant acme
	equal "2 18 20 30" "$(ids)"
	equal 0 "$(conflicts)"
}

# The whole row is the identity, so that a filter may be by any column.
full() {
	rows
	both "ALTER TABLE r REPLICA IDENTITY FULL"
	publish "TABLE r WHERE (n > 10)"
	sync --create-slot --snapshot
}

@test "an update that crosses the filter is an insert or a delete" {
	full
	src "UPDATE r SET n = 100 WHERE id = 1; UPDATE r SET n = 0 WHERE id = 20; UPDATE r SET t = 'in' WHERE id = 15;
	    UPDATE r SET t = 'out' WHERE id = 5; UPDATE r SET n = NULL WHERE id = 19; UPDATE r SET n = 200 WHERE id = 19"
	src "DELETE FROM r WHERE id IN (2, 18); UPDATE r SET id = 40 WHERE id = 14; UPDATE r SET id = 30, n = 99 WHERE id = 3"
	sync
	same "n > 10"
	equal "1 11 12 13 15 16 17 19 30 40" "$(ids)"
	equal "in 200" "$(dst "SELECT max(t) FILTER (WHERE id = 15), max(n) FILTER (WHERE id = 19) FROM r" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a row crosses the filter back and forth in a transaction" {
	full
	src "BEGIN; UPDATE r SET n = 1 WHERE id = 20; UPDATE r SET t = 'y' WHERE id = 20; UPDATE r SET n = 20 WHERE id = 20;
	    INSERT INTO r VALUES ('acme', 50, 1); UPDATE r SET n = 50 WHERE id = 50; UPDATE r SET n = 2 WHERE id = 50;
	    UPDATE r SET n = n - 5 WHERE id < 20; UPDATE r SET n = n + 5 WHERE id < 20; COMMIT"
	src "UPDATE r SET n = 21 - n WHERE id <= 20"
	sync
	same "n > 10"
	equal "1 2 3 4 5 6 7 8 9 10" "$(ids)"
	equal 0 "$(conflicts)"
}

@test "a row crosses the filter and moves to another tenant at once" {
	full
	src "UPDATE r SET n = 100, tenant_id = 'initech' WHERE id IN (1, 2); UPDATE r SET n = 0, tenant_id = 'initech' WHERE id IN (19, 20);
	    UPDATE r SET tenant_id = 'initech' WHERE id IN (3, 18)"
	sync
	same "n > 10"
	equal "1 2 18" "$(dst "SELECT string_agg(id::text, ' ' ORDER BY id) FROM r WHERE tenant_id = 'initech'")"
	src "UPDATE r SET n = 100, tenant_id = 'acme' WHERE tenant_id = 'initech'"
	sync
	same "n > 10"
	equal 0 "$(conflicts)"
}

@test "a row enters the filter, and only the tenants chosen get it" {
	rows
	both "ALTER TABLE r REPLICA IDENTITY FULL"
	publish "TABLE r WHERE (n > 10)"
	sync --create-slot --snapshot --tenant acme
	src "UPDATE r SET n = n + 5 WHERE id IN (7, 8); UPDATE r SET tenant_id = 'acme' WHERE id IN (9, 11); UPDATE r SET tenant_id = 'acme', n = 77 WHERE id = 5;
	    UPDATE r SET tenant_id = 'globex', n = 1 WHERE id = 12; UPDATE r SET tenant_id = 'globex' WHERE id = 14"
	sync --tenant acme
	same "n > 10 AND tenant_id = 'acme'"
	equal "5 8 11 16 18 20" "$(ids)"
	equal 0 "$(conflicts)"
}

@test "a filter may ask for NULL, and what is neither true nor false is out" {
	both "CREATE TABLE r (tenant_id text, id int PRIMARY KEY, n int, ok boolean); ALTER TABLE r REPLICA IDENTITY FULL;
	    CREATE TABLE s (tenant_id text, id int PRIMARY KEY, n int, ok boolean); ALTER TABLE s REPLICA IDENTITY FULL"
	src "INSERT INTO r VALUES ('acme', 1, NULL, NULL), ('acme', 2, 2, true); INSERT INTO s SELECT * FROM r"
	publish "TABLE r WHERE (n IS NULL), s WHERE (ok)"
	sync --create-slot --snapshot
	equal "1|2" "$(ids r)|$(ids s)"
	src "INSERT INTO r VALUES ('acme', 3, 3), ('acme', 4, NULL); UPDATE r SET n = NULL WHERE id = 2; UPDATE r SET n = 1 WHERE id = 1"
	src "INSERT INTO s VALUES ('acme', 3, 3, NULL), ('acme', 4, 4, true), ('acme', 5, 5, false); UPDATE s SET ok = NULL WHERE id = 2;
	    UPDATE s SET ok = true WHERE id = 1; UPDATE s SET ok = false WHERE id = 3"
	sync
	same_rows r "n IS NULL"
	same_rows s ok
	equal "2 4|1 4" "$(ids r)|$(ids s)"
	equal 0 "$(conflicts)"
}

@test "the filters of several publications are joined by or" {
	rows
	both "ALTER TABLE r REPLICA IDENTITY FULL"
	publish "TABLE r WHERE (n < 4)"
	src "CREATE PUBLICATION two FOR TABLE r WHERE (n > 17); CREATE PUBLICATION three FOR TABLE r WHERE (t = 'three')"
	from hr,two,three
	sync --create-slot --snapshot
	equal "1 2 3 18 19 20" "$(ids)"
	src "UPDATE r SET n = 10 WHERE id = 1; UPDATE r SET n = 30 WHERE id = 2; UPDATE r SET n = 1 WHERE id = 10; UPDATE r SET t = 'three' WHERE id = 11;
	    INSERT INTO r VALUES ('acme', 21, 10, 'three'), ('acme', 22, 10, 'none'); DELETE FROM r WHERE id = 18; DELETE FROM r WHERE id = 9"
	sync
	same "n < 4 OR n > 17 OR t = 'three'"
	equal "2 3 10 11 19 20 21" "$(ids)"
	equal 0 "$(conflicts)"
}

@test "filters hold for the operations that their publication is for" {
	rows
	both "ALTER TABLE r REPLICA IDENTITY FULL"
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE r WHERE (n > 10) WITH (publish = 'insert');
	    CREATE PUBLICATION two FOR TABLE r WHERE (n > 5) WITH (publish = 'update, delete')"
	from hr,two
	slot
	src "INSERT INTO r VALUES ('acme', 31, 31), ('acme', 37, 7); UPDATE r SET t = 'y' WHERE id IN (31); DELETE FROM r WHERE id = 3"
	src "UPDATE r SET n = 6 WHERE id = 31; UPDATE r SET n = 8, t = 'entered' WHERE id = 1; UPDATE r SET n = 2 WHERE id = 37"
	sync
	equal "1 31" "$(ids)"
	equal "6|entered" "$(dst "SELECT max(n) FILTER (WHERE id = 31), max(t) FILTER (WHERE id = 1) FROM r")"
}

@test "a publication without a filter counts more than those with one" {
	rows
	both "CREATE SCHEMA s; CREATE TABLE s.r (LIKE r INCLUDING ALL)"
	src "INSERT INTO s.r SELECT * FROM r"
	publish "TABLE r WHERE (n > 10), s.r WHERE (n > 10)"
	src "CREATE PUBLICATION every FOR ALL TABLES; CREATE PUBLICATION schema FOR TABLES IN SCHEMA s"
	from hr,schema
	sync --create-slot --snapshot
	equal "10|20" "$(dst "SELECT (SELECT count(*) FROM r), (SELECT count(*) FROM s.r)")"
	src "INSERT INTO r VALUES ('acme', 30, 1), ('acme', 31, 31); INSERT INTO s.r VALUES ('acme', 30, 1)"
	sync
	same_rows r "n > 10"
	same_rows s.r
	from hr,every
	src "INSERT INTO r VALUES ('acme', 40, 1); INSERT INTO s.r VALUES ('acme', 40, 1)"
	sync
	equal "1|1" "$(dst "SELECT (SELECT count(*) FROM r WHERE id = 40), (SELECT count(*) FROM s.r WHERE id = 40)")"
	equal 0 "$(conflicts)"
}

@test "a filter may be changed while it is followed" {
	full
	src "UPDATE r SET t = 'old' WHERE id = 5; ALTER PUBLICATION hr SET TABLE r WHERE (n < 6); UPDATE r SET t = 'new' WHERE id = 4;
	    INSERT INTO r VALUES ('acme', 30, 30), ('acme', 31, 3); DELETE FROM r WHERE id = 20"
	src "ALTER PUBLICATION hr SET TABLE r; INSERT INTO r VALUES ('acme', 40, 10)"
	sync
	equal "4 11 12 13 14 15 16 17 18 19 20 31 40" "$(ids)"
	# The row that was told as changed had never come.
	equal "update_missing inserted" "$(dst "SELECT conflict || ' ' || resolution FROM hr.conflict")"
}

@test "a large unchanged value in the identity decides and comes along" {
	both "CREATE TABLE r (tenant_id text NOT NULL, id int NOT NULL, big text NOT NULL, n int);
	    ALTER TABLE r ALTER big SET STORAGE EXTERNAL"
	both "CREATE UNIQUE INDEX r_key ON r (tenant_id, id, n); ALTER TABLE r ALTER n SET NOT NULL; ALTER TABLE r REPLICA IDENTITY FULL"
	src "INSERT INTO r SELECT 'acme', i, repeat(md5(i::text), 300), i FROM generate_series(1, 6) i"
	publish "TABLE r WHERE (length(big) > 1000 AND n > 3)"
	sync --create-slot --snapshot
	equal "4 5 6" "$(ids)"
	src "UPDATE r SET n = 10 WHERE id = 1; UPDATE r SET n = n + 10 WHERE id = 4; UPDATE r SET n = 0 WHERE id = 5;
	    UPDATE r SET big = 'small' WHERE id = 6; UPDATE r SET tenant_id = 'globex', n = 20 WHERE id = 2"
	sync
	same "length(big) > 1000 AND n > 3"
	equal "1 2 4|9600" "$(ids)|$(dst "SELECT DISTINCT length(big) FROM r")"
	equal 0 "$(conflicts)"
}

@test "a row enters the filter with the large values it did not change" {
	both "CREATE TABLE r (tenant_id text, id int, n int, big text, PRIMARY KEY (tenant_id, id, n));
	    ALTER TABLE r ALTER big SET STORAGE EXTERNAL"
	src "INSERT INTO r SELECT 'acme', i, i, repeat(md5(i::text), 300) FROM generate_series(1, 4) i"
	publish "TABLE r WHERE (n > 2)"
	sync --create-slot --snapshot
	src "UPDATE r SET n = 30 WHERE id = 3; UPDATE r SET n = 10 WHERE id = 1"
	sync
	same "n > 2"
	equal "3|9600" "$(dst "SELECT count(*), min(length(big)) FROM r")"
	equal 0 "$(conflicts)"
}

# A table in two leaves, each with another filter than the root.
parts() {
	both "CREATE TABLE p (tenant_id text, id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
	    CREATE TABLE p_low PARTITION OF p FOR VALUES FROM (0) TO (100);
	    CREATE TABLE p_high PARTITION OF p FOR VALUES FROM (100) TO (1000)"
	both "ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE p_low REPLICA IDENTITY FULL; ALTER TABLE p_high REPLICA IDENTITY FULL"
	src "INSERT INTO p SELECT 'acme', i, i % 10 FROM generate_series(95, 104) i"
	publish "TABLE p_low WHERE (n > 8), p_high WHERE (n < 2)"
	[ -z "${1:-}" ] || src "ALTER PUBLICATION hr SET (publish_via_partition_root = true);
	    ALTER PUBLICATION hr ADD TABLE p WHERE (n > 5)"
}

@test "the root's filter holds where rows go by the root" {
	parts root
	sync --create-slot --snapshot
	equal "96 97 98 99" "$(ids p)"
	src "INSERT INTO p VALUES ('acme', 1, 9), ('acme', 2, 1), ('acme', 201, 9), ('acme', 202, 1); UPDATE p SET n = 9 WHERE id = 100; UPDATE p SET n = 0 WHERE id = 96;
	    UPDATE p SET id = 300 WHERE id = 97; UPDATE p SET id = 301, n = 0 WHERE id = 98; DELETE FROM p WHERE id = 99"
	sync
	same "n > 5"
	equal "1 100 201 300" "$(ids p)"
	equal 0 "$(conflicts)"
}

@test "a leaf's filter holds where rows go by the leaves" {
	parts
	sync --create-slot --snapshot
	equal "99 100 101" "$(ids p)"
	src "INSERT INTO p VALUES ('acme', 1, 9), ('acme', 2, 1), ('acme', 201, 9), ('acme', 202, 1); UPDATE p SET n = 9 WHERE id = 100; UPDATE p SET n = 9 WHERE id = 96;
	    UPDATE p SET id = 300 WHERE id = 99; UPDATE p SET id = 301, n = 0 WHERE id = 1"
	sync
	same "id < 100 AND n > 8 OR id >= 100 AND n < 2"
	equal "96 101 202 301" "$(ids p)"
	equal 0 "$(conflicts)"
}

@test "a root's filter holds for the leaf when only the root is named" {
	parts root
	src "ALTER PUBLICATION hr SET TABLE p WHERE (n > 5 AND tenant_id <> 'secret')"
	both "ALTER TABLE p ADD t text DEFAULT 'd'"
	sync --create-slot --snapshot
	equal "96 97 98 99" "$(ids p)"
	src "UPDATE p SET tenant_id = 'secret' WHERE id = 96; UPDATE p SET t = 'e' WHERE id IN (97, 101); INSERT INTO p VALUES ('secret', 500, 9), ('acme', 501, 9)"
	sync
	same "n > 5 AND tenant_id <> 'secret'"
	equal "97 98 99 501" "$(ids p)"
	equal 0 "$(conflicts)"
}

@test "tables that inherit are filtered as their parent" {
	both "CREATE TABLE parent (tenant_id text, id int, n int); CREATE TABLE child (more text) INHERITS (parent)"
	both "ALTER TABLE parent REPLICA IDENTITY FULL; ALTER TABLE child REPLICA IDENTITY FULL"
	src "INSERT INTO parent SELECT 'acme', i, i FROM generate_series(1, 6) i; INSERT INTO child SELECT 'acme', 100 + i, i, 'm' FROM generate_series(1, 6) i"
	publish "TABLE parent WHERE (n > 4)"
	sync --create-slot --snapshot
	equal "5 6|105 106" "$(ids "ONLY parent")|$(ids child)"
	src "INSERT INTO parent VALUES ('acme', 10, 10), ('acme', 11, 1); INSERT INTO child VALUES ('acme', 110, 10, 'x'), ('acme', 111, 1, 'x');
	    UPDATE parent SET n = n + 2; DELETE FROM parent WHERE n = 12"
	sync
	verified
	equal "3 4 5 6|103 104 105 106" "$(ids "ONLY parent")|$(ids child)"
	same_rows child "n > 4"
	equal 0 "$(conflicts)"
}

@test "rows of a parent and of a child with the same key keep apart" {
	both "CREATE TABLE parent (tenant_id text, id int PRIMARY KEY, n int); CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent)"
	publish "TABLE parent WHERE (id < 100)"
	src "INSERT INTO parent SELECT 'acme', i, 0 FROM generate_series(1, 9) i; INSERT INTO child SELECT 'acme', i, 0 FROM generate_series(1, 9) i"
	sync --create-slot --snapshot
	equal "9|9" "$(dst "SELECT (SELECT count(*) FROM ONLY parent), (SELECT count(*) FROM child)")"
	src "UPDATE ONLY parent SET n = 1 WHERE id = 1; UPDATE ONLY parent SET n = 1 WHERE id IN (2, 3, 4, 5); DELETE FROM ONLY parent WHERE id = 6"
	sync
	equal "5|8|0|9" "$(dst "SELECT (SELECT sum(n) FROM ONLY parent), (SELECT count(*) FROM ONLY parent), (SELECT sum(n) FROM child), (SELECT count(*) FROM child)")"
	same
	src "TRUNCATE ONLY parent"
	sync
	same
	equal 9 "$(dst "SELECT count(*) FROM child")"
	equal 0 "$(conflicts)"
}

@test "a filter by the tenant's column, and by a function" {
	rows
	both "ALTER TABLE r REPLICA IDENTITY FULL"
	publish "TABLE r WHERE (tenant_id = 'acme' AND n % 3 = 0 AND lower(t) = 'x' AND id = ANY (ARRAY[6, 12, 21, 22, 24]))"
	sync --create-slot --snapshot
	equal "6 12" "$(ids)"
	src "INSERT INTO r VALUES ('acme', 21, 21, 'X'), ('acme', 22, 22, 'x'), ('globex', 24, 24, 'x'); UPDATE r SET tenant_id = 'globex' WHERE id = 6; UPDATE r SET tenant_id = 'acme' WHERE id = 24"
	sync
	equal "12 21 24" "$(ids)"
	same "id IN (12, 21, 24)"
	equal 0 "$(conflicts)"
}

@test "a truncate is not filtered" {
	full
	src "TRUNCATE r; INSERT INTO r VALUES ('acme', 1, 1), ('acme', 2, 20)"
	sync
	same "n > 10"
	equal 2 "$(ids)"
	equal 0 "$(conflicts)"
}
