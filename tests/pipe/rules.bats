# hr-transform --rules, piece by piece of hr-rules(5): what is made of a
# source's rows at a target.

load ../lib
load pipe

setup() {
	pair
	(umask 077 && printf '%s\n' 0123456789abcdef0123456789abcdef >key)
	slot
}

teardown() {
	unpair
}

# rules: the file, from stdin.
rules() {
	cat >rules.yaml
}

capture() {			# OPTION...
	hr-capture -d "$SRC" -S "$SLOT" -P hr "${TENANCY[@]}" --endpos now --checkpoint "$F" "$@"
}

# The pipeline, by the rules.  All of it has to succeed.
pipe() {			# OPTION of hr-transform...
	{ capture "${CAPTURE[@]}" 2>err.cap || touch failed; } |
	    { hr-transform --rules rules.yaml "$@" 2>err.tr || touch failed; } |
	    hr-apply -d "$DST" --checkpoint "$F" "${APPLY[@]}" 2>err.app || touch failed
	[ ! -e failed ] || fail "$(cat err.*)"
}

# What is there now is made to a stream, cap.hrs, and the slot stays.
recorded() {
	record cap.hrs
}

# by_rules [OPTION]...: the recorded stream by the rules, as lines of jq.
by_rules() {
	hr-transform --rules rules.yaml "$@" <cap.hrs >out.hrs
	hr-transform --dump <out.hrs | jq -c 'select(.op and .op != "begin" and .op != "commit")'
}

# refused STATUS PATTERN: of the recorded stream.
refused() {
	run "-$1" --separate-stderr bash -c 'hr-transform --rules rules.yaml <cap.hrs >out.hrs'
	one_error hr-transform "$2"
}

# as_sql TABLE ["EXPRESSION [COLUMN]"]...: what SQL makes of the source's table
# is what the target has.
as_sql() {
	local table=$1 want='' got='' e

	shift
	for e in "$@"; do
		want+="${want:+, }${e% *}"
		got+="${got:+, }${e##* }"
	done
	pg_rows "$SRC" "$table" "$want" >want
	pg_rows "$DST" "$table" "$got" >got
	[ -s want ]
	diff want got >diff.out || fail "$table ($got):" "$(grep -m 6 "^<" diff.out; grep -m 6 "^>" diff.out)"
}

# In SQL: SHA-256 of a column's text, and an address with so many bits of it.
sha() {
	echo "encode(sha256(convert_to($1::text, 'UTF8')), 'hex')"
}

prefix() {			# COLUMN BITS BITS6
	local bits="CASE family($1) WHEN 4 THEN $2 ELSE $3 END"

	echo "set_masklen(network(set_masklen($1::inet, $bits))::inet, least(masklen($1), $bits))"
}

