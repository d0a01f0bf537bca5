load ../lib
load pipe

setup() {
	pair
}

teardown() {
	unpair
}

# The table most tests use, with three tenants' rows on both sides, and a slot.
items() {
	both "CREATE TABLE items (tenant_id text NOT NULL, id int PRIMARY KEY, n int, t text)"
	both "INSERT INTO items SELECT (ARRAY['acme', 'globex', 'initech'])[i % 3 + 1],
	    i, i, 'row ' || i FROM generate_series(1, 30) i"
	slot
}

@test "inserts, updates, deletes and truncates arrive" {
	items
	both "CREATE TABLE other (tenant_id text, id bigserial PRIMARY KEY, t text)"
	src "INSERT INTO items VALUES ('acme', 100, 1, 'new'), ('umbrella', 101, 2, NULL)"
	src "UPDATE items SET n = n + 1000, t = t || '!' WHERE id % 2 = 0"
	src "DELETE FROM items WHERE id BETWEEN 5 AND 9"
	src "INSERT INTO other (tenant_id, t) VALUES ('acme', 'gone'), ('globex', 'gone')"
	src "TRUNCATE other"
	src "INSERT INTO other (tenant_id, t) VALUES ('acme', 'stays')"
	src "BEGIN; INSERT INTO items VALUES ('acme', 200, 1, 'a');
	    UPDATE items SET n = 2 WHERE id = 200; DELETE FROM items WHERE id = 200;
	    INSERT INTO items VALUES ('acme', 200, 3, 'b'); COMMIT"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "only the tenants chosen arrive" {
	items
	dst "DELETE FROM items WHERE tenant_id = 'initech'"
	src "UPDATE items SET t = 'changed'; DELETE FROM items WHERE id IN (3, 4, 5)"
	src "INSERT INTO items SELECT t, n, n, 'x' FROM unnest(
	    ARRAY['acme', 'globex', 'initech', 'umbrella']) WITH ORDINALITY u(t, n0),
	    LATERAL (SELECT 100 + n0 AS n) l"
	sync --tenant acme --tenant globex
	same "tenant_id IN ('acme', 'globex')"
	equal "acme globex" "$(dst "SELECT string_agg(DISTINCT tenant_id, ' ') FROM items")"
}

@test "hr-apply takes only the tenants it is told to" {
	items
	src "UPDATE items SET n = 0; INSERT INTO items VALUES ('acme', 100), ('globex', 101)"
	APPLY=(--tenant acme)
	sync
	same "tenant_id = 'acme'"
	equal 10 "$(dst "SELECT count(*) FROM items WHERE tenant_id = 'globex'")"
	equal 0 "$(dst "SELECT count(*) FROM items WHERE tenant_id <> 'acme' AND n = 0")"
}

@test "a table without a key keeps its duplicate rows straight" {
	both "CREATE TABLE log (tenant_id text, t text, n int)"
	both "ALTER TABLE log REPLICA IDENTITY FULL"
	both "INSERT INTO log SELECT 'acme', 'twin', NULL FROM generate_series(1, 5)"
	both "INSERT INTO log SELECT 'globex', 'twin', 1 FROM generate_series(1, 3)"
	slot
	src "DELETE FROM log WHERE ctid = (SELECT min(ctid) FROM log)"
	src "UPDATE log SET t = 'single' WHERE ctid = (SELECT max(ctid) FROM log WHERE tenant_id = 'acme')"
	src "INSERT INTO log VALUES ('globex', 'twin', 1), ('globex', 'twin', 1), (NULL, 'x', 1)" ||
	    true
	src "BEGIN; INSERT INTO log SELECT 'acme', 'burst', 7 FROM generate_series(1, 4);
	    DELETE FROM log WHERE ctid IN (SELECT ctid FROM log WHERE t = 'burst' LIMIT 3);
	    UPDATE log SET n = 8 WHERE t = 'burst'; COMMIT"
	src "DELETE FROM log WHERE tenant_id IS NULL"
	config <<-'YAML'
	tenancy: {column: tenant_id, null_tenant: shared}
	YAML
	sync
	same
}

@test "unchanged toasted values stay as they are" {
	both "CREATE TABLE docs (tenant_id text, id int PRIMARY KEY, n int, big text, big2 bytea)"
	both "ALTER TABLE docs ALTER big SET STORAGE EXTERNAL"
	src "INSERT INTO docs SELECT 'acme', i, 0, repeat(md5(i::text), 500),
	    decode(repeat(md5(i::text), 300), 'hex') FROM generate_series(1, 6) i"
	pg_rows "$SRC" docs "tenant_id, id, n, big, big2" | pg_sql "$DST" -c "COPY docs FROM STDIN"
	slot
	src "UPDATE docs SET n = 1"
	src "UPDATE docs SET big = 'short' WHERE id = 1"
	src "UPDATE docs SET n = 2, big2 = big2 || '\\x00' WHERE id = 2"
	src "UPDATE docs SET id = 30 WHERE id = 3"
	src "BEGIN; UPDATE docs SET n = 4 WHERE id = 4; UPDATE docs SET big = big || 'x' WHERE id = 4;
	    UPDATE docs SET n = 5 WHERE id = 4; COMMIT"
	src "BEGIN; INSERT INTO docs SELECT 'acme', 7, 0, big, big2 FROM docs WHERE id = 5;
	    UPDATE docs SET n = 1 WHERE id = 7; COMMIT"
	sync
	same
}

@test "an update may change the key" {
	items
	src "UPDATE items SET id = id + 1000 WHERE id <= 10"
	src "UPDATE items SET id = id - 1, n = -1 WHERE id IN (11, 1001)"
	src "BEGIN; UPDATE items SET id = 99 WHERE id = 20; UPDATE items SET id = 20 WHERE id = 21;
	    UPDATE items SET id = 21 WHERE id = 99; COMMIT"
	sync
	same
}

