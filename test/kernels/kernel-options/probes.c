// SPDX-License-Identifier: MIT
/*
 * Uses what each kernel option of kernel/config/needs.json gives, and tells which of it is there.
 *
 * Compiled as it is, it prints a line "OPTION yes" or "OPTION no" for each. Compiled with
 * -DONLY=OPTION it uses that one facility and nothing else, so that what an inspection finds in it
 * can be compared with the row of the table. Neither the start of the program nor its output needs
 * any option but BINFMT_ELF: it is linked with musl.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Younger than the C library: arch/x86/entry/syscalls/syscall_64.tbl */
#define NR_RSEQ 334
#define NR_MEMFD_SECRET 447
#define NR_CACHESTAT 451
#define NR_LSM_LIST_MODULES 461

/* Each is a function that returns whether the facility works. */
#define PROBE(option) static __attribute__((unused)) int probe_##option(void)

/* The call is there, even if it does not like its arguments. */
static __attribute__((unused)) int exists(long result)
{
	return result >= 0 || errno != ENOSYS;
}

static __attribute__((unused)) int opens(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

PROBE(X86_VSYSCALL_EMULATION)
{
	int child = fork(), status;

	/* arch/x86/include/uapi/asm/vsyscall.h: time() */
	if (child == 0)
		_exit(((long (*)(long *))0xffffffffff600400)(0) <= 0);
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* clang-format off */
PROBE(EPOLL) { return epoll_create1(0) >= 0; }
PROBE(EVENTFD) { return eventfd(0, 0) >= 0; }
PROBE(INOTIFY_USER) { return inotify_init1(0) >= 0; }
PROBE(FANOTIFY) { return syscall(SYS_fanotify_init, FAN_CLASS_CONTENT, O_RDONLY) >= 0; }
PROBE(TIMERFD) { return timerfd_create(CLOCK_MONOTONIC, 0) >= 0; }
PROBE(MEMBARRIER) { return syscall(SYS_membarrier, 0, 0, 0) >= 0; }
PROBE(KEYS) { return syscall(SYS_keyctl, 0, -2, 1) > 0; }
PROBE(SECURITY) { return exists(syscall(NR_LSM_LIST_MODULES, 0, 0, 0)); }
PROBE(SECURITY_LANDLOCK) { return syscall(SYS_landlock_create_ruleset, 0, 0, 1) > 0; }
PROBE(USERFAULTFD) { return syscall(SYS_userfaultfd, 0) >= 0; }
PROBE(SECRETMEM) { return syscall(NR_MEMFD_SECRET, 0) >= 0; }
PROBE(X86_INTEL_MEMORY_PROTECTION_KEYS) { return exists(syscall(SYS_pkey_alloc, 0, 0)); }
PROBE(SYSFS_SYSCALL) { return syscall(SYS_sysfs, 3) > 0; }
PROBE(CACHESTAT_SYSCALL) { return exists(syscall(NR_CACHESTAT, -1, 0, 0, 0)); }
PROBE(BLOCK) { return syscall(SYS_ioprio_get, 1, 0) >= 0; }
PROBE(SWAP) { return exists(syscall(SYS_swapoff, "/none")); }
PROBE(QUOTA) { return exists(syscall(SYS_quotactl, 0x80000100, 0, 0, 0)); }
PROBE(BSD_PROCESS_ACCT) { return syscall(SYS_acct, 0) == 0; }
PROBE(NUMA) { return syscall(SYS_get_mempolicy, 0, 0, 0, 0, 0) == 0; }
PROBE(KEXEC) { return syscall(SYS_kexec_load, 0, 0, 0, 0) == 0; }
PROBE(KEXEC_FILE) { return exists(syscall(SYS_kexec_file_load, -1, -1, 0, 0, 0)); }
PROBE(NAMESPACES) { return unshare(CLONE_NEWUTS) == 0; }
PROBE(PROC_FS) { return opens("/proc/self/stat", O_RDONLY); }
PROBE(PROC_SYSCTL) { return opens("/proc/sys/kernel/ostype", O_RDONLY); }
PROBE(PROC_PAGE_MONITOR) { return opens("/proc/self/smaps", O_RDONLY); }
PROBE(TASK_IO_ACCOUNTING) { return opens("/proc/self/io", O_RDONLY); }
PROBE(SYSFS) { return opens("/sys/kernel", O_RDONLY); }
PROBE(DEVTMPFS) { return opens("/dev/kmsg", O_RDONLY); }
PROBE(UNIX98_PTYS) { return opens("/dev/ptmx", O_RDWR | O_NOCTTY); }
PROBE(TMPFS) { return syscall(SYS_memfd_create, "probe", 0) >= 0; }
PROBE(NET) { return socket(AF_NETLINK, SOCK_RAW, 0) >= 0; }
PROBE(IPV6) { return socket(AF_INET6, SOCK_DGRAM, 0) >= 0; }
PROBE(PACKET) { return socket(AF_PACKET, SOCK_RAW, 0) >= 0; }
/* clang-format on */

PROBE(SMP)
{
	cpu_set_t cpus;
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(0);
	CPU_ZERO(&cpus);
	return waitpid(child, &status, 0) == child &&
	       sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) >= 2;
}

/* FUTEX_WAKE, and FUTEX_LOCK_PI of a lock that nobody has. */
PROBE(FUTEX)
{
	int word = 0;

	return syscall(SYS_futex, &word, 1, 1, 0) == 0 && syscall(SYS_futex, &word, 6, 0, 0) == 0 &&
	       syscall(SYS_futex, &word, 7, 0, 0) == 0;
}

PROBE(RSEQ)
{
	static char area[32] __attribute__((aligned(32)));

	return syscall(NR_RSEQ, area, sizeof(area), 0, 0x53053053) == 0 &&
	       syscall(NR_RSEQ, area, sizeof(area), 1, 0x53053053) == 0;
}

/* A script is known as one: what is missing is its interpreter. */
PROBE(BINFMT_SCRIPT)
{
	static const char script[] = "#!/none\n";
	char *const nothing[] = {0};
	int fd = open("/tmp/script", O_WRONLY | O_CREAT, 0755);

	if (fd < 0 || write(fd, script, sizeof(script) - 1) < 0)
		return 0;
	close(fd);
	execve("/tmp/script", nothing, nothing);
	return errno == ENOENT;
}

PROBE(MULTIUSER)
{
	struct stat status;
	int fd = open("/tmp/owned", O_WRONLY | O_CREAT, 0644);

	return fchown(fd, 5, 6) == 0 && fstat(fd, &status) == 0 && status.st_uid == 5 &&
	       syscall(SYS_setresgid, -1, 7, -1) == 0 && getegid() == 7 &&
	       syscall(SYS_setresgid, -1, 0, -1) == 0;
}

PROBE(POSIX_TIMERS)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	struct timespec used;
	int timer;

	return syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0 &&
	       clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0;
}

