// SPDX-License-Identifier: MIT
/*
 * The first process of an image, in ring 3 in either mode.
 *
 * It gives the application what any program finds on a Linux system (mounts, a console, arguments
 * and environment), passes on the signals that the host sends, waits for its end, tells the host
 * its exit status, and resets the machine. The application is an ordinary child, so signals work on
 * it as anywhere: process 1 would be immune to most.
 *
 * Contract with the archive inside the image (that with the host: src/vm/guest-contract.ts):
 *
 *   /ukl/exec     strings, each ended by NUL: the program's path, then its arguments from argv[0]
 *
 *   /ukl/environ  strings, each ended by NUL: its environment
 *
 *   /ukl/process  its working directory and user (process.c)
 *
 *   /ukl/machine  its name, settings and limits (machine.c); may be absent
 *
 *   /ukl/attributes  extended attributes of files (attributes.c), where there are any
 *
 *   /ukl/network  the addresses of the card (network.c)
 *   /ukl/mounts   disks and directories of the host (mounts.c); may be absent
 *
 *   /ukl/masked   which masked calls were tried (dispatch.c)
 */
#include <asm/fcntl.h>
#include <asm/signal.h>
#include "attributes.h"
#include "host.h"
#include "machine.h"
#include "network.h"
#include "mounts.h"
#include "process.h"
#include "stdio.h"
#include "strings.h"

#define MS_NOSUID_NODEV 6
#define MS_NOSUID_NOEXEC 10
#define MS_NOSUID_NODEV_NOEXEC 14
#define WNOHANG 1
#define SIGNALS 64
#define TERMINAL_SIZE 0x80

/* Its process. */
static long application;
/* The file that tells which masked calls were tried. */
static int masked;
static struct strings exec_strings;
static struct strings environ_strings;

/* By which programs open what they have open: proc(5). A device manager makes them elsewhere. */
static void link_streams(void)
{
	syscall2(__NR_symlink, "/proc/self/fd", "/dev/fd");
	syscall2(__NR_symlink, "/proc/self/fd/0", "/dev/stdin");
	syscall2(__NR_symlink, "/proc/self/fd/1", "/dev/stdout");
	syscall2(__NR_symlink, "/proc/self/fd/2", "/dev/stderr");
}

/* What the kernel was built without is not there; the program finds out as it would elsewhere. */
static void mount_all(void)
{
	syscall5(__NR_mount, "proc", "/proc", "proc", MS_NOSUID_NODEV_NOEXEC, 0);
	syscall5(__NR_mount, "sysfs", "/sys", "sysfs", MS_NOSUID_NODEV_NOEXEC, 0);
	syscall5(__NR_mount, "devtmpfs", "/dev", "devtmpfs", 0, 0);
	link_streams();
	syscall2(__NR_mkdir, "/dev/pts", 0755);
	syscall5(__NR_mount, "devpts", "/dev/pts", "devpts", MS_NOSUID_NOEXEC,
		 "mode=620,ptmxmode=666");
	syscall2(__NR_mkdir, "/dev/shm", 01777);
	syscall5(__NR_mount, "tmpfs", "/dev/shm", "tmpfs", MS_NOSUID_NODEV, 0);
}

/* Which masked calls were tried: the dispatch keeps a line for each (dispatch.c). */
static void tell_masked(int file)
{
	char bytes[512];
	int at_line_start = 1;
	long got, i;

	while ((got = syscall3(__NR_read, file, bytes, sizeof(bytes))) > 0) {
		for (i = 0; i < got; i++) {
			if (at_line_start)
				tell("tried ");
			tell_char(bytes[i]);
			at_line_start = bytes[i] == '\n';
		}
	}
}

static _Noreturn void run_application(void)
{
	char **arguments = exec_strings.vector;
	long error;

	syscall0(__NR_setsid);
	take_stdio(process_user(), process_group());
	enter_process();
	use_ports(0);
	error = syscall3(__NR_execve, arguments[0], arguments + 1, environ_strings.vector);
	if (!is_root())
		syscall1(__NR_exit, error == -2 /* ENOENT */ ? 127 : 126); /* as a shell would */
	use_ports(1);
	fail("execve", error);
}

static unsigned int exit_status(int status)
{
	int signal = status & 0x7f;

	return signal ? 128 + signal : (status >> 8) & 0xff;
}

static _Noreturn void finish(int status)
{
	drain_stdio();
	unmount_attached();
	tell_masked(masked);
	tell_line("exit", exit_status(status));
	reset();
}

/* Takes leave of what has ended: of the application, and of what lost its parent. */
static void reap(int options)
{
	long ended;
	int status;

	while ((ended = syscall4(__NR_wait4, -1, &status, options, 0)) > 0) {
		if (ended == application)
			finish(status);
	}
}

static void on_child(int signal)
{
	(void)signal;
	reap(WNOHANG);
}

void restore(void); /* where a handler returns to */
asm("restore:\n"
    "	mov $15, %eax\n" /* rt_sigreturn */
    "	syscall\n");

/*
 * A word is a byte: the number of a signal for the application, or TERMINAL_SIZE, which rows and
 * columns follow, two bytes each, the lower one first. Returns at the end of the words.
 */
static void obey(long words)
{
	unsigned char word, size[4];
	long got, more;

	while (syscall3(__NR_read, words, &word, 1) == 1) {
		if (word <= SIGNALS)
			syscall2(__NR_kill, application, word);
		if (word != TERMINAL_SIZE)
			continue;
		for (got = 0; got < (long)sizeof(size); got += more) {
			more = syscall3(__NR_read, words, size + got, sizeof(size) - got);
			if (more <= 0)
				return;
		}
		set_terminal_size(size[0] | size[1] << 8, size[2] | size[3] << 8);
	}
}

static void watch_children(void)
{
	struct sigaction action = {
	    .sa_handler = on_child,
	    .sa_flags = SA_RESTORER | SA_RESTART | SA_NOCLDSTOP,
	    .sa_restorer = restore,
	};

	syscall4(__NR_rt_sigaction, SIGCHLD, &action, 0, sizeof(action.sa_mask));
	reap(WNOHANG); /* what ended before there was a handler */
}

/* STACK as the kernel lays it out: the number of arguments, they, NULL, and the environment. */
_Noreturn void init_main(long *stack)
{
	long words;

	use_ports(1);
	mount_all();
	set_up_machine();
	set_attributes();
	set_up_network();
	open_stdio((char **)(stack + stack[0] + 2));
	mount_attached();
	must_read_strings("/ukl/exec", &exec_strings);
	must_read_strings("/ukl/environ", &environ_strings);
	read_process();
	if (!exec_strings.vector[0] || !exec_strings.vector[1])
		fail("/ukl/exec", -22 /* EINVAL */);

	masked = syscall3(__NR_open, "/ukl/masked", O_RDONLY | O_CLOEXEC, 0);
	words = open_words();
	if (words >= 0)
		tell("streams\n");

	tell("start\n");
	application = syscall0(__NR_fork);
	if (application == 0)
		run_application();
	if (application < 0)
		fail("fork", application);
	if (words >= 0) {
		watch_children();
		obey(words);
	}
	for (;;)
		reap(0);
}

/* The kernel enters with RSP aligned to 16; a call makes it what a function expects. */
asm(".globl _start\n"
    "_start:\n"
    "	xor %ebp, %ebp\n"
    "	mov %rsp, %rdi\n"
    "	call init_main\n");
