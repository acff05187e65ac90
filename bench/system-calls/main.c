// SPDX-License-Identifier: MIT
/*
 * What system calls cost, by the time stamp counter: the calls of LEBench (Ren et al., SOSP 2019)
 * and a few more. An ordinary program, which runs on the host as well. It prints
 *
 *   cost NAME: TICKS		of one call, or of what NAME says
 *
 * and with the argument "conditions" instead
 *
 *   condition NAME: TEXT	what it found of the machine and the kernel that it runs on
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <x86intrin.h>
#include "measure.h"

#define BATCHES 11

static void nothing(void)
{
}

static void null_call(void)
{
	getppid();
}

static void user_id(void)
{
	getuid();
}

static int compare(const void *left, const void *right)
{
	const double *one = left, *other = right;

	return (*one > *other) - (*one < *other);
}

/* Compiled for no special case of it: that of nothing would be no loop at all. */
__attribute__((noipa)) static double cost_of(void (*work)(void), int rounds)
{
	double batches[BATCHES];

	work();
	for (int batch = 0; batch < BATCHES; batch++) {
		uint64_t begin = __rdtsc();

		for (int i = 0; i < rounds; i++)
			work();
		batches[batch] = (double)(__rdtsc() - begin) / rounds;
	}
	qsort(batches, BATCHES, sizeof(batches[0]), compare);
	return batches[BATCHES / 2];
}

void measure(const char *name, void (*work)(void), int rounds)
{
	printf("cost %s: %.1f\n", name, cost_of(work, rounds) - cost_of(nothing, rounds));
}

void must(int holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "conditions")) {
		tell_conditions();
		return 0;
	}
	measure("null (getppid)", null_call, 100);
	measure("getuid", user_id, 100);
	measure_files();
	measure_memory();
	measure_waiting();
	measure_messages();
	measure_processes();
	return 0;
}
