// SPDX-License-Identifier: MIT
/* A server that never listens. */
#include <unistd.h>

int main(void)
{
	for (;;)
		pause();
}
