// SPDX-License-Identifier: MIT
/*
 * For LD_PRELOAD: QEMU's user network listens with room for one connection that it has not taken
 * yet, passt with room for 128, so of many that come at once some are reset or never heard. The
 * kernel's limit counts instead.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

#define LONGEST 4096

int listen(int fd, int backlog)
{
	return syscall(SYS_listen, fd, backlog < LONGEST ? LONGEST : backlog);
}