@test "a row that moves to another tenant leaves the first and arrives whole" {
	both "CREATE TABLE docs (tenant_id text, id int, n int, big text, PRIMARY KEY (tenant_id, id))"
	both "ALTER TABLE docs ALTER big SET STORAGE EXTERNAL"
	both "ALTER TABLE docs REPLICA IDENTITY FULL"
	src "INSERT INTO docs SELECT t, i, 0, repeat(md5(i::text), 500)
	    FROM generate_series(1, 6) i, unnest(ARRAY['acme', 'globex']) t"
	pg_rows "$SRC" docs "tenant_id, id, n, big" "tenant_id = 'acme'" |
	    pg_sql "$DST" -c "COPY docs FROM STDIN"
	slot
	src "UPDATE docs SET tenant_id = 'globex', id = id + 10 WHERE tenant_id = 'acme' AND id <= 2"
	src "UPDATE docs SET tenant_id = 'acme', id = id + 20 WHERE tenant_id = 'globex' AND id BETWEEN 3 AND 4"
	src "BEGIN; UPDATE docs SET tenant_id = 'initech' WHERE tenant_id = 'acme' AND id = 5;
	    UPDATE docs SET n = 9 WHERE tenant_id = 'initech';
	    UPDATE docs SET tenant_id = 'acme' WHERE tenant_id = 'initech'; COMMIT"
	sync --tenant acme
	same "tenant_id = 'acme'"
	equal acme "$(dst "SELECT DISTINCT tenant_id FROM docs")"
}

@test "a row that moves arrives whole also where its identity is only a key" {
	both "CREATE TABLE docs (tenant_id text, id int, n int, big text NOT NULL, opt text, PRIMARY KEY (tenant_id, id))"
	src "ALTER TABLE docs ALTER big SET STORAGE EXTERNAL; ALTER TABLE docs ALTER opt SET STORAGE EXTERNAL"
	src "INSERT INTO docs SELECT 'acme', i, 0, repeat(md5(i::text), 500), repeat('o', 9000) FROM generate_series(1, 9) i"
	slot
	# Moved; moved and changed; moved and deleted; moved with another key; back
	# again; a large value that becomes NULL; moved on to a third tenant.
	src "UPDATE docs SET tenant_id = 'globex' WHERE id <= 7"
	src "UPDATE docs SET big = repeat('new', 4000) WHERE id = 2"
	src "DELETE FROM docs WHERE id = 3"
	src "UPDATE docs SET id = 40 WHERE id = 4"
	src "UPDATE docs SET n = 4 WHERE id = 40"
	src "UPDATE docs SET tenant_id = 'acme' WHERE id = 5"
	src "UPDATE docs SET opt = NULL WHERE id = 6"
	src "UPDATE docs SET tenant_id = 'initech', n = 7 WHERE id = 7"
	sync -v --tenant globex --tenant initech
	same "tenant_id <> 'acme'"
	equal "1 2 6 7 40" "$(dst "SELECT string_agg(id::text, ' ' ORDER BY id) FROM docs")"
	grep -q "is no longer at the source" from.err
}

@test "a row moves between tenants of one target where the key does not name them" {
	items
	src "UPDATE items SET tenant_id = 'globex' WHERE tenant_id = 'acme' AND id < 15"
	src "UPDATE items SET tenant_id = 'umbrella', n = 7 WHERE id IN (1, 2, 3, 16)"
	src "DELETE FROM items WHERE id IN (2, 16)"
	src "INSERT INTO items VALUES ('initech', 2, 2, 'again')"
	APPLY=(-j 3)
	sync
	same
}

