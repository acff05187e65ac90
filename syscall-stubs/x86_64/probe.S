/* SPDX-License-Identifier: MIT */
/*
 * The probe guest: the smallest program that tells whether an accelerator really runs a 64-bit kernel, and
 * at which rate the guest's time stamp counter runs.
 *
 * It enters over PVH, switches to long mode as a kernel does, executes a long stretch of plain instructions,
 * then reads the TSC and the 8254 timer (PIT) around a few windows and writes a control line `tsc_khz N` for
 * each. It ends like any guest: `exit 0`, then a reset. It judges nothing: the host sets the time limit and
 * takes the median.
 *
 * The stretch matters. There are KVMs without hardware virtualisation that run 32-bit guests well but emulate
 * each instruction of a 64-bit kernel, a million a second: everything works there, and no kernel ever boots.
 *
 * Entry state, from the PVH boot ABI (Xen: docs/misc/pvh.pandoc): 32-bit protected mode, paging off, flat
 * segments, EFLAGS.IF clear, no stack. Interrupts stay disabled throughout.
 */

        .set    XEN_ELFNOTE_PHYS32_ENTRY, 18    /* Xen: public/elfnote.h */

        .set    CONTROL_PORT, 0xe9              /* src/vm/guest-contract.ts */

        .set    PIT_COUNTER0, 0x40              /* Intel 8254: ports and control words */
        .set    PIT_MODE, 0x43
        .set    PIT_HZ, 1193182
        .set    PIT_COUNTER0_RATE, 0x34         /* counter 0, low byte then high, mode 2, binary */
        .set    PIT_COUNTER0_LATCH, 0x00        /* freeze counter 0 for the next two reads */

        .set    CR0_PE, 1 << 0                  /* Intel SDM vol. 3, 2.5 */
        .set    CR0_PG, 1 << 31
        .set    CR4_PAE, 1 << 5
        .set    MSR_EFER, 0xc0000080
        .set    EFER_LME, 1 << 8
        .set    PAGE_TABLE, 0x3                 /* present, writable */
        .set    PAGE_2M, 0x83                   /* present, writable, large */
        .set    CODE64, 0x08                    /* the one selector of the GDT below */

        .set    STRETCH_LOOPS, 20000000         /* 2 instructions each: 0.1 s in TCG, 0.01 s in hardware */
        .set    WINDOWS, 5
        .set    WINDOW_TICKS, 47727             /* 40 ms: below 65536, or the counter would wrap unseen */
        .set    SAMPLE_TRIES, 16

        .section .note.pvh, "a", @note
        .balign 4
        .long   4                               /* size of the name */
        .long   4                               /* size of the descriptor */
        .long   XEN_ELFNOTE_PHYS32_ENTRY
        .asciz  "Xen"
        .long   _start

        .text
        .code32
        .globl  _start
_start:
        /* Into long mode, by the steps of Intel SDM vol. 3, 10.8.5: PAE, CR3, EFER.LME, CR0.PG, far jump. */
        mov     $CR4_PAE, %eax
        mov     %eax, %cr4
        mov     $page_map, %eax
        mov     %eax, %cr3
        mov     $MSR_EFER, %ecx
        mov     $EFER_LME, %eax
        xor     %edx, %edx
        wrmsr
        mov     $(CR0_PG | CR0_PE), %eax
        mov     %eax, %cr0
        lgdt    gdt_pointer
        ljmp    $CODE64, $long_mode

        .code64
long_mode:
        xor     %eax, %eax
        mov     %eax, %ss
        mov     %eax, %ds
        mov     %eax, %es
        mov     $stack_top, %esp

        mov     $STRETCH_LOOPS, %ecx
1:      dec     %ecx
        jnz     1b

        /*
         * Counter 0 is the one whose gate is always open: counter 2 is gated by port 0x61, which microvm
         * does not have. In mode 2 the counter runs down from 65536 and starts again by itself.
         */
        mov     $PIT_COUNTER0_RATE, %al
        outb    %al, $PIT_MODE
        xor     %eax, %eax                      /* 0 stands for 65536 */
        outb    %al, $PIT_COUNTER0
        outb    %al, $PIT_COUNTER0

        mov     $start_line, %esi
        call    print

        mov     $WINDOWS, %ebp
