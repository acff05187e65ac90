#!/bin/sh
# SPDX-License-Identifier: MIT
# No package starts a service when it is installed, as in Debian's container images.
exit 101
