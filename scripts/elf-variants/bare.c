// SPDX-License-Identifier: MIT
/** The same without a C library, so that nothing but the kernel looks at the file. */
static char zeros[20000];
static volatile int data = 7;

static long call(long number, long first, long second, long third)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(first), "S"(second), "d"(third)
			 : "rcx", "r11", "memory");
	return result;
}

__attribute__((force_align_arg_pointer)) void _start(void)
{
	for (unsigned long at = 0; at < sizeof zeros; at++)
		if (*(volatile char *)(zeros + at) != 0)
			call(60, 90, 0, 0);
	zeros[12345] = 1;
	call(1, 1, (long)"started\n", 8);
	call(60, data, 0, 0);
}
