/* SPDX-License-Identifier: MIT */
/*
 * A TCG plugin that counts each instruction of a guest with one processor, where others can see it:
 *
 *   -plugin instruction-count.so,out=FILE
 *
 * FILE holds the count, eight bytes, from the start of QEMU on, and is the memory that is counted
 * in. A repeated string instruction counts once a repetition, as for -icount.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "qemu-plugin.h"

static uint64_t *count;

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++)
		count_executions(qemu_plugin_tb_get_insn(tb, i), count);
}

static int map_count(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (file < 0 || ftruncate(file, sizeof(*count))) {
		perror(path);
		return -1;
	}
	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	return count == MAP_FAILED ? -1 : 0;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4) || map_count(argv[0] + 4))
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}
