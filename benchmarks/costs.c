/* Nanoseconds of the kernel's memory operations on this machine: see benchmarks/costs.py, which compiles and runs it.
 *
 * Prints lines "name nanoseconds", the least of several rounds for each, or "name - reason" where it cannot be measured.
 * Arguments: a directory on a disk, the rounds, the number of pages, and the block device of an unused zram, if any.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096L
#define PTRS (PAGE / (long)sizeof(void *))
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static long pages, rounds;
static char path[4096];
static char *buffer;
static uint64_t chance = 88172645463325252ull;

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static long random_below(long n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return chance % n;
}

static void die(const char *what)
{
	fprintf(stderr, "costs: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void *map(int fd, int flags)
{
	void *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	madvise(p, pages * PAGE, MADV_NOHUGEPAGE);
	return p;
}

/* A file of `pages` pages, with data on the disk or as one hole. */
static int file(int hole)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		die(path);
	unlink(path);
	if (ftruncate(fd, pages * PAGE))
		die("ftruncate");
	for (long i = 0; !hole && i < pages; i++)
		if (pwrite(fd, buffer, PAGE, i * PAGE) != PAGE)
			die("pwrite");
	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	return fd;
}

static void read_page(int fd, long i)
{
	if (pread(fd, buffer, PAGE, i * PAGE) != PAGE)
		die("pread");
}

/* --- the rounds: each returns nanoseconds of CPU time for one of `pages` operations ---------------------- */

/* A dependent load from a random page: what a hit costs, cache and TLB misses included. */
static double access_round(void)
{
	static void **ring;
	void **at;
	double begin;

	if (!ring) {
		long *order = malloc(pages * sizeof(long));

		ring = map(-1, MAP_PRIVATE | MAP_ANONYMOUS);
		for (long i = 0; i < pages; i++)
			order[i] = i;
		for (long i = pages - 1; i > 0; i--) {
			long j = random_below(i), other = order[i];

			order[i] = order[j];
			order[j] = other;
		}
		for (long i = 0; i < pages; i++)
			ring[order[i] * PTRS + order[i] % 64 * 8] =
				ring + order[(i + 1) % pages] * PTRS + order[(i + 1) % pages] % 64 * 8;
		free(order);
	}
	at = ring;
	begin = now(CLOCK_THREAD_CPUTIME_ID);
	for (long i = 0; i < pages; i++)
		at = *at;
	begin = now(CLOCK_THREAD_CPUTIME_ID) - begin;
	if (!at)
		die("ring");
	return begin / pages;
}

static double minor_fault_round(void)
{
	char *p = map(-1, MAP_PRIVATE | MAP_ANONYMOUS);
	double begin = now(CLOCK_THREAD_CPUTIME_ID), took;

	for (long i = 0; i < pages; i++)
		p[i * PAGE] = 1;
	took = now(CLOCK_THREAD_CPUTIME_ID) - begin;
	munmap(p, pages * PAGE);
	return took / pages;
}

/* A pread of a page in the page cache. */
static double read_hit_round(void)
{
	static int fd = -1;
	double begin;

	if (fd < 0) {
		fd = file(0);
		for (long i = 0; i < pages; i++)
			read_page(fd, i);
	}
	begin = now(CLOCK_THREAD_CPUTIME_ID);
	for (long i = 0; i < pages; i++)
		read_page(fd, random_below(pages));
	return (now(CLOCK_THREAD_CPUTIME_ID) - begin) / pages;
}

static double shuffled(int fd, char *p)
{
	long step = pages / 2 | 1, at = 0;
	double begin;

	while (step % 3 == 0 || step % 5 == 0)
		step += 2;
	begin = now(CLOCK_THREAD_CPUTIME_ID);
	for (long i = 0; i < pages; i++) {
		if (p)
			buffer[0] += p[at * PAGE];
		else
			read_page(fd, at);
		at = (at + step) % pages;
	}
	return (now(CLOCK_THREAD_CPUTIME_ID) - begin) / pages;
}

/* A pread of a page of a hole: into the page cache without a device. */
static double read_miss_round(void)
{
	int fd = file(1);
	double took = shuffled(fd, NULL);

	close(fd);
	return took;
}

/* A fault on a mapped page of a hole, likewise. */
static double file_fault_round(void)
{
	int fd = file(1);
	char *p = map(fd, MAP_SHARED);
	double took;

	madvise(p, pages * PAGE, MADV_RANDOM);
	took = shuffled(fd, p);
	munmap(p, pages * PAGE);
	close(fd);
	return took;
}

