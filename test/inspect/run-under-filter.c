// SPDX-License-Identifier: MIT
// Executes a program under a seccomp filter, as a container runtime does after its own preparations.
// allowed.h is written by the test from a profile: `ALLOW(name)` for each name, and ERRNO_OF_REFUSED_CALL.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALLOW(name)                                                                                          \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),

static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#include "allowed.h"
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ERRNO_OF_REFUSED_CALL),
};

int main(int argc, char **argv) {
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
    return 125;
  execv(argv[1], argv + 1);
  // exit_group is refused where the profile leaves it out, and exit with it.
  __builtin_trap();
}
