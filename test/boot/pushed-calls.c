// SPDX-License-Identifier: MIT
/*
 * Calls as glibc 2.41 makes those that can be cancelled: all through one function, to which the
 * number comes on the stack. Linked with a program, these take the place of the C library's own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

long pushed_call(long a, long b, long c, long d, long e, long f, long number);

__asm__(".text\n"
	".globl pushed_call\n"
	".type pushed_call, @function\n"
	"pushed_call:\n"
	"	.cfi_startproc\n"
	"	push	%rbx\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset rbx, -16\n"
	"	mov	%rcx, %r10\n"
	"	mov	0x10(%rsp), %rax\n"
	"	syscall\n"
	"	pop	%rbx\n"
	"	.cfi_def_cfa_offset 8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	"	.size pushed_call, .-pushed_call\n");

static long result(long value)
{
	if (value >= 0 || value < -4095)
		return value;
	errno = (int)-value;
	return -1;
}

ssize_t read(int fd, void *to, size_t size)
{
	return result(pushed_call(fd, (long)to, (long)size, 0, 0, 0, SYS_read));
}

ssize_t write(int fd, const void *from, size_t size)
{
	return result(pushed_call(fd, (long)from, (long)size, 0, 0, 0, SYS_write));
}

ssize_t recv(int fd, void *to, size_t size, int flags)
{
	return result(pushed_call(fd, (long)to, (long)size, flags, 0, 0, SYS_recvfrom));
}

ssize_t send(int fd, const void *from, size_t size, int flags)
{
	return result(pushed_call(fd, (long)from, (long)size, flags, 0, 0, SYS_sendto));
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout_ms)
{
	return (int)result(pushed_call(fd, (long)events, most, timeout_ms, 0, 0, SYS_epoll_wait));
}

int usleep(useconds_t time_us)
{
	struct {
		long seconds, nanoseconds;
	} time = {time_us / 1000000, time_us % 1000000 * 1000};

	return (int)result(pushed_call((long)&time, 0, 0, 0, 0, 0, SYS_nanosleep));
}
