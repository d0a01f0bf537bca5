/* hr-compress: pack the frames of a stream into blocks of columns, and unpack them. */

#include "base/hr.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/opt.h"
#include "codec/pack.h"

static const char usage[] =
	"usage: hr-compress [-1..-19] [-v] [--auto] [--block-rows ROWS] [--group]\n"
	"                   [--independent] [--json] [--key-every BLOCKS] [--memory SIZE] [--stats]\n"
	"       hr-compress -d [-v] [--memory SIZE]\n"
	"       hr-compress -h | --version\n"
	"\n"
	"  -1 ... -19              zstd's level for text, 3 without\n"
	"      --auto              the level follows the slower of link and CPU\n"
	"      --block-rows ROWS   rows of a block under a backlog, 1000 without\n"
	"  -d, --decompress        unpack\n"
	"      --group             one block for the rows of all tenants\n"
	"      --independent       no block needs another one\n"
	"      --json              print what --stats prints as JSON lines\n"
	"      --key-every BLOCKS  every so many blocks one that a reader can begin at, 64 without\n"
	"      --memory SIZE       what may be kept for blocks to come, 256MB without\n"
	"      --stats             print what columns took to standard error, at the end\n"
	"  -v, --verbose           say more\n";

static const struct option option[] = {
	{ "auto", no_argument, NULL, 'A' },
	{ "block-rows", required_argument, NULL, 'R' },
	{ "decompress", no_argument, NULL, 'd' },
	{ "group", no_argument, NULL, 'G' },
	{ "help", no_argument, NULL, 'h' },
	{ "independent", no_argument, NULL, 'I' },
	{ "json", no_argument, NULL, 'J' },
	{ "key-every", required_argument, NULL, 'K' },
	{ "memory", required_argument, NULL, 'M' },
	{ "stats", no_argument, NULL, 'S' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

int
main(int argc, char *argv[])
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_pipe p = HR_PIPE_INIT;
	struct hr_pack k = HR_PACK_INIT;
	struct hr_buf table = HR_BUF_INIT;
	bool json = false, packs = false;
	int64_t number, level = 0;
	bool independent = false;
	uint64_t size;
	int ch;

	hr_name("hr-compress");
	/* What a key block gives back the next blocks take: the kernel need not clear it each time. */
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	signal(SIGPIPE, SIG_DFL);
	while ((ch = getopt_long(argc, argv, "0123456789dhv", option, NULL)) != -1) {
		packs |= ch != 'd' && ch != 'v' && ch != 'M';
		switch (ch) {
		case 'A': k.by_itself = true; break;
		case 'd': k.unpack = true; break;
		case 'G': k.group = true; break;
		case 'h': return hr_opt_help(usage);
		case 'I': independent = true; break;
		case 'J': json = k.columns.stats.wanted = true; break;
		case 'K':
			if (hr_opt_int(optarg, 1, UINT32_MAX, &number) < 0)
				return hr_opt_misuse(usage, "--key-every is not a number from 1 on: '%s'", optarg);
			k.key_every = (uint32_t)number;
			break;
		case 'M':
			if (hr_opt_size(optarg, &size) < 0 || size < (UINT64_C(1) << HR_BLOCK_MEMORY_LEAST) ||
			    size > (UINT64_C(1) << HR_BLOCK_MEMORY_MOST))
				return hr_opt_misuse(usage, "--memory is not a size from 1MB to 64GB: '%s'", optarg);
			/* Blocks name a power of two. */
			for (k.memory = HR_BLOCK_MEMORY_LEAST; size >> (k.memory + 1); )
				k.memory++;
			break;
		case 'R':
			if (hr_opt_int(optarg, 1, 1000000, &number) < 0)
				return hr_opt_misuse(usage, "--block-rows is not a number from 1 to 1000000: '%s'", optarg);
			k.block_rows = (size_t)number;
			break;
		case 'S': k.columns.stats.wanted = true; break;
		case 'v': hr_verbose++; break;
		case 'V': return hr_opt_version();
		case '?': return hr_opt_misuse(usage, "%s", "");
		default:
			level = level * 10 + (ch - '0');
			if (level < 1 || level > 19)
				return hr_opt_misuse(usage, "the level is not a number from 1 to 19%s", "");
			k.level = (int)level;
		}
	}
	if (optind != argc)
		return hr_opt_misuse(usage, "unexpected argument '%s'", argv[optind]);
	if (k.unpack && packs)
		return hr_opt_misuse(usage, "%s", "-d takes no options for packing");
	if (independent)
		k.memory = 0;

	p.idle = hr_pack_flush;
	if (hr_pipe_open(&p, &e) == 0) {
		hr_pack_begin(&k, &p);
		if (hr_pipe_run(&p, hr_pack_step, &k, &e) == 0 && hr_pack_end(&k, &e) == 0 && hr_pipe_end(&p, &e) == 0) {
			hr_log(HR_LOG_NOTE, "%" PRIu64 " bytes in, %" PRIu64 " bytes out",
			    p.r.seen.bytes, p.w.seen.bytes);
			if (k.by_itself)
				hr_log(HR_LOG_NOTE, "levels %d to %d, the last %d", k.effort.least, k.effort.most,
				    k.effort.level);
			if (k.columns.stats.wanted)
				hr_stats_format(&k.columns.stats, json, &table);
			if (table.len)
				fwrite(table.data, 1, table.len, stderr);
		}
	}

	hr_buf_clear(&table);
	hr_pack_clear(&k);
	hr_pipe_clear(&p);
	return hr_finish(&e);
}
