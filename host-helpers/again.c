// SPDX-License-Identifier: MIT
/*
 * A listener with a full backlog answers no SYN. When it answers one again it has room, and when
 * one of its connections ends it will take another: then what has waited longest for it is sent at
 * once. Of many that are sent together it would take as many as it has room for, and the others
 * would wait twice as long as before.
 */
#include "again.h"
#include "segments.h"
#include <stdint.h>
#include <string.h>
#include <time.h>

/* Of a full set the oldest is forgotten. */
#define SETS 256
#define WAYS 16

/* The host's kernel tries after 1, 3, 7, 15, 31 and 63 seconds: tcp(7), tcp_syn_retries. */
#define FIRST_WAIT_MS 1000
#define LAST_WAIT_MS 64000

/* As in the segments that passt sends: of IPv4 addresses the rest is zero. */
struct connection {
	unsigned char from[16], to[16];
	unsigned char from_port[2], to_port[2];
};

struct segment {
	uint64_t due_ms;
	uint64_t turn; /* when it was sent last, as a number */
	int wait_ms;   /* the one that ends when it is due */
	int is_again;  /* it was sent more than once */
	uint32_t next; /* the sequence number that acknowledges it */
	size_t length; /* 0: there is none */
	size_t tcp_at;
	struct connection connection;
	unsigned char frame[AGAIN_BYTES];
};

static struct segment table[SETS][WAYS];
static size_t count;
static uint64_t turns, next_due_ms = UINT64_MAX;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct connection connection_of(const unsigned char *frame, size_t tcp_at, int is_answer)
{
	int is_ipv4 = get16(frame + 12) == 0x0800;
	size_t bytes = is_ipv4 ? 4 : 16;
	const unsigned char *from = frame + ETHERNET_BYTES + (is_ipv4 ? 12 : 8);
	const unsigned char *ports = frame + tcp_at;
	struct connection found = {0};

	memcpy(is_answer ? found.to : found.from, from, bytes);
	memcpy(is_answer ? found.from : found.to, from + bytes, bytes);
	memcpy(is_answer ? found.to_port : found.from_port, ports, 2);
	memcpy(is_answer ? found.from_port : found.to_port, ports + 2, 2);
	return found;
}

static struct segment *set_of(const struct connection *connection)
{
	const unsigned char *bytes = (const unsigned char *)connection;
	uint32_t hash = 2166136261;

	for (size_t at = 0; at < sizeof(*connection); at++)
		hash = (hash ^ bytes[at]) * 16777619;
	return table[(hash ^ hash >> 16) % SETS];
}

static struct segment *find(const struct connection *connection)
{
	struct segment *set = set_of(connection);

	for (size_t way = 0; way < WAYS; way++)
		if (set[way].length &&
		    !memcmp(&set[way].connection, connection, sizeof(*connection)))
			return &set[way];
	return NULL;
}

static void forget(struct segment *segment)
{
	if (segment && segment->length) {
		segment->length = 0;
		count--;
	}
}

static void become_due(struct segment *segment, uint64_t due_ms)
{
	segment->due_ms = due_ms;
	if (due_ms < next_due_ms)
		next_due_ms = due_ms;
}

/* A place that is free, or was that of the oldest. */
static struct segment *make_room(const struct connection *connection)
{
	struct segment *set = set_of(connection), *oldest = set;

	for (size_t way = 0; way < WAYS; way++) {
		if (!set[way].length)
			return &set[way];
		if (set[way].turn < oldest->turn)
			oldest = &set[way];
	}
	forget(oldest);
	return oldest;
}

/* Once in FIRST_WAIT_MS at most. */
static int can_be_hurried(const struct segment *segment)
{
	return segment->due_ms && segment->wait_ms > FIRST_WAIT_MS;
}

static int is_fin(const struct segment *segment)
{
	return segment->frame[segment->tcp_at + 13] & TCP_FIN;
}

/*
 * When passt of Debian 13 has sent data again it has forgotten its FIN: its segments have the
 * sequence number from before, and the guest does not read what they acknowledge. With FIN it does.
 */
