/* conn.c - connections, statements, pipelines and copies over libpq. */

#include "base/hr.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "pg/pq.h"

/* libpq's and the server's messages: the first line, without its newline. */
static const char *
first_line(char *out, size_t size, const char *text)
{
	size_t n;

	while (*text && isspace((unsigned char)*text))
		text++;
	n = strcspn(text, "\n");
	if (n >= size)
		n = size - 1;
	memcpy(out, text, n);
	out[n] = '\0';
	return out;
}

static enum hr_code
code_of(const char *state)
{
	static const struct { const char *state; enum hr_code code; } table[] = {
		{ "08", HR_TEMPORARY }, { "53", HR_TEMPORARY }, { "57", HR_TEMPORARY },
		{ "58", HR_TEMPORARY }, { "40", HR_TEMPORARY }, { "55P03", HR_TEMPORARY },
		{ "55006", HR_TEMPORARY }, { "25P03", HR_TEMPORARY }, { "XX", HR_TEMPORARY },
		{ "HR001", HR_REFUSED }, { "HR002", HR_REFUSED }, { "HR003", HR_TEMPORARY }, { "HR004", HR_TEMPORARY },
		{ "22", HR_REFUSED }, { "23", HR_REFUSED }, { "P0", HR_REFUSED },
		{ "44", HR_REFUSED }, { "21", HR_REFUSED }, { "0A", HR_REFUSED },
		{ "28", HR_CONFIG }, { "3D", HR_CONFIG }, { "42", HR_CONFIG },
	};
	size_t i;

	for (i = 0; i < HR_COUNT(table); i++)
		if (strncmp(state, table[i].state, strlen(table[i].state)) == 0)
			return table[i].code;
	return HR_CONFIG;
}

bool
hr_err_retryable(const struct hr_err *e)
{
	return e->code == HR_TEMPORARY;
}

int
hr_pq_fail(struct hr_conn *c, struct hr_err *e, const char *doing)
{
	char line[400];

	hr_fail(e, HR_TEMPORARY, "%s: %s", doing, first_line(line, sizeof(line), PQerrorMessage(c->pg)));
	snprintf(e->sqlstate, sizeof(e->sqlstate), "08000");
	return -1;
}

int
hr_pq_fail_result(const PGresult *r, struct hr_conn *c, struct hr_err *e)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);
	const char *context = PQresultErrorField(r, PG_DIAG_CONTEXT);
	char line[400];

	if (state == NULL || text == NULL) {
		if (PQresultStatus(r) == PGRES_PIPELINE_ABORTED) {
			hr_fail(e, HR_TEMPORARY, "skipped after an earlier failure");
			snprintf(e->sqlstate, sizeof(e->sqlstate), "HRSKP");
			return -1;
		}
		return hr_pq_fail(c, e, "connection to the server lost");
	}
	hr_fail(e, code_of(state), "%s", first_line(line, sizeof(line), text));
	snprintf(e->sqlstate, sizeof(e->sqlstate), "%s", state);
	if (hint)
		hr_hint(e, "%s", first_line(line, sizeof(line), hint));
	snprintf(e->detail, sizeof(e->detail), "%s%s%s", detail ? detail : "",
	    detail && context ? " / " : "", context ? context : "");
	return -1;
}

static void
notice(void *arg, const char *text)
{
	char line[400];

	(void)arg;
	hr_log(HR_LOG_DEBUG, "server: %s", first_line(line, sizeof(line), text));
}

#define NO_REPLICATION "permission denied to start WAL sender"	/* 16 and later */

/* Messages of libpq that say the configuration is wrong, not the moment. */
static bool
misconfigured(const char *text)
{
	static const char *const sign[] = {
		"does not exist", "authentication failed", "no pg_hba.conf entry",
		"no password supplied", "not permitted", "is not permitted to log in",
		"must be superuser or replication role",	/* 15 */
		NO_REPLICATION, "permission denied for database", "invalid connection option",
		"definition of service", "could not translate host name",
		"invalid integer value", "invalid port number", "missing \"=\"",
	};
	size_t i;

	/* A socket that does not exist is a server that is down. */
	if (strstr(text, "No such file or directory"))
		return false;
	for (i = 0; i < HR_COUNT(sign); i++)
		if (strstr(text, sign[i]))
			return true;
	return false;
}

