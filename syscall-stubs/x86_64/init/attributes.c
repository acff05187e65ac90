// SPDX-License-Identifier: MIT
/*
 * Extended attributes of files, above all file capabilities: the kernel's archive format has none.
 *
 * /ukl/attributes has four fields for each: path, name and, in decimal, the number of bytes, each
 * ended by NUL, then so many bytes of value.
 */
#include "attributes.h"

#ifdef UKL_ATTRIBUTES
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/limits.h>
#include "host.h"

#define SIZE_DIGITS 8

static unsigned char buffer[4096];
static long filled, position;
static char path[PATH_MAX];
static char name[XATTR_NAME_MAX + 1];
static char value[XATTR_SIZE_MAX];

/* Negative at the end. */
static int next_byte(int file)
{
	if (position == filled) {
		filled = syscall3(__NR_read, file, buffer, sizeof(buffer));
		position = 0;
	}
	return filled > 0 ? buffer[position++] : -1;
}

static void must_be(int is_right)
{
	if (!is_right)
		fail("/ukl/attributes", -EINVAL);
}

/* Returns 0 where the file ends instead. */
static int read_field(int file, char *to, long size)
{
	long i;
	int byte;

	for (i = 0; i < size; i++) {
		byte = next_byte(file);
		if (byte < 0 && i == 0)
			return 0;
		must_be(byte >= 0);
		to[i] = byte;
		if (byte == 0)
			return 1;
	}
	must_be(0);
	return 0;
}

static long read_size(int file)
{
	char digits[SIZE_DIGITS];
	long size = 0, i;

	must_be(read_field(file, digits, sizeof(digits)));
	for (i = 0; digits[i]; i++) {
		must_be(digits[i] >= '0' && digits[i] <= '9');
		size = 10 * size + (digits[i] - '0');
	}
	must_be(size <= XATTR_SIZE_MAX);
	return size;
}

/* A kernel without attributes in memory file systems says so; the build has said it before. */
static void set_one(int file, long index)
{
	long size, i, error;
	int byte;

	must_be(read_field(file, name, sizeof(name)));
	size = read_size(file);
	for (i = 0; i < size; i++) {
		byte = next_byte(file);
		must_be(byte >= 0);
		value[i] = byte;
	}
	error = syscall5(__NR_lsetxattr, path, name, value, size, 0);
	if (error < 0 && error != -EOPNOTSUPP)
		fail_at("attribute", index, error);
}

void set_attributes(void)
{
	long file = syscall3(__NR_open, "/ukl/attributes", O_RDONLY | O_CLOEXEC, 0);
	long index;

	if (file < 0)
		fail("/ukl/attributes", file);
	for (index = 0; read_field(file, path, sizeof(path)); index++)
		set_one(file, index);
	syscall1(__NR_close, file);
}
#endif
