/*
 * permit.c - tenants that a sender may carry.
 *
 * Frames name their tenant, so most are looked at by their name alone.  Those
 * for all tenants can hold more than marks: rows of shared tables, deletes by
 * key, truncates, changes of tables.  Whoever may not carry these is held to
 * relations, watermarks and copies of his own tenants.
 */

#include "base/hr.h"

#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "net/permit.h"
#include "stream/mark.h"
#include "stream/rows.h"

#define MAP_MOST	((size_t)16 << 20)
#define TENANT_URI	"hr:tenant:"
#define SHARED_URI	"hr:shared"

static void
add(struct hr_permit *p, const char *name, size_t len)
{
	if (len == 1 && *name == '*')
		p->all = true;
	else
		*hr_map_at(&p->tenant, name, len) = p;
}

/* A tenant's name as it stands in a URI. */
static void
add_uri(struct hr_permit *p, const char *s)
{
	struct hr_buf b = HR_BUF_INIT;
	uint8_t byte;

	for (; *s; s++) {
		if (*s == '%' && s[1] && s[2] && hr_hex_get(&byte, (const uint8_t *)s + 1, 2)) {
			hr_buf_u8(&b, byte);
			s += 2;
		} else
			hr_buf_u8(&b, (uint8_t)*s);
	}
	/* An escaped '*' is a tenant of that name. */
	if (b.len == 1 && s[-1] != '*' && b.data[0] == '*')
		*hr_map_at(&p->tenant, "*", 1) = p;
	else if (b.len && b.len <= HR_TENANT_MAX)
		add(p, (const char *)b.data, b.len);
	hr_buf_clear(&b);
}

/* The next word of a line, and where it ends; NULL: there is none. */
static char *
word(char **at)
{
	char *begin = *at + strspn(*at, " \t\r");

	if (*begin == '\0' || *begin == '#')
		return NULL;
	*at = begin + strcspn(begin, " \t\r");
	if (**at)
		*(*at)++ = '\0';
	return begin;
}

static bool
named(const struct hr_tls_names *n, const char *subject)
{
	size_t i;

	for (i = 0; i < n->names; i++)
		if (*n->name[i] && strcmp(n->name[i], subject) == 0)
			return true;
	return false;
}

/* 1 when a line of the map is for one of the names, 0, or -1. */
static int
by_map(struct hr_permit *p, const struct hr_tls_names *n, const char *path, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	char *line, *next, *w, *at;
	int found = 0;

	if (hr_file_read(path, MAP_MOST, &b, e) < 0) {
		hr_buf_clear(&b);
		return -1;
	}
	hr_buf_u8(&b, 0);
	for (line = (char *)b.data; line; line = next) {
		if ((next = strchr(line, '\n')))
			*next++ = '\0';
		at = line;
		if ((w = word(&at)) == NULL || !named(n, w))
			continue;
		found = 1;
		while ((w = word(&at)))
			if (strcmp(w, "+shared") == 0)
				p->shared = true;
			else
				add(p, w, strlen(w));
	}
	hr_buf_clear(&b);
	return found;
}

int
hr_permit_open(struct hr_permit *p, const struct hr_tls_names *n, const char *map, struct hr_err *e)
{
	int found = map ? by_map(p, n, map, e) : 0;
	size_t i;

	if (found < 0)
		return -1;
	for (i = 0; i < n->uris && !found; i++)
		if (strncmp(n->uri[i], TENANT_URI, strlen(TENANT_URI)) == 0)
			add_uri(p, n->uri[i] + strlen(TENANT_URI));
		else if (strcmp(n->uri[i], SHARED_URI) == 0)
			p->shared = true;
	if (p->all || p->tenant.count)
		return 0;
	hr_fail(e, HR_REFUSED, "the certificate of '%s' may carry no tenant", n->names ? n->name[0] : "");
	return hr_hint(e, "give it a URI hr:tenant:NAME, or hr:tenant:* for all, or name it in the file of --tenant-map");
}

void
hr_permit_narrow(struct hr_permit *p, char *const *tenant, size_t tenants)
{
	struct hr_map had = p->tenant;
	size_t i;

	if (tenants == 0)
		return;
	p->tenant = (struct hr_map){ NULL, 0, 0 };
	for (i = 0; i < tenants; i++)
		if (p->all || hr_map_get(&had, tenant[i], strlen(tenant[i])))
			*hr_map_at(&p->tenant, tenant[i], strlen(tenant[i])) = p;
	/* Who may carry everything may carry what the streams of these have for all. */
	p->shared |= p->all;
	p->all = false;
	hr_map_clear(&had, NULL);
}

bool
hr_permit_covers(const struct hr_permit *p, const struct hr_permit *other)
{
	size_t i;

	if (p->all || other->all)
		return p->all;
	for (i = 0; i < other->tenant.slots; i++)
		if (other->tenant.slot[i].key &&
		    !hr_map_get(&p->tenant, other->tenant.slot[i].key, other->tenant.slot[i].len))
			return false;
	return p->shared || !other->shared;
}

void
hr_permit_copy(struct hr_permit *to, const struct hr_permit *p)
{
	size_t i;

	*to = (struct hr_permit){ .all = p->all, .shared = p->shared };
	for (i = 0; i < p->tenant.slots; i++)
		if (p->tenant.slot[i].key)
			*hr_map_at(&to->tenant, p->tenant.slot[i].key, p->tenant.slot[i].len) = to;
}

bool
hr_permit_has(const struct hr_permit *p, const char *tenant, size_t len)
{
	return p->all || hr_map_get(&p->tenant, tenant, len) != NULL;
}

