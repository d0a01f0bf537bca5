/* rule_service - small programs that answer well, badly, late or not at all. */

#include "base/hr.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "rule/service.h"
#include "tap.h"

/* A line at once; mawk reads in blocks unless it is told not to. */
#define AWK "awk -W interactive "

static struct hr_service s = HR_SERVICE_INIT;
static struct hr_err e;

static void
use(const char *command)
{
	hr_service_clear(&s);
	hr_service_init(&s, command);
	hr_service_begin(&s);
	hr_err_clear(&e);
}

static void
add(const char *value)
{
	if (hr_service_add(&s, value, strlen(value), &e) < 0)
		abort();
}

static const char *
got(size_t i)
{
	static char text[64];
	size_t n;
	const uint8_t *p = hr_service_get(&s, i, &n);

	if (p == NULL)
		return NULL;
	snprintf(text, sizeof(text), "%.*s", (int)n, (const char *)p);
	return text;
}

static void
answers(void)
{
	static const char odd[] = "a\"b\\c\n\t\0d\u00fc";
	size_t n;
	const uint8_t *p;

	use("sed -u 's/^\"/\"t-/'");
	add("one");
	add("two");
	add("one");
	ok(hr_service_run(&s, &e) == 0 && s.requests == 2, "equal values are asked once");
	is(got(0), "t-one", "the first");
	is(got(1), "t-two", "the second");
	is(got(2), "t-one", "the third");
	hr_service_begin(&s);
	add("two");
	add("three");
	ok(hr_service_run(&s, &e) == 0 && s.requests == 1, "what is remembered is not asked again");
	is(got(0), "t-two", "and known");
	is(got(1), "t-three", "beside what was asked");
	hr_service_begin(&s);
	ok(hr_service_run(&s, &e) == 0, "nothing is nothing");
	use("cat");
	if (hr_service_add(&s, odd, sizeof(odd) - 1, &e) < 0)
		abort();
	add("");
	ok(hr_service_run(&s, &e) == 0 && (p = hr_service_get(&s, 0, &n)) != NULL && n == sizeof(odd) - 1 &&
	    memcmp(p, odd, n) == 0, "any characters go there and back");
	is(got(1), "", "none too");
	ok(hr_service_add(&s, "a\377", 2, &e) == -1 && e.code == HR_REFUSED, "what is not UTF-8 is refused");
}

/* More than pipes hold, both ways; the program answers as it likes. */
static void
many(const char *command, size_t batch, const char *what)
{
	char value[300];
	bool good;
	size_t i, n;

	use(command);
	s.batch = batch;
	memset(value, 'x', sizeof(value));
	for (i = 0; i < 5000; i++) {
		value[snprintf(value, sizeof(value), "%05zu", i)] = 'x';
		if (hr_service_add(&s, value, sizeof(value), &e) < 0)
			abort();
	}
	good = hr_service_run(&s, &e) == 0;
	for (i = 0; good && i < 5000; i++)
		good = (size_t)atoi((const char *)hr_service_get(&s, i, &n)) == i && n >= 5;
	ok(good, "%s", what);
	if (e.code)
		printf("# %s\n", e.what);
}

static void
bounded(void)
{
	char value[16];
	size_t i;

	use("cat");
	s.remember = 10;
	for (i = 0; i < 100; i++) {
		hr_service_begin(&s);
		snprintf(value, sizeof(value), "%zu", i);
		add(value);
		add("always");
		if (hr_service_run(&s, &e) < 0)
			break;
		if (i && s.requests != 1)
			break;
	}
	ok(i == 100 && s.recent.count + s.older.count <= 22, "few are remembered, and what is used again");
	hr_service_begin(&s);
	add("0");
	add("99");
	ok(hr_service_run(&s, &e) == 0 && s.requests == 1, "what was long ago is asked again");
}

/* Each value once, and then an error. */
static void
fails(const char *command, enum hr_code code, const char *part, const char *what)
{
	use(command);
	s.wait_us = 300000;
	add("secret one");
	add("secret two");
	ok(hr_service_run(&s, &e) == -1 && e.code == code && strstr(e.what, part) && !strstr(e.what, "secret") &&
	    !strstr(e.hint, "secret"), "%s", what);
	if (strstr(e.what, part) == NULL || e.code != code)
		printf("#  got: %d %s\n", e.code, e.what);
	ok(s.pid == 0, "and it is not running");
}

