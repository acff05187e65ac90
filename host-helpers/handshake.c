// SPDX-License-Identifier: MIT
/*
 * Stands between QEMU and passt, between the two connections that the arguments name
 * (src/vm/passt.ts), and helps passt with TCP. It ends when one of the two does.
 *
 * passt sends as much at once as the guest's window has room for, and of that the kernel keeps what
 * it has room for. What is lost then takes passt of Debian 12 two seconds, and where it was at the
 * end of a connection, passt of Debian 13 never sends it again. So the guest's windows are made
 * smaller here.
 *
 * passt of Debian 12 leaves out the last segment of a handshake: it takes the guest's SYN and ACK
 * for its end and says nothing until the client does, and the guest's server would not learn of a
 * client that waits for its greeting. Where it is told to complete handshakes, it answers each SYN
 * and ACK of the guest itself, which goes on to passt all the same.
 *
 * That passt also counts the segments of a connection that it reads at once as more than they are
 * where the first one has SYN, and goes round for good. So what follows a SYN waits until passt has
 * read that one.
 *
 * passt sends SYN and FIN once, and a listener whose backlog is full answers no SYN: the guest gets
 * them again (again.c). What it refuses over IPv6 it gets over IPv4 (families.c); all else that is
 * done here is done with the segments that passt knows.
 *
 * On the connections each frame has its length in front, in four bytes. passt of Debian 12 loses
 * its place where what it reads ends within these, so whole frames are sent to it, and no more at
 * once than the kernel keeps together.
 */
#define _GNU_SOURCE
#include "again.h"
#include "families.h"
#include "segments.h"
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FRAME_BYTES (64 * 1024 + 4096) /* as long as QEMU takes them */
#define BATCH_BYTES (32 * 1024)	       /* the kernel keeps a little more together */
#define BUFFER_BYTES (4 * FRAME_BYTES)

/* No event tells that passt has read. */
#define LOOK_AFTER_NS 50000

/* One direction: frames [sent, whole) can go on, a part of the next one is in [whole, filled). */
struct direction {
	int from, to;
	size_t sent, whole, filled;
	size_t rest; /* of frames that are sent together, of which a part was */
	unsigned char bytes[BUFFER_BYTES];
};

static struct direction to_passt, to_qemu;

static int completes_handshakes;
static int has_syn_unread; /* by passt */

/* Puts a frame, with its length in front, between two to the guest. Without room it is lost. */
static void insert_to_qemu(const unsigned char *bytes, size_t count)
{
	unsigned char *end = to_qemu.bytes + to_qemu.whole;

	if (to_qemu.filled + count > BUFFER_BYTES)
		return;
	memmove(end + count, end, to_qemu.filled - to_qemu.whole);
	memcpy(end, bytes, count);
	to_qemu.whole += count;
	to_qemu.filled += count;
}

/* One without data. */
static void send_to_guest(const unsigned char *frame, size_t length)
{
	unsigned char bytes[LENGTH_BYTES + AGAIN_BYTES];
	ssize_t count = to_guest_family(bytes + LENGTH_BYTES, frame, length);

	if (count < 0) {
		count = length;
		memcpy(bytes + LENGTH_BYTES, frame, length);
	}
	put32(bytes, count);
	if (count)
		insert_to_qemu(bytes, LENGTH_BYTES + count);
}

/* Without the answer, when there is no room for it, the guest sends its SYN and ACK again. */
static void look_at(const struct direction *way, unsigned char *frame, size_t length)
{
	size_t tcp_at = tcp_offset(frame, length);
	unsigned char answer[ANSWER_BYTES];
	size_t count;

	if (!tcp_at)
		return;
	if (way == &to_qemu) {
		note_sent(frame, length, tcp_at);
		return;
	}
	note_answer(frame, tcp_at);
	limit_window(frame, length, tcp_at);
	if (!completes_handshakes ||
	    (frame[tcp_at + 13] & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK))
		return;
	count = write_answer(answer, frame, tcp_at);
	send_to_guest(answer + LENGTH_BYTES, count - LENGTH_BYTES);
}

/* What goes on in the place of the frame at `whole`, as the families say. */
static ssize_t translate(struct direction *way, size_t length, unsigned char *out)
{
	unsigned char *frame = way->bytes + way->whole + LENGTH_BYTES;
	ssize_t count;

	if (way == &to_qemu) {
		look_at(way, frame, length);
		return to_guest_family(out, frame, length);
	}
	count = from_guest_family(out, frame, length, send_to_guest);
	if (count < 0)
		look_at(way, frame, length);
	else
		look_at(way, out, count);
	return count;
}

/* Without room for one that has become longer it is lost. */
static void pass_frame(struct direction *way, size_t length)
{
	static unsigned char out[FRAME_BYTES + GROWTH_BYTES];
	ssize_t count = translate(way, length, out);
	unsigned char *frame = way->bytes + way->whole;
	size_t before = LENGTH_BYTES + length, after = count > 0 ? LENGTH_BYTES + count : 0;

	if (count < 0) {
		way->whole += before;
		return;
	}
	if (way->filled - before + after > BUFFER_BYTES)
		after = 0;
	memmove(frame + after, frame + before, way->filled - way->whole - before);
	way->filled += after - before;
	way->whole += after;
	if (after) {
		put32(frame, count);
		memcpy(frame + LENGTH_BYTES, out, count);
	}
}

