// SPDX-License-Identifier: MIT
/*
 * System calls that a tracer looks at and changes, and that a filter refuses.
 * Prints the same lines wherever it runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHANGED 4242
#define STOP_OF_CALL (SIGTRAP | 0x80)

static int null_file;

/* What the traced child calls: by numbers that tell something, and one with arguments. */
static int traced(pid_t parent)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	if (getppid() != parent || getuid() != geteuid())
		return 1;
	if (getpid() != CHANGED)
		return 2;
	if (write(null_file, "abc", 3) != 3)
		return 3;
	return getpgid(0) > 0 ? 0 : 4;
}

static void tell(const struct user_regs_struct *registers, int is_end)
{
	long number = registers->orig_rax;

	switch (number) {
	case SYS_getpid:
	case SYS_getppid:
	case SYS_getuid:
		printf("call %ld %s\n", number, is_end ? "ends" : "begins");
		break;
	case SYS_write:
		printf("write of %ld bytes, result %ld\n", (long)registers->rdx,
		       is_end ? (long)registers->rax : 0);
		break;
	case SYS_getpgid:
		printf("call %ld of %ld %s\n", number, (long)registers->rdi,
		       is_end ? "ends" : "begins");
		break;
	}
}

static void trace(void)
{
	pid_t parent = getpid(), child;
	struct user_regs_struct registers;
	int status, is_end = 1;

	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(traced(parent));
	waitpid(child, &status, 0);
	printf("stopped %d\n", WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	while (ptrace(PTRACE_SYSCALL, child, 0, 0) == 0 && waitpid(child, &status, 0) == child) {
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != STOP_OF_CALL)
			break;
		is_end = !is_end;
		ptrace(PTRACE_GETREGS, child, 0, &registers);
		tell(&registers, is_end);
		if (!is_end || registers.orig_rax != SYS_getpid)
			continue;
		registers.rax = CHANGED;
		ptrace(PTRACE_SETREGS, child, 0, &registers);
	}
	printf("exit status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* In a child, since a filter stays. */
static int filtered(void)
{
	struct sock_filter steps[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(steps) / sizeof(*steps), steps};
	char byte;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 9;
	ssize_t result = read(null_file, &byte, 1);

	printf("filtered read %zd %s\n", result, strerrorname_np(errno));
	printf("filtered getppid %d\n", getppid());
	printf("other calls %d\n", getpid() > 1 && getuid() == geteuid());
	fflush(stdout);
	return 0;
}

int main(void)
{
	int status = -1;
	int ends[2];

	pipe(ends);
	null_file = ends[1];
	trace();
	fflush(stdout);
	if (fork() == 0)
		_exit(filtered());
	wait(&status);
	printf("filtered %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return 0;
}
