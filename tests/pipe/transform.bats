# hr-transform by rules between hr-capture and hr-apply: what the target has is
# what SQL makes of the source's tables.

load ../lib
load pipe

setup() {
	pair
	(umask 077 && printf '%s\n' 0123456789abcdef0123456789abcdef >key)
}

teardown() {
	unpair
}

# The same table under another name, identity as said.
person() {			# NAME IDENTITY
	src "CREATE TABLE $1 (tenant_id text NOT NULL, id int PRIMARY KEY, name text, email text, age int, status text,
	    amount numeric(12, 2), born date, ip inet, note text, big text)"
	src "ALTER TABLE $1 REPLICA IDENTITY $2"
	dst "CREATE TABLE $1 (tenant_id text NOT NULL, id int PRIMARY KEY, name text, age int, age_group text, status text,
	    amount numeric(12, 2), born date, ip inet, big text, shout text)"
}

rules() {
	cat >rules.yaml <<-'YAML'
	key: key
	tables: {leave_out: public.secrets}
	rules:
	  - tables: [public.full_*, public.keyed, public.by_key]
	    mask:
	      name: {by: hash, plain: true}
	      email: redact
	      age: {by: generalize, range: 10}
	      born: {by: generalize, unit: month}
	      ip: {by: generalize, prefix: 16}
	    columns: {leave_out: [email, note]}
	    enrich:
	      shout: upper(status) || '!' || id
	      age_group: {value: "CASE WHEN age < 30 THEN 'young' ELSE 'old' END", type: text}
	  - tables: [public.full_one, public.keyed]
	    filter: status <> 'draft' AND amount BETWEEN 10 AND 900
	  - tables: public.by_key
	    filter: id % 3 <> 0
	  - tables: public.full_two
	    validate: [{column: amount, min: 50, otherwise: drop}]
	  - tables: public.keyed
	    validate:
	      - {expression: id % 10 <> 7, otherwise: drop}
	      - {column: age, max: 70, otherwise: drop}
	YAML
}

# What rules make of a table, in SQL; WHERE is its filter.
by_sql() {			# TABLE WHERE
	src "SELECT tenant_id, id, encode(sha256(name::bytea), 'hex'), floor(age / 10.0)::int * 10,
	    CASE WHEN floor(age / 10.0) * 10 < 30 THEN 'young' ELSE 'old' END, status, amount,
	    date_trunc('month', born)::date - '2000-01-01', set_masklen(network(set_masklen(ip, 16))::inet, 16), md5(big),
	    upper(status) || '!' || id
	    FROM $1 WHERE $2 ORDER BY id"
}

by_rules() {			# TABLE
	dst "SELECT tenant_id, id, name, age, age_group, status, amount,
	    born - '2000-01-01', ip, md5(big), shout FROM $1 ORDER BY id"
}

pipe() {			# OPTION of hr-capture...
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --endpos now "$@" >cap.hrs 2>err.cap &&
	    hr-transform --rules rules.yaml <cap.hrs >out.hrs 2>err.tr &&
	    hr-apply -d "$DST" <out.hrs 2>err.app || { cat err.*; return 1; }
}

change() {			# SEED TABLE
	src "SELECT setseed($1);
	DO \$\$
	DECLARE
		i int;
	BEGIN
		FOR k IN 1 .. 400 LOOP
			i := 1 + (random() * 150)::int;
			CASE (random() * 7)::int
			WHEN 0, 1, 2 THEN
				INSERT INTO $2 VALUES (CASE WHEN i % 2 = 0 THEN 'acme' ELSE 'globex' END, i, 'name ' || k, 'e' || k || '@x.org',
				    (random() * 90)::int, (ARRAY['draft', 'new', 'done', NULL])[1 + (random() * 3)::int],
				    (random() * 100000)::int / 100.0, '2000-01-01'::date + (random() * 9000)::int,
				    ('10.' || k % 250 || '.3.4')::inet, 'secret note ' || k,
				    CASE WHEN k % 5 = 0 THEN (SELECT string_agg(md5(x::text || k), '') FROM generate_series(1, 120) x) ELSE 'b' || k END)
				ON CONFLICT (id) DO UPDATE SET name = excluded.name, status = excluded.status;
			WHEN 3 THEN UPDATE $2 SET status = (ARRAY['draft', 'new', 'done', NULL])[1 + (random() * 3)::int] WHERE id = i;
			WHEN 4 THEN UPDATE $2 SET amount = (random() * 100000)::int / 100.0, age = (random() * 90)::int WHERE id = i;
			WHEN 5 THEN UPDATE $2 SET id = (SELECT greatest(1000, max(id)) + 1 FROM $2) WHERE id = i;
			WHEN 6 THEN DELETE FROM $2 WHERE id = i;
			ELSE UPDATE $2 SET big = (SELECT string_agg(md5(x::text || k), '') FROM generate_series(1, 120) x) WHERE id = i;
			END CASE;
			IF random() < 0.3 THEN
				COMMIT;
			END IF;
		END LOOP;
	END \$\$" >/dev/null
}

