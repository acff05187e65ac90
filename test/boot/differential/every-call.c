// SPDX-License-Identifier: MIT
/*
 * Makes each system call with many sets of arguments, good ones and bad ones, and prints a line for
 * each: what it returned, and whether it wrote to memory. The calls of CALLS (a header that the
 * test makes of asm/unistd_64.h) are instructions of their own with the number in them, as in a C
 * library, so that they can become calls of the kernel.
 *
 * Each runs in a process of its own, which tells its result by shared memory. One that blocks is
 * ended after a second of the guest's time.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SETS 24
#define BUFFER_BYTES 8192
#define PATTERN 0xa5

struct result {
	int done;
	int wrote;
	long value;
};

typedef long call(long, long, long, long, long, long);

#define CALL(name, number)                                                                         \
	static long call_##name(long a, long b, long c, long d, long e, long f)                    \
	{                                                                                          \
		register long r10 asm("r10") = d;                                                  \
		register long r8 asm("r8") = e;                                                    \
		register long r9 asm("r9") = f;                                                    \
		long value;                                                                        \
                                                                                                   \
		asm volatile("movl $" #number ", %%eax\n\tsyscall"                                 \
			     : "=a"(value), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8),        \
			       "+r"(r9)                                                            \
			     :                                                                     \
			     : "rcx", "r11", "memory");                                            \
		return value;                                                                      \
	}
#include "calls.h"
#undef CALL

#define CALL(name, number) {#name, call_##name},
static const struct {
	const char *name;
	call *make;
} calls[] = {
#include "calls.h"
};
#undef CALL

#define PATH "/tmp/file"

/* In the first page a pattern, at the second one's begin a path. */
static uint8_t buffer[BUFFER_BYTES] __attribute__((aligned(4096)));
static uint8_t untouched[BUFFER_BYTES];
static struct result *result;

enum { FILE_FD = 10, PIPE_FD, PIPE_END_FD, SOCKET_FD, EPOLL_FD, EVENT_FD, LAST_FD };

/* What an argument can be: numbers, places, and open files. */
static const long values[] = {
    0,
    1,
    2,
    -1,
    4096,
    FILE_FD,
    PIPE_FD,
    PIPE_END_FD,
    SOCKET_FD,
    EPOLL_FD,
    EVENT_FD,
    LAST_FD,
    (long)buffer,
    (long)buffer,
    (long)buffer + 4096,
    (long)buffer + 1,
    /* where nothing is, in each half, and no address at all */
    0x10000,
    0x7ffffffff000,
    (long)0xffffffff81000000,
    (long)0x8000000000000000,
};

#define VALUES (sizeof(values) / sizeof(values[0]))

/* The next of a fixed sequence (Knuth's MMIX). */
static unsigned int choose(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005 + 1442695040888963407;
	return state >> 33;
}

/* Sets of one value, sets of any values, and sets as most calls want them. */
static long argument(int set, int place)
{
	static const long ones[] = {0, -1, (long)buffer, (long)0xffffffff81000000};

	if (set < 4)
		return ones[set];
	if (set < SETS / 2)
		return values[choose() % VALUES];
	switch (place) {
	case 0:
		return set % 2 ? FILE_FD + choose() % (LAST_FD - FILE_FD) : (long)buffer + 4096;
	case 1:
		return (long)buffer + choose() % 3 * 2048;
	default:
		return choose() % 4 == 0 ? (long)buffer : 1 << choose() % 13 >> 1;
	}
}

static void move_fd(int from, int to)
{
	dup2(from, to);
	close(from);
}

static void open_files(void)
{
	int ends[2];

	move_fd(open(PATH, O_RDWR | O_CREAT | O_TRUNC, 0600), FILE_FD);
	if (write(FILE_FD, "contents", 8) != 8 || lseek(FILE_FD, 0, SEEK_SET) != 0)
		exit(2);
	if (pipe2(ends, O_NONBLOCK) != 0)
		exit(2);
	move_fd(ends[0], PIPE_FD);
	move_fd(ends[1], PIPE_END_FD);
	move_fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), SOCKET_FD);
	move_fd(epoll_create1(0), EPOLL_FD);
	move_fd(eventfd(1, EFD_NONBLOCK), EVENT_FD);
}

/* In a session and with files of its own, so that what it does ends with it. */
static void run(call *make, const long *arguments)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close(null);
	open_files();
	memcpy(buffer, untouched, sizeof(buffer));
	result->value = make(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
			     arguments[5]);
	result->done = 1;
	result->wrote = memcmp(buffer, untouched, sizeof(buffer)) != 0;
	result->done = 2;
	_exit(0);
}

/* How the process ended; after a second it is made to. */
static int wait_for(pid_t child)
{
	const struct timespec second = {.tv_sec = 1};
	sigset_t ended;
	int status;

	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (sigtimedwait(&ended, NULL, &second) >= 0)
			continue;
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		return -1;
	}
	return status;
}

static void print_result(int status)
{
	if (status == -1)
		printf(" blocks");
	else if (result->done == 0)
		printf(" status %#x", status);
	/* What is large is an address or a time, which can be another one each time. */
	else if (result->value > 4096 || result->value < -4095)
		printf(" large");
	else
		printf(" %ld", result->value);
	printf("%s\n", result->done == 1 ? " no buffer" : result->wrote ? " wrote" : "");
}

int main(void)
{
	sigset_t ended;

	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ended, NULL);
	memset(untouched, PATTERN, 4096);
	strcpy((char *)untouched + 4096, PATH);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	result = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		for (int set = 0; set < SETS; set++) {
			long arguments[6];
			pid_t child;

			for (int j = 0; j < 6; j++)
				arguments[j] = argument(set, j);
			*result = (struct result){0};
			fflush(stdout);
			child = fork();
			if (child == 0)
				run(calls[i].make, arguments);
			printf("%s %d", calls[i].name, set);
			print_result(wait_for(child));
		}
	}
	return 0;
}
