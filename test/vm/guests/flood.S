/* SPDX-License-Identifier: MIT */
/* Sends 1 MiB: byte i is (i ^ i >> 8 ^ i >> 16) & 255. */

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
        xor     %ebx, %ebx
1:      mov     %ebx, %eax
        shr     $8, %eax
        xor     %ebx, %eax
        mov     %ebx, %ecx
        shr     $16, %ecx
        xor     %ecx, %eax
        call    transmit
        inc     %ebx
        cmp     $0x100000, %ebx
        jb      1b
        mov     $ended, %esi
        call    control
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

/* Writes the zero-terminated string at ESI to the control port. */
control:
        lodsb
        test    %al, %al
        jz      1f
        outb    %al, $0xe9
        jmp     control
1:      ret

started: .asciz "start\n"
ended:  .asciz  "exit 0\n"

no_idt: .word   0
        .long   0

        .bss
        .skip   64
stack_top:

        .section .note.GNU-stack, "", @progbits