/* Timers are as exact as the clock, a nanosecond, from when its rate is checked: up to seconds
 * after the start. */
PROBE(HIGH_RES_TIMERS)
{
	struct timespec pause = {0, 100000000};
	struct timespec resolution;

	for (int tries = 0; tries < 50; tries++) {
		if (clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_nsec == 1)
			return 1;
		nanosleep(&pause, 0);
	}
	return 0;
}

PROBE(SIGNALFD)
{
	sigset_t signals;

	sigemptyset(&signals);
	return signalfd(-1, &signals, 0) >= 0;
}

PROBE(AIO)
{
	unsigned long context = 0;

	return syscall(SYS_io_setup, 1, &context) == 0;
}

PROBE(IO_URING)
{
	char parameters[120] = {0};

	return syscall(SYS_io_uring_setup, 1, parameters) >= 0;
}

/* Memory that is given back is clear when it is used again. */
PROBE(ADVISE_SYSCALLS)
{
	char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*page = 1;
	return madvise(page, 4096, MADV_DONTNEED) == 0 && *(volatile char *)page == 0;
}

PROBE(SYSVIPC)
{
	return shmget(IPC_PRIVATE, 4096, 0600) >= 0 && msgget(IPC_PRIVATE, 0600) >= 0 &&
	       semget(IPC_PRIVATE, 1, 0600) >= 0;
}

PROBE(POSIX_MQUEUE)
{
	return mq_open("/probe", O_RDWR | O_CREAT, 0600, 0) >= 0;
}

PROBE(FILE_LOCKING)
{
	struct flock lock = {.l_type = F_WRLCK};
	int fd = open("/tmp/locked", O_RDWR | O_CREAT, 0644);

	return flock(fd, LOCK_EX) == 0 && fcntl(fd, F_SETLK, &lock) == 0;
}

PROBE(DNOTIFY)
{
	return fcntl(open("/", O_RDONLY | O_DIRECTORY), F_NOTIFY, DN_CREATE) == 0;
}

PROBE(CROSS_MEMORY_ATTACH)
{
	char from = 'x', to = 0;
	struct iovec local = {&to, 1}, remote = {&from, 1};

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1 && to == 'x';
}

/* The kernel says so of a child that left one. */
PROBE(COREDUMP)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	pid_t child;
	int status;

	setrlimit(RLIMIT_CORE, &limit);
	child = fork();
	if (child == 0) {
		if (chdir("/tmp") == 0)
			raise(SIGQUIT);
		_exit(0);
	}
	return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WCOREDUMP(status);
}