@test "a key that one tenant frees may be taken by another" {
	items
	src "DELETE FROM items WHERE id <= 10"
	src "INSERT INTO items SELECT (ARRAY['acme', 'globex', 'initech'])[(i + 1) % 3 + 1], i, 0, 'taken'
	    FROM generate_series(1, 10) i"
	src "BEGIN; DELETE FROM items WHERE id BETWEEN 11 AND 16;
	    INSERT INTO items SELECT 'umbrella', i, 0, 'taken' FROM generate_series(11, 16) i; COMMIT"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a row may move to another tenant and back" {
	items
	both "ALTER TABLE items REPLICA IDENTITY FULL"
	src "UPDATE items SET tenant_id = 'umbrella' WHERE id <= 10"
	src "UPDATE items SET n = 1 WHERE tenant_id = 'umbrella'"
	src "UPDATE items SET tenant_id = 'acme' WHERE id IN (1, 2, 3)"
	src "UPDATE items SET tenant_id = (ARRAY['acme', 'globex', 'initech'])[id % 3 + 1] WHERE id <= 10"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "nulls go both ways" {
	both "CREATE TABLE n (tenant_id text NOT NULL, id int PRIMARY KEY, a int, b text, c numeric[], d jsonb)"
	both "INSERT INTO n VALUES ('acme', 1, NULL, NULL, NULL, NULL),
	    ('acme', 2, 1, '', '{NULL,1}', 'null')"
	slot
	src "UPDATE n SET a = 1, b = '', c = '{}', d = '{\"a\": null}' WHERE id = 1"
	src "UPDATE n SET a = NULL, b = NULL, c = NULL, d = NULL WHERE id = 2"
	src "INSERT INTO n (tenant_id, id) VALUES ('acme', 3)"
	src "UPDATE n SET b = NULL"
	sync
	same
}

@test "a row without a tenant is refused, or is everybody's where the configuration says so" {
	both "CREATE TABLE n (tenant_id text, id int PRIMARY KEY)"
	slot
	src "INSERT INTO n VALUES ('acme', 1), (NULL, 2)"
	job
	ended 77 65 || ended 78 65
	one_error hr-capture "'public.n'.*tenant" from.err
	config <<-'YAML'
	tenancy: {column: tenant_id, null_tenant: shared}
	YAML
	sync
	same
}

@test "values of every kind arrive as they were" {
	local types=(
		"boolean true" "smallint -32768" "int 2147483647" "bigint -9223372036854775808"
		"real 1e-30" "float8 0.1" "float8 'NaN'" "float8 '-Infinity'" "numeric 1e-1000"
		"numeric 'NaN'" "numeric(20,5) -12345678901234.50000" "numeric 'Infinity'"
		"money 12.34" "text E'tab\\t, nl\\n, back\\\\slash, quote '' \"'" "text ''" "text '\\N'"
		"text 'Grüße, 東京, 🐘'" "char(5) 'ab'" "varchar(10) 'x  '" '"char" '"'c'" "name 'n'"
		"bytea '\\x00ff5c0a'" "date '4713-01-01 BC'" "date 'infinity'" "time '24:00'"
		"timetz '12:00:00.000001+05:30'" "timestamp '-infinity'"
		"timestamp '294276-12-31 23:59:59.999999'" "timestamptz '2024-02-29 12:00:00.123456+03'"
		"interval '1 year -2 mons 3 days -04:05:06.000007'" "uuid gen_random_uuid()"
		"json '{\"a\" : 1, \"a\":2}'" "jsonb '{\"z\":[1,2.50,null,\"\\\\u00e9\"]}'"
		"xml '<a>b</a>'" "inet '10.1.2.3/8'" "cidr '::/0'" "macaddr '08:00:2b:01:02:03'"
		"macaddr8 '08:00:2b:01:02:03:04:05'" "bit(5) B'10101'" "varbit B''" "varbit B'110'"
		"point '(1.5,-2)'" "line '{1,2,3}'" "lseg '[(0,0),(1,1)]'" "box '((0,0),(1,1))'"
		"path '((0,0),(1,1),(2,0))'" "path '[(0,0),(1,1)]'" "polygon '((0,0),(1,1),(2,0))'"
		"circle '<(0,0),2>'" "tsvector 'a:1A fat:2 cat'" "tsquery 'fat & !cat'"
		"int4range '[1,10)'" "numrange 'empty'" "tstzrange '[2020-01-01,)'"
		"int8multirange '{[1,2), [5,9)}'" "oid 4294967295" "xid '7'" "xid8 '18446744073709551615'"
		"tid '(1,2)'" "pg_lsn 'FF/FF'" "jsonpath '\$.a[*] ? (@ > 1)'"
		"int[] '{{1,2},{3,NULL}}'" "int[] '[0:1]={7,8}'" "text[] '{}'" "text[] '{a,\"b,c\",NULL,\"NULL\"}'"
		"bytea[] ARRAY['\\x00'::bytea]" "timestamptz[] ARRAY['2020-01-01 UTC'::timestamptz]"
		"mood 'sad'" "mood[] '{happy,sad}'" "posint 5" "posint[] '{1,2}'" "pair '(1,\"a b\")'"
		"pair[] ARRAY[ROW(1,'x')::pair, NULL]" "floatrange '[1.5,2.5]'" "hstore 'a=>1, b=>NULL'"
		"citext 'MiXed'" "ltree 'a.b.c'"
	) i ddl= values= type
	both "CREATE TYPE mood AS ENUM ('happy', 'so-so', 'sad')"
	dst "CREATE TYPE in_between AS (a int)"	# the types' OIDs are not the same
	both "CREATE DOMAIN posint AS int CHECK (VALUE > 0); CREATE TYPE pair AS (a int, b text);
	    CREATE TYPE floatrange AS RANGE (subtype = float8);
	    CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree"
	for i in "${!types[@]}"; do
		type=${types[i]%% *}
		ddl+=", c$i $type"
		values+=", ${types[i]#* }"
	done
	both "CREATE TABLE kinds (tenant_id text, id int PRIMARY KEY$ddl)"
	both "CREATE TABLE whole (LIKE kinds)"
	both "ALTER TABLE whole DROP c31, DROP c33, DROP c58; ALTER TABLE whole REPLICA IDENTITY FULL"
	slot
	src "INSERT INTO kinds VALUES ('acme', 1$values)"
	src "INSERT INTO kinds (tenant_id, id) VALUES ('acme', 2)"
	src "INSERT INTO whole (tenant_id, id) VALUES ('acme', 1)"
	sync
	same
	equal 1 "$(dst "SELECT count(*) FROM kinds WHERE c0")"
	src "UPDATE kinds SET (c0, c3, c30, c53) = (SELECT c0, c3, c30, c53 FROM kinds WHERE id = 1) WHERE id = 2"
	src "UPDATE kinds SET id = 3 WHERE id = 1"
	src "UPDATE whole SET c1 = 1, c26 = NULL"
	src "DELETE FROM whole"
	sync
	same
}

@test "a shared table goes to every tenant, a table left out to none" {
	items
	both "CREATE TABLE countries (code text PRIMARY KEY, name text)"
	both "CREATE TABLE audit (id serial PRIMARY KEY, what text)"
	src "INSERT INTO countries VALUES ('DE', 'Germany'), ('JP', 'Japan')"
	src "BEGIN; INSERT INTO audit (what) VALUES ('secret');
	    INSERT INTO items VALUES ('acme', 100);
	    UPDATE countries SET name = 'Nippon' WHERE code = 'JP'; COMMIT"
	config <<-'YAML'
	tenancy: {column: tenant_id}
	tenants: [acme, globex]
	tables:
	  public.countries: {tenancy: shared}
	  public.audit: {tenancy: none}
	YAML
	sync
	same_rows countries
	same_rows items "tenant_id IN ('acme', 'globex')"
	equal 0 "$(dst "SELECT count(*) FROM audit")"
}

@test "a table may name another column as its tenant's" {
	items
	both "CREATE TABLE orders (org text, id int PRIMARY KEY)"
	src "INSERT INTO orders VALUES ('acme', 1), ('globex', 2)"
	src "UPDATE items SET n = 5"
	config <<-'YAML'
	tenancy: {column: tenant_id}
	tables:
	  public.orders: {tenancy: column, column: org}
	YAML
	sync --tenant acme
	equal 1 "$(dst "SELECT id FROM orders")"
	same_rows items "tenant_id = 'acme'"
}

@test "a schema can be the tenant" {
	both "CREATE SCHEMA tenant_acme; CREATE SCHEMA tenant_globex"
	both "CREATE TABLE tenant_acme.items (id int PRIMARY KEY, t text);
	    CREATE TABLE tenant_globex.items (id int PRIMARY KEY, t text)"
	slot
	src "INSERT INTO tenant_acme.items SELECT i, 'a' FROM generate_series(1, 10) i"
	src "INSERT INTO tenant_globex.items SELECT i, 'g' FROM generate_series(1, 10) i"
	src "BEGIN; UPDATE tenant_acme.items SET t = 'both'; DELETE FROM tenant_globex.items WHERE id = 3; COMMIT"
	src "TRUNCATE tenant_globex.items; INSERT INTO tenant_globex.items VALUES (1, 'last')"
	TENANCY=(--tenant-schema 'tenant_(.*)')
	sync --tenant acme
	same_rows tenant_acme.items
	equal 0 "$(dst "SELECT count(*) FROM tenant_globex.items")"
	equal acme "$(hr-checkpoint export "$F" | jq -r '.tenants[].tenant')"
}

@test "a database can be the tenant" {
	both "CREATE TABLE a (id int PRIMARY KEY, t text); CREATE TABLE b (id int PRIMARY KEY)"
	slot
	src "INSERT INTO a VALUES (1, 'x'), (2, 'y'); INSERT INTO b SELECT generate_series(1, 100)"
	src "DELETE FROM b WHERE id > 50"
	TENANCY=(--tenant-database acme)
	sync
	same
}

@test "empty transactions move the slot and nothing else" {
	items
	src "CREATE TABLE unlogged_in (tenant_id text); DROP TABLE unlogged_in"
	src "BEGIN; INSERT INTO items VALUES ('acme', 500); ROLLBACK"
	src "BEGIN; SAVEPOINT a; INSERT INTO items VALUES ('acme', 501); ROLLBACK TO a; COMMIT"
	local before
	before=$(now)
	sync
	same
	[ "$(src "SELECT confirmed_flush_lsn >= '$before' FROM pg_replication_slots")" = t ]
}

@test "--endpos now ends by itself and moves the slot" {
	items
	local before
	src "UPDATE items SET n = 0"
	before=$(confirmed)
	sync
	[ "$(src "SELECT confirmed_flush_lsn > '$before' FROM pg_replication_slots")" = t ]
	run -0 hr-checkpoint get "$F"
	[ "$(src "SELECT confirmed_flush_lsn <= '$output' FROM pg_replication_slots")" = t ]
}

@test "--endpos LSN stops after the last commit at or before it" {
	items
	local mid
	src "UPDATE items SET n = 100"
	mid=$(now)
	src "UPDATE items SET n = 200"
	sync --endpos "$mid"
	equal 100 "$(dst "SELECT DISTINCT n FROM items")"
	sync
	equal 200 "$(dst "SELECT DISTINCT n FROM items")"
}

@test "without a checkpoint file the slot stays where it is" {
	items
	local before
	src "UPDATE items SET n = 1"
	before=$(confirmed)
	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P hr)
	TO=(hr-apply -d "$DST")
	sync
	equal "$before" "$(confirmed)"
	same
	src "UPDATE items SET n = n + 1"
	sync
	same
}

@test "the same stream twice changes nothing" {
	items
	src "UPDATE items SET n = n + 1; DELETE FROM items WHERE id = 3"
	src "INSERT INTO items VALUES ('acme', 100, 1, 'x'); UPDATE items SET n = n * 2"
	record stream.hrs
	run -0 --separate-stderr hr-apply -d "$DST" <stream.hrs
	same
	dst "UPDATE items SET t = 'marked at the target'"
	run -0 --separate-stderr hr-apply -d "$DST" <stream.hrs
	equal 30 "$(dst "SELECT count(*) FROM items WHERE t = 'marked at the target'")"
	equal 0 "$(conflicts)"
	sync
	equal 30 "$(dst "SELECT count(*) FROM items WHERE t = 'marked at the target'")"
}

@test "two recordings that overlap apply as one" {
	items
	src "UPDATE items SET n = 100"
	record first.hrs
	src "UPDATE items SET n = n + 1"
	src "INSERT INTO items VALUES ('acme', 900)"
	record second.hrs
	run -0 hr-apply -d "$DST" <first.hrs
	run -0 hr-apply -d "$DST" <second.hrs
	same
	places=$(dst "SELECT worker, lsn FROM hr.progress ORDER BY 1")
	run -0 hr-apply -d "$DST" <first.hrs
	same
	equal "$places" "$(dst "SELECT worker, lsn FROM hr.progress ORDER BY 1")"
	run -0 hr-apply -d "$DST" <second.hrs
	same
	equal 0 "$(conflicts)"
}

@test "an earlier stream sets no worker back, not one whose rows it writes for all" {
	both "CREATE TABLE log (tenant_id text, n int)"
	both "ALTER TABLE log REPLICA IDENTITY FULL"
	both "CREATE TABLE all_of (id int PRIMARY KEY)"
	config <<-'YAML'
	tenancy: {column: tenant_id}
	tables: {public.all_of: {tenancy: shared}}
	YAML
	slot
	src "INSERT INTO all_of VALUES (1)"
	record first.hrs
	src "INSERT INTO log SELECT 't' || i % 7, i FROM generate_series(1, 70) i"
	record second.hrs
	run -0 hr-apply -j 3 -d "$DST" <second.hrs
	run -0 hr-apply -j 3 -d "$DST" <first.hrs
	run -0 hr-apply -j 3 -d "$DST" <second.hrs
	same
	equal 0 "$(conflicts)"
}

@test "what another worker had and a crash took is not passed over" {
	both "CREATE TABLE log (tenant_id text, n int)"
	both "CREATE TABLE all_of (id int PRIMARY KEY)"
	config <<-'YAML'
	tenancy: {column: tenant_id}
	tables: {public.all_of: {tenancy: shared}}
	YAML
	slot
	start_pipeline() {
		{
			"${FROM[@]}" "${TENANCY[@]}" 2>from.err &
			echo $! >from.pid
			wait $!
		} | {
			status=0
			"${TO[@]}" -j 2 2>to.err || status=$?
			echo $status >to.status
		} 3>&- &
	}
	there() {
		[ "$(dst "SELECT count(*) FROM $1")" = "$2" ]
	}
	start_pipeline
	src "INSERT INTO log SELECT 't' || i, i FROM generate_series(1, 8) i"
	wait_for 10 there log 8
	# As if the target had crashed before the second worker's rows were on disk.
	dst "DELETE FROM log WHERE tenant_id IN (SELECT tenant_id FROM log l WHERE l.xmin =
	    (SELECT xmin FROM hr.progress WHERE worker = 1)); UPDATE hr.progress SET batch = 0, lsn = '0/0' WHERE worker = 1"
	[ "$(dst "SELECT count(*) FROM log")" -lt 8 ]
	src "INSERT INTO all_of VALUES (1)"
	wait_for 10 [ -s to.status ]
	equal 75 "$(cat to.status)"
	one_error hr-apply "the target lost commits that were not yet on its disk; start again" to.err
	equal 0 "$(dst "SELECT count(*) FROM all_of")"
	equal 0/0 "$(dst "SELECT lsn FROM hr.progress WHERE worker = 1")"
}

