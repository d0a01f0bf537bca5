load ../lib
load ../pipe/pipe

setup() {
	pair
	both "CREATE TABLE m (tenant_id text, id int PRIMARY KEY, n int)"
	slot
}

teardown() {
	unpair
}

@test "a materialized view of the source is not sent" {
	src "CREATE MATERIALIZED VIEW v AS SELECT tenant_id, count(*) AS n FROM m GROUP BY 1"
	src "INSERT INTO m VALUES ('acme', 1, 1), ('globex', 2, 2)"
	src "REFRESH MATERIALIZED VIEW v"
	src "CREATE UNIQUE INDEX ON v (tenant_id)"
	src "INSERT INTO m VALUES ('initech', 3, 3)"
	src "REFRESH MATERIALIZED VIEW CONCURRENTLY v"
	sync
	same
	equal 3 "$(src "SELECT count(*) FROM v")"
	equal 3 "$(dst "SELECT count(*) FROM m")"
	equal 0 "$(conflicts)"
}

@test "a view that is made, filled and refreshed among rows of one transaction" {
	src "BEGIN; INSERT INTO m VALUES ('acme', 1, 1);
	    CREATE MATERIALIZED VIEW v AS SELECT * FROM m; INSERT INTO m VALUES ('acme', 2, 2);
	    REFRESH MATERIALIZED VIEW v; UPDATE m SET n = 0 WHERE id = 1; COMMIT"
	src "BEGIN; REFRESH MATERIALIZED VIEW v; DELETE FROM m WHERE id = 1; DROP MATERIALIZED VIEW v; COMMIT"
	sync
	same
	equal "2|2" "$(dst "SELECT id, n FROM m")"
	equal 0 "$(conflicts)"
}

@test "a materialized view of the same name on both sides is each side's own" {
	both "CREATE MATERIALIZED VIEW v AS SELECT tenant_id, id FROM m"
	src "INSERT INTO m VALUES ('acme', 1, 1)"
	src "REFRESH MATERIALIZED VIEW v"
	sync
	same
	equal 0 "$(dst "SELECT count(*) FROM v")"
	dst "REFRESH MATERIALIZED VIEW v"
	equal 1 "$(dst "SELECT count(*) FROM v")"
	equal 0 "$(conflicts)"
}

@test "a first copy beside a materialized view" {
	drop_slots source
	src "INSERT INTO m VALUES ('acme', 1, 1); CREATE MATERIALIZED VIEW v AS SELECT * FROM m"
	sync --create-slot --snapshot
	src "INSERT INTO m VALUES ('acme', 2, 2); REFRESH MATERIALIZED VIEW v"
	sync --create-slot --snapshot
	same
	equal 0 "$(conflicts)"
}
