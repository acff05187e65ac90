#!/bin/sh
# SPDX-License-Identifier: MIT
# Stands in for a program in its own test suite: the suite starts this, and signals what it becomes. The tracer is no
# ancestor (-DDD), so that the program keeps this process id and its parent.
trace=$(mktemp "$TRACE_DIRECTORY/XXXXXX") || exit 1
# shellcheck disable=SC2086 # several words
exec strace -DDD $TRACE_OPTIONS -o "$trace" \
  ${TRACE_PRELOAD:+-E "LD_PRELOAD=$TRACE_PRELOAD"} "$TRACE_TARGET" "$@"
