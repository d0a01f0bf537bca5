load ../lib
load ../pipe/pipe

setup() {
	pair
	# No -S: these targets are not fed, or what feeds them has ended.
	VERIFY=(hr-migrate verify --from "$SRC" --to "$DST" -P hr)
}

teardown() {
	unpair
}

# verify STATUS [ARG]...: its standard output is in $output, messages in $stderr.
verify() {
	local status=$1

	shift
	run "-$status" --separate-stderr "${VERIFY[@]}" "${TENANCY[@]}" "$@" ||
	    fail "not $status:" "$output" "$stderr"
}

# The same, of the stream.
verify_stream() {
	verify "$@" -S "$SLOT"
}

# Lines of --json, without the LSN, which nobody knows.
verify_json() {
	verify "$@" --json
	output=$(jq -c 'del(.lsn)' <<<"$output")
}

items() {
	both "CREATE TABLE items (tenant_id text NOT NULL, id int PRIMARY KEY, n int, t text)"
	both "INSERT INTO items SELECT (ARRAY['acme', 'globex', 'initech'])[i % 3 + 1],
	    i, i, 'row ' || i FROM generate_series(1, ${1:-30}) i"
}

log_table() {
	both "CREATE TABLE log (tenant_id text, n int, t text)"
	both "ALTER TABLE log REPLICA IDENTITY FULL"
	both "INSERT INTO log SELECT 'acme', i % 4, 'twin' FROM generate_series(1, ${1:-40}) i"
}

# The pipeline in the background, until pipeline_stop or the end of the test.
pipeline() {
	{
		bash -c 'echo $$ >from.pid; exec "$@"' - "${FROM[@]}" "${TENANCY[@]}" "${CAPTURE[@]}" 2>from.err |
		    bash -c 'echo $$ >to.pid; exec "$@"' - "${TO[@]}" "${APPLY[@]}" 2>to.err
	} 3>&- &
	echo $! >flow
	wait_for 10 [ -s "$F" ]
}

pipeline_stop() {
	kill "$(cat from.pid)"
	wait "$(cat flow)"
	rm -f from.pid to.pid
}

@test "equal tables are equal, and the last line has the source's position" {
	local before after

	items
	log_table
	before=$(now)
	verify 0
	after=$(now)
	equal "equal public.items 30" "${lines[0]}"
	equal "equal public.log 40" "${lines[1]}"
	[[ ${lines[2]} =~ ^"equal as of "([0-9A-F]+/[0-9A-F]+)$ ]]
	equal t "$(src "SELECT '${BASH_REMATCH[1]}'::pg_lsn BETWEEN '$before' AND '$after'")"
	equal 3 "${#lines[@]}"
	[ -z "$stderr" ]
	verify 0 --json --chunk-rows 7
	equal '{"table":"public.items","equal":true,"rows":30,"chunks":5,"differing":0}' "${lines[0]}"
	equal '{"table":"public.log","equal":true,"rows":40,"chunks":1,"differing":0}' "${lines[1]}"
	equal '["equal","lsn","tables","rows","chunks","differing"]' "$(jq -c keys_unsorted <<<"${lines[2]}")"
	equal '{"equal":true,"tables":2,"rows":70,"chunks":6,"differing":0}' "$(jq -c 'del(.lsn)' <<<"${lines[2]}")"
}

@test "empty tables are equal, and one side alone that has rows is not" {
	both "CREATE TABLE a (tenant_id text, id int PRIMARY KEY)"
	both "CREATE TABLE b (tenant_id text, id int)"
	both "CREATE TABLE c (tenant_id text, id int PRIMARY KEY)"
	src "INSERT INTO c VALUES ('acme', 1)"
	dst "INSERT INTO b VALUES ('acme', 1)"
	verify 1
	equal "equal public.a 0" "${lines[0]}"
	equal "extra public.b tenant_id=acme id=1" "${lines[1]}"
	equal "different public.b 0 1 row differs" "${lines[2]}"
	equal "missing public.c id=1" "${lines[3]}"
	equal "different public.c 1 1 row differs" "${lines[4]}"
	[[ ${lines[5]} == "different as of "* ]]
}

@test "a row that is missing, extra or changed is named, with what each side has" {
	items
	dst "DELETE FROM items WHERE id = 7"
	dst "UPDATE items SET t = E'line\\nline \"x\"', n = NULL WHERE id = 8"
	dst "INSERT INTO items VALUES ('acme', -3, NULL, ''), ('globex', 100, 1, 'new')"
	verify_json 1 --chunk-rows 4
	equal "$(cat <<-'JSON'
	{"kind":"extra","table":"public.items","key":{"id":"-3"},"source":null,"target":{"tenant_id":"acme","id":"-3","n":null,"t":""}}
	{"kind":"missing","table":"public.items","key":{"id":"7"},"source":{"tenant_id":"globex","id":"7","n":"7","t":"row 7"},"target":null}
	{"kind":"changed","table":"public.items","key":{"id":"8"},"source":{"tenant_id":"initech","id":"8","n":"8","t":"row 8"},"target":{"tenant_id":"initech","id":"8","n":null,"t":"line\nline \"x\""}}
	{"kind":"extra","table":"public.items","key":{"id":"100"},"source":null,"target":{"tenant_id":"globex","id":"100","n":"1","t":"new"}}
	{"table":"public.items","equal":false,"rows":30,"chunks":8,"differing":4}
	{"equal":false,"tables":1,"rows":30,"chunks":8,"differing":4}
	JSON
	)" "$output"
	verify 1
	equal "extra public.items id=-3|missing public.items id=7|changed public.items id=8|extra public.items id=100" \
	    "$(head -n 4 <<<"$output" | paste -sd'|')"
	equal "different public.items 30 4 rows differ" "${lines[4]}"
}

