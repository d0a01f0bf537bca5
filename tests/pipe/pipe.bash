# pipe.bash - a source and a target database for each test, and the pipeline
# between them.  After pair(): $SRC and $DST (connection strings), $SLOT, and
# $F, the checkpoint file; the work directory is the test's own.
# shellcheck shell=bash

# shellcheck source=tests/pg.bash disable=SC2153 # ROOT: lib.bash
. "$ROOT/tests/pg.bash"
# shellcheck source=tests/pipe/same.bash
. "$ROOT/tests/pipe/same.bash"

pair() {
	local db=t${BATS_SUITE_TEST_NUMBER:-0}

	cd "$BATS_TEST_TMPDIR" || return
	SRC=$(pg_conninfo source "$db")
	DST=$(pg_conninfo target "$db")
	SLOT=hr_$db
	F=$BATS_TEST_TMPDIR/checkpoint
	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P hr --checkpoint "$F")
	TENANCY=(--tenant-column tenant_id)
	CAPTURE=()
	TO=(hr-apply -d "$DST" --checkpoint "$F")
	APPLY=()
	export SRC DST SLOT F
	new_database source "$db" "${1:-}" &
	new_database target "$db"
	wait $!
	src "CREATE PUBLICATION hr FOR ALL TABLES"
}

new_database() {
	pg_psql "$1" postgres <<-SQL
	DROP DATABASE IF EXISTS $2 WITH (FORCE);
	CREATE DATABASE $2 ${3:-};
	SQL
}

# Slots are the cluster's, and hold its WAL: none outlives its test.  Programs
# left in the background have written their process ids to *.pid.
unpair() {
	local file

	for file in "$BATS_TEST_TMPDIR"/*.pid; do
		! ours "$file" || kill -KILL "$(cat "$file")" 2>/dev/null || true
	done
	drop_slots source
	drop_slots target
}

# ours FILE: the process whose id is there runs, and not another that has got the
# same id by now: it would be in another directory.
ours() {
	[ -s "$1" ] && [ "/proc/$(cat "$1")/cwd" -ef "$BATS_TEST_TMPDIR" ]
}

drop_slots() {
	pg_psql "$1" postgres <<-'SQL' >/dev/null
	SELECT pg_terminate_backend(active_pid, 5000)
	FROM pg_replication_slots WHERE active_pid IS NOT NULL;
	SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots;
	SQL
}

# SQL at the source, the target or both, each statement its own transaction.
src() {
	pg_sql "$SRC" <<<"$1"
}

dst() {
	pg_sql "$DST" <<<"$1"
}

both() {
	src "$1" && dst "$1"
}

slot() {
	src "SELECT FROM pg_create_logical_replication_slot('${1:-$SLOT}', 'pgoutput')"
}

# at_least CLUSTER VERSION: for what a test expects of one version or another.
at_least() {
	[ "$(pg_version "$1")" -ge "$2" ]
}

# The slot's confirmed position, and the current one.
confirmed() {
	src "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '$SLOT'"
}

now() {
	src "SELECT pg_current_wal_flush_lsn()"
}

# The pipeline's file: source and target, and what stdin says.
config() {
	cat >config.yaml <<-YAML
	name: t
	source: {dbname: "$SRC", slot: $SLOT, publication: hr}
	target: {dbname: "$DST"}
	YAML
	cat >>config.yaml
	TENANCY=(--config config.yaml)
}

# A complete job: FROM and TENANCY, CAPTURE and arguments, then TO and APPLY.
# Sets from and to, the statuses; what was said is in from.err and to.err.
job() {
	{
		from=0
		"${FROM[@]}" "${TENANCY[@]}" --endpos now "${CAPTURE[@]}" "$@" \
		    2>from.err || from=$?
		echo $from >from.status
	} | {
		to=0
		"${TO[@]}" "${APPLY[@]}" 2>to.err || to=$?
		echo $to >to.status
	}
	from=$(cat from.status)
	to=$(cat to.status)
}

# ended FROM TO: the statuses of the job, or what was said.
ended() {
	[ "$from/$to" = "$1/$2" ] ||
	    fail "capture $from, apply $to; expected $1 and $2" "$(cat from.err to.err)"
}

# The usual: a job that has to succeed.
sync() {
	job "$@"
	ended 0 0
}

# record FILE [CAPTURE ARG]...: the stream up to now, the slot left alone.
record() {
	local file=$1

	shift
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --endpos now \
	    "${CAPTURE[@]}" "$@" >"$file"
}

# equal EXPECTED GOT [MORE...], all shown when they are not.
equal() {
	[ "$1" = "$2" ] || fail "expected: $1" "     got: $2" "${@:3}"
}

# The tenants parked at the target, as TENANT|REASON.
parked() {
	dst "SELECT tenant, reason FROM hr.tenant WHERE state = 'parked' ORDER BY 1"
}

conflicts() {
	dst "SELECT count(*) FROM hr.conflict"
}
