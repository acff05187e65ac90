/* SPDX-License-Identifier: MIT */
/* Complains on the console and resets the machine without an exit status. */

        .section .note.pvh, "a", @note
        .balign 4
        .long   4, 4, 18                        /* name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .long   _start

        .text
        .code32
        .globl  _start
_start:
        mov     $stack_top, %esp
        mov     $panic, %esi
1:      lodsb
        test    %al, %al
        jz      2f
        call    transmit
        jmp     1b
2:
        lidt    no_idt                          /* no descriptor table: a triple fault */
        ud2

/* Sends AL over the UART once its transmitter is free (LSR bit 5). */
transmit:
        mov     %al, %ah
        mov     $0x3fd, %dx
1:      inb     %dx, %al
        test    $0x20, %al
        jz      1b
        mov     %ah, %al
        mov     $0x3f8, %dx
        outb    %al, %dx
        ret

panic:  .ascii  "Kernel panic - not syncing: out of ideas\r\n"
        .rept   30
        .ascii  " a line of the trace\r\n"
        .endr
        .byte   0

no_idt: .word   0
        .long   0

        .bss
        .skip   64
stack_top:

        .section .note.GNU-stack, "", @progbits
