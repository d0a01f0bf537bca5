# Aggregations of hr-transform: what the target has is what SQL makes of the
# source's rows, whatever was done to them and whoever was killed.

load ../lib
load pipe

setup() {
	pair
	set -o pipefail
}

teardown() {
	unpair
}

# A pipeline up to now.
pipe() {			# OPTION of hr-capture...
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --checkpoint cp --endpos now "$@" 2>err.cap |
	    tee cap.hrs | hr-transform --rules rules.yaml --state state --checkpoint cp 2>err.tr | tee out.hrs |
	    hr-apply -d "$DST" --checkpoint cp 2>err.app || { cat err.*; return 1; }
}

sales() {
	src "CREATE TABLE sales (tenant_id text NOT NULL, id int PRIMARY KEY, kind text, qty int, amount numeric(12, 2),
	    rate float8, at timestamptz)"
	src "ALTER TABLE sales REPLICA IDENTITY FULL"
}

by_kind() {
	dst "CREATE TABLE by_kind (tenant_id text NOT NULL, kind text NOT NULL, part int, orders bigint, qty bigint,
	    revenue numeric, mean numeric, large bigint, rates float8, PRIMARY KEY (tenant_id, kind, part))"
	cat >rules.yaml <<-'YAML'
	rules:
	  - tables: public.sales
	    filter: qty > 0
	    aggregate:
	      into: by_kind
	      group_by: [tenant_id, {kind: "coalesce(kind, '-')", part: id % 30}]
	      values:
	        orders: count
	        qty: sum(qty)
	        revenue: sum(amount)
	        mean: avg(amount)
	        large: {value: count, filter: amount > 500}
	        rates: sum(rate)
	YAML
}

# Inserts, updates, deletes in transactions of any size.
change() {			# SEED
	src "SELECT setseed($1);
	DO \$\$
	DECLARE
		i int;
	BEGIN
		FOR k IN 1 .. 300 LOOP
			i := 1 + (random() * 150)::int;
			CASE (random() * 6)::int
			WHEN 0, 1, 2 THEN
				INSERT INTO sales VALUES (CASE WHEN i % 2 = 0 THEN 'acme' ELSE 'globex' END, i,
				    (ARRAY['a', 'b', 'c', NULL])[1 + (random() * 3)::int], (random() * 10)::int - 1,
				    (random() * 100000)::int / 100.0, (random() * 64)::int / 8.0,
				    '2026-01-01'::timestamptz + random() * interval '1 day')
				ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, qty = excluded.qty;
			WHEN 3 THEN UPDATE sales SET amount = (random() * 100000)::int / 100.0 WHERE id = i;
			WHEN 4 THEN UPDATE sales SET id = (SELECT greatest(1000, max(id)) + 1 FROM sales) WHERE id = i;
			ELSE DELETE FROM sales WHERE id = i;
			END CASE;
			IF random() < 0.3 THEN
				COMMIT;
			END IF;
		END LOOP;
	END \$\$" >/dev/null
}

events() {			# [SIZE LATENESS]
	src "CREATE TABLE events (tenant_id text NOT NULL, id int PRIMARY KEY, at timestamptz, who int, v float8)"
	dst "CREATE TABLE per_hour (tenant_id text NOT NULL, window_start timestamptz, window_end timestamptz, n bigint,
	    low float8, high float8, visitors bigint, PRIMARY KEY (tenant_id, window_start))"
	cat >rules.yaml <<-YAML
	rules:
	  - tables: public.events
	    aggregate:
	      into: per_hour
	      group_by: tenant_id
	      append_only: true
	      window: {size: ${1:-1 s}, lateness: ${2:-1 s}, by: at}
	      emit: window
	      values: {n: count, low: min(v), high: max(v), visitors: distinct(who)}
	YAML
}

by_kind_is_right() {
	src "SELECT tenant_id, coalesce(kind, '-'), id % 30, count(*), sum(qty), sum(amount), trim_scale(round(avg(amount), 10)), count(*) FILTER (WHERE amount > 500), sum(rate)
	    FROM sales WHERE qty > 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3" >want
	dst "SELECT tenant_id, kind, part, orders, qty, revenue, trim_scale(round(mean, 10)), large, rates FROM by_kind ORDER BY 1, 2, 3" >got
	[ -s want ]
	diff want got >diff.out || fail "$(grep '^<' diff.out | head -3) $(grep '^>' diff.out | head -3)"
	[ "$(dst "SELECT count(*) FROM hr.conflict")" = 0 ]
}

