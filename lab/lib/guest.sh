# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the caller
#
# One guest: QEMU's arguments, its channels, and the verdict. Sourced after
# common.sh and host.sh.

# A guest that says nothing for this long, in seconds, is hung. Under TCG on
# a busy machine the debug kernel may well need a minute for a second.
HUNG_AFTER=150
BOOT_LIMIT=240

# Does KVM truly boot a guest here? Asked once per machine and QEMU.
choose_accel() {
	local verdict key
	key=$(content_hash "word:$(uname -a)" "word:$(qemu-system-x86_64 --version)" \
		/etc/machine-id)
	verdict=$CACHE/accel-$key
	if [ ! -e "$verdict" ]; then
		if [ -w /dev/kvm ] && timeout 20 qemu-system-x86_64 -accel kvm \
			-M q35 -cpu host -m 512 -display none -serial none \
			-monitor none -no-reboot -kernel "$KERNEL_DIR/vmlinuz" \
			-initrd "$INITRAMFS" -append "quiet panic=-1 lab.probe" \
			>/dev/null 2>&1; then
			echo kvm >"$verdict"
		else
			echo tcg >"$verdict"
		fi
	fi
	ACCEL=$(cat "$verdict")
}

# QEMU before 8.1 may translate a page of code while another processor patches
# it, and then runs what the page holds no more. 6.12 met that within minutes
# wherever packet sockets come and go, 6.1 after hours. In one thread the
# processors take turns and it cannot happen. The debug kernel was never seen to
# meet it, and is slow enough as it is.
tcg_threads() {
	local version
	version=$(qemu-system-x86_64 --version | sed -nE '1s/.* version ([0-9.]+).*/\1/p')
	if [ "$KERNEL" != debug ] &&
		! printf '8.1\n%s\n' "$version" | sort -CV; then
		echo single
	else
		echo multi
	fi
}

accel_args() {
	if [ -n "$ICOUNT" ]; then
		# No fast string moves: a "rep movsb" counts one instruction
		# for every byte and would drown what is measured.
		QEMU_ARGS+=(-accel tcg -smp 1 -icount "shift=1,sleep=off" -seed 1
			-cpu "max,erms=off,fsrm=off,rdrand=off,rdseed=off")
	elif [ "$ACCEL" = kvm ]; then
		QEMU_ARGS+=(-accel kvm -cpu host -smp "$CPUS")
	else
		QEMU_ARGS+=(-accel "tcg,thread=$(tcg_threads)" -cpu max
			-smp "$CPUS")
	fi
}

# tsc_khz CPUINFO: what an emulated processor's time stamp counter counts with:
# this machine's does the work, at half its bogomips. A guest that measures it on a
# busy machine was seen to be five times too fast, with all its timers.
tsc_khz() {
	awk '/^bogomips/ { printf "%d\n", $3 * 500; exit }' "$1"
}

kernel_command_line() {
	local line="console=ttyS0 quiet log_buf_len=8M mitigations=off"
	line+=" tsc=reliable no_timer_check panic=-1 oops=panic net.ifnames=0"
	line+=" watchdog_thresh=50 rcupdate.rcu_cpu_stall_timeout=120"
	line+=" workqueue.watchdog_thresh=120"
	if [ -n "$ICOUNT" ]; then line+=" nokaslr"; fi
	if [ -z "$ICOUNT" ] && [ "$ACCEL" = tcg ] && [ "$(uname -m)" = x86_64 ]; then
		line+=" tsc_early_khz=$(tsc_khz /proc/cpuinfo)"
	fi
	if [ "$KERNEL" = debug ]; then line+=" kmemleak=on kasan_multi_shot"; fi
	printf '%s %s\n' "$line" "$APPEND"
}

share_args() {
	local tag=$1 path=$2 mode=$3
	QEMU_ARGS+=(-fsdev "local,id=$tag,path=$path,security_model=none,multidevs=remap$mode"
		-device "virtio-9p-pci,fsdev=$tag,mount_tag=$tag")
}

port_args() {
	QEMU_ARGS+=(-chardev "file,id=$1,path=$RUN_DIR/$1"
		-device "virtserialport,chardev=$1,name=lab.$1")
}

# Everything QEMU gets, in QEMU_ARGS.
qemu_args() {
	local memory=2048
	[ "$KERNEL" = debug ] && memory=5120
	memory=${MEMORY:-$memory}
	QEMU_ARGS=(-M q35 -m "$memory" -display none -monitor none -no-reboot
		-nodefaults -kernel "$KERNEL_DIR/vmlinuz" -initrd "$INITRAMFS"
		-append "$(kernel_command_line)"
		-serial "file:$LOG_DIR/console.log"
		-drive "file=$ROOT_IMAGE,if=virtio,readonly=on,format=raw"
		-device virtio-serial-pci)
	accel_args
	[ -n "$ICOUNT" ] || QEMU_ARGS+=(-device virtio-rng-pci)
	share_args repo "$REPO" ,readonly=on
	share_args run "$RUN_DIR/share" ,readonly=on
	share_args out "$OUT" ""
	port_args verdict
	port_args stdout
	port_args stderr
	[ -z "$JOIN" ] || join_args
	if [ -n "$USE_TTY" ]; then
		QEMU_ARGS+=(-chardev "stdio,id=tty,signal=off"
			-device "virtconsole,chardev=tty")
	fi
}

