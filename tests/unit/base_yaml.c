/* base_yaml - files are read strictly, and each mistake has its place. */

#include "base/hr.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/yaml.h"
#include "tap.h"

struct all {
	char *text, *word;
	int64_t number;
	int small;
	bool flag;
};

static struct hr_err e;

static int
take(struct hr_yaml *l, const yaml_node_t *root, void *to)
{
	static const struct hr_yaml_key key[] = {
		{ "text", hr_yaml_take_text, .at = offsetof(struct all, text), .required = true },
		{ "word", hr_yaml_take_word, .at = offsetof(struct all, word), .words = "one two" },
		{ "number", hr_yaml_take_number, .at = offsetof(struct all, number), .low = 3, .high = INT64_MAX },
		{ "small", hr_yaml_take_int, .at = offsetof(struct all, small), .low = 0, .high = 9 },
		{ "flag", hr_yaml_take_bool, .at = offsetof(struct all, flag) },
	};

	return hr_yaml_keys(l, "the file", root, key, HR_COUNT(key), to);
}

static int
parse(const char *yaml, size_t n, struct all *a)
{
	hr_err_clear(&e);
	*a = (struct all){ .text = NULL };
	return hr_yaml_parse("f.yaml", yaml, n, "list of rules", take, a, &e);
}

static void
clear(struct all *a)
{
	free(a->text);
	free(a->word);
}

static void
fails_bytes(const char *yaml, size_t n, const char *want, const char *what)
{
	struct all a;

	ok(parse(yaml, n, &a) < 0 && e.code == HR_CONFIG, "%s", what);
	is(e.what, want, "with its place");
	clear(&a);
}

static void
fails(const char *yaml, const char *want, const char *what)
{
	fails_bytes(yaml, strlen(yaml), want, what);
}

static void
fills(void)
{
	static const char yaml[] = "text: a b\nword: two\nnumber: 9223372036854775807\nsmall: 9\nflag: true\n";
	static const char json[] = "{\"text\": \"null\", \"word\": \"one\", \"flag\": false}";
	struct all a;

	is_number(parse(yaml, sizeof(yaml) - 1, &a), 0, "a mapping fills what its keys say");
	ok(strcmp(a.text, "a b") == 0 && strcmp(a.word, "two") == 0 && a.number == INT64_MAX && a.small == 9 && a.flag,
	    "with texts, words, numbers and what is true");
	clear(&a);
	is_number(parse(json, sizeof(json) - 1, &a), 0, "JSON is YAML");
	ok(strcmp(a.text, "null") == 0 && !a.flag, "where a text in quotes is never NULL");
	clear(&a);
	is_number(parse("text: &x y\nword: one", 20, &a), 0, "a node may have a name");
	clear(&a);
}