@test "rows of a table without a key are counted" {
	log_table
	dst "DELETE FROM log WHERE ctid IN (SELECT ctid FROM log WHERE n = 1 LIMIT 3)"
	dst "INSERT INTO log VALUES ('acme', 2, 'twin'), ('globex', NULL, '')"
	dst "UPDATE log SET t = NULL WHERE ctid = (SELECT ctid FROM log WHERE n = 3 LIMIT 1)"
	verify_json 1
	equal "$(cat <<-'JSON'
	{"equal":false,"tables":1,"rows":40,"chunks":1,"differing":7}
	{"kind":"extra","table":"public.log","key":null,"rows":1,"source":null,"target":{"tenant_id":"acme","n":"2","t":"twin"}}
	{"kind":"extra","table":"public.log","key":null,"rows":1,"source":null,"target":{"tenant_id":"acme","n":"3","t":null}}
	{"kind":"extra","table":"public.log","key":null,"rows":1,"source":null,"target":{"tenant_id":"globex","n":null,"t":""}}
	{"kind":"missing","table":"public.log","key":null,"rows":1,"source":{"tenant_id":"acme","n":"3","t":"twin"},"target":null}
	{"kind":"missing","table":"public.log","key":null,"rows":3,"source":{"tenant_id":"acme","n":"1","t":"twin"},"target":null}
	{"table":"public.log","equal":false,"rows":40,"chunks":1,"differing":7}
	JSON
	)" "$(sort <<<"$output")"
	verify 1
	grep -qxF "missing public.log tenant_id=acme n=1 t=twin (3 times)" <<<"$output"
	grep -qxF "extra public.log tenant_id=globex n=NULL t=" <<<"$output"
	grep -qxF "different public.log 40 7 rows differ" <<<"$output"
}

@test "a large table without a key is compared by groups, in bounded pieces" {
	both "CREATE TABLE log (tenant_id text, n int, t text)"
	both "INSERT INTO log SELECT 'acme', i % 5000, 'x' FROM generate_series(1, 20000) i"
	verify_json 0 --chunk-rows 100
	dst "UPDATE log SET t = 'y' WHERE n % 50 = 7"
	verify_json 1 --chunk-rows 100
	equal '{"equal":false,"tables":1,"rows":20000,"differing":800}' \
	    "$(tail -n 1 <<<"$output" | jq -c 'del(.chunks)')"
	[ "$(tail -n 1 <<<"$output" | jq .chunks)" -gt 1 ]
	equal 100 "$(grep -c '"kind"' <<<"$output")"
}

@test "at most 100 differences of a table are shown, and all are counted" {
	items 2000
	both "CREATE TABLE other (tenant_id text, id int PRIMARY KEY)"
	dst "DELETE FROM items WHERE id % 2 = 0"
	dst "INSERT INTO other VALUES ('acme', 1)"
	verify 1 --chunk-rows 150
	equal 101 "$(grep -cE '^(missing|extra|changed)' <<<"$output")"
	grep -qxF "different public.items 2000 1000 rows differ" <<<"$output"
	grep -qxF "different public.other 0 1 row differs" <<<"$output"
}

@test "a target with many more rows than the source is read in pieces" {
	items 20
	dst "INSERT INTO items SELECT 'acme', i, 0, 'more' FROM generate_series(21, 3000) i"
	dst "INSERT INTO items SELECT 'acme', -i, 0, 'more' FROM generate_series(1, 500) i"
	dst "UPDATE items SET n = 0 WHERE id IN (1, 20)"
	verify_json 1 --chunk-rows 10
	equal '{"equal":false,"tables":1,"rows":20,"differing":3482}' \
	    "$(tail -n 1 <<<"$output" | jq -c 'del(.chunks)')"
	[ "$(tail -n 1 <<<"$output" | jq .chunks)" -gt 100 ]
}

@test "a tenant's damage is found for that tenant, and the others' is not its own" {
	items
	log_table
	dst "UPDATE items SET n = 0 WHERE tenant_id = 'acme' AND id < 10"
	dst "DELETE FROM items WHERE tenant_id = 'initech'; DELETE FROM log"
	verify 0 --tenant globex
	equal "equal public.items 10|equal public.log 0" "$(head -n 2 <<<"$output" | paste -sd'|')"
	verify 1 --tenant globex --tenant acme
	grep -qxF "different public.items 20 3 rows differ" <<<"$output"
	grep -qxF "different public.log 40 40 rows differ" <<<"$output"
	verify 1 --tenant acme --table public.items
	equal "changed public.items id=3|changed public.items id=6|changed public.items id=9" \
	    "$(head -n 3 <<<"$output" | paste -sd'|')"
	equal 5 "${#lines[@]}"
	# The row is another tenant's at the target.
	dst "UPDATE items SET tenant_id = 'globex' WHERE id = 12"
	verify 1 --tenant globex
	equal "extra public.items id=12" "${lines[0]}"
	verify 1 --tenant acme --table public.items
	grep -qxF "missing public.items id=12" <<<"$output"
}