static int would_wait(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Reads what there is; -1 when there will be no more, or it makes no sense. */
static int take(struct direction *way)
{
	unsigned char *bytes = way->bytes;
	ssize_t got =
	    recv(way->from, bytes + way->filled, BUFFER_BYTES - way->filled, MSG_DONTWAIT);

	if (got <= 0)
		return got < 0 && would_wait() ? 0 : -1;
	way->filled += got;
	while (way->filled - way->whole >= LENGTH_BYTES) {
		size_t length = get32(bytes + way->whole);

		if (length > FRAME_BYTES)
			return -1;
		if (way->filled - way->whole < LENGTH_BYTES + length)
			break;
		pass_frame(way, length);
	}
	return 0;
}

static int begins_connection(const unsigned char *frame, size_t length)
{
	size_t tcp_at = tcp_offset(frame, length);

	return tcp_at && frame[tcp_at + 13] & TCP_SYN;
}

/* How many bytes the next frames have that are sent together. To passt a SYN is the last one. */
static size_t next_batch(const struct direction *way)
{
	size_t end = way->sent;

	while (end < way->whole) {
		const unsigned char *frame = way->bytes + end + LENGTH_BYTES;
		size_t length = get32(way->bytes + end);
		size_t count = LENGTH_BYTES + length;

		if (end > way->sent && end + count - way->sent > BATCH_BYTES)
			break;
		end += count;
		if (way == &to_passt && begins_connection(frame, length)) {
			has_syn_unread = 1;
			break;
		}
	}
	return end - way->sent;
}

/* Whether frames have to wait for passt. Where the kernel does not tell what is unread, none do. */
static int must_wait(const struct direction *way)
{
	int unread = 0;

	if (way != &to_passt || way->rest || !has_syn_unread)
		return 0;
	if (ioctl(way->to, SIOCOUTQ, &unread) < 0 || unread == 0)
		has_syn_unread = 0;
	return has_syn_unread;
}

/* Sends what can be sent now; -1 when nobody takes it any more. */
static int pass_on(struct direction *way)
{
	while (way->sent < way->whole) {
		ssize_t sent;

		if (must_wait(way))
			return 0;
		if (!way->rest)
			way->rest = next_batch(way);
		sent =
		    send(way->to, way->bytes + way->sent, way->rest, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0)
			return would_wait() ? 0 : -1;
		way->sent += sent;
		way->rest -= sent;
	}
	way->filled -= way->sent;
	memmove(way->bytes, way->bytes + way->sent, way->filled);
	way->whole = way->sent = 0;
	return 0;
}

/* Until one of the ends is ready, passt may have read, or something has to be sent again. */
static int wait_for(struct pollfd ends[2], int is_waiting)
{
	int most_ms = wait_ms();
	struct timespec most = {.tv_sec = most_ms / 1000, .tv_nsec = most_ms % 1000 * 1000000};

	if (is_waiting)
		most = (struct timespec){.tv_nsec = LOOK_AFTER_NS};
	if (ppoll(ends, 2, is_waiting || most_ms >= 0 ? &most : NULL, NULL) < 0 && errno != EINTR)
		return -1;
	return 0;
}

enum end { QEMU_ENDED, PASST_ENDED };

/* Returns when one of the two has gone; the other one goes when we do. */
static enum end relay(int qemu, int passt)
{
	to_passt.from = to_qemu.to = qemu;
	to_passt.to = to_qemu.from = passt;
	for (;;) {
		struct pollfd ends[] = {{.fd = qemu}, {.fd = passt}};
		int is_waiting = to_passt.sent < to_passt.whole && must_wait(&to_passt);

		if (to_passt.filled < BUFFER_BYTES)
			ends[0].events |= POLLIN;
		if (to_qemu.filled < BUFFER_BYTES)
			ends[1].events |= POLLIN;
		if (to_qemu.sent < to_qemu.whole)
			ends[0].events |= POLLOUT;
		if (to_passt.sent < to_passt.whole && !is_waiting)
			ends[1].events |= POLLOUT;
		if (wait_for(ends, is_waiting) < 0)
			return QEMU_ENDED;
		send_again(send_to_guest);
		if (ends[0].revents & POLLIN && take(&to_passt) < 0)
			return QEMU_ENDED;
		if (ends[0].revents & (POLLERR | POLLNVAL) || pass_on(&to_qemu) < 0)
			return QEMU_ENDED;
		if (ends[1].revents & POLLIN && take(&to_qemu) < 0)
			return PASST_ENDED;
		if (ends[1].revents & (POLLERR | POLLNVAL) || pass_on(&to_passt) < 0)
			return PASST_ENDED;
		if (pass_on(&to_qemu) < 0)
			return QEMU_ENDED;
	}
}

/* Ends the machine that has lost its network, and tells why. */
static void tell_that_passt_ended(int machine)
{
	fputs("passt ended before the guest did", stderr);
	if (machine >= 0 && syscall(SYS_pidfd_send_signal, machine, SIGKILL, NULL, 0) == 0)
		fputs(": the machine was ended\n", stderr);
	else
		fputs(": the guest has no network any more\n", stderr);
}

/*
 * The arguments are the file descriptors of QEMU's and of passt's end, "complete" or "pass" for
 * handshakes, the guest's IPv4 address and that of clients that are translated to IPv4, and the
 * process that is to end when passt does. Without any, what passt sends over its end, which is
 * standard input, gets the most room that users may have.
 */
int main(int argc, char **argv)
{
	const int room = 8 * 1024 * 1024;
	int machine;

	if (argc == 1)
		return setsockopt(STDIN_FILENO, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) < 0;
	if (argc < 6 || set_families(argv[4], argv[5]) < 0)
		return 2;
	machine = argc > 6 ? syscall(SYS_pidfd_open, atoi(argv[6]), 0) : -1;
	completes_handshakes = !strcmp(argv[3], "complete");
	if (relay(atoi(argv[1]), atoi(argv[2])) != PASST_ENDED)
		return 0;
	tell_that_passt_ended(machine);
	return 1;
}
