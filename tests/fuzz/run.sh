#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# run.sh BUILD FUZZER...: runs the fuzzers one after the other, one line for
# each and a total. Of one that fails it shows what it said, and the command
# that runs the input again.
#
# From the environment: RUNS inputs each, beginning with the seeds alone; or
# SECONDS_EACH seconds each, going on from what was found before; SEED.
set -eu

build=$1
shift

# What one core does in about four seconds.
runs_of() {
	case $1 in
	sma | pma) echo 30000 ;;
	rc) echo 10000 ;;
	icrc | ring) echo 50000 ;;
	lsm | fwd | *_fsm) echo 150000 ;;
	smp | mtu | cm) echo 250000 ;;
	*) echo 400000 ;;
	esac
}

seconds() {
	printf '%d.%02d' $(($1 / 1000)) $(($1 % 1000 / 10))
}

now() {
	date +%s%3N
}

# Of a log of libFuzzer: a number by its name.
stat_of() {
	sed -n "s/^stat::$1: *//p" "$2"
}

coverage() {
	sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$1" | tail -n 1
}

# Comparisons of pointers guide the fuzzer too: only at the same addresses does
# a run repeat.
same_addresses() {
	if setarch -R true 2>/dev/null; then
		setarch -R "$@"
	else
		"$@"
	fi
}

fuzz() {
	name=$1 found=$build/found/$1
	[ -n "${SECONDS_EACH:-}" ] || rm -rf "$found"
	mkdir -p "$found" "$build/crash"
	set -- -seed="${SEED:-1}" -max_len=2048 -reload=0 -timeout=20 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="$build/crash/$name-"
	if [ -n "${SECONDS_EACH:-}" ]; then
		set -- "$@" -max_total_time="$SECONDS_EACH"
	else
		set -- "$@" -runs="${RUNS:-$(runs_of "$name")}"
	fi
	same_addresses nice "$build/fuzz_$name" "$@" \
		"$found" "$build/corpus/$name" >"$log" 2>&1
}

explain() {
	# Of the stack, what is ours.
	grep -E 'does not hold|runtime error|ERROR|^ *#[0-9]+ 0x.*[ch]:' "$2" |
		grep -vE 'fuzzer::|nptl|stdlib/|signal/' | head -n 20 |
		sed -e "s|${build%out/fuzz}||" -e 's/^/    /'
	input=$(sed -n 's/.*Test unit written to //p' "$2" | tail -n 1)
	[ -n "$input" ] || input=none
	echo "  again: make -C tests/fuzz $1 INPUT=${input#"${build%out/fuzz}"}"
}

failed=0 total=0 begin=$(now)
for name in "$@"; do
	log=$build/$name.log from=$(now) verdict=ok
	fuzz "$name" || verdict=FAILED
	runs=$(stat_of number_of_executed_units "$log")
	printf '%-12s %9d runs  cov %4d  %7s s  %s\n' "$name" "${runs:-0}" \
		"$(coverage "$log")" "$(seconds $(($(now) - from)))" "$verdict"
	total=$((total + ${runs:-0}))
	[ "$verdict" = ok ] && continue
	failed=$((failed + 1))
	explain "$name" "$log"
done
printf '%-12s %9d runs            %7s s  %s\n' "total, $#" "$total" \
	"$(seconds $(($(now) - begin)))" \
	"$([ $failed = 0 ] && echo ok || echo "$failed FAILED")"
[ $failed = 0 ]
