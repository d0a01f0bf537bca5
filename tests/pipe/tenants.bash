# tenants.bash - table t of three tenants at a source: changes of it, and what is in it.
# shellcheck shell=bash

# change SEED [PAUSE]: some transactions at the source, with so many seconds between.
change() {
	src "SELECT setseed(0.$1);
	DO \$\$
	BEGIN
		FOR k IN 1 .. 40 LOOP
			INSERT INTO t SELECT CASE i % 3 WHEN 0 THEN 'acme' WHEN 1 THEN 'globex' ELSE 'initech' END, i, 'in $1 ' || k
			    FROM generate_series((random() * 900)::int, (random() * 900)::int) i ON CONFLICT DO NOTHING;
			UPDATE t SET v = v || ' up' || k WHERE id % 50 = (random() * 50)::int;
			DELETE FROM t WHERE id % 70 = (random() * 70)::int;
			COMMIT;
			PERFORM pg_sleep(${2:-0});
		END LOOP;
	END \$\$"
}

# sum_of CONNINFO [TENANT]: how many rows, and a digest of them.
sum_of() {
	pg_sql "$1" <<<"SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM t
	    WHERE '${2:-}' IN ('', tenant_id)"
}
