/*
 * replay: replay a trace of page accesses inside a memory cgroup and count which accesses hit.
 *
 * In: a trace (one little-endian 32-bit word for each access: the page, bit 31 set for an anonymous page in mode `mix`), a
 * memory cgroup that exists, has its limit and is empty, and for file pages a data file that `--make-data` wrote. Out, on
 * standard output: one `name value` line for each figure. `python -m fidelity.measure` sets everything up, runs this,
 * and makes rows of what it prints; it is of little use alone.
 *
 * The parent stays outside the cgroup. The child joins it only when all of its own memory has been touched, so that what
 * the cgroup is charged for are the pages of the trace, and what the kernel itself needs to hold them.
 *
 * Is an access a hit? `mincore` is asked just before it. Nothing else tells: on a synchronous device such as zram
 * preadv2(RWF_NOWAIT) reads from the device and calls it a hit.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define HIGHEST_PRIORITY (-20)
#define STAT_BYTES 32768	/* more than memory.stat and /proc/vmstat have */

static const char *const mode_names[MODES] = { "pread", "mmap", "anon", "mix" };

struct options {
	const char *trace, *data, *cgroup;
	enum mode mode;
	int cpu;
	long fresh_us;		/* read memory.stat this often meanwhile; 0: never */
	long flush_tlb;
};

void die(const char *what)
{
	fprintf(stderr, "replay: %s: %s\n", what, strerror(errno));
	exit(1);
}

void refuse(const char *what)
{
	fprintf(stderr, "replay: %s\n", what);
	exit(2);
}

/* ---- files of the kernel ---- */

static void read_small_file(const char *directory, const char *name, char *buffer, size_t size)
{
	char path[512];
	size_t length = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		die(path);
	while (length < size - 1 && (got = read(fd, buffer + length, size - 1 - length)) > 0)
		length += got;
	buffer[length] = '\0';
	close(fd);
}

static void join_cgroup(const char *directory)
{
	char path[512], pid[32];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	snprintf(pid, sizeof(pid), "%d", getpid());
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, pid, strlen(pid)) < 0)
		die(path);
	close(fd);
}

/* Print every `name value` line of a statistics file with a prefix. */
static void print_lines(const char *prefix, char *text)
{
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		printf("%s%s\n", prefix, line);
}

/* ---- parent and child ---- */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec * 1e-9;
}

/* The child: replay, tell the parent, and stay (with all pages) until it has read the counters. */
static void child(const struct options *options, struct workload *work, const struct trace *trace, int to_parent,
		  int from_parent)
{
	double begin;
	char byte = 0;

	/* Killed with the parent: a process left behind would keep the cgroup. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	set_up(work, trace);
	begin = now();
	join_cgroup(options->cgroup);
	replay(work, trace);
	work->result->seconds = now() - begin;
	if (write(to_parent, &byte, 1) != 1 || read(from_parent, &byte, 1) < 0)
		_exit(1);
	_exit(0);
}

/*
 * Until the child is done: reading memory.stat makes the kernel bring the counters of the cgroup up to date, and the LRU
 * decides by those counters. Left alone they are up to two seconds old, which makes results wander.
 */
static bool wait_for_child(const struct options *options, int from_child)
{
	static char statistics[STAT_BYTES];
	struct pollfd ready = { .fd = from_child, .events = POLLIN };
	char byte;

	while (options->fresh_us > 0 && poll(&ready, 1, 0) == 0) {
		usleep(options->fresh_us);
		read_small_file(options->cgroup, "memory.stat", statistics, sizeof(statistics));
	}
	return read(from_child, &byte, 1) == 1;
}

static void print_result(const struct trace *trace, const struct result *result)
{
	uint64_t samples = result->samples ? result->samples : 1;

	printf("accesses %zu\n", trace->length);
	printf("hits %lu\n", result->hits);
	printf("hits_second_half %lu\n", result->hits_second_half);
	printf("hits_anon %lu\n", result->hits_anon);
	printf("accesses_anon %lu\n", result->accesses_anon);
	printf("resident_mean %.0f\n", (double)result->resident_sum / samples);
	printf("resident_min %lu\n", result->resident_min);
	printf("resident_max %lu\n", result->resident_max);
	printf("seconds %.3f\n", result->seconds);
}

static void measure(const struct options *options)
{
	static char vmstat_before[STAT_BYTES], vmstat_after[STAT_BYTES], memory_stat[STAT_BYTES];
	struct trace trace = read_trace(options->trace, options->mode);
	struct result *result = touched_memory(sizeof(*result), MAP_SHARED);
	struct workload work = { .mode = options->mode, .data = -1, .flush_tlb = options->flush_tlb, .result = result };
	int to_parent[2], to_child[2], status;
	bool finished;
	pid_t pid;

	if (trace.file_pages)
		work.data = open_data(options->data, &trace, options->mode);
	if (pipe(to_parent) || pipe(to_child))
		die("pipe");
	read_small_file("/proc", "vmstat", vmstat_before, sizeof(vmstat_before));
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		close(to_parent[0]);
		close(to_child[1]);
		child(options, &work, &trace, to_parent[1], to_child[0]);
	}
	close(to_parent[1]);
	finished = wait_for_child(options, to_parent[0]);
	read_small_file(options->cgroup, "memory.stat", memory_stat, sizeof(memory_stat));
	read_small_file("/proc", "vmstat", vmstat_after, sizeof(vmstat_after));
	close(to_child[1]);
	if (waitpid(pid, &status, 0) < 0 || !finished || status)
		refuse("the replay did not come to its end (was it killed for want of memory?)");
	if (result->wrong_content)
		refuse("a page did not hold what was written to it");
	if (work.data >= 0)
		posix_fadvise(work.data, 0, 0, POSIX_FADV_DONTNEED);
	print_result(&trace, result);
	print_lines("memory.stat ", memory_stat);
	print_lines("vmstat.before ", vmstat_before);
	print_lines("vmstat.after ", vmstat_after);
}

