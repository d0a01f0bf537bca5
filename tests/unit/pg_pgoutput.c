/* pg_pgoutput - messages made by hand, whole and cut. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "pg/pgoutput.h"
#include "stream/rows.h"
#include "tap.h"

/* A message from a text: letters as they are, numbers as "1:5 2:5 4:5 8:5". */
static struct hr_buf msg;
static struct hr_err e;

static void
put(const char *text)
{
	hr_buf_reset(&msg);
	while (*text) {
		if (*text == ' ') {
			text++;
		} else if (text[0] >= '1' && text[0] <= '8' && text[1] == ':') {
			int size = text[0] - '0';
			uint64_t v = strtoull(text + 2, (char **)&text, 10);

			while (size-- > 0)
				hr_buf_u8(&msg, (uint8_t)(v >> (8 * size)));
		} else if (*text == '"') {
			for (text++; *text != '"'; text++)
				hr_buf_u8(&msg, (uint8_t)*text);
			text++;
		} else
			hr_buf_u8(&msg, (uint8_t)*text++);
	}
}

/* A copy of exactly n bytes, so that a reader beyond them is caught. */
static uint8_t *
cut(size_t n)
{
	uint8_t *p = hr_alloc(n);

	memcpy(p, msg.data, n);
	return p;
}

/*
 * Take n bytes of the message wholly apart.  -1 when anything was not
 * well-formed.
 */
static int
apart(size_t n, bool streamed)
{
	uint8_t *p = cut(n);
	struct hr_relation *r = NULL;
	struct hr_pgo m;
	struct hr_pgo_value v;
	int rc = hr_pgo_decode(&m, p, n, streamed, &e), i;

	if (rc == 0 && m.type == 'R') {
		rc = hr_pgo_relation(&r, p, n, streamed, &e);
		hr_relation_free(r);
	}
	if (rc == 0 && strchr("IUD", m.type)) {
		struct hr_buf out = HR_BUF_INIT;

		for (i = 0; i < 5; i++) {
			int a = m.type == 'D' ? 0 : hr_pgo_value(&m.tuple, i, &v);
			int b = m.old == '-' ? 0 : hr_pgo_value(&m.old_tuple, i, &v);

			if (i == 0 && (a < 0 || b < 0))
				rc = -1;
		}
		if (m.type != 'D' && hr_pgo_put_tuple(&out, &m.tuple, m.old == 'O' ? &m.old_tuple : NULL) < 0)
			rc = -1;
		if (m.old != '-' && hr_pgo_put_tuple(&out, &m.old_tuple, NULL) < 0)
			rc = -1;
		hr_buf_clear(&out);
	}
	free(p);
	return rc;
}

/* Every cut of the message in msg is refused. */
static void
cuts(bool streamed, const char *what)
{
	size_t n;
	int bad = 0;

	for (n = 0; n < msg.len; n++)
		if (apart(n, streamed) == 0 && bad++ == 0)
			printf("# the first %zu of %zu bytes are accepted\n", n, msg.len);
	ok(bad == 0, "every cut of %s is refused", what);
}

static int
decode(struct hr_pgo *m, const char *text, bool streamed, const char *what)
{
	int rc;

	put(text);
	e = (struct hr_err)HR_ERR_INIT;
	rc = hr_pgo_decode(m, msg.data, msg.len, streamed, &e);
	ok(rc == 0, "%s", what);
	if (rc < 0)
		printf("#  got: %s\n", e.what);
	cuts(streamed, what);
	return rc;
}

/* One byte more than there should be. */
static void
longer(const char *text)
{
	struct hr_pgo m;

	put(text);
	hr_buf_u8(&msg, 'x');
	e = (struct hr_err)HR_ERR_INIT;
	ok(hr_pgo_decode(&m, msg.data, msg.len, false, &e) == -1 && e.code == HR_INTERNAL, "bytes behind '%c' are refused", *text);
}

