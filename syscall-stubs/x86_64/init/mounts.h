/* SPDX-License-Identifier: MIT */
/* What the host attached to this machine: disks, and directories of its own. */

/* Mounts all that /ukl/mounts names, or fails. */
void mount_attached(void);
/* Ends every process but this one, and unmounts it all: nothing is left to be repaired. */
void unmount_attached(void);
