// SPDX-License-Identifier: MIT
/*
 * The application's standard input, output and error.
 *
 * The host says what each one is on its side, by a word of the kernel's command line that the
 * kernel passes on in init's environment: `ukl_stdio=XYZ[j][,ROWS,COLUMNS]`, a letter each
 * (src/vm/guest-contract.ts). A stream is a pipe to the host (drivers/char/guest_streams.c in
 * kernel/patches); a terminal is the console, the first serial line. Where the host says nothing,
 * or the machine has no streams, the console is a plain byte pipe for all three.
 */
#include <asm/fcntl.h>
#include <asm/ioctls.h>
#include <asm/termios.h>
#include <linux/ioctl.h>
#include "host.h"
#include "stdio.h"

#define STREAM 's'
#define TERMINAL 't'
#define QUIET_TERMINAL 'q' /* the host's terminal shows what is typed */
#define NOTHING 'n'
#define OUTPUT 'o'  /* of standard error: where standard output leads */
#define JOURNAL 'j' /* behind the others: the host wants to know when each piece was written */

#define GUEST_STREAM_OPEN _IO('g', 0x53)
#define GUEST_STREAM_DRAIN _IO('g', 0x54)
#define GUEST_STREAM_JOURNAL _IO('g', 0x55)
#define WORDS_PORT 0
#define FIRST_PORT 1 /* of standard input; output and error follow */

#define END_OF_FILE 0x04

static const char name[] = "ukl_stdio=";

/* What each is, and where it is open; the console is init's own. */
static char kinds[3];
static int wants_journal;
static long files[3] = {0, 1, 2};
static long device = -1;

/* A pipe, but that 0x04 at the start of a line is the end of input. */
static void make_console_a_pipe(void)
{
	struct termios termios;
	int i;

	if (syscall3(__NR_ioctl, 0, TCGETS, &termios) < 0)
		return;
	termios.c_iflag = 0;
	termios.c_oflag = 0;
	termios.c_lflag = ICANON;
	for (i = 0; i < NCCS; i++)
		termios.c_cc[i] = 0;
	termios.c_cc[VEOF] = END_OF_FILE;
	syscall3(__NR_ioctl, 0, TCSETS, &termios);
}

/* The kernel's settings are those of a terminal that somebody types at. */
static void make_console_quiet(void)
{
	struct termios termios;

	if (syscall3(__NR_ioctl, 0, TCGETS, &termios) < 0)
		return;
	termios.c_lflag &= ~(ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE);
	syscall3(__NR_ioctl, 0, TCSETS, &termios);
}

static const char *value_of(const char *variable)
{
	const char *expected = name;

	while (*expected && *variable == *expected) {
		variable++;
		expected++;
	}
	return *expected ? 0 : variable;
}

static unsigned int number_at(const char **text)
{
	unsigned int number = 0;

	if (**text != ',')
		return 0;
	for (++*text; **text >= '0' && **text <= '9'; ++*text)
		number = 10 * number + (**text - '0');
	return number;
}

static int has(char kind)
{
	return kinds[0] == kind || kinds[1] == kind || kinds[2] == kind;
}

static int has_terminal(void)
{
	return has(TERMINAL) || has(QUIET_TERMINAL);
}

static void read_kinds(const char *text)
{
	unsigned int rows, columns;
	int i;

	for (i = 0; i < 3 && *text; i++)
		kinds[i] = *text++;
	if (*text == JOURNAL) {
		wants_journal = 1;
		text++;
	}
	rows = number_at(&text);
	columns = number_at(&text);
	if (has_terminal() && rows && columns)
		set_terminal_size(rows, columns);
}

static long open_port(long port)
{
	return device < 0 ? device : syscall3(__NR_ioctl, device, GUEST_STREAM_OPEN, port);
}

void open_stdio(char **environment)
{
	const char *text;
	int i;

	for (; *environment; environment++) {
		text = value_of(*environment);
		if (text)
			read_kinds(text);
	}
	if (has(QUIET_TERMINAL))
		make_console_quiet();
	else if (!has(TERMINAL))
		make_console_a_pipe();
	device = syscall3(__NR_open, "/ukl/streams", O_RDONLY | O_CLOEXEC, 0);
	if (wants_journal)
		syscall3(__NR_ioctl, device, GUEST_STREAM_JOURNAL, 0);
	for (i = 0; i < 3; i++) {
		long file = -1;

		if (kinds[i] == STREAM)
			file = open_port(FIRST_PORT + i);
		else if (kinds[i] == NOTHING)
			file = syscall3(__NR_open, "/dev/null", O_RDWR | O_CLOEXEC, 0);
		else if (kinds[i] == OUTPUT)
			file = files[1];
		if (file >= 0)
			files[i] = file;
	}
}

long open_words(void)
{
	return open_port(WORDS_PORT);
}

void take_stdio(unsigned int uid, unsigned int gid)
{
	int i;

	if (has_terminal())
		syscall3(__NR_ioctl, 0, TIOCSCTTY, 0);
	for (i = 0; i < 3; i++) {
		/* Whoever may write to it may open it again, as /dev/stdout. */
		if (uid || gid)
			syscall3(__NR_fchown, files[i], uid, gid);
		if (files[i] != i)
			syscall2(__NR_dup2, files[i], i);
	}
}

void drain_stdio(void)
{
	int i;

	for (i = 1; i < 3; i++)
		if (files[i] != i)
			syscall3(__NR_ioctl, files[i], GUEST_STREAM_DRAIN, 0);
	syscall3(__NR_ioctl, 1, TCSBRK, 1);
}

void set_terminal_size(unsigned int rows, unsigned int columns)
{
	struct winsize size = {.ws_row = rows, .ws_col = columns};

	syscall3(__NR_ioctl, 0, TIOCSWINSZ, &size);
}