/* Dropping clean pages that nobody maps. */
static double drop_round(void)
{
	int fd = file(0);
	double begin;

	for (long i = 0; i < pages; i++)
		read_page(fd, i);
	begin = now(CLOCK_THREAD_CPUTIME_ID);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	begin = now(CLOCK_THREAD_CPUTIME_ID) - begin;
	close(fd);
	return begin / pages;
}

/* Reclaiming clean pages that are mapped once: isolate, unmap, free. */
static double pageout_round(void)
{
	int fd = file(0);
	char *p = map(fd, MAP_SHARED);
	double begin;

	shuffled(fd, p);
	begin = now(CLOCK_THREAD_CPUTIME_ID);
	if (madvise(p, pages * PAGE, MADV_PAGEOUT))
		die("MADV_PAGEOUT");
	begin = now(CLOCK_THREAD_CPUTIME_ID) - begin;
	munmap(p, pages * PAGE);
	close(fd);
	return begin / pages;
}

/* Looking at page table entries, all of them in use: mincore on anonymous memory touches nothing else. */
static double pte_round(void)
{
	static char *p;
	static unsigned char *in;
	double begin;

	if (!p) {
		p = map(-1, MAP_PRIVATE | MAP_ANONYMOUS);
		in = malloc(pages);
		for (long i = 0; i < pages; i++)
			p[i * PAGE] = 1;
	}
	begin = now(CLOCK_THREAD_CPUTIME_ID);
	if (mincore(p, pages * PAGE, in))
		die("mincore");
	return (now(CLOCK_THREAD_CPUTIME_ID) - begin) / pages;
}

/* Clearing the young bits of entries, and the mark of each page. */
static double young_round(void)
{
	static char *p;
	double begin;
	int fd;

	if (!p)
		p = map(-1, MAP_PRIVATE | MAP_ANONYMOUS);
	for (long i = 0; i < pages; i++)
		p[i * PAGE] = 1;
	fd = open("/proc/self/clear_refs", O_WRONLY);
	if (fd < 0)
		return -1;
	begin = now(CLOCK_THREAD_CPUTIME_ID);
	if (write(fd, "1", 1) != 1)
		return -1;
	begin = now(CLOCK_THREAD_CPUTIME_ID) - begin;
	close(fd);
	munmap(p, pages * PAGE);
	p = NULL;
	return begin / pages;
}

/* --- reclaim by the kernel: a memory cgroup that is emptied ---------------------------------------------- */

static char group[256];

