# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What OpenSM's partitions.conf says: which hosts are in which partitions."""

CONF = "/run/lab/partitions.conf"
# What OpenSM is started with, then.
OPTIONS = "-P", CONF
# The GUID of a host's port, by its number.
GUID = "0x005b00fffe02000{}"

EVERYBODY = "Default=0x7fff, ipoib : ALL=full, SELF=full;\n"


def partition(pkey, *numbers):
    """A line: an IPoIB partition of hosts."""
    members = ", ".join(GUID.format(n) + "=full" for n in numbers)
    return f"P{pkey:x}={pkey:#06x}, ipoib : {members};\n"
