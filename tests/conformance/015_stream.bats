load ../lib
load ../pipe/pipe
load session

setup() {
	pair
	small_memory
}

teardown() {
	unpair
}

@test "a large transaction among small ones arrives whole" {
	items
	session big
	in_session big "BEGIN; $(rows acme 1001 2000)"
	src "INSERT INTO items VALUES ('globex', 101, 1, 'small'); UPDATE items SET n = n + 1 WHERE id < 5"
	in_session big "UPDATE items SET n = n + 1 WHERE id % 2 = 0 AND id > 1000; $(rows globex 2001 3000)"
	src "UPDATE items SET t = 'small' WHERE id = 5; DELETE FROM items WHERE id = 6"
	in_session big "DELETE FROM items WHERE id > 1000 AND id % 3 = 0; COMMIT"
	src "UPDATE items SET t = 'after' WHERE id IN (1001, 2001)"
	sync
	streamed
	same
	equal 1333 "$(count "items WHERE id > 1000")"
	equal 0 "$(conflicts)"
}

@test "nothing of a streamed transaction arrives before its commit" {
	items
	session big
	in_session big "BEGIN; $(rows acme 1001 3000)"
	src "INSERT INTO items VALUES ('acme', 101), ('globex', 102)"
	sync
	streamed
	equal "32 102" "$(dst "SELECT count(*), max(id) FROM items" | tr '|' ' ')"
	in_session big "UPDATE items SET n = 7 WHERE id IN (1, 101); COMMIT"
	sync
	same
	equal 2000 "$(count "items WHERE id > 1000")"
	equal 0 "$(conflicts)"
}

@test "streamed transactions arrive in the order of their commits" {
	items
	session a
	session b
	in_session a "BEGIN; $(rows acme 1001 2000)"
	in_session b "BEGIN; $(rows acme 2001 3000)"
	in_session a "UPDATE items SET n = 1 WHERE id BETWEEN 1001 AND 2000"
	in_session b "UPDATE items SET n = 2 WHERE id BETWEEN 2001 AND 3000; UPDATE items SET n = 2 WHERE id = 1; COMMIT"
	in_session a "UPDATE items SET n = n + 10 WHERE id = 1 OR id > 2500; DELETE FROM items WHERE id = 2001; COMMIT"
	dump
	# The one that began later comes first.
	jq -es 'map(select(.op == "begin" and .tenant == "acme").xid) | length == 2 and .[0] > .[1]' dump
	sync
	streamed 2
	same
	equal "12 1 12" "$(dst "SELECT string_agg(n::text, ' ' ORDER BY id) FROM items WHERE id IN (1, 1001, 3000)")"
	equal 0 "$(conflicts)"
}

@test "large values in a streamed transaction" {
	both "CREATE TABLE docs (tenant_id text, id int PRIMARY KEY, n int, big text, raw bytea)"
	both "ALTER TABLE docs ALTER big SET STORAGE EXTERNAL, ALTER raw SET STORAGE EXTERNAL"
	slot
	src "BEGIN; INSERT INTO docs SELECT (ARRAY['acme', 'globex'])[i % 2 + 1], i, 0, repeat(md5(i::text), 500),
	    decode(repeat(md5(i::text), 300), 'hex') FROM generate_series(1, 20) i;
	    UPDATE docs SET n = 1; COMMIT"
	src "BEGIN; UPDATE docs SET n = 2; UPDATE docs SET big = big || 'x' WHERE id <= 10;
	    UPDATE docs SET raw = '' WHERE id = 3; UPDATE docs SET id = id + 100 WHERE id > 15;
	    INSERT INTO docs SELECT 'acme', 50, 0, repeat('y', 300000); DELETE FROM docs WHERE id = 5; COMMIT"
	sync
	streamed 2
	same
	equal "16001 4800,16000 4800,300000" "$(dst "SELECT concat_ws(' ', length(big), length(raw)) FROM docs
	    WHERE id IN (1, 50, 116) ORDER BY id = 50, id" | paste -sd ,)"
	equal 0 "$(conflicts)"
}

