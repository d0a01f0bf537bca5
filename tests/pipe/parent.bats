# Tables whose rows reach their tenant through a foreign key.

load ../lib
load pipe

setup() {
	pair
}

teardown() {
	unpair
	[ -z "${OTHER:-}" ] || pg_psql target postgres -c "DROP DATABASE IF EXISTS ${SLOT#hr_}x WITH (FORCE)"
}

# Orders of tenants, items of orders, notes of items; and a table that says
# nothing of the foreign key when a row goes.
tables() {
	both "CREATE TABLE orders (id int PRIMARY KEY, tenant_id text NOT NULL, n int);
	    CREATE TABLE items (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders ON DELETE CASCADE, t text);
	    CREATE TABLE notes (id int PRIMARY KEY, item_id int NOT NULL REFERENCES items ON DELETE CASCADE, t text);
	    CREATE TABLE lines (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders ON DELETE CASCADE, t text);
	    CREATE INDEX ON items (order_id); CREATE INDEX ON notes (item_id); CREATE INDEX ON lines (order_id);
	    ALTER TABLE orders REPLICA IDENTITY FULL; ALTER TABLE items REPLICA IDENTITY FULL;
	    ALTER TABLE notes REPLICA IDENTITY FULL"
	config <<-YAML
	tenancy: {column: tenant_id}
	tables:
	  public.items: {tenancy: parent}
	  public.notes: {tenancy: parent, column: item_id}
	  public.lines: {tenancy: parent}
	YAML
}

# Orders 1 to 12 of three tenants, with two items, four notes, two lines each.
rows() {
	src "INSERT INTO orders SELECT i, (ARRAY['acme', 'globex', 'initech'])[i % 3 + 1], i FROM generate_series(1, 12) i;
	    INSERT INTO items SELECT i, (i + 1) / 2, 'item ' || i FROM generate_series(1, 24) i;
	    INSERT INTO notes SELECT i, (i + 1) / 2, 'note ' || i FROM generate_series(1, 48) i;
	    INSERT INTO lines SELECT i, (i + 1) / 2, 'line ' || i FROM generate_series(1, 24) i"
}

# A second target, with the tables of the first, for another tenant.
other() {
	OTHER=$(pg_conninfo target "${SLOT#hr_}x")
	pg_psql target postgres -c "CREATE DATABASE ${SLOT#hr_}x TEMPLATE ${SLOT#hr_}"
}

# The rows of one tenant, as a database has them, in short.
of() {
	pg_sql "$1" <<-SQL
	SELECT 'o', o.id, o.tenant_id || o.n FROM orders o WHERE tenant_id = '$2'
	UNION ALL SELECT 'i', i.id, i.t || i.order_id FROM items i JOIN orders o ON o.id = order_id WHERE tenant_id = '$2'
	UNION ALL SELECT 'n', n.id, n.t || n.item_id FROM notes n JOIN items i ON i.id = item_id
	    JOIN orders o ON o.id = order_id WHERE tenant_id = '$2'
	UNION ALL SELECT 'l', l.id, l.t || l.order_id FROM lines l JOIN orders o ON o.id = order_id WHERE tenant_id = '$2'
	ORDER BY 1, 2
	SQL
}

# A database has just what is this tenant's at the source.
just() {
	equal "$(of "$SRC" "$2")" "$(of "$1" "$2")" &&
	    equal "$(of "$SRC" "$2" | wc -l)" "$(pg_sql "$1" <<<"SELECT (SELECT count(*) FROM orders)
	    + (SELECT count(*) FROM items) + (SELECT count(*) FROM notes) + (SELECT count(*) FROM lines)")" "$2" &&
	    DST=$1 verified "" "tenant_id = '$2'"
}

# Two tenants, each in a database of its own, from one recorded stream.
apart() {
	record stream.hrs "$@"
	hr-apply -d "$DST" --tenant acme <stream.hrs
	hr-apply -d "$OTHER" --tenant globex <stream.hrs
}

@test "rows arrive by their parents', over one foreign key and over two" {
	tables
	slot
	rows
	src "UPDATE notes SET t = t || '!' WHERE id < 9; DELETE FROM items WHERE id = 3; DELETE FROM lines WHERE id IN (7, 8);
	    DELETE FROM orders WHERE id = 6"
	sync --tenant acme
	just "$DST" acme
	src "UPDATE lines SET t = 'x' WHERE id > 20; INSERT INTO notes SELECT i, 24, 'late' FROM generate_series(100, 110) i"
	sync --tenant acme
	just "$DST" acme
	equal 0 "$(conflicts)"
}

