load ../lib
load ../pipe/pipe

setup() {
	pair
}

teardown() {
	unpair
}

# From 18 on a publication can have the stored generated columns; a source
# before it knows no such option, and sends none.
publish_generated() {
	if at_least source 18; then
		src "ALTER PUBLICATION hr SET (publish_generated_columns = stored)"
	else
		run -3 --separate-stderr src "ALTER PUBLICATION hr SET (publish_generated_columns = stored)"
		[[ $stderr == *'unrecognized publication parameter: "publish_generated_columns"'* ]]
	fi
}

# What is computed when it is read, from 18 on, where that is what a generated
# column is when nothing is said.
virtual() {
	at_least "$1" 18 && echo VIRTUAL || echo STORED
}

@test "a generated column is computed by the target, in its own way too" {
	src "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED);
	    CREATE TABLE h (tenant_id text, id int PRIMARY KEY, b int GENERATED ALWAYS AS (a * 2) STORED, a int, t text)"
	dst "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED);
	    CREATE TABLE h (tenant_id text, id int PRIMARY KEY, a int, t text, b int GENERATED ALWAYS AS (a * 22) STORED)"
	src "INSERT INTO g SELECT 'acme', i, i FROM generate_series(1, 60) i;
	    INSERT INTO h (tenant_id, id, a) SELECT 'acme', i, i FROM generate_series(1, 60) i"
	sync --create-slot --snapshot
	equal "60|1320" "$(dst "SELECT count(*), max(b) FROM h")"
	src "INSERT INTO g VALUES ('globex', 100, 7), ('globex', 101, NULL); UPDATE g SET a = a * 10 WHERE id < 6;
	    UPDATE g SET id = 200, a = 1 WHERE id = 20; DELETE FROM g WHERE id = 30;
	    INSERT INTO h (tenant_id, id, a) VALUES ('globex', 100, 7); UPDATE h SET a = 100 WHERE id = 1; DELETE FROM h WHERE id = 2"
	src "INSERT INTO g SELECT 'acme', i, i FROM generate_series(1000, 1060) i"
	sync
	verified
	same_rows g
	equal "" "$(dst "SELECT id FROM h WHERE b IS DISTINCT FROM a * 22")"
	equal "2200 154" "$(dst "SELECT string_agg(b::text, ' ' ORDER BY id) FROM h WHERE id IN (1, 100)")"
	equal 0 "$(conflicts)"
}

@test "a replica trigger sees the generated column" {
	both "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 3) STORED)"
	dst "CREATE TABLE seen (n serial, op text, old int, new int);
	    CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
	    INSERT INTO public.seen (op, old, new) VALUES (TG_OP, CASE TG_OP WHEN 'INSERT' THEN NULL ELSE OLD.b END,
	    CASE TG_OP WHEN 'DELETE' THEN NULL ELSE NEW.b END); RETURN NULL; END \$\$;
	    CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON g FOR EACH ROW EXECUTE FUNCTION see();
	    ALTER TABLE g ENABLE REPLICA TRIGGER t"
	slot
	src "INSERT INTO g VALUES ('acme', 1, 1)"
	src "UPDATE g SET a = 2; DELETE FROM g"
	sync
	same
	equal "INSERT--3 UPDATE-3-6 DELETE-6-" \
	    "$(dst "SELECT string_agg(concat_ws('-', op, coalesce(old::text, ''), coalesce(new::text, '')), ' ' ORDER BY n) FROM seen")"
	equal 0 "$(conflicts)"
}

@test "a trigger at the target may change what a generated column is made of" {
	both "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 3) STORED)"
	dst "CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN NEW.a := NEW.a + 100; RETURN NEW; END \$\$;
	    CREATE TRIGGER t BEFORE INSERT OR UPDATE ON g FOR EACH ROW EXECUTE FUNCTION more();
	    ALTER TABLE g ENABLE ALWAYS TRIGGER t"
	slot
	src "INSERT INTO g VALUES ('acme', 1, 1), ('acme', 2, 2); UPDATE g SET a = 5 WHERE id = 2"
	sync
	equal "1 101 303,2 105 315" "$(dst "SELECT string_agg(concat_ws(' ', id, a, b), ',' ORDER BY id) FROM g")"
	equal 0 "$(conflicts)"
}