@test "what SQL can say of a mask is so, over every type it takes" {
	local unit date= stamps= dates=() masks=() columns

	for unit in hour day week month quarter year decade; do
		stamps+=", ts_$unit timestamp, tz_$unit timestamptz"
		masks+=("ts_$unit: {by: generalize, unit: $unit}" "tz_$unit: {by: generalize, unit: $unit}")
		dates+=("date_trunc('$unit', ts_$unit) ts_$unit" "date_trunc('$unit', tz_$unit, 'UTC') tz_$unit")
		[ $unit != hour ] || continue
		stamps+=", da_$unit date"
		masks+=("da_$unit: {by: generalize, unit: $unit}")
		dates+=("date_trunc('$unit', da_$unit::timestamp)::date da_$unit")
	done
	both "CREATE EXTENSION citext"
	columns="tenant_id text, id int PRIMARY KEY, t text, v varchar(300), c citext, t12 text, u uuid, b bytea, i8 bigint,
	    n2 smallint, n4 int, n8 bigint, n40 int, nn numeric(12, 3), f4 real, f8 double precision, ft text, fv varchar(3),
	    ip inet, ip4 inet, net cidr, red text, red4 int, redd date $stamps"
	src "CREATE TABLE m ($columns, h char(64), fc char(6), r4 int, r40 bigint, a2 smallint, a4 int, a8 bigint,
	    n_b bool, n_i int, n_a int[], n_j jsonb, n_p point, n_r int4range, n_bit bit(3), n_t timestamptz, n_ip inet)"
	dst "CREATE TABLE m ($columns, h text, fc text, r4 text, r40 text, a2 text, a4 text, a8 text,
	    n_b bool, n_i int, n_a int[], n_j jsonb, n_p point, n_r int4range, n_bit bit(3), n_t timestamptz, n_ip inet)"
	{
		cat <<-'YAML'
		rules:
		  - tables: public.m
		    mask:
		      t: {by: hash, plain: true}
		      v: {by: hash, plain: true}
		      c: {by: hash, plain: true}
		      h: {by: hash, plain: true}
		      t12: {by: hash, plain: true, digits: 12}
		      u: {by: hash, plain: true}
		      b: {by: hash, plain: true}
		      i8: {by: hash, plain: true}
		      n2: {by: generalize, range: 7}
		      n4: {by: generalize, range: 10}
		      n8: {by: generalize, range: 1000000}
		      n40: {by: generalize, range: 40, origin: 15}
		      nn: {by: generalize, range: 25}
		      f4: {by: generalize, range: 3}
		      f8: {by: generalize, range: 100}
		      r4: {by: generalize, range: 10, as: text}
		      r40: {by: generalize, range: 40, origin: -5, as: text}
		      a2: {by: generalize, ages: [18, 30, 65]}
		      a4: {by: generalize, ages: groups}
		      a8: {by: generalize, ages: [0]}
		      ft: {by: generalize, first: 3}
		      fv: {by: generalize, first: 1}
		      fc: {by: generalize, first: 2}
		      ip: {by: generalize, prefix: 20, prefix6: 40}
		      ip4: {by: generalize, prefix: 24}
		      net: {by: generalize, prefix6: 33}
		      red: redact
		      red4: {by: redact, text: 17}
		      redd: {by: redact, text: 1970-01-01}
		      n_b: null
		      n_i: null
		      n_a: null
		      n_j: null
		      n_p: null
		      n_r: null
		      n_bit: null
		      n_t: {by: null}
		      n_ip: {by: "null"}
		YAML
		printf '      %s\n' "${masks[@]}"
	} | rules
	src "INSERT INTO m (tenant_id, id) VALUES ('acme', 0);
	SELECT setseed(0.3);
	INSERT INTO m (tenant_id, id, t, v, c, h, t12, u, b, i8, n2, n4, n8, n40, nn, f4, f8, r4, r40, a2, a4, a8, ft, fv, fc,
	    ip, ip4, net, red, red4, redd, n_b, n_i, n_a, n_j, n_p, n_r, n_bit, n_t, n_ip)
	SELECT 'acme', i, s, s, s, left(s, 5), s, md5(s)::uuid, decode(md5(s), 'hex'), k, k % 32768, k % 2147483648, k, k % 2147483648,
	    (k % 100000000) / 1000.0, (k % 10000) / 8.0, k / 7.0, k % 1000, k % 1000000, abs(k % 150), k % 130 - 10, k, s, left(s, 3), left(s, 6),
	    ('10.' || i % 256 || '.' || i * 7 % 256 || '.9/' || 1 + i % 32)::inet, ('172.16.' || i || '.9')::inet,
	    network(set_masklen(('2001:db8:' || to_hex(i * 397) || '::1')::inet, 1 + i % 128)),
	    s, k % 99, '2000-01-01'::date + i, true, i, ARRAY[i], '{}', '(1,1)', '[1,3)', B'101', now(), '::1'
	FROM (SELECT i, (random() * 2e18)::bigint * CASE WHEN i % 3 = 0 THEN -1 ELSE 1 END AS k,
	    (ARRAY['', 'plain', 'Größe 7€', '日本語テキスト', '🙂🙃🙂🙃', E'a\\\\b''c', ' x '])[i % 7 + 1] || CASE WHEN i > 50 THEN i::text ELSE '' END AS s
	    FROM generate_series(1, 150) i) x"
	src "UPDATE m SET $(for unit in hour day week month quarter year decade; do
		printf '%s' "ts_$unit = t0, tz_$unit = t0 AT TIME ZONE 'UTC', "
		[ $unit = hour ] || printf '%s' "da_$unit = t0::date, "
	    done) n_i = 1 FROM (SELECT i, CASE i WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' WHEN 3 THEN '0044-03-15 12:00 BC'
	    WHEN 4 THEN '0001-01-01 BC' WHEN 5 THEN '1999-12-31 23:59:59.999999' WHEN 6 THEN '2000-02-29' WHEN 7 THEN '2021-01-03'
	    ELSE '1960-01-01'::timestamp + i * '400 days 5:06:07.000008'::interval END AS t0 FROM generate_series(1, 150) i) x WHERE id = i"
	src "UPDATE m SET f4 = 'NaN', f8 = 'Infinity', nn = 'NaN' WHERE id = 9"
	src "UPDATE m SET a4 = id - 5 WHERE id < 110"
	pipe
	as_sql m "id id" "$(sha t) t" "$(sha v) v" "$(sha "lower(c::text)") c" "$(sha h) h" "left($(sha t12), 12) t12" \
	    "decode($(sha b), 'hex') b" "('x' || $(sha i8))::bit(64)::bigint & 9223372036854775807 i8" \
	    "(substr($(sha u), 1, 12) || '8' || substr($(sha u), 14, 3) ||
		to_hex(('x' || substr($(sha u), 17, 1))::bit(4)::int & 3 | 8) || substr($(sha u), 18, 15))::uuid u"
	as_sql m "id id" "floor(n2 / 7.0) * 7 n2" "floor(n4 / 10.0) * 10 n4" "floor(n8 / 1000000.0) * 1000000 n8" \
	    "floor((n40 - 15) / 40.0) * 40 + 15 n40" "(floor(nn / 25) * 25)::numeric(12, 3) nn" \
	    "floor(f4 / 3) * 3 f4" "floor(f8 / 100) * 100 f8" \
	    "floor(r4 / 10.0) * 10 || '-' || floor(r4 / 10.0) * 10 + 9 r4" \
	    "floor((r40 + 5) / 40.0) * 40 - 5 || '-' || floor((r40 + 5) / 40.0) * 40 + 34 r40"
	as_sql m "id id" "left(ft, 3) ft" "left(fv, 1) fv" "left(fc::text, 2) fc" "CASE WHEN red IS NOT NULL THEN '***' END red" \
	    "CASE WHEN red4 IS NOT NULL THEN 17 END red4" "CASE WHEN redd IS NOT NULL THEN '1970-01-01' END::date redd"
	as_sql m "id id" "$(prefix ip 20 40) ip" "$(prefix ip4 24 0) ip4" "network($(prefix net 0 33)) net"
	as_sql m "id id" "${dates[@]}"
	equal 0 "$(dst "SELECT num_nonnulls(n_b, n_i, n_a, n_j, n_p, n_r, n_bit, n_t, n_ip) FROM m GROUP BY 1")"
	# A group of ages has one name, and another has another.
	src "SELECT id, greatest(least(floor(a4 / 5.0), 17), -1), width_bucket(a2, ARRAY[18, 30, 65]), a8 >= 0 FROM m" >want
	dst "SELECT id, coalesce(a4, ''), coalesce(a2, ''), coalesce(a8, '') FROM m" >got
	join -t '|' <(sort -t '|' -k 1,1 want) <(sort -t '|' -k 1,1 got) >ages
	for i in 2 3 4; do
		equal "$(cut -d '|' -f $i ages | sort -u | wc -l)" "$(cut -d '|' -f $i,$((i + 3)) ages | sort -u | wc -l)" "$(cut -d '|' -f $i,$((i + 3)) ages | sort -u)"
		equal "$(cut -d '|' -f $i ages | sort -u | wc -l)" "$(cut -d '|' -f $((i + 3)) ages | sort -u | wc -l)" "field $i"
	done
}

