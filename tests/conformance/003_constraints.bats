load ../lib
load ../pipe/pipe

setup() {
	pair
}

teardown() {
	unpair
}

@test "foreign keys of the target are not checked again" {
	both "CREATE TABLE parent (tenant_id text, id int PRIMARY KEY);
	    CREATE TABLE child (tenant_id text, id int PRIMARY KEY, parent int REFERENCES parent);
	    CREATE TABLE late (tenant_id text, id int PRIMARY KEY,
		parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
	slot
	src "INSERT INTO parent VALUES ('acme', 1), ('globex', 2);
	    INSERT INTO child VALUES ('acme', 1, 1), ('globex', 2, 2)"
	src "BEGIN; INSERT INTO late VALUES ('acme', 1, 9); INSERT INTO parent VALUES ('acme', 9); COMMIT"
	sync
	same
	# A child without its parent at the target: the source knows better.
	dst "SET session_replication_role = replica; DELETE FROM parent WHERE id = 1"
	src "INSERT INTO child VALUES ('acme', 3, 1); UPDATE child SET parent = 1 WHERE id = 2"
	sync
	same_rows child
	src "DELETE FROM child; DELETE FROM late; DELETE FROM parent WHERE id IN (2, 9)"
	sync
	# Verify says that the target lacks the row that was deleted there.
	same_table "$SRC" "$DST" parent "id <> 1"
	same_rows child
	equal 0 "$(conflicts)"
}

@test "what a foreign key does at the source is not done twice" {
	both "CREATE TABLE parent (tenant_id text, id int PRIMARY KEY);
	    CREATE TABLE cascaded (tenant_id text, id int PRIMARY KEY,
		parent int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE);
	    CREATE TABLE nulled (tenant_id text, id int PRIMARY KEY,
		parent int REFERENCES parent ON DELETE SET NULL ON UPDATE SET NULL)"
	both "INSERT INTO parent SELECT 'acme', i FROM generate_series(1, 4) i;
	    INSERT INTO cascaded SELECT 'acme', i, i FROM generate_series(1, 4) i;
	    INSERT INTO nulled SELECT 'acme', i, i FROM generate_series(1, 4) i"
	# The target's own row stays: its parent's end is the source's business.
	dst "INSERT INTO cascaded VALUES ('ours', 100, 1)"
	slot
	src "DELETE FROM parent WHERE id = 1; UPDATE parent SET id = 20 WHERE id = 2"
	sync
	same "tenant_id <> 'ours'"
	equal 1 "$(dst "SELECT parent FROM cascaded WHERE id = 100")"
	equal "3 4" "$(dst "SELECT string_agg(parent::text, ' ' ORDER BY id) FROM nulled")"
	equal 0 "$(conflicts)"
}

# A table whose triggers say at the target what they saw.
watched() {
	both "CREATE TABLE w (tenant_id text, id int PRIMARY KEY, a int, b int)"
	both "INSERT INTO w VALUES ('acme', 1, 1, 1), ('acme', 2, 2, 2)"
	dst "CREATE TABLE seen (n serial, t text);
	    CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS \$\$
	    BEGIN INSERT INTO public.seen (t) VALUES (TG_NAME || ' ' || lower(TG_OP)); RETURN NULL; END \$\$"
	slot
}

seen() {
	dst "SELECT string_agg(t, ', ' ORDER BY n) FROM seen"
}

@test "triggers fire when they are for replicas or for always, and no others" {
	watched
	dst "CREATE TRIGGER a_usual AFTER INSERT OR UPDATE OR DELETE ON w FOR EACH ROW EXECUTE FUNCTION see();
	    CREATE TRIGGER b_replica AFTER INSERT OR UPDATE OR DELETE ON w FOR EACH ROW EXECUTE FUNCTION see();
	    CREATE TRIGGER c_always AFTER INSERT OR UPDATE OR DELETE ON w FOR EACH ROW EXECUTE FUNCTION see();
	    CREATE TRIGGER d_disabled AFTER INSERT OR UPDATE OR DELETE ON w FOR EACH ROW EXECUTE FUNCTION see();
	    ALTER TABLE w ENABLE REPLICA TRIGGER b_replica, ENABLE ALWAYS TRIGGER c_always, DISABLE TRIGGER d_disabled"
	src "INSERT INTO w VALUES ('acme', 3, 3, 3)"
	src "UPDATE w SET a = 0 WHERE id = 1"
	src "DELETE FROM w WHERE id = 2"
	sync
	same
	equal "b_replica insert, c_always insert, b_replica update, c_always update, b_replica delete, c_always delete" \
	    "$(seen)"
	equal 0 "$(conflicts)"
}

@test "a replica trigger may change what is written" {
	watched
	dst "CREATE FUNCTION upper_a() RETURNS trigger LANGUAGE plpgsql AS \$\$
	    BEGIN NEW.b := NEW.a * 100; RETURN NEW; END \$\$;
	    CREATE TRIGGER t BEFORE INSERT OR UPDATE ON w FOR EACH ROW EXECUTE FUNCTION upper_a();
	    ALTER TABLE w ENABLE REPLICA TRIGGER t"
	src "INSERT INTO w VALUES ('acme', 3, 3, 3); UPDATE w SET a = 5 WHERE id = 1"
	sync
	equal "1 500,2 2,3 300" "$(dst "SELECT string_agg(id || ' ' || b, ',' ORDER BY id) FROM w")"
	equal 0 "$(conflicts)"
}

@test "a replica trigger may keep a row out" {
	watched
	dst "CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS \$\$
	    BEGIN IF TG_OP = 'DELETE' THEN RETURN NULL; END IF;
	    IF NEW.a < 100 THEN RETURN NEW; END IF; RETURN NULL; END \$\$;
	    CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON w FOR EACH ROW EXECUTE FUNCTION keep_out();
	    ALTER TABLE w ENABLE ALWAYS TRIGGER t"
	src "INSERT INTO w VALUES ('acme', 3, 3, 3), ('acme', 4, 400, 4); UPDATE w SET a = 200 WHERE id = 1"
	src "DELETE FROM w WHERE id = 2"
	sync
	equal "1 1,2 2,3 3" "$(dst "SELECT string_agg(id || ' ' || a, ',' ORDER BY id) FROM w")"
}

@test "a replica trigger of a column fires for an update of any" {
	watched
	dst "CREATE TRIGGER of_a AFTER UPDATE OF a ON w FOR EACH ROW EXECUTE FUNCTION see();
	    ALTER TABLE w ENABLE REPLICA TRIGGER of_a"
	src "UPDATE w SET a = 10 WHERE id = 1"
	sync
	equal "of_a update" "$(seen)"
	src "UPDATE w SET b = 10 WHERE id = 2"
	sync
	same
	equal "of_a update, of_a update" "$(seen)"
	equal 0 "$(conflicts)"
}

@test "a trigger of a statement does not see what came by replication" {
	watched
	dst "CREATE TRIGGER stmt AFTER INSERT OR UPDATE OR DELETE ON w FOR EACH STATEMENT EXECUTE FUNCTION see()"
	src "INSERT INTO w VALUES ('acme', 3, 3, 3); UPDATE w SET a = 0; DELETE FROM w WHERE id = 2"
	sync
	same
	equal "" "$(seen)"
	equal 0 "$(conflicts)"
}

@test "refused: a row that a check or a NOT NULL of the target forbids" {
	both "CREATE TABLE c (tenant_id text, id int PRIMARY KEY, a int)"
	dst "ALTER TABLE c ADD CONSTRAINT small CHECK (a < 100), ALTER a SET NOT NULL"
	slot
	src "INSERT INTO c VALUES ('acme', 1, 500), ('globex', 2, NULL), ('initech', 3, 3)"
	src "INSERT INTO c VALUES ('acme', 4, 4), ('initech', 5, 5); UPDATE c SET a = 6 WHERE id = 2"
	job
	ended 0 77
	equal "acme small,globex null value" "$(parked | sed -E 's/\|.*(small|null value).*/ \1/' | paste -sd,)"
	equal "3 5" "$(dst "SELECT string_agg(id::text, ' ' ORDER BY id) FROM c")"
	dst "ALTER TABLE c DROP CONSTRAINT small, ALTER a DROP NOT NULL"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal 0 "$(conflicts)"
}

@test "refused: a value that another row has under a second unique constraint" {
	both "CREATE TABLE u (tenant_id text, id int PRIMARY KEY, code text UNIQUE)"
	dst "INSERT INTO u VALUES ('ours', 100, 'taken')"
	slot
	src "INSERT INTO u VALUES ('acme', 1, 'free'), ('globex', 2, 'free too'); INSERT INTO u VALUES ('acme', 3, 'taken')"
	job
	ended 0 77
	[[ $(parked) == "acme|"*u_code_key* ]]
	dst "DELETE FROM u WHERE id = 100"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	same
	equal 0 "$(conflicts)"
}
