load ../lib
load ../pipe/pipe
load session

# The target refuses some rows of acme, and of nobody else.
setup() {
	pair
	items
	dst "ALTER TABLE items ADD CONSTRAINT small CHECK (tenant_id <> 'acme' OR n < 1000)"
}

teardown() {
	forget_prepared source
	unpair
}

# acme is parked, for what the pattern says; the others go on.
only_acme_waits() {
	ended 0 77
	[[ $(parked) == "acme|"*$1* ]] || fail "parked: $(parked)"
	same "tenant_id <> 'acme'"
}

mended() {
	dst "ALTER TABLE items DROP CONSTRAINT small"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	equal "" "$(parked)"
	src "UPDATE items SET n = n + 1 WHERE id % 2 = 0"
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a refused row parks its tenant, and what is mended goes on" {
	src "INSERT INTO items VALUES ('acme', 101, 1), ('globex', 102, 1)"
	src "BEGIN; INSERT INTO items VALUES ('acme', 103, 1), ('globex', 104, 5000);
	    UPDATE items SET n = 5000 WHERE id = 101; COMMIT"
	src "INSERT INTO items VALUES ('acme', 105, 1), ('globex', 106, 1)"
	job
	only_acme_waits small
	equal 0 "$(count "items WHERE id IN (103, 105) OR tenant_id = 'acme' AND n = 5000")"
	mended
}

@test "what a parked tenant did before the refused transaction is there" {
	src "INSERT INTO items VALUES ('acme', 101, 1), ('globex', 102, 1)"
	src "UPDATE items SET t = 'before' WHERE id IN (3, 101)"
	src "UPDATE items SET n = 5000, t = 'refused' WHERE id IN (3, 102)"
	job
	only_acme_waits small
	equal "3 before,101 before" "$(dst "SELECT concat_ws(' ', id, t) FROM items
	    WHERE tenant_id = 'acme' AND id IN (3, 101) ORDER BY id" | paste -sd ,)"
	mended
}

@test "a value twice under a unique index of the target parks its tenant" {
	dst "CREATE UNIQUE INDEX once ON items (t)"
	src "INSERT INTO items VALUES ('acme', 101, 1, 'same'), ('globex', 102, 1, 'other')"
	sync
	src "INSERT INTO items VALUES ('acme', 103, 1, 'same')"
	src "UPDATE items SET t = 'changed' WHERE id = 102"
	job
	only_acme_waits once
	equal 101 "$(dst "SELECT id FROM items WHERE t = 'same'")"
	dst "DROP INDEX once"
	mended
}

@test "a refused row of a streamed transaction" {
	small_memory
	src "BEGIN; $(rows acme 1001 1500); $(rows globex 1501 2000);
	    UPDATE items SET n = 5000 WHERE id IN (1400, 1600); SAVEPOINT a; $(rows acme 2001 2100); COMMIT"
	src "INSERT INTO items VALUES ('globex', 101); UPDATE items SET t = 'x' WHERE id = 1001"
	job
	streamed
	only_acme_waits small
	equal "10 500" "$(dst "SELECT count(*) FILTER (WHERE tenant_id = 'acme'),
	    count(*) FILTER (WHERE tenant_id = 'globex' AND id > 1000) FROM items" | tr '|' ' ')"
	mended
	equal 1131 "$(count items)"
}

@test "a refused row of a prepared transaction" {
	src "BEGIN; INSERT INTO items VALUES ('acme', 101, 5000), ('globex', 102, 5000); PREPARE TRANSACTION '$SLOT'"
	sync
	same
	src "COMMIT PREPARED '$SLOT'"
	src "UPDATE items SET t = 'x' WHERE id IN (101, 102)"
	job
	only_acme_waits small
	mended
	equal "x 2" "$(dst "SELECT t, count(*) FROM items WHERE id > 100 GROUP BY t" | tr '|' ' ')"
}