@test "tenants may be integers, uuids and varchars" {
	both "CREATE TABLE a (tenant_id int, id int PRIMARY KEY)"
	both "CREATE TABLE b (tenant_id uuid, id int PRIMARY KEY)"
	both "CREATE TABLE c (tenant_id varchar(20), id int PRIMARY KEY)"
	both "INSERT INTO a SELECT i % 4, i FROM generate_series(1, 20) i"
	both "INSERT INTO b SELECT ('00000000-0000-0000-0000-00000000000' || i % 4)::uuid, i FROM generate_series(1, 20) i"
	both "INSERT INTO c SELECT i % 4, i FROM generate_series(1, 20) i"
	dst "DELETE FROM a WHERE tenant_id = 0; DELETE FROM b WHERE id % 4 = 0; DELETE FROM c WHERE tenant_id = '0'"
	verify 0 --tenant 1 --table public.a --table public.c
	verify 0 --tenant 1 --tenant 2 --table public.a --table public.c
	verify 0 --tenant 00000000-0000-0000-0000-000000000001 --table public.b
	verify 1 --tenant 1 --tenant 0 --table public.a --table public.c
	grep -qxF "different public.a 10 5 rows differ" <<<"$output"
	# The column takes ACME for acme; they are two tenants.
	both "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
	both "CREATE TABLE d (tenant_id text COLLATE ci, id int PRIMARY KEY)"
	src "INSERT INTO d VALUES ('acme', 1), ('ACME', 2)"
	dst "INSERT INTO d VALUES ('acme', 1)"
	verify 0 --tenant acme --table public.d
	verify 1 --tenant acme --tenant ACME --table public.d
	verify 78 --tenant acme --table public.a
	one_error hr-migrate "source: cannot read 'public.a': invalid input syntax for type integer"
}

@test "schemas are tenants" {
	both "CREATE SCHEMA tenant_acme; CREATE SCHEMA tenant_globex"
	both "CREATE TABLE tenant_acme.t (id int PRIMARY KEY, n int); CREATE TABLE tenant_globex.t (id int PRIMARY KEY, n int)"
	both "INSERT INTO tenant_acme.t VALUES (1, 1), (2, 2); INSERT INTO tenant_globex.t VALUES (1, 1)"
	dst "UPDATE tenant_acme.t SET n = 3 WHERE id = 2"
	TENANCY=(--tenant-schema 'tenant_(.*)')
	verify 0 --tenant globex
	equal "equal tenant_globex.t 1" "${lines[0]}"
	equal 2 "${#lines[@]}"
	verify 1
	equal "changed tenant_acme.t id=2" "${lines[0]}"
	verify 78 --tenant nobody
	one_error hr-migrate "there is no table to compare"
	TENANCY=(--tenant-database acme)
	verify 1
	grep -qxF "different tenant_acme.t 2 1 row differs" <<<"$output"
}

@test "a file says which tables are shared, left out, or have tenants of their own" {
	items
	both "CREATE TABLE countries (code text PRIMARY KEY); INSERT INTO countries VALUES ('de'), ('fr')"
	both "CREATE TABLE own (x int PRIMARY KEY); CREATE TABLE orders (org text, id int PRIMARY KEY)"
	both "INSERT INTO orders VALUES ('acme', 1), ('globex', 2), (NULL, 3)"
	dst "INSERT INTO own VALUES (1); DELETE FROM orders WHERE id = 2; DELETE FROM items WHERE tenant_id = 'globex'"
	config <<-'YAML'
	tenancy: {column: tenant_id, null_tenant: shared}
	tenants: [acme]
	tables:
	  public.countries: {tenancy: shared}
	  public.own: {tenancy: none}
	  public.orders: {column: org}
	YAML
	sed -i 's/source: {/&create_slot: false, /' config.yaml
	VERIFY=(hr-migrate verify)
	verify 0
	equal "equal public.countries 2|equal public.items 10|equal public.orders 2" \
	    "$(head -n 3 <<<"$output" | paste -sd'|')"
	dst "DELETE FROM countries WHERE code = 'fr'; UPDATE orders SET org = 'x' WHERE id = 3"
	verify 1
	equal "missing public.countries code=fr" "${lines[0]}"
	equal "missing public.orders id=3" "${lines[3]}"
	verify 1 --tenant globex --table public.orders
	equal "missing public.orders id=2|missing public.orders id=3" "$(head -n 2 <<<"$output" | paste -sd'|')"
	sed -i 's/null_tenant: shared/null_tenant: none/; /^tenants/d' config.yaml
	dst "UPDATE orders SET org = NULL, id = 4 WHERE id = 3"
	verify 1 --table public.orders
	equal "missing public.orders id=2" "${lines[0]}"
	equal "different public.orders 2 1 row differs" "${lines[1]}"
}

@test "only what is published is compared" {
	src "DROP PUBLICATION hr"
	both "CREATE TABLE a (tenant_id text, id int PRIMARY KEY, n int, secret text)"
	both "CREATE TABLE b (tenant_id text, id int PRIMARY KEY, n int)"
	both "CREATE TABLE c (tenant_id text, id int PRIMARY KEY)"
	src "CREATE PUBLICATION hr FOR TABLE a (tenant_id, id, n), b WHERE (n > 10)"
	src "INSERT INTO a VALUES ('acme', 1, 1, 'x'); INSERT INTO b SELECT 'acme', i, i FROM generate_series(1, 20) i"
	dst "INSERT INTO a VALUES ('acme', 1, 1, 'y'); INSERT INTO b SELECT 'acme', i, i FROM generate_series(11, 20) i"
	src "INSERT INTO c VALUES ('acme', 1)"
	verify 0
	equal "equal public.a 1|equal public.b 10" "$(head -n 2 <<<"$output" | paste -sd'|')"
	dst "INSERT INTO b VALUES ('acme', 5, 5); UPDATE a SET n = 2"
	verify 1 --chunk-rows 3
	grep -qxF "changed public.a id=1" <<<"$output"
	grep -qxF "extra public.b id=5" <<<"$output"
	verify 78 --table public.c
	one_error hr-migrate "table 'public.c' is not in publication 'hr'"
}

