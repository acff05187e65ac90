// SPDX-License-Identifier: MIT
/*
 * System calls that end otherwise than by returning: interrupted, made again, cancelled, twice.
 * Prints the same lines wherever it runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STORM_CALLS 20000
#define STORM_INTERVAL_US 100

static volatile sig_atomic_t signals;
static sigjmp_buf back;

static void count_signal(int signal)
{
	(void)signal;
	signals++;
}

static void jump_back(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static void handle(int signal, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	sigaction(signal, &action, NULL);
}

static void set_timer(long first_us, long interval_us)
{
	struct itimerval timer = {{0, interval_us}, {0, first_us}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void line(const char *what, long result)
{
	printf("%s %ld %s\n", what, result, result < 0 ? strerrorname_np(errno) : "-");
}

/* Errors and results of calls with good and bad arguments. */
static void results(void)
{
	void *volatile low = (void *)8, *volatile high = (void *)0xffffffff80000000UL;
	char byte = 7;
	int pipes[2];

	line("pipe", pipe(pipes));
	line("write", write(pipes[1], "abc", 3));
	line("read", read(pipes[0], &byte, 1));
	printf("byte %c\n", byte);
	line("read of a bad pointer", read(pipes[0], low, 1));
	line("read of a kernel pointer", read(pipes[0], high, 1));
	line("close of nothing", close(99));
	line("open of nothing", open("/nothing/here", O_RDONLY));
	line("dup3 to itself", dup3(pipes[0], pipes[0], 0));
	line("lseek on a pipe", lseek(pipes[0], 0, SEEK_SET));
	line("writev of nothing", writev(pipes[1], NULL, 0));
	line("a number without a call", syscall(9999));
	line("getsid of nobody", getsid(0x7fffffff));
	line("sched_yield", sched_yield());
	close(pipes[0]);
	signal(SIGPIPE, SIG_IGN);
	line("write into a closed pipe", write(pipes[1], "x", 1));
	close(pipes[1]);
}

/* A call that waits is interrupted, or made again behind the handler's back. */
static void interruptions(void)
{
	struct timespec wait = {0, 60 * 1000 * 1000}, left = {9, 9};
	int pipes[2];
	char byte;
	pid_t child;

	if (pipe(pipes))
		exit(1);
	handle(SIGALRM, count_signal, 0);
	set_timer(20000, 0);
	line("read without SA_RESTART", read(pipes[0], &byte, 1));
	set_timer(20000, 0);
	line("nanosleep", nanosleep(&wait, &left));
	printf("some time is left %d\n", left.tv_sec == 0 && left.tv_nsec > 0);
	handle(SIGALRM, count_signal, SA_RESTART);
	child = fork();
	if (child == 0) {
		usleep(60000);
		_exit(write(pipes[1], "r", 1) != 1);
	}
	signals = 0;
	set_timer(20000, 0);
	line("read with SA_RESTART", read(pipes[0], &byte, 1));
	printf("handlers %d\n", (int)signals);
	waitpid(child, NULL, 0);

	/* Stopped and continued while it sleeps, it sleeps on for what is left (restart_syscall).
	 */
	child = fork();
	if (child == 0) {
		struct timespec before, after;

		clock_gettime(CLOCK_MONOTONIC, &before);
		wait.tv_nsec = 200 * 1000 * 1000;
		if (nanosleep(&wait, NULL))
			_exit(2);
		clock_gettime(CLOCK_MONOTONIC, &after);
		_exit((after.tv_sec - before.tv_sec) * 1000 +
			  (after.tv_nsec - before.tv_nsec) / 1000000 <
		      195);
	}
	usleep(50000);
	kill(child, SIGSTOP);
	waitpid(child, NULL, WUNTRACED);
	kill(child, SIGCONT);
	int status;
	waitpid(child, &status, 0);
	printf("stopped sleeper %d\n", status);

	handle(SIGALRM, jump_back, 0);
	if (sigsetjmp(back, 1) == 0) {
		set_timer(20000, 0);
		read(pipes[0], &byte, 1);
		puts("not reached");
	}
	puts("left a read by siglongjmp");
	close(pipes[0]);
	close(pipes[1]);
}