@test "rows are found by masked keys, however they change" {
	local key kind type tables='' functions='' all='' keys=(uuid_hash text_hash text_digits bytea_hash text_tok varchar_tok int2_tok int4_tok int8_tok numeric_tok uuid_tok email_email)
	declare -A mask=([hash]=hash [digits]="{by: hash, digits: 32}" [tok]=tokenize)
	declare -A value=([uuid]="md5(i::text)::uuid" [text]="'Key-' || i" [bytea]="decode(md5(i::text), 'hex')" [varchar]="'Ä' || i || ' z'"
	    [int2]="i - 100" [int4]="i * 77777" [int8]="i * -10000000019::bigint" [numeric]="i / 8.0" [email]="'k' || i || '@x' || i % 9 || '.org'")

	echo $'key: key\nrules:' >rules.yaml
	mask[email]="{by: tokenize, as: email}"
	for key in "${keys[@]}"; do
		type=${key%_*}
		[ "$type" != email ] || type=text
		[ "$type" != numeric ] || type="numeric(12, 3)"
		functions+="CREATE FUNCTION id_$key(i int) RETURNS $type LANGUAGE sql AS \$\$ SELECT ${value[${key%_*}]} \$\$;"
		for kind in d f c; do
			tables+="CREATE TABLE ${key}_$kind (tenant_id text NOT NULL, id $type NOT NULL, n int, note text DEFAULT 'n',
			    PRIMARY KEY ($([ $kind != c ] || echo tenant_id,) id));"
		done
		functions+="ALTER TABLE ${key}_f REPLICA IDENTITY FULL;"
		echo "  - {tables: public.${key}_?, mask: {id: ${mask[${key#*_}]}}}" >>rules.yaml
	done
	both "$tables"
	src "$functions"
	each() {		# SQL with TABLE, and ID of a number
		local sql='' one

		for key in "${keys[@]}"; do
			for kind in d f c; do
				one=${1//TABLE/${key}_$kind}
				sql+=${one//ID(/id_$key(}
			done
		done
		src "$sql"
	}
	each "INSERT INTO TABLE SELECT CASE WHEN n % 3 = 0 THEN 'globex' ELSE 'acme' END, ID(n), n FROM generate_series(1, 40) n;"
	pipe
	each "UPDATE TABLE SET note = 'm' WHERE n > 30; DELETE FROM TABLE WHERE n % 7 = 0;
	UPDATE TABLE SET id = ID(n + 100) WHERE n % 5 = 0; UPDATE TABLE SET id = ID(n), note = 'o' WHERE n % 10 = 0;
	INSERT INTO TABLE SELECT 'acme', ID(n), n FROM generate_series(41, 45) n;"
	each "UPDATE TABLE SET note = 'p' WHERE n % 5 = 0; DELETE FROM TABLE WHERE n % 15 = 0;"
	pipe
	equal 0 "$(conflicts)"
	for key in "${keys[@]}"; do
		for kind in d f c; do
			all+="${all:+ UNION ALL }SELECT '${key}_$kind' AS t, tenant_id, id::text, n, note FROM ${key}_$kind"
		done
	done
	both "CREATE VIEW everything AS $all"
	as_sql everything "t t" "tenant_id tenant_id" "n n" "note note"
	as_sql "(SELECT t, count(DISTINCT id) FROM everything GROUP BY t) x" "x x"
	src "SELECT t, n, id FROM everything" | sort >want
	dst "SELECT t, n, id FROM everything" | sort >got
	[ "$(comm -12 want got | wc -l)" -lt 20 ] || fail "not masked:" "$(comm -12 want got)"
	src "INSERT INTO text_tok_d VALUES ('acme', 'more', 1)"
	recorded
	rules <<<$'key: key\nrules: [{tables: public.text_tok_d, mask: {id: {by: hash, digits: 31}}}]'
	refused 78 "rules[.]yaml:2:44: column 'id' of public.text_tok_d is part of its replica identity.*32 digits"
}

@test "tokens have the shape of what they stand for, and stay different" {
	local shape='' from to column

	for table in s s2; do
		src "CREATE TABLE $table (tenant_id text, id int PRIMARY KEY, t text, v varchar(40), c char(12), e text, k text, w text,
		    n2 smallint, n4 int, n8 bigint, n8b bigint, nu numeric, ns numeric(10, 2), u uuid, d1 text, d2 text, d3 text,
		    pt text, pe text, pn4 int, pn8 bigint, pnu numeric, pns numeric(10, 2), pu uuid)"
		dst "CREATE TABLE $table (tenant_id text, id int PRIMARY KEY, t text, v varchar(40), c char(12), e text, k text, w text,
		    n2 smallint, n4 int, n8 bigint, n8b bigint, nu numeric, ns numeric(10, 2), u uuid, d1 text, d2 text, d3 text,
		    pt text, pe text, pn4 int, pn8 bigint, pnu numeric, pns numeric(10, 2), pu uuid)"
	done
	rules <<-'YAML'
	key: key
	rules:
	  - tables: public.s*
	    mask:
	      t: tokenize
	      v: tokenize
	      c: tokenize
	      e: {by: tokenize, as: email}
	      k: {by: tokenize, as: email, keep_domain: true}
	      w: tokenize
	      n2: tokenize
	      n4: tokenize
	      n8: tokenize
	      n8b: {by: tokenize}
	      nu: tokenize
	      ns: tokenize
	      u: tokenize
	      d1: {by: tokenize, domain: one}
	      d2: {by: tokenize, domain: one}
	      d3: {by: tokenize, domain: other}
	YAML
	src "INSERT INTO s SELECT 'acme', i, t, t, left(t, 12), e, e, w, i, i * 37, i::bigint * 100000000003, i * 37, n, n, md5(i::text)::uuid, t, t, t,
	    t, e, i * 37, i::bigint * 100000000003, n, n, md5(i::text)::uuid
	    FROM (SELECT i, (i - 200.5) / 8.0 AS n, (ARRAY['Abc-', '', 'x ', 'ÖéÜ ', 'Жук ', 'Ωμεγα'])[i % 6 + 1] || i || '/K' AS t,
		'Max.M' || i || '@mail' || i % 20 || '.example.ORG' AS e,
		(ARRAY['a', 'Z', '7', 'zz', '٣'])[i % 5 + 1] AS w FROM generate_series(1, 300) i) x;
	INSERT INTO s (tenant_id, id) VALUES ('acme', 0);
	INSERT INTO s2 SELECT 'globex', id + 1000, t, v, c, e, k, w, n2, n4, n8, n8b, nu, ns, u, d1, d2, d3, pt, pe, pn4, pn8, pnu, pns, pu FROM s;"
	pipe
	shape=\$1
	for column in '0-9 9' '٠-٩ 3' 'a-zß-öø-ÿ a' 'A-ZÀ-ÖØ-Þ A' 'а-я я' 'А-Я Я' 'α-ω ω' 'Α-Ω Ω'; do
		from=${column% *} to=${column#* }
		shape="regexp_replace($shape, '[$from]', '$to', 'g')"
	done
	dst "CREATE FUNCTION shape(text) RETURNS text LANGUAGE sql AS \$\$ SELECT $shape \$\$"
	equal "t|t|t|t|t|t|t" "$(dst "SELECT bool_and(shape(t) = shape(pt)), bool_and(shape(v) = shape(pt)), bool_and(shape(c) = shape(left(pt, 12))),
	    bool_and(length(n4::text) = length(pn4::text) AND sign(n4) = sign(pn4)), bool_and(length(n8::text) = length(pn8::text)),
	    bool_and(scale(nu) = scale(pnu) AND sign(nu) = sign(pnu)), bool_and(e ~ '^[^@]+@[^@]+[.][^@]+[.][A-Za-z]+\$' AND shape(k) = shape(pe)) FROM s")"
	equal "$(dst "SELECT count(DISTINCT pt), count(DISTINCT pt), count(DISTINCT left(pt, 12)::char(12)), count(DISTINCT pe), count(DISTINCT pe), 5, 300, 300, 300,
	    count(DISTINCT pnu), count(DISTINCT pns), 300 FROM s")" \
	    "$(dst "SELECT count(DISTINCT t), count(DISTINCT v), count(DISTINCT c), count(DISTINCT e), count(DISTINCT k), count(DISTINCT w), count(DISTINCT n2), count(DISTINCT n4),
	    count(DISTINCT n8), count(DISTINCT nu), count(DISTINCT ns), count(DISTINCT u) FROM s")"
	# Not what they were; the same in columns and tables, but for a domain.
	equal "t|t|t|t|t" "$(dst "SELECT count(*) FILTER (WHERE t = pt) < 3, count(*) FILTER (WHERE n4 = pn4) < 3, count(*) FILTER (WHERE nu = pnu) < 3,
	    count(*) FILTER (WHERE u = pu) = 0, count(*) FILTER (WHERE e = pe OR k = pe) < 3 FROM s")"
	equal 301 "$(dst "SELECT count(*) FROM s JOIN s2 ON s.id + 1000 = s2.id AND (s.t, s.v, s.c, s.e, s.k, s.w, s.n2, s.n4, s.n8, s.nu, s.ns, s.u, s.d1, s.d3)
	    IS NOT DISTINCT FROM (s2.t, s2.v, s2.c, s2.e, s2.k, s2.w, s2.n2, s2.n4, s2.n8, s2.nu, s2.ns, s2.u, s2.d1, s2.d3)")"
	equal "t|t|t|t" "$(dst "SELECT bool_and(t = v), bool_and(d1 = d2), count(*) FILTER (WHERE d1 <> t) > 290, count(*) FILTER (WHERE d1 <> d3) > 290 FROM s")"
	equal t "$(dst "SELECT bool_and(n4 = n8b) FROM s WHERE abs(pn4) <= 999999999")"
	# The domain stays, or is the same for all that had one.
	equal "t|t" "$(dst "SELECT bool_and(split_part(k, '@', 2) = split_part(pe, '@', 2)),
	    count(DISTINCT split_part(e, '@', 2)) = count(DISTINCT split_part(pe, '@', 2)) FROM s")"
	equal "1|1|1|1" "$(dst "SELECT count(*), count(*) - count(t), count(*) - count(n8), count(*) - count(u) FROM s WHERE id = 0")"
}