@test "generated columns, columns of the target's own, and partitions" {
	src "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED, s int)"
	dst "CREATE TABLE g (own text DEFAULT 'x', s int, n int, tenant_id text, id int PRIMARY KEY)"
	src "CREATE TABLE h (tenant_id text, id int PRIMARY KEY, n int, twice int)"
	dst "CREATE TABLE h (tenant_id text, id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED)"
	both "INSERT INTO g (tenant_id, id, n, s) SELECT 'acme', i, i, NULL FROM generate_series(1, 10) i"
	src "INSERT INTO h SELECT 'acme', i, i, 0 FROM generate_series(1, 10) i"
	dst "INSERT INTO h SELECT 'acme', i, i FROM generate_series(1, 10) i"
	both "CREATE TABLE p (tenant_id text, id int, t text, PRIMARY KEY (tenant_id, id)) PARTITION BY LIST (tenant_id)"
	both "CREATE TABLE p_a PARTITION OF p FOR VALUES IN ('acme'); CREATE TABLE p_x PARTITION OF p DEFAULT"
	both "INSERT INTO p SELECT t, i, 'x' FROM unnest(ARRAY['acme', 'globex']) t, generate_series(1, 10) i"
	verify 0 --chunk-rows 3
	equal "equal public.g 10|equal public.h 10|equal public.p_a 10|equal public.p_x 10" \
	    "$(head -n 4 <<<"$output" | paste -sd'|')"
	src "ALTER PUBLICATION hr SET (publish_via_partition_root)"
	dst "UPDATE p SET t = 'y' WHERE id = 3"
	verify 1 --chunk-rows 3
	equal "changed public.p tenant_id=acme id=3|changed public.p tenant_id=globex id=3|different public.p 20 2 rows differ" \
	    "$(sed -n 3,5p <<<"$output" | paste -sd'|')"
}

