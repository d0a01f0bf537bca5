/* state_request - the file of tenants that are to be copied. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/request.h"
#include "tap.h"

int
main(void)
{
	char dir[] = "/tmp/hr-request.XXXXXX", *path, *at, **name;
	struct hr_err e = HR_ERR_INIT;
	size_t n = 7;
	FILE *f;

	if (mkdtemp(dir) == NULL)
		return 70;
	at = malloc(strlen(dir) + 8);
	sprintf(at, "%s/cp", dir);
	path = hr_request_path(at);
	ok(hr_request_load(path, &name, &n, &e) == 0 && n == 0, "no file is no request");
	hr_request_free(name, n);
	ok(hr_request_put(path, "acme", true, &e) == 0 && hr_request_put(path, "a b\tc", true, &e) == 0 &&
	    hr_request_put(path, "acme", true, &e) == 0, "names are put in");
	ok(hr_request_load(path, &name, &n, &e) == 0 && n == 2 && strcmp(name[0], "a b\tc") == 0 &&
	    strcmp(name[1], "acme") == 0, "each is there once");
	hr_request_free(name, n);
	ok(hr_request_put(path, "a b\tc", false, &e) == 0 && hr_request_put(path, "none", false, &e) == 0, "and taken out");
	ok(hr_request_load(path, &name, &n, &e) == 0 && n == 1 && strcmp(name[0], "acme") == 0, "the other stays");
	hr_request_free(name, n);
	ok(hr_request_put(path, "acme", false, &e) == 0 && access(path, F_OK) < 0, "without names there is no file");
	if ((f = fopen(path, "w")) == NULL)
		return 70;
	fputs("\nx\n\nlast", f);
	fclose(f);
	ok(hr_request_load(path, &name, &n, &e) == 0 && n == 2 && strcmp(name[1], "last") == 0,
	    "empty lines are none, and the last needs no end");
	hr_request_free(name, n);
	unlink(path);
	rmdir(dir);
	ok(hr_request_put(path, "acme", true, &e) == -1 && e.code == HR_IO, "no folder is an error");
	free(path);
	free(at);
	return tap_done();
}