@test "a column that is generated only at the source is the target's own" {
	src "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED)"
	dst "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int DEFAULT 7)"
	src "INSERT INTO g SELECT 'acme', i, i FROM generate_series(1, 3) i"
	sync --create-slot --snapshot
	dst "UPDATE g SET b = 8 WHERE id = 1"
	src "UPDATE g SET a = a + 1; INSERT INTO g VALUES ('acme', 4, 4); DELETE FROM g WHERE id = 3"
	sync
	verified
	equal "1 2 8,2 3 7,4 4 7" "$(dst "SELECT string_agg(concat_ws(' ', id, a, b), ',' ORDER BY id) FROM g")"
	equal 0 "$(conflicts)"
}

@test "a column that is generated only at the target is computed there" {
	src "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int)"
	dst "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED)"
	src "INSERT INTO g SELECT 'acme', i, i, 0 FROM generate_series(1, 60) i"
	sync --create-slot --snapshot
	src "UPDATE g SET a = 100, b = 1 WHERE id = 1; UPDATE g SET b = 5 WHERE id = 2; DELETE FROM g WHERE id > 3;
	    INSERT INTO g VALUES ('acme', 4, 4, 4)"
	sync
	verified
	equal "1 100 200,2 2 4,3 3 6,4 4 8" "$(dst "SELECT string_agg(concat_ws(' ', id, a, b), ',' ORDER BY id) FROM g")"
	equal 0 "$(conflicts)"
}

@test "a full identity goes without its generated columns, or with them when they are published (18)" {
	both "CREATE TABLE g (tenant_id text, a int, b int GENERATED ALWAYS AS (a * 2) STORED, c int);
	    CREATE TABLE k (tenant_id text, id int PRIMARY KEY, b int GENERATED ALWAYS AS (id * 2) STORED, c int)"
	both "ALTER TABLE g REPLICA IDENTITY FULL; ALTER TABLE k REPLICA IDENTITY FULL"
	both "INSERT INTO g (tenant_id, a) SELECT 'acme', i % 3 FROM generate_series(1, 9) i; INSERT INTO k SELECT 'acme', i FROM generate_series(1, 9) i"
	if at_least source 18; then
		run -3 --separate-stderr src "UPDATE g SET c = 1"
		[[ $stderr == *"Replica identity must not contain unpublished generated columns"* ]]
		publish_generated
	fi
	slot
	src "UPDATE g SET c = 1 WHERE ctid = (SELECT min(ctid) FROM g WHERE a = 1); DELETE FROM g WHERE ctid = (SELECT min(ctid) FROM g WHERE a = 2);
	    UPDATE g SET a = 10, c = NULL WHERE a = 0; UPDATE k SET c = id; DELETE FROM k WHERE b = 4; UPDATE k SET id = 100 WHERE b = 6"
	sync
	same
	equal "8|20" "$(dst "SELECT count(*), max(b) FROM g")"
	equal 0 "$(conflicts)"
}

@test "a unique index of the target may hold a generated column" {
	both "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, mail text, low text GENERATED ALWAYS AS (lower(mail)) STORED UNIQUE)"
	slot
	src "INSERT INTO g SELECT 'acme', i, 'A' || i FROM generate_series(1, 20) i"
	src "BEGIN; UPDATE g SET mail = 'tmp' WHERE id = 1; UPDATE g SET mail = 'a1' WHERE id = 2;
	    UPDATE g SET mail = 'A2' WHERE id = 1; DELETE FROM g WHERE id = 3; INSERT INTO g VALUES ('globex', 30, 'a3'); COMMIT"
	sync
	same
	equal "a2 a1 a3" "$(dst "SELECT string_agg(low, ' ' ORDER BY id) FROM g WHERE id IN (1, 2, 30)")"
	equal 0 "$(conflicts)"
}

@test "refused: a change of a row whose key is a generated column" {
	both "CREATE TABLE g (tenant_id text, a int, id int GENERATED ALWAYS AS (a * 10) STORED PRIMARY KEY, t text)"
	slot
	src "INSERT INTO g VALUES ('acme', 1, DEFAULT, 'x'), ('acme', 2, DEFAULT, 'x')"
	sync
	same
	# From 18 on the source refuses it itself.
	if at_least source 18; then
		run -3 --separate-stderr src "UPDATE g SET t = 'y' WHERE a = 1"
		[[ $stderr == *"Replica identity must not contain unpublished generated columns"* ]]
		sync
		same
		return
	fi
	src "UPDATE g SET t = 'y' WHERE a = 1"
	job
	[ "$from" != 0 ] || [ "$to" != 0 ]
	if [ "$from" = 78 ]; then
		one_error hr-capture "'public.g'" from.err
	else
		one_error hr-apply "public.g" to.err
	fi
	equal x "$(dst "SELECT t FROM g WHERE a = 1")"
}

