/* SPDX-License-Identifier: MIT */
/* Echoes its input, an end-of-file byte as "^", and ends with status 7 where a terminal would report end of file. */

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
        xor     %ebx, %ebx                      /* bytes in the current line */
next:   mov     $0x3fd, %dx
1:      inb     %dx, %al                        /* wait for a byte: LSR bit 0 */
        test    $0x01, %al
        jz      1b
        mov     $0x3f8, %dx
        inb     %dx, %al
        cmp     $0x04, %al
        je      eof
        inc     %ebx
        cmp     $'\n', %al
        jne     2f
        xor     %ebx, %ebx
2:      call    transmit
        jmp     next
eof:    mov     $'^', %al
        call    transmit
        test    %ebx, %ebx
        mov     $0, %ebx
        jnz     next                            /* it only delivered an unfinished line */
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
ended:  .asciz  "exit 7\n"

no_idt: .word   0
        .long   0

        .bss
        .skip   64
stack_top:

        .section .note.GNU-stack, "", @progbits
