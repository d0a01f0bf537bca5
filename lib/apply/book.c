/* book.c - the schema hr, and who may write a stream. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apply/book.h"
#include "apply/join.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/lsn.h"

static const char schema_sql[] =
"BEGIN;"
"SELECT pg_catalog.pg_advisory_xact_lock(1751334260);"
"CREATE SCHEMA IF NOT EXISTS hr;"
"CREATE TABLE IF NOT EXISTS hr.version (version int NOT NULL);"
"INSERT INTO hr.version SELECT 2 WHERE NOT EXISTS (SELECT 1 FROM hr.version);"
"CREATE TABLE IF NOT EXISTS hr.stream ("
" stream text PRIMARY KEY, system text NOT NULL, database text NOT NULL,"
" timeline bigint NOT NULL, epoch bigint NOT NULL, tenants text[],"
" state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'copying', 'streaming')), copy_lsn pg_lsn,"
" parked_generation bigint NOT NULL DEFAULT 0, created timestamptz NOT NULL DEFAULT now());"
"CREATE TABLE IF NOT EXISTS hr.progress ("
" stream text NOT NULL REFERENCES hr.stream ON DELETE CASCADE, generation int NOT NULL,"
" worker int NOT NULL, workers int NOT NULL, lsn pg_lsn NOT NULL, commit_time timestamptz,"
" batch bigint NOT NULL DEFAULT 0, holder text NOT NULL, changed timestamptz NOT NULL DEFAULT now(),"
" PRIMARY KEY (stream, generation, worker)) WITH (fillfactor = 20);"
"CREATE TABLE IF NOT EXISTS hr.tenant ("
" stream text NOT NULL, tenant text NOT NULL, state text NOT NULL, reason text, hint text,"
" lsn pg_lsn, since timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (stream, tenant));"
"CREATE TABLE IF NOT EXISTS hr.parked ("
" id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream text NOT NULL, tenant text NOT NULL,"
" lsn pg_lsn NOT NULL, kind \"char\" NOT NULL, broadcast boolean NOT NULL, data bytea NOT NULL);"
"CREATE INDEX IF NOT EXISTS parked_tenant ON hr.parked (stream, tenant, id);"
"CREATE TABLE IF NOT EXISTS hr.conflict ("
" id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, noticed timestamptz NOT NULL DEFAULT now(),"
" stream text NOT NULL, tenant text NOT NULL, relation text NOT NULL, conflict text NOT NULL,"
" key text, lsn pg_lsn, resolution text NOT NULL);"
"CREATE TABLE IF NOT EXISTS hr.copy ("
" stream text NOT NULL, relation text NOT NULL, tenants text[] NOT NULL,"
" started timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (stream, relation));"
"CREATE TABLE IF NOT EXISTS hr.part ("
" stream text NOT NULL, relation text NOT NULL, id oid NOT NULL, of_id oid NOT NULL, filenode oid NOT NULL,"
" from_page bigint NOT NULL, to_page bigint, keyed boolean NOT NULL, is_in boolean NOT NULL DEFAULT false,"
" PRIMARY KEY (stream, id, of_id, from_page));"
"CREATE TABLE IF NOT EXISTS hr.join ("
" stream text NOT NULL, tenant text NOT NULL, held pg_lsn NOT NULL, snapshot pg_lsn,"
" state text NOT NULL CHECK (state IN ('held', 'copying', 'done')), PRIMARY KEY (stream, tenant));"
"CREATE TABLE IF NOT EXISTS hr.sequence ("
" stream text NOT NULL, schema text NOT NULL, name text NOT NULL, tenant text, last_value bigint NOT NULL,"
" is_called boolean NOT NULL, lsn pg_lsn, changed timestamptz NOT NULL DEFAULT now(),"
" is_set boolean NOT NULL DEFAULT false, PRIMARY KEY (stream, schema, name));"
"CREATE TABLE IF NOT EXISTS hr.ddl ("
" id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(),"
" stream text NOT NULL, tenant text NOT NULL, lsn pg_lsn NOT NULL, commit_time timestamptz, kind text NOT NULL,"
" relation text NOT NULL, outcome text NOT NULL CHECK (outcome IN ('applied', 'present', 'waiting', 'by hand')),"
" statement text NOT NULL, undo text, operation jsonb NOT NULL);"
"CREATE INDEX IF NOT EXISTS ddl_lsn ON hr.ddl (lsn);"
"CREATE INDEX IF NOT EXISTS ddl_waiting ON hr.ddl (stream) WHERE outcome = 'waiting';"
/* What a version before this one lacks. */
"ALTER TABLE hr.tenant ADD COLUMN IF NOT EXISTS awaits text;"
/* Where all tables are published, one without a key is not updated else. */
"ALTER TABLE hr.version REPLICA IDENTITY FULL;"
"UPDATE hr.version SET version = 2 WHERE version < 2;"
/* A tenant's rows are as they were before this position: what it did since is kept. */
"CREATE OR REPLACE FUNCTION hr.is_behind(a_stream text, a_tenant text, a_lsn pg_lsn) RETURNS boolean"
" LANGUAGE sql STABLE SET search_path = pg_catalog AS $$ SELECT EXISTS (SELECT FROM hr.tenant t"
"  LEFT JOIN hr.join j ON j.stream = t.stream AND j.tenant = t.tenant"
"  WHERE t.stream = a_stream AND t.tenant = a_tenant AND greatest(t.lsn, j.snapshot) <= a_lsn) $$;"
"CREATE OR REPLACE FUNCTION hr.set_sequences(a_stream text, a_holder text)"
" RETURNS TABLE (schema text, name text, problem text) LANGUAGE plpgsql SET search_path = pg_catalog AS $body$"
" DECLARE s hr.sequence; BEGIN"
" IF NOT EXISTS (SELECT FROM hr.progress p WHERE p.stream = a_stream AND p.holder = a_holder) THEN RETURN; END IF;"
" FOR s IN SELECT q.* FROM hr.sequence q WHERE q.stream = a_stream AND NOT q.is_set ORDER BY q.schema, q.name LOOP BEGIN"
" PERFORM setval(format('%I.%I', s.schema, s.name)::regclass, s.last_value, s.is_called);"
" UPDATE hr.sequence q SET is_set = true WHERE q.stream = a_stream AND q.schema = s.schema AND q.name = s.name;"
" EXCEPTION WHEN OTHERS THEN schema := s.schema; name := s.name; problem := SQLERRM; RETURN NEXT;"
" END; END LOOP; END $body$;"
"CREATE OR REPLACE FUNCTION hr.advance(a_stream text, a_generation int, a_worker int, a_holder text,"
" a_epoch bigint, a_parked bigint, a_lsn pg_lsn, a_time timestamptz, a_batch bigint, a_own boolean, a_origin pg_lsn) RETURNS void"
" LANGUAGE plpgsql SET search_path = pg_catalog AS $body$"
" DECLARE r record; b bigint; BEGIN"
" IF a_origin IS NOT NULL THEN PERFORM pg_replication_origin_xact_setup(a_origin, a_time); END IF;"
" UPDATE hr.progress SET lsn = greatest(a_lsn, lsn), commit_time = greatest(a_time, commit_time),"
"  batch = batch + a_own::int, changed = now()"
"  WHERE stream = a_stream AND generation = a_generation AND worker = a_worker AND holder = a_holder"
"  RETURNING batch - a_own::int INTO b;"
" IF NOT FOUND THEN RAISE EXCEPTION 'another hr-apply has taken over stream ''%''', a_stream"
"  USING ERRCODE = 'HR002', HINT = 'stop one of them'; END IF;"
" IF b <> a_batch THEN RAISE EXCEPTION 'the target lost commits that were not yet on its disk'"
"  USING ERRCODE = 'HR004', HINT = 'start again: the source still has them'; END IF;"
" SELECT s.epoch, s.parked_generation INTO r FROM hr.stream s WHERE s.stream = a_stream;"
" IF r.epoch > a_epoch THEN RAISE EXCEPTION 'stream ''%'' was fenced off: the target is at epoch %, the stream at %',"
"  a_stream, r.epoch, a_epoch USING ERRCODE = 'HR001', HINT = 'this source must not be used any more'; END IF;"
" IF r.parked_generation <> a_parked THEN RAISE EXCEPTION 'parked tenants have changed'"
"  USING ERRCODE = 'HR003'; END IF;"
" END $body$;"
"COMMIT";

