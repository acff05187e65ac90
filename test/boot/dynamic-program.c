// SPDX-License-Identifier: MIT
/* What a program with a loader can do: libraries, their TLS, threads, dlopen, names of accounts, its own path. */
#include <dlfcn.h>
#include <math.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static __thread int own = 7;

static void *in_thread(void *argument)
{
	own += *(int *)argument;
	return (void *)(long)own;
}

int main(int argc, char **argv)
{
	int three = 3, status;
	char path[256] = "";
	void *library, *result;
	double (*cosine)(double);
	struct passwd *root = getpwnam("root");
	struct hostent *local = gethostbyname("localhost");
	pthread_t thread;

	pthread_create(&thread, NULL, in_thread, &three);
	pthread_join(thread, &result);
	printf("thread %ld, here %d\n", (long)result, own);
	library = dlopen("libm.so.6", RTLD_NOW);
	cosine = library ? (double (*)(double))dlsym(library, "cos") : NULL;
	printf("cos %.3f sqrt %.3f\n", cosine ? cosine(1.0) : -1.0, sqrt(argc));
	printf("root %d localhost %d\n", root ? (int)root->pw_uid : -1, local ? local->h_addr[0] : -1);
	fflush(stdout);
	if (fork() == 0)
		exit(own);
	wait(&status);
	printf("child %d\n", WEXITSTATUS(status));
	printf("%s %s\n", readlink("/proc/self/exe", path, sizeof(path) - 1) > 0 ? path : "?", argv[0]);
	return 5;
}
