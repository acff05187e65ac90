/* SPDX-License-Identifier: MIT */
/* A member that nobody wants: what it defines is defined already, or only weakly wanted. */
#include <unistd.h>

long absent(void) { return acct("/nowhere"); }
