// SPDX-License-Identifier: MIT
/*
 * Reads, writes and waits with what a kernel can answer by a shortcut, and with what it must not.
 * Prints the same lines wherever it runs.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOWHERE ((void *)16)
#define TRANSFER_BYTES (4 << 20)
#define PORT 7077

static char buffer[1 << 16];
static volatile sig_atomic_t signals;

static void count_signal(int signal)
{
	(void)signal;
	signals++;
}

static void handle(int signal, int flags)
{
	struct sigaction action = {.sa_handler = count_signal, .sa_flags = flags};

	sigaction(signal, &action, NULL);
}

static void alarm_in_ms(long ms)
{
	struct itimerval timer = {{0, 0}, {0, ms * 1000}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void line(const char *what, long result)
{
	printf("%s %ld %s, %d signals\n", what, result, result < 0 ? strerrorname_np(errno) : "-",
	       (int)signals);
	signals = 0;
}

/* A call whose number is at its site, which the library's wrapper may hide. */
#define CALL(number, a, b, c, d)                                                                   \
	({                                                                                         \
		long result_;                                                                      \
		register long fourth_ asm("r10") = (long)(d);                                      \
		register long fifth_ asm("r8") = 0;                                                \
		register long sixth_ asm("r9") = ~0L;                                              \
		asm volatile("syscall"                                                             \
			     : "=a"(result_)                                                       \
			     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth_), "r"(fifth_),     \
			       "r"(sixth_)                                                         \
			     : "rcx", "r11", "memory");                                            \
		if (result_ < 0) {                                                                 \
			errno = (int)-result_;                                                     \
			result_ = -1;                                                              \
		}                                                                                  \
		result_;                                                                           \
	})

static void set_nonblocking(int file, int on)
{
	fcntl(file, F_SETFL, on ? O_NONBLOCK : 0);
}

/* What every pair of connected ends does alike. */
static void use_stream(const char *name, int from, int to)
{
	printf("-- %s\n", name);
	line("write", write(to, "abcdefgh", 8));
	line("read a part", read(from, buffer, 3));
	line("read the rest", read(from, buffer + 3, 100));
	printf("%.8s\n", buffer);
	line("write nothing", write(to, buffer, 0));
	line("read nothing", read(from, buffer, 0));
	line("write from nowhere", write(to, NOWHERE, 8));
	line("write from the kernel", write(to, (void *)0xffff800000000000, 8));
	line("write too much", write(to, buffer, ~0UL));
	write(to, "x", 1);
	line("read to nowhere", read(from, NOWHERE, 8));
	line("read to the kernel", read(from, (void *)0xffff800000000000, 8));
	/* What a failed read took differs by kind, the same everywhere. */
	set_nonblocking(from, 1);
	line("read what is left", read(from, buffer, sizeof(buffer)));
	line("read when empty", read(from, buffer, 1));
	set_nonblocking(from, 0);
	handle(SIGALRM, 0);
	alarm_in_ms(20);
	line("read until a signal", read(from, buffer, 1));
	set_nonblocking(to, 1);
	while (write(to, buffer, sizeof(buffer)) > 0)
		;
	line("write when full", write(to, buffer, sizeof(buffer)));
	set_nonblocking(to, 0);
	set_nonblocking(from, 1);
	while (read(from, buffer, sizeof(buffer)) > 0)
		;
	set_nonblocking(from, 0);
}

static void end_stream(int from, int to, int writer)
{
	close(writer);
	line("read at the end", read(from, buffer, 1));
	close(from);
	if (to >= 0)
		line("write to nobody", write(to, buffer, 1));
}

static void use_pipes(void)
{
	int ends[2];

	pipe(ends);
	use_stream("pipe", ends[0], ends[1]);
	line("read the wrong end", read(ends[1], buffer, 1));
	line("write the wrong end", write(ends[0], buffer, 1));
	end_stream(ends[0], -1, ends[1]);
	line("read what is closed", read(ends[0], buffer, 1));
	line("write what is closed", write(ends[1], buffer, 1));
	pipe(ends);
	close(ends[0]);
	line("write without a reader", write(ends[1], buffer, 1));
	close(ends[1]);
	pipe2(ends, O_DIRECT | O_NONBLOCK);
	write(ends[1], "abc", 3);
	write(ends[1], "def", 3);
	line("read a packet", read(ends[0], buffer, 100));
	close(ends[0]);
	close(ends[1]);
}