@test "fakes are of a kind, of one person, and the same each time" {
	local word words=(name first_name last_name user email phone street city postcode address company iban card)

	both "CREATE TABLE f (tenant_id text, id int PRIMARY KEY, who text, $(printf 'x_%s text, ' "${words[@]}") other text, u4 text, e9 text,
	    alone text, alone2 text, d date, ts timestamp, tz timestamptz, pd date, pts timestamp, ptz timestamptz)"
	{
		printf '%s\n' "key: key" rules: "  - tables: public.f" "    mask:"
		for word in "${words[@]}"; do
			echo "      x_$word: {by: fake, as: $word, of: who}"
		done
		cat <<-'YAML'
		      other: {by: fake, as: name, of: id}
		      u4: {by: fake, as: user, of: who, digits: 4}
		      e9: {by: fake, as: email, of: who, digits: 9}
		      alone: {by: fake, as: name}
		      alone2: {by: fake, as: name}
		      d: {by: fake, days: 10, of: who}
		      ts: {by: fake, days: 10, of: who}
		      tz: {by: fake, days: 10, of: who}
		YAML
	} | rules
	src "INSERT INTO f SELECT 'acme', i, 'person ' || i % 100, $(printf "'Secret %s', " "${words[@]//*/x}") 'Secret', 'Secret', 'Secret', 'Secret ' || i % 50,
	    'Secret ' || i % 50, d, d + '01:02:03.000004'::interval, d + '01:02:03.000004'::interval, d, d + '01:02:03.000004'::interval, d + '01:02:03.000004'::interval
	    FROM (SELECT i, '1999-12-25'::date + i AS d FROM generate_series(1, 200) i) x;
	INSERT INTO f (tenant_id, id, who) VALUES ('acme', 0, 'nobody')"
	pipe
	equal 0 "$(dst "SELECT count(*) FROM f WHERE f::text LIKE '%Secret%' AND who LIKE 'person%'")"
	dst "CREATE VIEW g AS SELECT * FROM f WHERE id > 0"
	# One who, one person, and not all persons are one.
	for word in "${words[@]/#/x_}" u4 e9; do
		equal "100|t" "$(dst "SELECT count(DISTINCT (who, $word)), count(DISTINCT $word) > 20 FROM g")" "$word"
	done
	equal "50|t|t" "$(dst "SELECT count(DISTINCT (alone, id % 50)), bool_and(alone = alone2), count(DISTINCT alone) > 20 FROM g")"
	equal "t" "$(dst "SELECT count(DISTINCT other) > 100 FROM g")"
	equal "t|t|t|t|t|t|t|t" "$(dst "SELECT bool_and(x_name LIKE x_first_name || ' %' AND x_name LIKE '% ' || x_last_name), bool_and(x_email ~ '^[^@ ]+@[^@ ]+[.][a-z]+\$'),
	    bool_and(u4 ~ '^[^ @]*[^0-9 @][0-9]{4}\$'), bool_and(e9 ~ '^[^@ ]*[^0-9@ ][0-9]{9}@[^@ ]+[.][a-z]+\$'), bool_and(x_phone ~ '^[+]?[0-9 ()/.-]+\$'),
	    bool_and(x_iban ~ '^[A-Z]{2}[0-9]{2}[ A-Z0-9]{11,40}\$'), bool_and(x_card ~ '^[0-9 -]{12,25}\$'), bool_and(x_user !~ '[ @]') FROM g")"
	# Days either way, the same for one.
	equal "t|t|100|t" "$(dst "SELECT bool_and(abs(d - pd) <= 10), bool_and(ts - pts = (d - pd) * '1 day'::interval AND tz - ptz = ts - pts),
	    count(DISTINCT (who, d - pd)), count(DISTINCT d - pd) BETWEEN 10 AND 21 FROM g")"
	equal "1|0" "$(dst "SELECT count(*), count(x_name) + count(x_email) + count(x_iban) + count(d) FROM f WHERE id = 0")"
}

@test "noise stays within its bounds, and equal values move equally" {
	local columns

	columns="tenant_id text, id int PRIMARY KEY, a2 smallint, a4 int, a8 bigint, r4 real, r8 double precision, nu numeric, ns numeric(12, 2),
	    l4 int, l8 double precision, ln numeric(12, 2), b4 int, p int, pn numeric"
	both "CREATE TABLE n ($columns)"
	both "CREATE TABLE n2 ($columns)"
	rules <<-'YAML'
	key: key
	rules:
	  - tables: public.n*
	    mask:
	      a2: {by: noise, scale: 5}
	      a4: {by: noise, scale: 100}
	      a8: {by: noise, scale: 100}
	      r4: {by: noise, scale: 2.5}
	      r8: {by: noise, scale: 0.5}
	      nu: {by: noise, scale: 3}
	      ns: {by: noise, scale: 0.25}
	      l4: {by: noise, scale: 20, shape: laplace}
	      l8: {by: noise, scale: 20, shape: laplace, min: 50, max: 250}
	      ln: {by: noise, scale: 20, shape: laplace, min: 0}
	      b4: {by: noise, scale: 1000, min: 10, max: 20}
	YAML
	src "INSERT INTO n SELECT 'acme', i, v, v, v, v, v, v, v, v, v, v, v, v, v FROM (SELECT i, i % 200 + 1 AS v FROM generate_series(1, 1000) i) x;
	INSERT INTO n (tenant_id, id) VALUES ('acme', 0);
	INSERT INTO n2 SELECT tenant_id, -id, a2, a4, a8, r4, r8, nu, ns, l4, l8, ln, b4, p, pn FROM n"
	pipe
	equal "t|t|t|t|t|t|t|t|t|t" "$(dst "SELECT bool_and(abs(a2 - p) <= 5), bool_and(abs(a4 - p) <= 100), bool_and(abs(a8 - p) <= 100),
	    bool_and(abs(r4 - p) <= 2.5), bool_and(abs(r8 - p) <= 0.5), bool_and(abs(nu - pn) <= 3), bool_and(abs(ns - pn) <= 0.25),
	    bool_and(l8 BETWEEN 50 AND 250), bool_and(ln >= 0), bool_and(b4 BETWEEN 10 AND 20) FROM n")"
	# Of 200 values most move, some up and some down, some far.
	equal "t|t|t|t|t|t" "$(dst "SELECT count(DISTINCT a4 - p) > 50, count(*) FILTER (WHERE a4 > p) BETWEEN 300 AND 700, max(abs(a4 - p)) > 80,
	    count(DISTINCT r8 - p) > 150, max(abs(l4 - p)) > 40, avg(abs(l4 - p)) BETWEEN 10 AND 30 FROM n")"
	equal 200 "$(dst "SELECT count(DISTINCT (a2, a4, a8, r4, r8, nu, ns, l4, l8, ln, b4, p)) FROM n WHERE id > 0")"
	equal 1001 "$(dst "SELECT count(*) FROM n JOIN n2 ON n.id = -n2.id AND (n.a2, n.a4, n.a8, n.r4, n.r8, n.nu, n.ns, n.l4, n.l8, n.ln, n.b4)
	    IS NOT DISTINCT FROM (n2.a2, n2.a4, n2.a8, n2.r4, n2.r8, n2.nu, n2.ns, n2.l4, n2.l8, n2.ln, n2.b4)")"
	# Old rows are masked as new ones: none is missed.
	src "UPDATE n SET a4 = a4 + 1000 WHERE id % 2 = 0; DELETE FROM n WHERE id % 3 = 0"
	pipe
	equal "$(src "SELECT count(*) FROM n")|0" "$(dst "SELECT (SELECT count(*) FROM n), (SELECT count(*) FROM hr.conflict)")"
}