# What the guest reads at boot.
guest_config() {
	local share=$RUN_DIR/share
	mkdir -p "$share/modules"
	install_modules "$RUN_DIR/tree" "$DRIVER"
	mv "$RUN_DIR/tree/lib/modules/$KERNEL_RELEASE" "$share/modules/"
	printf '%s\0' "$@" >"$share/argv"
	{
		printf 'export LAB_RUN=%q\n' "${LOG_DIR#"$OUT/lab/"}"
		printf 'export LAB_TOPOLOGY=%q\n' "$TOPOLOGY"
		printf 'export LAB_KERNEL=%q\n' "$KERNEL"
		printf 'export LAB_DRIVER=%q\n' "$DRIVER"
		printf 'export LAB_ICOUNT=%q\n' "$ICOUNT"
		printf 'export LAB_TTY=%q\n' "$USE_TTY"
		[ -z "$JOIN" ] || join_config
		printf 'LAB_SIB_OPTIONS=%q\n' "$SIB_OPTIONS"
		printf 'LAB_IPOIB_OPTIONS=%q\n' "$IPOIB_OPTIONS"
		[ "$KERNEL" = debug ] && printf 'LAB_KMEMLEAK=1\n'
		if [ -n "$USE_TTY" ]; then printf 'TERM=%q\n' "${TERM:-linux}"; fi
	} >"$share/config"
}

# The guest's output to ours. The pipes are held open here until QEMU has gone:
# one that fails before it opens them leaves nobody waiting.
start_relays() {
	mkfifo "$RUN_DIR"/{verdict,stdout,stderr}
	exec {PIPE_OUT}<>"$RUN_DIR/stdout" {PIPE_ERR}<>"$RUN_DIR/stderr"
	cat "$RUN_DIR/stdout" {PIPE_OUT}>&- {PIPE_ERR}>&- &
	RELAYS=($!)
	cat "$RUN_DIR/stderr" {PIPE_OUT}>&- {PIPE_ERR}>&- >&2 &
	RELAYS+=($!)
}

# After the guest: what is in the pipes still comes out.
end_relays() {
	local relay
	exec {PIPE_OUT}>&- {PIPE_ERR}>&-
	for relay in "${RELAYS[@]}"; do wait "$relay"; done
}

start_guest() {
	start_relays
	# The console of a terminal is QEMU's own input and output.
	if [ -n "$USE_TTY" ]; then
		exec {QEMU_STDIN}<&0 {QEMU_STDOUT}>&1
	else
		exec {QEMU_STDIN}</dev/null {QEMU_STDOUT}>"$RUN_DIR/qemu.log"
	fi
	# Whatever becomes of this script, its QEMU goes with it.
	setpriv --pdeathsig KILL qemu-system-x86_64 "${QEMU_ARGS[@]}" \
		<&"$QEMU_STDIN" >&"$QEMU_STDOUT" 2>>"$RUN_DIR/qemu.log" \
		{PIPE_OUT}>&- {PIPE_ERR}>&- &
	QEMU_PID=$!
	exec {QEMU_STDIN}<&- {QEMU_STDOUT}>&-
	exec {VERDICT}<>"$RUN_DIR/verdict"
}

stop_guest() {
	local tries
	for ((tries = 0; tries < ${1:-0}; tries++)); do
		kill -0 "$QEMU_PID" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$QEMU_PID" 2>/dev/null
	wait "$QEMU_PID" 2>/dev/null
}

# Follow the verdict channel. Sets STATUS: the command's, or 124, or 125 with
# WHY.
follow_guest() {
	local word rest part line='' start=$SECONDS beat=$SECONDS phase=boot
	STATUS=$LAB_FAILED WHY=
	while :; do
		# The second may be over in the middle of a line.
		if IFS= read -r -t 1 part <&"$VERDICT"; then
			read -r word rest <<<"$line$part"
			line='' beat=$SECONDS
			case $word in
			BOOTED) phase=setup ;;
			READY) phase=command start=$SECONDS ;;
			EXIT) STATUS=$rest; return ;;
			FAILED) WHY=$rest; return ;;
			esac
			continue
		fi
		line+=$part
		if second_ended; then
			hear_second
			[ -z "$WHY" ] || return
		fi
		if ! kill -0 "$QEMU_PID" 2>/dev/null; then
			WHY="the guest died during $phase"
			[ -s "$RUN_DIR/qemu.log" ] &&
				WHY="QEMU: $(tail -n 1 "$RUN_DIR/qemu.log")"
			return
		fi
		if [ "$phase" = command ]; then
			if [ $((SECONDS - start)) -ge "$TIMEOUT" ]; then
				STATUS=124 WHY="timeout after $TIMEOUT seconds"
				return
			fi
			if [ -z "$ICOUNT" ] && [ $((SECONDS - beat)) -ge "$HUNG_AFTER" ]; then
				WHY="the guest hangs: no sign of life for $HUNG_AFTER seconds"
				return
			fi
		elif [ $((SECONDS - start)) -ge "$BOOT_LIMIT" ]; then
			WHY="the guest did not come up in $BOOT_LIMIT seconds ($phase)"
			return
		fi
	done
}
