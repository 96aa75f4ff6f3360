#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# run.sh BUILD TEST...: runs the test files, one line for each and a total. Of
# a file that fails it shows what the failing cases said, and the one command
# that runs such a case alone.
set -eu

build=$1
shift

seconds() {
	printf '%d.%02d' $(($1 / 1000)) $(($1 % 1000 / 10))
}

now() {
	date +%s%3N
}

# Cases that began and did not end well; the last one may have crashed.
failed_cases() {
	awk '/^\[ RUN      \]/ { begun[$NF] = ++n; name[n] = $NF }
	     /^\[       OK \]/ { delete name[begun[$NF]] }
	     END { for (i = 1; i <= n; i++) if (i in name) print name[i] }' "$1"
}

explain() {
	grep -vE '^\[( RUN  |       OK |==|  PASSED  )' "$2" |
		sed 's/^/    /' | head -n 60
	failed_cases "$2" | while read -r name; do
		echo "  alone: make -C tests/unit $1 CASE=$name" \
			"${SEED:+SEED=$SEED}"
	done
}

cases=0 files=0 failed=0 begin=$(now)
for test in "$@"; do
	log=$build/$test.log from=$(now) verdict=ok
	nice "$build/$test" >"$log" 2>&1 || verdict=FAILED
	count=$(grep -c '^\[ RUN' "$log") || true
	printf '%-22s %4d cases  %6s s  %s\n' "$test" "$count" \
		"$(seconds $(($(now) - from)))" "$verdict"
	cases=$((cases + count)) files=$((files + 1))
	[ "$verdict" = ok ] && continue
	failed=$((failed + 1))
	explain "$test" "$log"
done
printf '%-22s %4d cases  %6s s  %s\n' "total, $files files" "$cases" \
	"$(seconds $(($(now) - begin)))" \
	"$([ $failed = 0 ] && echo ok || echo "$failed files FAILED")"
[ $failed = 0 ]
