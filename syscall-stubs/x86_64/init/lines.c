// SPDX-License-Identifier: MIT
/*
 * The serial lines from the host: the console, and one on which each byte is the number of a
 * signal.
 *
 * Bytes pass both unchanged and unechoed.
 */
#include <asm/fcntl.h>
#include <asm/termbits.h>
#include "host.h"

#define TCGETS 0x5401
#define TCSETS 0x5402
#define TCSBRK 0x5409
#define END_OF_FILE 0x04

static long make_plain(long fd, unsigned int local, int index, unsigned char character)
{
	struct termios termios;
	long error = syscall3(__NR_ioctl, fd, TCGETS, &termios);
	int i;

	if (error < 0)
		return error;
	termios.c_iflag = 0;
	termios.c_oflag = 0;
	termios.c_lflag = local;
	for (i = 0; i < NCCS; i++)
		termios.c_cc[i] = 0;
	termios.c_cc[index] = character;
	return syscall3(__NR_ioctl, fd, TCSETS, &termios);
}

/* A pipe, but that 0x04 at the start of a line is the end of input. */
void make_console_a_pipe(void)
{
	make_plain(0, ICANON, VEOF, END_OF_FILE);
}

void drain_console(void)
{
	syscall3(__NR_ioctl, 1, TCSBRK, 1);
}

/* Negative where the host has no such line. */
long open_signal_line(void)
{
	long fd = syscall3(__NR_open, "/dev/ttyS1", O_RDONLY | O_NOCTTY | O_CLOEXEC, 0);

	return fd < 0 || make_plain(fd, 0, VMIN, 1) == 0 ? fd : -1;
}