@test "a generated column that is published (18) is a value at the target, else the target's own" {
	src "CREATE TABLE g (tenant_id text, a int, b text GENERATED ALWAYS AS (repeat('x', a)) STORED, id int PRIMARY KEY, t text)"
	dst "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, t text, b text DEFAULT 'own', a int)"
	publish_generated
	src "INSERT INTO g (tenant_id, id, a) SELECT 'acme', i, i FROM generate_series(1, 60) i"
	sync --create-slot --snapshot
	src "INSERT INTO g (tenant_id, id, a) SELECT 'globex', i, i FROM generate_series(61, 120) i; UPDATE g SET a = 7 WHERE id = 1;
	    UPDATE g SET t = 'y' WHERE id = 2; DELETE FROM g WHERE id = 3; UPDATE g SET id = 200, a = NULL WHERE id = 100"
	src "ALTER TABLE g ALTER b SET STORAGE EXTERNAL; UPDATE g SET a = 5000 WHERE id = 4"
	src "UPDATE g SET t = 'unchanged' WHERE id = 4"
	sync
	if at_least source 18; then
		same
		# It may leave the publication again.
		src "ALTER PUBLICATION hr SET (publish_generated_columns = none)"
	else
		equal own "$(dst "SELECT DISTINCT b FROM g")"
		dst "UPDATE g SET b = repeat('x', a)"
	fi
	src "UPDATE g SET a = 1 WHERE id = 10; INSERT INTO g (tenant_id, id, a) VALUES ('acme', 300, 1)"
	sync
	equal "10 own" "$(dst "SELECT length(b) FROM g WHERE id = 10") $(dst "SELECT b FROM g WHERE id = 300")"
	equal 0 "$(conflicts)"
}

@test "a generated column that is published (18) is computed where the target generates it too" {
	both "CREATE TABLE k (tenant_id text, a int, b int GENERATED ALWAYS AS (a * 2) STORED)"
	src "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED)"
	dst "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 3) STORED)"
	both "ALTER TABLE k REPLICA IDENTITY FULL; ALTER TABLE g REPLICA IDENTITY FULL"
	publish_generated
	src "INSERT INTO g SELECT 'acme', i, i FROM generate_series(1, 60) i; INSERT INTO k SELECT 'acme', i % 3 FROM generate_series(1, 9) i"
	sync --create-slot --snapshot
	src "UPDATE g SET a = 100 WHERE id = 1; DELETE FROM g WHERE b = 4; UPDATE g SET id = 200 WHERE id = 5"
	src "DELETE FROM k WHERE ctid = (SELECT min(ctid) FROM k WHERE a = 1); UPDATE k SET a = 10 WHERE b = 4"
	src "INSERT INTO g SELECT 'globex', i, i FROM generate_series(1001, 1060) i"
	sync
	same_rows k
	verified
	equal "119|" "$(dst "SELECT count(*), string_agg(id::text, ' ') FILTER (WHERE b <> a * 3) FROM g")"
	equal 300 "$(dst "SELECT b FROM g WHERE id = 1")"
	equal 0 "$(conflicts)"
}

@test "a key that is a generated column changes rows once it is published (18)" {
	src "CREATE TABLE g (tenant_id text, a int, id int GENERATED ALWAYS AS (a * 10) STORED PRIMARY KEY, t text)"
	dst "CREATE TABLE g (tenant_id text, a int, id int PRIMARY KEY, t text)"
	publish_generated
	slot
	src "INSERT INTO g (tenant_id, a) SELECT 'acme', i FROM generate_series(1, 60) i"
	if ! at_least source 18; then
		# Its rows come without their key.
		job
		ended 0 77
		[[ $(parked) == *'column "id"'* ]]
		return
	fi
	src "UPDATE g SET t = 'y' WHERE a = 1; UPDATE g SET a = 100 WHERE a = 2; DELETE FROM g WHERE id = 30"
	sync
	same
	equal "59|1000" "$(dst "SELECT count(*), max(id) FROM g")"
	equal 0 "$(conflicts)"
}

