load ../lib
load ../pipe/pipe
load session

# A is the source, B the target, C a third database beside A.
setup() {
	pair
	C=$(pg_conninfo source "${SLOT#hr_}c")
	new_database source "${SLOT#hr_}c"
	dst "CREATE PUBLICATION hr FOR ALL TABLES"
	on_c "CREATE TABLE items (tenant_id text NOT NULL, id int PRIMARY KEY, n int, t text)"
	on_c "INSERT INTO items SELECT (ARRAY['acme', 'globex', 'initech'])[i % 3 + 1],
	    i, i, 'row ' || i FROM generate_series(1, 30) i"
	items
	dst "SELECT FROM pg_create_logical_replication_slot('${SLOT}b', 'pgoutput')"
}

teardown() {
	forget_prepared source
	forget_prepared target
	unpair
}

on_c() {
	pg_sql "$C" <<<"$1"
}

# One run of A to B, and one of B to C.
chain() {
	local SRC=$SRC DST=$DST SLOT=$SLOT FROM=("${FROM[@]}") TO=("${TO[@]}") F=$F

	sync "$@"
	SRC=$DST
	DST=$C
	SLOT=${SLOT}b
	F=${F}b
	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P hr --checkpoint "$F")
	TO=(hr-apply -d "$DST" --checkpoint "$F")
	sync "$@"
}

# All three are equal, and nobody noticed anything.
all_same() {
	same
	SRC=$DST DST=$C same
	equal "0 0" "$(conflicts) $(on_c "SELECT count(*) FROM hr.conflict")"
}

@test "a prepared transaction passes through a chain at its commit" {
	src "BEGIN; INSERT INTO items VALUES ('acme', 101), ('globex', 102); UPDATE items SET n = -1 WHERE id < 5;
	    PREPARE TRANSACTION '$SLOT'"
	src "INSERT INTO items VALUES ('acme', 103)"
	chain
	equal 31 "$(on_c "SELECT count(*) FROM items")"
	src "COMMIT PREPARED '$SLOT'; DELETE FROM items WHERE id = 30"
	chain
	all_same
	equal "32 4" "$(on_c "SELECT count(*), count(*) FILTER (WHERE n = -1) FROM items" | tr '|' ' ')"
}

@test "a prepared transaction that is rolled back leaves nothing in a chain" {
	src "BEGIN; INSERT INTO items VALUES ('acme', 101); SAVEPOINT a; DELETE FROM items; ROLLBACK TO a;
	    PREPARE TRANSACTION '$SLOT a'"
	src "BEGIN; DELETE FROM items WHERE id = 1; SAVEPOINT a; DELETE FROM items WHERE id = 2; ROLLBACK TO a;
	    PREPARE TRANSACTION '$SLOT b'"
	chain
	src "ROLLBACK PREPARED '$SLOT a'"
	src "COMMIT PREPARED '$SLOT b'"
	chain
	all_same
	equal 29 "$(on_c "SELECT count(*) FROM items")"
}

@test "a streamed prepared transaction passes through a chain" {
	small_memory
	dst "ALTER DATABASE ${SLOT#hr_} SET logical_decoding_work_mem = '64kB'"
	src "BEGIN; $(rows acme 1001 2000); SAVEPOINT a; $(rows globex 2001 3000); ROLLBACK TO a;
	    $(rows globex 2001 2500); UPDATE items SET n = 1 WHERE id % 2 = 0; PREPARE TRANSACTION '$SLOT'"
	src "UPDATE items SET n = 2 WHERE id = 1"
	chain
	equal 30 "$(on_c "SELECT count(*) FROM items")"
	src "COMMIT PREPARED '$SLOT'"
	chain
	streamed
	all_same
	equal 1530 "$(on_c "SELECT count(*) FROM items")"
	equal t "$(dst "SELECT stream_txns > 0 FROM pg_stat_replication_slots WHERE slot_name = '${SLOT}b'")"
}

@test "a chain of which the middle crashes between prepare and commit" {
	src "BEGIN; INSERT INTO items VALUES ('acme', 101), ('globex', 102); PREPARE TRANSACTION '$SLOT'"
	src "UPDATE items SET n = 2 WHERE id = 2"
	chain
	pg_restart target immediate
	src "COMMIT PREPARED '$SLOT'"
	chain
	all_same
	equal 32 "$(on_c "SELECT count(*) FROM items")"
}

@test "prepared at the middle of a chain, beside what passes through it" {
	src "INSERT INTO items VALUES ('acme', 101)"
	dst "BEGIN; INSERT INTO items VALUES ('globex', 201); PREPARE TRANSACTION '$SLOT'"
	chain
	src "UPDATE items SET n = 7 WHERE id = 101"
	dst "COMMIT PREPARED '$SLOT'"
	chain
	# Verify says that the middle has a row of its own.
	same_dump "id <> 201"
	SRC=$DST DST=$C same
	equal "101 7,201" "$(on_c "SELECT concat_ws(' ', id, n) FROM items WHERE id > 30 ORDER BY id" | paste -sd ,)"
	equal "0 0" "$(conflicts) $(on_c "SELECT count(*) FROM hr.conflict")"
}
