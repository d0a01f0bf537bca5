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

from() {
	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P "$1" --checkpoint "$F")
}

# A table of five columns; the target's own values say that none came.
columns() {
	src "CREATE TABLE c (tenant_id text, id int PRIMARY KEY, a int, b text, c text)"
	dst "CREATE TABLE c (c text DEFAULT 'own', b text DEFAULT 'own', a int DEFAULT -1, tenant_id text, id int PRIMARY KEY)"
	src "INSERT INTO c SELECT (ARRAY['acme', 'globex'])[i % 2 + 1], i, i, 'b' || i, 'c' || i FROM generate_series(1, 4) i"
}

row() {
	dst "SELECT concat_ws(' ', tenant_id, a, b, c) FROM c WHERE id = $1"
}

@test "only the columns listed are copied and followed" {
	columns
	publish "TABLE c (b, id, tenant_id)"
	sync --create-slot --snapshot
	equal "acme -1 b2 own" "$(row 2)"
	dst "UPDATE c SET c = 'edited' WHERE id = 1"
	src "UPDATE c SET b = 'new', a = 100, c = 'hidden' WHERE id = 1; UPDATE c SET c = 'hidden' WHERE id = 2; INSERT INTO c VALUES ('acme', 5, 5, 'b5', 'c5');
	    DELETE FROM c WHERE id = 3; UPDATE c SET id = 40, b = 'moved' WHERE id = 4"
	sync
	verified
	equal "globex -1 new edited|acme -1 b2 own|acme -1 b5 own|acme -1 moved own" "$(row 1)|$(row 2)|$(row 5)|$(row 40)"
	equal "1 2 5 40" "$(dst "SELECT string_agg(id::text, ' ' ORDER BY id) FROM c")"
	equal 0 "$(conflicts)"
}

@test "what is not listed need not be at the target, nor come in the stream" {
	columns
	dst "ALTER TABLE c DROP a, DROP c"
	publish "TABLE c (tenant_id, id, b)"
	slot
	src "INSERT INTO c VALUES ('acme', 5, 5, 'b5', 'very secret'); UPDATE c SET c = 'very secret', b = 'x' WHERE id = 5"
	record c.hrs
	! grep -q "very secret" c.hrs
	sync
	equal "acme x" "$(dst "SELECT tenant_id, b FROM c WHERE id = 5" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "the list may be changed while it is followed" {
	columns
	publish "TABLE c (tenant_id, id, a)"
	slot
	src "INSERT INTO c VALUES ('acme', 5, 5, 'b5', 'c5'); ALTER PUBLICATION hr SET TABLE c (tenant_id, id, b, c); INSERT INTO c VALUES ('acme', 6, 6, 'b6', 'c6')"
	src "ALTER PUBLICATION hr SET TABLE c; INSERT INTO c VALUES ('acme', 7, 7, 'b7', 'c7'); ALTER PUBLICATION hr SET TABLE c (tenant_id, id); INSERT INTO c VALUES ('acme', 8, 8, 'b8', 'c8')"
	src "UPDATE c SET a = 0 WHERE id = 7"
	sync
	equal "acme 5 own own|acme -1 b6 c6|acme 7 b7 c7|acme -1 own own" "$(row 5)|$(row 6)|$(row 7)|$(row 8)"
	equal 0 "$(conflicts)"
}

@test "listed columns that are dropped and added at the source" {
	both "CREATE TABLE d (tenant_id text, id int PRIMARY KEY, a int, b int)"
	publish "TABLE d (tenant_id, id, a)"
	slot
	src "INSERT INTO d VALUES ('acme', 1, 1, 1); ALTER TABLE d DROP b; INSERT INTO d VALUES ('acme', 2, 2); ALTER TABLE d ADD more int; INSERT INTO d VALUES ('acme', 3, 3, 3)"
	src "ALTER PUBLICATION hr SET TABLE d (id, tenant_id); ALTER TABLE d DROP a; UPDATE d SET more = 5; INSERT INTO d VALUES ('acme', 4, 4)"
	sync
	equal "1 1,2 2,3 3,4" "$(dst "SELECT string_agg(concat_ws(' ', id, a, b), ',' ORDER BY id) FROM d")"
	equal 0 "$(conflicts)"
}

