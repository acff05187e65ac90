// SPDX-License-Identifier: MIT
/* Talks to itself through the loopback interface, over IPv4 and IPv6. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int talk(const struct sockaddr *address, socklen_t length)
{
	int server = socket(address->sa_family, SOCK_STREAM, 0), client, served;
	char byte = 0;

	if (bind(server, address, length) < 0 || listen(server, 1) < 0)
		return -1;
	client = socket(address->sa_family, SOCK_STREAM, 0);
	if (connect(client, address, length) < 0)
		return -2;
	served = accept(server, NULL, NULL);
	if (write(client, "x", 1) != 1 || read(served, &byte, 1) != 1)
		return -3;
	return byte;
}

int main(void)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(7000)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(7000)};

	ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ipv6.sin6_addr = in6addr_loopback;
	printf("%c", talk((struct sockaddr *)&ipv4, sizeof(ipv4)));
	printf("%c\n", talk((struct sockaddr *)&ipv6, sizeof(ipv6)));
	return 0;
}
