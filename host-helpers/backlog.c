// SPDX-License-Identifier: MIT
/*
 * For LD_PRELOAD, for patience as the host's kernel has it with the clients of a listener.
 *
 * QEMU's user network listens with room for one connection that it has not taken yet, passt with
 * room for 128, so of many that come at once some are reset or never heard. The kernel's limit
 * counts instead.
 *
 * passt resets a client whose SYN the guest has not answered after ten seconds. The kernel tries
 * for 127, which a listener with a full backlog may need. passt uses that time for nothing else.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LONGEST 4096
#define PASST_SYN_SECONDS 10
#define KERNEL_SYN_SECONDS 127 /* tcp(7), tcp_syn_retries */

int listen(int fd, int backlog)
{
	return syscall(SYS_listen, fd, backlog < LONGEST ? LONGEST : backlog);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	struct itimerspec longer = *new;

	if (!flags && new->it_value.tv_sec == PASST_SYN_SECONDS && !new->it_value.tv_nsec)
		longer.it_value.tv_sec = KERNEL_SYN_SECONDS;
	return syscall(SYS_timerfd_settime, fd, flags, &longer, old);
}
