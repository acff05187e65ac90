#!/bin/bash
# SPDX-License-Identifier: MIT
# One log line to the port given, over UDP and over TCP.
echo '<134>Jan  1 00:00:00 host program: text' > "/dev/udp/127.0.0.1/$1"
echo '<134>Jan  1 00:00:00 host program: text' > "/dev/tcp/127.0.0.1/$1"