@test "a parked tenant's refused transaction can be given up" {
	src "INSERT INTO items VALUES ('acme', 101, 5000), ('globex', 102, 1)"
	job
	only_acme_waits small
	dst "DELETE FROM hr.parked WHERE tenant = 'acme'"
	run -0 --separate-stderr hr-apply -d "$DST" --retry --tenant acme
	equal "" "$(parked)"
	src "DELETE FROM items WHERE id = 101"
	src "INSERT INTO items VALUES ('acme', 103, 1)"
	sync
	same
	# The delete of what was given up; no more than that.
	equal "1 delete_missing" "$(dst "SELECT count(*), max(conflict) FROM hr.conflict" | tr '|' ' ')"
}

@test "a tenant that is refused again stays parked, and loses nothing" {
	src "UPDATE items SET n = 5000 WHERE id = 3"
	job
	only_acme_waits small
	src "UPDATE items SET t = 'late' WHERE tenant_id = 'acme'"
	run -77 --separate-stderr hr-apply -d "$DST" --retry
	one_error hr-apply "'acme'.*small"
	job
	only_acme_waits small
	run -77 --separate-stderr hr-apply -d "$DST" --retry --tenant acme
	mended
	equal late "$(dst "SELECT DISTINCT t FROM items WHERE tenant_id = 'acme'")"
}

@test "each of several parked tenants is taken up by itself" {
	dst "ALTER TABLE items ADD CONSTRAINT short CHECK (tenant_id <> 'globex' OR length(t) < 10)"
	src "UPDATE items SET n = 5000 WHERE id IN (3, 6)"
	src "UPDATE items SET t = 'much too long' WHERE id IN (1, 4)"
	src "UPDATE items SET n = 5000, t = 'much too long' WHERE tenant_id = 'initech'"
	src "INSERT INTO items VALUES ('umbrella', 101, 5000, 'much too long')"
	APPLY=(-j 2)
	job
	ended 0 77
	equal "acme globex" "$(parked | cut -d '|' -f 1 | paste -sd ' ')"
	same "tenant_id NOT IN ('acme', 'globex')"
	dst "ALTER TABLE items DROP CONSTRAINT short"
	run -77 --separate-stderr hr-apply -d "$DST" --retry
	equal acme "$(parked | cut -d '|' -f 1)"
	same "tenant_id <> 'acme'"
	mended
}

retried() {
	[ -z "$(parked)" ]
}

@test "a running pipeline goes on with a tenant after --retry" {
	"${FROM[@]}" "${TENANCY[@]}" 2>from.err 3>&- > >(exec "${TO[@]}" 2>to.err 3>&-) &
	echo $! >from.pid
	src "INSERT INTO items VALUES ('acme', 101, 5000), ('globex', 102, 5000)"
	wait_for 5 grep -q "'acme' is parked" to.err
	src "INSERT INTO items VALUES ('acme', 103, 1), ('globex', 104, 1)"
	wait_for 5 same "tenant_id <> 'acme'"
	dst "ALTER TABLE items DROP CONSTRAINT small"
	run -0 --separate-stderr hr-apply -d "$DST" --retry
	wait_for 5 retried
	src "INSERT INTO items VALUES ('acme', 105, 5000), ('globex', 106, 1)"
	wait_for 5 same
	kill "$(cat from.pid)"
	wait "$(cat from.pid)"
	equal "" "$(parked)"
	equal 0 "$(conflicts)"
}

@test "refused: a row of a shared table, which cannot be parked" {
	both "CREATE TABLE countries (code text PRIMARY KEY, n int)"
	dst "ALTER TABLE countries ADD CONSTRAINT few CHECK (n < 10)"
	config <<-'YAML'
	tenancy: {column: tenant_id}
	tables:
	  public.countries: {tenancy: shared}
	YAML
	src "INSERT INTO items VALUES ('globex', 101, 1)"
	src "BEGIN; INSERT INTO items VALUES ('globex', 102, 1); INSERT INTO countries VALUES ('DE', 11); COMMIT"
	src "INSERT INTO items VALUES ('globex', 103, 1)"
	job
	ended 75 77
	one_error hr-apply "few" to.err
	equal 0 "$(count "items WHERE id IN (102, 103)")"
	equal "" "$(parked)"
	dst "ALTER TABLE countries DROP CONSTRAINT few"
	sync
	same
	equal 0 "$(conflicts)"
}
