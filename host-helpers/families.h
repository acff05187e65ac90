/* SPDX-License-Identifier: MIT */
/*
 * A server of the guest that listens on IPv4 alone has clients over IPv6, too.
 *
 * passt takes a client's connection before it knows whether anybody listens. On a host without a
 * guest a client of localhost that tries IPv6 first is refused, and goes on with IPv4; here it
 * would be taken and then reset. Docker's proxy leads both families to a container's IPv4. So where
 * the guest resets the SYN of a connection over IPv6, the same SYN is sent to it over IPv4, from an
 * address that is nobody's, and the segments of that connection are translated (RFC 7915).
 */
#ifndef FAMILIES_H
#define FAMILIES_H

#include "again.h"
#include <sys/types.h>

/* By how much a frame grows that becomes one of IPv6. */
#define GROWTH_BYTES (IPV6_BYTES - IPV4_BYTES)

/* The guest's address, and that of translated clients. Returns -1 for what is no address. */
int set_families(const char *guest, const char *client);

/*
 * Of passt to the guest, and of the guest to passt. Writes what goes on in a frame's place and
 * returns its length, 0 for what was answered here; -1 where the frame goes on as it is.
 */
ssize_t to_guest_family(unsigned char *out, const unsigned char *frame, size_t length);
ssize_t from_guest_family(unsigned char *out, const unsigned char *frame, size_t length,
			  send_frame *send);

#endif
