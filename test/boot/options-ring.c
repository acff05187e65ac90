// SPDX-License-Identifier: MIT
/* Tells its privilege level, then executes what its arguments are. */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned long selector;

	__asm__("mov %%cs, %0" : "=r"(selector));
	printf("CPL %lu\n", selector & 3);
	fflush(stdout);
	if (argc > 1)
		execv(argv[1], argv + 1);
	return argc > 1;
}
