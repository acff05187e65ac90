/* SPDX-License-Identifier: MIT */
/* Starts, says so on the console, and never ends. */

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
        mov     $started, %esi
        call    control
        mov     $waiting, %esi
1:      lodsb
        test    %al, %al
        jz      2f
        call    transmit
        jmp     1b
2:      hlt                                     /* interrupts are disabled: for good */
        jmp     2b

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

/* Writes the zero-terminated string at ESI to the control port. */
control:
        lodsb
        test    %al, %al
        jz      1f
        outb    %al, $0xe9
        jmp     control
1:      ret

started: .asciz "start\n"
waiting: .asciz "waiting\n"

        .bss
        .skip   64
stack_top:

        .section .note.GNU-stack, "", @progbits
