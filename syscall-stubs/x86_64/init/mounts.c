// SPDX-License-Identifier: MIT
/*
 * The file systems that outlive the machine: disks, and directories of the host.
 *
 * /ukl/mounts is written by `ukl run` into the initrd (src/vm/attachments.ts). It holds strings,
 * each ended by NUL, five to a mount: type, source, target, `ro` or `rw`, options of the file
 * system. The order is that of mounting.
 *
 * No such mount honours set-user-ID, and with it the sticky bit of program files: what lies on a
 * disk or on the host does not give ring 0.
 */
#include <asm/signal.h>
#include <linux/mount.h>
#include "host.h"
#include "mounts.h"
#include "strings.h"

#define ENOENT 2
#define EINVAL 22

struct attachment {
	char *type, *source, *target, *access, *options;
};

#define FIELDS (sizeof(struct attachment) / sizeof(char *))

static struct strings mount_strings;
static long attachments;

static struct attachment *attachment(long index)
{
	return (struct attachment *)mount_strings.vector + index;
}

/* A mount point is made with the directories above it; what is there stays as it is. */
static void make_directories(char *path)
{
	char *end;

	for (end = path + 1; *end; end++) {
		if (*end != '/')
			continue;
		*end = '\0';
		syscall2(__NR_mkdir, path, 0755);
		*end = '/';
	}
	syscall2(__NR_mkdir, path, 0755);
}

static long mount_one(struct attachment *it)
{
	long flags = MS_NOSUID | MS_NODEV;

	if (it->access[1] == 'o')
		flags |= MS_RDONLY;
	make_directories(it->target);
	return syscall5(__NR_mount, it->source, it->target, it->type, flags, it->options);
}

void mount_attached(void)
{
	long count = read_strings("/ukl/mounts", &mount_strings);
	long error;

	if (count == -ENOENT)
		return; /* nothing is attached */
	if (count < 0)
		fail("/ukl/mounts", count);
	if (count % FIELDS != 0)
		fail("/ukl/mounts", -EINVAL);
	for (; attachments < count / (long)FIELDS; attachments++) {
		error = mount_one(attachment(attachments));
		if (error < 0)
			fail_at("mount", attachments, error);
	}
}

/*
 * Not inlined, and so is the next: in a loop the compiler would load the call's number once in
 * front of it, where the inspection of init by the tests does not find it.
 */
static __attribute__((noinline)) long wait_for_any(void)
{
	return syscall4(__NR_wait4, -1, 0, 0, 0);
}

/* What is still in use is at least as good as unmounted: written, and marked as clean. */
static __attribute__((noinline)) void unmount_one(struct attachment *it)
{
	if (syscall2(__NR_umount2, it->target, 0) < 0)
		syscall5(__NR_mount, 0, it->target, 0, MS_REMOUNT | MS_RDONLY, 0);
}

void unmount_attached(void)
{
	if (attachments == 0)
		return;
	syscall2(__NR_kill, -1, SIGKILL);
	while (wait_for_any() > 0)
		;
	while (attachments > 0)
		unmount_one(attachment(--attachments));
}
