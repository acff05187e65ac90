#!/bin/sh
# SPDX-License-Identifier: MIT
# The sentinel suite starts another name of the same program.
exec "${0%/*}/redis-server" "$@" --sentinel
