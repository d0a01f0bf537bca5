/* column.c - a column's kinds and values through the codec that fits. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "codec/column.h"
#include "codec/decimal.h"
#include "codec/floats.h"
#include "codec/ints.h"

enum { FLOAT4 = 700, FLOAT8 = 701, NUMERIC = 1700, JSONB = 3802 };

#define SAMPLE	64		/* documents of a trial, at least */

/* What a place in a tuple holds. */
enum kind { VALUE, NOTHING, UNCHANGED, TEXT, MIXED };
#define HEADER(form, kind)	((uint8_t)((form) | (kind) << 5))

static enum kind
kind_of(const struct hr_value *v)
{
	return v->len == HR_VALUE_NULL ? NOTHING : v->len == HR_VALUE_UNCHANGED ? UNCHANGED :
	    v->text ? TEXT : VALUE;
}

int
hr_column_same(struct hr_value *const *all, int at, size_t n)
{
	size_t i;
	int c;

	for (c = 0; c < at; c++) {
		for (i = 0; i < n && hr_value_same(&all[c][i], &all[at][i]); i++)
			;
		if (i == n)
			return c;
	}
	return -1;
}

static void
set_number(uint8_t *p, unsigned width, uint64_t v)
{
	switch (width) {
	case 1: p[0] = (uint8_t)v; break;
	case 2: hr_set_u16be(p, (uint16_t)v); break;
	case 4: hr_set_u32be(p, (uint32_t)v); break;
	default: hr_set_u64be(p, v); break;
	}
}

/* The one width of all values, when integers have it; or 0. */
static unsigned
width_of(const struct hr_string *s, size_t n)
{
	size_t i, width = s[0].len;

	if (width != 1 && width != 2 && width != 4 && width != 8)
		return 0;
	for (i = 1; i < n; i++)
		if (s[i].len != width)
			return 0;
	return (unsigned)width;
}

static enum hr_form
form_of(unsigned width)
{
	return width == 1 ? HR_FORM_INT1 : width == 2 ? HR_FORM_INT2 : width == 4 ? HR_FORM_INT4 : HR_FORM_INT8;
}

static enum hr_form
encode_numbers(struct hr_enc *o, const struct hr_string *s, size_t n, unsigned width, uint32_t type,
    const struct hr_guess *g, struct hr_column_memory *m, struct hr_column_kept *kept)
{
	struct hr_guess whose = *g;
	bool is_float = (type == FLOAT4 && width == 4) || (type == FLOAT8 && width == 8);
	uint64_t *v = hr_arena_get(&o->arena, n, sizeof(*v));
	enum hr_form form = form_of(width);
	size_t i;

	for (i = 0; i < n; i++)
		v[i] = is_float && width == 4 ? hr_get_u32be(s[i].data) : hr_number_of(s[i].data, width);
	if (!is_float) {
		whose.width = width;
		hr_guess_encode(o, v, n, &whose, &m->guess, &m->ints, HR_KEPT(kept, ints));
	} else if (hr_alp_encode(o, v, n, width, g, &m->guess, &m->ints, HR_KEPT(kept, ints)))
		form = width == 4 ? HR_FORM_ALP4 : HR_FORM_ALP8;
	else {
		form = width == 4 ? HR_FORM_PLANES4 : HR_FORM_PLANES8;
		hr_planes_encode(o, v, n, width);
	}
	return form;
}

static bool
encode_decimals(struct hr_enc *o, const struct hr_string *s, size_t n, const struct hr_guess *g,
    struct hr_column_memory *m, struct hr_column_kept *kept)
{
	uint64_t *v = hr_arena_get(&o->arena, n, sizeof(*v)), *decimals = hr_arena_get(&o->arena, n, sizeof(*v));
	int64_t integer;
	unsigned behind;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!hr_decimal_parse(s[i].data, s[i].len, &integer, &behind))
			return false;
		v[i] = (uint64_t)integer;
		decimals[i] = behind;
	}
	hr_ints_encode(o, decimals, n, NULL, HR_KEPT(kept, decimals));
	hr_guess_encode(o, v, n, g, &m->guess, &m->ints, HR_KEPT(kept, ints));
	return true;
}

