#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# What a rescue shell is used for. Runs in an empty directory; nothing outside it is changed: the mounts fail, and
# the host name is set to what it is.
set +e
B=$1
TCP_PORT=$2
mkdir -p a/b/c
echo hello > a/one
cp a/one a/two
mv a/two a/three
ln -s one a/link
ln a/one a/hard
ls -la a
stat a/one
readlink a/link
realpath a/link
chmod 600 a/one
chown "$(id -u):$(id -g)" a/one
touch -d 2020-01-01 a/three
find a -type f -name 't*'
grep -r hello a
seq 1 2000 | sort -rn | uniq | head -n 5
seq 1 100 | tail -n 3
seq 1 100 | awk '{ total += $1 } END { print total }'
seq 1 10 | sed 's/1/one/' | tr a-z A-Z | cut -c1-2 | wc
dd if=/dev/zero of=a/zero bs=4k count=16
truncate -s 100 a/zero
sync
sha256sum a/one
md5sum a/one
gzip -c a/one > a/one.gz
gunzip -c a/one.gz
tar cf a.tar a
tar tf a.tar
mkdir out && tar xf a.tar -C out
cat /proc/version
df .
du -s a
free
uptime
uname -a
ps
id
date
env
sleep 0.1
mkfifo pipe
(echo through > pipe) &
cat pipe
wait
diff a/one a/three
cmp a/one a/three
od -c a/one
hexdump -C a/one
xargs echo < a/one
expr 1 + 2
test -e a/one && echo there
trap 'echo signalled' USR1
kill -USR1 $$
timeout 1 sleep 0.1
nice true
ulimit -a
umask
mount
mount -t nosuchtype none a/b
mount -o bind nosuchfile a/b
mount -o loop nosuchfile a/b
umount a/b
hostname
hostname "$(hostname)"
mknod a/null c 1 3
ifconfig lo
ip addr show lo
route -n
netstat -tln
ping -c 1 -w 1 127.0.0.1
wget -q -O page "http://127.0.0.1:$TCP_PORT/"
nc -w 1 127.0.0.1 "$TCP_PORT" < /dev/null
nslookup -timeout=1 localhost 127.0.0.1
chroot nosuchdirectory true
pivot_root nosuchdirectory nosuchdirectory
swapon nosuchfile
losetup nosuchloop nosuchfile
insmod nosuchmodule.ko
dmesg -s 100 | tail -n 1
"$B" mktemp -p .
rmdir a/b/c
rm -rf a out
exit 0