static void
mistakes(void)
{
	fails("", "f.yaml:1:1: the file is empty", "an empty file is refused");
	fails("- a\n", "f.yaml:1:1: the file must be a mapping of keys to values", "so is a list");
	fails("word: one\n", "f.yaml:1:1: the file has no 'text'", "what is required is missed");
	fails("text: a\ntexts: b\n", "f.yaml:2:1: unknown key 'texts'", "a key that there is not is refused");
	is(e.hint, "known keys here: text, word, number, small, flag", "and those that there are named");
	fails("text: a\n\n  \nflag: true\ntext: b\n", "f.yaml:5:1: key 'text' is there twice, first on line 1", "a key is there once");
	fails("text: [a]\n", "f.yaml:1:7: 'text' must be one value, not a list", "a text is no list");
	fails("text: {a: b}\n", "f.yaml:1:7: 'text' must be one value, not a mapping", "nor a mapping");
	fails("text:\n", "f.yaml:1:6: 'text' is empty", "nor nothing");
	fails("text: ~\n", "f.yaml:1:7: 'text' is empty", "nor NULL");
	fails("text: ''\n", "f.yaml:1:7: 'text' is empty", "nor empty");
	fails("text: !!binary aGk=\n", "f.yaml:1:7: 'text' has the tag 'tag:yaml.org,2002:binary'", "nor of another type");
	fails("text: \"a\\0b\"\n", "f.yaml:1:7: 'text' contains a NUL byte", "nor has it a NUL in it");
	fails("[a]: b\n", "f.yaml:1:1: 'a key' must be one value, not a list", "a key is a text too");
	fails("text: a\nword: three\n", "f.yaml:2:7: 'word' cannot be 'three'", "a word is one of some");
	is(e.hint, "one of: one two", "which are named");
	fails("text: a\nword: on\n", "f.yaml:2:7: 'word' cannot be 'on'", "and is there whole");
	fails("text: a\nflag: yes\n", "f.yaml:2:7: 'flag' must be true or false, not 'yes'", "true is true and yes is not");
	fails("text: a\nflag: 'true'\n", "f.yaml:2:7: 'flag' must be true or false, not the text 'true'", "nor is a text");
	fails("text: a\nsmall: 10\n", "f.yaml:2:8: 'small' must be a whole number from 0 to 9, not '10'", "a number is in its range");
	fails("text: a\nsmall: -1\n", "f.yaml:2:8: 'small' must be a whole number from 0 to 9, not '-1'", "on both sides");
	fails("text: a\nsmall: 0x1\n", "f.yaml:2:8: 'small' must be a whole number from 0 to 9, not '0x1'", "in decimal");
	fails("text: a\nsmall: '1'\n", "f.yaml:2:8: 'small' must be a whole number from 0 to 9, not the text '1'", "without quotes");
	fails("text: a\nnumber: 9223372036854775808\n", "f.yaml:2:9: 'number' must be a whole number from 3 to "
	    "9223372036854775807, not '9223372036854775808'", "and of 64 bits");
}

static void
no_yaml(void)
{
	fails("text: a\n---\ntext: b\n", "f.yaml:2:1: a second list of rules in one file", "a file has one document");
	fails("text: \"a\n", "f.yaml:2:1: not YAML: found unexpected end of stream", "a quote that is open is no YAML");
	fails("text: *a\n", "f.yaml:1:7: not YAML: found undefined alias", "nor is a name that nothing has");
	fails_bytes("text: a\nfl\377ag: true\n", 20, "f.yaml:2:3: not YAML: invalid leading UTF-8 octet", "nor is what is not UTF-8");
	fails_bytes("te\0xt: a\n", 9, "f.yaml:1:3: not YAML: control characters are not allowed", "nor what has a NUL");
	fails("&a [*a]: b\n", "f.yaml:1:1: 'a key' must be one value, not a list", "what has itself in it is seen once");
}

static void
reads(void)
{
	char path[] = "/tmp/base_yaml.XXXXXX", want[64];
	struct hr_buf b = HR_BUF_INIT;
	int fd = mkstemp(path);

	ok(fd >= 0 && write(fd, "text: a\n", 8) == 8 && hr_file_read(path, HR_YAML_MAX, &b, &e) == 0, "a file is read");
	is(hr_buf_text(&b), "text: a\n", "whole");
	hr_buf_reset(&b);
	ok(ftruncate(fd, 16 << 20) == 0 && hr_file_read(path, HR_YAML_MAX, &b, &e) == 0, "up to 16 MB");
	hr_buf_reset(&b);
	ok(ftruncate(fd, (16 << 20) + 1) == 0 && hr_file_read(path, HR_YAML_MAX, &b, &e) < 0 && e.code == HR_CONFIG, "and no more");
	snprintf(want, sizeof(want), "%s: larger than 16777216 bytes", path);
	is(e.what, want, "which it says");
	close(fd);
	unlink(path);
	ok(hr_file_read(path, HR_YAML_MAX, &b, &e) < 0 && e.code == HR_CONFIG && strstr(e.what, path), "a file that is not there is a mistake");
	ok(hr_file_read("/tmp", HR_YAML_MAX, &b, &e) < 0 && e.code == HR_CONFIG && strstr(e.what, "cannot read '/tmp'"), "a folder too");
	hr_buf_clear(&b);
}

int
main(void)
{
	fills();
	mistakes();
	no_yaml();
	reads();
	return tap_done();
}