static int
refuse(const char *tenant, size_t len, struct hr_err *e)
{
	hr_fail(e, HR_REFUSED, "tenant '%.*s' may not be carried by this sender", (int)len, tenant);
	return hr_hint(e, "the receiver's --tenant or --tenant-map, or the sender's certificate, names those that may be");
}

int
hr_permit_head(const struct hr_permit *p, struct hr_permit_look *l, const struct hr_head *h, struct hr_err *e)
{
	size_t i;

	hr_permit_look_clear(l);
	if (p->all)
		return 0;
	l->unpack = (struct hr_pack)HR_PACK_INIT;
	l->unpack.unpack = true;
	l->pipe = (struct hr_pipe){ .in = -1, .out = -1, .w = { .fd = -1 } };
	hr_pack_begin(&l->unpack, &l->pipe);
	l->begun = true;
	for (i = 0; i < h->asks; i++)
		if (!hr_permit_has(p, h->asked[i], strlen(h->asked[i])))
			return refuse(h->asked[i], strlen(h->asked[i]), e);
	return 0;
}

static int
shared(const char *what, struct hr_err *e)
{
	hr_fail(e, HR_REFUSED, "%s may not be carried by this sender", what);
	return hr_hint(e, "allow hr:shared or +shared, where the tenants of a target may change what they share");
}

/* A first copy of some tenants, each of which it may carry. */
static int
check_copy(const struct hr_permit *p, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_snapshot s;
	const char *name;
	uint32_t i;

	if (hr_snapshot_decode(&s, f, e) < 0)
		return -1;
	if (s.tenants == 0 && s.kind != HR_SNAPSHOT_ENDED && f->tenant_len == 0)
		return shared("a copy of all tenants", e);
	for (i = 0, name = s.tenant_list; i < s.tenants; i++, name += strlen(name) + 1)
		if (!hr_permit_has(p, name, strlen(name)))
			return refuse(name, strlen(name), e);
	return 0;
}

/* Changes of tables are for everyone, whoever's transaction they are in. */
static int
check_rows(const struct hr_frame *f, struct hr_err *e)
{
	struct hr_cur c = hr_cur(f->data, f->len);
	struct hr_item it;
	int more;

	while ((more = hr_rows_next(&c, &it, e)) > 0)
		if (it.op == HR_MESSAGE && it.name_len == 6 && memcmp(it.name, "hr.ddl", 6) == 0)
			return shared("a change of a table", e);
	return more;
}

static int
check(const struct hr_permit *p, const struct hr_frame *f, struct hr_err *e)
{
	if (f->tenant_len && !hr_permit_has(p, f->tenant, f->tenant_len))
		return refuse(f->tenant, f->tenant_len, e);
	/* What is copied is removed first: that of others is not shared, whoever may change what is. */
	if (f->type == HR_FRAME_SNAPSHOT)
		return check_copy(p, f, e);
	if (p->shared || f->tenant_len)
		return p->shared || f->type != HR_FRAME_ROWS ? 0 : check_rows(f, e);
	switch (f->type) {
	case HR_FRAME_ROWS:
		return shared("a change for all tenants", e);
	case HR_FRAME_SEQUENCE:
		return shared("a sequence of all tenants", e);
	case HR_FRAME_FENCE:
		return shared("a fence", e);
	}
	return 0;
}

/* The frames in a block, each as if it had come by itself. */
static int
check_block(const struct hr_permit *p, struct hr_permit_look *l, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_buf *b = &l->pipe.w.buf;
	struct hr_frame inner;
	uint32_t crc;
	size_t at;

	if (hr_pack_step(&l->unpack, &l->pipe, f, e) < 0)
		return -1;
	for (at = 0; at + HR_FRAME_SIZE <= b->len; at += HR_FRAME_SIZE + inner.tenant_len + inner.len) {
		if (hr_frame_decode(&inner, b->data + at, l->before, &crc, e) < 0)
			return -1;
		l->before = hr_get_u32le(b->data + at + HR_FRAME_SUMMED);
		inner.tenant = (const char *)b->data + at + HR_FRAME_SIZE;
		inner.data = (const uint8_t *)inner.tenant + inner.tenant_len;
		if (inner.type == HR_FRAME_BLOCK || inner.type == HR_FRAME_HEAD || inner.type == HR_FRAME_END)
			return hr_fail(e, HR_BAD_STREAM, "a %s frame in a block", hr_frame_name(inner.type));
		if (check(p, &inner, e) < 0)
			return -1;
	}
	hr_buf_reset(b);
	return 0;
}

int
hr_permit_frame(const struct hr_permit *p, struct hr_permit_look *l, const struct hr_frame *f, struct hr_err *e)
{
	if (p->all)
		return 0;
	if (f->type != HR_FRAME_BLOCK)
		return check(p, f, e);
	if (f->tenant_len && !hr_permit_has(p, f->tenant, f->tenant_len))
		return refuse(f->tenant, f->tenant_len, e);
	if (!l->begun)
		return hr_fail(e, HR_BAD_STREAM, "a block before the head");
	return check_block(p, l, f, e);
}

void
hr_permit_look_clear(struct hr_permit_look *l)
{
	if (l->begun) {
		hr_pack_clear(&l->unpack);
		hr_pipe_clear(&l->pipe);
	}
	*l = (struct hr_permit_look){ .begun = false };
}

void
hr_permit_clear(struct hr_permit *p)
{
	hr_map_clear(&p->tenant, NULL);
	*p = (struct hr_permit){ .all = false };
}
