load ../lib
load ../pipe/pipe

setup() {
	pair
}

teardown() {
	unpair
}

# A table in leaves at both sides, by list of a region; one leaf is divided again.
regions() {
	both "CREATE TABLE p (tenant_id text, id int, region text, t text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
	    CREATE TABLE p_eu PARTITION OF p FOR VALUES IN ('eu');
	    CREATE TABLE p_us PARTITION OF p FOR VALUES IN ('us') PARTITION BY RANGE (id);
	    CREATE TABLE p_us_low PARTITION OF p_us FOR VALUES FROM (0) TO (100);
	    CREATE TABLE p_us_high PARTITION OF p_us FOR VALUES FROM (100) TO (1000);
	    CREATE TABLE p_rest PARTITION OF p DEFAULT"
}

# The changes that both ways have to carry.
shuffle() {
	src "INSERT INTO p SELECT (ARRAY['acme', 'globex'])[i % 2 + 1], i, (ARRAY['eu', 'us', 'asia'])[i % 3 + 1], 'x'
	    FROM generate_series(1, 200) i"
	src "UPDATE p SET t = 'y' WHERE id % 5 = 0; DELETE FROM p WHERE id % 7 = 0"
	src "UPDATE p SET region = 'eu', t = 'moved' WHERE region = 'asia' AND id < 50"
	src "UPDATE p SET id = id + 500 WHERE region = 'us' AND id < 50; UPDATE p SET region = 'us' WHERE id = 101"
	src "BEGIN; UPDATE p SET region = 'asia' WHERE id = 3; UPDATE p SET t = 'z' WHERE id = 3; UPDATE p SET region = 'eu' WHERE id = 3;
	    DELETE FROM p WHERE id = 4; INSERT INTO p VALUES ('acme', 4, 'asia', 'anew'); COMMIT"
}

by_root() {
	src "ALTER PUBLICATION hr SET (publish_via_partition_root = true)"
}

leaf_of() {
	dst "SELECT tableoid::regclass FROM p WHERE id = $1"
}

@test "a partitioned table arrives leaf by leaf" {
	regions
	slot
	shuffle
	sync
	same
	equal "p_eu p_us_high p_us_high" "$(leaf_of 3) $(leaf_of 501) $(leaf_of 101)"
	equal 0 "$(conflicts)"
}

@test "a partitioned table arrives by its root" {
	regions
	by_root
	slot
	shuffle
	sync
	same
	equal "p_eu p_us_high p_us_high" "$(leaf_of 3) $(leaf_of 501) $(leaf_of 101)"
	equal 0 "$(conflicts)"
}

@test "leaves may be plain tables at the target" {
	src "CREATE TABLE p (tenant_id text, id int, region text, t text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
	    CREATE TABLE p_eu PARTITION OF p FOR VALUES IN ('eu'); CREATE TABLE p_us PARTITION OF p FOR VALUES IN ('us');
	    CREATE TABLE p_rest PARTITION OF p DEFAULT"
	dst "CREATE TABLE p_eu (t text, region text, tenant_id text, id int PRIMARY KEY);
	    CREATE TABLE p_us (tenant_id text, id int, region text, t text, PRIMARY KEY (id, region)) PARTITION BY HASH (id);
	    CREATE TABLE us_0 PARTITION OF p_us FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	    CREATE TABLE us_1 PARTITION OF p_us FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	    CREATE TABLE p_rest (tenant_id text, id int, region text, t text)"
	slot
	shuffle
	sync
	same_rows p_eu
	same_rows p_us
	same_rows p_rest
	equal 0 "$(conflicts)"
}

