load ../lib
load ../pipe/pipe
load session

setup() {
	pair
	small_memory
	items
}

teardown() {
	unpair
}

@test "large savepoints of a streamed transaction, among small ones" {
	session big
	in_session big "BEGIN; $(rows acme 1001 1300)"
	src "UPDATE items SET n = n + 1 WHERE id < 5"
	in_session big "SAVEPOINT a; $(rows acme 1301 2000); UPDATE items SET n = n + 1 WHERE id > 1000"
	src "INSERT INTO items VALUES ('globex', 101)"
	in_session big "SAVEPOINT b; $(rows globex 2001 3000); DELETE FROM items WHERE id > 1000 AND id % 3 = 0"
	in_session big "RELEASE a; SAVEPOINT c; UPDATE items SET n = n * 10 WHERE id > 1000; COMMIT"
	sync
	streamed
	same
	equal "10 667,0 666" "$(dst "SELECT concat_ws(' ', n, count(*)) FROM items
	    WHERE id > 1000 GROUP BY n ORDER BY n DESC" | paste -sd ,)"
	equal 0 "$(conflicts)"
}

@test "hundreds of subtransactions in a streamed transaction" {
	src "DO \$\$ BEGIN
	    FOR i IN 1001..1300 LOOP
		BEGIN
		    INSERT INTO items SELECT (ARRAY['acme', 'globex'])[i % 2 + 1], i * 10 + j, i, repeat('s', 100)
			FROM generate_series(0, 3) j;
		    IF i % 3 = 0 THEN RAISE EXCEPTION 'no'; END IF;
		    UPDATE items SET n = -1 WHERE id = i * 10;
		EXCEPTION WHEN raise_exception THEN
		    UPDATE items SET n = n + 1 WHERE id = 1;
		END;
	    END LOOP;
	    UPDATE items SET t = 'end' WHERE id = 2; END \$\$"
	sync
	streamed
	same
	equal "800 101" "$(dst "SELECT (SELECT count(*) FROM items WHERE id > 1000), n FROM items WHERE id = 1" | tr '|' ' ')"
	equal 0 "$(conflicts)"
}

@test "a streamed transaction that writes in subtransactions only" {
	src "BEGIN; SAVEPOINT a; SAVEPOINT b; $(rows acme 1001 2000); RELEASE b;
	    SAVEPOINT c; $(rows globex 2001 3000); RELEASE c; RELEASE a; COMMIT"
	src "UPDATE items SET n = 5 WHERE id = 1001"
	sync
	streamed
	same
	equal 2000 "$(count "items WHERE id > 1000")"
	equal 0 "$(conflicts)"
}

@test "a savepoint that changes what the transaction before it wrote" {
	src "BEGIN; $(rows acme 1001 2000); SAVEPOINT a; UPDATE items SET n = 1, id = id + 5000 WHERE id > 1000;
	    SAVEPOINT b; DELETE FROM items WHERE id > 6500; SAVEPOINT c;
	    UPDATE items SET tenant_id = 'globex' WHERE id > 6250; RELEASE b; $(rows initech 1001 1100); COMMIT"
	sync
	streamed
	same
	equal "acme 250,globex 250,initech 100" "$(dst "SELECT concat_ws(' ', tenant_id, count(*)) FROM items
	    WHERE id > 1000 GROUP BY tenant_id ORDER BY 1" | paste -sd ,)"
	equal 0 "$(conflicts)"
}
