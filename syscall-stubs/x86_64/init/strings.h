/* SPDX-License-Identifier: MIT */
/* Files of strings, each ended by NUL: how the archive tells init what to do. */
#ifndef UKL_INIT_STRINGS_H
#define UKL_INIT_STRINGS_H

#define STRINGS_MAX 4096
#define BYTES_MAX (128 * 1024)

/* The strings of one file, as a vector that execve takes. */
struct strings {
	char *vector[STRINGS_MAX + 1];
	char bytes[BYTES_MAX];
};

/* Fills the vector and returns their number, or a negative errno. */
long read_strings(const char *path, struct strings *strings);

/* Fills the vector, or says what is wrong and ends the machine. */
void must_read_strings(const char *path, struct strings *strings);

#endif