static void piece(int ends[2], size_t written, size_t asked)
{
	int left = -1;

	printf("%zu bytes, %zu asked for\n", written, asked);
	line("write", write(ends[1], buffer, written));
	line("read", read(ends[0], buffer, asked));
	ioctl(ends[0], FIONREAD, &left);
	line("left", left);
	set_nonblocking(ends[0], 1);
	line("read the rest", read(ends[0], buffer, sizeof(buffer)));
	set_nonblocking(ends[0], 0);
}

/* A buffer of which only so many bytes are there. */
static char *ending_buffer(size_t size)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(pages + 4096, 4096, PROT_NONE);
	return memset(pages + 4096 - size, 'e', size);
}

/* At a path that ends as mkstemp() wants it; the caller removes it. */
static int open_fifo(char *path)
{
	close(mkstemp(path));
	unlink(path);
	mkfifo(path, 0600);
	return open(path, O_RDWR);
}

static int later(struct timespec one, struct timespec other)
{
	return one.tv_sec > other.tv_sec ||
	       (one.tv_sec == other.tv_sec && one.tv_nsec > other.tv_nsec);
}

static void tell_times(const char *what, int file, struct stat *before)
{
	struct stat now;

	fstat(file, &now);
	printf("%s: accessed %s, modified %s, changed %s\n", what,
	       later(now.st_atim, before->st_atim) ? "later" : "as before",
	       later(now.st_mtim, before->st_mtim) ? "later" : "as before",
	       later(now.st_ctim, before->st_ctim) ? "later" : "as before");
	*before = now;
	usleep(20000);
}

static void use_pieces(void)
{
	static const size_t sizes[] = {1, 100, 4095, 4096, 4097, 10000};
	int ends[2], others[2], file;

	printf("-- pieces\n");
	pipe(ends);
	pipe(others);
	for (int i = 0; i < 6; i++) {
		piece(ends, sizes[i], sizes[i]);
		piece(ends, sizes[i], sizes[i] - 1 ?: 1);
		piece(ends, sizes[i], sizeof(buffer));
	}
	write(ends[1], "ab", 2);
	line("add to a piece", write(ends[1], "cd", 2));
	line("copy it", tee(ends[0], others[1], 100, 0));
	line("read the copy", read(others[0], buffer, 100));
	line("read it", read(ends[0], buffer + 4, 100));
	printf("%.8s\n", buffer);
	file = open("/proc/self/exe", O_RDONLY);
	line("a file's page", splice(file, NULL, others[1], NULL, 100, 0));
	line("read it", read(others[0], buffer, 100));
	printf("%.3s\n", buffer + 1);
	close(file);

	line("write from a buffer that ends", write(ends[1], ending_buffer(4), 8));
	piece(ends, 8, 8);
	write(ends[1], "abcdefgh", 8);
	line("read to a buffer that ends", read(ends[0], ending_buffer(4), 8));
	line("read it after all", read(ends[0], buffer, 100));
	printf("%.8s\n", buffer);

	fcntl(others[1], F_SETPIPE_SZ, 4096);
	piece(others, 4096, 4096);
	piece(others, 1, 1);
	close(others[0]);
	close(others[1]);

	fcntl(ends[0], F_SETOWN, getpid());
	fcntl(ends[0], F_SETFL, O_ASYNC);
	handle(SIGIO, SA_RESTART);
	line("write with a signal", write(ends[1], "x", 1));
	fcntl(ends[0], F_SETFL, 0);
	line("read without", read(ends[0], buffer, 1));

	close(ends[0]);
	close(ends[1]);
}

/* Of a named one, because newer kernels leave the times of others alone. */
static void tell_times_of_a_fifo(void)
{
	char path[] = "/tmp/ukl-fifo-XXXXXX";
	int fifo = open_fifo(path);
	struct stat before;

	unlink(path);
	fstat(fifo, &before);
	usleep(20000);
	tell_times("nothing done", fifo, &before);
	write(fifo, "x", 1);
	tell_times("written", fifo, &before);
	read(fifo, buffer, 1);
	tell_times("read", fifo, &before);
	for (int i = 0; i < 3; i++) {
		write(fifo, "x", 1);
		tell_times("written", fifo, &before);
		write(fifo, "y", 1);
		read(fifo, buffer, 2);
		tell_times("added to, and read", fifo, &before);
	}
	close(fifo);
}

