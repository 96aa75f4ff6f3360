# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A path in debugfs, to the octet, whatever the SA says that it is like.

    lab/run --topology 1sw3ca-nosm -- tests/vm/run tests/vm/1sw3ca-nosm/test_paths_shown.py
"""

import pytest

from tests.sm import alter
from tests.sm.harness import restart_link
from tests.vm import lab

# The code of a rate, an SL, and the lines below "complete". Tools know the
# rate by these digits: what is behind the dot has no zeros in front.
SHOWN = {
    2: (0, "  SL:            0\n  rate:        2.500 Gb/sec\n"),
    7: (15, "  SL:           15\n  rate:       40.0 Gb/sec\n"),
    11: (3, "  SL:            3\n  rate:       14.62 Gb/sec\n"),
    12: (7, "  SL:            7\n  rate:       56.250 Gb/sec\n"),
    16: (0, "  SL:            0\n  rate:      103.125 Gb/sec\n"),
    19: (1, "  SL:            1\n  rate:       28.125 Gb/sec\n"),
}


def shown_gid(gid):
    """Eight groups without zeros in front."""
    return ":".join(f"{int.from_bytes(gid[n:n + 2], 'big'):x}"
                    for n in range(0, 16, 2))


@pytest.mark.parametrize("rates", ((2, 7), (11, 12), (16, 19)))
def test_a_path_is_shown_as_the_sa_gave_it(sm, rates):
    h1, h2, h3 = sm.hosts
    restart_link(*sm.hosts)
    sm.wait_joined()
    peers = dict(zip((h1, h3), rates))
    for peer, rate in peers.items():
        gid = sm.subnet.port(peer.hca).gid
        rule = sm.sa.rule(alter(rate=rate, sl=SHOWN[rate][0]),
                          attr="PathRecord", lid=sm.lid(h2), dgid=gid)
        with rule:
            h2.reach(peer)
    # What strips the last newline takes the empty line, too.
    whole = lab.debugfs(h2, "path") + "\n\n"
    for peer, rate in peers.items():
        gid = peer.address()[4:]
        assert (f"GID: {shown_gid(gid)}\n  complete:    yes\n"
                f"  DLID:     0x{sm.lid(peer):04x}\n{SHOWN[rate][1]}\n") \
            in whole
