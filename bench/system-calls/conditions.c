// SPDX-License-Identifier: MIT
/* What a figure depends on, as the kernel tells it. What it does not tell has no line. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "measure.h"

#define VULNERABILITIES "/sys/devices/system/cpu/vulnerabilities"

static void tell(const char *name, const char *text)
{
	printf("condition %s: %s\n", name, text);
}

static void tell_file(const char *name, const char *path)
{
	char line[4096];
	FILE *file = fopen(path, "r");

	if (!file)
		return;
	if (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		tell(name, line);
	}
	fclose(file);
}

static void tell_mitigations(void)
{
	DIR *directory = opendir(VULNERABILITIES);
	char path[512], name[512];

	if (!directory)
		return;
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), VULNERABILITIES "/%s", entry->d_name);
		snprintf(name, sizeof(name), "mitigation of %s", entry->d_name);
		tell_file(name, path);
	}
	closedir(directory);
}

void tell_conditions(void)
{
	struct utsname system;
	char number[32];

	if (!uname(&system)) {
		tell("kernel release", system.release);
		tell("kernel build", system.version);
	}
	tell_file("kernel command line", "/proc/cmdline");
	tell_file("clock", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	snprintf(number, sizeof(number), "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	tell("processors", number);
	tell_mitigations();
}
