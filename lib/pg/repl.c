/* repl.c - replication commands and the copy-both stream. */

#include "base/hr.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/lsn.h"
#include "pg/pq.h"
#include "pg/repl.h"

/*
 * Where the timeline left its parent: the last line of its history file, which
 * has "TLI LSN reason" lines.
 */
static int
history(struct hr_conn *c, struct hr_repl_id *id, struct hr_err *e)
{
	struct hr_result *r;
	char sql[64];
	const char *line, *text;

	id->timeline_begin = 0;
	if (id->timeline <= 1)
		return 0;
	snprintf(sql, sizeof(sql), "TIMELINE_HISTORY %" PRIu32, id->timeline);
	if (hr_conn_query(c, &r, sql, 0, NULL, e) < 0)
		return -1;
	for (text = line = hr_result_get(r, 0, 1); text && *text; text = strchr(text, '\n')) {
		uint32_t tli;
		char lsn[HR_LSN_TEXT + 1];
		hr_lsn v;

		while (*text == '\n')
			text++;
		if (sscanf(text, "%" SCNu32 " %20s", &tli, lsn) == 2 && hr_lsn_parse(lsn, &v) == 0)
			id->timeline_begin = v;
	}
	hr_result_free(r);
	return 0;
}

int
hr_repl_identify(struct hr_conn *c, struct hr_repl_id *id, struct hr_err *e)
{
	struct hr_result *r;
	int rc = 0;

	if (hr_conn_query(c, &r, "IDENTIFY_SYSTEM", 0, NULL, e) < 0)
		return -1;
	id->system = strtoull(hr_result_get(r, 0, 0), NULL, 10);
	id->timeline = (uint32_t)strtoul(hr_result_get(r, 0, 1), NULL, 10);
	if (hr_lsn_parse(hr_result_get(r, 0, 2), &id->flushed) < 0)
		rc = hr_fail(e, HR_TEMPORARY, "the server does not say where its WAL ends");
	snprintf(id->database, sizeof(id->database), "%s",
	    hr_result_get(r, 0, 3) ? hr_result_get(r, 0, 3) : "");
	hr_result_free(r);
	return rc < 0 ? rc : history(c, id, e);
}

int
hr_repl_slot(struct hr_conn *c, const char *slot, struct hr_repl_slot *s, struct hr_err *e)
{
	struct hr_result *r;
	char *name = hr_quote_literal(slot);
	char *sql = hr_sprintf("SELECT plugin, slot_type, database, active, confirmed_flush_lsn,"
	    " restart_lsn, wal_status, two_phase, pg_catalog.to_jsonb(s) ->> 'invalidation_reason'"
	    " FROM pg_catalog.pg_replication_slots s WHERE slot_name = %s", name);
	int rc = hr_conn_query(c, &r, sql, 0, NULL, e);

	free(sql);
	free(name);
	*s = (struct hr_repl_slot){ 0 };
	if (rc < 0)
		return -1;
	if (hr_result_rows(r) == 1) {
#define FIELD(i) (hr_result_get(r, 0, i) ? hr_result_get(r, 0, i) : "")
		s->exists = true;
		snprintf(s->plugin, sizeof(s->plugin), "%s", FIELD(0));
		s->logical = strcmp(FIELD(1), "logical") == 0;
		snprintf(s->database, sizeof(s->database), "%s", FIELD(2));
		s->active = FIELD(3)[0] == 't';
		if (hr_lsn_parse(FIELD(4), &s->confirmed) < 0)
			s->confirmed = 0;
		if (hr_lsn_parse(FIELD(5), &s->restart) < 0)
			s->restart = 0;
		s->lost = strcmp(FIELD(6), "lost") == 0;
		s->two_phase = FIELD(7)[0] == 't';
		snprintf(s->why_lost, sizeof(s->why_lost), "%s", FIELD(8));
#undef FIELD
	}
	hr_result_free(r);
	return 0;
}

