load ../lib
load ../pipe/pipe

setup() {
	pair
}

teardown() {
	unpair
}

# Numbers 1 to 10 on both sides, and a slot.
numbers() {
	both "CREATE TABLE numbers (tenant_id text, a int PRIMARY KEY, t text)"
	both "INSERT INTO numbers SELECT 'acme', i, 'n' || i FROM generate_series(1, 10) i"
	slot
}

@test "a first copy, then inserts, updates and deletes of what it brought" {
	both "CREATE TABLE plain (tenant_id text, a int);
	    CREATE TABLE whole (tenant_id text, a int, b text);
	    CREATE TABLE keyed (b text, tenant_id text, a int PRIMARY KEY);
	    CREATE TABLE wide (tenant_id text, a int, b text);
	    CREATE UNIQUE INDEX wide_key ON wide (a) INCLUDE (b);
	    ALTER TABLE wide ALTER a SET NOT NULL, REPLICA IDENTITY USING INDEX wide_key;
	    ALTER TABLE whole REPLICA IDENTITY FULL;
	    CREATE TABLE outside (tenant_id text, a int)"
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE plain, whole, keyed, wide"
	src "INSERT INTO plain SELECT 'acme', i FROM generate_series(1, 1002) i;
	    INSERT INTO whole SELECT 'acme', i, 'w' FROM generate_series(1, 10) i;
	    INSERT INTO keyed VALUES ('foo', 'acme', 1), ('bar', 'globex', 2);
	    INSERT INTO wide SELECT 'acme', i, repeat('x', i) FROM generate_series(1, 20) i;
	    INSERT INTO outside VALUES ('acme', 1)"
	dst "INSERT INTO outside VALUES ('acme', 77)"
	sync --create-slot --snapshot
	equal "1002|1002" "$(dst "SELECT count(*), max(a) FROM plain")"
	src "INSERT INTO plain SELECT 'acme', i FROM generate_series(1003, 1052) i;
	    INSERT INTO outside VALUES ('acme', 2);
	    DELETE FROM whole WHERE a > 5; UPDATE whole SET a = -a, b = b || a;
	    UPDATE keyed SET b = 'baz' WHERE a = 1; INSERT INTO keyed VALUES ('new', 'acme', 3);
	    DELETE FROM keyed WHERE a = 2;
	    DELETE FROM wide WHERE a > 10; UPDATE wide SET b = 'inc' || a;
	    UPDATE wide SET a = a + 100 WHERE a = 1"
	sync --create-slot --snapshot
	same_rows plain
	same_rows whole
	same_rows keyed
	same_rows wide
	equal "10|inc1" "$(dst "SELECT count(*), max(b) FILTER (WHERE a = 101) FROM wide")"
	equal 77 "$(dst "SELECT a FROM outside")"
	equal 0 "$(conflicts)"
}

