/* SPDX-License-Identifier: MIT */
/* Functions without a main. */
#include <sys/socket.h>
#include <unistd.h>

int nobody(void);
int weak_nobody(void) __attribute__((weak));

__attribute__((constructor)) static void before(void) { getsid(0); }
static int plain(void) { return getegid(); }
static int fast(void) { return getppid(); }
static int (*choose(void))(void) { return getuid() ? fast : plain; }

int chosen(void) __attribute__((ifunc("choose")));
int library_open(void) { return socket(AF_UNIX, SOCK_STREAM, 0); }
__attribute__((weak, visibility("hidden"))) int hidden_weak(void) { return getpgrp(); }
int library_use(void) { return weak_nobody ? weak_nobody() : nobody(); }
/* Neither type nor size, as in much assembly. */
__asm__(".globl bare\nbare: mov $162, %eax\nsyscall\nret\n");
