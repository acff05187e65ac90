// SPDX-License-Identifier: MIT
/* Answers each datagram to port 7 with itself, over IPv4 and IPv6. The word "end" ends it. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(void)
{
	struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(7)}, peer;
	int socket_fd = socket(AF_INET6, SOCK_DGRAM, 0);
	static char bytes[65536];

	if (bind(socket_fd, (struct sockaddr *)&own, sizeof(own)) < 0)
		return 1;
	puts("listening");
	fflush(stdout);
	for (;;) {
		socklen_t length = sizeof(peer);
		ssize_t size =
		    recvfrom(socket_fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&peer, &length);

		if (size < 0)
			return 2;
		sendto(socket_fd, bytes, size, 0, (struct sockaddr *)&peer, length);
		if (size == 3 && !memcmp(bytes, "end", 3))
			return 0;
	}
}