/* ---- the command line ---- */

static const char usage[] =
	"usage: replay --trace FILE --mode pread|mmap|anon|mix --cgroup DIRECTORY [--data FILE] [--cpu N]\n"
	"              [--fresh MICROSECONDS] [--flush-tlb ACCESSES]\n"
	"       replay --make-data FILE PAGES";

static enum mode mode_named(const char *name)
{
	for (int mode = 0; mode < MODES; mode++)
		if (!strcmp(mode_names[mode], name))
			return mode;
	refuse("the mode must be pread, mmap, anon or mix");
	return MODES;
}

static struct options read_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "trace", required_argument, NULL, 't' }, { "mode", required_argument, NULL, 'm' },
		{ "cgroup", required_argument, NULL, 'g' }, { "data", required_argument, NULL, 'd' },
		{ "cpu", required_argument, NULL, 'c' }, { "fresh", required_argument, NULL, 'f' },
		{ "flush-tlb", required_argument, NULL, 'l' }, { 0 },
	};
	struct options options = { .mode = MODES, .cpu = -1 };
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 't': options.trace = optarg; break;
		case 'm': options.mode = mode_named(optarg); break;
		case 'g': options.cgroup = optarg; break;
		case 'd': options.data = optarg; break;
		case 'c': options.cpu = atoi(optarg); break;
		case 'f': options.fresh_us = atol(optarg); break;
		case 'l': options.flush_tlb = atol(optarg); break;
		default: refuse(usage);
		}
	}
	if (!options.trace || !options.cgroup || options.mode == MODES || (!options.data && options.mode != ANON))
		refuse(usage);
	return options;
}

/*
 * The child inherits both. The CPU, for folio batches and the charge's stock are each CPU's own. The priority, for whoever
 * else wants the CPU would come between the child and the parent that reads memory.stat, and age the counters.
 */
static void claim_cpu(int cpu)
{
	cpu_set_t cpus;

	if (setpriority(PRIO_PROCESS, 0, HIGHEST_PRIORITY))
		die("the priority cannot be had");
	if (cpu < 0)
		return;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("the CPU cannot be had");
}

int main(int argc, char **argv)
{
	struct options options;

	if (argc == 4 && !strcmp(argv[1], "--make-data")) {
		make_data(argv[2], atol(argv[3]));
		return 0;
	}
	options = read_options(argc, argv);
	claim_cpu(options.cpu);
	measure(&options);
	return 0;
}
