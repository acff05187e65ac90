// SPDX-License-Identifier: MIT
/* Mappings and the faults that fill them. */
#include <sys/mman.h>
#include "measure.h"

#define FAULTS_MAX 4096
#define BIG_BYTES (4 * MIB)

static char *volatile pages;

static char *map(unsigned long bytes, int flags)
{
	char *address =
	    mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	must(address != MAP_FAILED, "mmap");
	return address;
}

static void map_page(void)
{
	munmap(map(PAGE_BYTES, 0), PAGE_BYTES);
}

static void map_big(void)
{
	munmap(map(BIG_BYTES, 0), BIG_BYTES);
}

static void fill_page(void)
{
	munmap(map(PAGE_BYTES, MAP_POPULATE), PAGE_BYTES);
}

static void fill_big(void)
{
	munmap(map(BIG_BYTES, MAP_POPULATE), BIG_BYTES);
}

static void fault(void)
{
	static long page;

	pages[page++ % FAULTS_MAX * PAGE_BYTES] = 1;
}

void measure_memory(void)
{
	measure("mmap and munmap of 4 KiB", map_page, 100);
	measure("mmap and munmap of 4 MiB", map_big, 100);
	measure("mmap and munmap of 4 KiB, filled", fill_page, 100);
	measure("mmap and munmap of 4 MiB, filled", fill_big, 2);
	pages = map(FAULTS_MAX * PAGE_BYTES, 0);
	madvise(pages, FAULTS_MAX * PAGE_BYTES, MADV_NOHUGEPAGE);
	measure("page fault", fault, 200);
	munmap(pages, FAULTS_MAX * PAGE_BYTES);
}
