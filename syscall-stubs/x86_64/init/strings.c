// SPDX-License-Identifier: MIT
/* Reads the files of the archive; they are the toolkit's own, but an initrd may have replaced them.
 */
#include <asm/fcntl.h>
#include <linux/mman.h>
#include "host.h"
#include "strings.h"

#define E2BIG 7
#define EINVAL 22

/* More than any execve takes: three quarters of _STK_LIM (fs/exec.c). */
#define MOST_BYTES (8 * 1024 * 1024)

/* Pages of zeros, which take memory when they are written; or a negative errno. */
static long allocate(long size)
{
	return syscall6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* Reads on behind the first `size` bytes; returns how many there are then, or a negative errno. */
static long read_on(long fd, char *bytes, long size, long room)
{
	long got;

	while ((got = syscall3(__NR_read, fd, bytes + size, room - size)) > 0)
		size += got;
	return got < 0 ? got : size;
}

/* Returns the number of bytes. */
static long read_open(long fd, struct strings *strings)
{
	long size, memory, i;

	strings->bytes = strings->few_bytes;
	size = read_on(fd, strings->bytes, 0, FEW_BYTES);
	if (size < FEW_BYTES)
		return size;
	memory = allocate(MOST_BYTES);
	if (memory < 0)
		return memory;
	strings->bytes = (char *)memory;
	for (i = 0; i < size; i++)
		strings->bytes[i] = strings->few_bytes[i];
	size = read_on(fd, strings->bytes, size, MOST_BYTES);
	return size == MOST_BYTES ? -E2BIG : size;
}

/* Returns the number of bytes, which end in NUL. */
static long read_bytes(const char *path, struct strings *strings)
{
	long fd = syscall3(__NR_open, path, O_RDONLY | O_CLOEXEC, 0);
	long size;

	if (fd < 0)
		return fd;
	size = read_open(fd, strings);
	syscall1(__NR_close, fd);
	if (size > 0 && strings->bytes[size - 1] != '\0')
		return -EINVAL;
	return size;
}

static long count_strings(const char *bytes, long size)
{
	long count = 0, i;

	for (i = 0; i < size; i++)
		count += bytes[i] == '\0';
	return count;
}

long read_strings(const char *path, struct strings *strings)
{
	long size = read_bytes(path, strings);
	long count, memory, i, at = 0;

	if (size < 0)
		return size;
	count = count_strings(strings->bytes, size);
	strings->vector = strings->few;
	if (count > FEW_STRINGS) {
		memory = allocate((count + 1) * sizeof(char *));
		if (memory < 0)
			return memory;
		strings->vector = (char **)memory;
	}
	for (i = 0; i < count; i++) {
		strings->vector[i] = strings->bytes + at;
		while (strings->bytes[at++])
			;
	}
	strings->vector[count] = 0;
	return count;
}

void must_read_strings(const char *path, struct strings *strings)
{
	long error = read_strings(path, strings);

	if (error < 0)
		fail(path, error);
}
