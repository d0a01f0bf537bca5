/*
 * rusage: run a command and say what it took.
 *
 *	usage: rusage FILE COMMAND [ARG]...
 *
 * FILE gets one line: wall seconds, user seconds, system seconds, largest
 * resident set in kB.  The exit status is the command's, 128 and the signal
 * when one ended it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
main(int argc, char *argv[])
{
	struct rusage u;
	double begin = now();
	int status;
	pid_t pid;
	FILE *f;

	if (argc < 3) {
		fprintf(stderr, "usage: rusage FILE COMMAND [ARG]...\n");
		return 64;
	}
	pid = fork();
	if (pid < 0) {
		perror("rusage: fork");
		return 75;
	}
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	/* The command is the pipe's end now, and nobody else. */
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	if (wait4(pid, &status, 0, &u) < 0) {
		perror("rusage: wait4");
		return 70;
	}
	f = fopen(argv[1], "w");
	if (f == NULL || fprintf(f, "%.3f %.3f %.3f %ld\n", now() - begin, seconds(u.ru_utime),
	    seconds(u.ru_stime), u.ru_maxrss) < 0 || fclose(f) != 0) {
		perror(argv[1]);
		return 74;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