@test "the pipeline comes unstuck without a checkpoint file from the target's own progress" {
	items
	src "UPDATE items SET n = n + 1"
	sync
	rm "$F"
	src "UPDATE items SET n = n + 1"
	sync
	same
}

written() {
	[ "$(src "SELECT count(*) FROM log")" -gt 1000 ]
}

@test "a first copy, then the stream, while the source is written to" {
	src "CREATE TABLE items (tenant_id text NOT NULL, id int PRIMARY KEY, n int, t text)"
	src "CREATE TABLE log (tenant_id text, t text); ALTER TABLE log REPLICA IDENTITY FULL"
	src "INSERT INTO items SELECT (ARRAY['acme', 'globex', 'initech'])[i % 3 + 1],
	    i, 0, repeat('x', i % 100) FROM generate_series(1, 30000) i"
	src "INSERT INTO log SELECT 'acme', 'old' FROM generate_series(1, 1000)"
	dst "CREATE TABLE items (tenant_id text NOT NULL, id int PRIMARY KEY, n int, t text);
	    CREATE TABLE log (tenant_id text, t text)"
	cat >load.sql <<-'SQL'
	\set id random(1, 31000)
	BEGIN;
	UPDATE items SET n = n + 1 WHERE id = :id;
	INSERT INTO items VALUES ('acme', 31000 + :id, 0) ON CONFLICT DO NOTHING;
	DELETE FROM items WHERE id = :id / 2;
	INSERT INTO log VALUES ('acme', :id), ('globex', 'twin');
	COMMIT;
	SQL
	pgbench -n -f load.sql -c 2 -T 30 "$SRC" >/dev/null 2>&1 3>&- &
	echo $! >load.pid
	wait_for 5 written
	sync --create-slot --snapshot -j 2 --tenant acme --tenant globex
	kill "$(cat load.pid)"
	wait "$(cat load.pid)" || true
	rm load.pid
	sync --create-slot --snapshot -j 2 --tenant acme --tenant globex
	same "tenant_id IN ('acme', 'globex')"
	equal 0 "$(dst "SELECT count(*) FROM items WHERE tenant_id = 'initech'")"
	equal 0 "$(conflicts)"
	equal 1 "$(src "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()")"
}