@test "groups are what SQL makes of the rows that a filter lets pass" {
	sales
	by_kind
	slot
	for seed in 0.1 0.2 0.3 0.4; do
		change "$seed"
		pipe
		by_kind_is_right
	done
	[ "$(dst "SELECT to_regclass('sales') IS NULL")" = t ]
	src "TRUNCATE sales"
	pipe
	[ "$(dst "SELECT count(*) FROM by_kind")" = 0 ]
}

@test "a first copy is aggregated, and goes on" {
	sales
	by_kind
	change 0.5
	pipe --create-slot --snapshot
	by_kind_is_right
	change 0.6
	pipe
	by_kind_is_right
}

# The same three stages again and again, until the file stop is there.
flow() {			# OPTION of hr-capture...
	rm -f stop
	while [ ! -e stop ]; do
		echo again >>rounds
		bash -c 'echo $$ >cap.pid; exec "$@"' - hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --checkpoint cp "$@" \
		    2>>flow.err |
		    bash -c 'echo $$ >tr.pid; exec "$@"' - hr-transform --rules rules.yaml --state state --checkpoint cp \
		        2>>flow.err |
		    bash -c 'echo $$ >app.pid; exec "$@"' - hr-apply -d "$DST" --checkpoint cp 2>>flow.err || true
		kill -TERM "$(cat cap.pid)" 2>/dev/null || true
		sleep 0.05
	done
}