@test "values of all kinds are equal whatever the two servers' settings, and NULL is not ''" {
	local table="(tenant_id text, id int PRIMARY KEY, num numeric, f8 float8, f4 float4, ts timestamptz,
	    d date, tm timetz, iv interval, b bytea, j jsonb, js json, x xml, a text[], na numeric[], u uuid, i inet,
	    m money, e mood, r tstzrange, c char(5), bo bool, bi bit varying(9), co comp, pt point, tv tsvector, \"char\" \"char\")"

	both "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE comp AS (a int, b text)"
	both "CREATE TABLE kinds $table"
	both "INSERT INTO kinds VALUES
	    ('acme', 1, 12.500, 0.1, 1e-30, '2026-03-01 12:34:56.789+02', '2026-12-31', '12:00+05:30', '1 mon -3 days 04:05:06.7',
	    '\\x00ff5c', '{\"b\": [1, 2.50], \"a\": null}', '{ \"a\":1,  \"a\":2}', '<a>x</a>', ARRAY['a', NULL, '', '\"q\"'],
	    '{1.0,NULL,NaN}', '11111111-2222-3333-4444-555555555555', '10.0.0.1/8', '12.34', 'ok',
	    '[2026-01-01 00:00+00,)', 'ab', true, '10101', ROW(1, 'x, \"y\"'), '(1.1,-0)', 'a fat cat', 'z'),
	    ('acme', 2, 'NaN', '-Infinity', 'NaN', 'infinity', '-infinity', NULL, '-1 year', '', '{}', '[]', NULL, '{}',
	    '{}', NULL, '::1', NULL, 'sad', 'empty', '', false, '', ROW(NULL, NULL), NULL, '', ''),
	    ('acme', 3, 0.1, 1.7976931348623157e308, 16777217, 'epoch', '0044-03-15 BC', '24:00+00', '00:00:00.000001', '\\x',
	    '\"\\u00fc\"', 'null', NULL, '{{a,b},{c,d}}', '{-0.00}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
	both "CREATE TABLE bare (tenant_id text, a text, b text); INSERT INTO bare VALUES ('acme', NULL, 'x'), ('acme', '', 'x')"
	verify 0
	dst "UPDATE kinds SET num = 12.50 WHERE id = 1; UPDATE kinds SET f8 = f8 * (1 - 2e-16) WHERE id = 3"
	dst "UPDATE kinds SET b = NULL WHERE id = 2; UPDATE bare SET a = '' WHERE a IS NULL"
	verify 1
	grep -qxF "different public.kinds 3 3 rows differ" <<<"$output"
	grep -qxF "different public.bare 2 2 rows differ" <<<"$output"
	dst "UPDATE kinds SET num = 12.500 WHERE id = 1; UPDATE kinds SET f8 = 1.7976931348623157e308 WHERE id = 3"
	dst "UPDATE kinds SET b = '' WHERE id = 2"
	dst "ALTER DATABASE $(src 'SELECT current_database()') SET lc_monetary = 'C'"
	verify_json 0 --table public.kinds
}

# counts NAME: a line for each table, with that number of what was compared.
counts() {
	jq -r "select(.chunks and .table) | .table + \" \" + (.$1 | tostring)" <<<"$output" | sort
}

# kinds KIND: the same, of the differences of a kind.
kinds() {
	jq -r "select(.kind == \"$1\") | .table" <<<"$output" | sort | uniq -c | awk '{ print $2, $1 }'
}

# each TEXT: what is expected: a line of every table and that.
each() {
	sed "s/\$/ $1/" tables
}

# Tables k... of 60 rows by any key, in chunks of several sizes: equal; then
# the target lacks two rows, has one changed; and then two more and no other.
walk_keys() {
	local i table

	src "SELECT 'public.' || relname FROM pg_class WHERE relname ~ '^k' AND relkind = 'r' ORDER BY relname" >tables
	verify_json 0 --chunk-rows 7
	equal "$(each 60)" "$(counts rows)"
	for table in $(cat tables); do
		echo "UPDATE $table SET n = -1 WHERE n = 30; DELETE FROM $table WHERE n IN (1, 60);"
	done | pg_sql "$DST"
	for i in 1 7 60; do
		verify_json 1 --chunk-rows "$i"
		equal "$(each 3)" "$(counts differing)"
		equal "$(each 1)" "$(kinds changed)"
		equal "$(each 2)" "$(kinds missing)"
	done
	for table in $(cat tables); do
		echo "DELETE FROM $table WHERE n IN (2, 30, 59);"
	done | pg_sql "$SRC"
	verify_json 1 --chunk-rows 7
	equal "$(each 5)" "$(counts differing)"
	equal "$(each 3)" "$(kinds extra)"
	equal "$(each 57)" "$(counts rows)"
}

@test "keys of any type are walked through, of one or several columns" {
	local type
	local -A kinds=(
		[bigint]="i * 1000000007::bigint" [numeric]="i / 7.0" [uuid]="md5(i::text)::uuid" [inet]="'10.0.0.0'::inet + i * 3"
		[timestamptz]="'2026-01-01 00:00+00'::timestamptz + i * '1 hour 0.000001 second'::interval"
		[float8]="i / 7.0 - 4" ['text[]']="ARRAY[md5(i::text), i::text]" [bytea]="decode(md5(i::text), 'hex')"
		['char(8)']="i::text" [name]="md5(i::text)" [mood]="md5(i::text)::mood" [short]="i" [label]="md5(i::text)"
		[jsonb]="jsonb_build_object('k', i)" [int4range]="int4range(i, 2 * i)"
	)

	both "CREATE DOMAIN short AS int2 CHECK (VALUE > 0); CREATE DOMAIN label AS text"
	src "DO \$\$ BEGIN EXECUTE (SELECT format('CREATE TYPE mood AS ENUM (%s)', string_agg(quote_literal(md5(i::text)), ',')) FROM generate_series(1, 60) i); END \$\$"
	dst "DO \$\$ BEGIN EXECUTE (SELECT format('CREATE TYPE mood AS ENUM (%s)', string_agg(quote_literal(md5(i::text)), ',' ORDER BY i DESC)) FROM generate_series(1, 60) i); END \$\$"
	for type in "${!kinds[@]}"; do
		echo "CREATE TABLE k_${type//[^a-z0-9]/_} (tenant_id text, k $type PRIMARY KEY, n int);"
		echo "INSERT INTO k_${type//[^a-z0-9]/_} SELECT 'acme', ${kinds[$type]}, i FROM generate_series(1, 60) i;"
	done >types.sql
	both "$(cat types.sql)"
	both "CREATE TABLE k (a text, tenant_id text, n int, \"b c\" int, d bool, PRIMARY KEY (tenant_id, \"b c\", d, a))"
	both "INSERT INTO k SELECT 'it''s \\ \"' || i % 5, 'acme', i, i / 10, i % 2 = 0 FROM generate_series(1, 60) i"
	src "CREATE TABLE k_int (tenant_id text, k int PRIMARY KEY, n int)"
	dst "CREATE TABLE k_int (tenant_id text, k bigint PRIMARY KEY, n int)"
	src "CREATE TABLE k_other (tenant_id text, k int, n int, l numeric, PRIMARY KEY (l, k))"
	dst "CREATE TABLE k_other (tenant_id text, k text, n int, l int, PRIMARY KEY (l, k))"
	both "INSERT INTO k_int SELECT 'acme', i, i FROM generate_series(1, 60) i"
	both "INSERT INTO k_other SELECT 'acme', i, i, 3 FROM generate_series(1, 60) i"
	walk_keys
}

@test "text keys are walked through, with other collations on the two sides" {
	local table

	both "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
	src "CREATE TABLE k1 (tenant_id text, k text COLLATE \"de-x-icu\" PRIMARY KEY, id int, n int)"
	dst "CREATE TABLE k1 (tenant_id text, k text PRIMARY KEY, id int, n int)"
	src "CREATE TABLE k2 (tenant_id text, id int, k varchar(40) COLLATE \"sv-x-icu\", n int, PRIMARY KEY (k, id))"
	dst "CREATE TABLE k2 (tenant_id text, id bigint, k text COLLATE ci, n int, PRIMARY KEY (k, id))"
	both "CREATE TABLE k3 (tenant_id text, id int, k text COLLATE \"sv-x-icu\" PRIMARY KEY, n int)"
	both "CREATE TABLE k4 (tenant_id text, id int, k char(9) COLLATE ci PRIMARY KEY, n int)"
	for table in k1 k2 k3 k4; do
		both "INSERT INTO $table (tenant_id, id, k, n) SELECT 'acme', i % 7,
		    CASE i % 4 WHEN 0 THEN 'Aa' WHEN 1 THEN 'ä' WHEN 2 THEN 'a-' ELSE 'Z' END || i, i FROM generate_series(1, 60) i"
	done
	walk_keys
}

@test "a source in LATIN1, and one whose bytes are in another order" {
	local encoding sign=ß

	for encoding in LATIN1 WIN1252; do
		pg_psql source postgres -c "DROP DATABASE IF EXISTS latin"
		pg_psql source postgres -c "CREATE DATABASE latin TEMPLATE template0 ENCODING $encoding LOCALE 'C'"
		SRC=$(pg_conninfo source latin)
		VERIFY=(hr-migrate verify --from "$SRC" --to "$DST" -P hr --tenant acmé)
		src "CREATE PUBLICATION hr FOR ALL TABLES"
		dst "DROP TABLE IF EXISTS k"
		both "SET client_encoding = UTF8; CREATE TABLE k (tenant_id text, k text PRIMARY KEY, n int)"
		both "SET client_encoding = UTF8; INSERT INTO k SELECT 'acmé', CASE i % 3 WHEN 0 THEN '$sign'
		    WHEN 1 THEN 'ü' ELSE 'z' END || i, i FROM generate_series(1, 60) i"
		walk_keys
		sign=€
	done
	pg_psql source postgres -c "DROP DATABASE latin WITH (FORCE)"
}

@test "a target without the key's index may have a key twice, or NULL" {
	src "CREATE TABLE k (tenant_id text, id int PRIMARY KEY, n int)"
	dst "CREATE TABLE k (tenant_id text, id int, n int)"
	both "INSERT INTO k SELECT 'acme', i, i FROM generate_series(1, 50) i"
	verify 0 --chunk-rows 5
	dst "INSERT INTO k VALUES ('acme', 5, 5), ('acme', 10, 11), ('acme', NULL, 3), ('globex', NULL, 4), ('acme', 77, 1), ('acme', 77, 1)"
	verify_json 1 --chunk-rows 5 --tenant acme
	equal "$(cat <<-'JSON'
	{"kind":"extra","table":"public.k","key":{"id":null},"source":null,"target":{"tenant_id":"acme","id":null,"n":"3"}}
	{"kind":"changed","table":"public.k","key":{"id":"5"}}
	{"kind":"changed","table":"public.k","key":{"id":"10"}}
	{"kind":"extra","table":"public.k","key":{"id":"77"}}
	{"table":"public.k","equal":false,"rows":50,"chunks":11,"differing":4}
	{"equal":false,"tables":1,"rows":50,"chunks":11,"differing":4}
	JSON
	)" "$(jq -c 'if .key.id then del(.source, .target) else . end' <<<"$output")"
	verify 1 --chunk-rows 5 --tenant acme --repair repair.hrs
	[[ $stderr == *"1 rows of 'public.k' at the target whose key is NULL are not in the repair"* ]]
	hr-apply -d "$DST" <repair.hrs
	dst "DELETE FROM k WHERE id IS NULL AND tenant_id = 'acme'"
	verify 0 --tenant acme
}

