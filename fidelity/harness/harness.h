/* What the parts of the harness share: the trace, the memory it is replayed on, what is counted. */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE 4096UL
#define ANONYMOUS 0x80000000u

enum mode { PREAD, MMAP, ANON, MIX, MODES };

struct trace {
	uint32_t *words;
	size_t length;
	size_t file_pages, anon_pages;
};

/* What the child counts; shared with the parent. */
struct result {
	uint64_t hits, hits_anon, accesses_anon, hits_second_half;
	uint64_t samples, resident_sum, resident_min, resident_max;
	double seconds;
	int wrong_content;
};

/* The memory that a trace is replayed on. */
struct workload {
	enum mode mode;
	int data;
	size_t file_pages, anon_pages;
	unsigned char *file, *anon;	/* mappings; in pread and mix that of the file serves mincore alone */
	unsigned char *seen;		/* anonymous pages that were touched before */
	unsigned char *vector;		/* for mincore */
	long flush_tlb;			/* empty the TLB every so many accesses; 0: never */
	unsigned char *flushed;		/* memory that serves this alone */
	struct result *result;
};

/* replay.c: end with what the system says, or with a message of our own */
void die(const char *what);
void refuse(const char *what);

/* trace.c */
bool is_anonymous(enum mode mode, uint32_t word);
void *touched_memory(size_t size, int sharing);
struct trace read_trace(const char *path, enum mode mode);
void make_data(const char *path, long pages);
int open_data(const char *path, const struct trace *trace, enum mode mode);

/* workload.c */
void set_up(struct workload *work, const struct trace *trace);
void replay(struct workload *work, const struct trace *trace);

#endif
