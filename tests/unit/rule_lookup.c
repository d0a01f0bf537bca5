/* rule_lookup - values from CSV files: quotes, ends of lines, and each mistake with its line. */

#include "base/hr.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "rule/lookup.h"
#include "tap.h"

static char path[] = "/tmp/rule_lookup.XXXXXX";
static struct hr_err e;

static int
open_text(struct hr_lookup *l, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");
	bool good = f && fwrite(text, 1, n, f) == n;

	hr_err_clear(&e);
	*l = (struct hr_lookup)HR_LOOKUP_INIT;
	if (f == NULL || fclose(f) != 0 || !good)
		return -1;
	return hr_lookup_open(l, path, "k", "v", &e);
}

/* The value of a key; "none", or why there is no file. */
static void
gives(const char *text, const char *key, const char *want, const char *what)
{
	struct hr_lookup l;
	struct hr_buf b = HR_BUF_INIT;
	const uint8_t *v;
	size_t n = 0;

	if (open_text(&l, text, strlen(text)) < 0)
		hr_buf_puts(&b, e.what);
	else if ((v = hr_lookup_get(&l, key, strlen(key), &n)) == NULL)
		hr_buf_puts(&b, "none");
	else
		hr_buf_put(&b, v, n);
	is(hr_buf_text(&b), want, what);
	hr_buf_clear(&b);
	hr_lookup_clear(&l);
}

static void
fails(const char *text, const char *want, const char *what)
{
	struct hr_lookup l;
	char whole[256];

	snprintf(whole, sizeof(whole), "%s:%s", path, want);
	ok(open_text(&l, text, strlen(text)) < 0 && e.code == HR_CONFIG, "%s is refused", what);
	is(e.what, whole, "with its line");
	ok(l.text.data == NULL && l.map.count == 0, "and nothing is left of it");
}

static void
found(void)
{
	gives("k,v\na,1\nb,2\n", "b", "2", "a value is found by its key");
	gives("k,v\na,1\nb,2", "b", "2", "without an end of the last line too");
	gives("k,v\na,1\n", "c", "none", "a key that is not there has none");
	gives("k,v\na,1\na,2\n", "a", "1", "of a key that is there twice the first counts");
	gives("v,x,k\n1,2,a\n", "a", "1", "columns are found by their names");
	gives("k,v\r\na,1\r\nb,2\r\n", "a", "1", "lines may end with CR and LF");
	gives("k,v\r\na,1\r\nb,2\r", "b", "2", "or with the file");
	gives("\"k\",\"v\"\n\"a,\"\"b\",\"1\n2\"\n", "a,\"b", "1\n2", "quotes hold commas, quotes and lines");
	gives("k,v\n\n\r\na,1\n", "a", "1", "lines with nothing are passed over");
	gives("k,v\n,1\n", "", "1", "an empty key is one");
	gives("k,v\na,\n", "a", "", "an empty value is one");
	gives("k,v\na,\"\"\n", "a", "", "also in quotes");
	gives("k,v\n a , 1 \n", " a ", " 1 ", "blanks are part of a field");
	gives("k,v\nK\303\244se,\303\244\n", "K\303\244se", "\303\244", "a text is as it is");
	gives("k,v\n", "k", "none", "the line of names is no value");
}

static void
mistakes(void)
{
	fails("", "1: the file is empty", "an empty file");
	fails("a,v\n1,2\n", "1: no column is called 'k'", "a file without the key's column");
	fails("k,a\n1,2\n", "1: no column is called 'v'", "one without the value's");
	fails("k,v\na,1\nb\n", "3: another number of fields than in the first line", "a line of fewer fields");
	fails("k,v\na,1,2\n", "2: another number of fields than in the first line", "a line of more");
	fails("k,v\na,\"1\n\n", "4: the last field has no quote at its end", "a quote that is not closed");
	fails("k,v\na,\"1\"x\n", "2: there is something behind a field in quotes", "what is behind a quote");
	fails("k,v\na,1\"2\n", "2: a quote inside of a field that has none around it", "a quote in the middle");
	fails("k,v\n\"a\nb\",1\nc\n", "4: another number of fields than in the first line", "a mistake behind a field of two lines");
}

static void
limits(void)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_lookup l;
	char want[128];
	int i;

	hr_buf_puts(&b, "k,v");
	for (i = 2; i < 1024; i++)
		hr_buf_puts(&b, ",");
	ok(open_text(&l, (char *)b.data, b.len) == 0, "1024 fields are taken");
	hr_lookup_clear(&l);
	hr_buf_puts(&b, ",");
	ok(open_text(&l, (char *)b.data, b.len) < 0 && strstr(e.what, ":1: a line of more than 1024 fields"), "1025 are not");
	hr_buf_clear(&b);
	unlink(path);
	ok(hr_lookup_open(&l, path, "k", "v", &e) < 0 && e.code == HR_CONFIG, "a file that is not there is refused");
	snprintf(want, sizeof(want), "cannot open '%s': No such file or directory", path);
	is(e.what, want, "by its name");
	ok(hr_lookup_open(&l, "/tmp", "k", "v", &e) < 0 && e.code == HR_CONFIG && strstr(e.what, "cannot read '/tmp'"),
	    "a folder is none");
}

int
main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	found();
	mistakes();
	limits();
	return tap_done();
}
