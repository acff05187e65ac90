// SPDX-License-Identifier: MIT
/** Uses what a loader has to set up: data, zeros, thread variables, pointers that are relocated, an
 * initialiser. */
#include <stdio.h>

static __thread int counter = 3;
static __thread char block[100];
static char zeros[20000];
static int initialised;

static int three(void)
{
	return 3;
}
static int four(void)
{
	return 4;
}
static int (*const table[])(void) = {three, four};

__attribute__((constructor)) static void initialise(void)
{
	initialised = 1;
}

int main(int argc, char **argv)
{
	(void)argv;
	for (unsigned long at = 0; at < sizeof zeros; at++)
		if (zeros[at] != 0)
			return 90;
	zeros[12345] = 1;
	block[argc] = 1;
	puts("started");
	return initialised && counter == 3 && block[1] == 1 ? table[0]() + table[1]() : 91;
}
