/*
 * yaml.c - YAML with places: libyaml's document keeps the mark of every node.
 */

#include "base/hr.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/opt.h"
#include "base/yaml.h"

/* --- nodes --- */

int
hr_yaml_fail_mark(struct hr_yaml *l, yaml_mark_t m, const char *fmt, ...)
{
	char what[sizeof(l->e->what)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	hr_fail(l->e, HR_CONFIG, "%s", what);
	return hr_within(l->e, "%s:%zu:%zu", l->path, m.line + 1, m.column + 1);
}

const yaml_node_t *
hr_yaml_node(struct hr_yaml *l, int id)
{
	return yaml_document_get_node(l->doc, id);
}

const char *
hr_yaml_text(const yaml_node_t *n)
{
	return (const char *)n->data.scalar.value;
}

bool
hr_yaml_is_null(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE &&
	    n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    (hr_yaml_text(n)[0] == '\0' || strcmp(hr_yaml_text(n), "~") == 0 || strcmp(hr_yaml_text(n), "null") == 0);
}

/* A scalar without a tag of its own, a NUL inside or nothing in it. */
int
hr_yaml_scalar(struct hr_yaml *l, const yaml_node_t *n, const char *name)
{
	if (n->type != YAML_SCALAR_NODE)
		return hr_yaml_fail(l, n, "'%s' must be one value, not a %s", name,
		    n->type == YAML_MAPPING_NODE ? "mapping" : "list");
	if (strcmp((const char *)n->tag, YAML_STR_TAG) != 0)
		return hr_yaml_fail(l, n, "'%s' has the tag '%s'", name, n->tag);
	if (strlen(hr_yaml_text(n)) != n->data.scalar.length)
		return hr_yaml_fail(l, n, "'%s' contains a NUL byte", name);
	if (hr_yaml_is_null(n) || hr_yaml_text(n)[0] == '\0')
		return hr_yaml_fail(l, n, "'%s' is empty", name);
	return 0;
}

bool
hr_yaml_is_plain(const yaml_node_t *n)
{
	return n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static int
order_nodes(const void *a, const void *b)
{
	const yaml_node_t *x = *(const yaml_node_t *const *)a;
	const yaml_node_t *y = *(const yaml_node_t *const *)b;
	int d = strcmp(hr_yaml_text(x), hr_yaml_text(y));

	if (d == 0)
		d = (x->start_mark.index > y->start_mark.index) -
		    (x->start_mark.index < y->start_mark.index);
	return d;
}

/* The n scalars in list, put in order, are all different. */
int
hr_yaml_once(struct hr_yaml *l, const yaml_node_t **list, size_t n, const char *what)
{
	size_t i;

	if (n > 1)
		qsort(list, n, sizeof(*list), order_nodes);
	for (i = 1; i < n; i++)
		if (strcmp(hr_yaml_text(list[i - 1]), hr_yaml_text(list[i])) == 0)
			return hr_yaml_fail(l, list[i], "%s '%s' is there twice, first on line %zu",
			    what, hr_yaml_text(list[i]), list[i - 1]->start_mark.line + 1);
	return 0;
}

/* The keys of a mapping: words, each there once. */
int
hr_yaml_check_keys(struct hr_yaml *l, const yaml_node_t *map, const char *what)
{
	const yaml_node_pair_t *p;
	const yaml_node_t **list = NULL;
	size_t n = 0, cap = 0;
	int rc = 0;

	for (p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = hr_yaml_node(l, p->key);

		if ((rc = hr_yaml_scalar(l, k, "a key")) < 0)
			break;
		HR_GROW(list, n, cap);
		list[n++] = k;
	}
	if (rc == 0)
		rc = hr_yaml_once(l, list, n, what);
	free(list);
	return rc;
}

/* A mapping whose keys are those of the table; to is what it fills. */
int
hr_yaml_keys(struct hr_yaml *l, const char *name, const yaml_node_t *map, const struct hr_yaml_key *key,
    size_t keys, void *to)
{
	const yaml_node_pair_t *p;
	struct hr_buf known = HR_BUF_INIT;
	uint64_t seen = 0;
	size_t i;

	if (map->type != YAML_MAPPING_NODE)
		return hr_yaml_fail(l, map, "%s must be a mapping of keys to values", name);
	if (hr_yaml_check_keys(l, map, "key") < 0)
		return -1;
	for (p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = hr_yaml_node(l, p->key);

		for (i = 0; i < keys && strcmp(key[i].name, hr_yaml_text(k)) != 0; i++)
			;
		if (i == keys) {
			for (i = 0; i < keys; i++)
				hr_buf_printf(&known, "%s%s", i ? ", " : "", key[i].name);
			hr_yaml_fail(l, k, "unknown key '%s'", hr_yaml_text(k));
			hr_hint(l->e, "known keys here: %s", hr_buf_text(&known));
			hr_buf_clear(&known);
			return -1;
		}
		seen |= UINT64_C(1) << i;
		if (key[i].take(l, &key[i], hr_yaml_node(l, p->value), (char *)to + key[i].at) < 0)
			return -1;
	}
	for (i = 0; i < keys; i++)
		if (key[i].required && !(seen & UINT64_C(1) << i))
			return hr_yaml_fail(l, map, "%s has no '%s'", name, key[i].name);
	return 0;
}

/* --- values --- */

int
hr_yaml_take_text(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	*(char **)to = hr_strdup(hr_yaml_text(n));
	return 0;
}

int
hr_yaml_take_number(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	/* Decimal digits only: strtoll would take blanks and signs. */
	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	if (!hr_yaml_is_plain(n) || hr_yaml_text(n)[strspn(hr_yaml_text(n), "0123456789")] != '\0' ||
	    hr_opt_int(hr_yaml_text(n), k->low, k->high, to) < 0)
		return hr_yaml_fail(l, n, "'%s' must be a whole number from %" PRId64 " to %" PRId64
		    ", not %s'%s'", k->name, k->low, k->high,
		    hr_yaml_is_plain(n) ? "" : "the text ", hr_yaml_text(n));
	return 0;
}

int
hr_yaml_take_int(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	int64_t v;

	if (hr_yaml_take_number(l, k, n, &v) < 0)
		return -1;
	*(int *)to = (int)v;
	return 0;
}

int
hr_yaml_take_bool(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	if (!hr_yaml_is_plain(n) || (strcmp(hr_yaml_text(n), "true") != 0 && strcmp(hr_yaml_text(n), "false") != 0))
		return hr_yaml_fail(l, n, "'%s' must be true or false, not %s'%s'", k->name,
		    hr_yaml_is_plain(n) ? "" : "the text ", hr_yaml_text(n));
	*(bool *)to = hr_yaml_text(n)[0] == 't';
	return 0;
}

/* The number of the word in k->words, from 0; -1 when it is none of them. */
int
hr_yaml_which_word(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n)
{
	const char *w = k->words;
	size_t len;
	int i;

	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	for (i = 0; *w; i++, w += len + (w[len] == ' ')) {
		len = strcspn(w, " ");
		if (strlen(hr_yaml_text(n)) == len && strncmp(w, hr_yaml_text(n), len) == 0)
			return i;
	}
	hr_yaml_fail(l, n, "'%s' cannot be '%s'", k->name, hr_yaml_text(n));
	return hr_hint(l->e, "one of: %s", k->words);
}

int
hr_yaml_take_word(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	return hr_yaml_which_word(l, k, n) < 0 ? -1 : hr_yaml_take_text(l, k, n, to);
}

/* --- the file --- */

/* What libyaml could not read: it has a mark, or a byte's offset only. */
static int
fail_parser(struct hr_yaml *l, const yaml_parser_t *y, const char *s, size_t len)
{
	yaml_mark_t m = y->problem_mark;
	size_t i;

	if (y->error == YAML_MEMORY_ERROR)
		return hr_fail_mem(l->e);
	if (y->error == YAML_READER_ERROR) {
		memset(&m, 0, sizeof(m));
		for (i = 0; i < y->problem_offset && i < len; i++) {
			m.column = s[i] == '\n' ? 0 : m.column + 1;
			m.line += s[i] == '\n';
		}
	}
	return hr_yaml_fail_mark(l, m, "not YAML: %s", y->problem ? y->problem : "cannot be read");
}

int
hr_yaml_parse(const char *path, const char *s, size_t len, const char *what,
    int (*take)(struct hr_yaml *l, const yaml_node_t *root, void *to), void *to, struct hr_err *e)
{
	yaml_parser_t y;
	yaml_document_t doc, more;
	struct hr_yaml l = { path, &doc, e };
	const yaml_node_t *root;
	int rc = -1;

	if (!yaml_parser_initialize(&y))
		return hr_fail_mem(e);
	yaml_parser_set_input_string(&y, (const unsigned char *)s, len);
	if (!yaml_parser_load(&y, &doc)) {
		fail_parser(&l, &y, s, len);
		goto out_parser;
	}
	root = yaml_document_get_root_node(&doc);
	if (root == NULL) {
		hr_fail(e, HR_CONFIG, "%s:1:1: the file is empty", path);
		goto out_doc;
	}
	if (take(&l, root, to) < 0)
		goto out_doc;
	if (!yaml_parser_load(&y, &more)) {
		fail_parser(&l, &y, s, len);
		goto out_doc;
	}
	root = yaml_document_get_root_node(&more);
	if (root == NULL)
		rc = 0;
	else
		hr_yaml_fail_mark(&l, more.start_mark, "a second %s in one file", what);
	yaml_document_delete(&more);
out_doc:
	yaml_document_delete(&doc);
out_parser:
	yaml_parser_delete(&y);
	return rc;
}
