# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the caller
#
# Guest kernels: Debian's 6.1 and 6.12 as packaged, and the debug kernel built
# from Debian's 6.1 source. Each ends as a directory of the cache with
#	version		the release, as uname -r says it
#	vmlinuz		what QEMU boots
#	build/		what modules are built against
#	lib/modules/	the modules that came with it
# Sourced after common.sh and host.sh.

# get_kernel 6.1|6.12|debug: sets KERNEL_DIR and KERNEL_RELEASE.
get_kernel() {
	local kernel=$1 hash
	case $kernel in
	6.1 | 6.12)
		local meta=linux-image-amd64
		[ "$kernel" = 6.12 ] && meta=linux-image-6.12-amd64
		hash=$(content_hash "word:$meta" word:4)
		cached "kernel-$kernel-$hash" fetch_kernel "$meta"
		;;
	debug)
		hash=$(content_hash "$REPO/lab/kernel/debug.config" word:4)
		cached "kernel-debug-$hash" build_debug_kernel
		;;
	*) die "no kernel '$kernel': 6.1, 6.12 or debug" ;;
	esac
	KERNEL_DIR=$CACHED
	KERNEL_RELEASE=$(cat "$KERNEL_DIR/version")
	# Headers that bring the types of their kernel want those of each module.
	[ ! -e "$KERNEL_DIR/build/vmlinux" ] || host_needs pahole:pahole
}

fetch_kernel() {
	local dir=$1 meta=$2 image release common kbuild
	apt_update
	image=$(real_package "$meta" linux-image-) || exit
	release=${image#linux-image-}
	common=$(real_package "linux-headers-$release" linux-headers-) || exit
	kbuild=$(real_package "linux-headers-$release" linux-kbuild-) || exit
	note "fetching kernel $release and its headers"
	local package
	for package in "$image" "linux-headers-$release" "$common" "$kbuild"; do
		download_package "$dir" "$package"
	done
	printf '%s\n' "$release" >"$dir/version"
	mv "$dir/boot/vmlinuz-$release" "$dir/vmlinuz"
	rm -rf "${dir:?}/boot" "$dir/usr/share/doc"
	# The headers are not where the package thinks they are.
	printf 'include ../%s/Makefile\n' "$common" \
		>"$dir/usr/src/linux-headers-$release/Makefile"
	ln -s "usr/src/linux-headers-$release" "$dir/build"
	rm -f "$dir/lib/modules/$release/build" "$dir/lib/modules/$release/source"
	host_needs depmod:kmod
	depmod -b "$dir" "$release" || die "depmod failed for $release"
}

build_debug_kernel() {
	local dir=$1 log=$CACHE/debug-kernel.log
	host_needs bc:bc flex:flex bison:bison xz:xz-utils \
		/usr/include/libelf.h:libelf-dev \
		/usr/include/openssl/ssl.h:libssl-dev
	apt_update
	note "building the debug kernel, about ten minutes (log: $log)"
	download_package "$dir" linux-source-6.1
	tar -C "$dir" -xf "$dir/usr/src/linux-source-6.1.tar.xz" ||
		die "cannot unpack the kernel source"
	rm -rf "${dir:?}/usr"
	mv "$dir/linux-source-6.1" "$dir/build"
	(
		cd "$dir/build" || exit
		KCONFIG_ALLCONFIG=$REPO/lab/kernel/debug.config make allnoconfig
		make -j"$(nproc)" LOCALVERSION=-debug bzImage modules
		make INSTALL_MOD_PATH="$dir" LOCALVERSION=-debug modules_install
	) >"$log" 2>&1 || die "the debug kernel does not build, see $log"
	check_debug_config "$dir/build/.config"
	make -s -C "$dir/build" LOCALVERSION=-debug kernelrelease >"$dir/version" ||
		die "the debug kernel has no release"
	cp "$dir/build/arch/x86/boot/bzImage" "$dir/vmlinuz"
	rm -f "$dir/lib/modules/"*/build "$dir/lib/modules/"*/source
	shrink_build_tree "$dir/build"
}

# Kconfig drops a symbol whose dependencies are not met without a word.
check_debug_config() {
	local config=$1 line lost=()
	while read -r line; do
		case $line in CONFIG_*) ;; *) continue ;; esac
		grep -qxF "$line" "$config" || lost+=("${line%%=*}")
	done <"$REPO/lab/kernel/debug.config"
	[ ${#lost[@]} = 0 ] ||
		die "lab/kernel/debug.config: Kconfig dropped ${lost[*]}"
}

# Keep what external modules are built with, and no more.
shrink_build_tree() {
	local tree=$1
	find "$tree" \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' \) \
		-not -path "$tree/scripts/*" -not -path "$tree/tools/*" -delete
	rm -rf "$tree"/{Documentation,samples,sound,fs} \
		"$tree"/drivers/{gpu,staging,media} "$tree"/vmlinux*
}