1:      mov     $tsc_line, %esi
        call    print
        call    measure_window
        call    print_decimal
        dec     %ebp
        jnz     1b

        mov     $exit_line, %esi
        call    print

        /* An exception without a descriptor table is a triple fault, and that is a reset. */
        lidt    no_idt
        ud2

/* Measures one window. Returns the rate in RAX, in kHz: TSC cycles * PIT_HZ / (ticks * 1000). */
measure_window:
        call    sample
        mov     %r8, %r10
        mov     %r9d, %r11d

        /* Wait by the clock that is trusted, the PIT. It runs down, so elapsed = first - now. */
1:      call    read_counter
        mov     %r11d, %ecx
        sub     %eax, %ecx
        movzwl  %cx, %ecx
        cmp     $WINDOW_TICKS, %ecx
        jb      1b

        call    sample
        sub     %r9d, %r11d
        movzwl  %r11w, %ecx
        imul    $1000, %ecx, %ecx
        mov     %r8, %rax
        sub     %r10, %rax
        mov     $PIT_HZ, %edx
        mul     %rdx
        div     %rcx
        ret

/*
 * Reads both clocks at one moment: R8 = TSC, R9D = counter. Commanding the PIT leaves the guest, and takes
 * the longer the busier the host is; of some tries, the one that took least is the most accurate.
 */
sample:
        mov     $SAMPLE_TRIES, %r12d
        mov     $-1, %r13                       /* the shortest duration so far */
1:      call    read_tsc
        mov     %rax, %r14
        mov     $PIT_COUNTER0_LATCH, %al
        outb    %al, $PIT_MODE
        call    read_tsc
        mov     %rax, %r15
        call    read_latched                    /* always: an unread latch blocks the next one */
        sub     %r14, %r15
        cmp     %r13, %r15
        jae     2f
        mov     %r15, %r13
        shr     $1, %r15
        lea     (%r14, %r15), %r8               /* the latch took place about half way */
        mov     %eax, %r9d
2:      dec     %r12d
        jnz     1b
        ret

/* Returns the TSC in RAX. */
read_tsc:
        rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        ret

/* Returns the current value of counter 0 in EAX. */
read_counter:
        mov     $PIT_COUNTER0_LATCH, %al
        outb    %al, $PIT_MODE
        /* falls through */

/* Returns the latched value of counter 0 in EAX. */
read_latched:
        xor     %eax, %eax
        inb     $PIT_COUNTER0, %al
        mov     %eax, %edx
        inb     $PIT_COUNTER0, %al
        shl     $8, %eax
        or      %edx, %eax
        ret

/* Writes the zero-terminated string at RSI to the control port. */
print:
        lodsb
        test    %al, %al
        jz      1f
        outb    %al, $CONTROL_PORT
        jmp     print
1:      ret

/* Writes RAX in decimal, and a line end. Digits appear last first, so they are pushed and popped. */
print_decimal:
        mov     $10, %ecx
        push    $'\n'
        xor     %ebx, %ebx                      /* digits on the stack */
1:      xor     %edx, %edx
        div     %rcx
        add     $'0', %edx
        push    %rdx
        inc     %ebx
        test    %rax, %rax
        jnz     1b
2:      pop     %rax
        outb    %al, $CONTROL_PORT
        dec     %ebx
        jns     2b                              /* the digits, then the line end */
        ret

        .section .rodata, "a"
start_line:
        .asciz  "start\n"
tsc_line:
        .asciz  "tsc_khz "
exit_line:
        .asciz  "exit 0\n"

        .balign 8
gdt:
        .quad   0
        .quad   0x00af9b000000ffff              /* code, 64-bit, ring 0, accessed */
gdt_pointer:
        .word   gdt_pointer - gdt - 1
        .long   gdt
no_idt:
        .word   0                               /* limit */
        .quad   0                               /* base */

        /* One large page, the first 2 MiB at their own addresses, holds all of this program. */
        .data
        .balign 4096
page_map:
        .quad   page_directories + PAGE_TABLE
        .skip   511 * 8
page_directories:
        .quad   page_directory + PAGE_TABLE
        .skip   511 * 8
page_directory:
        .quad   PAGE_2M
        .skip   511 * 8

        .bss
        .balign 16
        .skip   256
stack_top:

        .section .note.GNU-stack, "", @progbits