@test "a key that is the same number in other digits is one row" {
	both "CREATE TABLE k (tenant_id text, k numeric PRIMARY KEY, n int)"
	both "INSERT INTO k SELECT 'acme', i, i FROM generate_series(1, 20) i"
	dst "UPDATE k SET k = 7.00 WHERE k = 7"
	verify 1 --chunk-rows 3
	equal "changed public.k k=7" "${lines[0]}"
	equal "different public.k 20 1 row differs" "${lines[1]}"
}

@test "the repair makes the target equal, once" {
	items
	log_table
	both "CREATE TABLE countries (code text PRIMARY KEY, name text UNIQUE); INSERT INTO countries VALUES ('de', 'x'), ('fr', 'y')"
	config <<-'YAML'
	tenancy: {column: tenant_id, null_tenant: shared}
	tables: {public.countries: {tenancy: shared}}
	YAML
	both "INSERT INTO log VALUES (NULL, 1, E'a\\\\b\\n\"{,}')"
	dst "DELETE FROM items WHERE id IN (3, 4, 30); UPDATE items SET t = E'\\\\x', n = NULL WHERE id IN (5, 6)"
	dst "INSERT INTO items VALUES ('acme', 99, NULL, ''), ('umbrella', 98, 1, 'x')"
	dst "DELETE FROM log WHERE ctid IN (SELECT ctid FROM log WHERE n = 1 LIMIT 4)"
	dst "INSERT INTO log VALUES ('acme', 2, 'twin'), ('acme', 2, 'twin'), ('globex', NULL, NULL)"
	dst "DELETE FROM countries; INSERT INTO countries VALUES ('xx', 'x'), ('yy', 'y')"
	verify 1 --repair repair.hrs
	[ ! -e repair.hrs.part ]
	run -0 hr-apply -n <repair.hrs
	run -0 hr-apply -d "$DST" -j 3 <repair.hrs
	same
	verify 0 --repair again.hrs
	# Neither the same stream nor one of no differences does anything.
	dst "UPDATE items SET n = 1000 WHERE id = 3"
	run -0 hr-apply -d "$DST" <repair.hrs
	run -0 hr-apply -d "$DST" <again.hrs
	equal 1000 "$(dst "SELECT n FROM items WHERE id = 3")"
	# But the next one does, of other tenants too, and with a source that stood still.
	dst "DELETE FROM items WHERE tenant_id IN ('acme', 'globex')"
	verify 1 --tenant globex --repair repair.hrs
	run -0 hr-apply -d "$DST" <repair.hrs
	verify 0 --tenant globex
	verify 1 --tenant acme --repair repair.hrs
	run -0 hr-apply -d "$DST" <repair.hrs
	verify 0
	same
}

@test "damage under a running pipeline is found, repaired and gone" {
	local i

	items 300
	log_table 300
	slot
	pipeline
	verify_stream 0
	dst "DELETE FROM items WHERE id = 100; UPDATE items SET n = -1 WHERE id = 200"
	dst "INSERT INTO items VALUES ('globex', 1000, 1, 'x'); DELETE FROM log WHERE n = 2"
	src "UPDATE items SET t = 'other' WHERE id <= 50"
	verify_stream 1 --repair repair.hrs --chunk-rows 20
	grep -qxF "different public.items 300 3 rows differ" <<<"$output" || fail "$output"
	grep -qxF "different public.log 300 75 rows differ" <<<"$output" || fail "$output"
	pipeline_stop
	hr-apply -d "$DST" <repair.hrs
	equal "${SLOT}_repair" "$(dst "SELECT stream FROM hr.stream WHERE stream <> '$SLOT'")"
	src "UPDATE items SET t = 'after' WHERE id > 290"
	pipeline
	verify_stream 0
	pipeline_stop
	sync
	same
}

