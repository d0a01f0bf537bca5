/*
 * acknowledge: read a stream, and say of each watermark that the target has all up to it.
 *
 *	usage: acknowledge CHECKPOINT
 */

#include "base/hr.h"

#include <unistd.h>

#include "base/log.h"
#include "state/checkpoint.h"
#include "stream/reader.h"

int
main(int argc, char *argv[])
{
	struct hr_reader r = { .fd = -1 };
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct hr_frame f;
	int more;

	hr_name("acknowledge");
	if (argc != 2)
		return HR_USAGE;
	if (hr_reader_open(&r, STDIN_FILENO, &e) < 0)
		return hr_finish(&e);
	/* Strings are the head's, and so the checkpoint is not cleared. */
	cp = (struct hr_checkpoint){ .stream = r.head.slot, .database = r.head.database, .system = r.head.system,
	    .timeline = r.head.timeline, .epoch = r.head.epoch, .state = HR_STATE_STREAMING };
	while ((more = hr_read(&r, &f, &e)) > 0) {
		if (f.type != HR_FRAME_WATERMARK)
			continue;
		cp.lsn = f.lsn;
		if (hr_checkpoint_save(&cp, argv[1], false, &e) < 0)
			return hr_finish(&e);
	}
	return hr_finish(&e);
}
