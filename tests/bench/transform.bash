# transform.bash - the case transform of tests/bench/run: what rules cost, against
# sed over the same rows as COPY writes them and against PostgreSQL's own view.
# shellcheck shell=bash disable=SC2154 # of tests/bench/run: work, results
#
# Rows are of about 200 bytes; the rules hash two columns, redact one, make one
# coarser and filter.  CPU seconds of each program, the least of REPEAT.

: "${TRANSFORM_ROWS:=1000000}"

# least REPEAT COMMAND...: stdin from $in, to /dev/null; CPU seconds in $cpu.
least() {
	local i best=''

	for ((i = 0; i < REPEAT; i++)); do
		"$work/rusage" "$work/timed" "$@" <"$in" >/dev/null
		cpu=$(awk '{ print $2 + $3 }' "$work/timed")
		best=$(awk "BEGIN { print \"$best\" == \"\" || $cpu < \"$best\" + 0 ? $cpu : \"$best\" }")
	done
	cpu=$best
}

transform_row() {		# NAME BYTES
	printf '%-34s %8s s %9s rows/s %6s MB/s\n' "$1" "$cpu" "$(awk "BEGIN { printf \"%.0f\", $TRANSFORM_ROWS / $cpu }")" \
	    "$(awk "BEGIN { printf \"%.0f\", $2 / 1e6 / $cpu }")"
	result workload '"transform"' what "\"$1\"" rows "$TRANSFORM_ROWS" bytes "$2" cpu "$cpu"
}

bench_transform() {
	local in bytes tab=$'\t'

	source_sql postgres -c "CREATE DATABASE transform"
	source_sql transform >/dev/null <<-SQL
	CREATE EXTENSION pgcrypto;
	CREATE TABLE person (id bigint PRIMARY KEY, name text, email text, card text, age int, country text, note text);
	CREATE PUBLICATION bench FOR TABLE person;
	SELECT pg_create_logical_replication_slot('transform', 'pgoutput');
	SELECT setseed(0.5);
	INSERT INTO person SELECT i, 'Name ' || i, 'user' || i || '@mail.example', lpad(i::text, 16, '4'), (random() * 90)::int,
	    (ARRAY['DE', 'FR', 'IT', 'ES'])[1 + (random() * 3)::int], repeat(md5(i::text), 3)
	FROM generate_series(1, $TRANSFORM_ROWS) i;
	CREATE VIEW masked AS SELECT id, encode(hmac(name, '0123456789abcdef', 'sha256'), 'hex') AS name,
	    encode(hmac(email, '0123456789abcdef', 'sha256'), 'hex') AS email, '***' AS card, age / 10 * 10 AS age, country, note
	FROM person WHERE country <> 'IT';
	VACUUM ANALYZE person;
	SQL
	hr-capture -d "$(pg_conninfo source transform)" -S transform -P bench --tenant-database bench --endpos now \
	    >"$work/person.hrs"
	source_sql transform -c "COPY person TO STDOUT" >"$work/person.tsv"
	(umask 077 && echo 0123456789abcdef >"$work/key")
	cat >"$work/rules.yaml" <<-'YAML'
	key: key
	rules:
	  - tables: public.person
	    mask: {name: hash, email: hash, card: redact, age: {by: generalize, range: 10}}
	    filter: country <> 'IT'
	YAML
	in=$work/person.hrs bytes=$(stat -c %s "$work/person.hrs")
	least cat
	transform_row "cat" "$bytes"
	least hr-transform
	transform_row "hr-transform, no rules" "$bytes"
	least hr-transform --rules "$work/rules.yaml"
	transform_row "hr-transform, rules" "$bytes"
	in=$work/person.tsv bytes=$(stat -c %s "$work/person.tsv")
	least sed -E "/${tab}IT${tab}/d; s/^(([^$tab]*$tab){3})[^$tab]*/\\1***/"
	transform_row "sed: one redacted, one filter" "$bytes"
	cpu=$(pg_cpu source "COPY (SELECT * FROM masked) TO STDOUT" transform)
	transform_row "PostgreSQL: a view over COPY" "$bytes"
	source_sql transform -c "SELECT pg_drop_replication_slot('transform')" >/dev/null
	source_sql postgres -c "DROP DATABASE transform WITH (FORCE)"
	echo
	jq -rs 'map(select(.workload == "transform")) | (map({ (.what): .cpu }) | add) as $c |
	    "rules take \($c["hr-transform, rules"] / $c["sed: one redacted, one filter"] * 100 | round / 100) times what sed takes, \(
	    $c["hr-transform, rules"] / $c["PostgreSQL: a view over COPY"] * 100 | round / 100) times what the view does"' "$results"
}

# CPU seconds of a backend for a statement whose output is thrown away, least of REPEAT.
pg_cpu() {			# CLUSTER SQL DATABASE
	local i best='' cpu

	for ((i = 0; i < REPEAT; i++)); do
		cpu=$(pg_backend_cpu "$1" "$2" "$3")
		best=$(awk "BEGIN { print \"$best\" == \"\" || $cpu < \"$best\" + 0 ? $cpu : \"$best\" }")
	done
	echo "$best"
}

# The backend's own count: from /proc, before and after.
pg_backend_cpu() {
	pg_psql "$1" "$3" -qAt <<-SQL | tail -n 1
	SELECT pg_backend_pid() AS pid \gset
	\o /dev/null
	$2;
	\o
	\setenv PID :pid
	\! awk -v t="\$(getconf CLK_TCK)" '{ print (\$14 + \$15) / t }' /proc/\$PID/stat
	SQL
}