static int put(const char *name, const char *text)
{
	char where[512];
	int fd, ok;

	snprintf(where, sizeof where, "%s/%s", group, name);
	fd = open(where, O_WRONLY);
	if (fd < 0)
		return 0;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

static int enter_group(void)
{
	char pid[32];

	snprintf(group, sizeof group, "/sys/fs/cgroup/memory/rext-costs-%d", getpid());
	if (mkdir(group, 0700)) {
		snprintf(group, sizeof group, "/sys/fs/cgroup/rext-costs-%d", getpid());
		if (mkdir(group, 0700))
			return 0;
	}
	snprintf(pid, sizeof pid, "%d", getpid());
	return put("cgroup.procs", pid);
}

static void leave_group(void)
{
	char pid[32], root[300];
	int fd;

	snprintf(pid, sizeof pid, "%d", getpid());
	snprintf(root, sizeof root, "%.*s/cgroup.procs", (int)(strrchr(group, '/') - group), group);
	fd = open(root, O_WRONLY);
	if (fd >= 0) {
		if (write(fd, pid, strlen(pid)) < 0)
			perror("costs: leaving the cgroup");
		close(fd);
	}
	rmdir(group);
}

static long resident(const char *p)
{
	unsigned char *in = malloc(pages);
	long found = 0;

	mincore((void *)p, pages * PAGE, in);
	for (long i = 0; i < pages; i++)
		found += in[i] & 1;
	free(in);
	return found;
}

/* Reclaim of the cgroup's page cache; CPU time for each page that went. `mapped`: by this process, all pages old. */
static double reclaim_round(int mapped)
{
	int fd = file(0);
	char *p = map(fd, MAP_SHARED), want[64];
	double begin, took;
	long left;

	if (mapped) {
		int clear;

		shuffled(fd, p);
		clear = open("/proc/self/clear_refs", O_WRONLY);
		if (clear < 0 || write(clear, "1", 1) != 1)
			return -1;
		close(clear);
	} else {
		for (long i = 0; i < pages; i++)
			read_page(fd, i);
	}
	snprintf(want, sizeof want, "%ld", pages * PAGE * 7 / 8);
	begin = now(CLOCK_THREAD_CPUTIME_ID);
	if (!put("memory.reclaim", want))
		put("memory.force_empty", "0");
	took = now(CLOCK_THREAD_CPUTIME_ID) - begin;
	left = resident(p);
	munmap(p, pages * PAGE);
	close(fd);
	return left > pages / 2 ? -1 : took / (pages - left);
}

static double reclaim_unmapped_round(void)
{
	return reclaim_round(0);
}

static double reclaim_mapped_round(void)
{
	return reclaim_round(1);
}

/* --- devices --------------------------------------------------------------------------------------------- */

/* CPU time of a read that goes to the disk. */
static double io_round(void)
{
	static int fd = -1, direct = -1;
	double begin;
	long count = pages < 4096 ? pages : 4096;

	if (fd < 0) {
		char link[64];

		fd = file(0);
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		direct = open(link, O_RDONLY | O_DIRECT);
	}
	if (direct < 0)
		return -1;
	begin = now(CLOCK_THREAD_CPUTIME_ID);
	for (long i = 0; i < count; i++)
		if (pread(direct, buffer, PAGE, random_below(pages) * PAGE) != PAGE)
			return -1;
	return (now(CLOCK_THREAD_CPUTIME_ID) - begin) / count;
}

static const char *zram;

/* Pages that compress to a good third, as memory does: random words among zeros and repeated ones. */
static void fill(char *page)
{
	uint32_t *word = (uint32_t *)page;

	for (int i = 0; i < PAGE / 4; i++)
		word[i] = i % 16 < 5 ? (uint32_t)random_below(1L << 32) : i % 64 < 32 ? 0 : 0x5f3759dfu + i / 64;
}

static double zram_round(int writes)
{
	static int fd = -1;
	static char *data;
	double took = 0;
	long many = 512;

	if (!zram)
		return -1;
	if (fd < 0) {
		fd = open(zram, O_RDWR | O_DIRECT);
		if (fd < 0 || posix_memalign((void **)&data, PAGE, many * PAGE))
			return -1;
		for (long i = 0; i < many; i++)
			fill(data + i * PAGE);
	}
	for (long i = 0; i < many; i++) {
		double begin = now(CLOCK_MONOTONIC);
		char *page = data + random_below(many) * PAGE;
		ssize_t done = writes ? pwrite(fd, page, PAGE, i * PAGE) : pread(fd, buffer, PAGE, i * PAGE);

		took += now(CLOCK_MONOTONIC) - begin;
		if (done != PAGE)
			return -1;
	}
	return took / many;
}

static double zram_write_round(void)
{
	return zram_round(1);
}

static double zram_read_round(void)
{
	return zram_round(0);
}

/* ---------------------------------------------------------------------------------------------------------- */

static void measure(const char *name, double (*round)(void), long times)
{
	double best = 1e18;

	for (long i = 0; i < times; i++) {
		double took = round();

		if (took < 0) {
			printf("%s - not possible here\n", name);
			return;
		}
		best = took < best ? took : best;
	}
	printf("%s %.1f\n", name, best);
	fflush(stdout);
}

int main(int count, char **words)
{
	if (count < 4)
		return 2;
	snprintf(path, sizeof path, "%s/rext-costs-%d", words[1], getpid());
	rounds = atol(words[2]);
	pages = atol(words[3]);
	zram = count > 4 ? words[4] : NULL;
	if (rounds < 1 || pages < 1024 || posix_memalign((void **)&buffer, PAGE, PAGE))
		return 2;
	memset(buffer, 7, PAGE);
	measure("memory_access", access_round, rounds);
	measure("read_hit", read_hit_round, rounds);
	measure("anon_fault", minor_fault_round, rounds);
	measure("file_fault", file_fault_round, rounds);
	measure("read_miss", read_miss_round, rounds);
	measure("drop", drop_round, rounds);
	measure("pageout", pageout_round, rounds);
	measure("pte", pte_round, rounds);
	measure("young", young_round, rounds);
	measure("io", io_round, rounds);
	if (enter_group()) {
		measure("reclaim_unmapped", reclaim_unmapped_round, rounds);
		measure("reclaim_mapped", reclaim_mapped_round, rounds);
		leave_group();
	} else {
		printf("reclaim_unmapped - needs root\nreclaim_mapped - needs root\n");
	}
	measure("zram_write", zram_write_round, rounds);
	measure("zram_read", zram_read_round, rounds);
	return 0;
}
