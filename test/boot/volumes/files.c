// SPDX-License-Identifier: MIT
/*
 * What programs do with files, in the directory that the first argument names. It prints what it
 * sees, so that a file system can be compared with that of the host, and leaves the files there.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 5000

static void say(const char *what, long result)
{
	printf("%s: %s\n", what, result < 0 ? strerror(errno) : "done");
}

static void write_file(const char *name, const char *text, int flags, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | flags, mode);

	say(name, fd < 0 ? -1 : write(fd, text, strlen(text)));
	close(fd);
}

static void show(const char *name)
{
	char text[256] = "";
	struct stat status;
	int fd = open(name, O_RDONLY);

	if (fd < 0 || fstat(fd, &status) < 0 || read(fd, text, sizeof(text) - 1) < 0)
		printf("%s: %s\n", name, strerror(errno));
	else
		printf("%s: mode %o, %ld bytes, %ld links: %s\n", name, status.st_mode,
		       (long)status.st_size, (long)status.st_nlink, text);
	close(fd);
}

static void names_and_modes(void)
{
	write_file("plain", "first", O_TRUNC, 0640);
	write_file("plain", " and appended", O_APPEND, 0);
	show("plain");
	write_file("grüße-世界", "a name beyond ASCII", 0, 0600);
	show("grüße-世界");
	say("chmod", chmod("plain", 0754));
	say("link", link("plain", "second-name"));
	say("symlink", symlink("plain", "soft"));
	show("soft");
	write_file("old", "renamed over another", 0, 0644);
	write_file("new", "was there before", 0, 0644);
	say("rename", rename("old", "new"));
	show("new");
	show("old");
	say("exclusive", open("new", O_CREAT | O_EXCL | O_WRONLY, 0644));
	say("mkdir", mkdir("directory", 0750));
	say("rmdir", rmdir("directory"));
	say("open directory for writing", open(".", O_WRONLY));
}

static void sizes(void)
{
	int fd = open("sparse", O_RDWR | O_CREAT | O_TRUNC, 0644);
	char byte = 1;

	say("ftruncate", ftruncate(fd, 1 << 20));
	say("pread of a hole", pread(fd, &byte, 1, 1 << 19));
	printf("the hole has %d\n", byte);
	say("pwrite", pwrite(fd, "x", 1, 1 << 19));
	say("fsync", fsync(fd));
	say("fdatasync", fdatasync(fd));
	close(fd);
	show("sparse");
}

/* A shared mapping is the file: what is written there is read here, and the other way round. */
static void mapping(void)
{
	int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0644);
	char text[7] = "", *bytes;

	say("ftruncate", ftruncate(fd, 3 * 4096));
	bytes = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED) {
		say("mmap", -1);
		return;
	}
	memcpy(bytes + 4096, "mapped", 6);
	say("msync", msync(bytes, 3 * 4096, MS_SYNC));
	say("pread", pread(fd, text, 6, 4096));
	printf("read what was mapped: %s\n", text);
	if (fork() == 0) {
		memcpy(bytes, "child", 5);
		_exit(0);
	}
	wait(0);
	printf("of the child: %.5s\n", bytes);
	munmap(bytes, 3 * 4096);
	close(fd);
}

/* A file without a name is there as long as it is open. */
static void nameless(void)
{
	int fd = open("nameless", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char text[6] = "";
	struct stat status;

	say("unlink", unlink("nameless"));
	say("write", write(fd, "still", 5));
	say("pread", pread(fd, text, 5, 0));
	printf("read: %s\n", text);
	if (fstat(fd, &status) < 0)
		say("fstat", -1);
	else
		printf("fstat: %ld bytes\n", (long)status.st_size);
	close(fd);
	show("nameless");
}

/* Of either kind, in a file of its own: over 9p, as over NFS, the two kinds are one. */
static int lock_with(int fd, int whole)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return whole ? flock(fd, LOCK_EX | LOCK_NB) : fcntl(fd, F_SETLK, &lock);
}

static void locks(const char *name, int whole)
{
	int fd = open(name, O_RDWR | O_CREAT, 0600), status;

	say(name, lock_with(fd, whole));
	if (fork() == 0)
		_exit(lock_with(open(name, O_RDWR), whole) < 0 &&
		      (errno == EAGAIN || errno == EACCES));
	wait(&status);
	printf("another process is %s\n", status ? "refused" : "let in");
	close(fd);
}

static void many(void)
{
	char name[32], seen[MANY] = "";
	struct dirent *entry;
	int i, found = 0, twice = 0;
	DIR *directory;

	say("mkdir", mkdir("many", 0755));
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many/file-%d", i);
		close(open(name, O_WRONLY | O_CREAT, 0644));
	}
	directory = opendir("many");
	while ((entry = readdir(directory))) {
		if (sscanf(entry->d_name, "file-%d", &i) != 1)
			continue;
		twice += seen[i];
		seen[i] = 1;
		found++;
	}
	closedir(directory);
	printf("%d names, %d of them twice\n", found, twice);
}

/* A child that still writes when this program has ended. */
static void leave_a_writer(void)
{
	int fd = open("endless", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	int started[2];
	char byte;

	if (pipe(started) < 0)
		return;
	if (fork() == 0) {
		while (write(fd, "more\n", 5) > 0 && write(started[1], "", 1) > 0 && fsync(fd) == 0)
			;
		_exit(1);
	}
	say("a child writes", read(started[0], &byte, 1));
}

/* Until there is no space left, and what is written is on the disk. */
static void fill(void)
{
	static char bytes[1 << 16];
	int fd = open("filled", O_WRONLY | O_CREAT | O_TRUNC, 0644), i;

	memset(bytes, 'x', sizeof(bytes));
	for (i = 0; i < 1024; i++)
		if (write(fd, bytes, sizeof(bytes)) < 0 || fsync(fd) < 0)
			break;
	say("fill", i == 1024 ? 0 : -1);
}

/* The host waits for "asked", and writes into the file that is open here. */
static void converse(void)
{
	int question = open("question", O_WRONLY | O_CREAT, 0600),
	    answer = open("answer", O_RDONLY);
	char text[16] = "";
	struct stat status;

	say("write", write(question, "asked", 5));
	puts("asked");
	fflush(stdout);
	do
		usleep(10000);
	while (fstat(answer, &status) == 0 && status.st_size == 0);
	if (pread(answer, text, sizeof(text) - 1, 0) >= 0)
		puts(text);
}

int main(int argc, char **argv)
{
	if (argc < 3 || chdir(argv[2]) < 0) {
		say("chdir", -1);
		return 1;
	}
	umask(022);
	if (!strcmp(argv[1], "all")) {
		names_and_modes();
		sizes();
		mapping();
		nameless();
		locks("lock of a part", 0);
		locks("lock of a whole", 1);
		many();
	} else if (!strcmp(argv[1], "leave")) {
		leave_a_writer();
	} else if (!strcmp(argv[1], "write")) {
		write_file(argv[3], argv[4], O_TRUNC, 0644);
	} else if (!strcmp(argv[1], "show")) {
		show(argv[3]);
	} else if (!strcmp(argv[1], "fill")) {
		fill();
	} else if (!strcmp(argv[1], "converse")) {
		converse();
	} else if (!strcmp(argv[1], "wait")) {
		puts("waiting");
		fflush(stdout);
		pause();
	}
	return 0;
}
