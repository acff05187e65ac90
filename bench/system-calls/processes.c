// SPDX-License-Identifier: MIT
/* Processes, small and with much memory, and threads. */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "measure.h"

#define BIG_BYTES (32 * MIB)

static void fork_and_wait(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

static void *end(void *argument)
{
	return argument;
}

static void thread_and_join(void)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, end, NULL) == 0, "pthread_create");
	pthread_join(thread, NULL);
}

void measure_processes(void)
{
	char *memory =
	    mmap(0, BIG_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(memory != MAP_FAILED, "mmap");
	measure("fork, exit and wait", fork_and_wait, 5);
	madvise(memory, BIG_BYTES, MADV_NOHUGEPAGE);
	memset(memory, 1, BIG_BYTES);
	measure("fork, exit and wait, with 32 MiB of memory", fork_and_wait, 2);
	munmap(memory, BIG_BYTES);
	measure("thread, from creation to join", thread_and_join, 20);
}
