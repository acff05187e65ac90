// SPDX-License-Identifier: MIT
/* Frames that hold a segment of TCP, read and written. */
#ifndef SEGMENTS_H
#define SEGMENTS_H

#include <stddef.h>
#include <stdint.h>

#define LENGTH_BYTES 4 /* in front of each frame */
#define ETHERNET_BYTES 14
#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define TCP_BYTES 20
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define ANSWER_BYTES (LENGTH_BYTES + ETHERNET_BYTES + IPV6_BYTES + TCP_BYTES)

static inline uint16_t get16(const unsigned char *at)
{
	return at[0] << 8 | at[1];
}

static inline uint32_t get32(const unsigned char *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static inline void put16(unsigned char *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
}

static inline void put32(unsigned char *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

/* RFC 1071, for an even number of bytes. */
uint16_t checksum(const unsigned char *bytes, size_t count, uint32_t sum);

/* Of a segment in which words of the sum BEFORE were replaced by ones of the sum AFTER: RFC 1624.
 */
void change_sum(unsigned char *tcp, uint32_t before, uint32_t after);

/* Where the TCP header of a frame begins, or 0 for a frame without one or with less than one. */
size_t tcp_offset(const unsigned char *frame, size_t length);

/* How many bytes of data a segment has. */
size_t data_bytes(const unsigned char *frame, size_t length, size_t tcp_at);

/* Writes what answers a SYN and ACK, with the length in front; returns how long that is. */
size_t write_answer(unsigned char *out, const unsigned char *frame, size_t tcp_at);

/* Makes the window of a segment of the guest smaller, where it is larger than what is to be in
 * flight. */
void limit_window(unsigned char *frame, size_t length, size_t tcp_at);

#endif