/* Timer signals at 10 kHz hit every instruction of the way in and out. */
static void storm(void)
{
	long wrong = 0;
	pid_t self = getpid();
	int pipes[2];
	char byte;

	if (pipe(pipes))
		exit(1);
	handle(SIGALRM, count_signal, SA_RESTART);
	signals = 0;
	set_timer(STORM_INTERVAL_US, STORM_INTERVAL_US);
	for (long i = 0; i < STORM_CALLS; i++) {
		byte = (char)i;
		wrong += write(pipes[1], &byte, 1) != 1;
		wrong += read(pipes[0], &byte, 1) != 1 || byte != (char)i;
		wrong += getpid() != self;
		wrong += close(-1) != -1 || errno != EBADF;
	}
	set_timer(0, 0);
	printf("storm: wrong %ld, signals %s\n", wrong, signals > 0 ? "some" : "none");
	close(pipes[0]);
	close(pipes[1]);
}

static int cleaned;

static void clean(void *what)
{
	(void)what;
	cleaned++;
}

static int cancel_pipes[2];

static void *wait_in(void *which)
{
	char byte;
	struct iovec vector = {&byte, 1};
	struct timespec long_time = {100, 0};
	sigset_t none;

	sigemptyset(&none);
	pthread_cleanup_push(clean, NULL);
	switch ((long)which) {
	case 0:
		read(cancel_pipes[0], &byte, 1);
		break;
	case 1:
		nanosleep(&long_time, NULL);
		break;
	case 2:
		readv(cancel_pipes[0], &vector, 1);
		break;
	case 3:
		pause();
		break;
	case 4:
		sigsuspend(&none);
		break;
	case 5:
		waitpid(-1, NULL, 0);
		break;
	default:
		for (;;)
			close(open("/dev/null", O_RDONLY));
	}
	pthread_cleanup_pop(0);
	return NULL;
}

/* Cancellation unwinds from the middle of a call. */
static void cancellations(void)
{
	void *result;
	pid_t child;

	if (pipe(cancel_pipes))
		exit(1);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	for (long which = 0; which < 7; which++) {
		pthread_t thread;

		cleaned = 0;
		pthread_create(&thread, NULL, wait_in, (void *)which);
		usleep(20000);
		pthread_cancel(thread);
		pthread_join(thread, &result);
		printf("cancelled in %ld: %d, cleaned %d\n", which, result == PTHREAD_CANCELED,
		       cleaned);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* Processes, by each way to make one. */
static void processes(void)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(3);
	waitpid(child, &status, 0);
	printf("fork %d\n", WEXITSTATUS(status));
	child = vfork();
	if (child == 0)
		_exit(4);
	waitpid(child, &status, 0);
	printf("vfork %d\n", WEXITSTATUS(status));
	child = (pid_t)syscall(SYS_fork);
	if (child == 0)
		syscall(SYS_exit_group, 5);
	waitpid(child, &status, 0);
	printf("syscall(SYS_fork) %d\n", WEXITSTATUS(status));
}

static void *many_calls(void *unused)
{
	long wrong = 0;
	pid_t self = (pid_t)syscall(SYS_gettid);

	(void)unused;
	for (int i = 0; i < STORM_CALLS; i++) {
		wrong += syscall(SYS_gettid) != self;
		if (i % 16 == 0)
			sched_yield();
	}
	return (void *)wrong;
}

/* Threads that give way to each other in the middle of calls. */
static void threads(void)
{
	pthread_t thread[4];
	long wrong = 0;

	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, many_calls, NULL);
	for (int i = 0; i < 4; i++) {
		void *result;

		pthread_join(thread[i], &result);
		wrong += (long)result;
	}
	printf("threads: wrong %ld\n", wrong);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	results();
	interruptions();
	storm();
	cancellations();
	processes();
	threads();
	return 0;
}