/* A letter of jsonb's is in front of it. */
static bool
may_be_documents(const struct hr_string *s, size_t n, uint32_t type)
{
	size_t i, front = type == JSONB;

	for (i = 0; i < n; i++)
		if (s[i].len < front || (front && s[i].data[0] != 1))
			return false;
	for (i = 0; i < n && s[i].len == front; i++)
		;
	return i < n && (s[i].data[front] == '{' || s[i].data[front] == '[');
}

/* What it takes, when nothing is kept; SIZE_MAX: it cannot be done. */
static size_t
trial(struct hr_enc *o, const struct hr_string *s, size_t n, bool documents)
{
	size_t meta = o->meta.len, data = o->data.len, size;
	struct hr_documents_memory m = { .path = { .slots = 0 } };
	bool done = true;

	if (documents)
		done = hr_documents_encode(o, s, n, &m, NULL);
	else
		hr_strings_encode(o, s, n, &m.shape, NULL);
	size = done ? o->meta.len - meta + o->data.len - data : SIZE_MAX;
	o->meta.len = meta;
	o->data.len = data;
	hr_documents_memory_clear(&m);
	return size;
}

/* What a column in front has in the rows of g. */
static bool
get_other(const void *arg, size_t column, struct hr_string *out, size_t n)
{
	const struct hr_guess *g = arg;
	const struct hr_value *v = g->rows->v[column];
	size_t i;

	for (i = 0; i < n; i++) {
		const struct hr_value *this = &v[g->row ? g->row[i] : i];

		out[i] = this->len < 0 ? (struct hr_string){ NULL, SIZE_MAX } :
		    (struct hr_string){ this->data, (size_t)this->len };
	}
	return true;
}

static struct hr_others
others_of(const struct hr_guess *g)
{
	return (struct hr_others){ (size_t)g->at, get_other, g };
}

static void
encode_strings(struct hr_enc *o, struct hr_string *s, size_t n, const struct hr_guess *g, struct hr_column_memory *m,
    struct hr_column_kept *kept)
{
	struct hr_others others = others_of(g);
	size_t size = o->meta.len + o->data.len;

	hr_strings_encode(o, s, hr_repeat_put(o, s, n, &others, &m->repeat, HR_KEPT(kept, repeated)), &m->strings,
	    HR_KEPT(kept, strings));
	hr_repeat_cost(&m->repeat, n, o->meta.len + o->data.len - size);
}

static int
decode_strings(struct hr_dec *d, struct hr_string *s, size_t n, const struct hr_guess *g, struct hr_column_kept *kept)
{
	struct hr_others others = others_of(g);
	struct hr_repeat r;

	return hr_repeat_get(d, &r, n, HR_KEPT(kept, repeated)) < 0 ||
	    hr_strings_decode(d, s, r.rest, HR_KEPT(kept, strings)) < 0 || hr_repeat_fill(d, &r, s, &others) < 0 ? -1 : 0;
}

static enum hr_form
encode_text(struct hr_enc *o, struct hr_string *s, size_t n, uint32_t type, const struct hr_guess *g,
    struct hr_column_memory *m, struct hr_column_kept *kept)
{
	enum hr_form form = type == JSONB ? HR_FORM_JSONB : HR_FORM_JSON;
	struct hr_string *inside = s;
	size_t i, size = o->meta.len + o->data.len, sample = n / 8 > SAMPLE ? n / 8 : n < SAMPLE ? n : SAMPLE;
	bool tried;

	if (may_be_documents(s, n, type)) {
		if (form == HR_FORM_JSONB) {
			inside = hr_arena_get(&o->arena, n, sizeof(*s));
			for (i = 0; i < n; i++)
				inside[i] = (struct hr_string){ s[i].data + 1, s[i].len - 1 };
		}
		tried = hr_pick_due(&m->text);
		if (tried)
			m->text.codec = trial(o, inside, sample, true) < trial(o, s, sample, false);
		if (m->documents == NULL)
			m->documents = hr_zalloc(sizeof(*m->documents));
		if (kept && kept->documents == NULL && m->text.codec)
			kept->documents = hr_zalloc(sizeof(*kept->documents));
		if (m->text.codec && hr_documents_encode(o, inside, n, m->documents, kept ? kept->documents : NULL)) {
			hr_pick_cost(&m->text, tried, n, o->meta.len + o->data.len - size);
			return form;
		}
	}
	encode_strings(o, s, n, g, m, kept);
	return HR_FORM_STRINGS;
}

