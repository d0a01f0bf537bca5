load ../lib
load ../pipe/pipe
load session

# A is the source, B the target, and there are rows and slots at both.
setup() {
	pair
	dst "CREATE PUBLICATION hr FOR ALL TABLES"
	items
	dst "SELECT FROM pg_create_logical_replication_slot('${SLOT}b', 'pgoutput')"
}

teardown() {
	unpair
}

# back [CAPTURE ARG]...: one run of B to A.
back() {
	local SRC=$DST DST=$SRC SLOT=${SLOT}b F=${F}b FROM TO

	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P hr --checkpoint "$F")
	TO=(hr-apply -d "$DST" --checkpoint "$F")
	sync "$@"
}

# What B has in its slot: the operations of its rows.
dump_back() {
	hr-capture -d "$DST" -S "${SLOT}b" -P hr "${TENANCY[@]}" --endpos now "$@" | hr-transform --dump >dump
	jq -r 'select(.new or .old or .key or .tables).op' dump | paste -sd ' '
}

# Where the rows of A were written, to see whether they were written again.
versions() {
	src "SELECT md5(string_agg(xmin::text || ctid::text, ' ' ORDER BY id)) FROM items WHERE ${1:-true}"
}

# A transaction as another replication tool would leave it.
by_replication() {
	src "SELECT FROM pg_replication_origin_create('elsewhere_$SLOT');
	    SELECT FROM pg_replication_origin_session_setup('elsewhere_$SLOT');
	    BEGIN; SELECT FROM pg_replication_origin_xact_setup('0/1234', '2024-01-01'); $1; COMMIT;
	    SELECT FROM pg_replication_origin_session_reset()"
	src "SELECT FROM pg_replication_origin_drop('elsewhere_$SLOT')"
}

@test "what arrived by replication names its origin in the stream" {
	src "INSERT INTO items VALUES ('acme', 101)"
	sync
	dst "INSERT INTO items VALUES ('globex', 201)"
	equal "insert insert" "$(dump_back)"
	equal "hr_${SLOT}_0" "$(jq -r 'select(.op == "origin").origin' dump)"
	equal "acme" "$(jq -r 'select(.op == "origin").tenant' dump)"
}

@test "what arrived by replication goes on to a third database" {
	local C
	C=$(pg_conninfo source "${SLOT#hr_}c")
	new_database source "${SLOT#hr_}c"
	pg_sql "$C" -c "CREATE TABLE items (tenant_id text NOT NULL, id int PRIMARY KEY, n int, t text)"
	src "INSERT INTO items VALUES ('acme', 101)"
	src "UPDATE items SET n = 7 WHERE id > 100"
	sync
	dst "INSERT INTO items VALUES ('globex', 201)"
	hr-capture -d "$DST" -S "${SLOT}b" -P hr "${TENANCY[@]}" --endpos now | hr-apply -d "$C"
	equal "101 7,201" "$(pg_sql "$C" -c "SELECT concat_ws(' ', id, n) FROM items ORDER BY id" | paste -sd ,)"
	equal 0 "$(pg_sql "$C" -c "SELECT count(*) FROM hr.conflict")"
}

@test "with --origin none what arrived by replication is not sent back" {
	local before
	src "INSERT INTO items VALUES ('acme', 101), ('globex', 102); UPDATE items SET n = 7 WHERE id < 5"
	sync
	before=$(versions "id <> 10")
	dst "UPDATE items SET t = 'of B' WHERE id = 10"
	equal update "$(dump_back --origin none)"
	back --origin none
	same
	equal "1 of B" "$(src "SELECT count(*), max(t) FROM items WHERE t = 'of B'" | tr '|' ' ')"
	equal "$before" "$(versions "id <> 10")"
	equal 0 "$(conflicts)"
}

