# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""tshark, which others wrote, understands every packet of ours."""

import struct

import pytest

from tests.vm import inject, lab

# tshark does not know the link type of InfiniBand in pcap files, but lets the
# user say what his own one is.
LINKTYPE_USER0 = 147
USER0 = 'uat:user_dlts:"User 0 (DLT=147)","infiniband","0","","0",""'
FIELDS = ("frame.protocols", "infiniband.lrh.dlid", "infiniband.bth.opcode",
          "infiniband.mad.mgmtclass", "_ws.malformed.expert",
          "_ws.expert.message")


def write_pcap(path, packets):
    """A capture file of packets, LRH to VCRC."""
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535,
                               LINKTYPE_USER0))
        for number, packet in enumerate(packets):
            file.write(struct.pack("=IIII", number, 0, len(packet),
                                   len(packet)) + packet)


@pytest.fixture(scope="module")
def packets(all_hosts):
    """What was on h2's cable while there was a little of everything."""
    with inject.to_hca(all_hosts[1], "sw1") as cable, cable.listen() as tap:
        inject.assortment(all_hosts)
        return [f.packet for f in cable.frames(tap, 1)
                if f.kind == inject.PACKET]


@pytest.fixture(scope="module")
def verdicts(packets, tmp_path_factory):
    """What tshark makes of them: a row for each, a column for each field."""
    path = tmp_path_factory.mktemp("tshark") / "cable.pcap"
    write_pcap(path, [inject.with_vcrc(inject.with_icrc(p)) for p in packets])
    columns = [word for field in FIELDS for word in ("-e", field)]
    code, out = lab.status("tshark", "-r", path, "-o", USER0, "-T", "fields",
                           "-E", "separator=|", *columns)
    assert code == 0, out
    # The rest of what it says is about being root.
    out = "\n".join(l for l in out.splitlines() if l.count("|") > 1)
    return [dict(zip(FIELDS, line.split("|"))) for line in out.splitlines()]


def test_nothing_is_malformed(packets, verdicts):
    assert len(verdicts) == len(packets) > 50
    bad = [(p.hex(), v) for p, v in zip(packets, verdicts)
           if v["_ws.malformed.expert"] or
           "alformed" in v["frame.protocols"] + v["_ws.expert.message"]]
    assert not bad, bad[0]


def test_it_reads_what_we_meant(packets, verdicts):
    for packet, verdict in zip(packets, verdicts):
        assert "infiniband" in verdict["frame.protocols"].split(":")
        dlid, = struct.unpack_from("!H", packet, 2)
        assert int(verdict["infiniband.lrh.dlid"], 0) == dlid
        assert int(verdict["infiniband.bth.opcode"], 0) == inject.UD_SEND


def test_it_finds_every_kind_of_management(verdicts):
    found = {int(v["infiniband.mad.mgmtclass"], 0) for v in verdicts
             if v["infiniband.mad.mgmtclass"]}
    assert {0x01, 0x03, 0x04, 0x81} <= found