@test "a generated column may say whose a row is once it is published (18)" {
	src "CREATE TABLE g (id text PRIMARY KEY, tenant_id text GENERATED ALWAYS AS (split_part(id, '/', 1)) STORED, n int)"
	dst "CREATE TABLE g (id text PRIMARY KEY, tenant_id text, n int)"
	src "ALTER TABLE g REPLICA IDENTITY FULL"
	publish_generated
	src "INSERT INTO g (id) VALUES ('acme/1'), ('globex/1'), ('acme/2')"
	if ! at_least source 18; then
		job --create-slot --snapshot
		[ "$from" = 78 ]
		one_error hr-capture "tenant_id.*public.g|public.g.*tenant_id" from.err
		return
	fi
	sync --create-slot --snapshot --tenant acme
	src "UPDATE g SET n = 7; DELETE FROM g WHERE id = 'acme/2'; INSERT INTO g (id) VALUES ('acme/3'), ('globex/3')"
	src "UPDATE g SET id = 'acme/4' WHERE id = 'globex/3'; UPDATE g SET id = 'globex/5' WHERE id = 'acme/3'"
	sync --tenant acme
	same "tenant_id = 'acme'"
	equal "acme/1 acme/4" "$(dst "SELECT string_agg(id, ' ' ORDER BY id) FROM g")"
	equal 0 "$(conflicts)"
}

@test "a column list may name a generated column (18), or the source refuses it" {
	src "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED)"
	dst "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int)"
	src "DROP PUBLICATION hr"
	if at_least source 18; then
		src "CREATE PUBLICATION hr FOR TABLE g (tenant_id, id, b)"
	else
		run -3 --separate-stderr src "CREATE PUBLICATION hr FOR TABLE g (tenant_id, id, b)"
		[[ $stderr == *'cannot use generated column "b" in publication column list'* ]]
		src "CREATE PUBLICATION hr FOR TABLE g (tenant_id, id)"
	fi
	src "INSERT INTO g VALUES ('acme', 1, 1), ('globex', 2, 2)"
	sync --create-slot --snapshot
	src "UPDATE g SET a = 5 WHERE id = 1; INSERT INTO g VALUES ('acme', 3, 3)"
	sync
	if at_least source 18; then
		equal "1  10,2  4,3  6" "$(dst "SELECT string_agg(concat(id, '  ', b), ',' ORDER BY id) FROM g WHERE a IS NULL")"
	else
		equal "3|0" "$(dst "SELECT count(*), count(a) + count(b) FROM g")"
	fi
	equal 0 "$(conflicts)"
}

@test "refused: publications of which one has the generated columns (18)" {
	src "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, b int GENERATED ALWAYS AS (id * 2) STORED)"
	dst "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, b int)"
	src "CREATE PUBLICATION two FOR ALL TABLES"
	publish_generated
	slot
	src "INSERT INTO g VALUES ('acme', 1)"
	FROM=(hr-capture -d "$SRC" -S "$SLOT" -P hr,two --checkpoint "$F")
	if at_least source 18; then
		job
		[ "$from" = 78 ]
		one_error hr-capture "list different columns of 'public.g'" from.err
	else
		sync
		equal "1|" "$(dst "SELECT * FROM g" | cut -d '|' -f 2-)"
	fi
}

