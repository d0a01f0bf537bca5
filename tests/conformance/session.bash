# session.bash - transactions that stay open beside others, are streamed while
# they are open, or are prepared; and a third database behind the target.
# shellcheck shell=bash disable=SC2153 # SRC, DST and the rest: pair()

declare -gA SESSION

# session NAME [CONNINFO]: a connection that stays, at the source.
session() {
	local fd

	mkfifo "$1.in"
	PGOPTIONS='-c client_min_messages=warning' psql -XqAt -v ON_ERROR_STOP=1 \
	    -d "${2:-$SRC}" <"$1.in" >"$1.out" 2>&1 3>&- 4>&- &
	echo $! >"$1.pid"
	exec {fd}>"$1.in"
	SESSION[$1]=$fd
}

# in_session NAME SQL: and wait until it is done.
in_session() {
	local n=$((++SAID))

	printf '%s;\n\\echo said %d\n' "$2" $n >&"${SESSION[$1]}"
	wait_for 10 grep -qx "said $n" "$1.out" || fail "$(cat "$1.out")"
}

# The same without waiting, for what has to wait for others.
begin_in_session() {
	printf '%s;\n\\echo said %s\n' "$2" "$1" >&"${SESSION[$1]}"
}

end_in_session() {
	wait_for 10 grep -qx "said $1" "$1.out" || fail "$(cat "$1.out")"
}

# What is larger than 64 kB is sent before its commit.
small_memory() {
	src "ALTER DATABASE ${SLOT#hr_} SET logical_decoding_work_mem = '64kB'"
}

# At least N transactions (1) were.
streamed() {
	local n

	n=$(src "SELECT stream_txns FROM pg_stat_replication_slots WHERE slot_name = '$SLOT'")
	[ "$n" -ge "${1:-1}" ] || fail "streamed: $n transactions of ${1:-1}"
}

# Of N transactions of that size the last M were rolled back before they were
# decoded: a source from 18 on sends nothing of those.
streamed_but() {
	if at_least source 18; then
		equal $(($1 - $2)) "$(src "SELECT stream_txns FROM pg_stat_replication_slots WHERE slot_name = '$SLOT'")"
	else
		streamed "$1"
	fi
}

# Items as in tests/pipe, with a text that adds up, on both sides; and a slot.
items() {
	both "CREATE TABLE items (tenant_id text NOT NULL, id int PRIMARY KEY, n int, t text)"
	both "INSERT INTO items SELECT (ARRAY['acme', 'globex', 'initech'])[i % 3 + 1],
	    i, i, 'row ' || i FROM generate_series(1, 30) i"
	slot
}

# rows TENANT FROM TO: the values of large inserts.
rows() {
	echo "INSERT INTO items SELECT '$1', i, 0, repeat(md5(i::text), 4) FROM generate_series($2, $3) i"
}

# What a query counts at the target.
count() {
	dst "SELECT count(*) FROM $1"
}

dump() {
	record dump.hrs "$@" && hr-transform --dump <dump.hrs >dump
}

# No test may leave one behind: every new slot would wait for it.
forget_prepared() {
	pg_psql "$1" postgres -c "SELECT database || ' ' || quote_literal(gid) FROM pg_prepared_xacts" |
	    while read -r db gid; do
		pg_psql "$1" "$db" -c "ROLLBACK PREPARED $gid" </dev/null
	done
}
