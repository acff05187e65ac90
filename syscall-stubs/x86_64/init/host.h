/* SPDX-License-Identifier: MIT */
/*
 * What the parts of init share: system calls, and what is said to the host.
 *
 * Freestanding: no C library, no data but the stack. System calls per the x86-64 System V ABI,
 * A.2.1.
 */
#include <asm/unistd.h>

static inline long syscall6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return result;
}

#define syscall0(n) syscall6(n, 0, 0, 0, 0, 0, 0)
#define syscall1(n, a) syscall6(n, (long)(a), 0, 0, 0, 0, 0)
#define syscall2(n, a, b) syscall6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define syscall3(n, a, b, c) syscall6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define syscall4(n, a, b, c, d) syscall6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define syscall5(n, a, b, c, d, e)                                                                 \
	syscall6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

void tell_char(char c);
void tell(const char *text);
/* "WORD N" */
void tell_line(const char *word, unsigned long number);
/* The application gets no port that it did not ask for. */
void use_ports(int allowed);
_Noreturn void reset(void);
/* Says that WHAT failed, and with which negative errno, and ends the machine. */
_Noreturn void fail(const char *what, long error);
/* The same of one of several: "WHAT/INDEX". */
_Noreturn void fail_at(const char *what, long index, long error);