/* What CREATE_REPLICATION_SLOT says. */
static int
made(const PGresult *r, char *snapshot, hr_lsn *lsn, struct hr_err *e)
{
	snprintf(snapshot, 64, "%s", PQgetvalue(r, 0, 2));
	if (PQntuples(r) != 1 || hr_lsn_parse(PQgetvalue(r, 0, 1), lsn) < 0)
		return hr_fail(e, HR_TEMPORARY, "the server does not say where the new slot begins");
	return 0;
}

int
hr_repl_create(struct hr_conn *c, const char *slot, char *snapshot, hr_lsn *lsn, struct hr_err *e)
{
	char *name = hr_quote_ident(slot);
	char *sql = hr_sprintf("CREATE_REPLICATION_SLOT %s LOGICAL pgoutput (SNAPSHOT 'export')", name);
	PGresult *r = PQexec(c->pg, sql);
	int rc = PQresultStatus(r) == PGRES_TUPLES_OK ? made(r, snapshot, lsn, e) : hr_pq_fail_result(r, c, e);

	free(sql);
	free(name);
	PQclear(r);
	return rc;
}

int
hr_repl_snapshot_ask(struct hr_conn *c, struct hr_err *e)
{
	char *sql = hr_sprintf("CREATE_REPLICATION_SLOT hr_copy_%d_%" PRIx64 " TEMPORARY LOGICAL pgoutput"
	    " (SNAPSHOT 'export')", PQbackendPID(c->pg), (uint64_t)hr_now_pg_us());
	int rc = PQsendQuery(c->pg, sql) ? 0 : hr_pq_fail(c, e, "cannot ask for a snapshot");

	free(sql);
	return rc;
}

int
hr_repl_snapshot_look(struct hr_conn *c, char *snapshot, hr_lsn *lsn, struct hr_err *e)
{
	PGresult *r;
	int rc;

	if (!PQconsumeInput(c->pg))
		return hr_pq_fail(c, e, "connection to the source lost");
	if (PQisBusy(c->pg))
		return 0;
	if ((r = PQgetResult(c->pg)) == NULL)
		return hr_pq_fail(c, e, "connection to the source lost");
	rc = PQresultStatus(r) == PGRES_TUPLES_OK ? made(r, snapshot, lsn, e) : hr_pq_fail_result(r, c, e);
	PQclear(r);
	while ((r = PQgetResult(c->pg)) != NULL)
		PQclear(r);
	return rc < 0 ? -1 : 1;
}

int
hr_repl_snapshot(struct hr_conn *c, char *snapshot, hr_lsn *lsn, struct hr_err *e)
{
	int rc = hr_repl_snapshot_ask(c, e);

	while (rc == 0 && (rc = hr_repl_snapshot_look(c, snapshot, lsn, e)) == 0) {
		struct pollfd p = { PQsocket(c->pg), POLLIN, 0 };

		poll(&p, 1, 1000);
	}
	return rc < 0 ? -1 : 0;
}

int
hr_repl_drop(struct hr_conn *c, const char *slot, struct hr_err *e)
{
	char *name = hr_quote_ident(slot);
	int rc = hr_conn_execf(c, e, "DROP_REPLICATION_SLOT %s", name);

	free(name);
	return rc;
}

int
hr_repl_start(struct hr_conn *c, const char *slot, hr_lsn from, const char *publication,
    bool local_only, struct hr_err *e)
{
	int version = hr_conn_server_version(c);
	char *name = hr_quote_ident(slot);
	struct hr_buf names = HR_BUF_INIT;
	char *list, *word, *next, *lit, *sql;
	PGresult *r;
	int rc;

	for (word = list = hr_strdup(publication); word; word = next) {
		char *id;

		next = strchr(word, ',');
		if (next)
			*next++ = '\0';
		id = hr_quote_ident(word);
		hr_buf_printf(&names, "%s%s", names.len ? "," : "", id);
		free(id);
	}
	lit = hr_quote_literal(hr_buf_text(&names));
	sql = hr_sprintf("START_REPLICATION SLOT %s LOGICAL %s (proto_version '%d', "
	    "publication_names %s, binary 'true', messages 'true', streaming 'on'%s)",
	    name, HR_LSN(from), version >= 160000 ? 4 : 3, lit,
	    local_only && version >= 160000 ? ", origin 'none'" : "");
	r = PQexec(c->pg, sql);
	rc = PQresultStatus(r) == PGRES_COPY_BOTH ? 0 : hr_pq_fail_result(r, c, e);
	PQclear(r);
	free(sql);
	free(lit);
	free(list);
	free(name);
	hr_buf_clear(&names);
	return rc;
}