/* A datagram to ourselves, after the loopback interface is up. */
/* Its driver is there, even where no card is. */
PROBE(VIRTIO_NET)
{
	return socket(AF_INET, SOCK_DGRAM, 0) >= 0 &&
	       opens("/sys/bus/virtio/drivers/virtio_net", O_RDONLY);
}

PROBE(INET)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct ifreq interface = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char got = 0;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &interface) == 0 &&
	       bind(fd, (void *)&address, size) == 0 &&
	       getsockname(fd, (void *)&address, &size) == 0 &&
	       sendto(fd, "x", 1, 0, (void *)&address, size) == 1 && recv(fd, &got, 1, 0) == 1 &&
	       got == 'x';
}

PROBE(UNIX)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0;
}

PROBE(FHANDLE)
{
	unsigned int handle[2 + 32] = {128};
	int mount;

	return exists(syscall(SYS_name_to_handle_at, AT_FDCWD, "/", handle, &mount, 0));
}

PROBE(KCMP)
{
	pid_t self = getpid();

	return syscall(SYS_kcmp, self, self, 0, 0, 0) == 0;
}

/* SECCOMP_GET_ACTION_AVAIL of SECCOMP_RET_ALLOW, which only filters have. */
PROBE(SECCOMP)
{
	unsigned int action = 0x7fff0000;

	return syscall(SYS_seccomp, 2, 0, &action) == 0;
}

PROBE(MODIFY_LDT_SYSCALL)
{
	char table[64];

	return syscall(SYS_modify_ldt, 0, table, sizeof(table)) >= 0;
}

/* BPF_MAP_CREATE: an array of one word. */
PROBE(BPF_SYSCALL)
{
	unsigned int attributes[32] = {2, 4, 4, 1};

	return syscall(SYS_bpf, 0, attributes, sizeof(attributes)) >= 0;
}

#define TEXT_OF(name) #name
#define ROW_OF(option)                                                                             \
	{                                                                                          \
		TEXT_OF(option), probe_##option                                                    \
	}
#define ROW(option) ROW_OF(option)

static const struct {
	const char *option;
	int (*works)(void);
} probes[] = {
#ifdef ONLY
    ROW(ONLY),
#else
    /* What leaves the process changed comes last. */
    ROW(ADVISE_SYSCALLS),
    ROW(AIO),
    ROW(BINFMT_SCRIPT),
    ROW(BLOCK),
    ROW(BPF_SYSCALL),
    ROW(BSD_PROCESS_ACCT),
    ROW(CACHESTAT_SYSCALL),
    ROW(COREDUMP),
    ROW(CROSS_MEMORY_ATTACH),
    ROW(DEVTMPFS),
    ROW(X86_VSYSCALL_EMULATION),
    ROW(DNOTIFY),
    ROW(EPOLL),
    ROW(EVENTFD),
    ROW(FANOTIFY),
    ROW(FHANDLE),
    ROW(FILE_LOCKING),
    ROW(FUTEX),
    ROW(HIGH_RES_TIMERS),
    ROW(INET),
    ROW(INOTIFY_USER),
    ROW(IO_URING),
    ROW(IPV6),
    ROW(KCMP),
    ROW(KEXEC),
    ROW(KEXEC_FILE),
    ROW(KEYS),
    ROW(MEMBARRIER),
    ROW(MODIFY_LDT_SYSCALL),
    ROW(MULTIUSER),
    ROW(NET),
    ROW(NUMA),
    ROW(PACKET),
    ROW(POSIX_MQUEUE),
    ROW(POSIX_TIMERS),
    ROW(PROC_FS),
    ROW(PROC_PAGE_MONITOR),
    ROW(PROC_SYSCTL),
    ROW(QUOTA),
    ROW(RSEQ),
    ROW(SECCOMP),
    ROW(SECRETMEM),
    ROW(SECURITY),
    ROW(SECURITY_LANDLOCK),
    ROW(SIGNALFD),
    ROW(SMP),
    ROW(SWAP),
    ROW(SYSFS),
    ROW(SYSFS_SYSCALL),
    ROW(SYSVIPC),
    ROW(TASK_IO_ACCOUNTING),
    ROW(TIMERFD),
    ROW(TMPFS),
    ROW(UNIX),
    ROW(UNIX98_PTYS),
    ROW(USERFAULTFD),
    ROW(VIRTIO_NET),
    ROW(X86_INTEL_MEMORY_PROTECTION_KEYS),
    ROW(NAMESPACES),
#endif
};

int main(void)
{
	for (size_t i = 0; i < sizeof(probes) / sizeof(*probes); i++)
		printf("%s %s\n", probes[i].option, probes[i].works() ? "yes" : "no");
	return 0;
}
