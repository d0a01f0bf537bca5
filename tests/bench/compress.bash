# compress.bash - the case compress of tests/bench/run: ratios of hr-compress
# against zstd on the same streams, and their speed, in one run.
# shellcheck shell=bash disable=SC2154 # of tests/bench/run: work, results
#
# BENCH_DATA names a folder of tables, FILE.csv.zst with a line of names, or
# FILE.psv.zst and files of no such line; of each at most COMPRESS_ROWS rows
# are taken.  Without it there are seeded tables: orders of many tenants with
# updates, a fleet of sensors, documents.

: "${COMPRESS_ROWS:=20000}"
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
	{ zstd -dc "$1" 2>/dev/null || :; } | head -n $((COMPRESS_ROWS + 1)) >"$work/rows"
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

# timed FILE COMMAND...: stdin through it into FILE; user and system seconds in $cpu.
timed() {
	local out=$1

	shift
	"$work/rusage" "$work/timed" "$@" >"$out"
	cpu=$(awk '{ print $2 + $3 }' "$work/timed")
}

rate() {			# BYTES SECONDS
	awk "BEGIN { printf \"%.0f\", $1 / 1e6 / ($2 + 0.0001) }"
}

# One stream: sizes, ratios against zstd of the same bytes, MB/s of CPU time.
compress_one() {		# SET FILE
	local in z3 z19 how cpu out packed

	in=$(stat -c %s "$2")
	timed "$work/z" zstd -3 -c <"$2"
	z3=$(stat -c %s "$work/z")
	printf '%-16s %10s  zstd -3 %9s (%s MB/s)' "$1" "$in" "$z3" "$(rate "$in" "$cpu")"
	z19=$(zstd -19 --long -c <"$2" | wc -c)
	printf '  zstd -19 --long %9s\n' "$z19"
	for how in "" "--block-rows 100" "--group" "-19"; do
		# shellcheck disable=SC2086 # words
		timed "$work/packed" hr-compress $how <"$2"
		packed=$cpu
		out=$(stat -c %s "$work/packed")
		timed "$work/again" hr-compress -d <"$work/packed"
		# shellcheck disable=SC2034 # failed: the caller's
		cmp -s "$2" "$work/again" || { note "$1 $how: what came back differs"; failed=1; }
		printf '    hr-compress %-18s %9s  %6s of zstd -3, %6s of -19; %s MB/s, -d %s MB/s\n' "$how" "$out" \
		    "$(ratio "$z3" "$out")" "$(ratio "$z19" "$out")" "$(rate "$in" "$packed")" "$(rate "$in" "$cpu")"
		result workload '"compress"' set "\"$1\"" options "\"$how\"" in "$in" out "$out" zstd3 "$z3" zstd19 "$z19" \
		    cpu "$packed" cpu_back "$cpu"
	done
}

bench_compress() {
	local set file

	source_sql postgres -c "CREATE DATABASE compress"
	: >"$work/sets"
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