int
hr_conn_open(struct hr_conn **out, const char *conninfo, enum hr_conn_kind kind, struct hr_err *e)
{
	const char *key[8], *value[8];
	struct hr_conn *c = hr_zalloc(sizeof(*c));
	char line[400];
	int n = 0;

	*out = NULL;
	key[n] = "dbname", value[n++] = conninfo;
	key[n] = "fallback_application_name", value[n++] = hr_name_get();
	key[n] = "client_encoding", value[n++] = "UTF8";
	if (kind == HR_CONN_REPLICATION)
		key[n] = "replication", value[n++] = "database";
	key[n] = value[n] = NULL;
	c->pg = PQconnectdbParams(key, value, 1);
	if (c->pg == NULL) {
		free(c);
		return hr_fail_mem(e);
	}
	if (PQstatus(c->pg) != CONNECTION_OK) {
		const char *text = PQerrorMessage(c->pg);
		bool wrong = misconfigured(text);

		first_line(line, sizeof(line), text);
		hr_fail(e, wrong ? HR_CONFIG : HR_TEMPORARY, "cannot connect: %s", line);
		hr_hint(e, strstr(text, NO_REPLICATION) ? "give the role the attribute REPLICATION" :
		    wrong ? "check the connection string" : "is the server running?");
		hr_conn_close(c);
		return -1;
	}
	PQsetNoticeProcessor(c->pg, notice, NULL);
	/* What we read as text must not depend on who connects; no catalog query is worth compiling. */
	if (hr_conn_exec(c, "SET DateStyle = ISO; SET IntervalStyle = postgres; SET extra_float_digits = 3;"
	    " SET bytea_output = hex; SET statement_timeout = 0; SET lock_timeout = 0;"
	    " SET idle_in_transaction_session_timeout = 0; SET idle_session_timeout = 0;"
	    " SET TimeZone = 'UTC'; SET jit = off", e) < 0 ||
	    (PQserverVersion(c->pg) >= 170000 && hr_conn_exec(c, "SET transaction_timeout = 0", e) < 0)) {
		hr_conn_close(c);
		return -1;
	}
	*out = c;
	return 0;
}

void
hr_conn_close(struct hr_conn *c)
{
	if (c == NULL)
		return;
	PQfreemem(c->lent);
	PQfinish(c->pg);
	free(c);
}

bool
hr_conn_alive(const struct hr_conn *c)
{
	return c != NULL && PQstatus(c->pg) == CONNECTION_OK;
}

int
hr_conn_socket(const struct hr_conn *c)
{
	return PQsocket(c->pg);
}

int
hr_conn_server_version(const struct hr_conn *c)
{
	return PQserverVersion(c->pg);
}

static bool
good(const PGresult *r)
{
	ExecStatusType s = PQresultStatus(r);

	return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
}

int
hr_conn_exec(struct hr_conn *c, const char *sql, struct hr_err *e)
{
	PGresult *r = PQexec(c->pg, sql);
	int rc = good(r) ? 0 : hr_pq_fail_result(r, c, e);

	PQclear(r);
	return rc;
}

int
hr_conn_execf(struct hr_conn *c, struct hr_err *e, const char *fmt, ...)
{
	char *sql = NULL;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vasprintf(&sql, fmt, ap);
	va_end(ap);
	if (rc < 0)
		return hr_fail_mem(e);
	rc = hr_conn_exec(c, sql, e);
	free(sql);
	return rc;
}

#define PARAMS_HERE 64

/* Parameters in the three arrays libpq wants; big ones are allocated. */
struct unpacked {
	Oid type_here[PARAMS_HERE], *type;
	const char *value_here[PARAMS_HERE], **value;
	int len_here[PARAMS_HERE], *len;
	int format_here[PARAMS_HERE], *format;
};

static void
unpack(struct unpacked *u, int n, const struct hr_param *p)
{
	int i;

	u->type = u->type_here, u->value = u->value_here;
	u->len = u->len_here, u->format = u->format_here;
	if (n > PARAMS_HERE) {
		u->type = hr_alloc((size_t)n * sizeof(*u->type));
		u->value = hr_alloc((size_t)n * sizeof(*u->value));
		u->len = hr_alloc((size_t)n * sizeof(*u->len));
		u->format = hr_alloc((size_t)n * sizeof(*u->format));
	}
	for (i = 0; i < n; i++) {
		u->type[i] = p[i].type;
		u->value[i] = p[i].len < 0 ? NULL : p[i].data ? p[i].data : "";
		u->len[i] = p[i].len;
		u->format[i] = p[i].binary;
	}
}

static void
unpacked_free(struct unpacked *u)
{
	if (u->type != u->type_here) {
		free(u->type);
		free(u->value);
		free(u->len);
		free(u->format);
	}
}

static struct hr_result *
wrap(PGresult *r)
{
	struct hr_result *w = hr_alloc(sizeof(*w));

	w->pg = r;
	return w;
}

