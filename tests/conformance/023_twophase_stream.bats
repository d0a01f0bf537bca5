load ../lib
load ../pipe/pipe
load session

setup() {
	pair
	small_memory
	items
}

teardown() {
	forget_prepared source
	unpair
}

@test "a streamed transaction that is prepared arrives whole, at its commit" {
	src "BEGIN; $(rows acme 1001 2000); $(rows globex 2001 3000); UPDATE items SET n = 1 WHERE id % 2 = 0;
	    DELETE FROM items WHERE id % 3 = 0; PREPARE TRANSACTION '$SLOT'"
	src "INSERT INTO items VALUES ('globex', 101)"
	sync
	streamed
	equal 31 "$(count items)"
	src "UPDATE items SET n = 9 WHERE id = 101"
	sync
	src "COMMIT PREPARED '$SLOT'"
	src "UPDATE items SET n = 8 WHERE id = 1001"
	sync
	same
	equal 1354 "$(count items)"
	equal 0 "$(conflicts)"
}

@test "a streamed transaction that is prepared and rolled back leaves nothing" {
	src "BEGIN; $(rows acme 1001 3000); DELETE FROM items WHERE id < 30; PREPARE TRANSACTION '$SLOT'"
	sync
	streamed
	src "ROLLBACK PREPARED '$SLOT'"
	src "INSERT INTO items VALUES ('acme', 1001, 1, 'taken')"
	sync
	same
	equal 31 "$(count items)"
	equal 0 "$(conflicts)"
}

@test "savepoints of a streamed prepared transaction" {
	src "BEGIN; $(rows acme 1001 1500); SAVEPOINT a; $(rows acme 1501 2500); ROLLBACK TO a;
	    SAVEPOINT b; $(rows globex 1501 2000); RELEASE b; PREPARE TRANSACTION '$SLOT'"
	src "COMMIT PREPARED '$SLOT'"
	sync
	streamed
	same
	equal "acme 500,globex 500" "$(dst "SELECT concat_ws(' ', tenant_id, count(*)) FROM items WHERE id > 1000
	    GROUP BY tenant_id ORDER BY 1" | paste -sd ,)"
	equal 0 "$(conflicts)"
}

@test "a streamed transaction prepared before a crash of the source" {
	src "BEGIN; $(rows acme 1001 2000); PREPARE TRANSACTION '$SLOT a'"
	src "BEGIN; $(rows globex 2001 3000); PREPARE TRANSACTION '$SLOT b'"
	sync
	streamed 2
	pg_restart source immediate
	src "COMMIT PREPARED '$SLOT a'"
	src "ROLLBACK PREPARED '$SLOT b'"
	sync
	same
	equal "1030 acme" "$(dst "SELECT count(*), max(tenant_id) FILTER (WHERE id > 1000) FROM items" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "prepared transactions without any change" {
	src "CREATE UNLOGGED TABLE u (id int PRIMARY KEY)"
	src "BEGIN; SELECT FROM items WHERE id = 1 FOR UPDATE; PREPARE TRANSACTION '$SLOT a'" >/dev/null
	src "BEGIN; CREATE TABLE made (tenant_id text, id int PRIMARY KEY); PREPARE TRANSACTION '$SLOT b'"
	sync
	src "COMMIT PREPARED '$SLOT a'"
	src "ROLLBACK PREPARED '$SLOT b'"
	src "UPDATE items SET n = 9 WHERE id = 1"
	dump
	equal update "$(jq -r 'select(.op).op | select(. != "begin" and . != "commit")' dump | paste -sd ' ')"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a capture killed between prepare and commit of a streamed transaction" {
	"${FROM[@]}" "${TENANCY[@]}" 2>from.err 3>&- > >(exec "${TO[@]}" 2>to.err 3>&-) &
	echo $! >from.pid
	src "BEGIN; $(rows acme 1001 2000); PREPARE TRANSACTION '$SLOT'"
	src "INSERT INTO items VALUES ('globex', 101)"
	wait_for 10 streamed
	kill -KILL "$(cat from.pid)"
	wait "$(cat from.pid)" || true
	src "COMMIT PREPARED '$SLOT'"
	sync
	same
	equal 1031 "$(count items)"
	equal 0 "$(conflicts)"
}
