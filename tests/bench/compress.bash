# compress.bash - the case compress of tests/bench/run: ratios of hr-compress
# against zstd on the same streams, and their speed, in one run.
# shellcheck shell=bash disable=SC2154 # of tests/bench/run: work, results
#
# BENCH_DATA names a folder of tables, FILE.csv.zst with a line of names, or
# FILE.psv.zst and files of no such line; of each at most COMPRESS_ROWS rows
# are taken.  Without it there are seeded tables: orders of many tenants with
# updates, a fleet of sensors, documents.  Then what --group keeps of the ratio
# with many tenants, and columns of one kind each.

# What a process takes to begin must not be what is measured.
: "${COMPRESS_ROWS:=200000}"
: "${COMPRESS_SETS:=orders sensors documents}"

# Every column of a table that is text: what all its values are is its type.
types() {			# TABLE
	source_sql compress -v ON_ERROR_STOP=1 <<-SQL >/dev/null
	DO \$\$
	DECLARE
		c record;
		t text;
	BEGIN
		FOR c IN SELECT attname FROM pg_attribute
		    WHERE attrelid = '$1'::regclass AND attnum > 0 LOOP
			FOREACH t IN ARRAY ARRAY['int', 'bigint', 'numeric', 'timestamp', 'inet', 'jsonb'] LOOP
				BEGIN
					EXECUTE format('ALTER TABLE $1 ALTER %I TYPE %s USING nullif(%I, '''')::%s',
					    c.attname, CASE t WHEN 'numeric' THEN 'float8' ELSE t END, c.attname, t);
					EXIT;
				EXCEPTION WHEN OTHERS THEN
				END;
			END LOOP;
		END LOOP;
	END \$\$;
	SQL
}

# A file into the staging table: names from its first line, or c1, c2 ...
stage() {			# FILE
	local separator=, names n

	[[ $1 != *.psv.zst ]] || separator='|'
	{ zstd -dc "$1" 2>/dev/null || :; } | head -n $((COMPRESS_ROWS + 1)) | tr -d '\r' >"$work/rows"
	names=$(head -n 1 "$work/rows")
	if [[ $names =~ ^[A-Za-z_][^0-9]*[${separator}][A-Za-z_] && $names != *http* ]]; then
		sed -i 1d "$work/rows"
		names=$(tr "$separator" '\n' <<<"$names" | tr -d '\r' | sed 's/"//g; s/.*/"&" text/' | paste -sd,)
	else
		n=$(sed -E 's/"([^"]|"")*"//g; s/[|]$//' <<<"$names" | awk -F"[$separator]" '{ print NF }')
		names=$(seq -f 'c%g text' "$n" | paste -sd,)
	fi
	source_sql compress -c "DROP TABLE IF EXISTS stage" -c "CREATE TABLE stage ($names)" >/dev/null 2>&1
	# Lines of too many fields are left out, as TPC-H's last separator is.
	[ "$separator" = , ] || sed -i 's/|$//' "$work/rows"
	source_sql compress -c "\\copy stage FROM '$work/rows' (FORMAT csv, DELIMITER '$separator')"
	types stage
}

# Statements of SQL whose stream is the set.
made() {			# SET
	case $1 in
	orders) cat <<-SQL ;;
	CREATE TABLE orders (tenant int, id bigint, customer int, status text, amount numeric(12, 2),
	    placed timestamptz, changed timestamptz, note text, PRIMARY KEY (tenant, id));
	CREATE INDEX ON orders (id);
	SELECT setseed(0.5);
	DO \$\$
	BEGIN
		FOR i IN 1 .. $COMPRESS_ROWS LOOP
			IF i % 20 < 13 THEN
				INSERT INTO orders VALUES (random() * 50, i, random() * 1000,
				    (ARRAY['new', 'paid', 'sent', 'done'])[1 + (random() * 3)::int],
				    (random() * 100000)::int / 100.0, now(), clock_timestamp(),
				    CASE WHEN random() < 0.3 THEN 'note ' || md5(i::text) END);
			ELSE
				UPDATE orders SET status = 'done', changed = clock_timestamp()
				WHERE (tenant, id) = (SELECT tenant, id FROM orders WHERE id = i - 7);
			END IF;
			IF i % 5 = 0 THEN
				COMMIT;
			END IF;
		END LOOP;
	END \$\$;
	SQL
	sensors) cat <<-SQL ;;
	CREATE TABLE sensors (sensor int, at timestamptz, temperature float8, humidity float8, battery int);
	SELECT setseed(0.5);
	DO \$\$
	BEGIN
		FOR i IN 1 .. $COMPRESS_ROWS / 100 LOOP
			INSERT INTO sensors SELECT s, '2024-01-01'::timestamptz + i * interval '10 s',
			    round((20 + s % 7 + sin(i / 50.0 + s) * 3 + random() * 0.2)::numeric, 1),
			    round((50 + s % 5 + cos(i / 70.0 + s) * 9 + random() * 0.5)::numeric, 2), 100 - i / 100
			FROM generate_series(1, 100) s;
			COMMIT;
		END LOOP;
	END \$\$;
	SQL
	documents) cat <<-SQL ;;
	CREATE TABLE documents (id uuid, kind text, body jsonb);
	SELECT setseed(0.5);
	DO \$\$
	BEGIN
		FOR i IN 1 .. $COMPRESS_ROWS / 100 LOOP
			INSERT INTO documents SELECT md5(i || ' ' || j)::uuid, 'event' || j % 3, jsonb_build_object(
			    'user', (random() * 10000)::int, 'session', md5((random() * 1000)::int::text), 'ok', random() < 0.9,
			    'page', '/product/' || (random() * 500)::int, 'took_ms', (random() * 1000)::int,
			    'tags', jsonb_build_array('web', 'v' || j % 4))
			FROM generate_series(1, 100) j;
			COMMIT;
		END LOOP;
	END \$\$;
	SQL
	esac
}

# Rows of the staging table, 100 to a transaction.
inserted() {			# TABLE
	source_sql compress -c "CREATE TABLE $1 (LIKE stage)" -c "ALTER TABLE stage ADD bench_row serial" >/dev/null
	source_sql compress <<-SQL >/dev/null
	DO \$\$
	DECLARE
		names text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
		    WHERE attrelid = '$1'::regclass AND attnum > 0);
	BEGIN
		FOR i IN 0 .. (SELECT count(*) FROM stage) / 100 LOOP
			EXECUTE format('INSERT INTO $1 SELECT %s FROM stage WHERE bench_row > %s AND bench_row <= %s',
			    names, i * 100, i * 100 + 100);
			COMMIT;
		END LOOP;
	END \$\$;
	SQL
}

# timed OUT IN COMMAND...: IN through it into OUT; in $cpu the least user and system
# seconds of five, as of short ones what else the machine does is much.
timed() {
	local out=$1 in=$2

	shift 2
	for _ in 1 2 3 4 5; do
		"$work/rusage" "$work/timed" "$@" <"$in" >"$out"
		awk '{ print $2 + $3 }' "$work/timed"
	done | sort -n >"$work/least"
	read -r cpu <"$work/least"
}

rate() {			# BYTES SECONDS
	awk "BEGIN { printf \"%.0f\", $1 / 1e6 / ($2 + 0.0001) }"
}

# packed OPTIONS FILE: its size in $out; CPU seconds in $packed and $unpacked, and it has come back.
packed() {
	# shellcheck disable=SC2086 # words
	timed "$work/packed" "$2" hr-compress $1
	packed=$cpu
	out=$(stat -c %s "$work/packed")
	timed /dev/null "$work/packed" hr-compress -d
	unpacked=$cpu
	# shellcheck disable=SC2034 # failed: the caller's
	hr-compress -d <"$work/packed" | cmp -s "$2" - || { note "$2 $1: what came back differs"; failed=1; }
}

# against SET NAME OPTIONS FILE PEER BYTES [PEER BYTES]...: a line, and results.
against() {
	local set=$1 name=$2 options=$3 file=$4 in peer

	shift 4
	packed "$options" "$file"
	in=$(stat -c %s "$file")
	printf '%-15s %-22s %10s %9s %7s %7s' "$set" "$name" "$in" "$out" "$(rate "$in" "$packed")" \
	    "$(rate "$in" "$unpacked")"
	while [ $# -gt 0 ]; do
		printf '  %5s of %s' "$(ratio "$2" "$out")" "$1"
		peer=${1// /_}
		result workload '"compress"' set "\"$set\"" blocks "\"$name\"" peer "\"$peer\"" in "$in" out "$out" \
		    peer_out "$2" cpu "$packed" cpu_back "$unpacked"
		shift 2
	done
	echo
}

# A set at both sizes of blocks, against one zstd over the same bytes; and blocks
# that need no other against zstd of the same frames one by one.
compress_one() {		# SET FILE
	local rows f in z3 long frames

	for rows in 1000 100; do
		f=$work/split
		"$work/frames" split $rows <"$2" >"$f"
		in=$(stat -c %s "$f")
		timed "$work/z" "$f" zstd -q -3 --zstd=wlog=23 --single-thread -c
		z3=$(stat -c %s "$work/z") packed=$cpu
		timed /dev/null "$work/z" zstd -dqc
		long=$(zstd -q -19 --long=27 -c <"$f" | wc -c)
		frames=$("$work/frames" zstd 3 <"$f")
		[ $rows = 100 ] || printf '%-15s %-22s %10s %9s %7s %7s\n' "$1" "zstd -3" "$in" "$z3" \
		    "$(rate "$in" "$packed")" "$(rate "$in" "$cpu")"
		result workload '"compress"' set "\"$1\"" blocks "\"zstd $rows\"" in "$in" out "$z3" cpu "$packed" cpu_back "$cpu"
		against "$1" "$rows rows" "--block-rows $rows" "$f" "zstd -3" "$z3" "zstd -19 --long" "$long" \
		    "zstd -3 of frames" "$frames"
		[ $rows = 100 ] || against "$1" "1000 rows, independent" "--independent --block-rows $rows" "$f" \
		    "zstd -3 of frames" "$frames" \
		    "zstd -19 of frames" "$("$work/frames" zstd 19 <"$f")"
	done
}

# Geometric means and least ratios over the sets.
compress_means() {
	echo
	jq -rs 'def mean: (map(log) | add / length | exp * 100 | round / 100);
	    map(select(.workload == "compress" and .peer)) | group_by([.blocks, .peer])[] |
	    "\(.[0].blocks) against \(.[0].peer): \(map(.peer_out / .out) | mean) times smaller, the least is \(
	    min_by(.peer_out / .out) | "\(.peer_out / .out * 100 | round / 100) (\(.set))")"' "$results"
	jq -rs 'map(select(.workload == "compress" and .blocks == "zstd 1000")) as $z |
	    map(select(.workload == "compress" and .blocks == "1000 rows" and .peer == "zstd_-3")) as $h |
	    "1000 rows: \(($h | map(.in) | add) / ($h | map(.cpu) | add) / 1e6 | round) MB/s packing, \(
	    ($h | map(.in) | add) / ($h | map(.cpu_back) | add) / 1e6 | round) unpacking; zstd -3 \(
	    ($z | map(.in) | add) / ($z | map(.cpu) | add) / 1e6 | round) and \(
	    ($z | map(.in) | add) / ($z | map(.cpu_back) | add) / 1e6 | round) MB/s, hr-compress is \(
	    ($z | map(.cpu) | add) / ($h | map(.cpu) | add) * 100 | round / 100) and \(
	    ($z | map(.cpu_back) | add) / ($h | map(.cpu_back) | add) * 100 | round / 100) times as fast"' "$results"
}

# What --group keeps of the ratio when there are many small tenants.
compress_group() {
	local tenants few many

	for tenants in 10 10000; do
		source_sql compress -c "DROP TABLE IF EXISTS grouped" -c "CREATE TABLE grouped (tenant_id int, id int,
		    kind text, amount numeric(10, 2), at timestamptz, PRIMARY KEY (tenant_id, id))" \
		    -c "DROP PUBLICATION IF EXISTS bench" -c "CREATE PUBLICATION bench FOR TABLE grouped" >/dev/null 2>&1
		source_sql compress -c "SELECT pg_create_logical_replication_slot('compress', 'pgoutput')" >/dev/null
		source_sql compress <<-SQL >/dev/null
		SELECT setseed(0.5);
		DO \$\$ BEGIN
			FOR i IN 1 .. $COMPRESS_ROWS / 5 LOOP
				INSERT INTO grouped SELECT t, i * 5 + j, (ARRAY['new', 'paid', 'sent', 'done'])[1 + (random() * 3)::int],
				    (random() * 10000)::int / 100.0, clock_timestamp()
				FROM generate_series(1, 5) j, (SELECT 1 + (random() * ($tenants - 1))::int AS t) x;
				COMMIT;
			END LOOP;
		END \$\$;
		SQL
		hr-capture -d "$(pg_conninfo source compress)" -S compress -P bench --tenant-column tenant_id \
		    --endpos now >"$work/group.hrs"
		source_sql compress -c "SELECT pg_drop_replication_slot('compress')" >/dev/null
		packed --group "$work/group.hrs"
		few=${many:-}
		many=$(awk "BEGIN { print $(stat -c %s "$work/group.hrs") / $out }")
		echo "$tenants tenants with --group: $many times smaller than they were"
		result workload '"compress"' set '"group"' tenants "$tenants" ratio "$many"
	done
	echo "10000 tenants keep $(ratio "$many" "$few") of the ratio of 10"
}

# Columns of one kind each, by how many times smaller they get.
compress_kinds() {
	source_sql compress >/dev/null <<-SQL
	DROP PUBLICATION IF EXISTS bench;
	CREATE TABLE kinds (serial bigint, status text, series timestamptz, event timestamptz, price float8,
	    document jsonb, uuid_text text);
	CREATE PUBLICATION bench FOR TABLE kinds;
	SELECT pg_create_logical_replication_slot('compress', 'pgoutput');
	SELECT setseed(0.5);
	DO \$\$ BEGIN
		FOR i IN 1 .. $COMPRESS_ROWS / 100 LOOP
			INSERT INTO kinds SELECT i * 100 + j,
			    CASE WHEN random() < 0.9 THEN 'active' ELSE (ARRAY['new', 'paused', 'closed'])[1 + (random() * 2)::int] END,
			    '2024-01-01'::timestamptz + (i * 100 + j) * interval '10 s',
			    '2024-01-01'::timestamptz + (i * 100 + j) * interval '1 s' + (random() * 900)::int * interval '1 ms',
			    (random() * 100)::int / 10.0, jsonb_build_object('user', (random() * 10000)::int, 'ok', random() < 0.9,
			    'session', md5((random() * 1000)::int::text), 'page', '/product/' || (random() * 500)::int,
			    'took_ms', (random() * 1000)::int), md5(random()::text)::uuid::text
			FROM generate_series(1, 100) j;
			COMMIT;
		END LOOP;
	END \$\$;
	SQL
	hr-capture -d "$(pg_conninfo source compress)" -S compress -P bench --tenant-database bench --endpos now |
	    "$work/frames" split 1000 >"$work/kinds.hrs"
	source_sql compress -c "SELECT pg_drop_replication_slot('compress')" >/dev/null
	hr-compress --json <"$work/kinds.hrs" 2>&1 >/dev/null | jq -rs '
	    map(select(.table == "public.kinds")) | group_by(.column)[] |
	    "\(.[0].column) (\(.[0].type)): \((map(.in) | add) / (map(.out) | add) * 10 | round / 10) times smaller, \(
	    map(.codec) | join("; "))"'
}

bench_compress() {
	local set file

	"${CC:-cc}" -O2 -D_GNU_SOURCE -I"$root/lib" -o "$work/frames" "$here/frames.c" "$O/libhr.a" -ljansson -lzstd \
	    -lpq -lyaml -lcrypto
	source_sql postgres -c "CREATE DATABASE compress"
	printf '%-15s %-22s %10s %9s %7s %7s  %s\n' set blocks bytes packed MB/s '-d MB/s' 'times smaller than'
	if [ -n "${BENCH_DATA:-}" ]; then
		for file in "$BENCH_DATA"/*.[cp]sv.zst; do
			set=$(basename "$file" | sed 's/\..*//')
			stage "$file"
			source_sql compress -c "DROP TABLE IF EXISTS $set" -c "DROP PUBLICATION IF EXISTS bench" \
			    -c "CREATE PUBLICATION bench FOR ALL TABLES" >/dev/null 2>&1
			source_sql compress -c "SELECT pg_create_logical_replication_slot('compress', 'pgoutput')" >/dev/null
			inserted "$set"
			source_sql compress -c "DROP TABLE stage"
			compress_capture "$set"
		done
	else
		for set in $COMPRESS_SETS; do
			source_sql compress -c "DROP PUBLICATION IF EXISTS bench" \
			    -c "CREATE PUBLICATION bench FOR ALL TABLES" >/dev/null 2>&1
			source_sql compress -c "SELECT pg_create_logical_replication_slot('compress', 'pgoutput')" >/dev/null
			made "$set" | source_sql compress >/dev/null
			compress_capture "$set"
		done
	fi
	compress_means
	compress_group
	compress_kinds
	source_sql postgres -c "DROP DATABASE compress WITH (FORCE)"
}

# The stream since the slot was made, without the staging table, and its sizes.
compress_capture() {		# SET
	hr-capture -d "$(pg_conninfo source compress)" -S compress -P bench --tenant-database bench \
	    --endpos now >"$work/$1.hrs"
	source_sql compress -c "SELECT pg_drop_replication_slot('compress')" >/dev/null
	compress_one "$1" "$work/$1.hrs"
	[ -z "${COMPRESS_KEEP:-}" ] || cp "$work/$1.hrs" "$COMPRESS_KEEP"
}
