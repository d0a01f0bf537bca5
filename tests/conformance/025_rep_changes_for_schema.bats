load ../lib
load ../pipe/pipe

setup() {
	pair
}

teardown() {
	unpair
}

# Three tenants' schemas with the same tables on both sides; the publication
# is for two of them.
schemas() {
	local s
	for s in acme globex initech; do
		both "CREATE SCHEMA t_$s; CREATE TABLE t_$s.items (id int PRIMARY KEY, t text);
		    CREATE TABLE t_$s.log (n int, t text); ALTER TABLE t_$s.log REPLICA IDENTITY FULL"
	done
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLES IN SCHEMA t_acme, t_globex"
	TENANCY=(--tenant-schema 't_(.*)')
}

count() {
	dst "SELECT count(*) FROM $1"
}

@test "a publication of schemas brings the tables in them and no others" {
	schemas
	src "INSERT INTO t_acme.items SELECT i, 'copied' FROM generate_series(1, 10) i; INSERT INTO t_globex.log VALUES (1, 'copied');
	    INSERT INTO t_initech.items VALUES (1, 'not')"
	sync --create-slot --snapshot
	src "UPDATE t_acme.items SET t = 'a' WHERE id < 4; DELETE FROM t_acme.items WHERE id > 7;
	    INSERT INTO t_globex.log VALUES (2, 'b'); UPDATE t_globex.log SET t = 'c' WHERE n = 1; INSERT INTO t_initech.items VALUES (2, 'not')"
	sync
	same_rows t_acme.items
	same_rows t_globex.log
	equal "7|0" "$(count t_acme.items)|$(count t_initech.items)"
	equal "acme globex" "$(hr-checkpoint export "$F" | jq -r '[.tenants[].tenant] | sort | join(" ")')"
	equal 0 "$(conflicts)"
}

@test "a table that is made in a published schema belongs to its tenant" {
	schemas
	slot
	src "INSERT INTO t_acme.items VALUES (1, 'x')"
	both "CREATE TABLE t_acme.late (id int PRIMARY KEY, t text)"
	src "INSERT INTO t_acme.late VALUES (1, 'x'); INSERT INTO t_globex.items VALUES (1, 'x')"
	sync
	src "CREATE TABLE t_globex.later (id int PRIMARY KEY); INSERT INTO t_globex.later VALUES (1); DROP TABLE t_acme.late"
	dst "CREATE TABLE t_globex.later (id int PRIMARY KEY)"
	sync
	same
	equal 1 "$(count t_acme.late)"
	equal 0 "$(conflicts)"
}

@test "only the tenant chosen is copied and followed" {
	schemas
	src "INSERT INTO t_acme.items VALUES (1, 'x'); INSERT INTO t_globex.items VALUES (1, 'x')"
	sync --create-slot --snapshot --tenant globex
	src "UPDATE t_acme.items SET t = 'y'; UPDATE t_globex.items SET t = 'y'; TRUNCATE t_acme.items; INSERT INTO t_globex.log VALUES (1)"
	sync --tenant globex
	same_rows t_globex.items
	same_rows t_globex.log
	equal "0|y" "$(count t_acme.items)|$(dst "SELECT t FROM t_globex.items")"
	equal 0 "$(conflicts)"
}

@test "a table that moves to another tenant's schema goes on there" {
	schemas
	both "CREATE TABLE t_acme.wares (id int PRIMARY KEY, t text)"
	slot
	src "INSERT INTO t_acme.wares VALUES (1, 'acme'), (2, 'acme')"
	sync
	both "ALTER TABLE t_acme.wares SET SCHEMA t_globex"
	src "UPDATE t_globex.wares SET t = 'globex' WHERE id = 1; INSERT INTO t_globex.wares VALUES (3, 'globex'); DELETE FROM t_globex.wares WHERE id = 2"
	sync
	same
	equal "1 3" "$(dst "SELECT string_agg(id::text, ' ' ORDER BY id) FROM t_globex.wares")"
	equal "acme globex" "$(hr-checkpoint export "$F" | jq -r '[.tenants[].tenant] | sort | join(" ")')"
	equal 0 "$(conflicts)"
}

@test "a table is followed while it is in a published schema" {
	schemas
	slot
	both "CREATE TABLE t_initech.wares (id int PRIMARY KEY, t text)"
	src "INSERT INTO t_initech.wares VALUES (1, 'not published'); ALTER TABLE t_initech.wares SET SCHEMA t_acme; INSERT INTO t_acme.wares VALUES (2, 'published')"
	src "ALTER TABLE t_acme.wares SET SCHEMA t_initech; INSERT INTO t_initech.wares VALUES (3, 'not published')"
	src "ALTER TABLE t_initech.wares SET SCHEMA t_globex; INSERT INTO t_globex.wares VALUES (4, 'published')"
	dst "CREATE TABLE t_acme.wares (LIKE t_initech.wares INCLUDING ALL); CREATE TABLE t_globex.wares (LIKE t_initech.wares INCLUDING ALL)"
	sync
	equal "2||4" "$(dst "SELECT (SELECT string_agg(id::text, ' ') FROM t_acme.wares), (SELECT max(id) FROM t_initech.wares),
	    (SELECT string_agg(id::text, ' ') FROM t_globex.wares)")"
	equal 0 "$(conflicts)"
}