int
hr_book_create(struct hr_conn *c, struct hr_err *e)
{
	struct hr_result *r;
	struct hr_err ignored = HR_ERR_INIT;
	int version;

	if (hr_conn_query(c, &r, "SELECT pg_catalog.to_regclass('hr.version')", 0, NULL, e) < 0)
		return -1;
	version = hr_result_get(r, 0, 0) != NULL;
	hr_result_free(r);
	if (version) {
		if (hr_conn_query(c, &r, "SELECT version FROM hr.version", 0, NULL, e) < 0)
			return -1;
		version = hr_result_rows(r) == 1 ? (int)strtol(hr_result_get(r, 0, 0), NULL, 10) : 0;
		hr_result_free(r);
	}
	if (version < HR_BOOK_VERSION) {
		/* All of it says IF NOT EXISTS: an older one gets what it lacks. */
		if (hr_conn_exec(c, "SET client_min_messages = warning", e) < 0 || hr_conn_exec(c, schema_sql, e) < 0) {
			(void)!hr_conn_exec(c, "ROLLBACK", &ignored);
			hr_hint(e, "the schema 'hr' is made on first use; grant CREATE on the database");
			return hr_within(e, "cannot make the schema 'hr' at the target");
		}
	} else if (version > HR_BOOK_VERSION) {
		hr_fail(e, HR_CONFIG, "the schema 'hr' at the target has version %d, this program knows %d",
		    version, HR_BOOK_VERSION);
		return hr_hint(e, "use the release of hr that made it, or a newer one");
	}
	return 0;
}

