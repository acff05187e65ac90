// SPDX-License-Identifier: MIT
/**
 * Executes each file of a pack, here or in a guest, and tells how it went: a line "INDEX STATUS
 * STARTED" each, where STATUS is that of a shell (128 and the signal), 126 for what the kernel
 * refuses to execute, and STARTED whether it said so.
 *
 * A pack: the number of files, then of each its size, both in 8 bytes, and the file. With the
 * sticky bit a file of root's runs in ring 0, where the kernel has such programs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *path = "/variant";
enum { patience_ms = 20000 };

static void copy(int pack, uint64_t size)
{
	static char buffer[65536];
	int file;

	unlink(path);
	file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
	while (size > 0) {
		ssize_t got = read(pack, buffer, size < sizeof buffer ? size : sizeof buffer);

		if (got <= 0 || write(file, buffer, got) != got)
			exit(99);
		size -= got;
	}
	close(file);
	chmod(path, 01755);
}

/** Returns its status, and in `said` what it said. Killed after a while: some variants never end.
 */
static int execute(char *said, size_t room)
{
	int pipes[2], status;
	size_t length = 0;
	pid_t child;

	if (pipe2(pipes, O_CLOEXEC) != 0)
		exit(98);
	child = fork();
	if (child == 0) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		dup2(pipes[1], 1);
		dup2(open("/dev/null", O_RDWR), 2);
		execl(path, path, NULL);
		_exit(126);
	}
	close(pipes[1]);
	for (;;) {
		struct pollfd ready = {pipes[0], POLLIN, 0};
		ssize_t got = 0;

		if (poll(&ready, 1, patience_ms) == 0)
			kill(child, SIGKILL);
		else if (length < room)
			got = read(pipes[0], said + length, room - length);
		if (got <= 0)
			break;
		length += got;
	}
	close(pipes[0]);
	waitpid(child, &status, 0);
	said[length] = '\0';
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	int pack = open(argc > 1 ? argv[1] : "/pack", O_RDONLY | O_CLOEXEC);
	uint64_t count, size;

	if (argc > 2)
		path = argv[2];
	/* A path of an interpreter that does not begin with a slash leads nowhere, here as there.
	 */
	if (chdir("/dev") != 0)
		return 95;
	if (pack < 0 || read(pack, &count, sizeof count) != sizeof count)
		return 97;
	for (uint64_t index = 0; index < count; index++) {
		char said[257];
		int status;

		if (read(pack, &size, sizeof size) != sizeof size)
			return 96;
		copy(pack, size);
		status = execute(said, sizeof said - 1);
		printf("%d %d %d\n", (int)index, status, strcmp(said, "started\n") == 0);
		fflush(stdout);
	}
	return 0;
}
