#!/bin/sh
# SPDX-License-Identifier: MIT
# Executes a command in new namespaces as a guest has it: with a loopback interface.
ip link set lo up && exec "$@"
