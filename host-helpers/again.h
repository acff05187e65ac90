// SPDX-License-Identifier: MIT
/*
 * What passt sends once and the guest has to acknowledge: SYN and FIN. Each is sent to the guest
 * again when the host's kernel would, until the guest acknowledges it, or one of the two resets
 * the connection.
 */
#ifndef AGAIN_H
#define AGAIN_H

#include "segments.h"
#include <stddef.h>

/* The longest that is sent again: without data, and with all options that fit. */
#define AGAIN_BYTES (ETHERNET_BYTES + IPV6_BYTES + 60)

/* Sends a frame to the guest. */
typedef void send_frame(const unsigned char *frame, size_t length);

/* To be told of each segment of passt, and of each of the guest. */
void note_sent(unsigned char *frame, size_t length, size_t tcp_at);
void note_answer(const unsigned char *frame, size_t tcp_at);

/* What is due now. */
void send_again(send_frame *send);

/* How long until something is due; -1 where nothing waits. */
int wait_ms(void);

#endif