@test "refused: an identity of nothing, unless only inserts are published" {
	both "CREATE TABLE log (tenant_id text, a int); ALTER TABLE log REPLICA IDENTITY NOTHING"
	slot
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE log WITH (publish = 'insert')"
	src "INSERT INTO log VALUES ('acme', 1), ('globex', 2)"
	src "ALTER PUBLICATION hr SET (publish = 'insert, delete')"
	job
	[ "$from" = 78 ]
	one_error hr-capture "'public.log'.*NOTHING" from.err
	src "ALTER PUBLICATION hr SET (publish = 'insert')"
	src "INSERT INTO log VALUES ('acme', 3)"
	src "UPDATE log SET a = 4 WHERE a = 3"
	sync
	equal "1 2 3" "$(dst "SELECT string_agg(a::text, ' ' ORDER BY a) FROM log")"
	src "UPDATE log SET a = 3 WHERE a = 4"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "twins of a table with full identity change one at a time" {
	both "CREATE TABLE words (tenant_id text, w text, n int); ALTER TABLE words REPLICA IDENTITY FULL"
	both "INSERT INTO words SELECT 'acme', unnest('{a,a,b,b,b,c}'::text[]), NULL"
	slot
	src "UPDATE words SET w = 'bb' WHERE ctid = (SELECT min(ctid) FROM words WHERE w = 'b')"
	src "DELETE FROM words WHERE ctid = (SELECT max(ctid) FROM words WHERE w = 'a')"
	src "UPDATE words SET w = 'd' WHERE w = 'c'"
	src "INSERT INTO words VALUES ('acme', 'a', NULL)"
	sync
	same
	equal "a a b b bb d" "$(dst "SELECT string_agg(w, ' ' ORDER BY w) FROM words")"
	src "UPDATE words SET w = 'all'"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a full identity beside a primary key, on either side or both" {
	local t
	for t in f_both f_source f_target; do
		both "CREATE TABLE $t (tenant_id text, a int, b text)"
	done
	both "ALTER TABLE f_both ADD PRIMARY KEY (a)"
	src "ALTER TABLE f_source ADD PRIMARY KEY (a)"
	dst "ALTER TABLE f_target ADD PRIMARY KEY (a)"
	for t in f_both f_source f_target; do
		src "ALTER TABLE $t REPLICA IDENTITY FULL"
		both "INSERT INTO $t VALUES ('acme', 1, 'foo'), ('acme', 2, NULL), ('globex', 3, 'foo')"
	done
	slot
	for t in f_both f_source f_target; do
		src "UPDATE $t SET b = 'bar' WHERE a = 1; UPDATE $t SET b = 'was null' WHERE a = 2;
		    UPDATE $t SET b = NULL, a = 30 WHERE a = 3; DELETE FROM $t WHERE a = 1"
	done
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a row that the target lacks is noticed and the rest goes on" {
	both "CREATE TABLE whole (tenant_id text, a int, b text); ALTER TABLE whole REPLICA IDENTITY FULL"
	both "INSERT INTO whole SELECT 'acme', i, 'w' FROM generate_series(1, 4) i"
	numbers
	dst "DELETE FROM numbers WHERE a IN (1, 2); DELETE FROM whole WHERE a IN (1, 2)"
	src "UPDATE numbers SET t = 'back' WHERE a IN (1, 3); DELETE FROM numbers WHERE a IN (2, 4);
	    UPDATE whole SET b = 'back' WHERE a IN (1, 3); DELETE FROM whole WHERE a IN (2, 4)"
	sync
	same
	equal "numbers delete_missing skipped,numbers update_missing inserted,whole delete_missing skipped,whole update_missing inserted" \
	    "$(dst "SELECT string_agg(concat_ws(' ', split_part(relation, '.', 2), conflict, resolution), ','
	    ORDER BY relation, conflict) FROM hr.conflict")"
}

@test "a table without columns keeps its number of rows" {
	both "CREATE TABLE bare (); CREATE TABLE emptied (a int); ALTER TABLE emptied DROP a"
	src "INSERT INTO bare DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES"
	config <<-'YAML'
	tenancy: {column: tenant_id}
	tables:
	  public.bare: {tenancy: shared}
	  public.emptied: {tenancy: shared}
	YAML
	sync --create-slot --snapshot
	equal 2 "$(dst "SELECT count(*) FROM bare")"
	src "INSERT INTO bare DEFAULT VALUES"
	src "BEGIN; INSERT INTO bare DEFAULT VALUES; INSERT INTO emptied DEFAULT VALUES; COMMIT"
	sync
	equal "4|1" "$(dst "SELECT (SELECT count(*) FROM bare), (SELECT count(*) FROM emptied)")"
	same
	src "TRUNCATE bare; INSERT INTO bare DEFAULT VALUES"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a table that has columns only at the target takes rows without any" {
	src "CREATE TABLE bare ()"
	dst "CREATE TABLE bare (id serial, t text DEFAULT 'ours')"
	slot
	src "INSERT INTO bare DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES"
	config <<-'YAML'
	tenancy: {column: tenant_id}
	tables: {public.bare: {tenancy: shared}}
	YAML
	sync
	equal "1 ours,2 ours" "$(dst "SELECT string_agg(id || ' ' || t, ',' ORDER BY id) FROM bare")"
}

@test "large values arrive when they change and stay when they do not" {
	local t
	for t in keyed whole; do
		both "CREATE TABLE $t (tenant_id text, id int PRIMARY KEY, n int, big text, other bytea);
		    ALTER TABLE $t ALTER big SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL"
	done
	both "ALTER TABLE whole REPLICA IDENTITY FULL"
	slot
	for t in keyed whole; do
		src "INSERT INTO $t SELECT 'acme', i, 0, repeat(md5(i::text), 400),
		    decode(repeat(md5(i::text), 400), 'hex') FROM generate_series(1, 5) i"
		src "UPDATE $t SET n = id"
		src "UPDATE $t SET big = repeat('new', 5000) WHERE id = 2"
		src "UPDATE $t SET other = NULL WHERE id = 3"
		src "UPDATE $t SET id = 40 WHERE id = 4"
		src "DELETE FROM $t WHERE id = 5"
	done
	sync
	same
	equal "12800 15000 12800 12800" "$(dst "SELECT string_agg(length(big)::text, ' ' ORDER BY id) FROM keyed")"
	for t in keyed whole; do
		src "UPDATE $t SET n = n + 1; UPDATE $t SET n = n * 2, big = big WHERE id = 1"
	done
	sync
	same
	equal 0 "$(conflicts)"
}

@test "dropped columns on either side" {
	src "CREATE TABLE c (gone1 int, tenant_id text, gone2 text, id int PRIMARY KEY, b int, gone3 int);
	    ALTER TABLE c DROP gone1, DROP gone2, DROP gone3"
	dst "CREATE TABLE c (id int PRIMARY KEY, other int, b int, tenant_id text, more text);
	    ALTER TABLE c DROP other, DROP more"
	both "CREATE TABLE w (tenant_id text, x int, a int, y text, z int); ALTER TABLE w REPLICA IDENTITY FULL"
	both "INSERT INTO w VALUES ('acme', 1, 1, 'one', NULL), ('acme', 2, 2, NULL, 2)"
	slot
	src "INSERT INTO c VALUES ('acme', 1, 1), ('acme', 2, 2), ('globex', 3, NULL)"
	src "ALTER TABLE w DROP x"
	dst "ALTER TABLE w DROP z, DROP x"
	src "ALTER TABLE w DROP z"
	src "UPDATE w SET y = 'two' WHERE a = 2; DELETE FROM w WHERE a = 1; INSERT INTO w VALUES ('acme', 3, 'three')"
	src "UPDATE c SET b = 20 WHERE id = 2; DELETE FROM c WHERE id = 1; UPDATE c SET id = 30 WHERE id = 3"
	sync
	same
	src "ALTER TABLE c DROP b"
	src "INSERT INTO c VALUES ('acme', 4); UPDATE c SET id = 5 WHERE id = 2"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a publication may be changed while it is followed" {
	numbers
	both "CREATE TABLE late (tenant_id text, a int PRIMARY KEY)"
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE numbers"
	src "INSERT INTO numbers VALUES ('acme', 11); INSERT INTO late VALUES ('acme', 1)"
	src "ALTER PUBLICATION hr SET (publish = 'insert, delete')"
	src "UPDATE numbers SET t = 'not told'; DELETE FROM numbers WHERE a = 1; INSERT INTO numbers VALUES ('acme', 12)"
	src "ALTER PUBLICATION hr ADD TABLE late"
	src "INSERT INTO late VALUES ('acme', 2)"
	src "TRUNCATE numbers"
	src "ALTER PUBLICATION hr SET (publish = 'insert, update, delete, truncate')"
	src "INSERT INTO numbers VALUES ('acme', 13, 'x'); UPDATE numbers SET t = 'told' WHERE a = 13"
	src "ALTER PUBLICATION hr DROP TABLE late"
	src "INSERT INTO late VALUES ('acme', 3)"
	sync
	equal "12|0|told" "$(dst "SELECT count(*), count(*) FILTER (WHERE t = 'not told'),
	    max(t) FILTER (WHERE a = 13) FROM numbers")"
	equal 2 "$(dst "SELECT string_agg(a::text, ' ') FROM late")"
}

@test "another publication may be followed from the same slot" {
	numbers
	both "CREATE TABLE late (tenant_id text, a int PRIMARY KEY)"
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE numbers; CREATE PUBLICATION two FOR TABLE late"
	src "INSERT INTO numbers VALUES ('acme', 11); INSERT INTO late VALUES ('acme', 1)"
	sync
	equal 0 "$(dst "SELECT count(*) FROM late")"
	src "DELETE FROM late; INSERT INTO late VALUES ('acme', 2); DELETE FROM numbers WHERE a = 1"
	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P two --checkpoint "$F")
	sync
	same_rows late
	equal 11 "$(dst "SELECT count(*) FROM numbers")"
	src "UPDATE numbers SET t = 'again'"
	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P hr,two --checkpoint "$F")
	sync
	equal 10 "$(dst "SELECT count(*) FROM numbers WHERE t = 'again'")"
	same_rows late
}

