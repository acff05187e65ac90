/* SPDX-License-Identifier: MIT */

/* Brings up what there is of a network; without sockets in the kernel nothing. */
void set_up_network(void);
