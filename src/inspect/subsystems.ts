// SPDX-License-Identifier: MIT
/** System calls by the part of the kernel they are about, so that a list of a hundred names can be read. */

/** In the order of a report. Each call is in the group a reader would look for it in, and in that one only. */
const namesOf = {
  files: `
    open openat openat2 creat close close_range read write readv writev pread64 pwrite64 preadv pwritev preadv2
    pwritev2 lseek stat fstat lstat newfstatat statx access faccessat faccessat2 dup dup2 dup3 fcntl flock ioctl
    fsync fdatasync sync syncfs sync_file_range truncate ftruncate fallocate getdents getdents64 getcwd chdir fchdir
    rename renameat renameat2 mkdir mkdirat rmdir link linkat unlink unlinkat symlink symlinkat readlink readlinkat
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat umask utime utimes utimensat futimesat mknod mknodat
    statfs fstatfs ustat sysfs sendfile splice tee vmsplice copy_file_range readahead fadvise64 cachestat
    setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr
    lremovexattr fremovexattr name_to_handle_at open_by_handle_at lookup_dcookie io_setup io_destroy io_getevents
    io_submit io_cancel io_pgetevents io_uring_setup io_uring_enter io_uring_register mount umount2 pivot_root chroot
    open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr statmount listmount quotactl quotactl_fd
    nfsservctl`,
  memory: `
    brk mmap munmap mremap mprotect msync mincore madvise process_madvise mlock mlock2 munlock mlockall munlockall
    remap_file_pages mbind set_mempolicy get_mempolicy set_mempolicy_home_node migrate_pages move_pages memfd_create
    memfd_secret pkey_mprotect pkey_alloc pkey_free userfaultfd map_shadow_stack mseal process_mrelease swapon
    swapoff`,
  processes: `
    fork vfork clone clone3 execve execveat uselib exit exit_group wait4 waitid getpid getppid getpgrp getpgid setpgid
    getsid setsid prctl arch_prctl personality ptrace process_vm_readv process_vm_writev kcmp pidfd_open pidfd_getfd
    unshare setns seccomp modify_ldt vhangup acct`,
  "threads and futex": `
    gettid set_tid_address futex futex_wait futex_wake futex_requeue futex_waitv set_robust_list get_robust_list
    rseq membarrier getcpu set_thread_area get_thread_area sched_yield sched_setparam sched_getparam
    sched_setscheduler sched_getscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval
    sched_setaffinity sched_getaffinity sched_setattr sched_getattr`,
  signals: `
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_tgsigqueueinfo
    rt_sigsuspend sigaltstack pause kill tkill tgkill pidfd_send_signal signalfd signalfd4 restart_syscall`,
  time: `
    time gettimeofday settimeofday clock_gettime clock_settime clock_getres clock_nanosleep clock_adjtime adjtimex
    nanosleep times alarm getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete
    timerfd_create timerfd_settime timerfd_gettime`,
  network: `
    socket socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt
    sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg sethostname setdomainname`,
  "polling and events": `
    poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 epoll_ctl_old
    epoll_wait_old eventfd eventfd2 inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_init
    fanotify_mark`,
  IPC: `
    pipe pipe2 shmget shmat shmdt shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl mq_open mq_unlink
    mq_timedsend mq_timedreceive mq_notify mq_getsetattr getpmsg putpmsg`,
  "identity and limits": `
    getuid geteuid getgid getegid setuid setgid setreuid setregid setresuid getresuid setresgid getresgid setfsuid
    setfsgid getgroups setgroups capget capset getrlimit setrlimit prlimit64 getrusage getpriority setpriority
    ioprio_set ioprio_get add_key request_key keyctl landlock_create_ruleset landlock_add_rule
    landlock_restrict_self lsm_get_self_attr lsm_set_self_attr lsm_list_modules`,
  system: `
    uname sysinfo syslog reboot getrandom bpf perf_event_open uretprobe iopl ioperm init_module finit_module
    delete_module create_module get_kernel_syms query_module kexec_load kexec_file_load _sysctl afs_syscall tuxcall
    security vserver`,
} as const satisfies Record<string, string>;

export type Subsystem = keyof typeof namesOf;

/** In the order of a report. */
export const subsystems = Object.keys(namesOf) as readonly Subsystem[];

/** The group of each call of x86-64. */
export const subsystemOfSyscall: ReadonlyMap<string, Subsystem> = new Map(
  subsystems.flatMap((subsystem) =>
    namesOf[subsystem]
      .trim()
      .split(/\s+/)
      .map((name) => [name, subsystem] as const),
  ),
);
