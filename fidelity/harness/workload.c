/*
 * The accesses: mappings, one access at a time, and what is counted. Runs in the child; whatever it needs of memory is
 * touched by `set_up`, before the child joins the cgroup.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define SAMPLES 64		/* of the number of resident pages, over the whole trace */
#define FLUSHED_PAGES 64	/* more than the kernel would flush one by one */
#define STACK_TOUCHED 32768	/* bytes of stack that the replay may need */

static unsigned char buffer[PAGE] __attribute__((aligned(PAGE)));

static unsigned char *map(size_t pages, int protection, int flags, int fd, size_t first)
{
	void *memory = mmap(NULL, pages * PAGE, protection, flags, fd, first * PAGE);

	if (memory == MAP_FAILED)
		die("mapping the pages");
	return memory;
}

/*
 * Where a page of the file is mapped. In mode mmap every page has a VMA of its own, the last page first: no two can be
 * merged, and a fault cannot map pages around it, which would make hits of what the trace never touched.
 */
static unsigned char *file_address(const struct workload *work, size_t page)
{
	return work->file + (work->mode == MMAP ? work->file_pages - 1 - page : page) * PAGE;
}

static void map_file(struct workload *work)
{
	if (work->mode != MMAP) {
		work->file = map(work->file_pages, PROT_READ, MAP_SHARED, work->data, 0);
		return;
	}
	work->file = map(work->file_pages, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	for (size_t page = 0; page < work->file_pages; page++) {
		void *place = file_address(work, page);

		if (mmap(place, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, work->data, page * PAGE) == MAP_FAILED)
			die("mapping each page (vm.max_map_count must be larger than their number)");
	}
}

static size_t resident(const struct workload *work)
{
	size_t count = 0;

	if (work->file_pages && mincore(work->file, work->file_pages * PAGE, work->vector))
		die("mincore");
	for (size_t page = 0; page < work->file_pages; page++)
		count += work->vector[page] & 1;
	if (work->anon_pages && mincore(work->anon, work->anon_pages * PAGE, work->vector))
		die("mincore");
	for (size_t page = 0; page < work->anon_pages; page++)
		count += work->vector[page] & 1;
	return count;
}

void set_up(struct workload *work, const struct trace *trace)
{
	size_t most = trace->file_pages > trace->anon_pages ? trace->file_pages : trace->anon_pages;
	volatile unsigned char stack[STACK_TOUCHED];

	work->file_pages = trace->file_pages;
	work->anon_pages = trace->anon_pages;
	work->vector = touched_memory(most, MAP_PRIVATE);
	work->seen = touched_memory(trace->anon_pages + 1, MAP_PRIVATE);
	if (work->file_pages)
		map_file(work);
	if (work->anon_pages) {
		work->anon = map(work->anon_pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		madvise(work->anon, work->anon_pages * PAGE, MADV_NOHUGEPAGE);
	}
	work->flushed = touched_memory(FLUSHED_PAGES * PAGE, MAP_PRIVATE);
	memset(buffer, 1, sizeof(buffer));
	for (size_t i = 0; i < sizeof(stack); i += 512)
		stack[i] = 1;
	if (resident(work))
		refuse("pages of the data file are still in the page cache; something else uses it");
}

/* ---- one access: true for a hit ---- */

static bool is_resident(unsigned char *address)
{
	unsigned char core = 0;

	mincore(address, PAGE, &core);
	return core & 1;
}

/*
 * The first access writes the page's number and something that does not compress to nothing, so that swap is really used;
 * every other access only reads.
 */
static bool access_anon(struct workload *work, uint32_t page)
{
	volatile uint64_t *words = (volatile uint64_t *)(work->anon + page * PAGE);
	bool hit = is_resident((unsigned char *)words);

	if (work->seen[page]) {
		if (words[0] >> 32 != page)
			work->result->wrong_content = 1;
		return hit;
	}
	work->seen[page] = 1;
	words[0] = (uint64_t)page << 32 | 0x5a5a;
	for (size_t i = 1; i < PAGE / sizeof(*words); i += 37)
		words[i] = page * 2654435761u + i;
	return false;
}

static bool access_by_read(struct workload *work, uint32_t page)
{
	bool hit = is_resident(file_address(work, page));

	if (pread(work->data, buffer, PAGE, page * PAGE) != (ssize_t)PAGE || *(uint32_t *)buffer != page)
		work->result->wrong_content = 1;
	return hit;
}

static bool access_mapped(struct workload *work, uint32_t page)
{
	unsigned char *address = file_address(work, page);
	bool hit = is_resident(address);

	if (*(volatile uint32_t *)address != page)
		work->result->wrong_content = 1;
	return hit;
}

static bool access_page(struct workload *work, uint32_t word)
{
	uint32_t page = word & ~ANONYMOUS;

	if (is_anonymous(work->mode, word))
		return access_anon(work, page);
	return work->mode == MMAP ? access_mapped(work, page) : access_by_read(work, page);
}

/* ---- the replay ---- */

static void take_sample(const struct workload *work)
{
	struct result *result = work->result;
	size_t count = resident(work);

	result->samples++;
	result->resident_sum += count;
	if (result->samples == 1 || count < result->resident_min)
		result->resident_min = count;
	if (count > result->resident_max)
		result->resident_max = count;
}

/*
 * The processor sets the accessed bit when it loads an entry into its TLB, and x86 does not flush the entry when the bit is
 * cleared: what is in the TLB looks unused. Taking away the right to write many pages makes the kernel flush all of it.
 */
static void flush_tlb(const struct workload *work)
{
	for (size_t page = 0; page < FLUSHED_PAGES; page++)
		work->flushed[page * PAGE] = 1;
	mprotect(work->flushed, FLUSHED_PAGES * PAGE, PROT_READ);
	mprotect(work->flushed, FLUSHED_PAGES * PAGE, PROT_READ | PROT_WRITE);
}

void replay(struct workload *work, const struct trace *trace)
{
	struct result *result = work->result;
	size_t step = trace->length / SAMPLES ? trace->length / SAMPLES : 1;

	for (size_t i = 0; i < trace->length; i++) {
		uint32_t word = trace->words[i];
		bool anonymous = is_anonymous(work->mode, word);
		bool hit;

		if (work->flush_tlb > 0 && i % work->flush_tlb == 0)
			flush_tlb(work);
		hit = access_page(work, word);
		result->hits += hit;
		result->hits_second_half += hit && i >= trace->length / 2;
		result->accesses_anon += anonymous;
		result->hits_anon += hit && anonymous;
		/* After the first quarter memory is full, or it never will be. */
		if (i >= trace->length / 4 && i % step == 0)
			take_sample(work);
	}
}