static void
refusals(void)
{
	use(AWK "'/bad/ { print \"{\\\"error\\\": \\\"no secret\\\"}\"; fflush(); next } { print; fflush() }'");
	add("good");
	add("bad secret");
	add("other");
	ok(hr_service_run(&s, &e) == -1 && e.code == HR_REFUSED && strstr(e.what, "1 of 3") &&
	    !strstr(e.what, "secret"), "an error for one value is one of it");
	is(got(0), "good", "those before it have their answers");
	is(got(1), NULL, "it has none");
	is(got(2), "other", "those behind it have theirs");
	hr_service_begin(&s);
	add("more");
	ok(hr_service_run(&s, &e) == 0 && s.pid != 0, "and it goes on");
	hr_service_begin(&s);
	add("bad secret");
	ok(hr_service_run(&s, &e) == -1 && s.requests == 1, "what was refused is asked again");
}

static void
again(void)
{
	char command[128], flag[] = "/tmp/hr-service-XXXXXX";
	int fd = mkstemp(flag);

	if (fd < 0)
		abort();
	close(fd);
	snprintf(command, sizeof(command), "test -e %s && { rm %s; exit 9; }; cat", flag, flag);
	use(command);
	add("one");
	ok(hr_service_run(&s, &e) == -1 && strstr(e.what, "status 9"), "a program that ends");
	hr_service_begin(&s);
	add("one");
	ok(hr_service_run(&s, &e) == 0 && strcmp(got(0), "one") == 0, "is started again by the next run");
}

/* An answer that nobody asked for is not one to the next value. */
static void
late_extra(void)
{
	use("read x; echo '\"a\"'; sleep 0.1; echo '\"b\"'; cat");
	add("one");
	ok(hr_service_run(&s, &e) == 0 && strcmp(got(0), "a") == 0, "one answer");
	usleep(300000);
	hr_service_begin(&s);
	add("two");
	ok(hr_service_run(&s, &e) == -1 && e.code == HR_CONFIG && strstr(e.what, "more than"),
	    "a second one is none to the next value");
}

static void
ends(void)
{
	int64_t from;
	pid_t pid;

	use("cat");
	add("x");
	if (hr_service_run(&s, &e) < 0)
		abort();
	pid = s.pid;
	hr_service_clear(&s);
	ok(kill(pid, 0) == -1, "it ends with its input");
	use("trap '' TERM; cat; exec sleep 60");
	add("x");
	if (hr_service_run(&s, &e) < 0)
		abort();
	pid = s.pid;
	from = hr_now_us();
	hr_service_clear(&s);
	ok(kill(-pid, 0) == -1 && hr_now_us() - from < 5000000, "or is killed");
}

/* A descriptor of ours, a key's perhaps, is not the program's. */
static void
descriptors(void)
{
	char command[64];
	int fd = dup(1);

	snprintf(command, sizeof(command), "test -e /proc/self/fd/%d && exit 5; cat", fd);
	use(command);
	add("x");
	ok(hr_service_run(&s, &e) == 0, "it has no other descriptors");
	close(fd);
}

int
main(void)
{
	answers();
	many("cat", 1000, "values that no pipe holds, by cat");
	many("sed -u ''", 1, "one by one");
	many("exec awk -W interactive '{ a[NR % 50] = $0; if (NR % 50 == 0) "
	    "for (i = 1; i <= 50; i++) print a[i % 50]; fflush() }'", 50, "by a program that answers in fifties");
	many("cat", 100000, "all at once");
	bounded();
	refusals();
	fails("exit 3", HR_TEMPORARY, "status 3", "a program that ends at once");
	fails("kill -KILL $$", HR_TEMPORARY, "signal 9", "one that is killed");
	fails("kill -TERM $$", HR_TEMPORARY, "signal 15", "one that is ended");
	fails("no-such-program-anywhere 2>/dev/null", HR_TEMPORARY, "status 127", "one that is not there");
	fails("head -n 1", HR_TEMPORARY, "1 values unanswered", "one that answers too few");
	fails("cat >/dev/null", HR_TEMPORARY, "300 ms", "one that does not answer");
	fails("exec 1>&-; cat >/dev/null; sleep 60", HR_TEMPORARY, "closed its output", "one that closes its output");
	fails("sed -u 's/.*/hello/'", HR_CONFIG, "neither", "one that writes no JSON");
	fails("sed -u 's/.*/42/'", HR_CONFIG, "neither", "one that writes a number");
	fails("sed -u 's/.*/{\"x\": \"secret\"}/'", HR_CONFIG, "neither", "one that writes another object");
	fails("sed -u 's/.*/&\\n&\\n&/'", HR_CONFIG, "more than", "one that answers more");
	fails("tr '\\n' ' ' </dev/zero", HR_CONFIG, "too long", "one that never ends a line");
	fails("exec 0<&-; sleep 60", HR_TEMPORARY, "300 ms", "one that does not read");
	again();
	late_extra();
	ends();
	descriptors();
	hr_service_clear(&s);
	return tap_done();
}