@test "a publication that was renamed is followed by its new name" {
	numbers
	src "INSERT INTO numbers VALUES ('acme', 11)"
	sync
	src "ALTER PUBLICATION hr RENAME TO shop"
	src "INSERT INTO numbers VALUES ('acme', 12)"
	job
	[ "$from" = 78 ]
	one_error hr-capture "'hr' does not exist" from.err
	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P shop --checkpoint "$F")
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a replica identity may be changed while it is followed" {
	numbers
	both "CREATE UNIQUE INDEX by_t ON numbers (tenant_id, t)"
	both "ALTER TABLE numbers ALTER tenant_id SET NOT NULL, ALTER t SET NOT NULL"
	src "UPDATE numbers SET t = 'by key ' || a WHERE a = 1; DELETE FROM numbers WHERE a = 2"
	src "ALTER TABLE numbers REPLICA IDENTITY FULL"
	src "UPDATE numbers SET t = 'full ' || a WHERE a = 3; DELETE FROM numbers WHERE a = 4"
	src "ALTER TABLE numbers REPLICA IDENTITY USING INDEX by_t"
	src "UPDATE numbers SET a = 50 WHERE a = 5; UPDATE numbers SET t = 'by t' WHERE a = 6;
	    UPDATE numbers SET a = 60, t = 'both' WHERE a = 6; DELETE FROM numbers WHERE a = 7"
	src "ALTER TABLE numbers REPLICA IDENTITY DEFAULT"
	src "UPDATE numbers SET a = a + 100"
	sync
	same
	equal "103 108 109 110 150 160 101" "$(dst "SELECT string_agg(a::text, ' ' ORDER BY t COLLATE \"C\" DESC) FROM
	    (SELECT a, CASE WHEN a = 101 THEN '' WHEN a = 103 THEN 'z' ELSE 'y' || 999 - a END AS t FROM numbers) q")"
	equal 0 "$(conflicts)"
}