static void
marks(void)
{
	struct hr_pgo m;

	decode(&m, "B 8:100 8:200 4:7", false, "begin");
	ok(m.type == 'B' && m.lsn == 100 && m.time == 200 && m.xid == 7, "its fields");
	decode(&m, "C 1:0 8:100 8:150 8:200", false, "commit");
	ok(m.type == 'C' && m.lsn == 100 && m.end == 150 && m.time == 200, "its fields");
	decode(&m, "O 8:100 \"there\" 1:0", false, "origin");
	ok(m.type == 'O' && m.lsn == 100 && strcmp(m.name, "there") == 0, "its fields");
	decode(&m, "Y 4:9 \"public\" 1:0 \"mood\" 1:0", false, "type");
	ok(m.relation == 9 && strcmp(m.schema, "public") == 0 && strcmp(m.name, "mood") == 0, "its fields");
	decode(&m, "Y 4:7 4:9 \"public\" 1:0 \"mood\" 1:0", true, "streamed type");
	ok(m.xid == 7 && m.relation == 9, "its fields");
	decode(&m, "T 4:2 1:3 4:16384 4:16385", false, "truncate");
	ok(m.relations == 2 && m.options == 3 && hr_get_u32be(m.relation_list + 4) == 16385 && m.xid == 0, "its fields");
	decode(&m, "T 4:7 4:1 1:0 4:16384", true, "streamed truncate");
	ok(m.xid == 7 && m.relations == 1 && hr_get_u32be(m.relation_list) == 16384, "its fields");
	decode(&m, "M 1:1 8:100 \"hr\" 1:0 4:3 \"abc\"", false, "message");
	ok(m.options == 1 && m.lsn == 100 && strcmp(m.name, "hr") == 0 && m.content_len == 3 &&
	    memcmp(m.content, "abc", 3) == 0, "its fields");
	decode(&m, "M 4:7 1:1 8:100 \"\" 1:0 4:0", true, "streamed message");
	ok(m.xid == 7 && m.name[0] == '\0' && m.content_len == 0, "its fields");
	decode(&m, "S 4:7 1:1", true, "stream start");
	ok(m.xid == 7, "its field");
	decode(&m, "E", true, "stream stop");
	decode(&m, "c 4:7 1:0 8:100 8:150 8:200", false, "stream commit");
	ok(m.xid == 7 && m.lsn == 100 && m.end == 150 && m.time == 200, "its fields");
	decode(&m, "A 4:7 4:8", false, "stream abort");
	ok(m.xid == 7 && m.subxid == 8, "its fields");
	put("A 4:7 4:8 8:100 8:200");
	ok(hr_pgo_decode(&m, msg.data, msg.len, false, &e) == 0 && m.subxid == 8, "version 4 says more at an abort");

	longer("B 8:100 8:200 4:7");
	longer("C 1:0 8:100 8:150 8:200");
	longer("T 4:1 1:0 4:16384");
	longer("E");
	put("T 4:1073741825 1:0 4:16384");
	ok(hr_pgo_decode(&m, msg.data, msg.len, false, &e) == -1, "a number of tables that would wrap is refused");
	put("M 1:1 8:1 1:0 4:4294967295 \"abc\"");
	ok(hr_pgo_decode(&m, msg.data, msg.len, false, &e) == -1, "so is content that is not there");
	put("b 8:1");
	e = (struct hr_err)HR_ERR_INIT;
	ok(hr_pgo_decode(&m, msg.data, msg.len, false, &e) == -1 && e.code == HR_CONFIG && strstr(e.what, "'b'") &&
	    strstr(e.hint, "two_phase"), "a type that is not known is status 78, with a hint");
	put("1:0 8:1");
	ok(hr_pgo_decode(&m, msg.data, msg.len, true, &e) == -1 && strstr(e.what, "'?'"), "also one that cannot be printed");
}

static void
relation(void)
{
#define REST "4:16384 \"public\" 1:0 \"orders\" 1:0 d 2:2 1:1 \"id\" 1:0 4:23 4:4294967295 1:0 \"t\" 1:0 4:1043 4:14"
	struct hr_relation *r;
	struct hr_pgo m;

	decode(&m, "R " REST, false, "relation");
	ok(m.relation == 16384, "its id is known early");
	ok(hr_pgo_relation(&r, msg.data, msg.len, false, &e) == 0 && r->id == 16384 && strcmp(r->schema, "public") == 0 &&
	    strcmp(r->name, "orders") == 0 && r->identity == 'd' && r->columns == 2 && r->tenant_column == -1, "its fields");
	ok(r->column[0].key && strcmp(r->column[0].name, "id") == 0 && r->column[0].type == 23 && r->column[0].typmod == -1 &&
	    !r->column[1].key && r->column[1].type == 1043 && r->column[1].typmod == 14 && r->column[1].type_name == NULL,
	    "its columns");
	hr_relation_free(r);
	decode(&m, "R 4:7 " REST, true, "streamed relation");
	ok(m.xid == 7 && m.relation == 16384 && hr_pgo_relation(&r, msg.data, msg.len, true, &e) == 0 && r->id == 16384,
	    "its fields");
	hr_relation_free(r);
	put("R " REST " x");
	ok(hr_pgo_relation(&r, msg.data, msg.len, false, &e) == -1 && r == NULL, "bytes behind are refused");
	put("R 4:1 1:0 \"pg_class\" 1:0 n 2:0");
	ok(hr_pgo_relation(&r, msg.data, msg.len, false, &e) == 0 && strcmp(r->schema, "pg_catalog") == 0 &&
	    r->columns == 0 && r->identity == 'n', "an empty schema is pg_catalog; no columns are some");
	hr_relation_free(r);
}

