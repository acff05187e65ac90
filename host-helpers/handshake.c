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
 * On the connections each frame has its length in front, in four bytes. passt of Debian 12 loses
 * its place where what it reads ends within these, so whole frames are sent to it, and no more at
 * once than the kernel keeps together.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
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

#define LENGTH_BYTES 4
#define FRAME_BYTES (64 * 1024 + 4096) /* as long as QEMU takes them */
#define BATCH_BYTES (32 * 1024)	       /* the kernel keeps a little more together */
#define BUFFER_BYTES (4 * FRAME_BYTES)

#define ETHERNET_BYTES 14
#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define TCP_BYTES 20
#define TCP_SYN 0x02
#define TCP_ACK 0x10
/* Times the client's scale, which passt alone knows; it says more with its first own segment. */
#define FIRST_WINDOW 512

/*
 * In flight to the guest at most, of a connection: two segments, so that the guest acknowledges at
 * once, and less than what the kernel keeps.
 */
#define WINDOW_BYTES (2 * 65460)
#define OPTION_END 0
#define OPTION_NONE 1
#define OPTION_SCALE 3
#define MAX_SCALE 14 /* RFC 7323, section 2.3 */

/* No event tells that passt has read. */
static const struct timespec look_after = {.tv_nsec = 50000};

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

/* The scale of the guest's windows and one, by what `connection_slot` says. */
static unsigned char scales[1 << 16];