@test "values of many types in a streamed transaction" {
	both "CREATE TYPE mood AS ENUM ('happy', 'sad')"
	both "CREATE TABLE kinds (tenant_id uuid, id bigint PRIMARY KEY, a mood, b numeric, c jsonb, d int[],
	    e timestamptz, f bytea, g interval, h int4range)"
	slot
	src "BEGIN; INSERT INTO kinds SELECT ('00000000-0000-0000-0000-00000000000' || i % 3)::uuid, i,
	    (ARRAY['happy', 'sad'])[i % 2 + 1]::mood, i / 7.0, jsonb_build_object('i', i, 't', repeat('j', 50)),
	    ARRAY[i, NULL, -i], '2024-02-29 12:00:00.123456+00'::timestamptz + i * interval '1 s',
	    decode(md5(i::text), 'hex'), i * interval '1 day 2 hours', int4range(i, i + 5)
	    FROM generate_series(1, 600) i;
	    UPDATE kinds SET a = NULL, d = d || 5, h = 'empty' WHERE id % 5 = 0; COMMIT"
	sync
	streamed
	same
	equal 600 "$(count kinds)"
	equal 0 "$(conflicts)"
}

@test "tables truncated and filled again in a streamed transaction" {
	items
	src "BEGIN; $(rows acme 1001 1500); TRUNCATE items; $(rows globex 1 1000);
	    DELETE FROM items WHERE id > 900; COMMIT"
	src "INSERT INTO items VALUES ('acme', 5000)"
	sync
	streamed
	same
	equal 901 "$(count items)"
	equal 0 "$(conflicts)"
}

@test "rows of a streamed transaction that change tenants or leaves" {
	both "CREATE TABLE p (tenant_id text, id int, t text, PRIMARY KEY (tenant_id, id)) PARTITION BY LIST (tenant_id)"
	both "CREATE TABLE p_acme PARTITION OF p FOR VALUES IN ('acme');
	    CREATE TABLE p_rest PARTITION OF p DEFAULT"
	slot
	src "BEGIN; INSERT INTO p SELECT t, i, md5(i::text) FROM generate_series(1, 500) i, unnest(ARRAY['acme', 'globex']) t;
	    UPDATE p SET tenant_id = 'initech' WHERE tenant_id = 'acme' AND id <= 200;
	    UPDATE p SET tenant_id = 'acme', id = id + 1000 WHERE tenant_id = 'globex' AND id > 400; COMMIT"
	sync
	streamed
	same
	equal "400 600" "$(dst "SELECT (SELECT count(*) FROM p_acme), (SELECT count(*) FROM p_rest)" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "only the tenants chosen arrive of a streamed transaction" {
	items
	dst "DELETE FROM items WHERE tenant_id <> 'globex'"
	src "BEGIN; $(rows acme 1001 1500); $(rows globex 1501 2000); $(rows initech 2001 2500);
	    UPDATE items SET n = 1; DELETE FROM items WHERE id % 10 = 0; COMMIT"
	sync --tenant globex
	streamed
	same "tenant_id = 'globex'"
	equal "globex 459" "$(dst "SELECT tenant_id, count(*) FROM items GROUP BY 1" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a streamed transaction over several connections" {
	items
	session big
	in_session big "BEGIN; $(rows acme 1001 1500); $(rows globex 1501 2000)"
	src "UPDATE items SET n = n + 1 WHERE id <= 20"
	in_session big "$(rows initech 2001 2500); UPDATE items SET n = n + 1 WHERE id > 1000; COMMIT"
	src "UPDATE items SET n = n * 2"
	APPLY=(-j 3)
	sync
	streamed
	same
	equal 0 "$(conflicts)"
}

lost() {
	grep -q reconnecting from.err
}

has_streamed() {
	streamed
}

arrived() {
	[ "$(count "items WHERE id = 102")" = 1 ]
}

# The pipeline in the background, until the open transaction was sent.
follow_until_streamed() {
	items
	session big
	"${FROM[@]}" "${TENANCY[@]}" -v 2>from.err 3>&- > >(exec "${TO[@]}" 2>to.err 3>&-) &
	echo $! >from.pid
	in_session big "BEGIN; $(rows acme 1001 2000)"
	src "INSERT INTO items VALUES ('globex', 101)"
	wait_for 10 has_streamed
}

@test "a capture killed inside a streamed transaction loses nothing" {
	follow_until_streamed
	kill -KILL "$(cat from.pid)"
	wait "$(cat from.pid)" || true
	in_session big "$(rows acme 2001 2100); COMMIT"
	sync
	same
	equal 1100 "$(count "items WHERE id > 1000")"
	equal 0 "$(conflicts)"
}

@test "a connection lost inside a streamed transaction is taken up again" {
	follow_until_streamed
	src "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = '$SLOT'"
	wait_for 5 lost
	in_session big "$(rows acme 2001 2100); COMMIT"
	src "INSERT INTO items VALUES ('globex', 102)"
	wait_for 10 arrived
	kill "$(cat from.pid)"
	wait "$(cat from.pid)"
	same
	equal 1100 "$(count "items WHERE id > 1000")"
	equal 0 "$(conflicts)"
}