@test "refused: a table that moved where the target does not have it" {
	schemas
	both "CREATE TABLE t_acme.wares (id int PRIMARY KEY, t text)"
	slot
	src "INSERT INTO t_acme.wares VALUES (1, 'x'); ALTER TABLE t_acme.wares SET SCHEMA t_globex; INSERT INTO t_globex.wares VALUES (2, 'x')"
	src "INSERT INTO t_acme.items VALUES (1, 'goes on')"
	job
	ended 0 77
	equal "globex|table 't_globex.wares' does not exist at the target" "$(parked)"
	one_error hr-apply "'globex' is parked.*t_globex.wares" to.err
	same_rows t_acme.items
	dst "ALTER TABLE t_acme.wares SET SCHEMA t_globex"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal 2 "$(count t_globex.wares)"
	equal 0 "$(conflicts)"
}

@test "a schema that is renamed goes on as another tenant" {
	schemas
	slot
	src "INSERT INTO t_acme.items VALUES (1, 'acme')"
	sync
	both "ALTER SCHEMA t_acme RENAME TO t_umbrella"
	src "INSERT INTO t_umbrella.items VALUES (2, 'umbrella'); UPDATE t_umbrella.items SET t = 'both' WHERE id = 1"
	sync
	same
	equal "acme umbrella" "$(hr-checkpoint export "$F" | jq -r '[.tenants[].tenant] | sort | join(" ")')"
	equal 0 "$(conflicts)"
}

@test "a schema that is dropped leaves what came before" {
	schemas
	slot
	src "INSERT INTO t_acme.items VALUES (1, 'x'); INSERT INTO t_globex.items VALUES (1, 'x')"
	src "DROP SCHEMA t_acme CASCADE"
	src "INSERT INTO t_globex.items VALUES (2, 'x')"
	sync
	same
	equal 1 "$(count t_acme.items)"
	src "INSERT INTO t_globex.items VALUES (3, 'x')"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "schemas are added to the publication and taken out" {
	schemas
	slot
	src "INSERT INTO t_initech.items VALUES (1, 'not'); ALTER PUBLICATION hr ADD TABLES IN SCHEMA t_initech; INSERT INTO t_initech.items VALUES (2, 'told')"
	src "ALTER PUBLICATION hr DROP TABLES IN SCHEMA t_acme; INSERT INTO t_acme.items VALUES (1, 'not')"
	src "ALTER PUBLICATION hr SET TABLES IN SCHEMA t_acme; INSERT INTO t_acme.items VALUES (2, 'told'); INSERT INTO t_initech.items VALUES (3, 'not'); INSERT INTO t_globex.items VALUES (1, 'not')"
	src "ALTER PUBLICATION hr ADD TABLE t_globex.log; INSERT INTO t_globex.log VALUES (1, 'told')"
	sync
	equal "2|2|0|1" "$(dst "SELECT (SELECT string_agg(id::text, ' ') FROM t_acme.items), (SELECT string_agg(id::text, ' ') FROM t_initech.items),
	    (SELECT count(*) FROM t_globex.items), (SELECT count(*) FROM t_globex.log)")"
	equal 0 "$(conflicts)"
}

@test "refused: a published schema that names no tenant" {
	schemas
	both "CREATE SCHEMA common; CREATE TABLE common.countries (code text PRIMARY KEY)"
	src "ALTER PUBLICATION hr ADD TABLES IN SCHEMA common"
	slot
	src "INSERT INTO common.countries VALUES ('de'); INSERT INTO t_acme.items VALUES (1, 'x')"
	job
	[ "$from" = 78 ]
	one_error hr-capture "'common.countries'.*'common' names no tenant" from.err
	config <<-'YAML'
	tenancy: {schema: "t_(.*)"}
	tables: {common.*: {tenancy: shared}}
	YAML
	sync
	same
	equal "1|1" "$(count common.countries)|$(count t_acme.items)"
	equal 0 "$(conflicts)"
}

@test "leaves may be in other schemas than their root" {
	schemas
	both "CREATE SCHEMA roots; CREATE TABLE roots.p (id int, t text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
	    CREATE TABLE t_acme.p PARTITION OF roots.p FOR VALUES FROM (0) TO (10);
	    CREATE TABLE t_globex.p PARTITION OF roots.p FOR VALUES FROM (10) TO (20);
	    CREATE TABLE t_initech.p PARTITION OF roots.p FOR VALUES FROM (20) TO (30)"
	slot
	src "INSERT INTO roots.p SELECT i, 'x' FROM generate_series(0, 29) i; UPDATE roots.p SET t = 'y' WHERE id % 5 = 0;
	    DELETE FROM roots.p WHERE id = 3; UPDATE roots.p SET id = 3 WHERE id = 13"
	sync
	same_rows t_acme.p
	same_rows t_globex.p
	equal 0 "$(count t_initech.p)"
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLES IN SCHEMA roots WITH (publish_via_partition_root = true)"
	config <<-'YAML'
	tenancy: {schema: "t_(.*)"}
	tables: {roots.p: {tenancy: shared}}
	YAML
	src "UPDATE roots.p SET t = 'z' WHERE id < 20; INSERT INTO roots.p VALUES (13, 'anew')"
	sync
	# Verify knows the root alone, and that the rows of initech never came.
	same_table "$SRC" "$DST" t_acme.p
	same_table "$SRC" "$DST" t_globex.p
	equal 0 "$(conflicts)"
}