static void
rows(void)
{
#define ONE "2:4 b 4:4 4:42 n u t 4:2 \"ab\""
	struct hr_pgo m;
	struct hr_pgo_value v;

	decode(&m, "I 4:16384 N " ONE, false, "insert");
	ok(m.type == 'I' && m.relation == 16384 && m.old == '-' && m.xid == 0, "its fields");
	ok(hr_pgo_value(&m.tuple, 0, &v) == 0 && v.kind == 'b' && v.len == 4 && hr_get_u32be(v.data) == 42, "a binary value");
	ok(hr_pgo_value(&m.tuple, 1, &v) == 0 && v.kind == 'n' && v.data == NULL && v.len == 0, "a NULL");
	ok(hr_pgo_value(&m.tuple, 2, &v) == 0 && v.kind == 'u' && v.data == NULL, "one that is unchanged");
	ok(hr_pgo_value(&m.tuple, 3, &v) == 0 && v.kind == 't' && v.len == 2 && memcmp(v.data, "ab", 2) == 0, "a text");
	ok(hr_pgo_value(&m.tuple, 4, &v) == -1, "there is no fifth");
	decode(&m, "I 4:7 4:16384 N " ONE, true, "streamed insert");
	ok(m.xid == 7 && m.relation == 16384, "its fields");

	decode(&m, "U 4:16384 N " ONE, false, "update");
	ok(m.old == '-' && hr_pgo_value(&m.tuple, 3, &v) == 0 && v.len == 2, "its fields");
	decode(&m, "U 4:16384 K 2:2 b 4:1 x n N " ONE, false, "update with a key");
	ok(m.old == 'K' && hr_pgo_value(&m.old_tuple, 0, &v) == 0 && v.len == 1 && hr_pgo_value(&m.old_tuple, 1, &v) == 0 &&
	    hr_pgo_value(&m.old_tuple, 2, &v) == -1 && hr_pgo_value(&m.tuple, 3, &v) == 0, "both its tuples");
	ok(hr_cur_left(&m.old_tuple) == 9, "the old one ends where the new one begins");
	decode(&m, "U 4:7 4:16384 O " ONE " N " ONE, true, "streamed update with an old row");
	ok(m.xid == 7 && m.old == 'O', "its fields");
	decode(&m, "D 4:16384 K 2:2 t 4:1 x n", false, "delete");
	ok(m.old == 'K' && hr_pgo_value(&m.old_tuple, 0, &v) == 0 && v.kind == 't', "its fields");
	decode(&m, "D 4:7 4:16384 O " ONE, true, "streamed delete");
	ok(m.xid == 7 && m.old == 'O', "its fields");

	put("I 4:16384 O " ONE);
	ok(hr_pgo_decode(&m, msg.data, msg.len, false, &e) == -1, "an insert without a new row is refused");
	put("D 4:16384 N " ONE);
	ok(hr_pgo_decode(&m, msg.data, msg.len, false, &e) == -1, "so is a delete with one");
	put("U 4:16384 K 2:1 z N " ONE);
	ok(hr_pgo_decode(&m, msg.data, msg.len, false, &e) == -1, "and a value of another kind");
	put("U 4:16384 K 2:1 n O " ONE);
	ok(hr_pgo_decode(&m, msg.data, msg.len, false, &e) == -1, "and two old rows");
}