@test "values swap places under a unique constraint" {
	both "CREATE TABLE seats (tenant_id text, id int PRIMARY KEY, place int UNIQUE DEFERRABLE, code text UNIQUE)"
	both "INSERT INTO seats SELECT 'acme', i, i, 'c' || i FROM generate_series(1, 20) i"
	slot
	src "BEGIN; SET CONSTRAINTS ALL DEFERRED; UPDATE seats SET place = 3 - place WHERE id IN (1, 2); COMMIT"
	src "UPDATE seats SET place = 21 - place"
	src "BEGIN; UPDATE seats SET code = 'tmp' WHERE id = 5; UPDATE seats SET code = 'c5' WHERE id = 6;
	    UPDATE seats SET code = 'c6' WHERE id = 5; COMMIT"
	src "BEGIN; DELETE FROM seats WHERE id = 7; UPDATE seats SET code = 'c7' WHERE id = 8;
	    INSERT INTO seats VALUES ('acme', 7, 101, 'c8'); COMMIT"
	src "DELETE FROM seats WHERE id = 9"
	src "INSERT INTO seats VALUES ('globex', 30, 12, 'c9')"
	sync
	same
	APPLY=(-j 3)
	src "BEGIN; DELETE FROM seats WHERE id = 30; INSERT INTO seats VALUES ('acme', 31, 12, 'c9'); COMMIT"
	sync
	same
}

