// SPDX-License-Identifier: MIT
/* A server that answers as many requests as its client counts once, and a half, and ends. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { requests = 3000 };

static int answer(int connection, int left)
{
	char request[256];

	while (left > 0 && read(connection, request, sizeof(request)) > 0) {
		if (write(connection, "$-1\r\n", 5) != 5)
			break;
		left--;
	}
	close(connection);
	return left;
}

int main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(6379)};
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int left = requests;

	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 8))
		return 1;
	while (left > 0)
		left = answer(accept(listener, NULL, NULL), left);
	puts("enough");
	return 3;
}
