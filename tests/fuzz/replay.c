/*
 * A plain main for a fuzz target: give it every file named, and every file of
 * a directory named (one level), and the empty input first.
 *
 * So that seeds and saved crashes are replayed by each test run, under any
 * compiler.  A target says no by abort(); the last "# " line names the input.
 * Each input is a heap block of exactly its size, for AddressSanitizer's sake.
 */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay_file(const char *path)
{
	uint8_t *data = NULL;
	struct stat st;
	FILE *fp;
	int rv = -1;

	printf("# %s\n", path);
	fp = fopen(path, "rb");
	if (fp == NULL || fstat(fileno(fp), &st) < 0)
		goto out;
	data = malloc((size_t)st.st_size);
	if (data == NULL && st.st_size > 0)
		goto out;
	if (fread(data, 1, (size_t)st.st_size, fp) != (size_t)st.st_size)
		goto out;
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	rv = 0;
out:
	if (rv < 0)
		fprintf(stderr, "replay: error: cannot read '%s': %s\n", path, strerror(errno));
	if (fp != NULL)
		fclose(fp);
	free(data);
	return rv;
}

static int
regular(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* Returns how many files were replayed, or -1. */
static int
replay_dir(const char *path)
{
	struct dirent **entry = NULL;
	char file[4096];
	struct stat st;
	int i, n, count = 0;

	n = scandir(path, &entry, regular, alphasort);
	if (n < 0) {
		fprintf(stderr, "replay: error: cannot list '%s': %s\n", path, strerror(errno));
		return -1;
	}
	for (i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, entry[i]->d_name);
		if (count >= 0 && stat(file, &st) == 0 && S_ISREG(st.st_mode))
			count = replay_file(file) < 0 ? -1 : count + 1;
		free(entry[i]);
	}
	free(entry);
	return count;
}

int
main(int argc, char *argv[])
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash == NULL ? argv[0] : slash + 1;
	uint8_t *nothing = malloc(0);
	struct stat st;
	int i, n, count = 1;

	setvbuf(stdout, NULL, _IOLBF, 0);	/* read after a crash */
	printf("1..1\n# the empty input\n");
	LLVMFuzzerTestOneInput(nothing, 0);
	free(nothing);

	for (i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			n = replay_dir(argv[i]);
		else
			n = replay_file(argv[i]) < 0 ? -1 : 1;
		if (n < 0) {
			printf("not ok 1 - fuzz target %s: an input cannot be read\n", name);
			return 1;
		}
		count += n;
	}
	printf("ok 1 - fuzz target %s: %d inputs\n", name, count);
	return 0;
}
