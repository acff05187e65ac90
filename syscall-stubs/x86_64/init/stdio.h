/* SPDX-License-Identifier: MIT */
/* The application's standard input, output and error, and the host's words to init. */
#ifndef UKL_INIT_STDIO_H
#define UKL_INIT_STDIO_H

/* Opens what the host asks for; ENVIRONMENT is init's own. */
void open_stdio(char **environment);
/* In the application's process: takes its place, for user UID and group GID. */
void take_stdio(unsigned int uid, unsigned int gid);
/* Until the host has the last byte. */
void drain_stdio(void);
/* The stream of the host's words; negative where there is none. */
long open_words(void);
/* Gives the terminal a size. */
void set_terminal_size(unsigned int rows, unsigned int columns);

#endif