/* The rows of those values of v that are there. */
static const uint32_t *
rows_of(struct hr_arena *a, const struct hr_value *v, size_t n, const struct hr_guess *g)
{
	uint32_t *row = hr_arena_get(a, n, sizeof(*row));
	size_t i, values = 0;

	for (i = 0; row && i < n; i++)
		if (v[i].len >= 0)
			row[values++] = g->row ? g->row[i] : (uint32_t)i;
	return row;
}

void
hr_column_encode(struct hr_enc *o, struct hr_value *const *all, int at, size_t n, uint32_t type,
    const struct hr_guess *g, struct hr_column_memory *m, struct hr_column_kept *kept)
{
	struct hr_arena_mark mark = hr_arena_mark(&o->arena);
	struct hr_guess whose = *g;
	const struct hr_value *v = all[at];
	enum kind kind = n ? kind_of(&v[0]) : NOTHING;
	enum hr_form form = HR_FORM_NONE;
	struct hr_string *s;
	uint64_t *kinds = NULL;
	size_t i, values = 0, header;
	unsigned width;
	int same;

	for (i = 1; i < n && kind_of(&v[i]) == kind; i++)
		;
	if (i < n)
		kind = MIXED;
	header = o->meta.len;
	hr_buf_u8(&o->meta, 0);
	if (kind == NOTHING || kind == UNCHANGED)
		goto out;
	if ((same = hr_column_same(all, at, n)) >= 0) {
		form = HR_FORM_SAME;
		hr_varint_put(&o->meta, (uint64_t)same);
		goto out;
	}
	s = hr_arena_get(&o->arena, n, sizeof(*s));
	if (kind == MIXED) {
		kinds = hr_arena_get(&o->arena, n, sizeof(*kinds));
		for (i = 0; i < n; i++)
			kinds[i] = kind_of(&v[i]);
		hr_ints_encode(o, kinds, n, &m->kinds, HR_KEPT(kept, kinds));
		whose.row = rows_of(&o->arena, v, n, g);
	}
	for (i = 0; kind != MIXED && i < n; i++)
		s[values++] = (struct hr_string){ v[i].data, (size_t)v[i].len };
	for (i = 0; kind == MIXED && i < n; i++)
		if (v[i].len >= 0)
			s[values++] = (struct hr_string){ v[i].data, (size_t)v[i].len };
	if (values == 0)	/* NULL here, unchanged there */
		goto out;
	width = width_of(s, values);
	/* Numbers that are text in places are strings of that length. */
	for (i = 0; width && kind != VALUE && i < n; i++)
		if (v[i].len >= 0 && v[i].text)
			width = 0;
	if (width)
		form = encode_numbers(o, s, values, width, type, &whose, m, kept);
	else if (type == NUMERIC && encode_decimals(o, s, values, &whose, m, kept))
		form = HR_FORM_DECIMAL;
	else
		form = encode_text(o, s, values, type, &whose, m, kept);
out:
	o->meta.data[header] = HEADER(form, kind);
	m->form = (uint8_t)form;
	hr_arena_release(&o->arena, mark);
}

/* --- and back --- */

/* Into values that are not text, each of which is there. */
static int
decode_numbers(struct hr_dec *d, enum hr_form form, struct hr_value *to, size_t n, const struct hr_guess *g,
    struct hr_ints_kept *kept)
{
	struct hr_guess whose = *g;
	static const uint8_t widths[] = {
		[HR_FORM_INT1] = 1, [HR_FORM_INT2] = 2, [HR_FORM_INT4] = 4, [HR_FORM_INT8] = 8,
		[HR_FORM_ALP4] = 4, [HR_FORM_ALP8] = 8, [HR_FORM_PLANES4] = 4, [HR_FORM_PLANES8] = 8,
	};
	unsigned width = widths[form];
	uint8_t *p = hr_arena_get(&d->arena, n, width);
	struct hr_arena_mark mark = hr_arena_mark(&d->arena);
	uint64_t *v = p ? hr_arena_get(&d->arena, n, sizeof(*v)) : NULL;
	size_t i;
	int rc;