/* Tokens go to a child and come back; each end waits for the other in another way. */
static void pass_tokens(void)
{
	int to_child[2], to_parent[2], epoll = epoll_create1(0), status, count = 0;
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	pid_t child;

	printf("-- tokens\n");
	pipe(to_child);
	pipe(to_parent);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		struct pollfd wait = {.fd = to_child[0], .events = POLLIN};

		close(to_child[1]);
		for (int i = 0; poll(&wait, 1, -1) == 1 && (wait.revents & POLLIN); i++) {
			read(to_child[0], buffer, 1);
			if (i % 10 == 0)
				usleep(1000);
			write(to_parent[1], buffer, 1);
		}
		_exit(0);
	}
	close(to_child[0]);
	epoll_ctl(epoll, EPOLL_CTL_ADD, to_parent[0], &event);
	for (int i = 0; i < 2000; i++) {
		write(to_child[1], "t", 1);
		if (i % 2)
			count += epoll_wait(epoll, &event, 1, -1) == 1;
		if (i % 10 == 5)
			usleep(1000);
		count += read(to_parent[0], buffer, 1);
	}
	close(to_child[1]);
	waitpid(child, &status, 0);
	line("tokens", count);
	line("the child", status);
	close(to_parent[0]);
	close(to_parent[1]);
	close(epoll);
}

static void use_local_sockets(void)
{
	static const struct {
		const char *name;
		int type;
	} kinds[] = {
	    {"stream", SOCK_STREAM}, {"packets", SOCK_SEQPACKET}, {"datagrams", SOCK_DGRAM}};
	int ends[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	use_stream("local stream", ends[0], ends[1]);
	close(ends[0]);
	line("write to nobody", write(ends[1], buffer, 1));
	close(ends[1]);
	for (int i = 0; i < 3; i++) {
		printf("-- local %s\n", kinds[i].name);
		socketpair(AF_UNIX, kinds[i].type, 0, ends);
		write(ends[1], "abcdef", 6);
		send(ends[1], "ghi", 3, 0);
		line("peek", recv(ends[0], buffer, 2, MSG_PEEK));
		line("read", read(ends[0], buffer, 2));
		line("receive", recv(ends[0], buffer, 100, MSG_DONTWAIT));
		line("receive when empty", recv(ends[0], buffer, 100, MSG_DONTWAIT));
		close(ends[0]);
		close(ends[1]);
	}
}

/* Both ends of a connection over the loopback interface. */
static void connect_tcp(int ends[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1))
		perror("listen");
	line("read a listener", read(listener, buffer, 1));
	line("receive from a listener", recv(listener, buffer, 1, 0));
	ends[1] = socket(AF_INET, SOCK_STREAM, 0);
	line("read what is not connected", read(ends[1], buffer, 1));
	line("write what is not connected", write(ends[1], buffer, 1));
	line("connect", connect(ends[1], (struct sockaddr *)&address, sizeof(address)));
	ends[0] = accept(listener, NULL, NULL);
	close(listener);
}

