/* pgoutput.c - take pgoutput's messages apart. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "pg/pgoutput.h"

/* The rest of the message is one tuple, or two: found by walking it. */
static struct hr_cur
tuple(struct hr_cur *c)
{
	struct hr_cur t = *c;
	int n = hr_cur_u16be(c), i;

	for (i = 0; i < n && !c->bad; i++)
		switch (hr_cur_u8(c)) {
		case 'n':
		case 'u':
			break;
		case 't':
		case 'b':
			hr_cur_bytes(c, hr_cur_u32be(c));
			break;
		default:
			c->bad = true;
		}
	t.end = c->at;
	return t;
}

int
hr_pgo_decode(struct hr_pgo *m, const uint8_t *data, size_t len, bool streamed, struct hr_err *e)
{
	struct hr_cur c = hr_cur(data, len);
	uint8_t kind;

	*m = (struct hr_pgo){ .type = (char)hr_cur_u8(&c), .old = '-' };
	if (streamed && strchr("IUDTMRY", m->type))
		m->xid = hr_cur_u32be(&c);
	switch (m->type) {
	case 'I':
		m->relation = hr_cur_u32be(&c);
		c.bad |= hr_cur_u8(&c) != 'N';
		m->tuple = c;
		return c.bad ? hr_fail(e, HR_INTERNAL, "a malformed insert from the source") : 0;
	case 'U':
		m->relation = hr_cur_u32be(&c);
		kind = hr_cur_u8(&c);
		if (kind == 'K' || kind == 'O') {
			m->old = (char)kind;
			m->old_tuple = tuple(&c);
			kind = hr_cur_u8(&c);
		}
		c.bad |= kind != 'N';
		m->tuple = c;
		c.at = c.end;
		break;
	case 'D':
		m->relation = hr_cur_u32be(&c);
		m->old = (char)hr_cur_u8(&c);
		c.bad |= m->old != 'K' && m->old != 'O';
		m->old_tuple = c;
		c.at = c.end;
		break;
	case 'B':
		m->lsn = hr_cur_u64be(&c);
		m->time = (int64_t)hr_cur_u64be(&c);
		m->xid = hr_cur_u32be(&c);
		break;
	case 'C':
		hr_cur_u8(&c);
		m->lsn = hr_cur_u64be(&c);
		m->end = hr_cur_u64be(&c);
		m->time = (int64_t)hr_cur_u64be(&c);
		break;
	case 'O':
		m->lsn = hr_cur_u64be(&c);
		m->name = hr_cur_cstr(&c);
		break;
	case 'Y':
		m->relation = hr_cur_u32be(&c);
		m->schema = hr_cur_cstr(&c);
		m->name = hr_cur_cstr(&c);
		break;
	case 'T':
		m->relations = hr_cur_u32be(&c);
		m->options = hr_cur_u8(&c);
		if (m->relations > hr_cur_left(&c) / 4)
			c.bad = true;
		else
			m->relation_list = hr_cur_bytes(&c, (size_t)m->relations * 4);
		break;
	case 'M':
		m->options = hr_cur_u8(&c);
		m->lsn = hr_cur_u64be(&c);
		m->name = hr_cur_cstr(&c);
		m->content_len = hr_cur_u32be(&c);
		m->content = hr_cur_bytes(&c, m->content_len);
		break;
	case 'R':	/* hr_pgo_relation() reads it */
		m->relation = hr_cur_u32be(&c);
		c.at = c.end;
		break;
	case 'S':
		m->xid = hr_cur_u32be(&c);
		hr_cur_u8(&c);
		break;
	case 'E':
		break;
	case 'c':
		m->xid = hr_cur_u32be(&c);
		hr_cur_u8(&c);
		m->lsn = hr_cur_u64be(&c);
		m->end = hr_cur_u64be(&c);
		m->time = (int64_t)hr_cur_u64be(&c);
		break;
	case 'A':
		m->xid = hr_cur_u32be(&c);
		m->subxid = hr_cur_u32be(&c);
		c.at = c.end;	/* version 4 adds where and when */
		break;
	default:
		return hr_fail(e, HR_CONFIG, "the source sent a message of type '%c' that is not understood",
		    m->type > ' ' && m->type < 127 ? m->type : '?'),
		    hr_hint(e, "was the slot made with two_phase? make one without");
	}
	if (c.bad || hr_cur_left(&c))
		return hr_fail(e, HR_INTERNAL, "a malformed message of type '%c' from the source", m->type);
	return 0;
}

