// SPDX-License-Identifier: MIT
/* What a program sees of its standard streams, and how it ends. The host runs the same. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static void tell_kinds(void)
{
	struct stat status;

	for (int fd = 0; fd < 3; fd++) {
		fstat(fd, &status);
		printf("%d tty %d fifo %d\n", fd, isatty(fd), S_ISFIFO(status.st_mode));
	}
}

/* Bytes of every value, to standard output. */
static void write_bytes(size_t count)
{
	unsigned char *bytes = malloc(count);

	for (size_t i = 0; i < count; i++)
		bytes[i] = i * 31 + i / 256;
	for (size_t done = 0; done < count;)
		done += write(1, bytes + done, count - done);
}

static void count_input(void)
{
	unsigned char bytes[65536];
	unsigned long count = 0, sum = 0;
	ssize_t got;

	while ((got = read(0, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < got; i++)
			sum = sum * 31 + bytes[i], count++;
	printf("%lu bytes, sum %lu, then %zd\n", count, sum, read(0, bytes, 1));
}

static void write_until_refused(void)
{
	char line[4096];

	signal(SIGPIPE, SIG_IGN);
	memset(line, 'x', sizeof(line));
	while (write(1, line, sizeof(line)) > 0)
		;
	fprintf(stderr, "refused: %s\n", strerror(errno));
	exit(9);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "kinds";

	if (!strcmp(what, "kinds"))
		tell_kinds();
	if (!strcmp(what, "count"))
		count_input();
	if (!strcmp(what, "both")) {
		for (int i = 0; i < 200; i++)
			dprintf(1 + i % 2, "line %d\n", i);
	}
	if (!strcmp(what, "refused"))
		write_until_refused();
	if (!strcmp(what, "reopen"))
		fprintf(fopen("/proc/self/fd/2", "w"), "again\n");
	if (!strcmp(what, "exit")) {
		write_bytes(8 << 20);
		_exit(7);
	}
	if (!strcmp(what, "killed")) {
		write_bytes(8 << 20);
		kill(getpid(), SIGKILL);
	}
	if (!strcmp(what, "reboot")) {
		write_bytes(1 << 20);
		reboot(RB_AUTOBOOT);
	}
	return 0;
}