@test "a first copy brings a tenant's rows, and no others" {
	tables
	rows
	sync --create-slot --snapshot --tenant globex
	just "$DST" globex
	src "INSERT INTO notes SELECT i, i - 100, 'late' FROM generate_series(101, 124) i; UPDATE lines SET t = t || '.'"
	sync --tenant globex
	just "$DST" globex
	equal 0 "$(conflicts)"
}

@test "a parent that moves takes what is under it along" {
	tables
	other
	slot
	rows
	apart
	just "$DST" acme
	just "$OTHER" globex
	src "UPDATE orders SET tenant_id = 'globex' WHERE id IN (3, 6); UPDATE orders SET tenant_id = 'acme' WHERE id = 1;
	    UPDATE orders SET tenant_id = 'initech' WHERE id = 9; UPDATE orders SET tenant_id = 'acme' WHERE id = 2"
	apart
	just "$DST" acme
	just "$OTHER" globex
	equal 0 "$(conflicts)"
}

@test "what is done to rows after they moved is not lost, doubled or set back" {
	tables
	other
	slot
	rows
	apart
	src "BEGIN; UPDATE items SET t = 'before' WHERE order_id = 3; INSERT INTO items VALUES (300, 3, 'before');
	    UPDATE orders SET tenant_id = 'globex' WHERE id = 3;
	    UPDATE items SET t = t || ' after' WHERE id = 300; INSERT INTO notes VALUES (300, 300, 'after');
	    DELETE FROM notes WHERE id = 9; COMMIT"
	src "INSERT INTO items VALUES (301, 3, 'later'); INSERT INTO notes VALUES (301, 301, 'later'), (302, 5, 'later');
	    UPDATE items SET t = 'changed' WHERE id = 5; DELETE FROM items WHERE id = 6;
	    UPDATE items SET order_id = 6 WHERE id = 300; UPDATE items SET order_id = 3 WHERE id = 11;
	    UPDATE items SET id = 500 WHERE id = 301; INSERT INTO lines VALUES (300, 3, 'later'); DELETE FROM lines WHERE id = 5;
	    UPDATE orders SET tenant_id = 'acme' WHERE id = 3; UPDATE orders SET tenant_id = 'globex' WHERE id = 3;
	    DELETE FROM orders WHERE id = 6; INSERT INTO items VALUES (303, 3, 'last')" || true
	apart
	just "$DST" acme
	just "$OTHER" globex
	equal 0 "$(conflicts)"
	equal 0 "$(pg_sql "$OTHER" <<<"SELECT count(*) FROM hr.conflict")"
}

@test "a row that gets another parent goes to that one's tenant, with what is under it" {
	tables
	other
	slot
	rows
	apart
	src "UPDATE items SET order_id = 1 WHERE id = 5; UPDATE items SET order_id = 3 WHERE id = 2;
	    UPDATE notes SET item_id = 2 WHERE id = 40; UPDATE items SET order_id = 2 WHERE id = 12"
	apart
	just "$DST" acme
	just "$OTHER" globex
	equal 0 "$(conflicts)"
}

@test "rows of two tenants in one target, over several connections" {
	tables
	slot
	rows
	APPLY=(-j 3)
	sync
	same
	src "UPDATE orders SET tenant_id = 'initech' WHERE id % 3 = 0; UPDATE items SET t = 'x' WHERE id % 2 = 0;
	    DELETE FROM orders WHERE id = 4; UPDATE items SET order_id = 12 WHERE id < 5"
	sync
	same
	equal 0 "$(conflicts)"
}