@test "virtual generated columns (18; stored ones before it) are not sent, and are computed at the target" {
	src "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) $(virtual source), c int DEFAULT 1);
	    CREATE TABLE f (tenant_id text, a int, b int GENERATED ALWAYS AS (a * 2) $(virtual source))"
	dst "CREATE TABLE g (tenant_id text, id int PRIMARY KEY, a int, b int DEFAULT 7, c int GENERATED ALWAYS AS (a + 1) $(virtual target));
	    CREATE TABLE f (tenant_id text, a int, b int GENERATED ALWAYS AS (a * 2) $(virtual target))"
	both "ALTER TABLE f REPLICA IDENTITY FULL"
	! at_least source 18 || publish_generated
	src "INSERT INTO g SELECT 'acme', i, i FROM generate_series(1, 60) i; INSERT INTO f SELECT 'acme', i FROM generate_series(1, 60) i"
	sync --create-slot --snapshot
	src "UPDATE g SET a = 100 WHERE id = 1; UPDATE g SET c = 5 WHERE id = 2; DELETE FROM g WHERE b = 6;
	    INSERT INTO g SELECT 'globex', i, i FROM generate_series(1001, 1060) i"
	if at_least source 18; then
		run -3 --separate-stderr src "UPDATE f SET a = 100 WHERE b = 2"
		[[ $stderr == *"Replica identity must not contain unpublished generated columns"* ]]
		src "INSERT INTO f VALUES ('globex', 100)"
	else
		src "UPDATE f SET a = 100 WHERE b = 2; DELETE FROM f WHERE a = 2; UPDATE f SET a = a + 1 WHERE a > 50"
	fi
	sync
	same_rows f
	verified
	equal "119|7|7" "$(dst "SELECT count(*), min(b), max(b) FROM g WHERE c = a + 1")"
	equal 0 "$(conflicts)"
}

@test "identities of both kinds arrive as they were counted at the source" {
	both "CREATE TABLE i (tenant_id text, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text);
	    CREATE TABLE d (tenant_id text, id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, t text)"
	src "INSERT INTO i (tenant_id, t) SELECT 'acme', 'copied' FROM generate_series(1, 60);
	    INSERT INTO d (tenant_id, t) SELECT 'acme', 'copied' FROM generate_series(1, 60)"
	sync --create-slot --snapshot
	src "INSERT INTO i (tenant_id, t) VALUES ('acme', 'next'); INSERT INTO i OVERRIDING SYSTEM VALUE VALUES ('globex', 1000, 'said');
	    UPDATE i SET t = 'changed' WHERE id < 5; UPDATE i SET t = 'one' WHERE id = 9; DELETE FROM i WHERE id = 7;
	    INSERT INTO d VALUES ('acme', -5, 'said'); UPDATE d SET id = 2000 WHERE id = 2; DELETE FROM d WHERE id = 3"
	src "INSERT INTO i (tenant_id, t) SELECT 'acme', 'many' FROM generate_series(1, 60)"
	sync
	same
	equal "1000|121" "$(dst "SELECT max(id), max(id) FILTER (WHERE id < 1000) FROM i")"
	equal 0 "$(conflicts)"
}

@test "a column may be an identity on one side only, or of another kind" {
	src "CREATE TABLE s (tenant_id text, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text);
	    CREATE TABLE p (tenant_id text, id int PRIMARY KEY, t text);
	    CREATE TABLE k (tenant_id text, id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, t text)"
	dst "CREATE TABLE s (tenant_id text, id int PRIMARY KEY, t text);
	    CREATE TABLE p (tenant_id text, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text);
	    CREATE TABLE k (tenant_id text, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text)"
	slot
	src "INSERT INTO s (tenant_id) SELECT 'acme' FROM generate_series(1, 3); INSERT INTO p VALUES ('acme', 10), ('acme', 20);
	    INSERT INTO k (tenant_id) SELECT 'acme' FROM generate_series(1, 3)"
	src "UPDATE s SET t = 'x' WHERE id = 1; DELETE FROM s WHERE id = 2; UPDATE p SET t = 'x' WHERE id = 10;
	    UPDATE k SET t = 'x' WHERE id = 1; DELETE FROM k WHERE id = 2"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "an identity that is always generated may change at the source" {
	both "CREATE TABLE i (tenant_id text, id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, t text)"
	slot
	src "INSERT INTO i (tenant_id, id) SELECT 'acme', i FROM generate_series(1, 10) i"
	sync
	src "UPDATE i SET n = DEFAULT WHERE id = 1"
	src "UPDATE i SET n = DEFAULT, t = 'many' WHERE id > 5"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a key that is always generated may change at the source" {
	both "CREATE TABLE i (tenant_id text, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text)"
	slot
	src "INSERT INTO i (tenant_id, t) VALUES ('acme', 'a'), ('acme', 'b'), ('globex', 'c')"
	sync
	src "UPDATE i SET id = DEFAULT WHERE id = 1"
	sync
	same
	equal "2 3 4" "$(dst "SELECT string_agg(id::text, ' ' ORDER BY id) FROM i")"
	equal 0 "$(conflicts)"
}