@test "keys swap, tables refer to themselves, ranges exclude each other" {
	both "CREATE TABLE tree (tenant_id text, id int PRIMARY KEY, parent int REFERENCES tree)"
	both "CREATE TABLE booked (tenant_id text, id int PRIMARY KEY, during int4range,
	    EXCLUDE USING gist (during WITH &&))"
	both "INSERT INTO tree VALUES ('acme', 1, NULL), ('acme', 2, 1), ('acme', 3, 2)"
	both "INSERT INTO booked VALUES ('acme', 1, '[1,5)'), ('acme', 2, '[5,9)')"
	slot
	src "INSERT INTO tree SELECT 'acme', i, i - 1 FROM generate_series(4, 50) i"
	src "DELETE FROM tree WHERE id > 25"
	src "UPDATE tree SET parent = CASE WHEN id = 1 THEN NULL ELSE 1 END"
	src "BEGIN; UPDATE booked SET during = '[20,30)' WHERE id = 1;
	    UPDATE booked SET during = '[1,5)' WHERE id = 2;
	    UPDATE booked SET during = '[5,9)' WHERE id = 1; COMMIT"
	sync
	same
}

@test "an update or delete of a row that the target lacks is a conflict, not an end" {
	items
	dst "DELETE FROM items WHERE id IN (1, 2)"
	src "UPDATE items SET n = n + 1 WHERE id IN (1, 4); DELETE FROM items WHERE id IN (2, 5)"
	sync
	same
	equal 2 "$(conflicts)"
	equal "delete_missing|id=2,update_missing|id=1" "$(dst "SELECT string_agg(conflict || '|' || key, ','
	    ORDER BY conflict) FROM hr.conflict WHERE relation = 'public.items'")"
}

@test "an insert of a row that the target has is a conflict that the source wins" {
	items
	dst "INSERT INTO items VALUES ('acme', 100, 0, 'the target''s')"
	src "INSERT INTO items VALUES ('acme', 100, 1, 'the source''s'), ('acme', 101, 1, 'new')"
	sync
	same
	equal 1 "$(conflicts)"
}

@test "a refused row parks its tenant, and --retry takes it up again" {
	items
	dst "ALTER TABLE items ADD CONSTRAINT small CHECK (tenant_id <> 'acme' OR n < 1000)"
	src "INSERT INTO items VALUES ('acme', 100, 1), ('globex', 101, 1)"
	src "BEGIN; INSERT INTO items VALUES ('acme', 102, 1); UPDATE items SET n = 5000 WHERE id <= 10; COMMIT"
	src "UPDATE items SET t = 'late'; INSERT INTO items VALUES ('initech', 103, 9999), ('acme', 104, 1)"
	job
	ended 0 77
	same_rows items "tenant_id <> 'acme'"
	[[ $(parked) == "acme|"*small* ]]
	run -0 hr-checkpoint export "$F"
	[[ $output == *parked* && $output == *small* ]]
	# Its transactions are whole: the one before is in, nothing of the refused one.
	equal 0 "$(dst "SELECT count(*) FROM items WHERE id = 102 OR tenant_id = 'acme' AND n = 5000")"

	# The slot does not wait for it, and what comes is kept.
	src "INSERT INTO items VALUES ('acme', 105, 1), ('globex', 106, 1)"
	src "DELETE FROM items WHERE id = 104"
	local before
	before=$(now)
	job
	ended 0 77
	[ "$(src "SELECT confirmed_flush_lsn >= '$before' FROM pg_replication_slots")" = t ]
	same_rows items "tenant_id <> 'acme'"

	run -77 hr-apply -d "$DST" --retry
	dst "ALTER TABLE items DROP CONSTRAINT small"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal "" "$(parked)"
	src "UPDATE items SET n = -1"
	sync
	same
}

@test "a parked tenant is chosen for --retry by name" {
	items
	dst "ALTER TABLE items ADD CONSTRAINT small CHECK (n < 1000)"
	src "UPDATE items SET n = 5000 WHERE tenant_id IN ('acme', 'globex')"
	job
	ended 0 77
	dst "ALTER TABLE items DROP CONSTRAINT small"
	run -0 hr-apply -d "$DST" --retry --tenant globex
	same "tenant_id <> 'acme'"
	[[ $(parked) == "acme|"* ]]
	run -0 hr-apply -d "$DST" --retry
	same
}

@test "what was rolled back is not there" {
	items
	src "BEGIN; INSERT INTO items VALUES ('acme', 100, 1);
	    SAVEPOINT a; INSERT INTO items VALUES ('acme', 101, 1); ROLLBACK TO a;
	    SAVEPOINT b; UPDATE items SET n = 77 WHERE id = 1; RELEASE b;
	    SAVEPOINT c; DELETE FROM items; ROLLBACK TO c; COMMIT"
	sync
	same
}

@test "large transactions are streamed among small ones" {
	items
	src "ALTER DATABASE ${SLOT#hr_} SET logical_decoding_work_mem = '64kB'"
	cat >big.sql <<-'SQL'
	BEGIN;
	INSERT INTO items SELECT 'acme', i, 0, repeat('x', 50) FROM generate_series(1000, 6000) i;
	SAVEPOINT a;
	INSERT INTO items SELECT 'globex', i, 0, repeat('x', 50) FROM generate_series(6001, 9000) i;
	ROLLBACK TO a;
	SAVEPOINT b;
	UPDATE items SET n = 1 WHERE id BETWEEN 2000 AND 3000;
	SELECT pg_sleep(0.3);
	DELETE FROM items WHERE id BETWEEN 2500 AND 3500;
	COMMIT;
	BEGIN;
	INSERT INTO items SELECT 'acme', i, 0, repeat('x', 50) FROM generate_series(20000, 24000) i;
	ROLLBACK;
	SQL
	pg_sql "$SRC" -f big.sql >/dev/null &
	sleep 0.1
	for i in {1..20}; do
		echo "INSERT INTO items VALUES ('globex', $((100 + i)), $i); UPDATE items SET n = n + 1 WHERE id < 10;"
	done | pg_sql "$SRC"
	wait $!
	sync
	same
}