same_by_sql() {			# TABLE WHERE
	by_sql "$1" "$2" >want
	by_rules "$1" >got
	[ -s want ]
	diff want got >diff.out || fail "$1: $(grep '^<' diff.out | head -3) $(grep '^>' diff.out | head -3)"
}

@test "the target is what SQL makes of the source, whatever was done" {
	person full_one FULL
	person full_two FULL
	person by_key DEFAULT
	# What is large is sent, so that a row can come in whole.
	src "ALTER TABLE by_key ALTER big SET STORAGE MAIN"
	both "CREATE TABLE plain (tenant_id text, id int PRIMARY KEY, t text)"
	src "CREATE TABLE secrets (tenant_id text, id int PRIMARY KEY, t text)"
	rules
	slot
	for seed in 0.1 0.2 0.3 0.4; do
		for table in full_one full_two by_key; do
			change "$seed" "$table"
		done
		src "INSERT INTO secrets SELECT 'acme', coalesce(max(id), 0) + 1, 'hidden' FROM secrets"
		src "INSERT INTO plain SELECT 'acme', coalesce(max(id), 0) + 1, 'seen' FROM plain"
		pipe
		same_by_sql full_one "status <> 'draft' AND floor(amount) IS NOT NULL AND amount BETWEEN 10 AND 900"
		same_by_sql full_two "amount >= 50"
		same_by_sql by_key "id % 3 <> 0"
	done
	[ "$(dst "SELECT count(*) FROM plain")" = 4 ]
	[ "$(dst "SELECT to_regclass('secrets') IS NULL")" = t ]
	[ "$(dst "SELECT count(*) FROM hr.conflict")" = 0 ]
}

@test "without the old row, rows are put and dropped" {
	person keyed DEFAULT
	src "ALTER TABLE keyed ALTER big SET STORAGE MAIN"
	rules
	slot
	for seed in 0.5 0.6; do
		src "SELECT setseed($seed);
		DO \$\$
		DECLARE
			i int;
		BEGIN
			FOR k IN 1 .. 300 LOOP
				i := (random() * 60)::int;
				INSERT INTO keyed (tenant_id, id, name, status, amount, age) VALUES ('acme', 1 + (random() * 60)::int, 'n' || k,
				    (ARRAY['draft', 'new'])[1 + (random() * 1)::int], (random() * 1000)::int, (random() * 90)::int)
				ON CONFLICT (id) DO UPDATE SET status = excluded.status, amount = excluded.amount, age = excluded.age;
				IF k % 4 = 0 THEN
					UPDATE keyed SET id = (SELECT max(id) + 100 FROM keyed) WHERE id = i;
				END IF;
				IF k % 7 = 0 THEN
					DELETE FROM keyed WHERE id = i;
				END IF;
			END LOOP;
		END \$\$" >/dev/null
		pipe
		same_by_sql keyed "status <> 'draft' AND amount BETWEEN 10 AND 900 AND id % 10 <> 7 AND age <= 70"
	done
	[ "$(dst "SELECT count(*) FROM hr.conflict")" = 0 ]
}

@test "a first copy goes by the rules, and what is left out is not in it" {
	person full_one FULL
	person by_key DEFAULT
	src "CREATE TABLE secrets (tenant_id text, id int PRIMARY KEY, t text)"
	src "INSERT INTO secrets SELECT 'acme', i, 'hidden' FROM generate_series(1, 100) i"
	for table in full_one by_key; do
		change 0.7 "$table"
	done
	rules
	pipe --create-slot --snapshot
	same_by_sql full_one "status <> 'draft' AND amount BETWEEN 10 AND 900"
	same_by_sql by_key "id % 3 <> 0"
	change 0.8 full_one
	pipe
	same_by_sql full_one "status <> 'draft' AND amount BETWEEN 10 AND 900"
}

