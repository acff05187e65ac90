// SPDX-License-Identifier: MIT
/*
 * What a service manager or a container's runtime would set: /ukl/machine, strings each ended by
 * NUL, three to an entry (src/rootfs/machine.ts):
 *
 *   hostname  NAME      (empty)
 *
 *   setting   PATH      what is written to that file of /proc/sys
 *
 *   limit     RESOURCE  the soft and the hard limit with a blank between them, as prlimit(2) takes
 *                       them, in decimal
 *
 * An image without the file has the kernel's own. So it is with settings that this kernel lacks.
 */
#include <asm/errno.h>
#include <asm/fcntl.h>
#include "host.h"
#include "machine.h"
#include "strings.h"

struct entry {
	char *kind, *name, *value;
};

#define FIELDS (sizeof(struct entry) / sizeof(char *))
#define MACHINE_FILE "/ukl/machine"

static struct strings strings;
static long entries;

static const struct entry *entry(long index)
{
	return (struct entry *)strings.vector + index;
}

static long length(const char *text)
{
	long bytes = 0;

	while (text[bytes])
		bytes++;
	return bytes;
}

/* Reads a number and moves behind it and the blank that follows. */
static unsigned long next_number(const char **text)
{
	unsigned long number = 0;

	for (; **text >= '0' && **text <= '9'; (*text)++)
		number = 10 * number + (**text - '0');
	if (**text == ' ')
		(*text)++;
	return number;
}

static void write_setting(const struct entry *it)
{
	long fd = syscall3(__NR_open, it->name, O_WRONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return;
	syscall3(__NR_write, fd, it->value, length(it->value));
	syscall1(__NR_close, fd);
}

void set_up_machine(void)
{
	long count = read_strings(MACHINE_FILE, &strings);
	long i;

	if (count == -ENOENT)
		return;
	if (count < 0)
		fail(MACHINE_FILE, count);
	if (count % FIELDS != 0)
		fail(MACHINE_FILE, -EINVAL);
	entries = count / FIELDS;
	for (i = 0; i < entries; i++) {
		if (entry(i)->kind[0] == 'h')
			syscall2(__NR_sethostname, entry(i)->name, length(entry(i)->name));
		if (entry(i)->kind[0] == 's')
			write_setting(entry(i));
	}
}

void take_limits(void)
{
	long i, error;

	for (i = 0; i < entries; i++) {
		const char *resource = entry(i)->name, *value = entry(i)->value;
		unsigned long limit[2];

		if (entry(i)->kind[0] != 'l')
			continue;
		limit[0] = next_number(&value);
		limit[1] = next_number(&value);
		error = syscall4(__NR_prlimit64, 0, next_number(&resource), limit, 0);
		if (error < 0)
			fail("prlimit64", error);
	}
}
