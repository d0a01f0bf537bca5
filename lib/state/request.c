/* request.c - a file of names, changed by rename under a lock of its folder. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "state/request.h"

char *
hr_request_path(const char *checkpoint)
{
	return hr_sprintf("%s.copy", checkpoint);
}

void
hr_request_free(char **tenant, size_t tenants)
{
	while (tenants)
		free(tenant[--tenants]);
	free(tenant);
}

int
hr_request_load(const char *path, char ***tenant, size_t *tenants, struct hr_err *e)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0, cap = 0;
	ssize_t n;
	int rc = 0;

	*tenant = NULL;
	*tenants = 0;
	if (f == NULL)
		return errno == ENOENT ? 0 : hr_fail_sys(e, "cannot read '%s'", path);
	while ((n = getline(&line, &size, f)) > 0) {
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		if (n == 0 || (size_t)n > HR_TENANT_MAX || strlen(line) != (size_t)n)
			continue;
		HR_GROW(*tenant, *tenants, cap);
		(*tenant)[(*tenants)++] = hr_strdup(line);
	}
	if (ferror(f))
		rc = hr_fail_sys(e, "cannot read '%s'", path);
	free(line);
	fclose(f);
	return rc;
}

static int
save(const char *path, char *const *tenant, size_t tenants, struct hr_err *e)
{
	char *beside;
	FILE *f;
	size_t i;
	int rc = 0;

	if (tenants == 0)
		return unlink(path) < 0 && errno != ENOENT ? hr_fail_sys(e, "cannot remove '%s'", path) : 0;
	beside = hr_sprintf("%s.tmp.%ld", path, (long)getpid());
	if ((f = fopen(beside, "we")) == NULL) {
		rc = hr_fail_sys(e, "cannot write '%s'", path);
		free(beside);
		return rc;
	}
	for (i = 0; i < tenants; i++)
		fprintf(f, "%s\n", tenant[i]);
	if (fflush(f) != 0 || fsync(fileno(f)) < 0)
		rc = hr_fail_sys(e, "cannot write '%s'", path);
	if (fclose(f) != 0 && rc == 0)
		rc = hr_fail_sys(e, "cannot write '%s'", path);
	if (rc == 0 && rename(beside, path) < 0)
		rc = hr_fail_sys(e, "cannot write '%s'", path);
	if (rc < 0)
		unlink(beside);
	free(beside);
	return rc;
}

int
hr_request_put(const char *path, const char *tenant, bool in, struct hr_err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? hr_memdup(path, (size_t)(slash - path) + 1) : hr_strdup("."), **list;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = -1;
	size_t n, i, k;

	/* Two who change it do so one after the other. */
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		hr_fail_sys(e, "cannot lock the directory '%s'", dir);
	else if (hr_request_load(path, &list, &n, e) == 0) {
		for (i = k = 0; i < n; i++) {
			if (strcmp(list[i], tenant) != 0)
				list[k++] = list[i];
			else
				free(list[i]);
		}
		if (in) {
			list = hr_realloc(list, k + 1, sizeof(*list));
			list[k++] = hr_strdup(tenant);
		}
		rc = save(path, list, k, e);
		hr_request_free(list, k);
	}
	if (fd >= 0)
		close(fd);
	free(dir);
	return rc;
}