static void use_messages(int from, int to)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	struct timeval limit = {0, 20000};

	line("send", send(to, "abcdefgh", 8, MSG_NOSIGNAL));
	line("peek", recv(from, buffer, 4, MSG_PEEK));
	line("receive all", recv(from, buffer, 8, MSG_WAITALL));
	line("send to an address", sendto(to, "ij", 2, 0, (struct sockaddr *)&peer, sizeof(peer)));
	line("receive with an address",
	     recvfrom(from, buffer, 8, 0, (struct sockaddr *)&peer, &size));
	line("receive when empty", recv(from, buffer, 8, MSG_DONTWAIT));
	line("receive to nowhere", recv(from, NOWHERE, 8, MSG_DONTWAIT));
	line("send from nowhere", send(to, NOWHERE, 8, 0));
	line("send nothing", send(to, buffer, 0, 0));
	line("send more", send(to, "k", 1, MSG_MORE));
	line("send the last", send(to, "l", 1, 0));
	line("receive both", recv(from, buffer, 8, 0));
	line("send urgently", send(to, "u", 1, MSG_OOB));
	usleep(20000);
	line("receive what is urgent", recv(from, buffer, 1, MSG_OOB));
	line("receive errors", recv(from, buffer, 1, MSG_ERRQUEUE));
	setsockopt(from, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	line("receive for a while", recv(from, buffer, 1, 0));
	line("read for a while", read(from, buffer, 1));
	limit.tv_usec = 0;
	setsockopt(from, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	line("send to no socket", send(open("/dev/null", O_WRONLY), buffer, 1, 0));
	line("receive from nobody", recv(-1, buffer, 1, 0));
}

static void *fill(void *argument)
{
	int to = *(int *)argument;
	static uint32_t words[TRANSFER_BYTES / 4];
	size_t done = 0;

	for (uint32_t i = 0; i < TRANSFER_BYTES / 4; i++)
		words[i] = i * 2654435761u;
	while (done < TRANSFER_BYTES) {
		ssize_t part = write(to, (char *)words + done, TRANSFER_BYTES - done);

		if (part <= 0)
			break;
		done += part;
	}
	return NULL;
}

/* With another thread, whose files are shared. */
static void transfer(int from, int to)
{
	static uint32_t words[TRANSFER_BYTES / 4];
	size_t done = 0;
	pthread_t thread;
	long wrong = 0;

	pthread_create(&thread, NULL, fill, &to);
	while (done < TRANSFER_BYTES) {
		ssize_t part = read(from, (char *)words + done, TRANSFER_BYTES - done);

		if (part <= 0)
			break;
		done += part;
	}
	pthread_join(thread, NULL);
	for (uint32_t i = 0; i < TRANSFER_BYTES / 4; i++)
		wrong += words[i] != i * 2654435761u;
	line("transferred", done);
	line("wrong words", wrong);
}

static void use_tcp(void)
{
	int ends[2];

	printf("-- connections\n");
	connect_tcp(ends);
	use_messages(ends[0], ends[1]);
	transfer(ends[0], ends[1]);
	shutdown(ends[1], SHUT_WR);
	line("write after the end", write(ends[1], buffer, 1));
	line("send after the end", send(ends[1], buffer, 1, MSG_NOSIGNAL));
	line("read at the end", read(ends[0], buffer, 1));
	close(ends[0]);
	close(ends[1]);
	connect_tcp(ends);
	use_stream("tcp", ends[0], ends[1]);
	end_stream(ends[0], -1, ends[1]);
}

/* Somebody watches, so it must be told. */
static void use_watched_fifo(void)
{
	char path[] = "/tmp/ukl-fifo-XXXXXX";
	struct inotify_event event;
	int watch = inotify_init1(IN_NONBLOCK), fifo;

	printf("-- a watched fifo\n");
	fifo = open_fifo(path);
	inotify_add_watch(watch, path, IN_ACCESS | IN_MODIFY);
	line("write", write(fifo, "x", 1));
	line("read", read(fifo, buffer, 1));
	while (read(watch, &event, sizeof(event)) == sizeof(event))
		printf("event %x\n", event.mask);
	close(fifo);
	close(watch);
	unlink(path);
}

static void use_epoll(void)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = 7}, events[4];
	int ends[2], epoll = epoll_create1(0);
	uint64_t count = 1;
	int counter = eventfd(0, 0);

	printf("-- epoll\n");
	pipe(ends);
	epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event);
	event.data.u32 = 8;
	event.events = EPOLLIN | EPOLLONESHOT;
	epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event);
	line("nothing yet", epoll_wait(epoll, events, 4, 0));
	line("nothing for a while", epoll_wait(epoll, events, 4, 20));
	write(ends[1], "x", 1);
	write(counter, &count, sizeof(count));
	line("to nowhere", epoll_wait(epoll, NOWHERE, 4, -1));
	line("no events", epoll_wait(epoll, events, 0, -1));
	line("one of two", epoll_wait(epoll, events, 1, -1));
	printf("%x %u\n", events[0].events, events[0].data.u32);
	line("the other one", epoll_wait(epoll, events, 4, -1));
	printf("%x %u\n", events[0].events, events[0].data.u32);
	line("once each", epoll_wait(epoll, events, 4, 0));
	line("of a pipe", epoll_wait(ends[0], events, 4, 0));
	line("of nothing", epoll_wait(-1, events, 4, 0));
	handle(SIGALRM, SA_RESTART);
	alarm_in_ms(20);
	line("until a signal", epoll_wait(epoll, events, 4, -1));
	close(ends[0]);
	close(ends[1]);
	close(counter);
	close(epoll);
}

static double now_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/*
 * To right behind a tick of the kernel, with which its coarse clock goes on. On a host with other
 * work hardly a tick is seen when it comes, so not for long.
 */
static void await_tick(void)
{
	double first = now_ms(CLOCK_MONOTONIC), begin, coarse;

	do {
		begin = now_ms(CLOCK_MONOTONIC);
		coarse = now_ms(CLOCK_MONOTONIC_COARSE);
	} while (
	    (now_ms(CLOCK_MONOTONIC_COARSE) == coarse || now_ms(CLOCK_MONOTONIC) - begin > 0.2) &&
	    begin - first < 50);
}

