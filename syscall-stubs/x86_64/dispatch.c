// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system call dispatch of an image, which a kernel with CONFIG_UNIKERNEL_LINUX leaves open.
 *
 * The calls come from the kernel's own generated table, entries of the form
 *   __SYSCALL(number, name) and __SYSCALL_NORETURN(number, name),
 * and each name is a function that takes the caller's registers and returns what goes into RAX.
 */
struct pt_regs;

#define __SYSCALL_NORETURN(number, name) __SYSCALL(number, name)

#define __SYSCALL(number, name) long __x64_##name(const struct pt_regs *regs);
#include <syscalls_64.h>
#undef __SYSCALL

long __x64_sys_ni_syscall(const struct pt_regs *regs);
long x64_sys_call(const struct pt_regs *regs, unsigned int number);

#define __SYSCALL(number, name)                                                                    \
	case number:                                                                               \
		return __x64_##name(regs);

long x64_sys_call(const struct pt_regs *regs, unsigned int number)
{
	switch (number) {
#include <syscalls_64.h>
	default:
		return __x64_sys_ni_syscall(regs);
	}
}
