# hr-compress between hr-capture and hr-apply.

load ../lib
load pipe

setup() {
	pair
}

teardown() {
	unpair
}

tables() {
	both "CREATE TABLE items (tenant_id text NOT NULL, id int PRIMARY KEY, n int, t text)"
	both "CREATE TABLE wide (tenant_id text NOT NULL, id bigserial PRIMARY KEY, b bool, i2 int2, i8 int8,
	    f4 float4, f8 float8, num numeric, d date, at timestamptz, u uuid, raw bytea, j jsonb, js json,
	    a int[], ip inet, iv interval, e text)"
	both "ALTER TABLE wide REPLICA IDENTITY FULL"
	slot
}

load_rows() {
	src "INSERT INTO items SELECT (ARRAY['acme', 'globex', 'initech'])[i % 3 + 1],
	    i, i, 'row ' || i FROM generate_series(1, 3000) i"
	src "INSERT INTO wide SELECT (ARRAY['acme', 'globex', 'initech'])[i % 3 + 1], i, i % 2 = 0, i % 100,
	    i * 1000000007::bigint, i / 10.0, CASE i % 50 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' WHEN 2 THEN 'Infinity'
	    ELSE (i / 100.0)::text END::float8, CASE i % 60 WHEN 0 THEN 'NaN' ELSE (i * 1.25)::text END::numeric,
	    CASE i % 70 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' ELSE ('2024-01-01'::date + i)::text END::date,
	    CASE i % 70 WHEN 0 THEN 'infinity' ELSE ('2024-01-01'::timestamptz + i * interval '1 s')::text END::timestamptz,
	    md5(i::text)::uuid, decode(md5(i::text), 'hex'), jsonb_build_object('a', i, 'b', 'text ' || i % 10),
	    json_build_object('z', NULL, 'i', i), ARRAY[i, NULL, i % 3], ('10.0.0.' || i % 256)::inet,
	    i * interval '1 min', CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE repeat('e', i % 300) END
	FROM generate_series(1, 1500) i"
	src "INSERT INTO wide (tenant_id, id, e) SELECT 'acme', 5000, string_agg(md5(i::text), '') FROM generate_series(1, 20000) i"
	src "UPDATE items SET n = n + 1000, t = t || '!' WHERE id % 5 = 0"
	src "UPDATE wide SET i2 = 0 WHERE id % 7 = 0 OR length(e) > 1000"
	src "DELETE FROM items WHERE id BETWEEN 50 AND 90"
	src "DELETE FROM wide WHERE id % 11 = 0"
	src "BEGIN; INSERT INTO items VALUES ('acme', 9000, 1, 'a'), ('globex', 9001, 1, 'b');
	    UPDATE items SET n = 2 WHERE id = 9000; COMMIT"
}

# packed_job [OPTION]...: capture | compress | compress -d | apply, up to now.
packed_job() {
	run -0 bash -c 'set -o pipefail
	hr-capture -d "$SRC" -S "$SLOT" -P hr --checkpoint "$F" --tenant-column tenant_id --endpos now |
	    hr-compress "$@" | hr-compress -d | hr-apply -d "$DST" --checkpoint "$F"' bash "$@"
}

@test "what went through hr-compress and back arrives" {
	tables
	load_rows
	packed_job
	same
	equal 0 "$(conflicts)"
	src "UPDATE wide SET f8 = 1.5, e = NULL WHERE id % 3 = 0"
	src "DELETE FROM items WHERE id % 2 = 0"
	packed_job --group -9
	same
	equal 0 "$(conflicts)"
}

@test "a recorded stream comes back byte for byte, and is smaller than zstd makes it" {
	local options

	tables
	load_rows
	record stream.hrs
	for options in "" --group "--block-rows 100 -1" -19; do
		# shellcheck disable=SC2086 # words
		hr-compress $options <stream.hrs >packed
		hr-compress -d <packed | cmp stream.hrs -
	done
	hr-compress --group <stream.hrs >packed
	hr-transform --dump <packed | grep -q '"form":"columns"'
	[ "$(stat -c %s packed)" -lt $(($(stat -c %s stream.hrs) / 4)) ]
}

@test "with --auto the level follows what is waited for" {
	both "CREATE TABLE texts (tenant_id text, id int PRIMARY KEY, t text)"
	slot
	src "INSERT INTO texts SELECT 't' || i % 3, i, md5(i::text) || repeat(chr(97 + i % 26), i % 90) || md5((i / 7)::text)
	    FROM generate_series(1, 40000) i"
	record stream.hrs
	# A link of 1 MB a second.
	hr-compress --auto -v <stream.hrs 2>slow.err |
	    perl -e 'while (sysread(STDIN, $_, 20000)) { syswrite(STDOUT, $_); select(undef, undef, undef, 0.02) }' >packed
	grep -qE 'levels 3 to ([4-9]|1[0-9]), the last' slow.err || fail "it does not rise" "$(cat slow.err)"
	hr-compress -d <packed | cmp stream.hrs -
	# None: from a file to a file.
	hr-compress --auto -19 -v <stream.hrs 2>fast.err >packed
	grep -qE 'levels ([1-9]|1[0-8]) to 19, the last' fast.err || fail "it does not fall" "$(cat fast.err)"
	hr-compress -d <packed | cmp stream.hrs -
	run -64 hr-compress -d --auto <packed
}

@test "a row is through as soon as it is committed, and a pipeline that was killed is started again" {
	local pid

	tables
	{ hr-capture -d "$SRC" -S "$SLOT" -P hr --checkpoint "$F" --tenant-column tenant_id 2>from.err 3>&- &
	    echo $! >capture.pid; wait; } |
	    { hr-compress <&0 2>pack.err 3>&- & echo $! >pack.pid; wait; } |
	    hr-compress -d 2>unpack.err 3>&- | hr-apply -d "$DST" --checkpoint "$F" 2>to.err 3>&- &
	pid=$!
	src "INSERT INTO items VALUES ('acme', 1, 1, 'live')"
	wait_for 30 arrived 1 || fail "$(cat ./*.err)"
	kill -KILL "$(cat pack.pid)" "$(cat capture.pid)"
	rm pack.pid capture.pid
	wait "$pid" || :
	wait_for 20 idle
	grep -q "without an end frame" unpack.err
	src "INSERT INTO items VALUES ('acme', 2, 2, 'last')"
	packed_job
	same
	equal 0 "$(conflicts)"
}

arrived() {
	[ "$(dst 'SELECT count(*) FROM items')" = "$1" ]
}

idle() {
	[ "$(src "SELECT active FROM pg_replication_slots WHERE slot_name = '$SLOT'")" = f ]
}
