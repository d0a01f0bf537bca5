/*
 * command.h - a command of the user's that is given a few bytes and gives a few.
 *
 * It is run as
 *
 *	/bin/sh -c 'COMMAND "$@"' sh ARGUMENT
 *
 * in a process group of its own, with no descriptor but its three and SIGPIPE at
 * its default.  When it has ended, or its time is over, what is left of its group
 * is killed, and it has been waited for.  Its input is written before it starts,
 * so that one that does not read it harms nobody.
 */
#ifndef HR_COMMAND_H
#define HR_COMMAND_H

#include <sys/types.h>

#include "base/err.h"
#include "base/hr.h"

#define HR_COMMAND_INPUT	4096	/* bytes: what every pipe takes at once */

struct hr_command {
	const char *command;
	const char *argument;
	const char *const *env;	/* NAME=VALUE, before what is in ours; NULL at its end */
	const void *in;
	size_t in_len;		/* HR_COMMAND_INPUT at most */
	int64_t wait_us;
};

/*
 * What it writes, to out: how many bytes.  -1 (HR_TEMPORARY): it wrote more than
 * most, did not end in time or ended badly; its last line on stderr is in *e.
 */
ssize_t hr_command_run(const struct hr_command *c, void *out, size_t most, struct hr_err *e) HR_USED;

#endif
