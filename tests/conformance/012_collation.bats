load ../lib
load ../pipe/pipe

setup() {
	pair
}

teardown() {
	unpair
}

# Two collations in which texts of other bytes are equal: by accents that are
# written in two ways, and by upper and lower case.
collations() {
	both "CREATE COLLATION accents (provider = icu, locale = 'und', deterministic = false);
	    CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
}

@test "a row is found by a key that is equal but not the same" {
	collations
	both "CREATE TABLE k (tenant_id text, id text COLLATE accents PRIMARY KEY, t text)"
	src "INSERT INTO k VALUES ('acme', U&'\00E4bc', 'x'), ('acme', U&'\00F6', 'x'), ('acme', 'plain', 'x')"
	dst "INSERT INTO k VALUES ('acme', U&'\0061\0308bc', 'x'), ('acme', U&'\006F\0308', 'x'), ('acme', 'plain', 'x')"
	slot
	src "UPDATE k SET t = 'y' WHERE id = U&'\00E4bc'; DELETE FROM k WHERE id = U&'\00F6'"
	sync
	equal "x y" "$(dst "SELECT string_agg(t, ' ' ORDER BY t) FROM k")"
	src "UPDATE k SET t = t || '!'"
	src "UPDATE k SET id = U&'\00E9' WHERE id = U&'\00E4bc'"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a row is found by a full identity that is equal but not the same" {
	collations
	both "CREATE TABLE f (tenant_id text, a text COLLATE accents, b int); ALTER TABLE f REPLICA IDENTITY FULL"
	src "INSERT INTO f VALUES ('acme', U&'\00E4bc', 1), ('acme', U&'\00F6', 2), ('acme', 'plain', 3)"
	dst "INSERT INTO f VALUES ('acme', U&'\0061\0308bc', 1), ('acme', U&'\006F\0308', 2), ('acme', 'plain', 3)"
	slot
	src "UPDATE f SET b = 10 WHERE b = 1; DELETE FROM f WHERE b = 2; UPDATE f SET a = 'other' WHERE b = 3"
	sync
	same
	equal "3|10" "$(dst "SELECT min(b), max(b) FROM f")"
	equal 0 "$(conflicts)"
}

@test "a key that changes only in case changes" {
	collations
	both "CREATE TABLE k (tenant_id text, id text COLLATE nocase PRIMARY KEY, n int)"
	slot
	src "INSERT INTO k SELECT 'acme', 'key' || i, 0 FROM generate_series(1, 60) i"
	sync
	src "UPDATE k SET id = upper(id) WHERE n = 0 AND id < 'key3'"
	src "BEGIN; DELETE FROM k WHERE id = 'key50'; INSERT INTO k VALUES ('globex', 'KEY50', 5); COMMIT"
	src "BEGIN; UPDATE k SET n = 1; UPDATE k SET id = 'Key51' WHERE id = 'key51'; UPDATE k SET n = 2 WHERE id = 'KEY51'; COMMIT"
	src "DELETE FROM k WHERE id = 'KEY52'; INSERT INTO k VALUES ('acme', 'KEY52', 1)"
	sync
	same
	equal "KEY50 Key51 KEY52" "$(dst "SELECT string_agg(id, ' ' ORDER BY id) FROM k WHERE id IN ('key50', 'key51', 'key52')")"
	equal 0 "$(conflicts)"
}

@test "a key comes and goes in many spellings within one batch" {
	collations
	both "CREATE TABLE k (tenant_id text, id text COLLATE nocase PRIMARY KEY, n int)"
	slot
	src "INSERT INTO k SELECT 'acme', 'a' || i, 0 FROM generate_series(1, 50) i"
	src "DELETE FROM k WHERE id IN ('A1', 'A2', 'A3', 'A4')"
	src "INSERT INTO k SELECT 'acme', 'A' || i, 1 FROM generate_series(1, 4) i"
	src "DELETE FROM k WHERE id IN ('a1', 'a2'); INSERT INTO k VALUES ('acme', 'a1', 2)"
	src "UPDATE k SET id = upper(id), n = 3 WHERE n = 0 AND id > 'a40'; UPDATE k SET id = lower(id), n = 4 WHERE n = 3"
	sync
	same
	equal "49|a1" "$(dst "SELECT count(*), max(id) FILTER (WHERE n = 2) FROM k")"
	equal 0 "$(conflicts)"
}

@test "rows without a key that are equal but not the same keep apart" {
	collations
	both "CREATE TABLE f (tenant_id text, a text COLLATE nocase, n int); ALTER TABLE f REPLICA IDENTITY FULL"
	both "INSERT INTO f VALUES ('acme', 'one', 1), ('acme', 'ONE', 1), ('acme', 'two', 1), ('acme', 'TWO', 1)"
	slot
	src "DELETE FROM f WHERE a COLLATE \"C\" = 'ONE'; UPDATE f SET n = 2 WHERE a COLLATE \"C\" = 'TWO'"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a unique index with such a collation lets rows take turns" {
	collations
	both "CREATE TABLE u (tenant_id text, id int PRIMARY KEY, mail text COLLATE nocase UNIQUE)"
	both "INSERT INTO u SELECT 'acme', i, 'm' || i FROM generate_series(1, 20) i"
	slot
	src "DELETE FROM u WHERE id = 1; INSERT INTO u VALUES ('globex', 21, 'M1')"
	src "BEGIN; UPDATE u SET mail = 'tmp' WHERE id = 2; UPDATE u SET mail = 'M2' WHERE id = 3; UPDATE u SET mail = 'M3' WHERE id = 2; COMMIT"
	src "UPDATE u SET mail = upper(mail)"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "tenants whose names are equal by collation are two" {
	collations
	both "CREATE TABLE c (tenant_id text COLLATE nocase, id int PRIMARY KEY, n int)"
	src "INSERT INTO c SELECT (ARRAY['acme', 'ACME'])[i % 2 + 1], i FROM generate_series(1, 6) i"
	dst "INSERT INTO c VALUES ('ACME', 100)"
	sync --create-slot --snapshot --tenant acme
	equal "ACME 1,acme 3" "$(dst "SELECT tenant_id COLLATE \"C\" || ' ' || count(*) FROM c GROUP BY tenant_id COLLATE \"C\" ORDER BY 1" | paste -sd,)"
	src "UPDATE c SET n = 1"
	src "TRUNCATE c; INSERT INTO c VALUES ('acme', 7), ('ACME', 8)"
	sync --tenant acme
	same "tenant_id COLLATE \"C\" = 'acme'"
	equal "100" "$(dst "SELECT id FROM c WHERE tenant_id COLLATE \"C\" = 'ACME'")"
	equal 0 "$(conflicts)"
}

@test "a first copy and a large batch with such a key" {
	collations
	both "CREATE TABLE k (tenant_id text COLLATE accents, id text COLLATE accents, t text COLLATE nocase, PRIMARY KEY (tenant_id, id))"
	src "INSERT INTO k SELECT U&'\00E4', U&'\00E9' || i, 'x' FROM generate_series(1, 200) i"
	sync --create-slot --snapshot
	src "UPDATE k SET t = 'X' WHERE id < U&'\00E9' || 5; DELETE FROM k WHERE id LIKE '%7' COLLATE \"C\""
	src "INSERT INTO k SELECT U&'\00E4', U&'\00F6' || i, 'x' FROM generate_series(1, 200) i"
	sync
	same
	equal 380 "$(dst "SELECT count(*) FROM k")"
	equal 0 "$(conflicts)"
}