int
hr_book_worker(const char *tenant, size_t len, int workers)
{
	return workers <= 1 || len == 0 ? 0 : (int)(hr_hash(tenant, len) % (unsigned int)workers);
}

hr_lsn
hr_book_position(const struct hr_book *b, const char *tenant, size_t len)
{
	hr_lsn lsn = 0;
	size_t i;

	for (i = 0; i < b->places; i++) {
		const struct hr_place *p = &b->place[i];

		if (p->worker == hr_book_worker(tenant, len, p->workers) && p->lsn > lsn)
			lsn = p->lsn;
	}
	return lsn;
}

hr_lsn
hr_book_least(const struct hr_book *b)
{
	hr_lsn most = 0, least = 0;
	size_t i;

	/* Each generation has every tenant, and a newer one may not have got far. */
	for (i = 0; i < b->places; i++) {
		if (i == 0 || b->place[i].generation != b->place[i - 1].generation || b->place[i].lsn < least)
			least = b->place[i].lsn;
		if ((i + 1 == b->places || b->place[i + 1].generation != b->place[i].generation) && least > most)
			most = least;
	}
	return most;
}

/* The stream's row against the head. */
static int
continues(struct hr_book *b, struct hr_result *r, const struct hr_head *h, struct hr_err *e)
{
	uint64_t system = strtoull(hr_result_get(r, 0, 0), NULL, 10);
	uint64_t timeline = strtoull(hr_result_get(r, 0, 2), NULL, 10);
	uint64_t epoch = strtoull(hr_result_get(r, 0, 3), NULL, 10);

	b->copying = strcmp(hr_result_get(r, 0, 4), "copying") == 0;
	b->streaming = strcmp(hr_result_get(r, 0, 4), "streaming") == 0;
	if (hr_result_get(r, 0, 5) == NULL || hr_lsn_parse(hr_result_get(r, 0, 5), &b->copy_lsn) < 0)
		b->copy_lsn = 0;
	if (h->epoch < epoch) {
		hr_fail(e, HR_REFUSED, "stream '%s' has epoch %" PRIu64 ", the target is at epoch %" PRIu64,
		    h->slot, h->epoch, epoch);
		return hr_hint(e, "this source was fenced off and must not be used any more");
	}
	if (system != h->system || strcmp(hr_result_get(r, 0, 1), h->database) != 0) {
		hr_fail(e, HR_REFUSED, "stream '%s' is from system %" PRIu64 " database '%s', the target has it from "
		    "system %" PRIu64 " database '%s'", h->slot, h->system, h->database, system,
		    hr_result_get(r, 0, 1));
		return hr_hint(e, "use another slot name for another source, or delete the row of hr.stream");
	}
	if (hr_result_get(r, 0, 6)) {
		hr_fail(e, HR_REFUSED, "stream '%s' was without %s until now: what came before is missing", h->slot,
		    hr_result_get(r, 0, 6));
		return hr_hint(e, "hr-capture --copy-tenant adds it, with the same --checkpoint; or leave it out again");
	}
	if (h->timeline < timeline) {
		hr_fail(e, HR_REFUSED, "stream '%s' is on timeline %" PRIu32 ", the target has followed %" PRIu64,
		    h->slot, h->timeline, timeline);
		return hr_hint(e, "is this an old primary?");
	}
	if (h->timeline > timeline) {
		size_t i;

		for (i = 0; i < b->places; i++)
			if (b->place[i].lsn > h->timeline_begin) {
				hr_fail(e, HR_REFUSED, "timeline %" PRIu32 " of stream '%s' began at %s, the target has %s: "
				    "it does not continue", h->timeline, h->slot, HR_LSN(h->timeline_begin),
				    HR_LSN(b->place[i].lsn));
				return hr_hint(e, "copy again");
			}
	}
	return 0;
}

