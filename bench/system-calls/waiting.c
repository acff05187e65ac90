// SPDX-License-Identifier: MIT
/* Asking for what is ready, of few files and of many, none of which is; and a futex that nobody
 * waits for. */
#include <linux/futex.h>
#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "measure.h"

#define FEW 10
/* What select(2) can take, and a process may open. */
#define MANY 1000

static int pipes[2], epoll;
static int count;
static int files[MANY];
static struct pollfd polled[MANY];
static uint32_t word;

static void wait_epoll(void)
{
	struct epoll_event event;

	epoll_wait(epoll, &event, 1, 0);
}

static void wait_poll(void)
{
	poll(polled, count, 0);
}

static void wait_select(void)
{
	struct timeval none = {0};
	fd_set set;

	FD_ZERO(&set);
	for (int i = 0; i < count; i++)
		FD_SET(files[i], &set);
	select(files[count - 1] + 1, &set, NULL, NULL, &none);
}

static void wake_nobody(void)
{
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

static void open_files(int wanted)
{
	for (; count < wanted; count++) {
		struct epoll_event event = {.events = EPOLLIN};

		must((files[count] = dup(pipes[0])) >= 0, "dup");
		polled[count] = (struct pollfd){.fd = files[count], .events = POLLIN};
		must(epoll_ctl(epoll, EPOLL_CTL_ADD, files[count], &event) == 0, "epoll_ctl");
	}
}

void measure_waiting(void)
{
	must(pipe(pipes) == 0, "pipe");
	must((epoll = epoll_create1(0)) >= 0, "epoll_create1");
	open_files(FEW);
	measure("epoll_wait of 10 files", wait_epoll, 100);
	measure("poll of 10 files", wait_poll, 100);
	measure("select of 10 files", wait_select, 100);
	open_files(MANY);
	measure("epoll_wait of 1000 files", wait_epoll, 100);
	measure("poll of 1000 files", wait_poll, 10);
	measure("select of 1000 files", wait_select, 10);
	while (count > 0)
		close(files[--count]);
	close(epoll);
	close(pipes[0]);
	close(pipes[1]);
	measure("futex wake of nobody", wake_nobody, 100);
}
