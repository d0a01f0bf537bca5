load ../lib
load ../pipe/pipe

# PostgreSQL 18 has keys WITHOUT OVERLAPS; before it the same is an exclusion
# constraint, which is no identity, so that the identity is full.
setup() {
	pair
	src "CREATE TABLE stay (tenant_id text, id int4range, valid daterange, t text, $(key source))"
	dst "CREATE TABLE stay (tenant_id text, id int4range, valid daterange, t text, $(key target))"
	at_least source 18 || src "ALTER TABLE stay REPLICA IDENTITY FULL"
}

teardown() {
	unpair
}

key() {
	if at_least "$1" 18; then
		echo "${2:-PRIMARY KEY} (id, valid WITHOUT OVERLAPS)"
	else
		echo "EXCLUDE USING gist (id WITH =, valid WITH &&)"
	fi
}

@test "rows whose key has a period come, change and go" {
	src "INSERT INTO stay SELECT 'acme', int4range(i, i + 1), daterange('2024-01-01', '2024-02-01'), 'copied' FROM generate_series(1, 60) i"
	sync --create-slot --snapshot
	same
	src "INSERT INTO stay SELECT 'acme', int4range(i, i + 1), daterange('2024-02-01', NULL), 'next' FROM generate_series(1, 60) i"
	src "UPDATE stay SET t = 'changed' WHERE valid @> date '2024-01-15' AND id @> 5; DELETE FROM stay WHERE id @> 6;
	    UPDATE stay SET valid = daterange('2024-01-10', '2024-01-20') WHERE valid @> date '2024-01-15' AND id @> 7"
	sync
	same
	equal "118|1" "$(dst "SELECT count(*), count(*) FILTER (WHERE t = 'changed') FROM stay")"
	equal 0 "$(conflicts)"
}

@test "periods are split, joined and exchanged within a transaction" {
	slot
	src "INSERT INTO stay SELECT 'acme', int4range(i, i + 1), daterange('2024-01-01', '2024-03-01'), 'one' FROM generate_series(1, 60) i"
	sync
	src "BEGIN; UPDATE stay SET valid = daterange('2024-01-01', '2024-02-01');
	    INSERT INTO stay SELECT tenant_id, id, daterange('2024-02-01', '2024-03-01'), 'two' FROM stay; COMMIT"
	sync
	same
	src "BEGIN; DELETE FROM stay WHERE t = 'two' AND id << int4range(30, 31);
	    UPDATE stay SET valid = daterange('2024-01-01', '2024-03-01') WHERE id << int4range(30, 31); COMMIT"
	src "BEGIN; UPDATE stay SET valid = daterange('2030-01-01', '2030-02-01') WHERE t = 'one' AND id >> int4range(30, 31);
	    UPDATE stay SET valid = daterange('2024-01-01', '2024-02-01') WHERE t = 'two' AND id >> int4range(30, 31);
	    UPDATE stay SET valid = daterange('2024-02-01', '2024-03-01') WHERE t = 'one' AND id >> int4range(30, 31); COMMIT"
	sync
	same
	equal 91 "$(dst "SELECT count(*) FROM stay")"
	equal 0 "$(conflicts)"
}

@test "an identity by a unique index with a period, or a full one, says which row" {
	both "CREATE TABLE k (tenant_id text, id int4range NOT NULL, valid daterange NOT NULL, t text)"
	src "ALTER TABLE k ADD CONSTRAINT kk $(key source UNIQUE)"
	dst "ALTER TABLE k ADD CONSTRAINT kk $(key target UNIQUE)"
	if at_least source 18; then
		src "ALTER TABLE k REPLICA IDENTITY USING INDEX kk"
	else
		src "ALTER TABLE k REPLICA IDENTITY FULL"
	fi
	both "ALTER TABLE stay REPLICA IDENTITY FULL"
	slot
	for t in k stay; do
		src "INSERT INTO $t SELECT 'acme', int4range(i, i + 1), daterange('2024-01-01', '2024-02-01'), 'x' FROM generate_series(1, 9) i"
		src "UPDATE $t SET t = 'y' WHERE id @> 3; UPDATE $t SET valid = daterange('2024-01-01', NULL) WHERE id @> 4; DELETE FROM $t WHERE id @> 5"
	done
	sync
	same
	equal "8|1" "$(dst "SELECT count(*), count(*) FILTER (WHERE t = 'y') FROM k")"
	equal 0 "$(conflicts)"
}

@test "without an identity rows with periods are added, where no more is published" {
	src "ALTER TABLE stay REPLICA IDENTITY NOTHING"
	slot
	src "INSERT INTO stay VALUES ('acme', '[1,1]', '[2024-01-01,2024-02-01)', 'x')"
	run -3 --separate-stderr src "UPDATE stay SET t = 'y'"
	[[ $stderr == *"does not have a replica identity"* ]]
	src "ALTER PUBLICATION hr SET (publish = 'insert, truncate')"
	src "UPDATE stay SET t = 'y'; INSERT INTO stay VALUES ('globex', '[1,1]', '[2024-02-01,2024-03-01)', 'y')"
	sync
	equal "acme x,globex y" "$(dst "SELECT string_agg(tenant_id || ' ' || t, ',' ORDER BY valid) FROM stay")"
	equal 0 "$(conflicts)"
}

@test "a period that overlaps one of the target's own parks the tenant" {
	slot
	dst "INSERT INTO stay VALUES ('acme', '[1,1]', '[2024-01-10,2024-03-01)', 'of the target')"
	src "INSERT INTO stay VALUES ('globex', '[2,2]', '[2024-01-01,2024-02-01)', 'x'), ('acme', '[1,1]', '[2024-01-01,2024-02-01)', 'x')"
	job
	equal "acme" "$(dst "SELECT tenant FROM hr.tenant WHERE state = 'parked'")"
	[[ $(parked) == *exclusion* ]]
	equal "[2,3)" "$(dst "SELECT id FROM stay WHERE t = 'x'")"
	dst "DELETE FROM stay WHERE t = 'of the target'"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
}

@test "refused: a tenant by a foreign key that has a period" {
	if ! at_least source 18; then
		run -3 --separate-stderr src "CREATE TABLE night (n int, id int4range, valid daterange,
		    FOREIGN KEY (id, PERIOD valid) REFERENCES stay (id, PERIOD valid))"
		[[ $stderr == *"syntax error"* ]]
		return
	fi
	src "CREATE TABLE night (n int PRIMARY KEY, id int4range, valid daterange,
	    FOREIGN KEY (id, PERIOD valid) REFERENCES stay (id, PERIOD valid))"
	config <<-'YAML'
	tenancy: {column: tenant_id}
	tables:
	  public.night: {tenancy: parent}
	YAML
	run -78 --separate-stderr hr-capture -d "$SRC" -S "$SLOT" -P hr --config config.yaml --check
	[[ $output == *"public.night: REFUSED: "*"no foreign key to a table of tenants"* ]]
}
