# SPDX-License-Identifier: GPL-2.0-only
#
# What bound system call sites call: a table and the stubs that it names, one for each number, in pages that the kernel
# maps at a fixed address for both rings (arch/x86/kernel/unikernel.c, in kernel/patches).
#
# A site has `call *slot` in place of the instruction that loads the number and of SYSCALL, and perhaps of the
# comparison behind it, for which the flags are those of comparing the result with -4096. RCX and R11 are lost, as with
# SYSCALL; the flags are too.
#
# Each stub begins with taking the return address off the stack, so that the stack is as the site has it. In ring 0 it
# goes on to ukl_call with the kernel's own function or a shortcut, to ukl_call_number, which needs no frame, or to
# ukl_call_any, where the number decides. In ring 3 it makes the system call. The kernel takes an address that
# stub_bytes divides for the beginning of a stub, so no other instruction has one.
#
# This is a template: the holes, names between two @, are filled by src/stubs/render.ts.

	.set pages, 0xffffffffff7fc000		# fix_to_virt(FIX_UKL_CALLS_FIRST)
	.set stub_bytes, 32			# UKL_STUB_BYTES

	.section .rodata.ukl_calls, "a", @progbits
	.balign 4096
	.globl ukl_calls_start, ukl_calls_end

# A jump from where this runs to where the kernel is.
.macro jump_to_kernel target
	.byte 0xe9
	.reloc ., R_X86_64_32S, \target - (pages + 9f - ukl_calls_start)
	.long 0
9:
.endm

# What every system call of a known number begins with.
.macro begin number
	.balign stub_bytes, 0xcc
stub_\number:
	popq %rcx
	movl $\number, %eax
	movl %cs, %r11d
	testb $3, %r11b
	{disp32} jnz ring3
.endm

# A system call by its kernel function.
.macro call_function number, function
	begin \number
	movq $\function, %r11
	jump_to_kernel ukl_call
.endm

# One that tells a number of the caller's.
.macro tell_number number, function
	begin \number
	movq $\function, %r11
	jump_to_kernel ukl_call_number
.endm

# One that the dispatch decides, or of which the whole frame is needed.
.macro call_any number
	begin \number
	jump_to_kernel ukl_call_any
.endm

# One whose number is in a word of the stack, so many bytes above what RSP is at the site.
.macro call_word distance
	.balign stub_bytes, 0xcc
stub_word_\distance:
	popq %rcx
	movq \distance(%rsp), %rax
	jmp any_number
.endm

# A shortcut for a number that is in RAX, and else what follows.
.macro choose number, function
	cmpq $\number, %rax
	{disp32} jne 8f
	movq $\function, %r11
	jump_to_kernel ukl_call
	.balign stub_bytes, 0xcc
	.byte 0xcc
8:
.endm

.macro slot name
	.quad pages + stub_\name - ukl_calls_start
.endm

ukl_calls_start:
ring3:
	pushq %rcx
	syscall
	cmpq $-4096, %rax
	ret

	.balign stub_bytes, 0xcc
	.quad pages + stub_any - ukl_calls_start
@SLOTS@

	# The number is in RAX.
	.balign stub_bytes, 0xcc
stub_any:
	popq %rcx
any_number:
	movl %cs, %r11d
	testb $3, %r11b
	{disp32} jnz ring3
	jmp chosen
	.balign stub_bytes, 0xcc
	.byte 0xcc
chosen:
@CHOICES@
	jump_to_kernel ukl_call_any
@STUBS@

	.balign 4096, 0xcc
ukl_calls_end:

	.section .note.GNU-stack, "", @progbits