@test "a root may be a plain table at the target, and a plain table a root" {
	src "CREATE TABLE p (tenant_id text, id int, region text, t text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
	    CREATE TABLE p_eu PARTITION OF p FOR VALUES IN ('eu'); CREATE TABLE p_rest PARTITION OF p DEFAULT;
	    CREATE TABLE q (tenant_id text, id int PRIMARY KEY, n int)"
	dst "CREATE TABLE p (t text, region text, tenant_id text, id int PRIMARY KEY);
	    CREATE TABLE q (n int, tenant_id text, id int PRIMARY KEY) PARTITION BY RANGE (id);
	    CREATE TABLE q_low PARTITION OF q FOR VALUES FROM (MINVALUE) TO (50);
	    CREATE TABLE q_high PARTITION OF q FOR VALUES FROM (50) TO (MAXVALUE)"
	by_root
	src "INSERT INTO q SELECT 'acme', i, 0 FROM generate_series(1, 99) i; INSERT INTO p VALUES ('acme', 1000, 'eu')"
	sync --create-slot --snapshot
	shuffle
	src "UPDATE q SET n = 1 WHERE id % 2 = 0; DELETE FROM q WHERE id % 9 = 0; UPDATE q SET id = id + 100 WHERE id < 5"
	sync
	same
	equal 48 "$(dst "SELECT count(*) FROM q_high")"
	equal 0 "$(conflicts)"
}

@test "the target may divide by another column, and rows move there only" {
	regions
	dst "DROP TABLE p;
	    CREATE TABLE p (id int, t text, tenant_id text, region text, PRIMARY KEY (id, region, t)) PARTITION BY LIST (t);
	    CREATE TABLE p_x PARTITION OF p FOR VALUES IN ('x'); CREATE TABLE p_other PARTITION OF p DEFAULT"
	by_root
	slot
	src "INSERT INTO p SELECT 'acme', i, 'eu', 'x' FROM generate_series(1, 60) i"
	sync
	src "UPDATE p SET t = 'y' WHERE id < 10; UPDATE p SET t = 'z' WHERE id = 20; UPDATE p SET region = 'us' WHERE id = 30;
	    DELETE FROM p WHERE id = 1"
	sync
	same
	equal "p_x p_other p_x" "$(leaf_of 10) $(leaf_of 20) $(leaf_of 30)"
	equal 0 "$(conflicts)"
}

@test "columns may be in another order in each leaf, with others dropped" {
	src "CREATE TABLE p (tenant_id text, id int, region text, t text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
	    CREATE TABLE p_eu (gone int, t text, region text NOT NULL, id int NOT NULL, tenant_id text); ALTER TABLE p_eu DROP gone;
	    ALTER TABLE p ATTACH PARTITION p_eu FOR VALUES IN ('eu');
	    CREATE TABLE p_us (id int NOT NULL, tenant_id text, gone text, t text, region text NOT NULL); ALTER TABLE p_us DROP gone;
	    ALTER TABLE p ATTACH PARTITION p_us DEFAULT;
	    ALTER TABLE p ALTER t SET STORAGE EXTERNAL; ALTER TABLE p_eu ALTER t SET STORAGE EXTERNAL; ALTER TABLE p_us ALTER t SET STORAGE EXTERNAL"
	dst "CREATE TABLE p (t text, tenant_id text, region text, id int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
	    CREATE TABLE p_us (gone int, region text NOT NULL, t text, id int NOT NULL, tenant_id text); ALTER TABLE p_us DROP gone;
	    ALTER TABLE p ATTACH PARTITION p_us DEFAULT;
	    CREATE TABLE p_eu (id int NOT NULL, region text NOT NULL, t text, tenant_id text);
	    ALTER TABLE p ATTACH PARTITION p_eu FOR VALUES IN ('eu')"
	slot
	shuffle
	sync
	same
	by_root
	src "UPDATE p SET t = repeat(md5(id::text), 200)"
	src "UPDATE p SET tenant_id = 'initech' WHERE id < 20; UPDATE p SET id = id + 10000 WHERE id = 55"
	src "INSERT INTO p VALUES ('acme', 501, 'eu', 'x'), ('acme', 502, 'us', 'y')"
	src "DELETE FROM p WHERE id IN (21, 22, 23)"
	sync
	same
	equal 6400 "$(dst "SELECT DISTINCT length(t) FROM p WHERE tenant_id = 'initech'")"
	equal 0 "$(conflicts)"
}

@test "large unchanged values stay when a row moves between leaves" {
	regions
	both "ALTER TABLE p_eu ALTER t SET STORAGE EXTERNAL; ALTER TABLE p_rest ALTER t SET STORAGE EXTERNAL"
	both "ALTER TABLE p_eu REPLICA IDENTITY FULL"
	by_root
	slot
	src "INSERT INTO p SELECT 'acme', i, 'eu', repeat(md5(i::text), 200) FROM generate_series(1, 4) i"
	src "UPDATE p SET region = 'asia' WHERE id = 1; UPDATE p SET tenant_id = 'globex' WHERE id = 2;
	    UPDATE p SET id = 300 WHERE id = 3"
	src "UPDATE p SET region = 'eu' WHERE id = 1"
	sync
	same
	equal 6400 "$(dst "SELECT DISTINCT length(t) FROM p")"
	equal 0 "$(conflicts)"
}

