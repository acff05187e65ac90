// SPDX-License-Identifier: MIT
/** What glibc loads and reads at run time, in static programs too. */
#include <dlfcn.h>
#include <iconv.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>

int main(void)
{
	char in[] = "\xe3\x81\x82", out[8] = "";
	char *from = in, *to = out;
	size_t left = 3, room = sizeof out;
	struct addrinfo *found = NULL;
	struct passwd *root = getpwnam("root");
	struct protoent *tcp = getprotobyname("tcp");
	iconv_t conversion = iconv_open("SHIFT_JIS", "UTF-8");

	printf("addresses %d\n", getaddrinfo("localhost", "80", NULL, &found));
	printf("root %d\n", root != NULL ? (int)root->pw_uid : -1);
	printf("tcp %d\n", tcp != NULL ? tcp->p_proto : -1);
	if (conversion != (iconv_t)-1)
		iconv(conversion, &from, &left, &to, &room);
	printf("converted %02x%02x\n", out[0] & 0xff, out[1] & 0xff);
	printf("library %d\n", dlopen("libm.so.6", RTLD_NOW) != NULL);
	return 0;
}
