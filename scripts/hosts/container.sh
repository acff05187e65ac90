#!/bin/sh
# SPDX-License-Identifier: MIT
# The first process of a container, in namespaces that unshare(1) made: mounts what a root file system needs, makes it
# the root, and runs a command there. What is mounted here ends with the namespace.
# container.sh ROOT NAME NETWORK DIRECTORY CACHE COMMAND...
set -eu

root=$1
name=$2
network=$3
directory=$4
cache=$5
shift 5

# passt takes an address and a default route from an interface; lo alone would leave it without a network. At the other
# end of this one is nobody.
if [ "$network" = own ]; then
	ip link set lo up
	ip link add eth0 type veth peer name outside
	ip link set outside up
	ip link set eth0 up
	ip address add 192.0.2.2/24 dev eth0
	ip route add default via 192.0.2.1
	ip address add 2001:db8::2/64 dev eth0 nodad
	ip -6 route add default via 2001:db8::1
fi

mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty net/tun kvm; do
	[ -e "/dev/$device" ] || continue
	mkdir -p "dev/$(dirname "$device")"
	: >"dev/$device"
	mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mkdir -p root/.cache/uklkit
mount --bind "$cache" root/.cache/uklkit
hostname "$name"

# Over itself: then no directory is needed for the old root, which is on top and goes.
pivot_root . .
umount -l .
cd "$directory"
# In a session of its own: the process group of whoever made the namespace is 0 in it. Not exec: this shell stays the
# first process, and reaps those whose parents have ended.
setsid --wait "$@"