/* Convert; the values in short: 'b' and its text, t, n and u. */
static int
convert(const char *tuple, const char *fill, char *shown)
{
	struct hr_buf out = HR_BUF_INIT;
	struct hr_value value[8];
	struct hr_cur c, f;
	uint8_t *a, *b = NULL;
	int rc, n, i;

	*shown = '\0';
	put(tuple);
	a = cut(msg.len);
	c = hr_cur(a, msg.len);
	if (fill) {
		put(fill);
		b = cut(msg.len);
		f = hr_cur(b, msg.len);
	}
	hr_buf_puts(&out, "before");
	rc = hr_pgo_put_tuple(&out, &c, fill ? &f : NULL);
	if (rc < 0)
		snprintf(shown, 80, "%s", out.len == 6 ? "refused" : "refused, and appended");
	else if ((n = hr_tuple_decode(out.data + 6, out.len - 6, value, 8)) < 0)
		strcpy(shown, "not decoded");
	else
		for (i = 0; i < n; i++) {
			if (value[i].len >= 0)
				snprintf(shown + strlen(shown), 20, "%c%.*s ", value[i].text ? 't' : 'b', value[i].len,
				    value[i].len ? (const char *)value[i].data : "");
			else
				strcat(shown, value[i].len == HR_VALUE_NULL ? "n " : "u ");
		}
	hr_buf_clear(&out);
	free(a);
	free(b);
	return rc;
}

static void
tuples(void)
{
	char s[200];

	is_number(convert("2:5 b 4:2 \"xy\" n u t 4:3 \"abc\" t 4:0", NULL, s), 1, "one is left unchanged");
	is(s, "bxy n u tabc t ", "all four kinds");
	is_number(convert("2:0", NULL, s), 0, "no columns");
	is_number(convert("2:4 b 4:1 x u u u", "2:4 b 4:1 z b 4:3 \"old\" t 4:4 \"text\" n", s), 1, "two are filled");
	is(s, "bx bold ttext u ", "what is unchanged comes from the old row, in its kind");
	is_number(convert("2:3 n u b 4:1 q", "2:3 u u t 4:1 z", s), 1, "what is unchanged there too stays so");
	is(s, "n u bq ", "what is there is not filled");
	convert("2:2 n n", "2:1 n", s);
	is(s, "refused", "tuples of different width");
	convert("2:2 n", NULL, s);
	is(s, "refused", "a column too few");
	convert("2:1 z", NULL, s);
	is(s, "refused", "another kind");
	convert("2:1 b 4:5 \"abcd\"", NULL, s);
	is(s, "refused", "a value that is cut");
	convert("2:1 b 4:4294967295 \"abcd\"", NULL, s);
	is(s, "refused", "a length below zero");
	convert("2:1 u", "2:1 t 4:9 \"abc\"", s);
	is(s, "refused", "an old value that is cut");
	convert("2:1 b 4:1 x", "2:1 t 4:9 \"abc\"", s);
	is(s, "refused", "also where it is not needed");
	convert("1:0", NULL, s);
	is(s, "refused", "half a number of columns");
}

/* A length that is cut: not a byte is written beyond what was made room for. */
static void
cut_length(void)
{
	int bad = 0, full, k;

	for (full = 0; full <= 1; full++)
		for (k = 0; k < 4; k++) {
			struct hr_buf out = HR_BUF_INIT;
			struct hr_cur c, f;
			uint8_t *p, *q;
			size_t cap, i;
			int rc;

			put(full ? "2:1 u" : "2:1 t");
			if (!full)
				hr_buf_put(&msg, "\0\0\0", (size_t)k);
			p = cut(msg.len);
			c = hr_cur(p, msg.len);
			put("2:1 t");
			hr_buf_put(&msg, "\0\0\0", (size_t)k);
			q = cut(msg.len);
			f = hr_cur(q, msg.len);
			/* No more room than whole values of so many bytes need. */
			hr_buf_need(&out, 200);
			memset(out.data, 0xa5, 200);
			out.len = 100;
			out.cap = cap = 100 + 2 + (size_t)(1 + k) + 3 + (full ? 1 : 0);
			rc = hr_pgo_put_tuple(&out, &c, full ? &f : NULL);
			if (rc != -1 || out.len != 100)
				bad++;
			for (i = cap; out.cap == cap && i < 200; i++)
				if (out.data[i] != 0xa5) {
					printf("# %s, %d bytes of the length: byte %zu beyond the buffer is written\n",
					    full ? "fill" : "tuple", k, i - cap);
					bad++;
				}
			hr_buf_clear(&out);
			free(p);
			free(q);
		}
	ok(bad == 0, "a length that is cut writes nothing beyond the buffer");
}

int
main(void)
{
	marks();
	relation();
	rows();
	tuples();
	cut_length();
	hr_buf_clear(&msg);
	return tap_done();
}
