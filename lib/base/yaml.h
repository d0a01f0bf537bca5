/*
 * yaml.h - a YAML file, read strictly: every complaint names file, line and column.
 *
 * The keys of a mapping stand in a table with the function that takes the value.
 * Nodes are lent by the document, which lives as long as hr_yaml_parse().
 */
#ifndef HR_YAML_H
#define HR_YAML_H

#include <yaml.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"

struct hr_yaml {
	const char *path;	/* for messages */
	yaml_document_t *doc;
	struct hr_err *e;
};

struct hr_yaml_key {
	const char *name;
	int (*take)(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to);
	size_t at;			/* where in what is filled */
	bool required;
	int64_t low, high;		/* of a number */
	const char *words;		/* of a word: "none add" */
};

#define HR_YAML_MAX	((size_t)16 << 20)	/* bytes of a file */

/* Hand the one document of a text to take, as a whole; what says what it is: "pipeline". */
int hr_yaml_parse(const char *path, const char *s, size_t len, const char *what,
    int (*take)(struct hr_yaml *l, const yaml_node_t *root, void *to), void *to, struct hr_err *e) HR_USED;

/* A complaint (HR_CONFIG) with its place in front; gives -1. */
int hr_yaml_fail_mark(struct hr_yaml *l, yaml_mark_t m, const char *fmt, ...) HR_PRINTF(3, 4);
#define hr_yaml_fail(l, node, ...) hr_yaml_fail_mark((l), (node)->start_mark, __VA_ARGS__)

const yaml_node_t *hr_yaml_node(struct hr_yaml *l, int id);
const char *hr_yaml_text(const yaml_node_t *n);		/* of a scalar */
bool hr_yaml_is_null(const yaml_node_t *n);
bool hr_yaml_is_plain(const yaml_node_t *n);		/* without quotes */
/* A scalar without a tag of its own, a NUL inside or nothing in it. */
int hr_yaml_scalar(struct hr_yaml *l, const yaml_node_t *n, const char *name) HR_USED;
/* The n scalars in list, which is put in order, are all different. */
int hr_yaml_once(struct hr_yaml *l, const yaml_node_t **list, size_t n, const char *what) HR_USED;
/* The keys of a mapping: words, each there once. */
int hr_yaml_check_keys(struct hr_yaml *l, const yaml_node_t *map, const char *what) HR_USED;
/* A mapping whose keys are those of the table; to is what it fills. */
int hr_yaml_keys(struct hr_yaml *l, const char *name, const yaml_node_t *map, const struct hr_yaml_key *key,
    size_t keys, void *to) HR_USED;

/* Values, for the table: char *, int64_t, int, bool, char *. */
int hr_yaml_take_text(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to);
int hr_yaml_take_number(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to);
int hr_yaml_take_int(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to);
int hr_yaml_take_bool(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to);
int hr_yaml_take_word(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to);
/* The number of the word in k->words, from 0; -1 when it is none of them. */
int hr_yaml_which_word(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n);

#endif
