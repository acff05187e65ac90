// SPDX-License-Identifier: MIT
/*
 * Where the application starts, and as whom: /ukl/process, strings each ended by NUL, which are its
 * working directory, its user, its group and the further groups, in decimal.
 */
#include "host.h"
#include "machine.h"
#include "process.h"
#include "strings.h"

#define GROUPS_MAX 64
#define IDENTITIES_MAX (2 + GROUPS_MAX)

static struct strings strings;
/* User, group, further groups. */
static unsigned int identities[IDENTITIES_MAX];
static int count;

static unsigned int number_of(const char *digits)
{
	unsigned int number = 0;

	for (; *digits; digits++) {
		if (*digits < '0' || *digits > '9')
			fail("/ukl/process", -22 /* EINVAL */);
		number = 10 * number + (*digits - '0');
	}
	return number;
}

void read_process(void)
{
	must_read_strings("/ukl/process", &strings);
	if (strings.vector[0])
		for (; count < IDENTITIES_MAX && strings.vector[1 + count]; count++)
			identities[count] = number_of(strings.vector[1 + count]);
	if (count < 2)
		fail("/ukl/process", -22 /* EINVAL */);
}

unsigned int process_user(void)
{
	return identities[0];
}

unsigned int process_group(void)
{
	return identities[1];
}

int is_root(void)
{
	return identities[0] == 0;
}

void enter_process(void)
{
	long error = syscall1(__NR_chdir, strings.vector[0]);

	if (error < 0)
		fail("chdir", error);
	take_limits();
	if (is_root() && identities[1] == 0 && count == 2)
		return;
	error = syscall2(__NR_setgroups, count - 2, identities + 2);
	if (error >= 0)
		error = syscall1(__NR_setgid, identities[1]);
	if (error < 0)
		fail("setgid", error);
	error = syscall1(__NR_setuid, identities[0]);
	if (error < 0)
		fail("setuid", error);
}
