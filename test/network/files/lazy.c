// SPDX-License-Identifier: MIT
/*
 * Has room for two clients at port 7, of IPv4 and of IPv6, and takes none before it gets a datagram
 * at port 8; then it returns to each what it sent, up to its end.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int bound(int type, int port)
{
	struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, type, 0);

	return bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0 ? -1 : fd;
}

int main(void)
{
	int listener = bound(SOCK_STREAM, 7);
	int starter = bound(SOCK_DGRAM, 8);
	char bytes[4096];

	if (listener < 0 || starter < 0 || listen(listener, 1) < 0)
		return 1;
	puts("listening");
	fflush(stdout);
	if (recv(starter, bytes, sizeof(bytes), 0) < 0)
		return 1;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		ssize_t got;

		while ((got = read(fd, bytes, sizeof(bytes))) > 0)
			(void)!write(fd, bytes, got);
		close(fd);
	}
}