@test "no plaintext of a masked column is in what is written, parked or said" {
	src "CREATE TABLE p (tenant_id text, id int PRIMARY KEY, name text, email text, card text, ssn text, age int, v text)"
	cat >rules.yaml <<-'YAML'
	key: key
	rules:
	  - tables: public.p
	    validate:
	      - {column: age, min: 0, max: 120, otherwise: park}
	      - {column: v, required: true, otherwise: drop}
	    mask:
	      name: {by: fake, as: name}
	      email: {by: tokenize, as: email}
	      card: tokenize
	      ssn: hash
	YAML
	slot
	src "INSERT INTO p SELECT 'acme', i, 'Zacharias' || i, 'zach' || i || '@plainmail.test', '49927398716' || i,
	    'SSN-77-' || i, i - 50, CASE WHEN i % 10 > 0 THEN 'v' END FROM generate_series(1, 200) i"
	src "UPDATE p SET email = 'newzach' || id || '@plainmail.test' WHERE id < 100"
	src "DELETE FROM p WHERE id % 3 = 0"
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --endpos now >cap.hrs
	grep -qa Zacharias cap.hrs
	run -0 --separate-stderr hr-transform -v --rules rules.yaml --dead-letters dead.jsonl <cap.hrs >out.hrs
	run -0 hr-transform --rules rules.yaml --dead-letters dead.jsonl <cap.hrs
	hr-transform -v --rules rules.yaml --dead-letters dead.jsonl <cap.hrs >out.hrs 2>err
	! grep -aiE 'zach|plainmail|49927398716|SSN-77' out.hrs dead.jsonl err
	[ "$(jq -rs 'map(select(.reason | startswith("column '\''age'\'' is below 0"))) | length > 40' dead.jsonl)" = true ]
	jq -es 'all(.tenant == "acme" and .table == "p" and (.lsn | test("^0/"))  and .row.id)' dead.jsonl
	hr-transform --dump <out.hrs | jq -rs 'map(select(.op == "insert")) | .[0].new | [.email, .card, .ssn] | @tsv' >one
	grep -E '^[a-z0-9]+@[a-z]+\.[a-z]+	[0-9]+	[0-9a-f]{64}$' one
	grep -q 'rows, .* by rules; .* left out, .* parked' err
}

@test "the same value is the same in every table and run, so that joins hold" {
	both "CREATE TABLE a (tenant_id text, id uuid PRIMARY KEY, ref text)"
	both "CREATE TABLE b (tenant_id text, n int PRIMARY KEY, a_id uuid, ref text)"
	cat >rules.yaml <<-'YAML'
	key: key
	rules:
	  - tables: "*"
	    mask:
	      id: {by: tokenize, domain: a}
	      a_id: {by: tokenize, domain: a}
	      ref: {by: tokenize, domain: ref}
	YAML
	slot
	src "INSERT INTO a SELECT 'acme', md5(i::text)::uuid, 'REF-' || i FROM generate_series(1, 50) i"
	pipe
	src "INSERT INTO b SELECT 'acme', i, md5(i::text)::uuid, 'REF-' || i FROM generate_series(1, 50) i"
	src "UPDATE a SET id = md5('x' || id)::uuid WHERE ref LIKE 'REF-1%'"
	src "DELETE FROM a WHERE ref LIKE 'REF-2%'"
	pipe
	[ "$(src "SELECT count(*) FROM a")" = "$(dst "SELECT count(*) FROM a")" ]
	[ "$(src "SELECT count(*) FROM a JOIN b ON a_id = id AND a.ref = b.ref")" = \
	    "$(dst "SELECT count(*) FROM a JOIN b ON a_id = id AND a.ref = b.ref")" ]
	[ "$(dst "SELECT count(*) FROM a WHERE id IN (SELECT md5(i::text)::uuid FROM generate_series(1, 50) i)")" = 0 ]
	[ "$(dst "SELECT count(*) FROM hr.conflict")" = 0 ]
}

@test "rules for some tenants are theirs alone" {
	both "CREATE TABLE items (tenant_id text, id int PRIMARY KEY, t text)"
	cat >rules.yaml <<-'YAML'
	rules:
	  - {tables: public.items, tenants: acme, filter: id > 5}
	  - {tables: public.items, tenants: "g*", mask: {t: redact}}
	YAML
	slot
	src "INSERT INTO items SELECT (ARRAY['acme', 'globex', 'initech'])[i % 3 + 1], i, 't' || i FROM generate_series(0, 29) i"
	pipe
	[ "$(dst "SELECT string_agg(DISTINCT tenant_id || ' ' || (t = '***')::text, ', ' ORDER BY tenant_id || ' ' || (t = '***')::text)
	    FROM items")" = "acme false, globex true, initech false" ]
	[ "$(dst "SELECT min(id) FROM items WHERE tenant_id = 'acme'")" = 6 ]
	[ "$(dst "SELECT count(*) FROM items")" = 28 ]
}

@test "a row that comes in without a large value that did not change is refused, and says what to do" {
	person keyed DEFAULT
	rules
	slot
	src "INSERT INTO keyed SELECT 'acme', 1, 'n', 'e', 30, 'draft', 100, NULL, NULL, NULL, string_agg(md5(i::text), '')
	    FROM generate_series(1, 500) i"
	pipe
	src "UPDATE keyed SET status = 'new'"
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --endpos now >cap.hrs
	run -77 --separate-stderr hr-transform --rules rules.yaml <cap.hrs
	[[ $stderr == *"public.keyed: a row that comes into the filter depends on a value that an update did not send"* ]]
	[[ $stderr == *"ALTER TABLE public.keyed REPLICA IDENTITY FULL"* ]]
}
