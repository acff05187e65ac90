// SPDX-License-Identifier: MIT
/* Reading and writing: devices, a file in memory, a pipe. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "measure.h"

static int zero, file, pipes[2];
static char buffer[MIB];

static void write_zero(void)
{
	write(zero, buffer, 1);
}

static void read_zero(void)
{
	read(zero, buffer, PAGE_BYTES);
}

static void write_page(void)
{
	pwrite(file, buffer, PAGE_BYTES, 0);
}

static void read_page(void)
{
	pread(file, buffer, PAGE_BYTES, 0);
}

static void write_mebibyte(void)
{
	pwrite(file, buffer, MIB, 0);
}

static void read_mebibyte(void)
{
	pread(file, buffer, MIB, 0);
}

static void pipe_byte(void)
{
	write(pipes[1], buffer, 1);
	read(pipes[0], buffer, 1);
}

void measure_files(void)
{
	FILE *stream = tmpfile();

	must(stream != NULL, "tmpfile");
	file = fileno(stream);
	must((zero = open("/dev/zero", O_RDWR)) >= 0, "/dev/zero");
	must(pipe(pipes) == 0, "pipe");
	must(pwrite(file, buffer, MIB, 0) == MIB, "pwrite");
	measure("write of 1 byte to /dev/zero", write_zero, 100);
	measure("read of 4 KiB from /dev/zero", read_zero, 100);
	measure("write of 4 KiB to a file", write_page, 100);
	measure("read of 4 KiB from a file", read_page, 100);
	measure("write of 1 MiB to a file", write_mebibyte, 2);
	measure("read of 1 MiB from a file", read_mebibyte, 2);
	measure("write and read of 1 byte on a pipe", pipe_byte, 100);
	close(pipes[0]);
	close(pipes[1]);
	close(zero);
	fclose(stream);
}
