// SPDX-License-Identifier: MIT
#include "families.h"
#include "segments.h"
#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#define IPV4_TYPE 0x0800
#define IPV6_TYPE 0x86dd
#define ADDRESS_BYTES 16 /* of IPv6 */

#define UNCHANGED -1

#define CLIENT_ENDED 1
#define SERVER_ENDED 2

/* Of a full set what is not translated is forgotten. */
#define SETS 1024
#define WAYS 8

enum state { UNUSED, ASKED, TRANSLATED };

/* A connection over IPv6. */
struct flow {
	enum state state;
	unsigned ended;
	uint64_t turn; /* when it began, as a number */
	unsigned char client[ADDRESS_BYTES], server[ADDRESS_BYTES];
	unsigned char ports[4]; /* the client's, and the server's */
	size_t length;
	unsigned char syn[AGAIN_BYTES];
};

/* What a segment says of its connection. */
struct heading {
	int is_ipv6;
	const unsigned char *from, *to; /* addresses */
	const unsigned char *tcp;
	unsigned flags;
};

static struct flow flows[SETS][WAYS];
static uint64_t turns;
static struct in_addr guest_address, client_address;

int set_families(const char *guest, const char *client)
{
	if (inet_pton(AF_INET, guest, &guest_address) != 1)
		return -1;
	return inet_pton(AF_INET, client, &client_address) == 1 ? 0 : -1;
}

static int read_heading(struct heading *heading, const unsigned char *frame, size_t length)
{
	size_t tcp_at = tcp_offset(frame, length);

	if (!tcp_at)
		return 0;
	heading->is_ipv6 = get16(frame + 12) == IPV6_TYPE;
	heading->from = frame + ETHERNET_BYTES + (heading->is_ipv6 ? 8 : 12);
	heading->to = heading->from + (heading->is_ipv6 ? ADDRESS_BYTES : 4);
	heading->tcp = frame + tcp_at;
	heading->flags = frame[tcp_at + 13];
	return 1;
}

/* Both ways: the port of the client first. */
static struct flow *set_of(const unsigned char ports[4])
{
	uint32_t hash = (get16(ports) * 31 + get16(ports + 2)) * 2654435761u;

	return flows[(hash >> 16) % SETS];
}

static struct flow *find(const unsigned char ports[4], const unsigned char *client)
{
	struct flow *set = set_of(ports);

	for (size_t way = 0; way < WAYS; way++)
		if (set[way].state != UNUSED && !memcmp(set[way].ports, ports, 4) &&
		    !memcmp(set[way].client, client, ADDRESS_BYTES))
			return &set[way];
	return NULL;
}

/* Translated connections have the client's port alone to be known by. */
static struct flow *find_translated(const unsigned char ports[4])
{
	struct flow *set = set_of(ports);

	for (size_t way = 0; way < WAYS; way++)
		if (set[way].state == TRANSLATED && !memcmp(set[way].ports, ports, 4))
			return &set[way];
	return NULL;
}

static int is_over(const struct flow *flow)
{
	return flow->state == UNUSED || flow->ended == (CLIENT_ENDED | SERVER_ENDED);
}

/* NULL where all are in use. */
static struct flow *make_room(const unsigned char ports[4])
{
	struct flow *set = set_of(ports), *chosen = NULL;

	for (size_t way = 0; way < WAYS; way++) {
		if (is_over(&set[way]))
			return &set[way];
		if (set[way].state == ASKED && (!chosen || set[way].turn < chosen->turn))
			chosen = &set[way];
	}
	return chosen;
}

/* Remembers a SYN, until the guest answers it. */
static void note_syn(struct flow *flow, const struct heading *heading, const unsigned char *frame,
		     size_t length)
{
	if (!flow)
		flow = make_room(heading->tcp);
	if (!flow || length > AGAIN_BYTES)
		return;
	flow->state = ASKED;
	flow->ended = 0;
	flow->turn = turns++;
	memcpy(flow->client, heading->from, ADDRESS_BYTES);
	memcpy(flow->server, heading->to, ADDRESS_BYTES);
	memcpy(flow->ports, heading->tcp, 4);
	memcpy(flow->syn, frame, length);
	flow->length = length;
}

static int is_same_syn(const struct flow *flow, const struct heading *heading)
{
	const unsigned char *known = flow->syn + ETHERNET_BYTES + IPV6_BYTES;

	return get32(known + 4) == get32(heading->tcp + 4);
}

static uint32_t sum_of(const void *bytes, size_t count)
{
	uint32_t sum = 0;

	for (size_t at = 0; at < count; at += 2)
		sum += get16((const unsigned char *)bytes + at);
	return sum;
}

/* Of the pseudo headers the addresses alone differ. */
static uint32_t ipv6_sum(const struct flow *flow)
{
	return sum_of(flow->client, ADDRESS_BYTES) + sum_of(flow->server, ADDRESS_BYTES);
}

static uint32_t ipv4_sum(void)
{
	return sum_of(&guest_address, 4) + sum_of(&client_address, 4);
}

