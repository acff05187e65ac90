// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system call dispatch of one image: the root from which the kernel's own calls are linked. It replaces the
 * kernel's x64_sys_call() (arch/x86/entry/syscall_64.c), in both modes and for both ways into the kernel.
 *
 * A call that the application makes goes to the kernel's function. A masked one is answered here and counted; its
 * body is not in the image. The first process (init.c) and the child of it that becomes the application are not
 * masked, so a call that only they make is let through until the application is executed.
 *
 * This is a template: the holes, names between two @, are filled by src/stubs/render.ts, and `ukl stubs` writes the
 * result. It is compiled without the kernel's headers. What it uses of the kernel is declared below, next to where
 * that comes from; structures are opaque, with two exceptions that are explained.
 */
#include <asm/fcntl.h>
#include <asm/ptrace.h> /* struct pt_regs: the kernel builds the same one on entry */
#include <asm/signal.h>
#include <linux/errno.h>

/* The kernel's functions for the calls below, as asm/syscall_wrapper.h names them. */
@DECLARATIONS@
long __x64_sys_ni_syscall(const struct pt_regs *regs);
long x64_sys_call(const struct pt_regs *regs, unsigned int number);

/* What a masked call gets. LOG is ENOSYS, and a line about the first try. */
enum answer { ANSWER_ENOSYS, ANSWER_EPERM, ANSWER_SUCCESS, ANSWER_LOG, ANSWER_KILL };

struct mask {
	const char *name;
	enum answer answer;
};

/* By number. */
static const struct mask masks[] = {
@MASKS@
};

#define MASKS (sizeof(masks) / sizeof(masks[0]))

struct task_struct;
struct file;

char *__get_task_comm(char *buffer, unsigned long size, struct task_struct *task); /* fs/exec.c */
struct task_struct *find_task_by_vpid(int pid); /* kernel/pid.c */
void force_fatal_sig(int signal); /* kernel/signal.c */
long copy_from_user_nofault(void *to, const void *from, unsigned long size); /* mm/maccess.c */
struct file *filp_open(const char *path, int flags, unsigned short permissions); /* fs/open.c */
long kernel_write(struct file *file, const void *bytes, unsigned long size, long long *position);
int scnprintf(char *buffer, unsigned long size, const char *format, ...); /* lib/vsprintf.c */
#ifdef CONFIG_PRINTK
int _printk(const char *format, ...);
#define LEVEL_WARNING "\0014" /* linux/kern_levels.h */
#endif

/* The first member of struct pcpu_hot (arch/x86/include/asm/current.h) is the running task. */
extern struct task_struct *pcpu_hot;

static struct task_struct *running_task(void)
{
	struct task_struct *task;

#ifdef CONFIG_SMP
	asm volatile("movq %%gs:pcpu_hot(%%rip), %0" : "=r"(task));
#else
	task = *(struct task_struct *volatile *)&pcpu_hot;
#endif
	return task;
}

#define NAME_BYTES 16 /* TASK_COMM_LEN */
#define LINE_BYTES 40
#define LINE_FORMAT "%-28s %10u\n"
#define CONTROL_PORT 0xe9
#define HIGHEST_ERROR 4095 /* linux/err.h: pointers behind it are errors */

/* Set when the application is executed: nothing is masked before. */
static struct task_struct *first_process;

/* /ukl/masked: a line for each masked call that was tried, in the order of the first tries. */
static struct file *report;
static int report_lines;
static int line_of[MASKS];
static unsigned int tries[MASKS];

static int is_masked(void)
{
	return first_process && running_task() != first_process;
}

/*
 * Several can make the same call at once: whoever was overtaken between counting and writing writes again.
 */
static void update_report(unsigned int number, unsigned int count)
{
	char line[LINE_BYTES + 1];
	long long position;

	if (!report)
		return;
	if (count == 1)
		__atomic_store_n(&line_of[number],
				 __atomic_add_fetch(&report_lines, 1, __ATOMIC_RELAXED),
				 __ATOMIC_RELEASE);
	while (!__atomic_load_n(&line_of[number], __ATOMIC_ACQUIRE))
		;
	do {
		count = __atomic_load_n(&tries[number], __ATOMIC_RELAXED);
		scnprintf(line, sizeof(line), LINE_FORMAT, masks[number].name, count);
		position = (long long)(line_of[number] - 1) * LINE_BYTES;
		kernel_write(report, line, LINE_BYTES, &position);
	} while (count != __atomic_load_n(&tries[number], __ATOMIC_RELAXED));
}

/*
 * SYSCALL leaves the address behind it, and a bound site that of a longer call, with nothing in RCX (ukl_call).
 * ukl_syscall() is called, so that address is on the stack.
 */
static unsigned long site_of(const struct pt_regs *regs)
{
	unsigned long address = 0;

	if ((long)regs->rip >= 0)
		return regs->rip - (regs->rcx ? 2 : 7);
	copy_from_user_nofault(&address, (const void *)regs->rsp, sizeof(address));
	return address - 5;
}

/* One line for the host, which nobody else interrupts. */
static void tell(const char *line)
{
	static char speaking;

	while (__atomic_test_and_set(&speaking, __ATOMIC_ACQUIRE))
		;
	for (; *line; line++)
		asm volatile("outb %0, %1" : : "a"(*line), "Nd"((unsigned short)CONTROL_PORT));
	__atomic_clear(&speaking, __ATOMIC_RELEASE);
}

static void say(const struct pt_regs *regs, unsigned int number, const char *verb)
{
	char name[NAME_BYTES], line[96];
	unsigned long site = site_of(regs);

	__get_task_comm(name, sizeof(name), running_task());
	scnprintf(line, sizeof(line), "%s %s 0x%lx %s\n", verb, masks[number].name, site, name);
	tell(line);
#ifdef CONFIG_PRINTK
	_printk(LEVEL_WARNING "ukl: masked system call: %s", line);
#endif
}

static long answer(const struct pt_regs *regs, unsigned int number)
{
	unsigned int count = __atomic_add_fetch(&tries[number], 1, __ATOMIC_RELAXED);

	update_report(number, count);
	switch (masks[number].answer) {
	case ANSWER_SUCCESS:
		return 0;
	case ANSWER_EPERM:
		return -EPERM;
	case ANSWER_KILL:
		say(regs, number, "killed");
		force_fatal_sig(SIGSYS);
		return -ENOSYS;
	case ANSWER_LOG:
		if (count == 1)
			say(regs, number, "masked");
		return -ENOSYS;
	default:
		return -ENOSYS;
	}
}

/* The application begins with the first program that is executed. */
static long execute(const struct pt_regs *regs, long (*call)(const struct pt_regs *regs))
{
	long result;

	if (first_process)
		return call(regs);
	report = filp_open("/ukl/masked", O_WRONLY, 0);
	if ((unsigned long)report >= (unsigned long)-HIGHEST_ERROR)
		report = 0;
	first_process = find_task_by_vpid(1);
	result = call(regs);
	if (result < 0)
		first_process = 0;
	return result;
}

/* What passes for the first process alone. */
static long pass_first(const struct pt_regs *regs, unsigned int number,
		       long (*call)(const struct pt_regs *regs))
{
	return is_masked() ? answer(regs, number) : call(regs);
}

long x64_sys_call(const struct pt_regs *regs, unsigned int number)
{
	switch (number) {
@CASES@
	default:
		return number < MASKS && masks[number].name ? answer(regs, number)
							    : __x64_sys_ni_syscall(regs);
	}
}
