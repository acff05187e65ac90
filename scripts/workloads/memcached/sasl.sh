#!/bin/bash
# SPDX-License-Identifier: MIT
# Binary protocol to the port given: lists the SASL mechanisms, and tries a user that is not there.
exec 3<>"/dev/tcp/127.0.0.1/$1"
header='\x80\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'
printf "$header" >&3
head -c 24 <&3 >&2
# Key PLAIN; value: empty authorisation name, user "a", password "b".
printf '\x80\x21\x00\x05\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00PLAIN\x00a\x00b' >&3
timeout 1 head -c 24 <&3 >&2 || true
