load ../lib
load ../pipe/pipe
load session

setup() {
	pair
}

teardown() {
	forget_prepared source
	unpair
}

@test "a prepared transaction arrives whole, and at its commit" {
	items
	src "BEGIN; INSERT INTO items VALUES ('acme', 101), ('globex', 102); UPDATE items SET n = -1 WHERE id = 1;
	    PREPARE TRANSACTION '$SLOT'"
	src "INSERT INTO items VALUES ('acme', 103)"
	sync
	equal "31 0" "$(dst "SELECT count(*), count(*) FILTER (WHERE n = -1) FROM items" | tr '|' ' ')"
	src "UPDATE items SET n = 5 WHERE id = 2"
	sync
	src "COMMIT PREPARED '$SLOT'"
	sync
	same
	equal "33 1" "$(dst "SELECT count(*), count(*) FILTER (WHERE n = -1) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a prepared transaction that is rolled back leaves nothing" {
	items
	src "BEGIN; INSERT INTO items VALUES ('acme', 101); DELETE FROM items WHERE id < 10; PREPARE TRANSACTION '$SLOT'"
	src "INSERT INTO items VALUES ('globex', 102)"
	sync
	src "ROLLBACK PREPARED '$SLOT'"
	src "INSERT INTO items VALUES ('acme', 101, 1, 'taken')"
	dump
	equal insert "$(jq -r 'select(.new or .old or .key).op' dump)"
	sync
	same
	equal 32 "$(count items)"
	equal 0 "$(conflicts)"
}

@test "prepared and committed in one run, in the order of the commits" {
	items
	src "BEGIN; UPDATE items SET n = 1 WHERE id = 1; INSERT INTO items VALUES ('acme', 101, 1);
	    PREPARE TRANSACTION '$SLOT a'"
	src "BEGIN; UPDATE items SET n = 2 WHERE id = 2; PREPARE TRANSACTION '$SLOT b'"
	src "UPDATE items SET n = 3 WHERE id = 3"
	src "COMMIT PREPARED '$SLOT b'"
	src "UPDATE items SET n = n * 10 WHERE id = 2"
	src "COMMIT PREPARED '$SLOT a'"
	src "UPDATE items SET n = n * 10 WHERE id IN (1, 101)"
	sync
	same
	equal "10 20 3 10" "$(dst "SELECT string_agg(n::text, ' ' ORDER BY id) FROM items WHERE id IN (1, 2, 3, 101)")"
	equal 0 "$(conflicts)"
}

@test "a prepared transaction with savepoints, new columns and a cursor" {
	items
	dst "ALTER TABLE items ADD c int"
	src "BEGIN; INSERT INTO items VALUES ('acme', 101); SAVEPOINT a; INSERT INTO items VALUES ('acme', 102);
	    ROLLBACK TO a; DECLARE k CURSOR FOR SELECT * FROM items; FETCH 3 FROM k; CLOSE k; ALTER TABLE items ADD c int;
	    SAVEPOINT b; INSERT INTO items VALUES ('globex', 103, 1, 't', 7); RELEASE b; TRUNCATE items;
	    INSERT INTO items VALUES ('globex', 104, 1, 't', 8); PREPARE TRANSACTION '$SLOT'" >/dev/null
	sync
	equal 30 "$(count items)"
	src "COMMIT PREPARED '$SLOT'"
	src "INSERT INTO items VALUES ('acme', 105, 1, 't', 9)"
	sync
	same
	equal "104 8,105 9" "$(dst "SELECT id || ' ' || c FROM items ORDER BY id" | paste -sd ,)"
	equal 0 "$(conflicts)"
}

# prepared_across fast|immediate
prepared_across() {
	items
	src "BEGIN; INSERT INTO items VALUES ('acme', 101), ('globex', 102); PREPARE TRANSACTION '$SLOT a'"
	src "BEGIN; DELETE FROM items WHERE id = 30; PREPARE TRANSACTION '$SLOT b'"
	sync
	src "BEGIN; UPDATE items SET n = 1 WHERE id = 1; PREPARE TRANSACTION '$SLOT c'"
	pg_restart source "$1"
	src "COMMIT PREPARED '$SLOT a'"
	src "ROLLBACK PREPARED '$SLOT b'"
	src "UPDATE items SET n = 2 WHERE id = 2"
	sync
	src "COMMIT PREPARED '$SLOT c'"
	sync
	same
	equal "32 1" "$(dst "SELECT count(*), sum(n) FILTER (WHERE id = 1) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a restart of the source between prepare and commit" {
	prepared_across fast
}

@test "a crash of the source between prepare and commit" {
	prepared_across immediate
}

@test "a crash of the target between prepare and commit" {
	items
	src "BEGIN; INSERT INTO items VALUES ('acme', 101), ('globex', 102); PREPARE TRANSACTION '$SLOT'"
	src "UPDATE items SET n = 2 WHERE id = 2"
	sync
	pg_restart target immediate
	src "COMMIT PREPARED '$SLOT'"
	sync
	same
	equal 32 "$(count items)"
	equal 0 "$(conflicts)"
}

@test "transactions prepared before and while the first copy is made" {
	src "CREATE TABLE items (tenant_id text, id int PRIMARY KEY, n int, t text)"
	dst "CREATE TABLE items (tenant_id text, id int PRIMARY KEY, n int, t text)"
	src "INSERT INTO items SELECT 'acme', i FROM generate_series(1, 10) i"
	src "BEGIN; INSERT INTO items VALUES ('acme', 101); PREPARE TRANSACTION '$SLOT a'"
	src "BEGIN; DELETE FROM items WHERE id = 1; PREPARE TRANSACTION '$SLOT b'"
	# The slot waits for all that is open, and so for these.
	{
		sleep 0.5
		src "COMMIT PREPARED '$SLOT a'"
		src "BEGIN; INSERT INTO items VALUES ('globex', 102); PREPARE TRANSACTION '$SLOT c'"
		src "ROLLBACK PREPARED '$SLOT b'"
		sleep 0.3
		src "COMMIT PREPARED '$SLOT c'"
	} 3>&- &
	sync --create-slot --snapshot
	wait $!
	sync --create-slot --snapshot
	same
	equal 12 "$(count items)"
	equal 0 "$(conflicts)"
}

@test "refused: a slot that was made with two_phase" {
	both "CREATE TABLE items (tenant_id text, id int PRIMARY KEY, n int, t text)"
	src "SELECT FROM pg_create_logical_replication_slot('$SLOT', 'pgoutput', false, true)"
	src "INSERT INTO items VALUES ('acme', 1)"
	src "BEGIN; INSERT INTO items VALUES ('acme', 2); PREPARE TRANSACTION '$SLOT'"
	job
	ended 78 65
	one_error hr-capture "'$SLOT' was made with two_phase; make one without" from.err
	equal 0 "$(count items)"
	src "COMMIT PREPARED '$SLOT'"
	hr-capture --drop-slot -d "$SRC" -S "$SLOT"
	sync --create-slot --snapshot
	same
	equal 2 "$(count items)"
}