int
hr_pgo_relation(struct hr_relation **out, const uint8_t *data, size_t len, bool streamed,
    struct hr_err *e)
{
	struct hr_cur c = hr_cur(data, len);
	struct hr_relation *r = hr_zalloc(sizeof(*r));
	int i, n;

	*out = NULL;
	hr_cur_u8(&c);
	if (streamed)
		hr_cur_u32be(&c);
	r->id = hr_cur_u32be(&c);
	r->schema = hr_strdup(hr_cur_cstr(&c));
	if (r->schema[0] == '\0') {	/* how pgoutput writes pg_catalog */
		free(r->schema);
		r->schema = hr_strdup("pg_catalog");
	}
	r->name = hr_strdup(hr_cur_cstr(&c));
	r->identity = (char)hr_cur_u8(&c);
	r->tenancy = 'a';
	r->tenant_column = -1;
	n = hr_cur_u16be(&c);
	r->column = hr_zalloc((size_t)n * sizeof(*r->column));
	for (i = 0; i < n && !c.bad; i++) {
		r->column[i].key = hr_cur_u8(&c) & 1;
		r->column[i].name = hr_strdup(hr_cur_cstr(&c));
		r->column[i].type = hr_cur_u32be(&c);
		r->column[i].typmod = (int32_t)hr_cur_u32be(&c);
		r->columns = i + 1;
	}
	if (c.bad || hr_cur_left(&c)) {
		hr_relation_free(r);
		return hr_fail(e, HR_INTERNAL, "a malformed relation from the source");
	}
	*out = r;
	return 0;
}

int
hr_pgo_value(const struct hr_cur *t, int column, struct hr_pgo_value *v)
{
	struct hr_cur c = *t;
	int n = hr_cur_u16be(&c), i;

	if (column >= n)
		return -1;
	for (i = 0; i <= column && !c.bad; i++) {
		v->kind = (char)hr_cur_u8(&c);
		v->data = NULL;
		v->len = 0;
		if (v->kind == 't' || v->kind == 'b') {
			v->len = hr_cur_u32be(&c);
			v->data = hr_cur_bytes(&c, v->len);
		} else if (v->kind != 'n' && v->kind != 'u')
			c.bad = true;
	}
	return c.bad ? -1 : 0;
}

/* One value from c in the stream's encoding; true when it stays unchanged. */
static inline int
put_value(uint8_t **to, struct hr_cur *c, uint8_t kind)
{
	uint32_t len;
	const uint8_t *p;

	switch (kind) {
	case 'b':
	case 't':
		len = hr_cur_u32be(c);
		p = hr_cur_bytes(c, len);
		if (p == NULL || c->bad)
			return -1;
		if (kind == 't') {
			hr_set_u32be(*to, (uint32_t)-3);
			*to += 4;
		}
		hr_set_u32be(*to, len);
		memcpy(*to + 4, p, len);
		*to += 4 + len;
		return 0;
	case 'n':
		hr_set_u32be(*to, (uint32_t)-1);
		*to += 4;
		return 0;
	case 'u':
		hr_set_u32be(*to, (uint32_t)-2);
		*to += 4;
		return 1;
	}
	return -1;
}

int
hr_pgo_put_tuple(struct hr_buf *out, const struct hr_cur *t, const struct hr_cur *fill)
{
	struct hr_cur c = *t, f = fill ? *fill : (struct hr_cur){ 0 };
	int n = hr_cur_u16be(&c), i, unchanged = 0;
	uint8_t *to;

	if (fill && hr_cur_u16be(&f) != n)
		return -1;
	/* A value never grows by more than three bytes on its way. */
	hr_buf_need(out, hr_cur_left(&c) + (fill ? hr_cur_left(&f) : 0) + 3 * (size_t)n + 2);
	to = out->data + out->len;
	hr_set_u16be(to, (uint16_t)n);
	to += 2;
	for (i = 0; i < n; i++) {
		uint8_t kind = hr_cur_u8(&c), other = 'u';
		int rc;

		if (fill) {
			other = hr_cur_u8(&f);
			if (kind == 'u' && (other == 'b' || other == 't')) {
				if (put_value(&to, &f, other) < 0)
					return -1;
				continue;
			}
			if (kind == 'u' && other == 'N')
				kind = 'n';
			if (other == 'b' || other == 't')
				hr_cur_bytes(&f, hr_cur_u32be(&f));
		}
		if ((rc = put_value(&to, &c, kind)) < 0)
			return -1;
		unchanged += rc;
	}
	if (c.bad || f.bad)
		return -1;
	out->len = (size_t)(to - out->data);
	return unchanged;
}