bool
hr_book_catches_up(const struct hr_book *b, const struct hr_head *h)
{
	return !b->streaming && h->copy && strcmp(h->copy, "resumed") == 0;
}

hr_lsn
hr_book_most(const struct hr_book *b)
{
	hr_lsn most = 0;
	size_t i;

	for (i = 0; i < b->places; i++)
		if (b->place[i].lsn > most)
			most = b->place[i].lsn;
	return most;
}

/* Nothing may be missing between what the target has and where it begins. */
int
hr_book_no_gap(const struct hr_book *b, const struct hr_head *h, struct hr_err *e)
{
	hr_lsn most = hr_book_most(b);

	if (b->copying && !hr_book_catches_up(b, h)) {
		hr_fail(e, HR_REFUSED, "the first copy of stream '%s' was not completed", h->slot);
		return hr_hint(e, "start hr-capture with --create-slot --snapshot and the same --checkpoint again");
	}
	if (b->places == 0 || h->start <= most)
		return 0;
	hr_fail(e, HR_REFUSED, "stream '%s' begins at %s, the target has it only up to %s: changes are missing",
	    h->slot, HR_LSN(h->start), HR_LSN(most));
	return hr_hint(e, "was the slot recreated? copy again with --create-slot --snapshot on a new slot");
}

static int
load_places(struct hr_book *b, struct hr_conn *c, const struct hr_param *stream, struct hr_err *e)
{
	struct hr_result *r;
	int i;

	/* FOR UPDATE: an earlier holder's last transaction ends first. */
	if (hr_conn_query(c, &r, "SELECT generation, worker, workers, lsn FROM hr.progress"
	    " WHERE stream = $1 ORDER BY generation, worker FOR UPDATE", 1, stream, e) < 0)
		return -1;
	b->place = hr_zalloc(((size_t)hr_result_rows(r) + 1) * sizeof(*b->place));
	for (i = 0; i < hr_result_rows(r); i++) {
		struct hr_place *p = &b->place[b->places++];

		p->generation = (int)strtol(hr_result_get(r, i, 0), NULL, 10);
		p->worker = (int)strtol(hr_result_get(r, i, 1), NULL, 10);
		p->workers = (int)strtol(hr_result_get(r, i, 2), NULL, 10);
		if (hr_lsn_parse(hr_result_get(r, i, 3), &p->lsn) < 0)
			p->lsn = 0;
	}
	hr_result_free(r);
	return 0;
}

/*
 * Which rows are this run's.  With as many workers as the last time its rows
 * are used again.  Otherwise a new generation begins, and the older ones still
 * say what each tenant has until the new one has passed them all.
 */
static int
choose_generation(struct hr_book *b, struct hr_conn *c, const struct hr_head *h, int workers,
    struct hr_err *e)
{
	hr_lsn least = UINT64_MAX, older = 0;
	int newest = 0, of = 0, i;
	size_t k;
	char *lit;

