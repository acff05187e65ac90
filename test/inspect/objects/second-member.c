/* SPDX-License-Identifier: MIT */
/* A member that only another member wants. */
#include <unistd.h>

long wanted_by_member(void) {
  sync();
  return 0;
}