# Twenty changes of all kinds, some of them in one transaction, by a seed.
at_random() {
	src "SELECT setseed($1)" >/dev/null
	pg_sql "$SRC" <<-SQL
	CREATE OR REPLACE PROCEDURE change() LANGUAGE plpgsql AS \$\$
	DECLARE k int := floor(random() * 12); o int; p int; i int; new int;
	BEGIN
	    SELECT id INTO o FROM orders ORDER BY random() LIMIT 1;
	    SELECT id INTO p FROM orders ORDER BY random() LIMIT 1;
	    SELECT id INTO i FROM items ORDER BY random() LIMIT 1;
	    new := (SELECT coalesce(max(id), 0) + 1 FROM (SELECT id FROM orders UNION ALL SELECT id FROM items
	        UNION ALL SELECT id FROM notes UNION ALL SELECT id FROM lines) x);
	    CASE
	    WHEN k = 0 THEN INSERT INTO orders VALUES (new, (ARRAY['acme', 'globex', 'initech'])[1 + floor(random() * 3)], new);
	    WHEN k = 1 THEN INSERT INTO items VALUES (new, o, repeat('x', (random() * 5000)::int));
	    WHEN k = 2 THEN INSERT INTO notes SELECT new, i, 'n' WHERE i IS NOT NULL;
	    WHEN k = 3 THEN INSERT INTO lines VALUES (new, o, 'l');
	    WHEN k IN (4, 5) THEN UPDATE orders SET tenant_id = (ARRAY['acme', 'globex', 'initech'])[1 + floor(random() * 3)], n = new WHERE id IN (o, p);
	    WHEN k = 6 THEN UPDATE items SET order_id = p WHERE id = i;
	    WHEN k = 7 THEN UPDATE items SET t = left(t, 100) || new WHERE order_id IN (o, p);
	    WHEN k = 8 THEN UPDATE notes SET t = 'n' || new, item_id = i WHERE item_id IN (SELECT id FROM items WHERE order_id = o);
	    WHEN k = 9 THEN UPDATE lines SET t = 'l' || new WHERE order_id = p;
	    WHEN k = 10 AND (SELECT count(*) FROM orders) > 6 THEN DELETE FROM orders WHERE id = o;
	    ELSE DELETE FROM items WHERE id = i AND random() < 0.5; DELETE FROM lines WHERE order_id = o AND random() < 0.3;
	    END CASE;
	END \$\$;
	SELECT setseed($1);
	DO \$\$ BEGIN FOR n IN 1..20 LOOP CALL change(); IF random() < 0.6 THEN COMMIT; END IF; END LOOP; END \$\$;
	SQL
}

@test "changes of all kinds, whoever has the rows" {
	local round

	tables
	other
	slot
	rows
	for round in 1 2 3 4; do
		at_random "0.$round"
		if [ $((round % 3)) = 0 ]; then
			src "ALTER TABLE lines REPLICA IDENTITY $([ $((round % 2)) = 0 ] && echo DEFAULT || echo FULL)"
		fi
		apart
		just "$DST" acme
		just "$OTHER" globex
	done
}

@test "changes of all kinds in one target, over several connections" {
	local round

	tables
	slot
	rows
	APPLY=(-j 3)
	for round in 1 2 3 4; do
		at_random "0.5$round"
		sync
		same
	done
}

@test "a running pipeline keeps moving rows whole, killed again and again" {
	local i flow

	tables
	rows
	APPLY=(-j 2)
	sync --create-slot --snapshot
	for i in 1 2 3 4 5 6; do
		rm -f from.pid to.pid
		{ "${FROM[@]}" "${TENANCY[@]}" 2>from.err & echo $! >from.pid; wait; } |
		    { "${TO[@]}" "${APPLY[@]}" 2>to.err & echo $! >to.pid; wait; } &
		flow=$!
		wait_for 10 [ -s to.pid ]
		at_random "0.9$i"
		kill -KILL "$(cat $([ $((i % 2)) = 0 ] && echo from.pid || echo to.pid))" || true
		at_random "0.7$i"
		wait "$flow" || true
	done
	sync
	same
}

@test "a tenant's truncate takes the rows that it finds by their parents" {
	tables
	slot
	rows
	sync
	src "TRUNCATE orders CASCADE; INSERT INTO orders VALUES (50, 'acme', 1); INSERT INTO items VALUES (50, 50, 'x')"
	sync
	same
	rows
	sync
	src "TRUNCATE notes, lines"
	sync --tenant acme
	equal "$(of "$SRC" acme)" "$(of "$DST" acme)"
	equal 16 "$(dst "SELECT count(*) FROM notes n JOIN items i ON i.id = item_id JOIN orders o ON o.id = order_id WHERE tenant_id = 'initech'")"
	src "TRUNCATE orders CASCADE"
	sync --tenant acme
	equal "0 0" "$(dst "SELECT count(*) FILTER (WHERE tenant_id = 'acme'), (SELECT count(*) FROM items JOIN orders o ON o.id = order_id
	    WHERE tenant_id = 'acme') FROM orders" | tr '|' ' ')"
	equal 8 "$(dst "SELECT count(*) FROM orders")"
}

