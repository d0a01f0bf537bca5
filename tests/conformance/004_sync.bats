load ../lib
load ../pipe/pipe

setup() {
	pair
}

teardown() {
	unpair
}

# Ten rows at the source, an empty table at the target.
rows() {
	both "CREATE TABLE rows (tenant_id text, id int PRIMARY KEY)"
	src "INSERT INTO rows SELECT 'acme', i FROM generate_series(1, 10) i"
}

@test "a first copy of tables with rows, without rows and with a partition" {
	rows
	both "CREATE TABLE none (tenant_id text, id int PRIMARY KEY);
	    CREATE TABLE p (tenant_id text, id int, PRIMARY KEY (tenant_id, id)) PARTITION BY LIST (tenant_id);
	    CREATE TABLE p_acme PARTITION OF p FOR VALUES IN ('acme'); CREATE TABLE p_rest PARTITION OF p DEFAULT;
	    CREATE VIEW seen AS SELECT * FROM rows; CREATE SEQUENCE s"
	src "INSERT INTO p SELECT t, i FROM unnest('{acme,globex}'::text[]) t, generate_series(1, 5) i"
	sync --create-slot --snapshot
	same
	equal "10|10" "$(dst "SELECT (SELECT count(*) FROM rows), (SELECT count(*) FROM p)")"
	src "INSERT INTO none VALUES ('acme', 1); INSERT INTO p VALUES ('initech', 1); DELETE FROM rows WHERE id = 1"
	sync --create-slot --snapshot
	same
	equal 0 "$(conflicts)"
}

@test "refused: a first copy into a table that has rows, until they are gone" {
	rows
	both "CREATE TABLE other (tenant_id text, id int PRIMARY KEY)"
	src "INSERT INTO other VALUES ('acme', 1)"
	dst "INSERT INTO rows VALUES ('acme', 5)"
	job --create-slot --snapshot
	equal 77 "$to"
	one_error hr-apply "'public.rows' at the target is not empty" to.err
	equal "1|0" "$(dst "SELECT (SELECT count(*) FROM rows), (SELECT count(*) FROM other)")"
	src "INSERT INTO rows VALUES ('globex', 11)"
	dst "DELETE FROM rows"
	sync --create-slot --snapshot
	same
	equal 11 "$(dst "SELECT count(*) FROM rows")"
	src "INSERT INTO rows VALUES ('globex', 12)"
	sync --create-slot --snapshot
	same
	equal 0 "$(conflicts)"
	equal 1 "$(src "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()")"
}

@test "a first copy stopped by a constraint is begun anew when that is mended" {
	rows
	dst "ALTER TABLE rows ADD CONSTRAINT few CHECK (id < 10)"
	job --create-slot --snapshot
	[ "$to" != 0 ]
	src "INSERT INTO rows VALUES ('acme', 11)"
	dst "ALTER TABLE rows DROP CONSTRAINT few"
	if [ "$to" = 77 ] && [[ $(parked) == acme* ]]; then
		run -0 --separate-stderr hr-apply -d "$DST" --retry
	fi
	sync --create-slot --snapshot
	same
	equal 11 "$(dst "SELECT count(*) FROM rows")"
	equal 0 "$(conflicts)"
}

@test "a table that the target lacks is copied when it is made" {
	src "CREATE TABLE rows (tenant_id text, id int PRIMARY KEY); INSERT INTO rows VALUES ('acme', 1)"
	job --create-slot --snapshot
	[ "$to" != 0 ]
	grep -q "'public.rows' does not exist at the target" to.err
	dst "CREATE TABLE rows (tenant_id text, id int PRIMARY KEY)"
	if [ "$to" = 77 ] && [[ $(parked) == acme* ]]; then
		run -0 --separate-stderr hr-apply -d "$DST" --retry
	fi
	src "INSERT INTO rows VALUES ('globex', 2)"
	sync --create-slot --snapshot
	same
	equal 0 "$(conflicts)"
}

@test "a table that is made and published later arrives from its first row" {
	rows
	sync --create-slot --snapshot
	both "CREATE TABLE next (tenant_id text, id int PRIMARY KEY, t text)"
	src "INSERT INTO next SELECT 'acme', i, 'x' FROM generate_series(1, 5) i; UPDATE next SET t = 'y' WHERE id = 1"
	src "DELETE FROM next WHERE id = 2; INSERT INTO rows VALUES ('acme', 11)"
	sync --create-slot --snapshot
	same
	equal "4|11" "$(dst "SELECT (SELECT count(*) FROM next), (SELECT count(*) FROM rows)")"
	equal 0 "$(conflicts)"
}