@test "no difference is seen where there is only traffic, and damage is seen in it" {
	local i

	items 600
	log_table 200
	both "CREATE TABLE hot (tenant_id text, id int PRIMARY KEY, n int); INSERT INTO hot SELECT 'acme', i, 0 FROM generate_series(1, 5) i"
	both "ALTER TABLE items REPLICA IDENTITY FULL"
	slot
	APPLY=(-j 2)
	pipeline
	cat >load.sql <<-'SQL'
	\set id random(1, 600)
	\set h random(1, 5)
	\set t random(0, 2)
	BEGIN;
	UPDATE items SET n = n + 1 WHERE id = :id;
	INSERT INTO log VALUES ('acme', :id % 4, 'twin'), ('globex', :id, 'x');
	UPDATE hot SET n = 1 - n WHERE id = :h;
	COMMIT;
	BEGIN;
	DELETE FROM items WHERE id = 601 - :id AND id % 50 <> 0;
	DELETE FROM log WHERE ctid IN (SELECT ctid FROM log WHERE tenant_id = 'globex' LIMIT 1);
	COMMIT;
	INSERT INTO items VALUES ((ARRAY['acme', 'globex', 'initech'])[:t + 1], :id, 0, 'new') ON CONFLICT DO NOTHING;
	SQL
	pgbench -n -c 2 -f load.sql -R 100 -T 60 "$SRC" >load.out 2>&1 3>&- &
	echo $! >load.pid
	wait_for 10 grep -q . from.err to.err load.out || true
	for i in 1 2 3; do
		verify_stream 0 --chunk-rows $((i * 40))
	done
	verify_stream 0 --tenant globex
	# The rows that load.sql leaves alone.
	src "UPDATE items SET t = 'still' WHERE id % 50 = 0"
	dst "UPDATE items SET t = 'damaged' WHERE id = 300"
	dst "INSERT INTO log VALUES ('initech', 1, 'extra'); INSERT INTO items VALUES ('acme', 5000, 1, 'x')"
	for i in 1 2; do
		verify_stream 1 --chunk-rows 50
		equal "extra public.items id=5000|extra public.log tenant_id=initech n=1 t=extra" \
		    "$(grep -E '^(missing|extra|changed)' <<<"$output" | grep -v id=300 | paste -sd'|')"
	done
	kill -TERM "$(cat load.pid)"
	wait "$(cat load.pid)" || true
	rm load.pid
	pipeline_stop
}

@test "a tenant whose connection has nothing to write is waited for as well" {
	items
	slot
	APPLY=(-j 4)
	pipeline
	src "UPDATE items SET n = n + 1 WHERE tenant_id = 'acme'"
	verify_stream 0 --tenant initech
	for tenant in acme globex initech nobody; do
		dst "UPDATE items SET t = 'damaged' WHERE tenant_id = '$tenant'"
		[ "$tenant" = nobody ] || verify_stream 1 --tenant "$tenant" --timeout 10
	done
	verify_stream 0 --tenant nobody
	pipeline_stop
}

@test "a target that does not follow is waited for, and then it is 75" {
	items
	slot
	sync
	src "UPDATE items SET n = n + 1 WHERE id = 3"
	verify_stream 75 --timeout 1 --repair repair.hrs
	equal "" "$(compgen -G 'repair.hrs*')"
	one_error hr-migrate "the target has not reached [0-9A-F]+/[0-9A-F]+ in 1 s, it is at [0-9A-F]+/[0-9A-F]+; is hr-apply running\?"
	# What is equal needs no waiting.
	verify_stream 0 --tenant globex --timeout 0
	sync
	verify_stream 0
}

@test "a parked tenant is refused before anything is compared" {
	items
	dst "ALTER TABLE items ADD CHECK (n < 100)"
	slot
	src "UPDATE items SET n = 1000 WHERE id = 3"
	job
	ended 0 77
	verify_stream 77
	one_error hr-migrate "tenant 'acme' is parked: .*items_n_check"
	[ -z "$output" ]
	verify_stream 77 --tenant globex --tenant acme
	verify_stream 0 --tenant globex
}

@test "a row that never stands still is named, and it is 75" {
	items
	dst "UPDATE items SET n = -1 WHERE id = 12"
	echo "UPDATE items SET n = n + 1 WHERE id = 12" >hot.sql
	pgbench -n -c 1 -f hot.sql -R 300 -T 30 "$SRC" >load.out 2>&1 3>&- &
	echo $! >load.pid
	sleep 0.3
	verify 75 --timeout 1
	one_error hr-migrate "row \(id=12\) of 'public.items' is being changed and has not settled in 1 s"
	kill -TERM "$(cat load.pid)"
	rm load.pid
}

@test "an unknown stream, and one that lacks the tenant, are warned of" {
	items
	verify_stream 0
	[[ $stderr == "hr-migrate: warning: the target knows no stream '$SLOT': it is not waited for" ]]
	slot
	src "UPDATE items SET n = 0 WHERE tenant_id = 'acme'"
	sync --tenant acme
	verify_stream 0 --tenant acme
	[ -z "$stderr" ]
	verify_stream 0 --tenant globex
	[[ $stderr == *"warning: stream '$SLOT' does not bring tenant 'globex' to the target" ]]
	verify 0
	[[ $stderr == *"warning: no stream is named with -S: the target is not waited for" ]]
}

@test "after SIGKILL it goes on behind the last chunk, and says all in the end" {
	local n first

	items 20000
	both "CREATE TABLE a (tenant_id text, id int PRIMARY KEY)"
	both "CREATE TABLE z (tenant_id text, id int)"
	dst "INSERT INTO a VALUES ('acme', 1); UPDATE items SET n = 0 WHERE id IN (50, 19950); INSERT INTO z VALUES ('x', 1)"
	VERIFY+=(--chunk-rows 50 --state state.json --repair repair.hrs)
	"${VERIFY[@]}" "${TENANCY[@]}" >killed.out 2>killed.err 3>&- &
	echo $! >verify.pid
	wait_for 20 eval '[ "$(jq "[.tables[].chunks] | add" state.json)" -gt 20 ]'
	kill -KILL "$(cat verify.pid)"
	wait "$(cat verify.pid)" || true
	rm verify.pid
	n=$(jq '[.tables[].chunks] | add' state.json)
	first=$(jq -r .lsn state.json)
	[ "$n" -lt 400 ]
	src "INSERT INTO z VALUES ('y', 1)"
	dst "INSERT INTO z VALUES ('y', 1)"
	verify 1 -vv
	# 401 chunks of items, one of a; z has groups.
	equal $((402 - n)) "$(grep -c ': chunk ' <<<"$stderr")"
	equal "extra public.a id=1|different public.a 0 1 row differs|changed public.items id=50|changed public.items id=19950|different public.items 20000 2 rows differ|extra public.z tenant_id=x id=1|different public.z 1 1 row differs|different as of $first" \
	    "$(paste -sd'|' <<<"$output")"
	[ ! -e state.json ]
	hr-apply -d "$DST" <repair.hrs
	verify 0
}