/* The copy is over: say why. */
static int
over(struct hr_conn *c, struct hr_err *e)
{
	PGresult *r = PQgetResult(c->pg);
	int rc;

	if (r == NULL || PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_COPY_IN) {
		PQclear(r);
		hr_fail(e, HR_TEMPORARY, "the source ended the stream");
		snprintf(e->sqlstate, sizeof(e->sqlstate), "57P01");
		return -1;
	}
	rc = hr_pq_fail_result(r, c, e);
	PQclear(r);
	return rc;
}

int
hr_repl_read(struct hr_conn *c, struct hr_repl_msg *m, struct hr_err *e)
{
	struct hr_cur b;
	int n;

	PQfreemem(c->lent);
	c->lent = NULL;
	if ((n = PQgetCopyData(c->pg, &c->lent, 1)) == 0) {
		if (!PQconsumeInput(c->pg))
			return hr_pq_fail(c, e, "connection to the source lost");
		n = PQgetCopyData(c->pg, &c->lent, 1);
	}
	if (n == 0)
		return 0;
	if (n == -1)
		return over(c, e);
	if (n < 0)
		return hr_pq_fail(c, e, "connection to the source lost");
	b = hr_cur(c->lent, (size_t)n);
	switch (hr_cur_u8(&b)) {
	case 'w':
		m->keepalive = m->reply = false;
		hr_cur_u64be(&b);
		m->wal_end = hr_cur_u64be(&b);
		m->time = (int64_t)hr_cur_u64be(&b);
		m->data = b.at;
		m->len = hr_cur_left(&b);
		break;
	case 'k':
		m->keepalive = true;
		m->wal_end = hr_cur_u64be(&b);
		m->time = (int64_t)hr_cur_u64be(&b);
		m->reply = hr_cur_u8(&b) != 0;
		m->data = NULL;
		m->len = 0;
		break;
	default:
		b.bad = true;
	}
	if (b.bad)
		return hr_fail(e, HR_INTERNAL, "a replication message that is not understood");
	return 1;
}

int
hr_repl_status(struct hr_conn *c, hr_lsn received, hr_lsn flushed, bool want_reply, struct hr_err *e)
{
	uint8_t m[34];

	m[0] = 'r';
	hr_set_u64be(m + 1, received);
	hr_set_u64be(m + 9, flushed);
	hr_set_u64be(m + 17, flushed);
	hr_set_u64be(m + 25, (uint64_t)hr_now_pg_us());
	m[33] = want_reply;
	if (PQputCopyData(c->pg, (const char *)m, sizeof(m)) != 1 || PQflush(c->pg) < 0)
		return hr_pq_fail(c, e, "connection to the source lost");
	return 0;
}

int
hr_repl_stop(struct hr_conn *c, struct hr_err *e)
{
	PGresult *r;
	char *piece;
	int n;

	if (PQputCopyEnd(c->pg, NULL) != 1 || PQflush(c->pg) < 0)
		return hr_pq_fail(c, e, "connection to the source lost");
	while ((n = PQgetCopyData(c->pg, &piece, 0)) > 0)
		PQfreemem(piece);
	while ((r = PQgetResult(c->pg)) != NULL) {
		ExecStatusType s = PQresultStatus(r);

		PQclear(r);
		if (s == PGRES_COPY_IN || s == PGRES_COPY_BOTH || s == PGRES_COPY_OUT)
			break;
	}
	return 0;
}