@test "with --origin none nothing goes round between two databases" {
	local before i
	for i in 1 2 3; do
		src "INSERT INTO items VALUES ('acme', 100 + $i, $i, 'of A'); DELETE FROM items WHERE id = $i"
		dst "INSERT INTO items VALUES ('globex', 200 + $i, $i, 'of B'); UPDATE items SET n = -$i WHERE id = 20 + $i"
		sync --origin none
		back --origin none
	done
	same
	equal "3 3" "$(src "SELECT count(*) FILTER (WHERE t = 'of A'), count(*) FILTER (WHERE t = 'of B') FROM items" | tr '|' ' ')"
	before=$(versions)
	sync --origin none
	back --origin none
	equal "$before" "$(versions)"
	equal "0 0" "$(conflicts) $(src "SELECT count(*) FROM hr.conflict")"
}

@test "with --origin none two running pipelines come to rest" {
	local before
	"${FROM[@]}" "${TENANCY[@]}" --origin none 2>from.err 3>&- > >(exec "${TO[@]}" 2>to.err 3>&-) &
	echo $! >from.pid
	hr-capture -d "$DST" -S "${SLOT}b" -P hr "${TENANCY[@]}" --origin none --checkpoint "${F}b" 2>back.err 3>&- \
	    > >(exec hr-apply -d "$SRC" --checkpoint "${F}b" 2>to_back.err 3>&-) &
	echo $! >back.pid
	src "UPDATE items SET t = 'of A' WHERE tenant_id = 'acme'"
	dst "UPDATE items SET t = 'of B' WHERE tenant_id = 'globex'"
	wait_for 5 same
	before=$(versions)
	src "DELETE FROM items WHERE id = 1"
	src "INSERT INTO items VALUES ('globex', 1, 1, 'again')"
	wait_for 5 same
	[ "$before" != "$(versions)" ]
	before=$(versions)
	sleep 0.5
	equal "$before" "$(versions)"
	kill "$(cat from.pid)" "$(cat back.pid)"
	wait "$(cat from.pid)" "$(cat back.pid)"
	equal "0 0" "$(conflicts) $(src "SELECT count(*) FROM hr.conflict")"
}

@test "with --origin none a streamed transaction is not sent back" {
	small_memory
	dst "ALTER DATABASE ${SLOT#hr_} SET logical_decoding_work_mem = '64kB'"
	src "BEGIN; $(rows acme 1001 2000); SAVEPOINT a; $(rows globex 2001 3000); ROLLBACK TO a; COMMIT"
	sync
	dst "BEGIN; $(rows globex 3001 4000); COMMIT"
	dump_back --origin none >/dev/null
	equal "1000 globex" "$(jq -r 'select(.op == "insert").tenant' dump | sort | uniq -c | xargs)"
	back --origin none
	same
	equal 2030 "$(count items)"
	equal 0 "$(conflicts)"
}

@test "with --origin none what another tool replicated is left out" {
	by_replication "INSERT INTO items VALUES ('acme', 101, 1, 'elsewhere'); TRUNCATE items;
	    SELECT FROM pg_logical_emit_message(true, 'test', 'theirs')"
	src "INSERT INTO items VALUES ('acme', 102, 1, 'here'); SELECT FROM pg_logical_emit_message(true, 'test', 'ours')"
	dump --origin none
	equal "102 ours" "$(jq -r 'select(.op == "insert").new.id, select(.op == "message").content' dump | paste -sd ' ')"
	sync --origin none
	# The truncate was theirs too.
	equal "31 here" "$(dst "SELECT count(*), max(t) FILTER (WHERE id > 100) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "--origin any, which is the default, sends all" {
	by_replication "INSERT INTO items VALUES ('acme', 101, 1, 'elsewhere')"
	src "INSERT INTO items VALUES ('acme', 102, 1, 'here')"
	record default.hrs
	record any.hrs --origin any
	equal "$(hr-transform --dump <default.hrs | jq -c 'select(.op)')" "$(hr-transform --dump <any.hrs | jq -c 'select(.op)')"
	sync --origin any
	same
	equal 32 "$(count items)"
	equal 0 "$(conflicts)"
}

@test "another --origin than none and any is misuse" {
	run -64 --separate-stderr hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --origin some
	one_error hr-capture "'some'"
	[ -z "$output" ]
}
