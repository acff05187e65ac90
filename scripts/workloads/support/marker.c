// SPDX-License-Identifier: MIT
// Marks in a trace where `main` begins: close(-4242) fails, changes nothing, and no program makes it.
//
// Two ways to use it. As a preloaded library it takes the place of __libc_start_main, so that the mark comes after
// the loader and all initialisers of libraries. Static programs are linked a second time, with MARK_BY_WRAP and
// `-Wl,--wrap=main`; what they do is otherwise the same.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/syscall.h>

typedef int main_function(int, char **, char **);

// No call into libc: the mark must not change errno or anything else.
static void mark(void) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_close), "D"(-4242L) : "rcx", "r11", "memory");
}

#ifdef MARK_BY_WRAP
extern main_function __real_main;

int __wrap_main(int argc, char **argv, char **envp) {
  mark();
  return __real_main(argc, argv, envp);
}
#else
typedef int start_function(main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

static main_function *program_main;

static int marked_main(int argc, char **argv, char **envp) {
  mark();
  return program_main(argc, argv, envp);
}

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*loader_fini)(void), void *stack_end) {
  start_function *next = (start_function *)dlsym(RTLD_NEXT, "__libc_start_main");
  program_main = main;
  return next(marked_main, argc, argv, init, fini, loader_fini, stack_end);
}
#endif