@test "rows without a key under a parent that moves are there once" {
	tables
	both "CREATE TABLE log (order_id int NOT NULL REFERENCES orders ON DELETE CASCADE, t text);
	    ALTER TABLE log REPLICA IDENTITY FULL"
	echo "  public.log: {tenancy: parent}" >>config.yaml
	other
	slot
	rows
	src "INSERT INTO log SELECT i % 12 + 1, 'x' FROM generate_series(1, 36) i"
	apart
	src "UPDATE orders SET tenant_id = 'globex' WHERE id = 3; INSERT INTO log VALUES (3, 'x'), (3, 'y'); DELETE FROM log WHERE order_id = 3 AND t = 'y';
	    UPDATE log SET t = 'z' WHERE ctid IN (SELECT ctid FROM log WHERE order_id = 3 LIMIT 1);
	    UPDATE log SET order_id = 6 WHERE t = 'z'; INSERT INTO log VALUES (3, 'w')"
	apart
	equal "$(src "SELECT order_id, t FROM log JOIN orders o ON o.id = order_id WHERE tenant_id = 'globex' ORDER BY 1, 2")" \
	    "$(pg_sql "$OTHER" <<<"SELECT order_id, t FROM log ORDER BY 1, 2")"
	equal "$(src "SELECT order_id, t FROM log JOIN orders o ON o.id = order_id WHERE tenant_id = 'acme' ORDER BY 1, 2")" \
	    "$(dst "SELECT order_id, t FROM log ORDER BY 1, 2")"
}

@test "a foreign key that is NULL is nobody's tenant, as the file says" {
	tables
	both "ALTER TABLE lines ALTER order_id DROP NOT NULL"
	slot
	rows
	src "INSERT INTO lines VALUES (900, NULL, 'nobody')"
	job
	[ "$from" = 78 ]
	one_error hr-capture "a row of 'public.lines' has no tenant: 'order_id' is NULL; set null_tenant" from.err
	sed -i 's/tenancy: {column: tenant_id}/tenancy: {column: tenant_id, null_tenant: none}/' config.yaml
	sync
	same_rows lines "order_id IS NOT NULL"
	equal 0 "$(dst "SELECT count(*) FROM lines WHERE order_id IS NULL")"
}

@test "a foreign key of several columns, and partitions on the way" {
	both "CREATE TABLE orders (region int, id int, tenant_id text, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
	    CREATE TABLE orders_1 PARTITION OF orders FOR VALUES IN (1); CREATE TABLE orders_2 PARTITION OF orders FOR VALUES IN (2);
	    ALTER TABLE orders_1 REPLICA IDENTITY FULL; ALTER TABLE orders_2 REPLICA IDENTITY FULL;
	    CREATE TABLE items (id int PRIMARY KEY, region int, order_id int, FOREIGN KEY (region, order_id) REFERENCES orders)"
	config <<-YAML
	tenancy: {column: tenant_id}
	tables:
	  public.items: {tenancy: parent, column: order_id}
	YAML
	slot
	src "INSERT INTO orders SELECT i % 2 + 1, i, CASE WHEN i < 6 THEN 'acme' ELSE 'globex' END FROM generate_series(1, 10) i;
	    INSERT INTO items SELECT i, i % 2 + 1, i FROM generate_series(1, 10) i;
	    UPDATE orders SET tenant_id = 'acme' WHERE id = 9; UPDATE orders SET tenant_id = 'globex' WHERE id = 2"
	sync --tenant acme
	equal "1 3 4 5 9" "$(dst "SELECT string_agg(id::text, ' ' ORDER BY id) FROM items")"
	equal 0 "$(conflicts)"
}