@test "columns are added from expressions, what is known of the row, and files" {
	both "CREATE TABLE e (tenant_id text, id int PRIMARY KEY, country text, born date, n numeric(8, 2), j jsonb)"
	dst "ALTER TABLE e ADD shout text, ADD age int, ADD half numeric, ADD big bigint, ADD txt text, ADD k text, ADD const int,
	    ADD tenant text, ADD schema text, ADD tab text, ADD op text, ADD xid bigint, ADD lsn pg_lsn, ADD at timestamptz, ADD name text, ADD cont text"
	printf 'code,continent,name\r\nDE,Europe,"Deutschland, ""D"""\r\nIN,Asia,India\r\n"",none,nowhere\r\n' >countries.csv
	rules <<-'YAML'
	rules:
	  - tables: public.e
	    enrich:
	      shout: upper(country) || '!' || id
	      age: extract(year FROM born)::int
	      half: n / 2
	      big: {value: id * 2, type: bigint}
	      txt: {value: "CASE WHEN n > 100 THEN 'much' WHEN n IS NULL THEN NULL ELSE 'little' END", type: text}
	      k: j ->> 'k'
	      const: "7"
	      tenant: $tenant
	      schema: $schema
	      tab: $table
	      op: $op
	      xid: $xid
	      lsn: $lsn
	      at: $commit_time
	      name: {lookup: countries.csv, key: country, by: code, give: name}
	  - tables: public.e
	    enrich:
	      cont: {lookup: countries.csv, key: upper(country), by: code, give: continent}
	YAML
	src "INSERT INTO e SELECT CASE WHEN i % 2 = 0 THEN 'acme' ELSE 'globex' END, i, (ARRAY['DE', 'in', 'FR', NULL, ''])[i % 5 + 1], '1950-06-01'::date + i * 300,
	    CASE WHEN i % 7 > 0 THEN i * 9.87 END, jsonb_build_object('k', i) FROM generate_series(1, 40) i;
	INSERT INTO e (tenant_id, id) VALUES ('acme', 0); UPDATE e SET country = 'IN' WHERE id % 10 = 0; DELETE FROM e WHERE id = 5"
	pipe
	as_sql e "id id" "upper(country) || '!' || id shout" "extract(year FROM born)::int age" "n / 2 half" "id * 2 big" \
	    "CASE WHEN n > 100 THEN 'much' WHEN n IS NULL THEN NULL ELSE 'little' END txt" "j ->> 'k' k" "7 const" "tenant_id tenant" \
	    "'public' schema" "'e' tab" "CASE WHEN id % 10 = 0 THEN 'update' ELSE 'insert' END op" "xmin::text xid" "pg_xact_commit_timestamp(xmin) at" \
	    "CASE country WHEN 'DE' THEN 'Deutschland, \"D\"' WHEN 'IN' THEN 'India' WHEN '' THEN 'nowhere' END name" \
	    "CASE upper(country) WHEN 'DE' THEN 'Europe' WHEN 'IN' THEN 'Asia' WHEN '' THEN 'none' END cont"
	equal t "$(dst "SELECT bool_and(lsn > '0/1000000' AND lsn <= '$(now)') FROM e")"
	# A filter that cannot know what the row was puts it.
	sed -i '0,/enrich:/s//filter: n > 0\n    enrich:/' rules.yaml
	src "UPDATE e SET n = 5 WHERE id = 1"
	recorded
	equal '["put","public"]' "$(by_rules | jq -c '[.op, .new.schema]')"
}

@test "tables and columns that may go, and those that may not, in a first copy and behind it" {
	local t

	each() {
		for t in shop_a shop_b shop_cc audit_1 other; do
			printf '%s;\n' "${1//NAME/$t}"
		done
	}
	both "$(each "CREATE TABLE NAME (tenant_id text, id int PRIMARY KEY, name text, secret_a text, secret_b text, note text)")"
	both "CREATE SCHEMA within; CREATE TABLE within.shop_a (tenant_id text, id int PRIMARY KEY, name text)"
	src "$(each "INSERT INTO NAME SELECT 'acme', i, 'n' || i, 'sa', 'sb', 'x' FROM generate_series(1, 20) i")
	INSERT INTO within.shop_a VALUES ('acme', 1, 'n')"
	rules <<-'YAML'
	tables:
	  only: ["public.shop_?", public.audit_*, "*.other"]
	  leave_out: "public.audit_[0-9]"
	rules:
	  - tables: "public.*"
	    columns: {leave_out: secret_*}
	  - tables: public.shop_b
	    columns: {only: [tenant_id, id, "n*"], leave_out: [note]}
	YAML
	drop_slots source
	CAPTURE=(--create-slot --snapshot)
	pipe
	left() {
		equal "$1|$1|0|0|$1|0" "$(dst "SELECT (SELECT count(*) FROM shop_a), (SELECT count(*) FROM shop_b), (SELECT count(*) FROM shop_cc),
		    (SELECT count(*) FROM audit_1), (SELECT count(*) FROM other), (SELECT count(*) FROM within.shop_a)")"
		equal "0|0|$1|$1|0|$1" "$(dst "SELECT (SELECT count(secret_a) + count(secret_b) FROM shop_a), (SELECT count(secret_a) + count(secret_b) FROM shop_b),
		    (SELECT count(note) FROM shop_a), (SELECT count(name) FROM shop_b), (SELECT count(note) FROM shop_b), (SELECT count(name) FROM other)")"
	}
	left 20
	src "$(each "UPDATE NAME SET name = 'm', secret_a = 'new' WHERE id < 5; DELETE FROM NAME WHERE id = 20")
	TRUNCATE shop_cc, audit_1; INSERT INTO within.shop_a VALUES ('acme', 2, 'n')"
	pipe
	left 19
	equal 4 "$(dst "SELECT count(*) FROM shop_b WHERE name = 'm'")"
	equal 0 "$(conflicts)"
	# Together with one that goes.
	src "TRUNCATE other, shop_cc"
	dst "INSERT INTO shop_cc VALUES ('acme', 77)"
	pipe
	equal "0|1" "$(dst "SELECT (SELECT count(*) FROM other), (SELECT count(*) FROM shop_cc)")"
}

