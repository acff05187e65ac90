# SPDX-License-Identifier: MIT
#
# ukl_syscall for programs that run in ring 3: the same interface as the kernel's own entry of that name,
# by the SYSCALL instruction. Number in RAX, arguments in RDI RSI RDX R10 R8 R9, result in RAX; RCX and
# R11 are lost (x86-64 System V ABI, A.2.1).

	.text
	.globl	ukl_syscall
	.type	ukl_syscall, @function
ukl_syscall:
	syscall
	ret
	.size	ukl_syscall, . - ukl_syscall
	.section .note.GNU-stack, "", @progbits