int
hr_conn_query(struct hr_conn *c, struct hr_result **out, const char *sql, int n,
    const struct hr_param *param, struct hr_err *e)
{
	struct unpacked u;
	PGresult *r;

	*out = NULL;
	if (n == 0)
		r = PQexec(c->pg, sql);
	else {
		unpack(&u, n, param);
		r = PQexecParams(c->pg, sql, n, u.type, u.value, u.len, u.format, 0);
		unpacked_free(&u);
	}
	if (!good(r)) {
		hr_pq_fail_result(r, c, e);
		PQclear(r);
		return -1;
	}
	*out = wrap(r);
	return 0;
}

int
hr_result_rows(const struct hr_result *r)
{
	return PQntuples(r->pg);
}

int64_t
hr_result_affected(const struct hr_result *r)
{
	return strtoll(PQcmdTuples(r->pg), NULL, 10);
}

const char *
hr_result_get(const struct hr_result *r, int row, int column)
{
	return PQgetisnull(r->pg, row, column) ? NULL : PQgetvalue(r->pg, row, column);
}

int
hr_result_len(const struct hr_result *r, int row, int column)
{
	return PQgetlength(r->pg, row, column);
}

void
hr_result_free(struct hr_result *r)
{
	if (r) {
		PQclear(r->pg);
		free(r);
	}
}

int
hr_pipeline_begin(struct hr_conn *c, struct hr_err *e)
{
	return PQenterPipelineMode(c->pg) ? 0 : hr_pq_fail(c, e, "cannot begin a pipeline");
}

int
hr_pipeline_prepare(struct hr_conn *c, const char *name, const char *sql, int n,
    const uint32_t *type, struct hr_err *e)
{
	return PQsendPrepare(c->pg, name, sql, n, type) ? 0 :
	    hr_pq_fail(c, e, "cannot send a statement");
}

int
hr_pipeline_send(struct hr_conn *c, const char *name, const char *sql, int n,
    const struct hr_param *param, struct hr_err *e)
{
	struct unpacked u;
	int ok;

	unpack(&u, n, param);
	if (name)
		ok = PQsendQueryPrepared(c->pg, name, n, u.value, u.len, u.format, 0);
	else
		ok = PQsendQueryParams(c->pg, sql, n, u.type, u.value, u.len, u.format, 0);
	unpacked_free(&u);
	return ok ? 0 : hr_pq_fail(c, e, "cannot send a statement");
}

int
hr_pipeline_sync(struct hr_conn *c, struct hr_err *e)
{
	return PQpipelineSync(c->pg) ? 0 : hr_pq_fail(c, e, "cannot send to the server");
}

int
hr_pipeline_result(struct hr_conn *c, struct hr_result **out, struct hr_err *e)
{
	PGresult *r = PQgetResult(c->pg), *next;

	*out = NULL;
	if (r == NULL)		/* the connection went, or results are over */
		return hr_pq_fail(c, e, "connection to the server lost");
	if (PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
		PQclear(r);
		return 0;
	}
	/* A statement's results end with NULL. */
	while ((next = PQgetResult(c->pg)) != NULL)
		PQclear(next);
	if (!good(r)) {
		hr_pq_fail_result(r, c, e);
		PQclear(r);
		return -1;
	}
	*out = wrap(r);
	return 1;
}

int
hr_pipeline_end(struct hr_conn *c, struct hr_err *e)
{
	return PQexitPipelineMode(c->pg) ? 0 : hr_pq_fail(c, e, "cannot end a pipeline");
}

void
hr_pipeline_abandon(struct hr_conn *c)
{
	PGresult *r;
	int nulls = 0;

	if (PQpipelineStatus(c->pg) == PQ_PIPELINE_OFF)
		return;
	PQpipelineSync(c->pg);
	while (PQstatus(c->pg) == CONNECTION_OK && !PQexitPipelineMode(c->pg)) {
		r = PQgetResult(c->pg);
		if (r == NULL && ++nulls > 1 << 20)
			break;
		PQclear(r);
	}
}

int
hr_copy_in_begin(struct hr_conn *c, const char *sql, struct hr_err *e)
{
	PGresult *r = PQexec(c->pg, sql);
	int rc = PQresultStatus(r) == PGRES_COPY_IN ? 0 : hr_pq_fail_result(r, c, e);

	PQclear(r);
	return rc;
}

