#!/bin/sh
# SPDX-License-Identifier: MIT
# What stress-ng says of each of the stressors that are named: its exit status, after a second with two instances.
for stressor; do
	stress-ng "--$stressor" 2 --timeout 1 --verify >/tmp/output 2>&1
	echo "$stressor $?"
done