@test "--check says what can be followed, and what to write for the rest" {
	tables
	src "CREATE TABLE loose (id int PRIMARY KEY, order_id int); CREATE TABLE tags (id int PRIMARY KEY, item_id int REFERENCES items);
	    CREATE TABLE two (id int PRIMARY KEY, a int REFERENCES orders, b int REFERENCES orders);
	    CREATE TABLE late (id int PRIMARY KEY, order_id int);
	    ALTER TABLE late ADD FOREIGN KEY (order_id) REFERENCES orders NOT VALID;
	    CREATE TABLE price (n numeric PRIMARY KEY, tenant_id text); CREATE TABLE at (id int PRIMARY KEY, n numeric REFERENCES price);
	    CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
	    ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b"
	cat >>config.yaml <<-YAML
	  public.loose: {tenancy: parent}
	  public.two: {tenancy: parent}
	  public.late: {tenancy: parent}
	  public.at: {tenancy: parent}
	  public.a: {tenancy: parent}
	  public.b: {tenancy: parent}
	YAML
	run -78 --separate-stderr hr-capture --check -d "$SRC" -P hr --config config.yaml
	[[ $output == *"public.items: by order_id of its row of public.orders"$'\n'* ]]
	[[ $output == *"public.lines: by order_id of its row of public.orders (deletes go to every tenant by key and a change of tenant cannot be seen; ALTER TABLE public.lines REPLICA IDENTITY FULL)"* ]]
	[[ $output == *"public.loose: REFUSED: cannot route 'public.loose': it has no foreign key to a table of tenants; add the foreign key"* ]]
	[[ $output == *"public.tags: REFUSED: cannot route 'public.tags': it has no published column 'tenant_id'; name it under 'tables:' in --config, with tenancy: parent and column: item_id"* ]]
	[[ $output == *"public.two: REFUSED: cannot route 'public.two': several foreign keys lead to a tenant; name a column"* ]]
	[[ $output == *"public.late: REFUSED: cannot route 'public.late': its foreign key 'late_order_id_fkey' is not validated; run ALTER TABLE public.late VALIDATE"* ]]
	[[ $output == *"public.at: REFUSED: cannot route 'public.at': column 'n' of its foreign key cannot be followed"* ]]
	[[ $output == *"public.a: REFUSED: cannot route 'public.a': its tenant is not reached by 16 foreign keys; do they lead in a circle"* ]]
	src "DROP TABLE loose, tags, two, late, at, a, b; DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE items, notes, lines"
	run -78 --separate-stderr hr-capture --check -d "$SRC" -P hr --config config.yaml
	[[ $output == *"public.items: REFUSED: cannot route 'public.items': 'public.orders', which it refers to, is not published; add that table"* ]]
	src "DROP PUBLICATION hr; CREATE PUBLICATION hr FOR TABLE orders WHERE (n > 0), items, notes, lines"
	run -78 --separate-stderr hr-capture --check -d "$SRC" -P hr --config config.yaml
	[[ $output == *"public.items: REFUSED: cannot route 'public.items': 'public.orders', which it refers to, is published with a row filter; publish all"* ]]
}

@test "what was kept for a parked tenant does not touch rows that have gone to another" {
	both "CREATE TABLE items (tenant_id text NOT NULL, id int PRIMARY KEY, n int);
	    ALTER TABLE items REPLICA IDENTITY FULL"
	slot
	src "INSERT INTO items SELECT 'acme', i, i FROM generate_series(1, 5) i"
	sync
	dst "ALTER TABLE items ADD CHECK (n < 1000)"
	src "INSERT INTO items VALUES ('acme', 6, 2000); UPDATE items SET n = 20 WHERE id = 2; UPDATE items SET n = 30 WHERE id = 3;
	    INSERT INTO items VALUES ('acme', 7, 7)"
	src "UPDATE items SET tenant_id = 'globex' WHERE id IN (2, 7); UPDATE items SET n = 22 WHERE id = 2"
	job
	ended 0 77
	dst "ALTER TABLE items DROP CONSTRAINT items_n_check"
	hr-apply --retry -d "$DST"
	same
}

@test "rows that moved between two parked tenants are there once, whoever goes on first" {
	local first

	both "CREATE TABLE items (tenant_id text NOT NULL, id int PRIMARY KEY, n int);
	    ALTER TABLE items REPLICA IDENTITY FULL"
	slot
	src "INSERT INTO items SELECT CASE WHEN i < 6 THEN 'acme' ELSE 'globex' END, i, i FROM generate_series(1, 10) i"
	sync
	for first in acme globex; do
		dst "ALTER TABLE items ADD CHECK (n < 1000)"
		src "INSERT INTO items VALUES ('acme', 20, 2000), ('globex', 21, 2000)"
		src "UPDATE items SET tenant_id = 'globex' WHERE id IN (2, 3); UPDATE items SET tenant_id = 'acme' WHERE id IN (7, 8);
		    UPDATE items SET n = n + 1 WHERE id IN (2, 7); UPDATE items SET tenant_id = 'acme' WHERE id = 3"
		job
		ended 0 77
		dst "ALTER TABLE items DROP CONSTRAINT items_n_check"
		hr-apply --retry -d "$DST" --tenant $first
		hr-apply --retry -d "$DST"
		same
		src "DELETE FROM items WHERE id > 19; UPDATE items SET tenant_id = CASE WHEN id < 6 THEN 'acme' ELSE 'globex' END"
		sync
		same
	done
}