@test "the identity may change when the list holds it" {
	both "CREATE TABLE k (tenant_id text NOT NULL, id int PRIMARY KEY, code int NOT NULL, t text, hidden text DEFAULT 'own')"
	both "CREATE UNIQUE INDEX k_code ON k (tenant_id, code)"
	both "INSERT INTO k SELECT 'acme', i, 100 + i, 'x' FROM generate_series(1, 6) i"
	publish "TABLE k (tenant_id, id, code, t)"
	slot
	src "UPDATE k SET t = 'by id' WHERE id = 1; ALTER TABLE k REPLICA IDENTITY USING INDEX k_code; UPDATE k SET t = 'by code', hidden = 'h' WHERE id = 2; UPDATE k SET code = 300 WHERE id = 3"
	src "ALTER TABLE k DROP CONSTRAINT k_pkey; UPDATE k SET id = 40 WHERE id = 4; DELETE FROM k WHERE id = 5; ALTER TABLE k ADD PRIMARY KEY (id), REPLICA IDENTITY DEFAULT; UPDATE k SET t = 'again' WHERE id = 6"
	sync
	equal "1 101 by id own,2 102 by code own,3 300 x own,6 106 again own,40 104 x own" "$(dst "SELECT string_agg(concat_ws(' ', id, code, t, hidden), ',' ORDER BY id) FROM k")"
	equal 0 "$(conflicts)"
}

@test "the source keeps back changes whose identity is not listed" {
	both "CREATE TABLE k (tenant_id text NOT NULL, id int PRIMARY KEY, code int, t text)"
	publish "TABLE k (tenant_id, id, t)"
	slot
	src "INSERT INTO k VALUES ('acme', 1, 1, 'x'), ('acme', 2, 2, 'x')"
	src "ALTER TABLE k REPLICA IDENTITY FULL"
	run ! src "UPDATE k SET t = 'y' WHERE id = 1"
	src "INSERT INTO k VALUES ('acme', 3, 3, 'x')"
	src "ALTER TABLE k REPLICA IDENTITY DEFAULT; UPDATE k SET t = 'y' WHERE id = 1; DELETE FROM k WHERE id = 2"
	sync
	equal "1 y,3 x" "$(dst "SELECT string_agg(concat_ws(' ', id, code, t), ',' ORDER BY id) FROM k")"
	equal 0 "$(conflicts)"
}

@test "the root's list holds where rows go by the root, the leaf's elsewhere" {
	src "CREATE TABLE p (tenant_id text, id int PRIMARY KEY, a text, b text) PARTITION BY RANGE (id)"
	dst "CREATE TABLE p (tenant_id text, id int PRIMARY KEY, a text DEFAULT 'own', b text DEFAULT 'own') PARTITION BY RANGE (id)"
	both "CREATE TABLE p_low PARTITION OF p FOR VALUES FROM (0) TO (100); CREATE TABLE p_high PARTITION OF p FOR VALUES FROM (100) TO (1000)"
	src "INSERT INTO p VALUES ('acme', 1, 'a1', 'b1'), ('acme', 101, 'a101', 'b101')"
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE p (tenant_id, id, a), p_high (tenant_id, id, b) WITH (publish_via_partition_root = true)"
	sync --create-slot --snapshot
	equal "1 a1 own,101 a101 own" "$(dst "SELECT string_agg(concat_ws(' ', id, a, b), ',' ORDER BY id) FROM p")"
	src "INSERT INTO p VALUES ('acme', 2, 'a2', 'b2'), ('acme', 102, 'a102', 'b102'); UPDATE p SET id = 103, a = 'moved', b = 'moved' WHERE id = 1"
	sync
	publish "TABLE p_low (tenant_id, id, a), p_high (tenant_id, id, b)"
	src "INSERT INTO p VALUES ('acme', 4, 'a4', 'b4'), ('acme', 104, 'a104', 'b104'); UPDATE p SET a = 'last', b = 'last' WHERE id IN (2, 102)"
	sync
	equal "2 last own,4 a4 own,101 a101 own,102 a102 last,103 moved own,104 own b104" "$(dst "SELECT string_agg(concat_ws(' ', id, a, b), ',' ORDER BY id) FROM p")"
	equal 0 "$(conflicts)"
}

@test "a leaf with its columns in another order keeps to the root's list" {
	src "CREATE TABLE p (tenant_id text, id int PRIMARY KEY, a text, b text) PARTITION BY RANGE (id);
	    CREATE TABLE p_low (b text, gone int, a text, id int NOT NULL, tenant_id text); ALTER TABLE p_low DROP gone; ALTER TABLE p ATTACH PARTITION p_low FOR VALUES FROM (0) TO (100)"
	dst "CREATE TABLE p (tenant_id text, id int PRIMARY KEY, a text DEFAULT 'own', b text DEFAULT 'own')"
	src "INSERT INTO p VALUES ('acme', 1, 'a1', 'b1')"
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE p (id, b, tenant_id) WITH (publish_via_partition_root = true)"
	sync --create-slot --snapshot
	src "INSERT INTO p VALUES ('globex', 2, 'a2', 'b2'); UPDATE p SET a = 'h', b = 'new' WHERE id = 1; UPDATE p SET id = 3 WHERE id = 2"
	sync
	verified
	equal "acme 1 own new,globex 3 own b2" "$(dst "SELECT string_agg(concat_ws(' ', tenant_id, id, a, b), ',' ORDER BY id) FROM p")"
	equal 0 "$(conflicts)"
}

