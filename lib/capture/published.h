/*
 * published.h - the tables of the publications, as the beginning of a query.
 *
 * The same as pg_publication_tables, without its locks: from PostgreSQL 16 on
 * that opens each table to list its columns, and so waits for whoever has one
 * locked, such as a prepared transaction that altered it.
 *
 * $1 names the publications, with commas.  What follows has p, a row for each
 * of them, and v, one for each publication (pub) and table (rel) that pgoutput
 * gives rows of: leaves, or what publish_via_partition_root makes of them.
 */
#ifndef HR_PUBLISHED_H
#define HR_PUBLISHED_H

#define HR_PUBLISHED \
	"WITH p AS MATERIALIZED (SELECT oid, puballtables, pubviaroot, pubupdate OR pubdelete AS changes," \
	"  pg_catalog.to_jsonb(x) ->> 'pubgencols' = 's' AS generated FROM pg_catalog.pg_publication x" \
	"  WHERE pubname = ANY (pg_catalog.string_to_array($1, ',')))," \
	" named AS MATERIALIZED (SELECT r.prpubid AS pub, r.prrelid AS rel FROM p" \
	"  JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid" \
	"  UNION SELECT p.oid, c.oid FROM p JOIN pg_catalog.pg_class c ON p.puballtables" \
	"   OR c.relnamespace IN (SELECT pnnspid FROM pg_catalog.pg_publication_namespace WHERE pnpubid = p.oid)" \
	"  WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384)," \
	" leaf AS MATERIALIZED (SELECT c.oid, a.relid FROM pg_catalog.pg_class c" \
	"  CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(c.oid) a WHERE c.relispartition AND c.relkind = 'r')," \
	" v AS MATERIALIZED (SELECT n.pub, n.rel FROM named n JOIN p ON p.oid = n.pub" \
	"  JOIN pg_catalog.pg_class c ON c.oid = n.rel" \
	"  WHERE CASE WHEN p.pubviaroot THEN NOT c.relispartition OR NOT EXISTS (SELECT 1 FROM named m" \
	"    WHERE m.pub = n.pub AND m.rel <> n.rel" \
	"    AND m.rel IN (SELECT relid FROM pg_catalog.pg_partition_ancestors(n.rel)))" \
	"   ELSE c.relkind = 'r' END" \
	"  UNION SELECT n.pub, l.oid FROM leaf l JOIN named n ON n.rel = l.relid JOIN p ON p.oid = n.pub" \
	"   WHERE NOT p.pubviaroot)"

#endif