/* Once or again and again. */
static void expire(int timer, long ms, int repeats)
{
	struct timespec time = {0, ms * 1000000};
	struct itimerspec times = {{0, repeats ? time.tv_nsec : 0}, time};

	timerfd_settime(timer, 0, &times, NULL);
}

/*
 * What ends a wait that begins behind a tick: no wait is shorter than that, and some end soon,
 * not with the next tick. How many do so is also up to a host with other work.
 */
static void end_wait_soon(int epoll, int timer, int to_other)
{
	enum { TIMEOUT, SIGNAL, EVENT, PROCESS, WAYS };
	static const struct {
		const char *what;
		long end_ms;
	} ways[WAYS] = {
	    {"its timeout", 7}, {"a signal", 1}, {"an event", 1}, {"another process", 1}};
	struct epoll_event event;
	uint64_t count;

	for (int way = 0; way < WAYS; way++) {
		int limit_ms = way == TIMEOUT ? ways[way].end_ms : 5000;
		int soon = 0, early = 0;

		for (int i = 0; i < 40; i++) {
			double begin, length;

			await_tick();
			begin = now_ms(CLOCK_MONOTONIC);
			if (way == SIGNAL)
				alarm_in_ms(1);
			if (way == EVENT)
				expire(timer, 1, 0);
			if (way == PROCESS)
				write(to_other, "x", 1);
			if (i % 2)
				epoll_wait(epoll, &event, 1, limit_ms);
			else
				epoll_pwait(epoll, &event, 1, limit_ms, NULL);
			length = now_ms(CLOCK_MONOTONIC) - begin;
			early += length < ways[way].end_ms;
			soon += length < ways[way].end_ms + 2;
			if (way == EVENT)
				read(timer, &count, sizeof(count));
		}
		printf("a wait until %s: %s\n", ways[way].what,
		       early	   ? "too short"
		       : soon >= 4 ? "in time"
				   : "too long");
	}
	line("signals", 0);
}

/* What the kernel knows of its processors' time, idle or not, in ms of each. */
static double accounted_ms(void)
{
	FILE *file = fopen("/proc/stat", "r");
	double ticks = 0, part;
	char text[9];
	int cpus = 0;

	if (fscanf(file, "%8s", text) != 1)
		exit(1);
	while (fscanf(file, "%lf", &part) == 1)
		ticks += part;
	while (fscanf(file, "%8s%*[^\n]", text) == 1)
		cpus += !strncmp(text, "cpu", 3);
	fclose(file);
	return ticks * 1e3 / sysconf(_SC_CLK_TCK) / cpus;
}

/* Waits, for events within a tick or later, take no time of the processor and yet are counted. */
static void wait_without_work(int epoll, int timer)
{
	static const long period_ms[] = {2, 6};

	handle(SIGPROF, SA_RESTART);
	for (int i = 0; i < 2; i++) {
		struct itimerval limit = {{0, 0}, {0, 500000}};
		double begin = now_ms(CLOCK_MONOTONIC);
		double worked = now_ms(CLOCK_PROCESS_CPUTIME_ID);
		double accounted = accounted_ms();
		struct epoll_event event;
		uint64_t count;

		setitimer(ITIMER_PROF, &limit, NULL);
		expire(timer, period_ms[i], 1);
		while (now_ms(CLOCK_MONOTONIC) - begin < 1000) {
			epoll_wait(epoll, &event, 1, -1);
			read(timer, &count, sizeof(count));
		}
		worked = now_ms(CLOCK_PROCESS_CPUTIME_ID) - worked;
		limit.it_value.tv_usec = 0;
		setitimer(ITIMER_PROF, &limit, NULL);
		line("a processor's time", worked < 500);
		line("time that is accounted for", accounted_ms() - accounted > 600);
	}
	expire(timer, 0, 0);
}

static void *wait_for_one(void *epoll)
{
	struct epoll_event event;

	return (void *)(long)epoll_wait(*(int *)epoll, &event, 1, 100);
}

/* Another process, which answers each byte after 1 ms; its input ends it. */
static pid_t start_other(int to_other[2], int from_other[2])
{
	pid_t child;
	char byte;

	pipe(to_other);
	pipe(from_other);
	fflush(stdout);
	child = fork();
	if (child > 0)
		return child;
	close(to_other[1]);
	while (read(to_other[0], &byte, 1) == 1) {
		usleep(1000);
		write(from_other[1], &byte, 1);
	}
	_exit(0);
}

