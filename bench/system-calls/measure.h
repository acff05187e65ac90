/* SPDX-License-Identifier: MIT */
/* What the parts of the program share: each measures some calls and prints a line for each. */
#ifndef MEASURE_H
#define MEASURE_H

#define PAGE_BYTES 4096
#define MIB (1024 * 1024)

/*
 * Calls `work` `rounds` times in each of some batches, and prints the median batch's cost of one,
 * in ticks of the time stamp counter, without that of an empty loop.
 */
void measure(const char *name, void (*work)(void), int rounds);

/* Ends the program with a message unless `holds`: a figure of what failed would be none. */
void must(int holds, const char *what);

void measure_files(void);
void measure_memory(void);
void measure_processes(void);
void measure_messages(void);
void measure_waiting(void);
void tell_conditions(void);

#endif