	for (k = 0; k < b->places; k++)
		if (b->place[k].generation >= newest) {
			newest = b->place[k].generation;
			of = b->place[k].workers;
		}
	for (k = 0; k < b->places; k++)
		if (b->place[k].generation == newest) {
			if (b->place[k].lsn < least)
				least = b->place[k].lsn;
		} else if (b->place[k].lsn > older)
			older = b->place[k].lsn;
	lit = hr_quote_literal(h->slot);
	b->generation = newest;
	if (of != workers) {
		b->generation = newest + 1;
		for (i = 0; i < workers; i++)
			if (hr_conn_execf(c, e, "INSERT INTO hr.progress (stream, generation, worker, workers, lsn, holder)"
			    " VALUES (%s, %d, %d, %d, '%s', '%s')", lit, b->generation, i, workers,
			    HR_LSN(newest ? 0 : h->start), b->holder) < 0)
				goto fail;
	} else if (older && least >= older && hr_conn_execf(c, e, "DELETE FROM hr.progress WHERE stream = %s"
	    " AND generation < %d", lit, newest) < 0)
		goto fail;
	if (hr_conn_execf(c, e, "UPDATE hr.progress SET holder = '%s', batch = 0 WHERE stream = %s", b->holder, lit) < 0)
		goto fail;
	free(lit);
	return 0;
fail:
	free(lit);
	return -1;
}

/* A tenant that this stream has and those before had not: its changes are kept for the copy that comes. */
static int
hold_new(struct hr_conn *c, const struct hr_head *h, const char *tenants, struct hr_err *e)
{
	char *join;
	struct hr_param p[3] = { HR_PARAM_TEXT(h->slot), { .data = tenants, .len = tenants ? 0 : -1 } };
	struct hr_result *r;
	int i, rc;

	if (h->asks == 0)
		return 0;
	join = hr_quote_array(h->asked, h->asks);
	p[2] = (struct hr_param)HR_PARAM_TEXT(join);
	rc = hr_conn_query(c, &r, "SELECT w FROM hr.stream, pg_catalog.unnest($2::text[]) w WHERE stream = $1"
	    " AND NOT w = ANY (tenants) AND w = ANY ($3::text[])", 3, p, e);
	free(join);
	for (i = 0; rc == 0 && i < hr_result_rows(r); i++)
		rc = hr_join_hold(c, h->slot, hr_result_get(r, i, 0), h->start, e);
	if (rc == 0)
		hr_result_free(r);
	return rc;
}

int
hr_book_open(struct hr_book *b, struct hr_conn *c, const struct hr_head *h, const char *tenants, int workers,
    struct hr_err *e)
{
	struct hr_param stream = HR_PARAM_TEXT(h->slot);
	char *join = hr_quote_array(h->asked, h->asks);
	struct hr_param asked[3] = {
		HR_PARAM_TEXT(h->slot), { .data = tenants, .len = tenants ? 0 : -1 }, { .data = join },
	};
	struct hr_err ignored = HR_ERR_INIT;
	struct hr_result *r = NULL;
	struct timespec now;

	*b = (struct hr_book){ .stream = hr_strdup(h->slot), .epoch = h->epoch };
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(b->holder, sizeof(b->holder), "%ld.%09ld.%d", (long)now.tv_sec, now.tv_nsec, (int)getpid());
	if (hr_conn_exec(c, "BEGIN", e) < 0 || load_places(b, c, &stream, e) < 0)
		goto fail;
	if (hr_conn_query(c, &r, "SELECT system, database, timeline, epoch, state, copy_lsn, (SELECT w FROM pg_catalog.unnest("
	    "coalesce($2::text[], ARRAY['some tenants'])) w WHERE tenants IS NOT NULL"
	    " AND ($2::text[] IS NULL OR NOT w = ANY (tenants)) AND NOT w = ANY ($3::text[]) LIMIT 1) FROM hr.stream"
	    " WHERE stream = $1 FOR UPDATE", 3, asked, e) < 0)
		goto fail;
	if (hr_result_rows(r) == 1 && (continues(b, r, h, e) < 0 || hold_new(c, h, tenants, e) < 0))
		goto fail;
	{
		char *s = hr_quote_literal(h->slot), *d = hr_quote_literal(h->database);
		char *t = tenants ? hr_quote_literal(tenants) : hr_strdup("NULL");
		int rc = hr_conn_execf(c, e, "INSERT INTO hr.stream (stream, system, database, timeline, epoch, tenants)"
		    " VALUES (%s, '%" PRIu64 "', %s, %" PRIu32 ", %" PRIu64 ", %s) ON CONFLICT (stream) DO UPDATE"
		    " SET timeline = EXCLUDED.timeline, epoch = EXCLUDED.epoch, tenants = EXCLUDED.tenants",
		    s, h->system, d, h->timeline, h->epoch, t);

		free(t);
		free(s);
		free(d);
		if (rc < 0)
			goto fail;
	}
	if (choose_generation(b, c, h, workers, e) < 0 || hr_conn_exec(c, "COMMIT", e) < 0)
		goto fail;
	hr_result_free(r);
	free(join);
	return 0;
fail:
	hr_result_free(r);
	free(join);
	(void)!hr_conn_exec(c, "ROLLBACK", &ignored);
	return -1;
}

