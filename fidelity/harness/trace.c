/* What is replayed: the trace, and the data file that its pages are taken from. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

bool is_anonymous(enum mode mode, uint32_t word)
{
	return mode == ANON || (mode == MIX && word & ANONYMOUS);
}

/* Memory that is there before anything is measured. */
void *touched_memory(size_t size, int sharing)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		die("memory");
	return memory;
}

struct trace read_trace(const char *path, enum mode mode)
{
	struct trace trace = { 0 };
	struct stat status;
	size_t done = 0, bytes;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &status))
		die(path);
	trace.length = status.st_size / sizeof(uint32_t);
	if (trace.length == 0)
		refuse("the trace holds no accesses");
	bytes = trace.length * sizeof(uint32_t);
	trace.words = touched_memory(bytes, MAP_PRIVATE);
	while (done < bytes) {
		ssize_t got = read(fd, (char *)trace.words + done, bytes - done);

		if (got <= 0)
			die(path);
		done += got;
	}
	/* Its own pages in the cache must not take part in any reclaim. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);

	for (size_t i = 0; i < trace.length; i++) {
		size_t pages = (size_t)(trace.words[i] & ~ANONYMOUS) + 1;
		size_t *most = is_anonymous(mode, trace.words[i]) ? &trace.anon_pages : &trace.file_pages;

		if (pages > *most)
			*most = pages;
	}
	return trace;
}

/* Each page is filled with its own number, which zram keeps without compressing anything. */
void make_data(const char *path, long pages)
{
	uint32_t page[PAGE / sizeof(uint32_t)];
	FILE *file = fopen(path, "w");

	if (!file)
		die(path);
	for (long number = 0; number < pages; number++) {
		for (size_t i = 0; i < PAGE / sizeof(uint32_t); i++)
			page[i] = number;
		if (fwrite(page, PAGE, 1, file) != 1)
			die(path);
	}
	if (fflush(file) || fsync(fileno(file)) || fclose(file))
		die(path);
}

/* The data file with none of its pages in the page cache. */
int open_data(const char *path, const struct trace *trace, enum mode mode)
{
	struct stat status;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &status))
		die(path);
	if ((size_t)status.st_size < trace->file_pages * PAGE)
		refuse("the trace has more file pages than the data file");
	if (flock(fd, LOCK_EX | LOCK_NB))
		die("the data file is used by another replay");
	fdatasync(fd);
	/* Twice: the first call may leave pages that wait in a batch of this CPU. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (mode != MMAP)
		posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	return fd;
}