	if (v == NULL)
		return -1;
	if (form == HR_FORM_ALP4 || form == HR_FORM_ALP8)
		rc = hr_alp_decode(d, v, n, width, g, kept);
	else if (form == HR_FORM_PLANES4 || form == HR_FORM_PLANES8)
		rc = hr_planes_decode(d, v, n, width);
	else {
		whose.width = width;
		rc = hr_guess_decode(d, v, n, &whose, kept);
	}
	for (i = 0; rc == 0 && i < n; i++, p += width) {
		set_number(p, width, v[i]);
		to[i] = (struct hr_value){ p, (int32_t)width, false };
	}
	hr_arena_release(&d->arena, mark);
	return rc;
}

static int
decode_decimals(struct hr_dec *d, struct hr_string *s, size_t n, const struct hr_guess *g,
    struct hr_column_kept *kept)
{
	uint8_t *p = hr_arena_get(&d->arena, n, HR_DECIMAL_BYTES);
	struct hr_arena_mark mark = hr_arena_mark(&d->arena);
	uint64_t *v = hr_arena_get(&d->arena, n, sizeof(*v)), *decimals = hr_arena_get(&d->arena, n, sizeof(*v));
	size_t i, len;

	if (p == NULL || v == NULL || decimals == NULL || hr_ints_decode(d, decimals, n, HR_KEPT(kept, decimals)) < 0 ||
	    hr_guess_decode(d, v, n, g, HR_KEPT(kept, ints)) < 0)
		return -1;
	for (i = 0; i < n; i++, p += HR_DECIMAL_BYTES) {
		if (decimals[i] > UINT8_MAX ||
		    (len = hr_decimal_format((int64_t)v[i], (unsigned)decimals[i], p)) == 0)
			return -1;
		s[i] = (struct hr_string){ p, len };
	}
	hr_arena_release(&d->arena, mark);
	return 0;
}

static int
decode_documents(struct hr_dec *d, struct hr_string *s, size_t n, bool front, struct hr_column_kept *kept)
{
	if (kept && kept->documents == NULL)
		kept->documents = hr_zalloc(sizeof(*kept->documents));
	return hr_documents_decode(d, s, n, front, kept ? kept->documents : NULL);
}

/* n values that are all there. */
static int
decode_values(struct hr_dec *d, enum hr_form form, struct hr_value *v, size_t n, bool text,
    const struct hr_guess *g, struct hr_column_kept *kept)
{
	struct hr_string *s;
	size_t i;
	int rc;

	if (form >= HR_FORM_INT1 && form <= HR_FORM_PLANES8 && !text)
		return decode_numbers(d, form, v, n, g, HR_KEPT(kept, ints));
	if ((s = hr_arena_get(&d->arena, n, sizeof(*s))) == NULL)
		return -1;
	switch (form) {
	case HR_FORM_STRINGS: rc = decode_strings(d, s, n, g, kept); break;
	case HR_FORM_DECIMAL: rc = decode_decimals(d, s, n, g, kept); break;
	case HR_FORM_JSON:
	case HR_FORM_JSONB: rc = decode_documents(d, s, n, form == HR_FORM_JSONB, kept); break;
	default: return -1;
	}
	for (i = 0; rc == 0 && i < n; i++)
		v[i] = (struct hr_value){ s[i].data, (int32_t)s[i].len, text };
	return rc;
}

/* What stands for a value of that kind until its bytes are there. */
static struct hr_value
without_data(enum kind k)
{
	return (struct hr_value){ NULL, k == NOTHING ? HR_VALUE_NULL : k == UNCHANGED ? HR_VALUE_UNCHANGED : 0, k == TEXT };
}

/* Values among which some are not there, or text. */
static int
decode_mixed(struct hr_dec *d, enum hr_form form, struct hr_value *v, size_t n, const struct hr_guess *g,
    struct hr_column_kept *kept)
{
	struct hr_guess whose = *g;
	uint64_t *kinds = hr_arena_get(&d->arena, n, sizeof(*kinds));
	struct hr_value *own;
	size_t i, values = 0;

