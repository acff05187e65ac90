/* SPDX-License-Identifier: MIT */
/* Where the application starts, and as whom. */
#ifndef UKL_INIT_PROCESS_H
#define UKL_INIT_PROCESS_H

/* Reads /ukl/process; to be called before the first fork. */
void read_process(void);
/* Takes the working directory, and the user where it is not root. */
void enter_process(void);
unsigned int process_user(void);
unsigned int process_group(void);
/* Whether the application is root; another user cannot have the ports back after a failed start. */
int is_root(void);

#endif
