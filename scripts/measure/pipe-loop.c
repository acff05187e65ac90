// SPDX-License-Identifier: MIT
/* Writes a byte to a pipe and reads it back, as often as the argument says. */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long left = argc > 1 ? atol(argv[1]) : 0;
	char byte = 1;
	int ends[2];

	if (pipe(ends))
		return 1;
	while (left--)
		if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
			return 2;
	return 0;
}
