// SPDX-License-Identifier: MIT
/*
 * What system calls cost in instructions: run with --icount, where the time stamp counter counts
 * them. A line for each, with the cost of the empty loop taken off.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define ROUNDS 1000
#define PAGE_BYTES 4096

static int pipes[2], zero, epoll;
static char buffer[PAGE_BYTES];
static char *volatile pages;
static uint32_t word;

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

static void pipe_byte(void)
{
	write(pipes[1], buffer, 1);
	read(pipes[0], buffer, 1);
}

static void read_page(void)
{
	read(zero, buffer, sizeof(buffer));
}

static void write_null(void)
{
	write(zero, buffer, 1);
}

static void wake_nobody(void)
{
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

static void poll_nothing(void)
{
	struct epoll_event event;

	epoll_wait(epoll, &event, 1, 0);
}

static void fault(void)
{
	static long page;

	pages[page++ * PAGE_BYTES] = 1;
}

static void fork_and_wait(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, 0, 0);
}

static double cost_of(void (*work)(void), int rounds)
{
	uint64_t begin;

	work();
	begin = __rdtsc();
	for (int i = 0; i < rounds; i++)
		work();
	return (double)(__rdtsc() - begin) / rounds;
}

int main(void)
{
	static const struct {
		const char *name;
		void (*work)(void);
		int rounds;
	} costs[] = {
	    {"null (getppid)", null_call, ROUNDS},
	    {"getuid", user_id, ROUNDS},
	    {"write and read of 1 byte on a pipe", pipe_byte, ROUNDS},
	    {"read of 4 KiB from /dev/zero", read_page, ROUNDS},
	    {"write to /dev/zero", write_null, ROUNDS},
	    {"futex wake of nobody", wake_nobody, ROUNDS},
	    {"epoll_wait, nothing ready", poll_nothing, ROUNDS},
	    {"page fault", fault, ROUNDS},
	    {"fork, exit and wait", fork_and_wait, 50},
	};
	struct epoll_event event = {.events = EPOLLIN};
	double empty = cost_of(nothing, ROUNDS);

	if (pipe(pipes) || (zero = open("/dev/zero", O_RDWR)) < 0 || (epoll = epoll_create1(0)) < 0)
		return 1;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &event))
		return 1;
	pages = mmap(0, (ROUNDS + 2) * PAGE_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (unsigned int i = 0; i < sizeof(costs) / sizeof(costs[0]); i++)
		printf("%s: %.0f\n", costs[i].name,
		       cost_of(costs[i].work, costs[i].rounds) - empty);
	return 0;
}
