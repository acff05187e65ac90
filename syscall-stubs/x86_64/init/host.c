// SPDX-License-Identifier: MIT
/* The way to the host: a port that takes text, and one that ends the machine. */
#include <linux/reboot.h>
#include "host.h"

#define CONTROL_PORT 0xe9
#define POWER_PORT 0xf4

static void outb(unsigned char value, unsigned short port)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

void tell_char(char c)
{
	outb(c, CONTROL_PORT);
}

void tell(const char *text)
{
	while (*text)
		tell_char(*text++);
}

static void tell_number(unsigned long number)
{
	if (number >= 10)
		tell_number(number / 10);
	tell_char('0' + number % 10);
}

void tell_line(const char *word, unsigned long number)
{
	tell(word);
	tell_char(' ');
	tell_number(number);
	tell_char('\n');
}

void use_ports(int allowed)
{
	syscall3(__NR_ioperm, CONTROL_PORT, 1, allowed);
	syscall3(__NR_ioperm, POWER_PORT, 1, allowed);
}

_Noreturn void reset(void)
{
	syscall0(__NR_sync);
	outb(0, POWER_PORT);
	syscall4(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART,
		 0);
	for (;;)
		syscall0(__NR_pause);
}

_Noreturn void fail(const char *what, long error)
{
	tell("error ");
	tell_line(what, -error);
	reset();
}

_Noreturn void fail_at(const char *what, long index, long error)
{
	tell("error ");
	tell(what);
	tell_char('/');
	tell_number(index);
	tell_line("", -error);
	reset();
}
