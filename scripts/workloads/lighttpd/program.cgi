#!/bin/sh
# SPDX-License-Identifier: MIT
printf 'Content-Type: text/plain\r\n\r\n'
echo "error" >&2
[ -n "$CONTENT_LENGTH" ] && head -c "$CONTENT_LENGTH"
exit 0