static void restore_fin(unsigned char *frame, size_t length, size_t tcp_at)
{
	struct connection connection = connection_of(frame, tcp_at, 0);
	struct segment *segment = find(&connection);
	unsigned char *tcp = frame + tcp_at;
	uint16_t before;

	if (!segment || !is_fin(segment) || !segment->is_again ||
	    get32(tcp + 4) + 1 != segment->next || data_bytes(frame, length, tcp_at))
		return;
	before = get16(tcp + 12);
	tcp[13] |= TCP_FIN;
	change_sum(tcp, before, get16(tcp + 12));
}

void note_sent(unsigned char *frame, size_t length, size_t tcp_at)
{
	struct connection connection = connection_of(frame, tcp_at, 0);
	unsigned flags = frame[tcp_at + 13];
	struct segment *segment;

	if (count && !(flags & (TCP_SYN | TCP_FIN | TCP_RST)))
		restore_fin(frame, length, tcp_at);
	if (!(flags & (TCP_SYN | TCP_FIN | TCP_RST)) || (flags & TCP_SYN && flags & TCP_ACK))
		return;
	forget(find(&connection));
	if (flags & TCP_RST || length > AGAIN_BYTES || data_bytes(frame, length, tcp_at))
		return;
	segment = make_room(&connection);
	segment->connection = connection;
	segment->length = length;
	segment->tcp_at = tcp_at;
	segment->next = get32(frame + tcp_at + 4) + 1;
	segment->turn = turns++;
	segment->wait_ms = FIRST_WAIT_MS;
	segment->is_again = 0;
	memcpy(segment->frame, frame, length);
	become_due(segment, now_ms() + FIRST_WAIT_MS);
	count++;
}

static int is_late_syn_to(const struct segment *segment, const struct connection *connection)
{
	return segment->length && segment->frame[segment->tcp_at + 13] & TCP_SYN &&
	       can_be_hurried(segment) &&
	       !memcmp(segment->connection.to, connection->to, sizeof(connection->to)) &&
	       !memcmp(segment->connection.to_port, connection->to_port, 2);
}

/* The listener of a connection may have room. Of the time that becomes due, 0 says that it was
 * hurried.
 */
static void hurry_next(const struct connection *connection)
{
	struct segment *next = NULL;

	for (struct segment *one = table[0]; one < table[SETS]; one++)
		if (is_late_syn_to(one, connection) && (!next || one->turn < next->turn))
			next = one;
	if (next)
		become_due(next, 0);
}

/* It is acknowledged. A FIN that was late is known for as long as passt may need to be helped. */
static void settle(struct segment *segment, int is_reset)
{
	if (is_reset || !is_fin(segment) || !segment->is_again) {
		forget(segment);
		return;
	}
	segment->wait_ms = LAST_WAIT_MS;
	become_due(segment, now_ms() + LAST_WAIT_MS);
}

void note_answer(const unsigned char *frame, size_t tcp_at)
{
	const unsigned char *tcp = frame + tcp_at;
	struct connection connection;
	struct segment *segment;

	if (!count || !(tcp[13] & (TCP_ACK | TCP_RST)))
		return;
	connection = connection_of(frame, tcp_at, 1);
	segment = find(&connection);
	if (segment && (tcp[13] & TCP_RST || (int32_t)(get32(tcp + 8) - segment->next) >= 0))
		settle(segment, tcp[13] & TCP_RST);
	else if (segment && get32(tcp + 8) + 1 == segment->next && can_be_hurried(segment))
		become_due(segment, 0); /* what came before a FIN has come */
	if (tcp[13] & (TCP_SYN | TCP_FIN))
		hurry_next(&connection);
}

void send_again(send_frame *send)
{
	uint64_t now = now_ms();

	if (!count || now < next_due_ms)
		return;
	next_due_ms = UINT64_MAX;
	for (struct segment *one = table[0]; one < table[SETS]; one++) {
		if (!one->length)
			continue;
		if (one->due_ms > now) {
			become_due(one, one->due_ms);
		} else if (one->wait_ms >= LAST_WAIT_MS) {
			forget(one);
		} else {
			/* One that was hurried may have come before the listener had room. */
			one->wait_ms = one->due_ms ? one->wait_ms * 2 : FIRST_WAIT_MS;
			one->is_again = 1;
			one->turn = turns++;
			become_due(one, now + one->wait_ms);
			send(one->frame, one->length);
		}
	}
}

int wait_ms(void)
{
	uint64_t now = now_ms();

	if (!count || next_due_ms == UINT64_MAX)
		return -1;
	return next_due_ms > now ? (int)(next_due_ms - now) : 0;
}
