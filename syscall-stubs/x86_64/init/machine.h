/* SPDX-License-Identifier: MIT */
/* The name of the machine, the kernel's settings, and the limits of the application. */
#ifndef UKL_INIT_MACHINE_H
#define UKL_INIT_MACHINE_H

/* Reads /ukl/machine, gives the machine its name, and writes settings; needs /proc. */
void set_up_machine(void);
/* Takes the limits; to be called by the application's process while it is root. */
void take_limits(void);

#endif
