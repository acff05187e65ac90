/* SPDX-License-Identifier: MIT */
/*
 * The part of QEMU's plugin interface that is used here. Debian has no package with qemu-plugin.h
 * (include/plugins/qemu-plugin.h). QEMU 9 has version 2 and what follows, and no addition that is
 * translated into the guest's code: it counts in memory of its own, which is no file that others
 * look into. There each instruction calls a function.
 */
#ifndef QEMU_PLUGIN_H
#define QEMU_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_CB_NO_REGS };
enum { QEMU_PLUGIN_INLINE_ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int, void *), int flags,
					    void *data);
__attribute__((weak)) void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
								      int op, void *counter,
								      uint64_t addend);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, void *),
				    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

/* QEMU reads it when the plugin is loaded. */
EXPORT int qemu_plugin_version = 1;

__attribute__((constructor)) static void choose_version(void)
{
	if (!qemu_plugin_register_vcpu_insn_exec_inline)
		qemu_plugin_version = 2;
}

static inline void add_one(unsigned int vcpu, void *counter)
{
	(void)vcpu;
	++*(uint64_t *)counter;
}

/* Has each execution of an instruction counted. */
static inline void count_executions(struct qemu_plugin_insn *insn, uint64_t *counter)
{
	if (qemu_plugin_register_vcpu_insn_exec_inline)
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
							   counter, 1);
	else
		qemu_plugin_register_vcpu_insn_exec_cb(insn, add_one, QEMU_PLUGIN_CB_NO_REGS,
						       counter);
}

#endif
