/* SPDX-License-Identifier: MIT */
/* The member of an archive that program.c wants. */
#include <unistd.h>

/* Of a group that two objects have the program gets one. */
__asm__(".section .text.shared,\"axG\",@progbits,shared,comdat\n.weak shared\n"
        "shared: mov $186, %eax\nsyscall\nret\n.previous");

long wanted_by_member(void);
static long run(void) { return alarm(0); }

long (*tentative)(void) = run;
long overridden(void) { return nice(0); }
long from_archive(void) { return wanted_by_member(); }
