// SPDX-License-Identifier: MIT
/* Says "ready", and what signals it gets; TERM and INT end it with status 7. Its argument is what
 * else it does. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is(const char *argument, const char *word)
{
	return argument && !strcmp(argument, word);
}

int main(int argc, char **argv)
{
	const char *argument = argc > 1 ? argv[1] : NULL;
	sigset_t signals;
	int signal;

	setvbuf(stdout, NULL, _IOLBF, 0);
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
