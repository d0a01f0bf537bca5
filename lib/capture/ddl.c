/* ddl.c - the event trigger at the source, and the messages it writes. */

#include "base/hr.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "capture/capture.h"
#include "capture/ddl.h"
#include "stream/rows.h"

#define LOOK_US	1000000		/* a key that may have changed is read so often */

static int
at_source(const char *conninfo, const char *sql, const char *doing, struct hr_err *e)
{
	struct hr_conn *c;
	struct hr_err ignored = HR_ERR_INIT;
	int rc;

	if (hr_conn_open(&c, conninfo, HR_CONN_PLAIN, e) < 0)
		return hr_within(e, "source");
	rc = hr_conn_exec(c, "SET client_min_messages = warning; BEGIN;"
	    " SELECT pg_catalog.pg_advisory_xact_lock(1751334262)", e);
	if (rc == 0)
		rc = hr_conn_exec(c, sql, e);
	if (rc == 0)
		rc = hr_conn_exec(c, "COMMIT", e);
	if (rc < 0) {
		(void)!hr_conn_exec(c, "ROLLBACK", &ignored);
		hr_within(e, "cannot %s the event trigger at the source", doing);
		if (strcmp(e->sqlstate, "42501") == 0) {
			e->code = HR_CONFIG;
			hr_hint(e, "connect as a superuser for this");
		}
	}
	hr_conn_close(c);
	return rc;
}

int
hr_ddl_install(const char *conninfo, struct hr_err *e)
{
	if (at_source(conninfo, hr_trigger_sql, "make", e) < 0)
		return -1;
	hr_log(HR_LOG_NOTE, "made the event triggers hr_ddl_end and hr_ddl_drop");
	return 0;
}

int
hr_ddl_remove(const char *conninfo, struct hr_err *e)
{
	return at_source(conninfo, hr_trigger_remove_sql, "remove", e);
}

int
hr_ddl_key_load(struct hr_capture *c, struct hr_err *e)
{
	struct hr_ddl_key *k = &c->ddl;
	struct hr_result *r;
	const char *hex;
	int i, rc = 0;

	k->looked_at = hr_now_us();
	if (hr_capture_sql(c, e) < 0 || hr_conn_query(c->sql, &r, "SELECT pg_catalog.to_regclass('hr.ddl_key') IS NOT NULL",
	    0, NULL, e) < 0)
		return -1;
	i = hr_result_get(r, 0, 0)[0] == 't';
	hr_result_free(r);
	if (!i)
		return 0;
	if (hr_conn_query(c->sql, &r, "SELECT pg_catalog.encode(key, 'hex') FROM hr.ddl_key", 0, NULL, e) < 0) {
		if (strcmp(e->sqlstate, "42501") != 0)
			return -1;
		hr_err_clear(e);
		if (!k->denied)
			hr_log(HR_LOG_WARNING, "changes of tables are left out: this role cannot read hr.ddl_key; "
			    "GRANT USAGE ON SCHEMA hr and SELECT ON hr.ddl_key to it");
		k->denied = true;
		return 0;
	}
	hex = hr_result_rows(r) == 1 ? hr_result_get(r, 0, 0) : NULL;
	if (hex && strlen(hex) == 2 * HR_DDL_KEY) {
		for (i = 0; i < HR_DDL_KEY; i++) {
			char byte[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

			k->key[i] = (uint8_t)strtoul(byte, NULL, 16);
		}
		k->known = true;
	} else
		rc = hr_fail(e, HR_CONFIG, "hr.ddl_key at the source is not as it should be"),
		    hr_hint(e, "run hr-capture --remove-ddl and --install-ddl");
	hr_result_free(r);
	return rc;
}

bool
hr_ddl_genuine(const uint8_t *key, uint32_t xid, const uint8_t *content, size_t len, const uint8_t **body,
    size_t *body_len)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	uint8_t hex[HR_DDL_MAC];
	struct hr_buf text = HR_BUF_INIT;
	unsigned int n = 0;

	if (len <= HR_DDL_MAC || content[HR_DDL_MAC - 1] != '\n')
		return false;
	*body = content + HR_DDL_MAC;
	*body_len = len - HR_DDL_MAC;
	hr_buf_printf(&text, "%" PRIu32 "\n", xid);
	hr_buf_put(&text, *body, *body_len);
	if (HMAC(EVP_sha256(), key, HR_DDL_KEY, text.data, text.len, mac, &n) == NULL || n != HR_DDL_KEY)
		n = 0;
	hr_buf_clear(&text);
	hr_hex_put(hex, mac, n);
	return n && CRYPTO_memcmp(hex, content, HR_DDL_MAC - 1) == 0;
}