@test "whatever is killed, nothing is counted twice or not at all" {
	local i victim

	sales
	by_kind
	slot
	change 0.1
	flow 3>&- &
	echo $! >flow.pid
	for i in $(seq "${HR_KILLS:-15}"); do
		change "0.$((i + 10))" 3>&- &
		sleep "0.$((RANDOM % 5 + 1))"
		# Half of the time, and the last one, the target is behind when it dies.
		victim=$(shuf -e -n 1 tr app app cap)
		[ "$i" != "${HR_KILLS:-15}" ] || victim=app
		[ "$victim" != app ] || kill -STOP "$(cat app.pid)" 2>/dev/null || true
		wait $!
		[ "$victim" != app ] || sleep 0.3
		kill -KILL "$(cat "$victim.pid")" 2>/dev/null || true
	done
	touch stop
	kill -TERM "$(cat cap.pid)" || true
	wait "$(cat flow.pid)" || true
	rm -f ./*.pid
	pipe
	by_kind_is_right || { tail -n 40 flow.err; return 1; }
	! grep -E 'went that never came|forgotten|lost' flow.err
	# It was worth it: the pipeline began again.
	[ "$(wc -l <rounds)" -gt $((${HR_KILLS:-15} / 3)) ]
}

@test "what the target did not get is made again" {
	local all

	sales
	by_kind
	slot
	for seed in 0.1 0.2 0.3; do
		change "$seed"
		# The state goes on; of what was made the target gets nothing, or half, or all but the end.
		record cap.hrs
		hr-transform --rules rules.yaml --state state <cap.hrs >out.hrs
		all=$(stat -c %s out.hrs)
		[ $seed != 0.2 ] || ! head -c $((all / 2)) out.hrs | hr-apply -d "$DST" 2>/dev/null
		[ $seed != 0.3 ] || ! head -c $((all - 1)) out.hrs | hr-apply -d "$DST" 2>/dev/null
		src "UPDATE sales SET qty = qty + 1 WHERE id % 30 = 3"
		record cap.hrs
		hr-transform --rules rules.yaml --state state <cap.hrs >out.hrs
		hr-apply -d "$DST" <out.hrs
		by_kind_is_right
	done
}

# Nothing of the table is in the stream that comes again: its window has closed since.
@test "what is made of a quiet table is made again, too" {
	events
	slot
	src "INSERT INTO events VALUES ('acme', 1, now() + interval '2 s', 1, 1)"
	pipe
	[ "$(dst "SELECT count(*) FROM per_hour")" = 0 ]
	sleep 5
	src "SELECT pg_logical_emit_message(true, 'x', 'y')" >/dev/null
	record cap.hrs
	hr-transform --rules rules.yaml --state state <cap.hrs >out.hrs
	hr-transform --dump <cap.hrs >dump
	! grep -q events dump
	hr-transform --dump <out.hrs >dump
	grep -q '"per_hour"' dump
	record cap.hrs
	hr-transform --rules rules.yaml --state state <cap.hrs | hr-apply -d "$DST"
	[ "$(dst "SELECT tenant_id, n FROM per_hour")" = "acme|1" ]
}

@test "windows close by the source's clock, and late rows are left aside" {
	local hours="extract(epoch FROM window_start)::bigint, n, round(low::numeric, 8), round(high::numeric, 8), visitors"

	events "1 hour" "10 min"
	slot
	src "INSERT INTO events SELECT 'acme', i, now() - interval '1 day' + i * interval '1 min', i % 50, sin(i)
	    FROM generate_series(1, 600) i"
	src "INSERT INTO events VALUES ('globex', 1000, now(), 1, 1), ('globex', 1001, NULL, 1, 1)"
	pipe
	src "SELECT tenant_id, $hours FROM (SELECT tenant_id, date_bin('1 hour', at, '2000-01-03') AS window_start, count(*) AS n,
	    min(v) AS low, max(v) AS high, count(DISTINCT who) AS visitors FROM events WHERE tenant_id = 'acme'
	    GROUP BY 1, 2) e ORDER BY 1, 2" >want
	dst "SELECT tenant_id, $hours FROM per_hour ORDER BY 1, 2" >got
	diff want got
	src "INSERT INTO events VALUES ('acme', 2000, now() - interval '1 day', 1, 1)"
	pipe
	dst "SELECT tenant_id, $hours FROM per_hour ORDER BY 1, 2" >got
	diff want got
	src "DELETE FROM events WHERE id = 1"
	! pipe >said
	grep -q 'only inserted into by its rules' said
}

@test "rows go on, too, where that is said; and of all tenants there is one row" {
	sales
	dst "CREATE TABLE sales (tenant_id text NOT NULL, id int PRIMARY KEY, kind text, qty int, amount numeric(12, 2),
	    rate float8, at timestamptz)"
	dst "CREATE TABLE totals (kind text PRIMARY KEY, n bigint)"
	cat >rules.yaml <<-'YAML'
	rules:
	  - tables: public.sales
	    mask: {kind: {by: hash, plain: true}}
	    enrich: {half: "CASE WHEN extract(hour FROM at) < 12 THEN 'am' ELSE 'pm' END"}
	    aggregate:
	      - {into: totals, group_by: [{kind: "coalesce(kind, '-')"}], values: {n: count}, rows: pass}
	      - {into: halves, group_by: [tenant_id, half], values: {n: count}, emit: {every: 1 s}}
	YAML
	dst "ALTER TABLE sales ADD half text"
	dst "CREATE TABLE halves (tenant_id text, half text, n bigint, PRIMARY KEY (tenant_id, half))"
	slot
	for seed in 0.1 0.2; do
		change "$seed"
		# Of an interval that has not gone by nothing is shown yet.
		sleep 1.1
		src "SELECT pg_logical_emit_message(true, 'x', 'y')" >/dev/null
		pipe
	done
	src "SELECT coalesce(encode(sha256(kind::bytea), 'hex'), '-'), count(*) FROM sales GROUP BY 1 ORDER BY 1" >want
	dst "SELECT kind, n FROM totals ORDER BY 1" >got
	diff want got
	src "SELECT id, qty, amount FROM sales ORDER BY id" >want
	dst "SELECT id, qty, amount FROM sales ORDER BY id" >got
	diff want got
}

@test "a first copy that is killed begins anew" {
	local after

	sales
	by_kind
	change 0.1
	src "INSERT INTO sales SELECT 'acme', i, 'd', 1, 1, 1, now() FROM generate_series(20000, 80000) i"
	for after in 0.1 0.2 0.3 0.4; do
		timeout -s KILL $after hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --checkpoint cp --create-slot --snapshot \
		    2>>err.first |
		    timeout -s KILL $after hr-transform --rules rules.yaml --state state --checkpoint cp 2>>err.first |
		    timeout -s KILL $after hr-apply -d "$DST" --checkpoint cp 2>>err.first || true
		src "UPDATE sales SET qty = qty + 1 WHERE id % 7 = 0"
	done
	# The state is there, the target has nothing of the copy.
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --checkpoint cp --create-slot --snapshot 2>>err.first |
	    hr-transform --rules rules.yaml --state state --checkpoint cp 2>>err.first | head -c 3000 |
	    hr-apply -d "$DST" --checkpoint cp 2>>err.first || true
	pipe --create-slot --snapshot
	change 0.2
	pipe
	by_kind_is_right || { cat err.first; return 1; }
}

# What a source says with the WAL of another database is its clock, not when that was.
@test "rows of a backlog are not late" {
	events "1 s" "2 s"
	slot
	src "INSERT INTO events VALUES ('acme', 1, now(), 1, 1)"
	pg_psql source postgres <<-'SQL' >/dev/null
	CREATE TABLE other AS SELECT i, repeat(md5(i::text), 30) AS t FROM generate_series(1, 120000) i;
	DROP TABLE other;
	SQL
	src "INSERT INTO events VALUES ('acme', 2, now(), 1, 1)"
	sleep 5
	pipe
	sleep 1
	src "SELECT pg_logical_emit_message(true, 'x', 'y')" >/dev/null
	pipe
	[ "$(dst "SELECT sum(n) FROM per_hour")" = 2 ]
}