int
hr_copy_in_put(struct hr_conn *c, const void *data, size_t len, struct hr_err *e)
{
	const char *p = data;

	while (len) {
		int n = len > 1 << 20 ? 1 << 20 : (int)len;

		if (PQputCopyData(c->pg, p, n) != 1)
			return hr_pq_fail(c, e, "cannot send rows");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

void
hr_copy_in_abort(struct hr_conn *c)
{
	PGresult *r;

	(void)!PQputCopyEnd(c->pg, "given up");
	while ((r = PQgetResult(c->pg)) != NULL)
		PQclear(r);
}

int
hr_copy_in_end(struct hr_conn *c, int64_t *rows, struct hr_err *e)
{
	PGresult *r, *next;
	int rc = 0;

	if (PQputCopyEnd(c->pg, NULL) != 1)
		return hr_pq_fail(c, e, "cannot send rows");
	r = PQgetResult(c->pg);
	if (r == NULL)
		return hr_pq_fail(c, e, "connection to the server lost");
	if (!good(r))
		rc = hr_pq_fail_result(r, c, e);
	else
		*rows = strtoll(PQcmdTuples(r), NULL, 10);
	while ((next = PQgetResult(c->pg)) != NULL)
		PQclear(next);
	PQclear(r);
	return rc;
}

int
hr_copy_out_begin(struct hr_conn *c, const char *sql, struct hr_err *e)
{
	PGresult *r = PQexec(c->pg, sql);
	int rc = PQresultStatus(r) == PGRES_COPY_OUT ? 0 : hr_pq_fail_result(r, c, e);

	PQclear(r);
	return rc;
}

int
hr_copy_out_read(struct hr_conn *c, const uint8_t **data, size_t *len, bool *ended, struct hr_err *e)
{
	PGresult *r;
	int n, rc = 0;

	*ended = false;
	PQfreemem(c->lent);
	c->lent = NULL;
	if ((n = PQgetCopyData(c->pg, &c->lent, 1)) == 0) {
		if (!PQconsumeInput(c->pg))
			return hr_pq_fail(c, e, "cannot read rows");
		n = PQgetCopyData(c->pg, &c->lent, 1);
	}
	if (n > 0) {
		*data = (const uint8_t *)c->lent;
		*len = (size_t)n;
		return 1;
	}
	if (n == 0)
		return 0;
	if (n == -2)
		return hr_pq_fail(c, e, "cannot read rows");
	r = PQgetResult(c->pg);
	if (!good(r))
		rc = hr_pq_fail_result(r, c, e);
	PQclear(r);
	while ((r = PQgetResult(c->pg)) != NULL)
		PQclear(r);
	*ended = true;
	return rc;
}

static char *
quote(const char *text, char q)
{
	struct hr_buf b = HR_BUF_INIT;

	if (q == '\'' && strchr(text, '\\'))
		hr_buf_puts(&b, "E");
	hr_buf_u8(&b, (uint8_t)q);
	for (; *text; text++) {
		if (*text == q || (q == '\'' && *text == '\\'))
			hr_buf_u8(&b, (uint8_t)*text);
		hr_buf_u8(&b, (uint8_t)*text);
	}
	hr_buf_u8(&b, (uint8_t)q);
	hr_buf_text(&b);
	return (char *)hr_buf_take(&b, NULL);
}

#define COPY_HEADER	11	/* PGCOPY\n\377\r\n\0 */

int
hr_copy_out_row(bool *begun, const uint8_t **data, size_t *len, struct hr_err *e)
{
	if (!*begun) {
		/* Signature, flags, and an extension of no length. */
		uint32_t ext = *len >= COPY_HEADER + 8 ? hr_get_u32be(*data + COPY_HEADER + 4) : UINT32_MAX;

		if (*len < COPY_HEADER + 8 || ext > *len - COPY_HEADER - 8)
			return hr_fail(e, HR_INTERNAL, "a copy without its header");
		*data += COPY_HEADER + 8 + ext;
		*len -= COPY_HEADER + 8 + ext;
		*begun = true;
	}
	/* The last one's number of columns is -1. */
	return *len >= 2 && hr_get_u16be(*data) != UINT16_MAX;
}

char *
hr_quote_ident(const char *name)
{
	return quote(name, '"');
}

char *
hr_quote_literal(const char *text)
{
	return quote(text, '\'');
}

char *
hr_quote_table(const char *schema, const char *name)
{
	char *s = hr_quote_ident(schema), *n = hr_quote_ident(name);
	char *both = hr_sprintf("%s.%s", s, n);

	free(s);
	free(n);
	return both;
}

char *
hr_quote_array(char *const *word, size_t n)
{
	struct hr_buf b = HR_BUF_INIT;
	const char *s;
	size_t i;

	hr_buf_puts(&b, "{");
	for (i = 0; i < n; i++) {
		hr_buf_puts(&b, i ? ",\"" : "\"");
		for (s = word[i]; *s; s++) {
			if (*s == '"' || *s == '\\')
				hr_buf_u8(&b, '\\');
			hr_buf_u8(&b, (uint8_t)*s);
		}
		hr_buf_puts(&b, "\"");
	}
	hr_buf_puts(&b, "}");
	hr_buf_text(&b);
	return (char *)hr_buf_take(&b, NULL);
}
