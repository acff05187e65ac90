// SPDX-License-Identifier: MIT
/*
 * The network of an image: the loopback interface wherever the kernel has sockets, and the card as
 * /ukl/network says (its format: src/vm/guest-contract.ts). The host chose the addresses, so
 * nothing is asked for and waited for.
 *
 * Requests of rtnetlink(7), which answers those that fail and, since nobody asks it to, not the
 * others.
 */
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include "host.h"
#include "network.h"

#define LOOPBACK_INDEX 1 /* the kernel makes it first */
#define CARD "eth0"

struct family_network {
	unsigned char address[16];
	unsigned char gateway[16];
	unsigned char prefix_bits; /* 0: none of this family */
};

struct network {
	struct family_network ipv4; /* in the first four bytes */
	struct family_network ipv6;
	unsigned char link_local[16]; /* zeros: the kernel's own, which takes it a second */
};

struct attribute {
	struct rtattr header;
	unsigned char value[16];
};

struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
	};
	/* Room for three; those of IPv4 are shorter than their place. */
	unsigned char attributes[3 * sizeof(struct attribute)];
};

static struct network network;
static struct request request;

/* Begins a request whose body has so many bytes, and is zero. */
static void begin(int type, int flags, unsigned long body_bytes)
{
	volatile unsigned char *bytes = (volatile unsigned char *)&request;
	unsigned long i;

	for (i = 0; i < sizeof(request); i++)
		bytes[i] = 0;
	request.header.nlmsg_type = type;
	request.header.nlmsg_flags = NLM_F_REQUEST | flags;
	request.header.nlmsg_len = NLMSG_LENGTH(body_bytes);
}

static void add(int type, const void *value, int bytes)
{
	unsigned char *end = (unsigned char *)&request + request.header.nlmsg_len;
	struct rtattr *attribute = (struct rtattr *)end;
	volatile unsigned char *to = end + RTA_LENGTH(0);
	int i;

	attribute->rta_type = type;
	attribute->rta_len = RTA_LENGTH(bytes);
	for (i = 0; i < bytes; i++)
		to[i] = ((const unsigned char *)value)[i];
	request.header.nlmsg_len += RTA_ALIGN(attribute->rta_len);
}

static void submit(int socket)
{
	long sent = syscall3(__NR_write, socket, &request, request.header.nlmsg_len);

	if (sent < 0)
		fail("rtnetlink", sent);
}

static void bring_up(int socket, int index)
{
	begin(RTM_NEWLINK, 0, sizeof(request.link));
	request.link.ifi_index = index;
	request.link.ifi_flags = IFF_UP;
	request.link.ifi_change = IFF_UP;
	submit(socket);
}

/* The address can be used at once: nobody else on this network could have it. */
static void set_address(int socket, int index, int family, const unsigned char *address,
			int prefix_bits)
{
	int bytes = family == AF_INET ? 4 : 16;
	unsigned int flags = IFA_F_NODAD;

	begin(RTM_NEWADDR, NLM_F_CREATE, sizeof(request.address));
	request.address.ifa_family = family;
	request.address.ifa_prefixlen = prefix_bits;
	request.address.ifa_index = index;
	add(IFA_LOCAL, address, bytes);
	add(IFA_ADDRESS, address, bytes);
	add(IFA_FLAGS, &flags, sizeof(flags));
	submit(socket);
}

static void set_default_route(int socket, int index, int family, const struct family_network *own)
{
	begin(RTM_NEWROUTE, NLM_F_CREATE, sizeof(request.route));
	request.route.rtm_family = family;
	request.route.rtm_table = RT_TABLE_MAIN;
	request.route.rtm_protocol = RTPROT_STATIC;
	request.route.rtm_type = RTN_UNICAST;
	add(RTA_GATEWAY, own->gateway, family == AF_INET ? 4 : 16);
	add(RTA_OIF, &index, sizeof(index));
	submit(socket);
}

/* A kernel without a family says so, and its application does without. */
static void check(int socket)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr body;
		unsigned char rest[sizeof(struct request)];
	} answer;

	while (syscall3(__NR_read, socket, &answer, sizeof(answer)) >=
	       (long)sizeof(answer.header)) {
		int error = answer.body.error;

		if (answer.header.nlmsg_type == NLMSG_ERROR && error != -EAFNOSUPPORT &&
		    error != -EOPNOTSUPP)
			fail("rtnetlink", error);
	}
}

static int read_network(void)
{
	long fd = syscall3(__NR_open, "/ukl/network", O_RDONLY | O_CLOEXEC, 0);
	long got;

	if (fd < 0)
		return 0;
	got = syscall3(__NR_read, fd, &network, sizeof(network));
	syscall1(__NR_close, fd);
	if (got != sizeof(network))
		fail("/ukl/network", -EINVAL);
	return 1;
}

static int index_of_card(int socket)
{
	struct ifreq card = {.ifr_name = CARD};
	long error = syscall3(__NR_ioctl, socket, SIOCGIFINDEX, &card);

	if (error < 0)
		fail(CARD, error);
	return card.ifr_ifindex;
}

/*
 * The addresses come before the card is up: there may be packets waiting, and those for addresses
 * that nobody has are dropped. Routes have to come after.
 */
static void set_up_card(int socket)
{
	const struct family_network *ipv4 = &network.ipv4, *ipv6 = &network.ipv6;
	int card = index_of_card(socket);

	if (ipv4->prefix_bits)
		set_address(socket, card, AF_INET, ipv4->address, ipv4->prefix_bits);
	if (ipv6->prefix_bits)
		set_address(socket, card, AF_INET6, ipv6->address, ipv6->prefix_bits);
	if (network.link_local[0])
		set_address(socket, card, AF_INET6, network.link_local, 64);
	bring_up(socket, card);
	if (ipv4->prefix_bits)
		set_default_route(socket, card, AF_INET, ipv4);
	if (ipv6->prefix_bits)
		set_default_route(socket, card, AF_INET6, ipv6);
}

void set_up_network(void)
{
	long socket = syscall3(__NR_socket, AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			       NETLINK_ROUTE);

	if (socket < 0)
		return;
	bring_up(socket, LOOPBACK_INDEX);
	if (read_network())
		set_up_card(socket);
	check(socket);
	syscall1(__NR_close, socket);
}
