// SPDX-License-Identifier: MIT
/* Reads the files of the archive; they are the toolkit's own, but an initrd may have replaced them.
 */
#include <asm/fcntl.h>
#include "host.h"
#include "strings.h"

#define E2BIG 7

/* Returns the number of bytes, which end in NUL. */
static long read_bytes(const char *path, struct strings *strings)
{
	long fd = syscall3(__NR_open, path, O_RDONLY | O_CLOEXEC, 0);
	long size = 0, got;

	if (fd < 0)
		return fd;
	while ((got = syscall3(__NR_read, fd, strings->bytes + size, BYTES_MAX - size)) > 0)
		size += got;
	syscall1(__NR_close, fd);
	if (got < 0)
		return got;
	if (size == BYTES_MAX || (size > 0 && strings->bytes[size - 1] != '\0'))
		return -E2BIG;
	return size;
}

long read_strings(const char *path, struct strings *strings)
{
	long size = read_bytes(path, strings);
	long count = 0, i;

	if (size < 0)
		return size;
	for (i = 0; i < size; i++) {
		if (i > 0 && strings->bytes[i - 1] != '\0')
			continue;
		if (count == STRINGS_MAX)
			return -E2BIG;
		strings->vector[count++] = strings->bytes + i;
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
