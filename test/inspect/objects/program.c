/* SPDX-License-Identifier: MIT */
/* What a linker has to do for a program: each of its calls is made through another thing that it resolves. */
#define _GNU_SOURCE
#include <stdint.h>
#include <sched.h>
#include <sys/types.h>
#include <unistd.h>

/* Of a group that two objects have the program gets one. */
__asm__(".section .text.shared,\"axG\",@progbits,shared,comdat\n.weak shared\n"
        "shared: mov $186, %eax\nsyscall\nret\n.previous");

typedef long (*operation)(void);

/* A tentative definition, which another object has with a value. */
operation tentative;
/* Weak here, strong in the archive. */
__attribute__((weak)) long overridden(void) { return getpgrp(); }
/* Weak and nowhere. */
extern long absent(void) __attribute__((weak));
/* Wants a member of the archive, which wants another one. */
long from_archive(void);

static long initialise(void) { return getsid(0); }
__attribute__((constructor)) static void before_main(void) { initialise(); }
__attribute__((destructor)) static void after_main(void) { sched_yield(); }

/* A set of pointers, which is walked from its start to its stop. The second one has a name of its own too. */
static long first(void) { return getuid(); }
static long second(void) { return geteuid(); }
static long third(void) { return getgid(); }
#define IN_SET __attribute__((used, section("operations")))
static const operation first_in_set IN_SET = first;
static const operation second_in_set IN_SET = second;
static const operation third_in_set IN_SET = third;
extern const operation __start_operations[], __stop_operations[];

/* Chosen at start. */
static long plain(void) { return getegid(); }
static long fast(void) { return getppid(); }
static operation choose(void) { return getpagesize() > 1 ? fast : plain; }
long chosen(void) __attribute__((ifunc("choose")));

/* A distance instead of a pointer. */
long distant(void) { return setsid(); }
__asm__(".section .rodata.distance,\"a\"\n.globl distance\ndistance: .long distant - .\n.previous");
extern const int32_t distance;

long shared(void);

int main(void) {
  long sum = shared() + overridden() + from_archive() + chosen();
  if (absent) sum += absent();
  if (tentative) sum += tentative();
  for (const operation *each = __start_operations; each < __stop_operations; each++) sum += (*each)();
  sum += second_in_set();
  sum += ((operation)((uintptr_t)&distance + distance))();
  return sum == 0;
}
