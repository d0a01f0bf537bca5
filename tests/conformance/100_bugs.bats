load ../lib
load ../pipe/pipe

setup() {
	pair
}

teardown() {
	unpair
}

@test "an index with a predicate and an expression of own functions" {
	both "CREATE FUNCTION half(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT \$1 / 2';
	    CREATE FUNCTION odd(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN \$1 % 2 = 1; END';
	    CREATE TABLE i (tenant_id text, a int PRIMARY KEY, b int);
	    CREATE INDEX ON i (half(a)); CREATE INDEX ON i (b) WHERE odd(a);
	    CREATE UNIQUE INDEX ON i (a) WHERE half(5) = 2; CREATE INDEX ON i ((half(2) = 1))"
	slot
	src "INSERT INTO i VALUES ('acme', 1, 1); UPDATE i SET b = 2; INSERT INTO i SELECT 'acme', i, i FROM generate_series(2, 50) i"
	src "UPDATE i SET b = b + 1; DELETE FROM i WHERE a > 40"
	sync
	same
	equal 40 "$(dst "SELECT count(*) FROM i")"
	equal 0 "$(conflicts)"
}

@test "temporary and unlogged tables are not sent by a publication of all" {
	both "CREATE TABLE t (tenant_id text, id int PRIMARY KEY)"
	slot
	src "CREATE UNLOGGED TABLE u (a int); INSERT INTO u VALUES (1); UPDATE u SET a = 2; DELETE FROM u"
	src "CREATE TEMP TABLE x (a int); INSERT INTO x VALUES (1); UPDATE x SET a = 2; TRUNCATE x;
	    BEGIN; CREATE TEMP TABLE y (tenant_id text) ON COMMIT DROP; INSERT INTO y VALUES ('acme');
	    INSERT INTO t VALUES ('acme', 1); COMMIT"
	src "INSERT INTO t VALUES ('acme', 2); TRUNCATE u"
	sync
	same
	equal 2 "$(dst "SELECT count(*) FROM t")"
	equal 0 "$(conflicts)"
}

@test "source and target in one server, several pipelines at once" {
	local n
	src "CREATE TABLE t (tenant_id text, id int PRIMARY KEY)"
	src "INSERT INTO t SELECT (ARRAY['acme','globex'])[i % 2 + 1], i FROM generate_series(1, 500) i"
	for n in 1 2 3; do
		new_database source "${SLOT#hr_}_$n"
		pg_psql source "${SLOT#hr_}_$n" -c "CREATE TABLE t (tenant_id text, id int PRIMARY KEY)"
		(
			set -o pipefail
			hr-capture -d "$SRC" -S "${SLOT}_$n" -P hr --tenant-column tenant_id --create-slot --snapshot \
			    --endpos now --checkpoint "$n.cp" 2>"$n.err" |
			    hr-apply -d "$(pg_conninfo source "${SLOT#hr_}_$n")" --checkpoint "$n.cp" 2>>"$n.err"
		) 3>&- &
		echo $! >"$n.pid"
	done
	for n in 1 2 3; do
		wait "$(cat "$n.pid")" || fail "$n:" "$(cat "$n.err")"
		rm "$n.pid"
		DST=$(pg_conninfo source "${SLOT#hr_}_$n") same
		pg_psql source postgres -c "DROP DATABASE ${SLOT#hr_}_$n WITH (FORCE)"
	done
}

@test "what arrived by replication, copy and changes, is sent on" {
	local db=${SLOT#hr_} first=$SRC second=$DST third
	new_database target "${db}_3"
	third=$(pg_conninfo target "${db}_3")
	both "CREATE TABLE t (tenant_id text, id int PRIMARY KEY, n int)"
	pg_sql "$third" -c "CREATE TABLE t (tenant_id text, id int PRIMARY KEY, n int)"
	dst "CREATE PUBLICATION hr FOR ALL TABLES"
	src "INSERT INTO t SELECT 'acme', i, 0 FROM generate_series(1, 50) i"
	FROM=(hr-capture -d "$second" -S "${SLOT}_2" -P hr --checkpoint two.cp)
	TO=(hr-apply -d "$third" --checkpoint two.cp)
	sync --create-slot --snapshot
	local on=("${FROM[@]}") onto=("${TO[@]}")
	FROM=(hr-capture -d "$first" -S "$SLOT" -P hr --checkpoint "$F")
	TO=(hr-apply -d "$second" --checkpoint "$F")
	sync --create-slot --snapshot
	src "INSERT INTO t VALUES ('globex', 51, 1); UPDATE t SET n = 1 WHERE id < 10; DELETE FROM t WHERE id = 50"
	sync
	FROM=("${on[@]}")
	TO=("${onto[@]}")
	sync
	SRC=$first DST=$third same
	equal 50 "$(pg_sql "$third" -c "SELECT count(*) FROM t")"
	equal 0 "$(pg_sql "$third" -c "SELECT count(*) FROM hr.conflict")"
	equal 0 "$(conflicts)"
	drop_slots target
	pg_psql target postgres -c "DROP DATABASE ${db}_3 WITH (FORCE)"
}

@test "identity by an index, one column at the source, another at the target" {
	both "CREATE TABLE t (tenant_id text, a int NOT NULL, b int NOT NULL);
	    CREATE UNIQUE INDEX t_a ON t (a); CREATE UNIQUE INDEX t_b ON t (b)"
	src "ALTER TABLE t REPLICA IDENTITY USING INDEX t_a"
	dst "ALTER TABLE t REPLICA IDENTITY USING INDEX t_b"
	slot
	src "INSERT INTO t VALUES ('acme', 1, 11), ('acme', 2, 12), ('globex', 3, 13); UPDATE t SET a = -1 WHERE a = 1"
	sync
	same
	src "ALTER TABLE t REPLICA IDENTITY USING INDEX t_b"
	src "UPDATE t SET b = -2 WHERE b = 12; UPDATE t SET a = -3 WHERE b = 13"
	src "DROP INDEX t_a"
	src "DELETE FROM t WHERE b = 11; UPDATE t SET b = 130 WHERE b = 13"
	sync
	same
	equal "-3 130,2 -2" "$(dst "SELECT string_agg(a || ' ' || b, ',' ORDER BY a) FROM t")"
	equal 0 "$(conflicts)"
}

@test "full identity with dropped and generated columns" {
	both "CREATE TABLE d (tenant_id text, a int, gone int, b int GENERATED ALWAYS AS (a * 2) STORED, c text);
	    ALTER TABLE d REPLICA IDENTITY FULL"
	both "INSERT INTO d VALUES ('acme', 1, 1, DEFAULT, 'x'), ('acme', 2, NULL, DEFAULT, NULL), ('acme', 3, 3, DEFAULT, 'z')"
	both "ALTER TABLE d DROP gone"
	# From 18 on the source wants them in the identity, so published.
	! at_least source 18 || src "ALTER PUBLICATION hr SET (publish_generated_columns = stored)"
	slot
	src "UPDATE d SET c = 'new' WHERE a = 1; UPDATE d SET a = 20 WHERE a = 2; DELETE FROM d WHERE a = 3"
	sync
	same
	equal "1 2 new,20 40" "$(dst "SELECT string_agg(concat_ws(' ', a, b, c), ',' ORDER BY a) FROM d")"
	equal 0 "$(conflicts)"
}

@test "full identity with a column whose default its old rows never stored" {
	both "CREATE TABLE m (tenant_id text, a int); ALTER TABLE m REPLICA IDENTITY FULL"
	both "INSERT INTO m VALUES ('acme', 1), ('acme', 2), ('globex', 3)"
	both "ALTER TABLE m ADD b bool DEFAULT false, ADD c int DEFAULT 1, ADD d text DEFAULT 'd'"
	slot
	src "UPDATE m SET a = 10 WHERE a = 1; DELETE FROM m WHERE a = 2; UPDATE m SET b = NULL WHERE a = 3"
	sync
	same
	equal "10 f 1 d,3 1 d" "$(dst "SELECT string_agg(concat_ws(' ', a, b, c, d), ',') FROM
	    (SELECT * FROM m ORDER BY a::text) q")"
	src "DELETE FROM m"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a schema that is renamed as its tables are followed, and made again" {
	both "CREATE SCHEMA one; CREATE TABLE one.t (tenant_id text, id int PRIMARY KEY)"
	slot
	src "INSERT INTO one.t VALUES ('acme', 1)"
	sync
	both "ALTER SCHEMA one RENAME TO two"
	src "INSERT INTO two.t VALUES ('acme', 2)"
	both "CREATE SCHEMA one; CREATE TABLE one.t (tenant_id text, id int PRIMARY KEY)"
	src "INSERT INTO one.t VALUES ('acme', 3); INSERT INTO two.t VALUES ('acme', 4); DELETE FROM two.t WHERE id = 1"
	sync
	same
	equal "3|2 4" "$(dst "SELECT (SELECT id FROM one.t), (SELECT string_agg(id::text, ' ' ORDER BY id) FROM two.t)")"
	equal 0 "$(conflicts)"
}

@test "refused: a schema renamed under a pipeline, if the source does not say" {
	both "CREATE SCHEMA one; CREATE TABLE one.t (tenant_id text, id int PRIMARY KEY)"
	slot
	"${FROM[@]}" "${TENANCY[@]}" 2>from.err 3>&- > >(exec "${TO[@]}" 2>to.err 3>&-) &
	echo $! >from.pid
	src "INSERT INTO one.t VALUES ('acme', 1)"
	wait_for 5 same
	both "ALTER SCHEMA one RENAME TO two"
	src "INSERT INTO two.t VALUES ('acme', 2)"
	if [ "$(src "SHOW server_version_num")" -ge 160000 ]; then
		wait_for 5 same
	else
		wait_for 5 grep -q "tenant 'acme' is parked.*one.t.*does not exist" to.err
	fi
	kill "$(cat from.pid)"
	wait "$(cat from.pid)" || true
	rm from.pid
	src "INSERT INTO two.t VALUES ('acme', 3)"
	# What was told by the old name goes into the table of the old name.
	if [ -n "$(parked)" ]; then
		dst "ALTER SCHEMA two RENAME TO one"
		run -0 --separate-stderr hr-apply -d "$DST" --retry
		dst "ALTER SCHEMA one RENAME TO two"
	fi
	sync
	same
	equal 3 "$(dst "SELECT count(*) FROM two.t")"
	equal 0 "$(conflicts)"
}

@test "a table that joins the publication while a transaction writes it" {
	both "CREATE TABLE t (tenant_id text, id int PRIMARY KEY)"
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr"
	slot
	mkfifo sql
	pg_sql "$SRC" <sql >/dev/null 3>&- &
	exec 4>sql
	echo "BEGIN; INSERT INTO t VALUES ('acme', 1); SELECT pg_sleep(0.3); INSERT INTO t VALUES ('acme', 2); COMMIT;" >&4
	exec 4>&-
	sleep 0.1
	src "ALTER PUBLICATION hr ADD TABLE t"
	wait $!
	src "INSERT INTO t VALUES ('acme', 3)"
	sync
	# The second row was written after the table had joined.
	equal "2 3" "$(dst "SELECT string_agg(id::text, ' ' ORDER BY id) FROM t")"
	equal 0 "$(conflicts)"
}