static size_t write_ipv4(unsigned char *out, const struct flow *flow, const unsigned char *frame,
			 size_t length)
{
	const unsigned char *old = frame + ETHERNET_BYTES;
	unsigned char header[IPV4_BYTES] = {0x45};
	size_t tcp_bytes = get16(old + 4);

	if (ETHERNET_BYTES + IPV6_BYTES + tcp_bytes > length || tcp_bytes < TCP_BYTES)
		return 0;
	put16(header + 2, IPV4_BYTES + tcp_bytes);
	put16(header + 6, 0x4000); /* in one piece */
	header[8] = old[7];
	header[9] = IPPROTO_TCP;
	memcpy(header + 12, &client_address, 4);
	memcpy(header + 16, &guest_address, 4);
	put16(header + 10, checksum(header, IPV4_BYTES, 0));

	memmove(out, frame, 12);
	memmove(out + ETHERNET_BYTES + IPV4_BYTES, old + IPV6_BYTES, tcp_bytes);
	put16(out + 12, IPV4_TYPE);
	memcpy(out + ETHERNET_BYTES, header, IPV4_BYTES);
	change_sum(out + ETHERNET_BYTES + IPV4_BYTES, ipv6_sum(flow), ipv4_sum());
	return ETHERNET_BYTES + IPV4_BYTES + tcp_bytes;
}

static size_t write_ipv6(unsigned char *out, const struct flow *flow, const unsigned char *frame,
			 size_t length)
{
	const unsigned char *old = frame + ETHERNET_BYTES;
	unsigned char header[IPV6_BYTES] = {0x60};
	size_t header_bytes = (old[0] & 0xf) * 4, packet_bytes = get16(old + 2), tcp_bytes;

	if (ETHERNET_BYTES + packet_bytes > length || packet_bytes < header_bytes + TCP_BYTES)
		return 0;
	tcp_bytes = packet_bytes - header_bytes;
	put16(header + 4, tcp_bytes);
	header[6] = IPPROTO_TCP;
	header[7] = old[8];
	memcpy(header + 8, flow->server, ADDRESS_BYTES);
	memcpy(header + 24, flow->client, ADDRESS_BYTES);

	memmove(out + ETHERNET_BYTES + IPV6_BYTES, old + header_bytes, tcp_bytes);
	memmove(out, frame, 12);
	put16(out + 12, IPV6_TYPE);
	memcpy(out + ETHERNET_BYTES, header, IPV6_BYTES);
	change_sum(out + ETHERNET_BYTES + IPV6_BYTES, ipv4_sum(), ipv6_sum(flow));
	return ETHERNET_BYTES + IPV6_BYTES + tcp_bytes;
}

static void note_end(struct flow *flow, unsigned flags, unsigned who)
{
	if (flags & TCP_FIN)
		flow->ended |= who;
	if (flags & TCP_RST)
		flow->ended = CLIENT_ENDED | SERVER_ENDED;
}

ssize_t to_guest_family(unsigned char *out, const unsigned char *frame, size_t length)
{
	struct heading heading;
	struct flow *flow;

	if (!read_heading(&heading, frame, length) || !heading.is_ipv6)
		return UNCHANGED;
	flow = find(heading.tcp, heading.from);
	if ((heading.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	    !(flow && flow->state == TRANSLATED && !is_over(flow) && is_same_syn(flow, &heading))) {
		note_syn(flow, &heading, frame, length);
		return UNCHANGED;
	}
	if (!flow || flow->state != TRANSLATED)
		return UNCHANGED;
	note_end(flow, heading.flags, CLIENT_ENDED);
	return write_ipv4(out, flow, frame, length);
}

/* The guest's first answer to a SYN over IPv6. Returns whether the SYN is sent over IPv4 now. */
static int asks_again(struct flow *flow, const struct heading *heading, send_frame *send)
{
	int is_refused = heading->flags & TCP_RST;
	struct flow *other;

	flow->state = UNUSED;
	if (!is_refused)
		return 0;
	while ((other = find_translated(flow->ports))) {
		if (!is_over(other))
			return 0;
		other->state = UNUSED;
	}
	flow->state = TRANSLATED;
	send(flow->syn, flow->length);
	return 1;
}

ssize_t from_guest_family(unsigned char *out, const unsigned char *frame, size_t length,
			  send_frame *send)
{
	struct heading heading;
	unsigned char ports[4];
	struct flow *flow;

	if (!read_heading(&heading, frame, length))
		return UNCHANGED;
	memcpy(ports, heading.tcp + 2, 2);
	memcpy(ports + 2, heading.tcp, 2);
	if (heading.is_ipv6) {
		flow = find(ports, heading.to);
		if (flow && flow->state == ASKED && asks_again(flow, &heading, send))
			return 0;
		return UNCHANGED;
	}
	flow = memcmp(heading.to, &client_address, 4) ? NULL : find_translated(ports);
	if (!flow)
		return UNCHANGED;
	note_end(flow, heading.flags, SERVER_ENDED);
	return write_ipv6(out, flow, frame, length);
}
