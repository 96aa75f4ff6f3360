# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the caller
#
# Two guests. Each has a lab/run of its own, which judges it: the one that was
# called runs the command in the first guest, and starts another for the second
# guest, whose command is the agent that does what the first guest asks for.
# They share two virtual NICs: the cable of the fabric, and one to ask over.
# Sourced after common.sh and guest.sh.

# Set for the lab/run of a second guest only: where the sockets are that join
# the guests, and where its logs go.
JOIN=${LAB_JOIN:-}
JOIN_LOGS=${LAB_JOIN_LOGS:-}

# Seconds that the second guest has to end when the first has; the debug kernel
# looks for leaks then.
END_LIMIT=240

# parse_second "NAME=VALUE ...": what differs in the second guest.
parse_second() {
	local word
	SECOND_KERNEL=$KERNEL SECOND_DRIVER=$DRIVER SECOND_CPUS=$CPUS
	for word in $1; do
		case $word in
		kernel=*) SECOND_KERNEL=${word#*=} ;;
		driver=*) SECOND_DRIVER=${word#*=} ;;
		cpus=*) SECOND_CPUS=${word#*=} ;;
		*) bad_usage "--second knows kernel=, driver= and cpus=, not $word" ;;
		esac
	done
	check_guest "$SECOND_KERNEL" "$SECOND_DRIVER" "$SECOND_CPUS"
	[ -z "$ICOUNT" ] || bad_usage "--icount is for one guest"
}

# two_guests TOPOLOGY: it says what belongs to a second one.
two_guests() {
	[ "$1" != none ] && grep -q '^second ' "$REPO/lab/topologies/$1"
}

# lab_second WORD...: lab/run for the second guest. It goes with this script,
# whatever becomes of it.
lab_second() {
	export LAB_JOIN LAB_JOIN_LOGS
	exec setpriv --pdeathsig KILL "$REPO/lab/run" --kernel "$SECOND_KERNEL" \
		--driver "$SECOND_DRIVER" --cpus "$SECOND_CPUS" \
		--topology "$TOPOLOGY" --sib "$SIB_OPTIONS" --append "$APPEND" "$@"
}

# What it needs is there before either boots: it may take minutes. A kernel is
# prepared with both drivers.
prepare_second() {
	[ "$SECOND_KERNEL" != "$KERNEL" ] || return 0
	(
		LAB_JOIN=none LAB_JOIN_LOGS=
		lab_second --prepare
	) || exit
}

start_second() {
	JOIN=$RUN_DIR/join
	mkdir "$JOIN" "$LOG_DIR/second" || die "cannot write to $RUN_DIR"
	# The command's own limit is the first guest's.
	(
		LAB_JOIN=$JOIN LAB_JOIN_LOGS=$LOG_DIR/second
		lab_second --timeout $((TIMEOUT + BOOT_LIMIT + END_LIMIT)) -- \
			lab/guest/agent
	) >"$LOG_DIR/second/lab.log" 2>&1 </dev/null &
	SECOND_PID=$!
}

# Has the second guest ended, while the first has not?
second_ended() {
	[ -n "${SECOND_PID:-}" ] && ! kill -0 "$SECOND_PID" 2>/dev/null
}

# hear_second: it has ended. A failure of its is one of the run, with STATUS and
# WHY, and what its lab/run said.
hear_second() {
	local status=0
	wait "$SECOND_PID" || status=$?
	SECOND_PID=
	[ "$status" != 0 ] || return 0
	sed 's/^\(lab: \)\{0,1\}/lab: second guest: /' "$LOG_DIR/second/lab.log" >&2
	STATUS=$LAB_FAILED WHY="the second guest failed"
	[ "$status" != 99 ] || STATUS=99
}

# end_second: the first guest is done. If all went well, the second was told to
# end, too; a run that failed does not wait for it.
end_second() {
	local limit=$((SECONDS + END_LIMIT))
	[ -n "${SECOND_PID:-}" ] || return 0
	while [ -z "$WHY" ] && ! second_ended; do
		[ $SECONDS -lt $limit ] || {
			STATUS=$LAB_FAILED WHY="the second guest does not end"
		}
		sleep 0.1
	done
	if second_ended; then
		hear_second
	else
		kill_second
		[ -z "$(kernel_reports "$LOG_DIR/second/console.log")" ] || {
			STATUS=99 WHY="kernel report of the second guest"
		}
	fi
}

kill_second() {
	kill -TERM "$SECOND_PID" 2>/dev/null
	wait "$SECOND_PID" 2>/dev/null
	SECOND_PID=
}

# nic_args KIND NAME: a NIC that ends at the other guest. The first listens;
# octet 4 of the address tells what it is for, as lab/fabric does for cables.
nic_args() {
	local server=on
	[ "$GUEST" = 1 ] || server=off
	QEMU_ARGS+=(-netdev "stream,id=$2,server=$server,addr.type=unix,addr.path=$JOIN/$2"
		-device "virtio-net-pci,netdev=$2,mac=02:5b:00:$1:00:0$GUEST,romfile=")
}

join_args() {
	nic_args 04 wire
	nic_args 05 control
}

# What a guest knows of that.
join_config() {
	printf 'export LAB_GUEST=%q\n' "$GUEST"
	[ "$GUEST" = 2 ] || printf 'export LAB_SECOND_IS=%q\n' \
		"kernel=$SECOND_KERNEL driver=$SECOND_DRIVER"
}

# The second QEMU connects when it starts: the first has to listen by then.
wait_for_join() {
	local limit=$((SECONDS + BOOT_LIMIT))
	until [ -S "$JOIN/wire" ] && [ -S "$JOIN/control" ]; do
		[ $SECONDS -lt $limit ] || die "the first guest does not listen"
		sleep 0.1
	done
}