@test "a state file is only good for the command it is of" {
	items 2000
	VERIFY+=(--chunk-rows 5 --state state.json)
	"${VERIFY[@]}" "${TENANCY[@]}" >/dev/null 2>&1 3>&- &
	echo $! >verify.pid
	wait_for 20 [ -s state.json ]
	kill -KILL "$(cat verify.pid)"
	wait "$(cat verify.pid)" || true
	rm verify.pid
	cp state.json kept.json
	verify 78 --tenant acme
	one_error hr-migrate "cannot use state file 'state.json': it is of another command: "
	verify 78 --table public.items
	verify 78 --repair x
	verify 78 --json
	verify 78 -S other
	cmp state.json kept.json
	head -c 100 kept.json >state.json
	verify 65
	one_error hr-migrate "cannot use state file 'state.json': it is no JSON object"
	sed 's/"version": 1/"version": 2/' kept.json >state.json
	verify 65
	cp kept.json state.json
	verify 0
	[ ! -e state.json ]
}

@test "what is not there is said before anything is compared" {
	items
	src "CREATE TABLE a (tenant_id text, id int PRIMARY KEY, n int)"
	verify 78
	one_error hr-migrate "table 'public.a' does not exist at the target; make it there, or leave it out with --table"
	[ -z "$output" ]
	dst "CREATE TABLE a (tenant_id text, id int PRIMARY KEY)"
	verify 78
	one_error hr-migrate "table 'public.a' at the target lacks column 'n'"
	verify 78 --table public.nothing
	one_error hr-migrate "table 'public.nothing' is not in publication 'hr'"
	verify 0 --table public.items
	src "CREATE TABLE b (id int PRIMARY KEY)"
	both "DROP TABLE a"
	verify 78
	one_error hr-migrate "cannot route 'public.b': it has no published column 'tenant_id'"
	run -78 --separate-stderr hr-migrate verify --from "$SRC" --to "$DST" -P nothing "${TENANCY[@]}"
	one_error hr-migrate "publication 'nothing' does not exist at the source"
	run -78 --separate-stderr hr-migrate verify --from "$SRC" --to "$SRC" -P hr "${TENANCY[@]}"
	one_error hr-migrate "source and target are the same database"
	run -75 --separate-stderr hr-migrate verify --from "$SRC" --to "host=$PWD dbname=x" -P hr "${TENANCY[@]}"
	one_error hr-migrate "target: cannot connect"
}

@test "rows that security would hide are an error and not a difference" {
	items
	dst "ALTER TABLE items ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON items USING (id < 10)"
	pg_psql target postgres -c "DROP ROLE IF EXISTS hr_reader" -c "CREATE ROLE hr_reader LOGIN"
	dst "GRANT SELECT ON items TO hr_reader"
	run -78 --separate-stderr hr-migrate verify --from "$SRC" --to "${DST/user=postgres/user=hr_reader}" -P hr "${TENANCY[@]}"
	one_error hr-migrate "target: cannot read 'public.items': query would be affected by row-level security"
	dst "REVOKE ALL ON items FROM hr_reader"
	pg_psql target postgres -c "DROP ROLE hr_reader"
}

@test "rows that find their tenant by their parents are compared as that tenant's" {
	both "CREATE TABLE orders (id int PRIMARY KEY, tenant_id text);
	    CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders, t text);
	    CREATE TABLE log (item_id int REFERENCES items, t text)"
	both "INSERT INTO orders SELECT i, CASE WHEN i < 6 THEN 'acme' ELSE 'globex' END FROM generate_series(1, 10) i;
	    INSERT INTO items SELECT i, i % 10 + 1, 'x' FROM generate_series(1, 40) i;
	    INSERT INTO log SELECT i % 40 + 1, 'y' FROM generate_series(1, 80) i"
	config <<-YAML
	tenancy: {column: tenant_id}
	tables:
	  public.items: {tenancy: parent}
	  public.log: {tenancy: parent}
	YAML
	verify 0 --from "$SRC" --to "$DST"
	equal "equal public.items 40 equal public.log 80" "${lines[0]} ${lines[1]}"
	dst "UPDATE items SET t = 'z' WHERE id = 7; DELETE FROM log WHERE item_id = 7"
	src "INSERT INTO items VALUES (50, 1, 'new')"
	verify 0 --tenant globex -P hr --from "$SRC" --to "$DST" --table public.orders
	equal "equal public.orders 5" "${lines[0]}"
	verify 1 --tenant globex
	[[ $output == *"changed public.items id=7"* && $output == *"different public.items 20 1 row differs"* ]]
	[[ $output == *"different public.log 40 2 rows differ"* && $output != *"id=50"* ]]
	verify 1 --tenant acme
	[[ $output == *"missing public.items id=50"* && $output == *"different public.items 21 1 row differs"* ]]
	[[ $output == *"equal public.log 40"* ]]
	verify 1 --repair repair.hrs
	hr-apply -d "$DST" <repair.hrs
	verify 0
	equal "equal public.items 41 equal public.log 80" "${lines[0]} ${lines[1]}"
}