@test "a reader never sees a part of a transaction" {
	both "CREATE TABLE accounts (tenant_id text, id int PRIMARY KEY, balance int)"
	both "INSERT INTO accounts SELECT CASE WHEN i <= 50 THEN 'acme' ELSE 'globex' END, i, 100
	    FROM generate_series(1, 100) i"
	slot
	cat >load.sql <<-'SQL'
	\set a random(1, 50)
	\set b random(1, 50)
	\set base random(0, 1) * 50
	BEGIN;
	UPDATE accounts SET balance = balance - 10 WHERE id = :base + least(:a, :b);
	UPDATE accounts SET balance = balance + 10 WHERE id = :base + greatest(:a, :b);
	COMMIT;
	SQL
	pgbench -n -f load.sql -c 2 -t 2000 "$SRC" >/dev/null 2>&1
	APPLY=(-j 2 --batch-rows 100)
	while [ -e load.sql ] && [ ! -e read_enough ]; do
		echo "SELECT DISTINCT sum(balance) FROM accounts GROUP BY tenant_id;"
	done 2>/dev/null 3>&- | pg_sql "$DST" 3>&- >sums 2>/dev/null &
	reader=$!
	sync
	touch read_enough
	wait "$reader"
	same
	equal 5000 "$(sort -u sums)"
}

@test "triggers and foreign keys of the target stand back" {
	both "CREATE TABLE parent (tenant_id text, id int PRIMARY KEY);
	    CREATE TABLE child (tenant_id text, id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE)"
	dst "CREATE TABLE seen (t text);
	    CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS \$\$
	    BEGIN INSERT INTO public.seen VALUES (TG_NAME); RETURN NEW; END \$\$;
	    CREATE TRIGGER ordinary AFTER INSERT ON child FOR EACH ROW EXECUTE FUNCTION see();
	    CREATE TRIGGER replica AFTER INSERT ON child FOR EACH ROW EXECUTE FUNCTION see();
	    ALTER TABLE child ENABLE REPLICA TRIGGER replica"
	slot
	src "INSERT INTO parent VALUES ('acme', 1), ('acme', 2); INSERT INTO child VALUES ('acme', 1, 1), ('acme', 2, 2)"
	src "DELETE FROM parent WHERE id = 1"
	sync
	same_rows parent
	same_rows child
	equal "replica 2" "$(dst "SELECT t, count(*) FROM seen GROUP BY 1" | tr '|' ' ')"
}

@test "rows carry their commit time and a replication origin" {
	items
	src "UPDATE items SET n = 1 WHERE id = 1"
	sync
	equal "$(src "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM items WHERE id = 1")" \
	    "$(dst "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM items WHERE id = 1")"
	equal t "$(dst "SELECT (pg_xact_commit_timestamp_origin(xmin)).roident <> 0 FROM items WHERE id = 1")"
}

@test "two databases that send each other their changes do not go in circles" {
	both "CREATE TABLE t (tenant_id text, id int PRIMARY KEY, v text)"
	slot
	dst "CREATE PUBLICATION hr FOR ALL TABLES"
	dst "SELECT FROM pg_create_logical_replication_slot('back_$SLOT', 'pgoutput')"
	src "INSERT INTO t VALUES ('acme', 1, 'here')"
	dst "INSERT INTO t VALUES ('acme', 2, 'there')"
	sync --origin none
	FROM=(hr-capture -d "$DST" -S "back_$SLOT" -P hr --checkpoint back)
	TO=(hr-apply -d "$SRC" --checkpoint back)
	sync --origin none
	same
	equal 2 "$(src "SELECT count(*) FROM t")"
	equal "" "$(src "SELECT * FROM hr.conflict")"
	# Without it the way back says again what came.
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --endpos now | hr-transform --dump >all
	grep -q there all
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --endpos now --origin none | hr-transform --dump >own
	! grep there own
}

@test "columns go by name, and the target may have more" {
	src "CREATE TABLE c (tenant_id text, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, gone int,
	    b text, twice int GENERATED ALWAYS AS (a * 2) STORED); ALTER TABLE c DROP gone"
	dst "CREATE TABLE c (own text DEFAULT 'mine', b text, old text, a int,
	    twice int GENERATED ALWAYS AS (a * 2) STORED,
	    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id text); ALTER TABLE c DROP old"
	slot
	src "INSERT INTO c (tenant_id, a, b) SELECT 'acme', i, 'b' || i FROM generate_series(1, 10) i"
	sync
	dst "UPDATE c SET own = 'edited' WHERE id = 1"
	src "UPDATE c SET a = a + 1; DELETE FROM c WHERE id = 2"
	sync
	same
	equal "edited 1,mine 8" "$(dst "SELECT own, count(*) FROM c GROUP BY 1 ORDER BY 1" | tr '|\n' ' ,' | sed 's/,$//')"
}

