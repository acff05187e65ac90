#!/bin/bash
# SPDX-License-Identifier: MIT
# To the ports given: raw TCP, UDP, and a login over IMAP. And a request that never ends.
exec 3<> "/dev/tcp/127.0.0.1/$1"
printf 'GET / HTTP/1.0\r\n\r\n' >&3
timeout 1 cat <&3
echo datagram > "/dev/udp/127.0.0.1/$2"
exec 4<> "/dev/tcp/127.0.0.1/$3"
printf 'a LOGIN user secret\r\nb LOGOUT\r\n' >&4
timeout 2 cat <&4
exec 5<> "/dev/tcp/127.0.0.1/$4"
printf 'POST /proxy/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\nabc' >&5
sleep 0.2