	if (kinds == NULL || hr_ints_decode(d, kinds, n, HR_KEPT(kept, kinds)) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (kinds[i] >= MIXED)
			return -1;
		v[i] = without_data((enum kind)kinds[i]);
		values += v[i].len == 0;
	}
	if ((values == 0) != (form == HR_FORM_NONE))
		return -1;
	if (values == 0)
		return 0;
	whose.row = rows_of(&d->arena, v, n, g);
	if (whose.row == NULL || (own = hr_arena_get(&d->arena, values, sizeof(*own))) == NULL ||
	    decode_values(d, form, own, values, false, &whose, kept) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (v[i].len >= 0) {
			v[i].data = own->data;
			v[i].len = own->len;
			own++;
		}
	return 0;
}

int
hr_column_decode(struct hr_dec *d, struct hr_value *const *all, int at, size_t n, const struct hr_guess *g,
    struct hr_column_kept *kept)
{
	uint8_t header = hr_cur_u8(&d->meta);
	enum hr_form form = header & 31;
	enum kind kind = header >> 5;
	struct hr_value *v = all[at];
	uint64_t same;
	size_t i;

	if (d->meta.bad || form > HR_FORM_JSONB || kind > MIXED)
		return -1;
	if (form == HR_FORM_SAME) {
		same = hr_varint_get(&d->meta);
		if (d->meta.bad || same >= (uint64_t)at)
			return -1;
		memcpy(v, all[same], n * sizeof(*v));
		return 0;
	}
	if (kind == MIXED)
		return decode_mixed(d, form, v, n, g, kept);
	if ((n == 0 || kind == NOTHING || kind == UNCHANGED) != (form == HR_FORM_NONE))
		return -1;
	if (form != HR_FORM_NONE)
		return decode_values(d, form, v, n, kind == TEXT, g, kept);
	for (i = 0; i < n; i++)
		v[i] = without_data(kind);
	return 0;
}

void
hr_column_memory_clear(struct hr_column_memory *m)
{
	if (m->documents)
		hr_documents_memory_clear(m->documents);
	free(m->documents);
}

size_t
hr_column_kept_size(const struct hr_column_kept *k)
{
	return sizeof(*k) + hr_ints_kept_size(&k->kinds) + hr_ints_kept_size(&k->ints) +
	    hr_ints_kept_size(&k->decimals) + hr_ints_kept_size(&k->same) + hr_ints_kept_size(&k->repeated) + hr_guess_kept_size(&k->guess) +
	    hr_strings_kept_size(&k->strings) +
	    (k->documents ? hr_documents_kept_size(k->documents) : 0);
}

void
hr_column_kept_clear(struct hr_column_kept *k)
{
	hr_ints_kept_clear(&k->kinds);
	hr_ints_kept_clear(&k->ints);
	hr_ints_kept_clear(&k->decimals);
	hr_ints_kept_clear(&k->same);
	hr_ints_kept_clear(&k->repeated);
	hr_guess_kept_clear(&k->guess);
	hr_strings_kept_clear(&k->strings);
	if (k->documents)
		hr_documents_kept_clear(k->documents);
	free(k->documents);
}

const char *
hr_column_codec(const struct hr_column_memory *m)
{
	switch ((enum hr_form)m->form) {
	case HR_FORM_NONE: return "none";
	case HR_FORM_INT1:
	case HR_FORM_INT2:
	case HR_FORM_INT4:
	case HR_FORM_INT8: return hr_ints_name(m->ints.codec);
	case HR_FORM_ALP4:
	case HR_FORM_ALP8: return "alp";
	case HR_FORM_PLANES4:
	case HR_FORM_PLANES8: return "planes";
	case HR_FORM_STRINGS: return m->strings.form.codec ? "strings, dictionary" : "strings";
	case HR_FORM_DECIMAL: return "decimal";
	case HR_FORM_SAME: return "same";
	case HR_FORM_JSON:
	case HR_FORM_JSONB: return "documents";
	}
	return "unknown";
}

const char *
hr_column_against(const struct hr_column_memory *m)
{
	switch ((enum hr_form)m->form) {
	case HR_FORM_INT1:
	case HR_FORM_INT2:
	case HR_FORM_INT4:
	case HR_FORM_INT8:
	case HR_FORM_ALP4:
	case HR_FORM_ALP8:
	case HR_FORM_DECIMAL: return hr_guess_name(m->guess.codec);
	case HR_FORM_STRINGS: return hr_repeat_name(&m->repeat);
	default: return "";
	}
}
