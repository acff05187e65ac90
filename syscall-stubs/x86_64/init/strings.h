/* SPDX-License-Identifier: MIT */
/* Files of strings, each ended by NUL: how the archive tells init what to do. */
#ifndef UKL_INIT_STRINGS_H
#define UKL_INIT_STRINGS_H

/* What most files are within: of others the kernel is asked for memory. */
#define FEW_STRINGS 512
#define FEW_BYTES (16 * 1024)

/* The strings of one file, as a vector that execve takes, which says how many there may be. */
struct strings {
	char **vector;
	char *bytes;
	char *few[FEW_STRINGS + 1];
	char few_bytes[FEW_BYTES];
};

/* Fills the vector and returns their number, or a negative errno. */
long read_strings(const char *path, struct strings *strings);

/* Fills the vector, or says what is wrong and ends the machine. */
void must_read_strings(const char *path, struct strings *strings);

#endif