@test "a filter takes what is true, and neither what is false nor what is unknown" {
	local i sql='' all='' filters=(
		"a = b"
		"a <> b OR t IS NULL"
		"NOT (a > b)"
		"a IN (1, NULL)"
		"a NOT IN (2, NULL)"
		"(a > 1) IS NOT TRUE"
		"a IS NOT DISTINCT FROM b"
		"t LIKE '%' AND a BETWEEN b AND 2"
		"CASE WHEN a = 1 THEN b = 1 END"
		"coalesce(a, b) = 1 AND nullif(t, '') IS NULL"
		"(a = 1 AND b = 1) IS UNKNOWN"
		"NOT (a = 1 OR t = 'x')"
	)
	tables() {
		for i in "${!filters[@]}"; do
			printf "CREATE TABLE f_$i (tenant_id text, id int PRIMARY KEY, a int, b int, t text);
			    CREATE TABLE d_$i (tenant_id text, id int PRIMARY KEY, a int, b int, t text);\n"
		done
	}
	both "$(tables)"
	echo "rules:" >rules.yaml
	for i in "${!filters[@]}"; do
		src "ALTER TABLE f_$i REPLICA IDENTITY FULL"
		printf '  - {tables: "public.[df]_%s", filter: "%s"}\n' "$i" "${filters[i]}" >>rules.yaml
		for t in "f_$i" "d_$i"; do
			sql+="INSERT INTO $t SELECT 'acme', i, NULLIF(i % 3, 0), NULLIF(i / 3 % 3, 0), (ARRAY[NULL, '', 'x'])[i / 9 % 3 + 1] FROM generate_series(0, 80) i;
			    UPDATE $t SET a = NULLIF(id / 27 % 3, 0), b = NULLIF((id / 3 + 1) % 3, 0) WHERE id % 2 = 0;
			    UPDATE $t SET id = id + 1000 WHERE id % 7 = 0; UPDATE $t SET t = 'x' WHERE id % 5 = 0; DELETE FROM $t WHERE id % 11 = 0;"
			want+="${want:+ UNION ALL }SELECT '$t' AS f, * FROM $t WHERE ${filters[i]}"
			all+="${all:+ UNION ALL }SELECT '$t' AS f, * FROM $t"
		done
	done
	src "$sql"
	pipe
	src "$want ORDER BY 1, 3" >want
	dst "$all ORDER BY 1, 3" >got
	[ -s want ]
	diff want got >diff.out || fail "$(head -n 10 diff.out)"
	equal 0 "$(conflicts)"
}

@test "messages are left out, or pass; a change of a table passes where it does" {
	both "CREATE TABLE goes (tenant_id text, id int PRIMARY KEY); CREATE TABLE stays (tenant_id text, id int PRIMARY KEY)"
	hr-capture --install-ddl -d "$SRC"
	src "BEGIN; SELECT pg_logical_emit_message(true, 'mine', 'in it'); INSERT INTO goes VALUES ('acme', 1); COMMIT;
	SELECT pg_logical_emit_message(false, 'mine', 'beside it');
	SELECT pg_switch_wal()" >/dev/null		# writes the message out
	recorded
	messages() {
		by_rules | jq -sc 'map(select(.op == "message") | .content)'
	}
	equal 2 "$(hr-transform --dump <cap.hrs | grep -c '"op":"message"')"
	rules <<<'rules: []'
	equal '[]' "$(messages)"
	rules <<<$'messages: leave-out\nrules: []'
	equal '[]' "$(messages)"
	equal 1 "$(by_rules | grep -c '"op":"insert"')"
	rules <<<$'messages: pass\nrules: [{tables: public.goes, enrich: {x: $tenant}}]'
	equal '["in it","beside it"]' "$(messages)"
	rules <<<$'tables: {leave_out: public.stays}\nrules: [{tables: public.goes, columns: {leave_out: secret*}}]'
	src "ALTER TABLE goes ADD more text; ALTER TABLE goes ADD secret_more text; ALTER TABLE stays ADD more text;
	INSERT INTO goes VALUES ('acme', 2, 'm', 's'); INSERT INTO stays VALUES ('acme', 2, 'm')"
	APPLY=(--ddl add)
	pipe
	equal "acme|1| acme|2|m" "$(dst "SELECT * FROM goes ORDER BY id" | paste -sd ' ')"
	equal "tenant_id,id|0" "$(dst "SELECT string_agg(attname, ',' ORDER BY attnum), (SELECT count(*) FROM stays)
	    FROM pg_attribute WHERE attrelid = 'stays'::regclass AND attnum > 0")"
}

@test "checks of every kind see the row as it is, and what is unknown passes; a parked row can come later" {
	local bad

	both "CREATE TABLE v (tenant_id text, id int PRIMARY KEY, i int, n numeric, d date, t text, w text, j jsonb, js json)"
	rules <<-'YAML'
	rules:
	  - tables: public.v
	    mask: {t: redact, w: redact, i: null}
	    validate:
	      - {column: i, type: integer}
	      - {column: w, required: true, otherwise: park}
	      - {column: i, min: 0, otherwise: park}
	      - {column: n, min: 0.5, max: 10.25, otherwise: park}
	      - {column: d, max: 2020-12-31, otherwise: park}
	      - {column: t, values: [one, two, three], otherwise: park}
	      - {column: w, pattern: "^[a-z]+[0-9]?$", otherwise: park}
	      - {column: j, json: "a.b:number", otherwise: park}
	      - {column: j, json: [a, "o:object", "l:array", "s:string", "y:boolean", "z:null"], otherwise: park}
	      - {column: js, json: deep.er.est, otherwise: park}
	      - {expression: i < n OR d IS NULL, otherwise: park}
	      - {column: i, values: [8, 9, 1, 2], otherwise: drop}
	YAML
	src "CREATE TEMP TABLE x (LIKE v);
	INSERT INTO x SELECT 'acme', i, 1, 2.5, '2020-12-31', 'one', 'w1',
	    '{\"a\": {\"b\": 1}, \"o\": {}, \"l\": [], \"s\": \"\", \"y\": false, \"z\": null}', '{\"deep\": {\"er\": {\"est\": null}}}' FROM generate_series(1, 99) i;
	UPDATE x SET i = NULL, n = NULL, d = NULL, t = NULL, j = NULL, js = NULL WHERE id = 2;
	UPDATE x SET n = 10.25, i = 9 WHERE id = 3; UPDATE x SET d = NULL, i = 9 WHERE id = 4; UPDATE x SET t = 'three', w = 'abc' WHERE id = 5;
	UPDATE x SET w = NULL WHERE id = 20; UPDATE x SET i = -1 WHERE id = 21; UPDATE x SET n = 0.49 WHERE id = 22; UPDATE x SET n = 10.26 WHERE id = 23;
	UPDATE x SET d = '2021-01-01' WHERE id = 24; UPDATE x SET t = 'One' WHERE id = 25; UPDATE x SET w = 'w12' WHERE id = 26;
	UPDATE x SET j = jsonb_set(j, '{a,b}', '\"1\"') WHERE id = 27; UPDATE x SET j = j #- '{a,b}' WHERE id = 28; UPDATE x SET j = jsonb_set(j, '{o}', '[]') WHERE id = 29;
	UPDATE x SET j = jsonb_set(j, '{l}', '{}') WHERE id = 30; UPDATE x SET j = jsonb_set(j, '{s}', '1') WHERE id = 31; UPDATE x SET j = jsonb_set(j, '{y}', '\"true\"') WHERE id = 32;
	UPDATE x SET j = jsonb_set(j, '{z}', '0') WHERE id = 33; UPDATE x SET js = '{\"deep\": {\"er\": 1}}' WHERE id = 34; UPDATE x SET i = 9, n = 3 WHERE id = 35;
	UPDATE x SET i = 3, n = 4 WHERE id = 36;
	DELETE FROM x WHERE id BETWEEN 6 AND 19 OR id > 36; INSERT INTO v SELECT * FROM x"
	recorded
	by_rules --dead-letters dead >lines
	equal "1 2 3 4 5" "$(jq -r 'select(.op == "insert" and .table == "public.v") | .new.id' lines | sort -n | paste -sd ' ')"
	equal "20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35" "$(jq -r 'select(.table == "v") | .row.id' dead | sort -n | paste -sd ' ')"
	# Masked, as all that leaves.
	[ "$(jq -s 'all(.row.i == null and (.row.w == null or .row.w == "***") and .row.t == "***")' dead)" = true ]
	[ "$(jq -rs 'map(.reason) | unique | length' dead)" -gt 8 ]
	# Each of them refuses just so, and a type is looked at once.
	for bad in "{column: n, max: 10}" "{column: w, required: true}" "{column: t, values: one}" "{column: j, json: 'a.b:number'}" "{expression: i > 0}"; do
		rules <<<"rules: [{tables: public.v, validate: [$bad]}]"
		refused 77 "public[.]v: "
	done
	rules <<<'rules: [{tables: public.v, validate: [{column: i, type: bigint}]}]'
	refused 78 "rules[.]yaml:1:39: column 'i' of public.v is int.*, not bigint"

	# A row that is parked is not at the target, until it is mended.
	rm dead
	both "CREATE TABLE p (tenant_id text, id int PRIMARY KEY, n int); TRUNCATE v"
	rules <<<'rules: [{tables: public.p, validate: [{column: n, min: 0, otherwise: park}]}]'
	src "INSERT INTO p SELECT 'acme', i, i - 5 FROM generate_series(1, 10) i"
	pipe --dead-letters dead
	as_sql "(SELECT * FROM p WHERE n >= 0) p" "id id" "n n"
	src "UPDATE p SET n = -1 WHERE id = 8; UPDATE p SET n = 100 WHERE id = 9; DELETE FROM p WHERE id = 10"
	pipe --dead-letters dead
	# What was parked again tells its position.
	[ "$(wc -l <dead)" -ge 5 ]
	src "UPDATE p SET n = 7 WHERE id = 8"
	pipe --dead-letters dead
	as_sql "(SELECT * FROM p WHERE n >= 0) p" "id id" "n n"
	src "UPDATE p SET n = -1 WHERE id = 8"
	pipe --dead-letters dead
	equal "5|0 6|1 7|2 9|100" "$(dst "SELECT * FROM (SELECT id, n FROM p) x ORDER BY 1" | paste -sd ' ')"
}