/* Is one of its publications one of ours? */
static bool
is_published(const struct hr_capture *c, const json_t *list)
{
	const char *at = c->o->publication;
	size_t i;
	json_t *name;

	while (at && *at) {
		size_t n = strcspn(at, ",");

		json_array_foreach(list, i, name)
			if (json_is_string(name) && json_string_length(name) == n && memcmp(json_string_value(name), at, n) == 0)
				return true;
		at += n + (at[n] == ',');
	}
	return false;
}

/* Whose a table of that name is; NULL: nobody's who is wanted. */
static struct hr_out *
whose(struct hr_capture *c, const char *schema, const char *table)
{
	struct hr_relation rel = { .schema = (char *)schema, .name = (char *)table, .identity = 'd' };
	struct hr_err ignored = HR_ERR_INIT;
	struct hr_out *out = &c->emit.all;
	struct hr_route route;

	if (hr_route_decide(c->router, &rel, false, &route, &ignored) < 0)
		/* Its columns are not known here; what schema it is in is. */
		return rel.tenancy == 's' ? NULL : out;
	if (route.tenancy == HR_TENANCY_NONE)
		return NULL;
	if (route.tenant) {
		out = hr_emit_tenant(&c->emit, route.tenant, strlen(route.tenant));
		free(route.tenant);
	}
	return out->selected ? out : NULL;
}

static int
pass_on(struct hr_capture *c, struct hr_out *o, const struct hr_pgo *m, const uint8_t *body, size_t len,
    struct hr_err *e)
{
	size_t mark;
	struct hr_buf *b;

	/* Others' rows before it are of tables as they were. */
	if (o->all && hr_emit_frames(&c->emit, e) < 0)
		return -1;
	if ((b = hr_emit_open(&c->emit, o, HR_MESSAGE, &mark, e)) == NULL)
		return -1;
	hr_buf_u8(b, m->options & 1);
	hr_buf_u64le(b, m->lsn);
	hr_buf_put(b, HR_DDL_PREFIX, sizeof(HR_DDL_PREFIX));
	hr_buf_put(b, body, len);
	return hr_emit_close(&c->emit, o, mark, e);
}

/*
 * A schema that is renamed takes its tables along, and the source does not
 * describe them again for that.
 */
static int
moved(struct hr_capture *c, uint32_t id, const char *schema, const char *table, struct hr_err *e)
{
	struct hr_route *route = hr_routes_get(&c->routes, id);
	struct hr_relation *rel;

	if (route == NULL || strcmp(route->relation->schema, schema) == 0)
		return 0;
	if ((rel = hr_relation_copy(route->relation, e)) == NULL)
		return -1;
	free(rel->schema);
	free(rel->name);
	rel->schema = hr_strdup(schema);
	rel->name = hr_strdup(table);
	return hr_capture_relation(c, rel, &route, e);
}

static int
left_out(const struct hr_capture *c, const char *why)
{
	hr_log(HR_LOG_WARNING, "a message of transaction %" PRIu32 " says that it changes a table, and %s: left out",
	    c->emit.xid, why);
	return 0;
}

int
hr_capture_ddl(struct hr_capture *c, const struct hr_pgo *m, struct hr_err *e)
{
	struct hr_ddl_key *k = &c->ddl;
	const uint8_t *body;
	size_t len;
	const char *schema, *table, *was;
	struct hr_out *out, *before;
	json_t *op;
	int rc = 0;

	if (!(m->options & 1) || !c->emit.open)
		return left_out(c, "is in none");
	if (!k->known || !hr_ddl_genuine(k->key, c->emit.xid, m->content, m->content_len, &body, &len)) {
		/* It may be younger than we are. */
		if (hr_now_us() - k->looked_at > LOOK_US && hr_ddl_key_load(c, e) < 0) {
			e->sqlstate[0] = '\0';
			return hr_within(e, "cannot read hr.ddl_key at the source");
		}
		if (!k->known)
			return left_out(c, "its key cannot be read");
		if (!hr_ddl_genuine(k->key, c->emit.xid, m->content, m->content_len, &body, &len))
			return left_out(c, "is not from the event trigger of --install-ddl");
	}
	op = json_loadb((const char *)body, len, 0, NULL);
	schema = json_string_value(json_object_get(op, "schema"));
	table = json_string_value(json_object_get(op, "table"));
	was = json_string_value(json_object_get(op, "was_schema"));
	if (schema == NULL || table == NULL)
		rc = left_out(c, "names none");
	else if (is_published(c, json_object_get(op, "publications"))) {
		out = whose(c, schema, table);
		before = was ? whose(c, was, table) : out;
		/* It goes from one to another: both have to be there. */
		if (out && before && out != before)
			out = &c->emit.all;
		if (out || before) {
			rc = pass_on(c, out ? out : before, m, body, len, e);
			k->said = true;
			if (rc == 0 && was)
				rc = moved(c, (uint32_t)json_integer_value(json_object_get(op, "relation")), schema, table, e);
		}
	}
	json_decref(op);
	return rc;
}