@test "names may hold anything" {
	both "CREATE SCHEMA \"Odd Schema\""
	both "CREATE TABLE \"Odd Schema\".\"ta\"\"ble; --\" (\"tenant_id\" text, \"select\" int,
	    \"Ünï\" text, \"a b\" int, PRIMARY KEY (\"select\", \"a b\"))"
	slot
	src "INSERT INTO \"Odd Schema\".\"ta\"\"ble; --\" SELECT t, n, 'x', 1 FROM
	    unnest(ARRAY['a b', 'ta''b', E'new\\nline', '東京', '../../etc', repeat('long', 50)])
	    WITH ORDINALITY u(t, n)"
	src "UPDATE \"Odd Schema\".\"ta\"\"ble; --\" SET \"Ünï\" = 'y', \"a b\" = 2"
	sync
	same
	run -0 hr-checkpoint show "$F"
	run -0 hr-checkpoint export "$F"
	jq -e . >/dev/null <<<"$output"
}

@test "a partitioned table arrives by its leaves, or by its root" {
	both "CREATE TABLE p (tenant_id text, id int, t text, PRIMARY KEY (tenant_id, id)) PARTITION BY LIST (tenant_id)"
	both "CREATE TABLE p_acme PARTITION OF p FOR VALUES IN ('acme');
	    CREATE TABLE p_rest PARTITION OF p DEFAULT"
	slot
	src "INSERT INTO p SELECT t, i, 'x' FROM generate_series(1, 10) i, unnest(ARRAY['acme', 'globex']) t"
	src "UPDATE p SET t = 'y' WHERE id < 4; DELETE FROM p WHERE id = 9"
	src "UPDATE p SET tenant_id = 'initech' WHERE tenant_id = 'acme' AND id = 1"
	sync
	same
	src "ALTER PUBLICATION hr SET (publish_via_partition_root = true)"
	dst "DROP TABLE p_rest CASCADE; CREATE TABLE p_other PARTITION OF p DEFAULT"
	dst "DELETE FROM p"
	pg_rows "$SRC" p "tenant_id, id, t" | pg_sql "$DST" -c "COPY p FROM STDIN"
	src "INSERT INTO p VALUES ('umbrella', 1, 'z'); UPDATE p SET t = 'w' WHERE id = 3"
	src "UPDATE p SET tenant_id = 'acme' WHERE tenant_id = 'initech'"
	sync
	same
}

@test "truncates take their options along" {
	both "CREATE TABLE a (tenant_id text, id serial PRIMARY KEY);
	    CREATE TABLE b (tenant_id text, id serial PRIMARY KEY, a int REFERENCES a)"
	slot
	src "INSERT INTO a (tenant_id) SELECT 'acme' FROM generate_series(1, 5); INSERT INTO b (tenant_id, a) VALUES ('acme', 1)"
	sync
	src "BEGIN; INSERT INTO a (tenant_id) VALUES ('globex'); TRUNCATE a RESTART IDENTITY CASCADE;
	    INSERT INTO a (tenant_id) VALUES ('globex'); COMMIT"
	sync
	same
	equal "globex|1" "$(dst "SELECT * FROM a")"
}

@test "a source in another encoding arrives as text of the target's" {
	new_database source "${SLOT#hr_}" "ENCODING LATIN1 TEMPLATE template0"
	src "CREATE PUBLICATION hr FOR ALL TABLES"
	both "CREATE TABLE e (tenant_id text, id int PRIMARY KEY, t text, j jsonb)"
	slot
	src "INSERT INTO e SELECT 'München', 1, chr(228) || chr(246) || chr(252), to_jsonb(chr(233))" ||
	    src "INSERT INTO e VALUES ('acme', 1, chr(228), to_jsonb(chr(233)))"
	src "UPDATE e SET t = t || chr(223)"
	sync
	PGCLIENTENCODING=UTF8 same
}

@test "several publications, and a column list" {
	both "CREATE TABLE a (tenant_id text, id int PRIMARY KEY, secret text);
	    CREATE TABLE b (tenant_id text, id int PRIMARY KEY)"
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE a (tenant_id, id); CREATE PUBLICATION two FOR TABLE b"
	slot
	src "INSERT INTO a VALUES ('acme', 1, 'hidden'); INSERT INTO b VALUES ('acme', 1)"
	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P hr,two --checkpoint "$F")
	sync
	equal "acme|1|" "$(dst "SELECT * FROM a")"
	same_rows b
}

@test "many tenants over several connections" {
	both "CREATE TABLE m (tenant_id int, id int PRIMARY KEY, n int)"
	slot
	src "INSERT INTO m SELECT i % 300, i, 0 FROM generate_series(1, 6000) i"
	src "UPDATE m SET n = n + 1 WHERE tenant_id % 2 = 0"
	src "DELETE FROM m WHERE tenant_id % 7 = 0; UPDATE m SET n = n * 10 WHERE id % 5 = 0"
	APPLY=(-j 4)
	sync
	same
	equal 300 "$(hr-checkpoint export "$F" | jq '.tenants | length')"
}

@test "the stream passes through hr-transform, tee and a file unchanged" {
	items
	src "UPDATE items SET n = n + 1; DELETE FROM items WHERE id < 5"
	record whole.hrs
	hr-transform <whole.hrs | cmp - whole.hrs
	hr-transform --dump <whole.hrs >dump
	jq -es 'length > 3' dump
	run -0 bash -c "set -o pipefail; hr-transform <whole.hrs | tee copy.hrs | hr-transform | hr-apply -d '$DST'"
	same
	cmp copy.hrs whole.hrs
}

@test "an idle pipeline passes a commit on at once" {
	items
	"${FROM[@]}" "${TENANCY[@]}" 2>from.err 3>&- > >(exec "${TO[@]}" 2>to.err 3>&-) &
	echo $! >from.pid
	src "UPDATE items SET n = 1"
	wait_for 5 same
	src "UPDATE items SET n = 2"
	wait_for 1 same
	local lsn
	lsn=$(now)
	src "UPDATE items SET n = 3"
	run -0 hr-checkpoint wait "$F" --lsn "$lsn" --timeout 5
	wait_for 2 same
	kill "$(cat from.pid)"
	wait "$(cat from.pid)"
}
