# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
#
# Our modules, and the one that tests them, built for one kernel in
# out/build/KERNEL: a farm of links, so that one checkout serves several kernels
# and stays clean itself. Sourced after common.sh, host.sh and kernel.sh.

# link_sources DIR: DIR mirrors the sources that Kbuild needs.
link_sources() {
	local dir=$1 file
	mkdir -p "$dir"
	find "$dir" -type l ! -exec test -e {} \; -delete
	(cd "$REPO" && find Kbuild compat ipoib sib tests/ulp \( \
		-name '*.[ch]' -o -name 'Kbuild' -o -name 'needs' -o \
		-name '*.sh' \)) |
		while read -r file; do
			[ -e "$dir/$file" ] && continue
			mkdir -p "$dir/$(dirname "$file")"
			ln -s "$REPO/$file" "$dir/$file"
		done
}

# Two runs of one checkout must not build in the same place at once.
lock_build() {
	mkdir -p "$OUT/build" || die "cannot create $OUT/build"
	exec {LAB_BUILD_LOCK}>"$OUT/build/lock"
	flock "$LAB_BUILD_LOCK" || die "cannot lock $OUT/build/lock"
}

unlock_build() {
	exec {LAB_BUILD_LOCK}>&-
}

# build_modules KERNEL [MAKE-ARG...]: builds for KERNEL_DIR, in BUILD_DIR.
build_modules() {
	local kernel=$1
	shift
	BUILD_DIR=$OUT/build/$kernel
	local log=$BUILD_DIR.log
	mkdir -p "$OUT/build"
	link_sources "$BUILD_DIR"
	host_needs make:make gcc-12:gcc-12 /usr/lib/x86_64-linux-gnu/libelf.so.1:libelf1
	if ! make -C "$KERNEL_DIR/build" M="$BUILD_DIR" -j"$(nproc)" \
		LAB_ULP=1 "$@" modules >"$log" 2>&1; then
		grep -E -A3 'error|Error|undefined' "$log" | head -n 40 >&2
		die "the modules do not build for $kernel, see $log"
	fi
	grep -E 'warning|WARNING' "$log" >&2 || true
}

# install_modules DIR DRIVER: the guest's /lib/modules, in DIR.
install_modules() {
	local dir=$1 driver=$2 updates=$1/lib/modules/$KERNEL_RELEASE/updates
	mkdir -p "$dir/lib/modules"
	cp -r "$STOCK_MODULES/$KERNEL_RELEASE" "$dir/lib/modules/" ||
		die "cannot write to $dir"
	mkdir -p "$updates"
	cp "$BUILD_DIR/sib/sib.ko" "$BUILD_DIR/tests/ulp/sib_verbtest.ko" \
		"$updates/"
	[ "$driver" = ours ] && cp "$BUILD_DIR/ipoib/ib_ipoib.ko" "$updates/"
	depmod -b "$dir" "$KERNEL_RELEASE" || die "depmod failed"
}
