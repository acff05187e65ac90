// SPDX-License-Identifier: MIT
/* Sockets of one process, and two processes that take turns. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "measure.h"

#define BIG_BYTES (64 * 1024)

static int sockets[2], there[2], back[2];
static char buffer[BIG_BYTES];

static void send_bytes(long bytes)
{
	send(sockets[1], buffer, bytes, 0);
	for (long got = 0, more = 1; got < bytes && more > 0; got += more)
		more = recv(sockets[0], buffer, bytes - got, 0);
}

static void send_byte(void)
{
	send_bytes(1);
}

static void send_big(void)
{
	send_bytes(BIG_BYTES);
}

static void take_turns(void)
{
	write(there[1], buffer, 1);
	read(back[0], buffer, 1);
}

static void echo(void)
{
	char byte;

	while (read(there[0], &byte, 1) == 1)
		write(back[1], &byte, 1);
	_exit(0);
}

void measure_messages(void)
{
	pid_t child;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0, "socketpair");
	measure("send and recv of 1 byte", send_byte, 100);
	measure("send and recv of 64 KiB", send_big, 20);
	must(pipe(there) == 0 && pipe(back) == 0, "pipe");
	must((child = fork()) >= 0, "fork");
	if (child == 0)
		echo();
	measure("two context switches, by pipes", take_turns, 100);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}