@test "a service answers for each value, or ends it" {
	both "CREATE TABLE s (tenant_id text, id int PRIMARY KEY, t text, v varchar(20))"
	src "INSERT INTO s SELECT 'acme', i, (ARRAY['plain', 'a \"b\" \\ c', 'ä€🙂', NULL, E'tab\tnew\nline', ''])[i % 6 + 1], 'v' || i FROM generate_series(1, 50) i"
	rules <<-'YAML'
	rules:
	  - tables: public.s
	    mask:
	      t: {by: service, command: "jq -c --unbuffered '. + \" from outside\"'", batch: 7}
	      v: {by: service, command: "sed -u 's/v/w/'"}
	YAML
	pipe
	as_sql s "id id" "t || ' from outside' t" "replace(v, 'v', 'w') v"
	src "UPDATE s SET v = 'v' || id + 100 WHERE id < 9; DELETE FROM s WHERE id > 40"
	recorded
	pipe
	as_sql s "id id" "t || ' from outside' t" "replace(v, 'v', 'w') v"
	service() {		# STATUS PATTERN COMMAND
		cat >service.sh <<<"$3"
		rules <<<"rules: [{tables: public.s, mask: {v: {by: service, command: sh service.sh}}}]"
		refused "$1" "$2"
		! grep -q 'v1' <<<"$stderr" || fail "a value is told: $stderr"
	}
	service 77 "service refused" 'while read -r x; do echo "{\"error\": \"nobody is v1\"}"; done'
	service 75 "service ended with status 3" 'read -r x; exit 3'
	service 75 "service ended" 'read -r x; echo \"one\"; kill -9 $$'
	service 78 "neither a JSON string nor an error" 'while read -r x; do echo garbage; done'
	service 78 "neither a JSON string nor an error" 'while read -r x; do echo 7; done'
	service 75 "service ended with status 127" 'exec /nowhere/program'
}

@test "rules of some tenants, and several rules of one table" {
	both "CREATE TABLE r (tenant_id text, id int PRIMARY KEY, a text, b text, c text, n int, gone text)"
	dst "ALTER TABLE r ADD x text, ADD y int"
	rules <<-'YAML'
	rules:
	  - {tables: public.r, tenants: [acme, "g*"], mask: {a: redact}}
	  - {tables: "public.?", mask: {a: {by: redact, text: second}, b: {by: redact, text: first}}}
	  - {tables: "*", mask: {b: {by: redact, text: second}}, filter: n > 5, enrich: {x: a || b}}
	  - {tables: "pub*.r", filter: n < 25, columns: {leave_out: gone}, enrich: {y: n * 2}}
	  - {tables: public.r, tenants: "[i-u]*", filter: id % 2 = 0}
	  - {tables: public.r, tenants: initec?, mask: {c: {by: hash, plain: true, digits: 8}}}
	  - {tables: other.*, filter: 1 = 0, mask: {nothing: redact}}
	YAML
	src "INSERT INTO r SELECT (ARRAY['acme', 'globex', 'initech', 'umbrella', 'zorg'])[i % 5 + 1], i, 'a', 'b', 'c', i % 30, 'g' FROM generate_series(1, 300) i"
	pipe
	as_sql "(SELECT *, CASE WHEN tenant_id IN ('acme', 'globex') THEN '***' ELSE 'second' END AS ma FROM r WHERE n > 5 AND n < 25
	    AND (tenant_id NOT IN ('initech', 'umbrella') OR id % 2 = 0)) r" "id id" "n n"
	equal "acme|***|first|c|***first|f" "$(dst "SELECT DISTINCT tenant_id, a, b, c, x, gone IS NOT NULL FROM r WHERE tenant_id = 'acme'")"
	equal "umbrella|second|first|c|secondfirst" "$(dst "SELECT DISTINCT tenant_id, a, b, c, x FROM r WHERE tenant_id = 'umbrella'")"
	equal "initech|$(printf c | sha256sum | cut -c 1-8)|t" "$(dst "SELECT DISTINCT tenant_id, c, y = n * 2 FROM r WHERE tenant_id = 'initech'")"
	# A filter sees masked values.
	rules <<<'rules: [{tables: public.r, mask: {a: redact}, filter: "a = '\''a'\''"}]'
	recorded
	equal "" "$(by_rules)"
}