@test "what was kept for a parked tenant leaves alone what moved with its parent" {
	tables
	slot
	rows
	sync
	dst "ALTER TABLE lines ADD CHECK (t <> 'bad')"
	src "INSERT INTO lines VALUES (100, 6, 'bad'); UPDATE items SET t = 'kept' WHERE id IN (5, 11, 17); INSERT INTO items VALUES (60, 3, 'kept');
	    UPDATE notes SET t = 'kept' WHERE item_id = 5; DELETE FROM items WHERE id = 12"
	src "UPDATE orders SET tenant_id = 'globex' WHERE id = 3; UPDATE items SET t = t || ' moved' WHERE order_id = 3;
	    UPDATE items SET order_id = 1 WHERE id = 17"
	job
	ended 0 77
	dst "ALTER TABLE lines DROP CONSTRAINT lines_t_check"
	hr-apply --retry -d "$DST"
	same
}

# The next stream begins where this one ended: its capture has seen nothing.
forget() {
	local lsn

	lsn=$(hr-transform --dump <stream.hrs | jq -rs 'map(select(.frame == "watermark"))[-1].lsn')
	src "SELECT FROM pg_replication_slot_advance('$SLOT', '$lsn')"
}

@test "rows without a key that come after their parent moved are not lost when the move is read again" {
	tables
	both "CREATE TABLE log (order_id int NOT NULL REFERENCES orders ON DELETE CASCADE, t text);
	    ALTER TABLE log REPLICA IDENTITY FULL"
	echo "  public.log: {tenancy: parent}" >>config.yaml
	other
	slot
	rows
	src "INSERT INTO log SELECT i % 12 + 1, 'x' || i FROM generate_series(1, 36) i"
	src "UPDATE orders SET tenant_id = 'globex' WHERE id = 3"
	apart
	src "INSERT INTO log VALUES (3, 'late'); DELETE FROM log WHERE t = 'x2'; UPDATE log SET t = 'changed' WHERE t = 'x14'"
	apart
	equal "$(src "SELECT order_id, t FROM log JOIN orders o ON o.id = order_id WHERE tenant_id = 'globex' ORDER BY 1, 2")" \
	    "$(pg_sql "$OTHER" <<<"SELECT order_id, t FROM log ORDER BY 1, 2")"
}

@test "a capture that ends between a move and what was read with it reads the move again" {
	tables
	both "CREATE TABLE log (order_id int NOT NULL REFERENCES orders ON DELETE CASCADE, t text);
	    ALTER TABLE log REPLICA IDENTITY FULL; ALTER TABLE lines ALTER order_id DROP NOT NULL"
	echo "  public.log: {tenancy: parent}" >>config.yaml
	slot
	rows
	src "INSERT INTO log SELECT 3, repeat('x', 500) || i FROM generate_series(1, 1000) i"
	sync --tenant globex
	src "UPDATE orders SET tenant_id = 'globex' WHERE id = 3; INSERT INTO lines VALUES (900, NULL, 'nobody');
	    INSERT INTO log VALUES (3, 'late'); DELETE FROM log WHERE t LIKE '%x7'"
	job --tenant globex
	ended 78 65
	equal 1000 "$(dst "SELECT count(*) FROM log")"
	sed -i 's/tenancy: {column: tenant_id}/tenancy: {column: tenant_id, null_tenant: none}/' config.yaml
	src "INSERT INTO log VALUES (3, 'later')"
	sync --tenant globex
	same_table "$SRC" "$DST" log "true"
}

@test "changes of all kinds, of parents that the capture has not seen" {
	local round

	tables
	other
	slot
	rows
	apart
	for round in 1 2 3 4 5; do
		forget
		at_random "0.3$round"
		at_random "0.4$round"
		apart
		just "$DST" acme
		just "$OTHER" globex
	done
}