static uint16_t get16(const unsigned char *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t get32(const unsigned char *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(unsigned char *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
}

static void put32(unsigned char *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

/* RFC 1071, for an even number of bytes. */
static uint16_t checksum(const unsigned char *bytes, size_t count, uint32_t sum)
{
	for (size_t i = 0; i < count; i += 2)
		sum += get16(bytes + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* Where the TCP header of a frame begins, or 0 for a frame without one or with less than one. */
static size_t tcp_offset(const unsigned char *frame, size_t length)
{
	size_t offset = 0;

	if (length < ETHERNET_BYTES + IPV4_BYTES)
		return 0;
	if (get16(frame + 12) == 0x0800) {
		const unsigned char *ip = frame + ETHERNET_BYTES;

		if (ip[0] >> 4 != 4 || ip[9] != IPPROTO_TCP || get16(ip + 6) & 0x3fff)
			return 0;
		offset = ETHERNET_BYTES + (ip[0] & 0xf) * 4;
	} else if (get16(frame + 12) == 0x86dd) {
		if (frame[ETHERNET_BYTES + 6] != IPPROTO_TCP)
			return 0;
		offset = ETHERNET_BYTES + IPV6_BYTES;
	}
	return length < offset + TCP_BYTES ? 0 : offset;
}

/* Writes what answers a SYN and ACK, with the length in front; returns how long that is. */
static size_t write_answer(unsigned char *out, const unsigned char *frame, size_t tcp_at)
{
	int is_ipv4 = get16(frame + 12) == 0x0800;
	size_t address_bytes = is_ipv4 ? 4 : 16;
	size_t ip_bytes = is_ipv4 ? IPV4_BYTES : IPV6_BYTES;
	size_t addresses_at = is_ipv4 ? 12 : 8;
	const unsigned char *theirs = frame + tcp_at;
	unsigned char *ethernet = out + LENGTH_BYTES;
	unsigned char *ip = ethernet + ETHERNET_BYTES;
	unsigned char *tcp = ip + ip_bytes;
	unsigned char *addresses = ip + addresses_at;

	put32(out, ETHERNET_BYTES + ip_bytes + TCP_BYTES);
	memcpy(ethernet, frame + 6, 6);
	memcpy(ethernet + 6, frame, 6);
	memcpy(ethernet + 12, frame + 12, 2);

	memset(ip, 0, ip_bytes + TCP_BYTES);
	frame += ETHERNET_BYTES + addresses_at;
	memcpy(addresses, frame + address_bytes, address_bytes);
	memcpy(addresses + address_bytes, frame, address_bytes);
	if (is_ipv4) {
		ip[0] = 0x45;
		put16(ip + 2, IPV4_BYTES + TCP_BYTES);
		put16(ip + 6, 0x4000); /* in one piece */
		ip[8] = 64;
		ip[9] = IPPROTO_TCP;
		put16(ip + 10, checksum(ip, IPV4_BYTES, 0));
	} else {
		ip[0] = 0x60;
		put16(ip + 4, TCP_BYTES);
		ip[6] = IPPROTO_TCP;
		ip[7] = 64;
	}

	memcpy(tcp, theirs + 2, 2);
	memcpy(tcp + 2, theirs, 2);
	memcpy(tcp + 4, theirs + 8, 4);
	put32(tcp + 8, get32(theirs + 4) + 1);
	tcp[12] = TCP_BYTES / 4 << 4;
	tcp[13] = TCP_ACK;
	put16(tcp + 14, FIRST_WINDOW);
	/* Addresses and TCP are next to each other, and the pseudo header has two words more. */
	put16(tcp + 16,
	      checksum(addresses, 2 * address_bytes + TCP_BYTES, IPPROTO_TCP + TCP_BYTES));
	return LENGTH_BYTES + ETHERNET_BYTES + ip_bytes + TCP_BYTES;
}

/* Of addresses and ports. Connections that share one have the same scale, as a rule. */
static size_t connection_slot(const unsigned char *frame, size_t tcp_at)
{
	size_t at = ETHERNET_BYTES + (get16(frame + 12) == 0x0800 ? 12 : 8);
	uint32_t hash = 2166136261;

	for (; at < tcp_at + 4; at++)
		hash = (hash ^ frame[at]) * 16777619;
	return (hash ^ hash >> 16) & 0xffff;
}

/* Of the windows of who sends this SYN. */
static unsigned scale_option(const unsigned char *tcp, size_t length)
{
	size_t end = (tcp[12] >> 4) * 4;

	if (end > length)
		return 0;
	for (size_t at = TCP_BYTES; at < end && tcp[at] != OPTION_END;) {
		if (tcp[at] == OPTION_NONE) {
			at++;
			continue;
		}
		if (at + 2 >= end || tcp[at + 1] < 2)
			break;
		if (tcp[at] == OPTION_SCALE)
			return tcp[at + 2] > MAX_SCALE ? MAX_SCALE : tcp[at + 2];
		at += tcp[at + 1];
	}
	return 0;
}

static void limit_window(unsigned char *frame, size_t length, size_t tcp_at)
{
	unsigned char *tcp = frame + tcp_at;
	unsigned char *scale = &scales[connection_slot(frame, tcp_at)];
	uint16_t window = get16(tcp + 14), most;
	uint32_t sum;

	if (tcp[13] & TCP_SYN) {
		*scale = scale_option(tcp, length - tcp_at) + 1;
		return;
	}
	if (!*scale || window <= WINDOW_BYTES >> (*scale - 1))
		return;
	most = WINDOW_BYTES >> (*scale - 1);
	/* RFC 1624 */
	sum = (uint16_t)~get16(tcp + 16) + (uint16_t)~window + most;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(tcp + 14, most);
	put16(tcp + 16, ~sum);
}

/* Without room for the answer there is none: the guest sends its SYN and ACK again. */
static void look_at(unsigned char *frame, size_t length)
{
	size_t tcp_at = tcp_offset(frame, length);
	unsigned char answer[LENGTH_BYTES + ETHERNET_BYTES + IPV6_BYTES + TCP_BYTES];
	unsigned char *end = to_qemu.bytes + to_qemu.whole;
	size_t count;

	if (!tcp_at)
		return;
	limit_window(frame, length, tcp_at);
	if (!completes_handshakes ||
	    (frame[tcp_at + 13] & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK))
		return;
	count = write_answer(answer, frame, tcp_at);
	if (to_qemu.filled + count > BUFFER_BYTES)
		return;
	memmove(end + count, end, to_qemu.filled - to_qemu.whole);
	memcpy(end, answer, count);
	to_qemu.whole += count;
	to_qemu.filled += count;
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
		if (way == &to_passt)
			look_at(bytes + way->whole + LENGTH_BYTES, length);
		way->whole += LENGTH_BYTES + length;
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
		if (ppoll(ends, 2, is_waiting ? &look_after : NULL, NULL) < 0 && errno != EINTR)
			return QEMU_ENDED;
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
 * handshakes, and the process that is to end when passt does. Without any, what passt sends over
 * its end, which is standard input, gets the most room that users may have.
 */
int main(int argc, char **argv)
{
	const int room = 8 * 1024 * 1024;
	int machine;

	if (argc == 1)
		return setsockopt(STDIN_FILENO, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) < 0;
	if (argc < 4)
		return 2;
	machine = argc > 4 ? syscall(SYS_pidfd_open, atoi(argv[4]), 0) : -1;
	completes_handshakes = !strcmp(argv[3], "complete");
	if (relay(atoi(argv[1]), atoi(argv[2])) != PASST_ENDED)
		return 0;
	tell_that_passt_ended(machine);
	return 1;
}