@test "truncates of a leaf, of a divided leaf and of the root" {
	regions
	both "INSERT INTO p SELECT 'acme', i, (ARRAY['eu', 'us', 'asia'])[i % 3 + 1], 'x' FROM generate_series(1, 200) i"
	slot
	src "TRUNCATE p_us_low"
	sync
	same
	equal "34|167" "$(dst "SELECT (SELECT count(*) FROM p_us), count(*) FROM p")"
	src "TRUNCATE p_us; INSERT INTO p VALUES ('acme', 1000000, 'eu', 'x')"
	sync
	same
	src "TRUNCATE p; INSERT INTO p VALUES ('globex', 1, 'eu', 'x')"
	sync
	same
	equal 1 "$(dst "SELECT count(*) FROM p")"
	equal 0 "$(conflicts)"
}

@test "a truncate of the root arrives by the root, one of a leaf is not told" {
	regions
	dst "DROP TABLE p; CREATE TABLE p (tenant_id text, id int PRIMARY KEY, region text, t text)"
	by_root
	both "INSERT INTO p SELECT 'acme', i, (ARRAY['eu', 'us', 'asia'])[i % 3 + 1], 'x' FROM generate_series(1, 30) i"
	slot
	src "TRUNCATE p_eu; INSERT INTO p VALUES ('acme', 100, 'eu', 'x')"
	sync
	equal "31|21" "$(dst "SELECT count(*) FROM p")|$(src "SELECT count(*) FROM p")"
	src "TRUNCATE p; INSERT INTO p VALUES ('acme', 1, 'us', 'x')"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "one tenant's rows are truncated in leaves and by the root" {
	regions
	both "INSERT INTO p SELECT (ARRAY['acme', 'globex'])[i % 2 + 1], i, (ARRAY['eu', 'us', 'asia'])[i % 3 + 1], 'x' FROM generate_series(1, 60) i"
	slot
	src "TRUNCATE p_eu"
	sync --tenant acme
	equal "20|30" "$(dst "SELECT count(*) FILTER (WHERE tenant_id = 'acme'), count(*) FILTER (WHERE tenant_id = 'globex') FROM p")"
	by_root
	src "TRUNCATE p"
	sync --tenant acme
	equal "globex|30" "$(dst "SELECT tenant_id, count(*) FROM p GROUP BY 1")"
	equal 0 "$(conflicts)"
}

@test "a row that a partitioned target lacks is noticed" {
	regions
	both "INSERT INTO p SELECT 'acme', i, (ARRAY['eu', 'us', 'asia'])[i % 3 + 1], 'x' FROM generate_series(1, 12) i"
	dst "DELETE FROM p WHERE id IN (3, 4, 6, 7)"
	by_root
	slot
	src "UPDATE p SET t = 'y' WHERE id IN (3, 4, 5); DELETE FROM p WHERE id IN (6, 7, 8)"
	sync
	same
	equal "delete_missing 6,delete_missing 7,update_missing 3,update_missing 4" \
	    "$(dst "SELECT string_agg(conflict || ' ' || substring(key FROM 'id=([0-9]+)'), ',' ORDER BY conflict, key) FROM hr.conflict")"
}

@test "a row that a leaf of the target lacks is noticed" {
	regions
	both "INSERT INTO p SELECT 'acme', i, (ARRAY['eu', 'us', 'asia'])[i % 3 + 1], 'x' FROM generate_series(1, 12) i"
	dst "DELETE FROM p WHERE id IN (3, 4, 6, 7)"
	slot
	src "UPDATE p SET t = 'y' WHERE id IN (3, 4, 5); DELETE FROM p WHERE id IN (6, 7, 8); UPDATE p SET region = 'us' WHERE id = 9"
	sync
	same
	equal "public.p_eu delete_missing,public.p_eu update_missing,public.p_us_low delete_missing,public.p_us_low update_missing" \
	    "$(dst "SELECT string_agg(relation || ' ' || conflict, ',' ORDER BY relation, conflict) FROM hr.conflict")"
}

@test "refused: a row that has no leaf at the target" {
	regions
	dst "DROP TABLE p_rest"
	by_root
	slot
	src "INSERT INTO p VALUES ('acme', 1, 'eu', 'x'), ('globex', 2, 'asia', 'x'); INSERT INTO p VALUES ('acme', 3, 'us', 'x')"
	job
	ended 0 77
	[[ $(parked) == "globex|"*"no partition"* ]]
	equal "1 3" "$(dst "SELECT string_agg(id::text, ' ' ORDER BY id) FROM p")"
	one_error hr-apply "'globex' is parked.*no partition" to.err
	dst "CREATE TABLE p_rest PARTITION OF p DEFAULT"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal 0 "$(conflicts)"
}

@test "refused: a leaf that the target does not have" {
	regions
	dst "DROP TABLE p_rest"
	slot
	src "INSERT INTO p VALUES ('acme', 1, 'eu', 'x'), ('globex', 2, 'asia', 'x'); INSERT INTO p VALUES ('acme', 3, 'us', 'x')"
	src "UPDATE p SET region = 'eu' WHERE id = 2"
	job
	ended 0 77
	[[ $(parked) == "globex|"*"'public.p_rest' does not exist"* ]]
	one_error hr-apply "'globex' is parked.*p_rest" to.err
	dst "CREATE TABLE p_rest PARTITION OF p DEFAULT"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal p_eu "$(leaf_of 2)"
	equal 0 "$(conflicts)"
}

@test "leaves that are attached, detached and made meanwhile" {
	regions
	slot
	src "INSERT INTO p VALUES ('acme', 1, 'eu', 'x'), ('acme', 2, 'us', 'x')"
	both "CREATE TABLE p_africa PARTITION OF p FOR VALUES IN ('africa')"
	src "INSERT INTO p VALUES ('acme', 3, 'africa', 'x')"
	both "CREATE TABLE p_oz (tenant_id text, id int NOT NULL, region text NOT NULL, t text, PRIMARY KEY (id, region))"
	src "INSERT INTO p_oz VALUES ('acme', 4, 'oz', 'x')"
	src "ALTER TABLE p ATTACH PARTITION p_oz FOR VALUES IN ('oz'); INSERT INTO p VALUES ('acme', 5, 'oz', 'x');
	    ALTER TABLE p DETACH PARTITION p_eu; INSERT INTO p_eu VALUES ('acme', 6, 'any', 'x'); UPDATE p_eu SET t = 'y'"
	dst "ALTER TABLE p ATTACH PARTITION p_oz FOR VALUES IN ('oz'); ALTER TABLE p DETACH PARTITION p_eu"
	sync
	same
	equal "2|2" "$(dst "SELECT (SELECT count(*) FROM p_oz), (SELECT count(*) FROM p_eu)")"
	by_root
	src "INSERT INTO p VALUES ('acme', 7, 'oz', 'x'); UPDATE p SET t = 'z'; UPDATE p_eu SET t = 'z'"
	sync
	both "ALTER TABLE p DETACH PARTITION p_oz"
	src "DELETE FROM p_oz WHERE id = 4; UPDATE p_oz SET t = 'alone' WHERE id = 5"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "replica triggers of leaves fire" {
	regions
	dst "CREATE TABLE seen (n serial, t text);
	    CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
	    INSERT INTO public.seen (t) VALUES (TG_TABLE_NAME || ' ' || lower(TG_OP)); RETURN NULL; END \$\$;
	    CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON p_eu FOR EACH ROW EXECUTE FUNCTION see();
	    ALTER TABLE p_eu ENABLE ALWAYS TRIGGER t;
	    CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON p_rest FOR EACH ROW EXECUTE FUNCTION see();
	    ALTER TABLE p_rest ENABLE REPLICA TRIGGER t;
	    CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON p_us_low FOR EACH ROW EXECUTE FUNCTION see()"
	by_root
	slot
	src "INSERT INTO p VALUES ('acme', 1, 'eu', 'x')"
	src "UPDATE p SET t = 'y'"
	src "UPDATE p SET region = 'asia'"
	src "INSERT INTO p VALUES ('acme', 2, 'us', 'x')"
	src "DELETE FROM p WHERE id = 1"
	sync
	same
	equal "p_eu insert,p_eu update,p_eu delete,p_rest insert,p_rest delete" "$(dst "SELECT string_agg(t, ',' ORDER BY n) FROM seen")"
	equal 0 "$(conflicts)"
}

@test "one publication by the root counts more than others by leaves" {
	regions
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE p_eu, p_us;
	    CREATE PUBLICATION two FOR TABLE p WITH (publish_via_partition_root = true)"
	dst "DROP TABLE p; CREATE TABLE p (tenant_id text, id int PRIMARY KEY, region text, t text)"
	src "INSERT INTO p SELECT 'acme', i, (ARRAY['eu', 'us', 'asia'])[i % 3 + 1], 'x' FROM generate_series(901, 930) i"
	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P hr,two --checkpoint "$F")
	sync --create-slot --snapshot
	same
	shuffle
	sync
	same
	equal 0 "$(conflicts)"
}

@test "only some leaves may be published, by themselves or by their part" {
	regions
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE p_us WITH (publish_via_partition_root = true)"
	dst "DROP TABLE p; CREATE TABLE p_us (tenant_id text, id int, region text, t text, PRIMARY KEY (id, region))"
	src "INSERT INTO p VALUES ('acme', 999, 'us', 'copied'), ('acme', 998, 'eu', 'not')"
	sync --create-slot --snapshot
	equal 999 "$(dst "SELECT id FROM p_us")"
	shuffle
	sync
	same_rows p_us
	equal 0 "$(conflicts)"
}

@test "a first copy brings leaves, or the root" {
	regions
	src "INSERT INTO p SELECT (ARRAY['acme', 'globex'])[i % 2 + 1], i, (ARRAY['eu', 'us', 'asia'])[i % 3 + 1], 'x' FROM generate_series(1, 300) i"
	sync --create-slot --snapshot --tenant acme
	same "tenant_id = 'acme'"
	equal acme "$(dst "SELECT DISTINCT tenant_id FROM p")"
	by_root
	dst "TRUNCATE p; DROP SCHEMA hr CASCADE"
	drop_slots source
	rm "$F"
	sync --create-slot --snapshot
	same
	src "UPDATE p SET region = 'eu'"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a partitioned table with a full identity and no key" {
	both "CREATE TABLE f (tenant_id text, n int, t text) PARTITION BY LIST (n);
	    CREATE TABLE f_1 PARTITION OF f FOR VALUES IN (1); CREATE TABLE f_2 PARTITION OF f FOR VALUES IN (2, NULL)"
	both "ALTER TABLE f REPLICA IDENTITY FULL; ALTER TABLE f_1 REPLICA IDENTITY FULL; ALTER TABLE f_2 REPLICA IDENTITY FULL"
	both "INSERT INTO f SELECT 'acme', i % 2 + 1, 'twin' FROM generate_series(1, 10) i; INSERT INTO f VALUES ('acme', NULL, NULL)"
	slot
	src "DELETE FROM f WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM f WHERE n = 1 LIMIT 1);
	    UPDATE f SET n = 2 WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM f WHERE n = 1 LIMIT 1)"
	by_root
	src "DELETE FROM f WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM f WHERE n = 1 LIMIT 1);
	    UPDATE f SET t = 'one' WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM f WHERE n = 2 LIMIT 1);
	    UPDATE f SET n = 1 WHERE n IS NULL"
	sync
	same
	equal "9|3" "$(dst "SELECT count(*), count(*) FILTER (WHERE n = 1) FROM f")"
	equal 0 "$(conflicts)"
}

@test "where rows go by the root, the file need not know the leaves" {
	both "CREATE TABLE p (code text, id int PRIMARY KEY) PARTITION BY RANGE (id);
	    CREATE TABLE p_low PARTITION OF p FOR VALUES FROM (0) TO (100)"
	by_root
	slot
	src "INSERT INTO p VALUES ('x', 1); UPDATE p SET code = 'y'"
	config <<-'YAML'
	tenancy: {column: tenant_id}
	tables: {public.p: {tenancy: shared}}
	YAML
	sync
	same
	equal 0 "$(conflicts)"
}
