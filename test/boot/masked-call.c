// SPDX-License-Identifier: MIT
/* Makes a system call that the image masks, as often and from where the arguments say: NUMBER TIMES main|thread|child. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static long number, times;

static void *make_calls(void *unused)
{
	for (long i = 0; i < times; i++) {
		long result = syscall(number, 0, 0, 0, 0);
		printf("%ld %s\n", result, result < 0 ? strerrorname_np(errno) : "");
		fflush(stdout);
	}
	return unused;
}

int main(int argc, char **argv)
{
	char text[4096];
	pthread_t thread;
	int file, status = 0;
	ssize_t size;

	if (argc != 4)
		return 64;
	number = atol(argv[1]);
	times = atol(argv[2]);
	if (!strcmp(argv[3], "thread")) {
		pthread_create(&thread, NULL, make_calls, NULL);
		pthread_join(thread, NULL);
	} else if (!strcmp(argv[3], "child")) {
		if (fork() == 0) {
			make_calls(NULL);
			return 0;
		}
		wait(&status);
		printf("child %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	} else {
		make_calls(NULL);
	}

	file = open("/ukl/masked", O_RDONLY);
	size = read(file, text, sizeof(text));
	fwrite(text, 1, size > 0 ? size : 0, stdout);
	return 7;
}
