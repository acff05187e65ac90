// SPDX-License-Identifier: MIT
#include "segments.h"
#include <netinet/in.h>
#include <string.h>

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

/* The scale of the guest's windows and one, by what `connection_slot` says. */
static unsigned char scales[1 << 16];

uint16_t checksum(const unsigned char *bytes, size_t count, uint32_t sum)
{
	for (size_t i = 0; i < count; i += 2)
		sum += get16(bytes + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

void change_sum(unsigned char *tcp, uint32_t before, uint32_t after)
{
	uint32_t sum = (uint16_t)~get16(tcp + 16);

	while (before >> 16)
		before = (before & 0xffff) + (before >> 16);
	sum += (uint16_t)~before + after;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(tcp + 16, ~sum);
}

size_t tcp_offset(const unsigned char *frame, size_t length)
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

size_t data_bytes(const unsigned char *frame, size_t length, size_t tcp_at)
{
	const unsigned char *ip = frame + ETHERNET_BYTES;
	size_t end = ETHERNET_BYTES;
	size_t begin = tcp_at + (frame[tcp_at + 12] >> 4) * 4;

	/* Ethernet may have filled a short frame up. */
	end += get16(frame + 12) == 0x0800 ? get16(ip + 2) : IPV6_BYTES + get16(ip + 4);
	if (end > length)
		end = length;
	return end > begin ? end - begin : 0;
}

size_t write_answer(unsigned char *out, const unsigned char *frame, size_t tcp_at)
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

void limit_window(unsigned char *frame, size_t length, size_t tcp_at)
{
	unsigned char *tcp = frame + tcp_at;
	unsigned char *scale = &scales[connection_slot(frame, tcp_at)];
	uint16_t window = get16(tcp + 14), most;

	if (tcp[13] & TCP_SYN) {
		*scale = scale_option(tcp, length - tcp_at) + 1;
		return;
	}
	if (!*scale || window <= WINDOW_BYTES >> (*scale - 1))
		return;
	most = WINDOW_BYTES >> (*scale - 1);
	put16(tcp + 14, most);
	change_sum(tcp, window, most);
}