void
hr_book_clear(struct hr_book *b)
{
	free(b->stream);
	free(b->place);
	*b = (struct hr_book){ 0 };
}

int
hr_book_batch(struct hr_conn *c, const struct hr_book *b, int worker, int64_t *batch, struct hr_err *e)
{
	char *lit = hr_quote_literal(b->stream);
	char *sql = hr_sprintf("SELECT batch, holder FROM hr.progress WHERE stream = %s AND generation = %d"
	    " AND worker = %d FOR UPDATE", lit, b->generation, worker);
	struct hr_result *r;
	int rc = hr_conn_query(c, &r, sql, 0, NULL, e);

	free(sql);
	free(lit);
	if (rc < 0)
		return -1;
	if (hr_result_rows(r) != 1 || strcmp(hr_result_get(r, 0, 1), b->holder) != 0)
		rc = hr_fail(e, HR_REFUSED, "another hr-apply has taken over stream '%s'", b->stream);
	else
		*batch = strtoll(hr_result_get(r, 0, 0), NULL, 10);
	hr_result_free(r);
	return rc;
}

int
hr_book_lost(struct hr_err *e)
{
	hr_fail(e, HR_TEMPORARY, "the target lost commits that were not yet on its disk");
	return hr_hint(e, "start again: the source still has them");
}

int
hr_book_holds(struct hr_conn *c, const struct hr_book *b, struct hr_err *e)
{
	struct hr_param p[2] = { HR_PARAM_TEXT(b->stream), { .data = b->holder } };
	struct hr_result *r;
	int rc = 0;

	if (hr_conn_query(c, &r, "SELECT 1 FROM hr.progress WHERE stream = $1 AND holder = $2 FOR UPDATE", 2, p, e) < 0)
		return -1;
	if (hr_result_rows(r) == 0)
		rc = hr_fail(e, HR_REFUSED, "another hr-apply has taken over stream '%s'", b->stream);
	hr_result_free(r);
	return rc;
}

int
hr_book_copying(struct hr_conn *c, const struct hr_book *b, bool copying, hr_lsn lsn, struct hr_err *e)
{
	char *lit;
	int rc;

	if (hr_book_holds(c, b, e) < 0)
		return -1;
	lit = hr_quote_literal(b->stream);
	rc = copying ? hr_conn_execf(c, e, "UPDATE hr.stream SET state = 'copying', copy_lsn = '%s' WHERE stream = %s;"
	    " UPDATE hr.progress SET lsn = '%s' WHERE stream = %s", HR_LSN(lsn), lit, HR_LSN(lsn), lit) :
	    hr_conn_execf(c, e, "UPDATE hr.stream SET state = 'streaming' WHERE stream = %s;"
	    " UPDATE hr.progress SET lsn = '%s' WHERE stream = %s", lit, HR_LSN(lsn), lit);
	free(lit);
	return rc;
}

int
hr_book_catching_up(struct hr_conn *c, struct hr_book *b, struct hr_err *e)
{
	char *lit;
	int rc;

	if (hr_book_holds(c, b, e) < 0)
		return -1;
	lit = hr_quote_literal(b->stream);
	rc = hr_conn_execf(c, e, "UPDATE hr.stream SET state = 'copying' WHERE stream = %s", lit);
	free(lit);
	b->copying = rc == 0;
	return rc;
}

int
hr_book_streaming(struct hr_conn *c, struct hr_book *b, struct hr_err *e)
{
	char *lit;
	int rc;

	/* The source has seen that the copy is complete: it will not make it again. */
	if (hr_book_holds(c, b, e) < 0)
		return -1;
	lit = hr_quote_literal(b->stream);
	rc = hr_conn_execf(c, e, "UPDATE hr.stream SET state = 'streaming' WHERE stream = %s AND state <> 'streaming';"
	    " DELETE FROM hr.copy WHERE stream = %s", lit, lit);
	free(lit);
	b->streaming = rc == 0;
	return rc;
}