@test "changes of all kinds, with rows that have no key" {
	local round

	tables
	both "CREATE TABLE log (order_id int NOT NULL REFERENCES orders ON DELETE CASCADE, t text); CREATE INDEX ON log (order_id);
	    ALTER TABLE log REPLICA IDENTITY FULL"
	echo "  public.log: {tenancy: parent}" >>config.yaml
	other
	slot
	rows
	for round in 1 2 3; do
		src "INSERT INTO log SELECT id, 'x' || id % 3 FROM orders"
		at_random "0.6$round"
		src "UPDATE log SET t = t || $round, order_id = (SELECT max(id) FROM orders) WHERE order_id % 4 = $((round % 4));
		    DELETE FROM log WHERE order_id % 5 = $((round % 5)) AND t LIKE 'x1%'; INSERT INTO log SELECT id, 'y' FROM orders"
		at_random "0.8$round"
		apart
		[ $((round % 3)) != 0 ] || forget
		equal "$(src "SELECT order_id, t FROM log JOIN orders o ON o.id = order_id WHERE tenant_id = 'acme' ORDER BY 1, 2")" \
		    "$(dst "SELECT order_id, t FROM log ORDER BY 1, 2")" "acme, round $round"
		equal "$(src "SELECT order_id, t FROM log JOIN orders o ON o.id = order_id WHERE tenant_id = 'globex' ORDER BY 1, 2")" \
		    "$(pg_sql "$OTHER" <<<"SELECT order_id, t FROM log ORDER BY 1, 2")" "globex, round $round"
	done
}

@test "a row under a parent whose later tenant was asked for is with the earlier one until the move" {
	tables
	other
	slot
	rows
	apart
	forget
	src "INSERT INTO items VALUES (300, 3, 'x'); UPDATE orders SET n = 33 WHERE id = 3; INSERT INTO notes VALUES (300, 300, 'x');
	    UPDATE orders SET tenant_id = 'globex' WHERE id = 3"
	apart
	just "$DST" acme
	just "$OTHER" globex
}

@test "a parent that is deleted and comes again as another tenant's, the foreign key deferred" {
	tables
	both "ALTER TABLE items DROP CONSTRAINT items_order_id_fkey, ADD FOREIGN KEY (order_id) REFERENCES orders DEFERRABLE INITIALLY DEFERRED;
	    ALTER TABLE lines DROP CONSTRAINT lines_order_id_fkey, ADD FOREIGN KEY (order_id) REFERENCES orders DEFERRABLE INITIALLY DEFERRED"
	other
	slot
	rows
	apart
	src "BEGIN; DELETE FROM orders WHERE id = 3; INSERT INTO orders VALUES (3, 'globex', 3); COMMIT"
	apart
	just "$DST" acme
	just "$OTHER" globex
}

@test "a parent that is deleted, with its rows, and comes again as another tenant's" {
	tables
	other
	slot
	rows
	apart
	forget
	src "UPDATE items SET t = 'x' WHERE order_id = 3; DELETE FROM orders WHERE id = 3; INSERT INTO orders VALUES (3, 'globex', 3);
	    INSERT INTO items VALUES (5, 3, 'again')"
	apart
	just "$DST" acme
	just "$OTHER" globex
}

@test "what is under a row is not lost where its first parent is gone by now" {
	tables
	both "ALTER TABLE items REPLICA IDENTITY DEFAULT; ALTER TABLE notes REPLICA IDENTITY DEFAULT"
	other
	slot
	rows
	apart
	forget
	src "INSERT INTO items VALUES (300, 3, 'x'); INSERT INTO notes VALUES (300, 300, 'x'); UPDATE items SET order_id = 6 WHERE order_id = 3;
	    DELETE FROM orders WHERE id = 3"
	apart
	just "$DST" acme
	just "$OTHER" globex
}

@test "a parent with a larger key than its children's column can hold moves" {
	both "CREATE TABLE orders (id bigint PRIMARY KEY, tenant_id text NOT NULL);
	    CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders); ALTER TABLE orders REPLICA IDENTITY FULL;
	    ALTER TABLE items REPLICA IDENTITY FULL"
	config <<-YAML
	tenancy: {column: tenant_id}
	tables:
	  public.items: {tenancy: parent}
	YAML
	slot
	src "INSERT INTO orders VALUES (1, 'acme'), (5000000000, 'acme'); INSERT INTO items VALUES (1, 1);
	    UPDATE orders SET tenant_id = 'globex'"
	sync
	same
}
