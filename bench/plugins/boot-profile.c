/* SPDX-License-Identifier: MIT */
/*
 * A TCG plugin that counts each guest instruction until a given address is reached, and ends QEMU
 * there.
 *
 *   -plugin boot-profile.so,out=FILE,mark=ADDRESS,mark=ADDRESS,or=ADDRESS,...
 *
 * The marks are waited for one after the other; the last one is the end. A mark is reached at its
 * address, or at any of those after "or" that follow it. FILE gets a line "mark ADDRESS COUNT" for
 * each that was reached, COUNT being the instructions before it, and then a line "block ADDRESS
 * COUNT" for each translated block that ran: COUNT instructions in all, from the block that begins
 * at ADDRESS.
 *
 * A repeated string instruction counts once a repetition, as for -icount.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qemu-plugin.h"

#define ADDRESSES_MAX 64

/* One translation of a block; a block that is translated again gets another. */
struct block {
	uint64_t address;
	uint64_t instructions;
	struct block *next;
};

/* An address to stop at, and the place of its mark in the order. */
struct place {
	uint64_t address;
	size_t mark;
};

static struct block *blocks;
static struct place places[ADDRESSES_MAX];
static size_t place_count;
static struct block reached[ADDRESSES_MAX];
static size_t reached_count;
static size_t mark_count;
static uint64_t instructions;
static const char *output;

static void report(void)
{
	FILE *file = fopen(output, "w");

	if (!file) {
		perror(output);
		return;
	}
	for (size_t i = 0; i < reached_count; i++)
		fprintf(file, "mark %" PRIx64 " %" PRIu64 "\n", reached[i].address,
			reached[i].instructions);
	for (struct block *block = blocks; block; block = block->next)
		if (block->instructions)
			fprintf(file, "block %" PRIx64 " %" PRIu64 "\n", block->address,
				block->instructions);
	fclose(file);
}

static void reach(unsigned int vcpu, void *data)
{
	const struct place *place = data;

	(void)vcpu;
	if (place->mark != reached_count)
		return;
	reached[reached_count].address = place->address;
	reached[reached_count++].instructions = instructions;
	if (reached_count < mark_count)
		return;
	report();
	_Exit(0);
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct block *block = calloc(1, sizeof(*block));

	(void)id;
	if (!block)
		abort();
	block->address = qemu_plugin_tb_vaddr(tb);
	block->next = blocks;
	blocks = block;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		for (size_t p = 0; p < place_count; p++)
			if (places[p].address == qemu_plugin_insn_vaddr(insn))
				qemu_plugin_register_vcpu_insn_exec_cb(
				    insn, reach, QEMU_PLUGIN_CB_NO_REGS, &places[p]);
		count_executions(insn, &instructions);
		count_executions(insn, &block->instructions);
	}
}

static void end(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	report();
}

static int add_place(const char *address, int next_mark)
{
	if (place_count == ADDRESSES_MAX || (!next_mark && !mark_count))
		return -1;
	mark_count += next_mark;
	places[place_count].address = strtoull(address, NULL, 0);
	places[place_count++].mark = mark_count - 1;
	return 0;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		const char *value = strchr(argv[i], '=');

		if (!strncmp(argv[i], "out=", 4))
			output = value + 1;
		else if (!strncmp(argv[i], "mark=", 5) || !strncmp(argv[i], "or=", 3)) {
			if (add_place(value + 1, argv[i][0] == 'm'))
				return -1;
		} else
			return -1;
	}
	if (!output || !mark_count)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, end, NULL);
	return 0;
}
