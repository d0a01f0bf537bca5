load ../lib
load ../pipe/pipe

setup() {
	pair
}

teardown() {
	unpair
}

# Roles are the cluster's: made once, and a database's grants go with it.
# As superuser at the target, in the test's database.
role() {
	dst "DO \$\$ BEGIN CREATE ROLE $1 LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END \$\$; ALTER ROLE $1 ${2:-NOBYPASSRLS}"
}

# as ROLE: hr-apply goes on as this role of the target.
as() {
	WHO="${DST/user=postgres/user=$1}"
	TO=(hr-apply -d "$WHO" --checkpoint "$F")
}

# What the page says that a role needs, on the tables that there are.
allow() {
	role "$1" "${2:-}"
	dst "GRANT CREATE ON DATABASE ${SLOT#hr_} TO $1; GRANT SET ON PARAMETER session_replication_role TO $1;
	    GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO $1;
	    GRANT EXECUTE ON FUNCTION pg_replication_origin_create(text), pg_replication_origin_oid(text),
		pg_replication_origin_session_setup(text), pg_replication_origin_xact_setup(pg_lsn, timestamptz) TO $1"
	as "$1"
}

items() {
	both "CREATE TABLE items (tenant_id text, id int PRIMARY KEY, t text);
	    CREATE TABLE log (tenant_id text, t text); ALTER TABLE log REPLICA IDENTITY FULL"
}

# Every kind of change of both.
changes() {
	src "INSERT INTO items SELECT (ARRAY['acme', 'globex'])[i % 2 + 1], i, 'x' FROM generate_series(1, 60) i"
	src "UPDATE items SET t = 'y' WHERE id < 10; DELETE FROM items WHERE id > 50; UPDATE items SET id = 100 WHERE id = 1"
	src "INSERT INTO log SELECT 'acme', 'l' || i FROM generate_series(1, 5) i; UPDATE log SET t = 'm' WHERE t = 'l1'; DELETE FROM log WHERE t = 'l2'"
}

@test "a role with the privileges that the page names is enough" {
	items
	src "INSERT INTO items SELECT 'acme', i, 'copied' FROM generate_series(1000, 1100) i"
	allow hr_plain
	sync --create-slot --snapshot
	changes
	sync
	same
	src "TRUNCATE log; INSERT INTO log VALUES ('acme', 'last')"
	sync
	same
	equal f "$(dst "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = 'hr_plain'")"
	equal t "$(dst "SELECT (pg_xact_commit_timestamp_origin(xmin)).roident <> 0 FROM items WHERE id = 100")"
	equal 0 "$(conflicts)"
}

@test "a role may go without the functions of origins" {
	items
	allow hr_plain
	dst "REVOKE EXECUTE ON FUNCTION pg_replication_origin_session_setup(text) FROM hr_plain"
	slot
	changes
	sync
	same
	equal f "$(dst "SELECT (pg_xact_commit_timestamp_origin(xmin)).roident <> 0 FROM items WHERE id = 100")"
	equal 0 "$(conflicts)"
}

