/* SPDX-License-Identifier: MIT */
/*
 * Put in the place of a program's main, to learn when it is reached: writes the time stamp counter, eight bytes, to
 * stdout and ends. Under -icount the counter is the guest's time in nanoseconds.
 */
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	push	%rax
	mov	$1, %eax		/* write */
	mov	$1, %edi
	mov	%rsp, %rsi
	mov	$8, %edx
	syscall
	mov	$231, %eax		/* exit_group */
	xor	%edi, %edi
	syscall
