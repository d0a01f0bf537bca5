/*
 * take: what hr-apply does, in the small, for tests that need no server.
 *
 *	usage: take [-c CHECKPOINT] [-m MICROSECONDS] FILE
 *	       take -k CHECKPOINT
 *
 * Reads a stream of tests/tool/stream and adds the number of each transaction
 * to the file, a line each.  At a watermark they are written, with a line
 * 'W LSN' behind them: what came after the last one is dropped by the next run,
 * which skips what the file has.  Then the checkpoint is written.  With -m each
 * watermark takes so long.  With -k the number of the last transaction of a
 * checkpoint is printed, 0 when there is none.
 */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/lsn.h"
#include "state/checkpoint.h"
#include "stream/reader.h"
#include "stream/rows.h"

static struct hr_err e;
static struct hr_reader r;
static struct hr_buf lines;
static hr_lsn had;
static uint64_t taken;

static void HR_NORETURN
stop(void)
{
	_exit(hr_finish(&e));
}

/* Up to where the file is whole. */
static int
open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	struct hr_buf b = HR_BUF_INIT;
	size_t at, whole = 0;
	char *end;

	/* One of a receiver that was killed may not have noticed yet. */
	if (fd < 0 || flock(fd, LOCK_EX) < 0) {
		hr_fail_sys(&e, "cannot open '%s'", path);
		stop();
	}
	if (hr_file_read(path, (size_t)1 << 30, &b, &e) < 0)
		stop();
	hr_buf_u8(&b, 0);
	for (at = 0; (end = strchr((char *)b.data + at, '\n')); at = (size_t)(end + 1 - (char *)b.data))
		if (b.data[at] == 'W') {
			*end = '\0';
			if (hr_lsn_parse((char *)b.data + at + 2, &had) < 0)
				stop();
			whole = (size_t)(end + 1 - (char *)b.data);
		}
	hr_buf_clear(&b);
	if (ftruncate(fd, (off_t)whole) < 0 || lseek(fd, 0, SEEK_END) < 0) {
		hr_fail_sys(&e, "cannot cut '%s'", path);
		stop();
	}
	return fd;
}

static void
take(const struct hr_frame *f)
{
	struct hr_cur c = hr_cur(f->data, f->len);
	struct hr_value v[3];
	struct hr_item it;
	uint64_t id = 0;
	int more;

	while ((more = hr_rows_next(&c, &it, &e)) > 0)
		if (it.op == HR_INSERT) {
			if (hr_tuple_decode(it.tuple, it.tuple_len, v, 3) != 3 || v[1].len != 8) {
				hr_fail(&e, HR_BAD_STREAM, "a row that is none of stream's");
				stop();
			}
			id = hr_get_u64be(v[1].data);
		} else if (it.op == HR_COMMIT && it.lsn > had) {
			hr_buf_printf(&lines, "%" PRIu64 "\n", id);
			taken++;
		}
	if (more < 0)
		stop();
}

static void
keep(int fd, hr_lsn lsn, const char *checkpoint)
{
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;

	if (lsn > had) {
		hr_buf_printf(&lines, "W %s\n", HR_LSN(lsn));
		if (hr_file_write(fd, lines.data, lines.len) < 0) {
			hr_fail_sys(&e, "cannot write");
			stop();
		}
		had = lsn;
	}
	hr_buf_reset(&lines);
	if (checkpoint == NULL)
		return;
	cp.stream = r.head.slot;
	cp.database = r.head.database;
	cp.system = r.head.system;
	cp.timeline = r.head.timeline;
	cp.epoch = r.head.epoch;
	cp.state = HR_STATE_STREAMING;
	cp.lsn = had;
	cp.transactions = taken;
	if (hr_checkpoint_save(&cp, checkpoint, false, &e) < 0)
		stop();
}

static int
print(const char *path)
{
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;

	if (hr_checkpoint_load(&cp, path, &e) < 0)
		stop();
	printf("%" PRIu64 "\n", cp.lsn / 256);
	hr_checkpoint_clear(&cp);
	return 0;
}

int
main(int argc, char *argv[])
{
	const char *checkpoint = NULL;
	useconds_t wait = 0;
	struct hr_frame f;
	int ch, fd, more;

	hr_name("take");
	while ((ch = getopt(argc, argv, "c:k:m:")) != -1)
		switch (ch) {
		case 'c': checkpoint = optarg; break;
		case 'k': return print(optarg);
		case 'm': wait = (useconds_t)strtoul(optarg, NULL, 10); break;
		default: return HR_USAGE;
		}
	if (optind + 1 != argc)
		return HR_USAGE;
	fd = open_file(argv[optind]);
	if (hr_reader_open(&r, STDIN_FILENO, &e) < 0)
		stop();
	if (r.head.start > had && r.head.start > 128) {
		hr_fail(&e, HR_REFUSED, "the stream begins at %s, what is here ends at %s", HR_LSN(r.head.start), HR_LSN(had));
		stop();
	}
	/* As hr-apply does: who sends learns that what the file says is of this reader. */
	keep(fd, had, checkpoint);
	while ((more = hr_read(&r, &f, &e)) > 0)
		if (f.type == HR_FRAME_ROWS)
			take(&f);
		else if (f.type == HR_FRAME_WATERMARK) {
			if (wait)
				usleep(wait);
			keep(fd, f.lsn, checkpoint);
		}
	if (more < 0)
		stop();
	hr_reader_clear(&r);
	hr_buf_clear(&lines);
	close(fd);
	return 0;
}