@test "refused: a role that may not make the schema hr" {
	items
	allow hr_plain
	dst "REVOKE CREATE ON DATABASE ${SLOT#hr_} FROM hr_plain"
	slot
	changes
	job
	[ "$to" = 78 ]
	one_error hr-apply "permission denied for database" to.err
	dst "GRANT CREATE ON DATABASE ${SLOT#hr_} TO hr_plain"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "refused: a role that may not set session_replication_role" {
	items
	allow hr_plain
	role hr_bare
	dst "GRANT CREATE ON DATABASE ${SLOT#hr_} TO hr_bare; GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO hr_bare"
	as hr_bare
	slot
	changes
	job
	[ "$to" = 78 ]
	one_error hr-apply "permission denied to set parameter \"session_replication_role\"; GRANT SET ON PARAMETER" to.err
	as hr_plain
	sync
	same
	equal 0 "$(conflicts)"
}

@test "refused: a table that the role may not write, until it may" {
	items
	allow hr_plain
	both "CREATE TABLE closed (tenant_id text, id int PRIMARY KEY, t text)"
	slot
	changes
	src "INSERT INTO closed VALUES ('acme', 1, 'x')"
	src "INSERT INTO items VALUES ('acme', 501, 'late'), ('globex', 502, 'late')"
	job
	ended 0 77
	equal "acme|permission denied for table closed" "$(parked)"
	one_error hr-apply "'acme' is parked: permission denied for table closed" to.err
	same "tenant_id <> 'acme'"
	dst "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON closed TO hr_plain"
	run -0 --separate-stderr hr-apply -d "$WHO" --retry
	same
	equal 0 "$(conflicts)"
}

@test "refused: each privilege alone that a change needs" {
	local p
	items
	allow hr_plain
	for p in select insert update delete; do
		both "CREATE TABLE no_$p (tenant_id text, id int PRIMARY KEY, t text)"
		both "INSERT INTO no_$p VALUES ('$p', 1, 'x'), ('$p', 2, 'x')"
		dst "GRANT SELECT, INSERT, UPDATE, DELETE ON no_$p TO hr_plain; REVOKE $p ON no_$p FROM hr_plain"
	done
	slot
	src "UPDATE no_select SET t = 'y' WHERE id = 1; INSERT INTO no_insert VALUES ('insert', 3, 'x');
	    UPDATE no_update SET t = 'y' WHERE id = 1; DELETE FROM no_delete WHERE id = 1; INSERT INTO items VALUES ('acme', 1, 'x')"
	job
	# A delete by key is for all tenants, and nobody can be parked for it.
	[ "$to" != 0 ]
	grep -q "permission denied for table no_delete" to.err
	dst "GRANT DELETE ON no_delete TO hr_plain"
	job
	ended 0 77
	equal "insert|no_insert,select|no_select,update|no_update" "$(parked | sed 's/permission denied for table //' | paste -sd,)"
	same_rows items
	dst "GRANT SELECT, INSERT, UPDATE, DELETE ON no_select, no_insert, no_update TO hr_plain"
	run -0 --separate-stderr hr-apply -d "$WHO" --retry
	same
	equal 0 "$(conflicts)"
}

@test "refused: a truncate, where the role may neither truncate nor delete" {
	items
	allow hr_plain
	slot
	changes
	dst "REVOKE TRUNCATE ON items FROM hr_plain"
	src "TRUNCATE items; INSERT INTO items VALUES ('acme', 1, 'after')"
	sync
	same
	dst "REVOKE TRUNCATE, DELETE ON log FROM hr_plain"
	src "TRUNCATE log; INSERT INTO log VALUES ('acme', 'after'); INSERT INTO items VALUES ('acme', 200, 'after')"
	job
	[ "$to" = 78 ]
	one_error hr-apply "permission denied for table log" to.err
	equal "4|0" "$(dst "SELECT (SELECT count(*) FROM log), (SELECT count(*) FROM items WHERE id = 200)")"
	dst "GRANT TRUNCATE ON log TO hr_plain"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "refused: tables with row-level security, to a role that is bound by it" {
	items
	allow hr_plain
	dst "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON items USING (tenant_id = 'globex')"
	slot
	src "INSERT INTO items VALUES ('acme', 1, 'x'); INSERT INTO log VALUES ('globex', 'goes on')"
	job
	ended 0 77
	[[ $(parked) == "acme|"*"row-level security"* ]]
	one_error hr-apply "'acme' is parked.*row-level security" to.err
	same_rows log
	src "UPDATE items SET t = 'y'; INSERT INTO items SELECT 'globex', i, 'x' FROM generate_series(10, 70) i"
	job
	ended 0 77
	equal 0 "$(dst "SELECT count(*) FROM items")"
	dst "ALTER TABLE items OWNER TO hr_plain"
	run -0 --separate-stderr hr-apply -d "$WHO" --retry
	same
	equal 0 "$(conflicts)"
}

@test "row-level security does not bind an owner, or a role that bypasses it" {
	items
	allow hr_bypass BYPASSRLS
	dst "ALTER TABLE items ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY none ON items USING (false)"
	src "INSERT INTO items SELECT 'acme', i, 'copied' FROM generate_series(1000, 1100) i"
	sync --create-slot --snapshot
	changes
	sync
	same
	allow hr_plain
	dst "ALTER TABLE items NO FORCE ROW LEVEL SECURITY, OWNER TO hr_plain; GRANT ALL ON SCHEMA hr TO hr_plain; GRANT ALL ON ALL TABLES IN SCHEMA hr TO hr_plain;
	    GRANT USAGE ON ALL SEQUENCES IN SCHEMA hr TO hr_plain"
	src "UPDATE items SET t = 'by its owner'; DELETE FROM items WHERE id = 3"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "refused: an owner whom row-level security is forced upon" {
	items
	allow hr_plain
	dst "ALTER TABLE items OWNER TO hr_plain; ALTER TABLE items ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
	slot
	src "INSERT INTO items VALUES ('acme', 1, 'x'); UPDATE items SET t = 'y'"
	job
	ended 0 77
	[[ $(parked) == "acme|"*"row-level security"* ]]
	dst "ALTER TABLE items NO FORCE ROW LEVEL SECURITY"
	run -0 --separate-stderr hr-apply -d "$WHO" --retry
	same
	equal 0 "$(conflicts)"
}

@test "a partitioned target asks for privileges on what is written to" {
	both "CREATE TABLE p (tenant_id text, id int PRIMARY KEY, t text) PARTITION BY RANGE (id);
	    CREATE TABLE p_low PARTITION OF p FOR VALUES FROM (0) TO (30); CREATE TABLE p_high PARTITION OF p FOR VALUES FROM (30) TO (1000)"
	src "ALTER PUBLICATION hr SET (publish_via_partition_root = true)"
	role hr_plain
	allow hr_plain
	dst "REVOKE ALL ON p_low, p_high FROM hr_plain"
	slot
	src "INSERT INTO p SELECT 'acme', i, 'x' FROM generate_series(1, 60) i; UPDATE p SET t = 'y' WHERE id < 40;
	    DELETE FROM p WHERE id = 5; UPDATE p SET id = 500 WHERE id = 6"
	sync
	same
	src "ALTER PUBLICATION hr SET (publish_via_partition_root = false)"
	src "INSERT INTO p VALUES ('globex', 501, 'x'); INSERT INTO p VALUES ('acme', 7000 / 10, 'x')"
	job
	ended 0 77
	equal "acme|permission denied for table p_high,globex|permission denied for table p_high" "$(parked | paste -sd,)"
	dst "GRANT SELECT, INSERT, UPDATE, DELETE ON p_high TO hr_plain"
	run -0 --separate-stderr hr-apply -d "$WHO" --retry
	same
	equal 0 "$(conflicts)"
}

@test "a partitioned target with row-level security on its root or a leaf" {
	both "CREATE TABLE p (tenant_id text, id int PRIMARY KEY, t text) PARTITION BY RANGE (id);
	    CREATE TABLE p_low PARTITION OF p FOR VALUES FROM (0) TO (30); CREATE TABLE p_high PARTITION OF p FOR VALUES FROM (30) TO (1000)"
	src "ALTER PUBLICATION hr SET (publish_via_partition_root = true)"
	allow hr_plain
	# That of a leaf does not hold for who goes by the root.
	dst "ALTER TABLE p_low ENABLE ROW LEVEL SECURITY"
	slot
	src "INSERT INTO p SELECT 'acme', i, 'x' FROM generate_series(1, 60) i; UPDATE p SET t = 'y' WHERE id < 40"
	sync
	same
	dst "ALTER TABLE p ENABLE ROW LEVEL SECURITY"
	src "UPDATE p SET t = 'z' WHERE id = 1; INSERT INTO p VALUES ('acme', 100, 'x')"
	job
	ended 0 77
	[[ $(parked) == "acme|"*"row-level security"* ]]
	dst "ALTER TABLE p DISABLE ROW LEVEL SECURITY"
	run -0 --separate-stderr hr-apply -d "$WHO" --retry
	same
	equal 0 "$(conflicts)"
}

# Logs in at the source as ROLE.
from_as() {
	src "DO \$\$ BEGIN CREATE ROLE $1 LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END \$\$; ALTER ROLE $1 ${2:-NOREPLICATION}"
	FROM=(hr-capture -d "${SRC/user=postgres/user=$1}" -S "$SLOT" -P hr --checkpoint "$F")
}

@test "a source's role needs REPLICATION, and SELECT for the copy" {
	items
	src "INSERT INTO items VALUES ('acme', 1, 'copied')"
	from_as hr_reader REPLICATION
	job --create-slot --snapshot
	[ "$from" = 78 ]
	one_error hr-capture "permission denied for table (items|log)" from.err
	src "GRANT SELECT ON items, log TO hr_reader"
	sync --create-slot --snapshot
	src "REVOKE SELECT ON items, log FROM hr_reader"
	src "INSERT INTO items VALUES ('acme', 2, 'x'); INSERT INTO log VALUES ('globex', 'x')"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "refused: a source's role without REPLICATION" {
	items
	from_as hr_nobody
	slot
	src "INSERT INTO items VALUES ('acme', 1, 'x')"
	job
	[ "$from" = 78 ]
	one_error hr-capture "" from.err
	grep -qi "replication" from.err
	from_as hr_reader REPLICATION
	sync
	same
	equal 0 "$(conflicts)"
}

@test "refused: a first copy that row-level security would make smaller" {
	items
	src "INSERT INTO items VALUES ('acme', 1, 'x'), ('globex', 2, 'x')"
	src "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON items USING (tenant_id = 'acme')"
	from_as hr_reader REPLICATION
	src "GRANT SELECT ON items, log TO hr_reader"
	job --create-slot --snapshot
	[ "$from" = 78 ]
	one_error hr-capture "'public.items'.*row-level security" from.err
	equal 0 "$(dst "SELECT count(*) FROM items")"
	src "ALTER TABLE items OWNER TO hr_reader"
	sync --create-slot --snapshot
	src "INSERT INTO items VALUES ('globex', 3, 'x')"
	sync
	same
	equal 0 "$(conflicts)"
}
