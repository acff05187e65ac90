// SPDX-License-Identifier: MIT
/*
 * Greets whoever comes to port 7 before it is spoken to; then reads to the end, and says how many
 * bytes that were and what their sum is, over the half of the connection that is still open.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char greeting[] = "220 hello\r\n";

static void *serve(void *connection)
{
	int fd = (int)(long)connection;
	static const int chunk = 64 * 1024;
	unsigned char *bytes = malloc(chunk);
	unsigned long count = 0, sum = 0;
	char answer[64];
	ssize_t got;

	if (bytes && write(fd, greeting, strlen(greeting)) > 0) {
		while ((got = read(fd, bytes, chunk)) > 0) {
			count += got;
			for (ssize_t i = 0; i < got; i++)
				sum += bytes[i];
		}
		snprintf(answer, sizeof(answer), "%lu %lu\n", count, sum);
		if (got == 0)
			(void)!write(fd, answer, strlen(answer));
	}
	free(bytes);
	close(fd);
	return NULL;
}

/* With an argument over IPv4 alone. */
int main(int argc, char **argv)
{
	struct sockaddr_in6 both = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(7)};
	int listener = socket(argc > 1 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
	const struct sockaddr *own = argc > 1 ? (void *)&ipv4 : (void *)&both;
	socklen_t length = argc > 1 ? sizeof(ipv4) : sizeof(both);
	pthread_attr_t attributes;

	(void)argv;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	if (bind(listener, own, length) < 0 || listen(listener, 1024) < 0)
		return 1;
	puts("listening");
	fflush(stdout);
	for (;;) {
		pthread_t thread;
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 || pthread_create(&thread, &attributes, serve, (void *)(long)fd))
			return 2;
	}
}