@test "tables without a key: rows are found by all of their masked values, twins and all" {
	both "CREATE TABLE k (tenant_id text, name text, n int, at timestamp, amount numeric(10, 2), note text)"
	src "ALTER TABLE k REPLICA IDENTITY FULL"
	rules <<-'YAML'
	key: key
	rules:
	  - tables: public.k
	    mask:
	      name: tokenize
	      n: {by: noise, scale: 3}
	      at: {by: fake, days: 5, of: name}
	      amount: {by: tokenize}
	      note: {by: fake, as: name, of: name}
	    filter: name <> 'x'
	YAML
	src "INSERT INTO k SELECT 'acme', 'name ' || i % 10, i % 7, '2024-01-01'::timestamp + i % 5 * '1 hour'::interval, i % 4, 'note' FROM generate_series(1, 200) i"
	pipe
	src "DELETE FROM k WHERE ctid IN (SELECT ctid FROM k WHERE n = 3 LIMIT 5);
	UPDATE k SET n = n + 10, note = NULL WHERE ctid IN (SELECT ctid FROM k WHERE n = 4 LIMIT 6); UPDATE k SET name = 'other' WHERE name = 'name 7'"
	pipe
	equal 0 "$(conflicts)"
	# The same groups, whatever they are called.
	counts="SELECT count(*) FROM k GROUP BY name, at, amount, note IS NULL ORDER BY 1"
	equal "$(src "$counts" | paste -sd ' ')" "$(dst "$counts" | paste -sd ' ')"
}

@test "partitions go by the rules of their names, or of their table's" {
	both "CREATE TABLE part (tenant_id text, id int, name text, PRIMARY KEY (tenant_id, id)) PARTITION BY RANGE (id);
	CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (100); CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (100) TO (200)"
	rules <<<$'rules:\n  - {tables: "public.part*", mask: {name: redact}, filter: id <> 50}\n  - {tables: public.part_2, filter: id <> 150}'
	src "INSERT INTO part SELECT 'acme', i, 'n' || i FROM generate_series(1, 199) i;
	UPDATE part SET name = 'm' WHERE id < 10; DELETE FROM part WHERE id = 20; DELETE FROM part WHERE id = 120; UPDATE part SET id = 120 WHERE id = 19"
	pipe
	as_sql "(SELECT tenant_id, id, '***' AS name FROM part WHERE id NOT IN (50, 150)) part" "id id" "name name"
	src "ALTER PUBLICATION hr SET (publish_via_partition_root = true)"
	rules <<<$'rules:\n  - {tables: public.part, mask: {name: {by: redact, text: root}}}\n  - {tables: public.part_2, mask: {name: {by: redact, text: leaf}}}'
	src "UPDATE part SET name = 'k' WHERE id IN (1, 101)"
	pipe
	equal "1|root 101|root" "$(dst "SELECT id, name FROM part WHERE name <> '***' ORDER BY 1" | paste -sd ' ')"
}

@test "rows that find their tenant by a foreign key go by rules, and with a parent that moves" {
	both "CREATE TABLE orders (tenant_id text, id int PRIMARY KEY, note text);
	CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders, t text)"
	src "ALTER TABLE orders REPLICA IDENTITY FULL; ALTER TABLE items REPLICA IDENTITY FULL"
	config <<-'YAML'
	tenancy: {column: tenant_id}
	tables: {public.items: {tenancy: parent}}
	YAML
	rules <<-'YAML'
	rules:
	  - {tables: public.items, mask: {t: redact}, filter: id > 5}
	  - {tables: public.orders, mask: {note: redact}}
	YAML
	src "INSERT INTO orders SELECT (ARRAY['acme', 'globex'])[i % 2 + 1], i, 'n' FROM generate_series(1, 10) i;
	INSERT INTO items SELECT i, i % 10 + 1, 't' || i FROM generate_series(1, 40) i"
	pipe
	src "UPDATE items SET t = 'u' WHERE id < 20; DELETE FROM items WHERE id IN (3, 33); UPDATE orders SET note = 'm' WHERE id < 5;
	UPDATE orders SET tenant_id = 'globex' WHERE id = 2; UPDATE items SET id = id + 100 WHERE id < 8"
	pipe
	equal 0 "$(conflicts)"
	as_sql "(SELECT id, order_id, '***' AS t FROM items WHERE id > 5) items" "id id" "order_id order_id" "t t"
	as_sql "(SELECT tenant_id, id, '***' AS note FROM orders) orders" "tenant_id tenant_id" "id id" "note note"
}

@test "the examples are accepted, and do to the shop's tables what they say" {
	local f

	need jq
	src "$(cat "$ROOT/examples/shop/shop.sql"); ALTER TABLE customers REPLICA IDENTITY FULL"
	cp "$ROOT"/examples/rules/* .
	src "INSERT INTO countries VALUES ('AT', 'Austria'), ('DE', 'Germany'), ('US', 'United States');
	INSERT INTO customers (tenant_id, id, name, email, country, notes)
	SELECT t, i, 'Customer ' || i, 'c' || i || '@' || t || '.example', (ARRAY['AT', 'DE', 'US'])[i % 3 + 1], 'called, was angry'
	FROM unnest(ARRAY['acme', 'globex']) t, generate_series(1, 9) i;
	INSERT INTO products (tenant_id, id, name, price, stock, attributes) SELECT 'acme', i, 'product ' || i, i + 0.99, 100, '{\"colour\": \"red\"}' FROM generate_series(1, 5) i;
	INSERT INTO orders (tenant_id, id, customer_id, state) SELECT 'acme', i, i % 9 + 1, 'paid' FROM generate_series(1, 9) i;
	INSERT INTO order_lines SELECT 'acme', i, 1, 1, 2, 3.98 FROM generate_series(1, 9) i;
	INSERT INTO payments (tenant_id, order_id, amount) SELECT 'acme', i, 11.94 FROM generate_series(1, 9) i;
	UPDATE customers SET notes = 'calm' WHERE id = 3; DELETE FROM payments WHERE order_id = 4"
	config <<-'YAML'
	tenancy: {column: tenant_id}
	tables: {public.countries: {tenancy: shared}}
	YAML
	hr-capture "${TENANCY[@]}" --endpos now >cap.hrs
	for f in gdpr analytics region; do
		hr-transform --rules $f.yaml --key key --check <cap.hrs >$f.out 2>$f.err || fail "$f: $(cat $f.err)"
		grep -q '^public.customers	' $f.out
		hr-transform --rules $f.yaml --key key --dead-letters dead <cap.hrs >$f.hrs
		hr-transform --dump <$f.hrs >$f.json
	done
	hr-transform --rules daily.yaml --check <cap.hrs >daily.out
	grep -qF 'into public.daily (tenant_id text, day date, payments int8, amount numeric, large int8), unique by tenant_id, day' daily.out
	hr-transform --rules daily.yaml --state daily.state <cap.hrs | hr-transform --dump >daily.json
	equal 'acme 8 95.52 0' "$(jq -r 'select(.op == "put") | .new | "\(.tenant_id) \(.payments) \(.amount) \(.large)"' daily.json)"
	! grep -E 'Customer|order_id' daily.json
	! grep -E 'Customer [0-9]|@acme|angry|calm' gdpr.json analytics.json
	equal 18 "$(jq -r 'select(.op == "insert" and .table == "public.customers") | .new.email' gdpr.json | sort -u | wc -l)"
	grep -q 'Customer 3' region.json
	! grep -q 'Customer 2' region.json
	equal 0 "$(jq -r 'select(.table == "public.customers") | .new.country' region.json | grep -vc -E '^(AT|DE|null)$' || true)"
}
