# An archive of a source that was busy all the time, restored to random moments:
# HR_BUSY seconds (an hour), HR_MOMENTS of them (40).

load ../lib
load ../pipe/pipe

setup() {
	pair
	set -o pipefail
	both "CREATE TABLE t (tenant_id text, id int, v text, PRIMARY KEY (tenant_id, id));
	CREATE TABLE moved (tenant_id text, n bigserial, v text, PRIMARY KEY (tenant_id, n))"
	src "INSERT INTO t SELECT 't' || i % 5, i, 'first ' || i FROM generate_series(1, 5000) i"
}

teardown() {
	touch "$BATS_TEST_TMPDIR/stop"
	unpair
}

# Short transactions, long ones, and some that are rolled back.
busy() {			# SEED
	while [ ! -e stop ]; do
		src "DO \$\$
		BEGIN
			FOR k IN 1 .. 50 LOOP
				UPDATE t SET v = 'by $1 ' || k || random() WHERE id % 400 = (random() * 400)::int AND id % 3 = $1;
				INSERT INTO moved (tenant_id, v) SELECT 't' || (random() * 4)::int, md5(random()::text)
				    FROM generate_series(1, (random() * 20)::int);
				DELETE FROM moved WHERE n % 50 = (random() * 50)::int AND n % 3 = $1;
				PERFORM pg_sleep(random() / 20);
				IF random() < 0.2 THEN ROLLBACK; ELSE COMMIT; END IF;
			END LOOP;
		END \$\$" 2>>busy.err || true
	done
}

SUMS="SELECT count(*), md5(string_agg(x::text, ',' ORDER BY x::text)) FROM
    (SELECT 1, tenant_id, id::bigint, v FROM t UNION ALL SELECT 2, tenant_id, n, v FROM moved) x"

# A moment at which nobody commits: "LSN|TIME|SUMS|SUMS of t3".
moment() {
	src "BEGIN; LOCK TABLE t, moved IN EXCLUSIVE MODE;
	SELECT pg_current_wal_insert_lsn(), clock_timestamp(), (SELECT x::text FROM ($SUMS) x),
	    (SELECT x::text FROM ($SUMS WHERE tenant_id = 't3') x); COMMIT"
}

sums() {			# CONNINFO [WHERE]
	pg_sql "$1" <<<"SELECT x::text FROM ($SUMS ${2:-}) x"
}

# is TO WANT OPTION of hr-ship...: a restore has these sums.
is() {
	local to=$1 want=$2

	shift 2
	dst "TRUNCATE t, moved; DROP SCHEMA IF EXISTS hr CASCADE"
	hr-ship --from-archive arch --key-file keys "$@" 2>restore.err | hr-apply -d "$DST" 2>>restore.err ||
	    fail "$*" "$(cat restore.err)"
	[ "$(sums "$DST" "$to")" = "$want" ] || fail "$*: $(sums "$DST" "$to"), not $want"
}

@test "restores to random moments of a busy hour are what the source was" {
	local seed pids=() until left line lsn time all one n=0
	BATS_TEST_TIMEOUT=

	echo "k1 * hex:$(printf 'ab%.0s' {1..32})" >keys
	chmod 600 keys
	{ { hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --checkpoint cp --create-slot --snapshot 2>cap.err &
	    echo $! >cap.pid; wait $!; } |
	    hr-ship --archive arch --checkpoint cp --key-file keys --segment 1MB 2>ship.err; } 3>&- 4>&- &
	pids+=($!)
	wait_for 20 test -s cp
	for seed in 0 1 2; do
		busy $seed 3>&- 4>&- &
		pids+=($!)
	done
	until=$((SECONDS + ${HR_BUSY:-3600}))
	left=${HR_MOMENTS:-40}
	while [ $left -gt 0 ]; do
		sleep "$(((until - SECONDS) * (RANDOM % 150 + 50) / 100 / left))"
		moment >>moments
		left=$((left - 1))
	done
	touch stop
	for pid in "${pids[@]:1}"; do
		wait "$pid"
	done
	# All of it is in the archive.
	lsn=$(src "SELECT pg_current_wal_insert_lsn()")
	src "INSERT INTO t VALUES ('t0', 0, 'last')"
	hr-checkpoint wait cp --lsn "$lsn" --timeout 60
	kill "$(cat cap.pid)"
	wait "${pids[0]}" || true
	hr-ship archive verify arch --key-file keys
	while IFS='|' read -r lsn time all one; do
		[ -n "$lsn" ]
		is "" "$all" --until "$lsn"
		is "" "$all" --until "$time"
		is "WHERE tenant_id = 't3'" "$one" --until "$time" --tenant t3
		n=$((n + 1))
	done < <(sort -R moments)
	[ $n = "${HR_MOMENTS:-40}" ]
}