@test "transactions without a published row leave nothing in the stream" {
	numbers
	src "CREATE TABLE outside (tenant_id text); DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE numbers"
	src "INSERT INTO numbers VALUES ('acme', 11)"
	record one.hrs
	src "INSERT INTO outside SELECT 'acme' FROM generate_series(1, 100); UPDATE outside SET tenant_id = 'x'"
	src "CREATE TABLE more (a int); DROP TABLE more"
	record more.hrs
	local one more
	one=$(hr-transform --dump <one.hrs | grep -c commit) || true
	more=$(hr-transform --dump <more.hrs | grep -c commit) || true
	equal "$one" "$more"
	local before
	before=$(now)
	sync
	same_rows numbers
	equal t "$(src "SELECT confirmed_flush_lsn >= '$before' FROM pg_replication_slots")"
}

@test "what is no longer wanted leaves no slot and no origin" {
	numbers
	src "INSERT INTO numbers VALUES ('acme', 11)"
	sync
	equal 1 "$(dst "SELECT count(*) FROM pg_replication_origin WHERE roname ~ '^hr_${SLOT}_'")"
	run -0 --separate-stderr hr-capture --drop-slot -d "$SRC" -S "$SLOT"
	equal 0 "$(src "SELECT count(*) FROM pg_replication_slots WHERE slot_name = '$SLOT'")"
	dst "DELETE FROM hr.stream WHERE stream = '$SLOT'; DELETE FROM hr.tenant WHERE stream = '$SLOT';
	    DELETE FROM hr.parked WHERE stream = '$SLOT'; DELETE FROM hr.copy WHERE stream = '$SLOT'"
	dst "SELECT FROM (SELECT pg_replication_origin_drop(roname) FROM pg_replication_origin
	    WHERE roname ~ '^hr_${SLOT}_[0-9]+\$') q"
	equal 0 "$(dst "SELECT count(*) FROM pg_replication_origin WHERE roname ~ '^hr_${SLOT}_'")"
	# And it may begin anew.
	slot
	src "UPDATE numbers SET t = 'new life'"
	rm "$F"
	sync
	same
	equal 0 "$(conflicts)"
}
