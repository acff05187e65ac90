// SPDX-License-Identifier: MIT
/* Says "ready", and what signals it gets; TERM and INT end it with status 7. Its argument is what
 * else it does. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int is(const char *argument, const char *word)
{
	return argument && !strcmp(argument, word);
}

/* Answers whoever connects to port 7, each time with what it was sent. */
static void serve(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7)};
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	char bytes[64];

	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 8))
		exit(1);
	puts("ready");
	for (;;) {
		int client = accept(listener, NULL, NULL);
		ssize_t size = read(client, bytes, sizeof(bytes));

		if (size > 0 && write(client, bytes, size) != size)
			exit(2);
		close(client);
	}
}

int main(int argc, char **argv)
{
	const char *argument = argc > 1 ? argv[1] : NULL;
	sigset_t signals;
	int signal;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (is(argument, "serve"))
		serve();
	sigfillset(&signals);
	if (!is(argument, "defaults"))
		sigprocmask(SIG_BLOCK, &signals, NULL);
	if (is(argument, "stdin"))
		printf("stdin ends with %d\n", getchar());
	puts("ready");
	if (is(argument, "defaults"))
		for (;;)
			pause();
	for (;;) {
		sigwait(&signals, &signal);
		printf("got %d\n", signal);
		if ((signal == SIGTERM || signal == SIGINT) && !is(argument, "stubborn"))
			return 7;
	}
}
