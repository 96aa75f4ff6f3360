#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# fsm_docs.sh DRAW_FSM DIR: every state machine as DIR/NAME.md and DIR/NAME.dot.
set -eu

draw=$1 dir=$2
mkdir -p "$dir"
for machine in $("$draw" list); do
	for form in md dot; do
		"$draw" "$machine" "$form" >"$dir/$machine.$form"
		echo "$dir/$machine.$form"
	done
done