@test "large values in the list stay when they do not change" {
	both "CREATE TABLE t (tenant_id text, id int PRIMARY KEY, n int, big text, other text);
	    ALTER TABLE t ALTER big SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL"
	src "INSERT INTO t SELECT 'acme', i, 0, repeat(md5(i::text), 300), repeat('s', 9000) FROM generate_series(1, 4) i"
	publish "TABLE t (tenant_id, id, n, big)"
	sync --create-slot --snapshot
	src "UPDATE t SET n = 1; UPDATE t SET other = 'x', n = 2 WHERE id = 2; UPDATE t SET big = 'short' WHERE id = 3; UPDATE t SET id = 40 WHERE id = 4"
	sync
	verified
	equal "1 1 9600,2 2 9600,3 1 5,40 1 9600" "$(dst "SELECT string_agg(concat_ws(' ', id, n, length(big), other), ',' ORDER BY id) FROM t")"
	equal 0 "$(conflicts)"
}

@test "publications with the same list, in another order, agree" {
	columns
	publish "TABLE c (tenant_id, id, a)"
	src "CREATE PUBLICATION two FOR TABLE c (a, id, tenant_id)"
	from hr,two
	sync --create-slot --snapshot
	src "INSERT INTO c VALUES ('acme', 5, 5, 'b', 'c'); UPDATE c SET a = 10 WHERE id = 1"
	sync
	verified
	equal "acme 5 own own|globex 10 own own|4" "$(row 5)|$(row 1)|$(dst "SELECT count(*) FROM c WHERE id < 5")"
	equal 0 "$(conflicts)"
}

@test "refused: publications whose lists for a table differ" {
	columns
	publish "TABLE c (tenant_id, id, a)"
	src "CREATE PUBLICATION two FOR TABLE c (tenant_id, id, a, b); CREATE PUBLICATION every FOR ALL TABLES"
	slot
	src "INSERT INTO c VALUES ('acme', 5, 5, 'b5', 'c5')"
	local p
	for p in hr,two hr,every; do
		from $p
		job
		ended 78 65
		one_error hr-capture "the publications '$p' list different columns of 'public.c'" from.err
		equal 0 "$(dst "SELECT count(*) FROM c")"
	done
	from hr
	sync
	equal "acme 5 own own" "$(row 5)"
	equal 0 "$(conflicts)"
}

@test "refused: a first copy by publications whose lists differ" {
	columns
	publish "TABLE c (tenant_id, id, a)"
	src "CREATE PUBLICATION two FOR TABLE c (tenant_id, id, b); CREATE PUBLICATION three FOR TABLE c (tenant_id, id, a, b)"
	local p
	for p in hr,two hr,three; do
		from $p
		job --create-slot --snapshot
		ended 78 65
		one_error hr-capture "the publications '$p' list different columns of 'public.c'" from.err
		equal 0 "$(dst "SELECT count(*) FROM c")"
	done
	from three
	sync --create-slot --snapshot
	equal "acme 2 b2 own" "$(row 2)"
	equal 0 "$(conflicts)"
}

@test "refused: a list without the tenant's column" {
	columns
	publish "TABLE c (id, a)"
	slot
	src "INSERT INTO c VALUES ('acme', 5, 5, 'b5', 'c5')"
	job
	[ "$from" = 78 ]
	one_error hr-capture "cannot route 'public.c': it has no published column 'tenant_id'" from.err
	config <<-'YAML'
	tenancy: {column: tenant_id}
	tables: {public.c: {tenancy: shared}}
	YAML
	sync
	equal "5 own own" "$(row 5)"
	equal 0 "$(conflicts)"
}

@test "a list beside a row filter, and tables without either" {
	columns
	both "CREATE TABLE plain (tenant_id text, id int PRIMARY KEY, t text)"
	src "INSERT INTO plain VALUES ('acme', 1, 'all')"
	src "ALTER TABLE c DROP CONSTRAINT c_pkey, ADD PRIMARY KEY (id, a)"
	publish "TABLE c (tenant_id, id, a) WHERE (a > 2), plain"
	sync --create-slot --snapshot
	equal "3 4" "$(dst "SELECT string_agg(id::text, ' ' ORDER BY id) FROM c")"
	src "UPDATE c SET a = 10 WHERE id = 1; UPDATE c SET a = 0 WHERE id = 4; UPDATE c SET b = 'h' WHERE id = 3; INSERT INTO c VALUES ('acme', 6, 1, 'h'), ('acme', 7, 7, 'h'); UPDATE plain SET t = 'more'"
	sync
	verified
	equal "1 10 own own,3 3 own own,7 7 own own" "$(dst "SELECT string_agg(concat_ws(' ', id, a, b, c), ',' ORDER BY id) FROM c")"
	same_rows plain
	equal 0 "$(conflicts)"
}