/* For events that nothing but an interrupt brings, or another task. */
static void wait_in_place(void)
{
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), epoll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	int to_other[2], from_other[2];
	cpu_set_t all, one;
	pthread_t thread;
	void *of_thread;
	long of_us;
	pid_t other;

	printf("-- waits\n");
	handle(SIGALRM, 0);
	/* Between two CPUs it takes a while, however the wait is made. */
	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	other = start_other(to_other, from_other);
	epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
	epoll_ctl(epoll, EPOLL_CTL_ADD, from_other[0], &event);
	end_wait_soon(epoll, timer, to_other[1]);
	wait_without_work(epoll, timer);
	expire(timer, 20, 0);
	pthread_create(&thread, NULL, wait_for_one, &epoll);
	of_us = (long)wait_for_one(&epoll);
	pthread_join(thread, &of_thread);
	line("one event for two", of_us + (long)of_thread);
	close(to_other[1]);
	waitpid(other, NULL, 0);
	close(to_other[0]);
	close(from_other[0]);
	close(from_other[1]);
	close(timer);
	close(epoll);
	sched_setaffinity(0, sizeof(all), &all);
}

static int word;

static void *wake(void *argument)
{
	(void)argument;
	usleep(20000);
	word = 1;
	while (CALL(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, 0) == 0)
		usleep(1000);
	return NULL;
}

static void use_futex(void)
{
	struct timespec limit = {0, 20000000};
	pthread_t thread;

	printf("-- futex\n");
	line("wake nobody", CALL(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, 0));
	line("wait for another value", CALL(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, 0));
	line("wait for a while", CALL(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit));
	line("nowhere", CALL(SYS_futex, NOWHERE, FUTEX_WAIT, 0, 0));
	line("not aligned", CALL(SYS_futex, (char *)&word + 1, FUTEX_WAKE_PRIVATE, 1, 0));
	line("no operation", CALL(SYS_futex, &word, 99, 1, 0));
	line("unlock what is free", CALL(SYS_futex, &word, FUTEX_UNLOCK_PI_PRIVATE, 0, 0));
	handle(SIGALRM, 0);
	alarm_in_ms(20);
	line("wait until a signal", CALL(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, 0));
	pthread_create(&thread, NULL, wake, NULL);
	line("wait for a thread", CALL(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, 0));
	pthread_join(thread, NULL);
}

static void use_clocks(void)
{
	struct timespec before, now, coarse;

	printf("-- clocks\n");
	for (clockid_t clock = CLOCK_REALTIME; clock <= CLOCK_MONOTONIC; clock++) {
		clock_gettime(clock, &before);
		line("clock", CALL(SYS_clock_gettime, clock, &now, 0, 0));
		clock_gettime(clock, &coarse);
		line("in order", (before.tv_sec < now.tv_sec || before.tv_nsec <= now.tv_nsec) &&
				     now.tv_sec - before.tv_sec < 2 && coarse.tv_sec >= now.tv_sec);
		line("to nowhere", CALL(SYS_clock_gettime, clock, NOWHERE, 0, 0));
	}
	line("another clock", CALL(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &now, 0, 0));
	line("no clock", CALL(SYS_clock_gettime, 99, &now, 0, 0));
}

static void use_numbers(void)
{
	pid_t parent = getpid(), child;
	int status = 0;

	printf("-- numbers\n");
	line("thread", gettid() - parent);
	line("users and groups", getuid() + geteuid() + getgid() + getegid());
	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(getppid() == parent && getpid() != parent && getpid() == gettid() ? 42 : 1);
	waitpid(child, &status, 0);
	line("in a child", WEXITSTATUS(status));
	fflush(stdout);
	child = fork();
	if (child == 0) {
		unshare(CLONE_NEWUSER);
		line("users without a name", getuid());
		line("effective", geteuid());
		line("groups without a name", getgid());
		line("effective", getegid());
		exit(0);
	}
	waitpid(child, &status, 0);
}

int main(void)
{
	handle(SIGPIPE, 0);
	use_numbers();
	use_pipes();
	use_pieces();
	tell_times_of_a_fifo();
	pass_tokens();
	use_local_sockets();
	use_tcp();
	use_watched_fifo();
	use_epoll();
	wait_in_place();
	use_futex();
	use_clocks();
	return 0;
}
