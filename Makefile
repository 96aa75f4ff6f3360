# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# What a person or CI asks for. Everything that needs a kernel goes through
# lab/run; everything prepares what it needs.

.PHONY: help demo check check-full shell bench lint unit fuzz modules clean
.PHONY: install uninstall dkms-install dkms-uninstall deb

help:
	@echo "make demo        four hosts, two switches, OpenSM, IPoIB: see it work"
	@echo "make shell       the same fabric, and a shell inside"
	@echo "make check       every test that a contributor must pass"
	@echo "make check-full  the same on 6.12 and the debug kernel, and long tests"
	@echo "make bench       our driver, the stock one and veth, in instructions"
	@echo "make lint        style, sparse, warnings, documentation, own rules"
	@echo "make unit fuzz   tests of core/ in user space; seconds"
	@echo "make modules     build both modules for the 6.1 kernel of the lab"
	@echo "make install     build for the kernel that runs, and install; uninstall"
	@echo "make dkms-install the same by DKMS, again with each new kernel;"
	@echo "                 dkms-uninstall"
	@echo "make deb         Debian packages of both modules, in out/deb"
	@echo "make clean       remove out/; the cache stays"

demo:
	lab/run -- lab/demo

shell:
	lab/run --tty -- bash

check:
	tests/run check

check-full:
	tests/run check-full

bench:
	bench/run

lint:
	tests/run lint

unit fuzz:
	tests/run $@

modules:
	lab/run --prepare

install uninstall dkms-install dkms-uninstall:
	packaging/modules $@

deb:
	packaging/deb

clean:
	rm -rf out