@test "a table with rows that is published later comes by a slot of its own" {
	rows
	both "CREATE TABLE next (tenant_id text, id int PRIMARY KEY)"
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE rows; CREATE PUBLICATION two FOR TABLE next"
	src "INSERT INTO next SELECT 'acme', i FROM generate_series(1, 5) i"
	sync --create-slot --snapshot
	equal 0 "$(dst "SELECT count(*) FROM next")"
	src "INSERT INTO next VALUES ('globex', 6); INSERT INTO rows VALUES ('globex', 11)"
	local from_one=("${FROM[@]}") to_one=("${TO[@]}")
	FROM=(hr-capture -d "$SRC" -S "${SLOT}_two" -P two --checkpoint two.cp)
	TO=(hr-apply -d "$DST" --checkpoint two.cp)
	sync --create-slot --snapshot
	same_rows next
	src "DELETE FROM next WHERE id = 1; DELETE FROM rows WHERE id = 1"
	sync --create-slot --snapshot
	FROM=("${from_one[@]}")
	TO=("${to_one[@]}")
	sync --create-slot --snapshot
	same
	equal 2 "$(dst "SELECT count(*) FROM hr.stream WHERE state = 'streaming'")"
	equal 0 "$(conflicts)"
}

@test "two pipelines bring different tenants of one table into one target" {
	rows
	src "INSERT INTO rows SELECT 'globex', i FROM generate_series(11, 20) i"
	local t round
	for round in 1 2; do
		for t in acme globex; do
			FROM=(hr-capture -d "$SRC" -S "${SLOT}_$t" -P hr --checkpoint $t.cp)
			TO=(hr-apply -d "$DST" --checkpoint $t.cp)
			sync --create-slot --snapshot --tenant $t
		done
		src "INSERT INTO rows VALUES ('acme', 20 + 2 * $round), ('globex', 21 + 2 * $round)"
	done
	# What was written last has not been sent: verify sees that.
	same_dump "id < 24"
	equal "acme 11,globex 11" "$(dst "SELECT string_agg(t, ',' ORDER BY t) FROM (
	    SELECT tenant_id || ' ' || count(*) AS t FROM rows GROUP BY tenant_id) q")"
}

@test "rows written while the copy waits for its table's lock arrive once" {
	rows
	cat >hold.sql <<-'SQL'
	BEGIN;
	INSERT INTO rows VALUES ('acme', 100);
	DELETE FROM rows WHERE id = 1;
	SELECT pg_sleep(0.5);
	INSERT INTO rows VALUES ('acme', 101);
	COMMIT;
	INSERT INTO rows VALUES ('acme', 102);
	SQL
	pg_sql "$SRC" -f hold.sql >/dev/null 3>&- &
	sleep 0.1
	sync --create-slot --snapshot
	wait $!
	sync --create-slot --snapshot
	same
	equal "12|102" "$(dst "SELECT count(*), max(id) FROM rows")"
	equal 0 "$(conflicts)"
}

@test "a slot whose copy failed can be dropped, and leaves none behind" {
	rows
	dst "INSERT INTO rows VALUES ('acme', 5)"
	job --create-slot --snapshot
	equal 77 "$to"
	run -0 --separate-stderr hr-capture --drop-slot -d "$SRC" -S "$SLOT"
	equal 0 "$(src "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()")"
	dst "TRUNCATE rows"
	sync --create-slot --snapshot
	same
	equal 0 "$(conflicts)"
}

@test "a table that is dropped after its rows were captured stops nobody else" {
	rows
	both "CREATE TABLE gone (tenant_id text, id int PRIMARY KEY)"
	slot
	dst "INSERT INTO rows SELECT 'acme', i FROM generate_series(1, 10) i"
	src "INSERT INTO gone VALUES ('acme', 1); DROP TABLE gone; INSERT INTO rows VALUES ('acme', 11)"
	sync
	same
	equal 1 "$(dst "SELECT count(*) FROM gone")"
	src "CREATE TABLE gone (tenant_id text, id int PRIMARY KEY, t text); INSERT INTO gone VALUES ('acme', 2, 'x')"
	dst "DROP TABLE gone; CREATE TABLE gone (tenant_id text, id int PRIMARY KEY, t text)"
	sync
	same
	equal 0 "$(conflicts)"
}
