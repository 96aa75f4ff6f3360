# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Path records, computed from what the subnet manager knows.

IBTA volume 1, section 15.2.5.16; section 10.9.3 for P_Keys.
"""

from __future__ import annotations

from tests.sm.fabric import Port
from tests.sm.rules import Request
from tests.sm.sarecords import (PathRecord, Record, Refused, SaStatus,
                                Selector, selector_allows)
from tests.sm.subnet import Subnet

FULL_MEMBER = 0x8000
_PKEY_MASK = 0x7fff
_LIFE_TIME = 18
_COMPARED = ("raw_traffic", "flow_label", "hop_limit", "qos_class", "sl")
_SELECTED = ("mtu", "rate", "packet_life_time")


def pkey_of_port(port: Port, pkey: int) -> int | None:
    """The P_Key of a port that is in the partition of ``pkey``, or None.

    A full membership is preferred to a limited one.
    """
    found = [entry for entry in port.pkeys
             if entry & _PKEY_MASK == pkey & _PKEY_MASK and
             entry & _PKEY_MASK]
    return max(found, default=None)


def shared_pkey(source: Port, destination: Port,
                wanted: int | None = None) -> int | None:
    """A P_Key by which two ports can talk; the wanted one, or the first.

    Two limited members of a partition cannot.
    """
    candidates = source.pkeys if wanted is None else [wanted]
    for pkey in candidates:
        ends = (pkey_of_port(source, pkey), pkey_of_port(destination, pkey))
        if None in ends or not (ends[0] | ends[1]) & FULL_MEMBER:
            continue
        return pkey
    return None


class PathFinder:
    """Answers PathRecord queries. The lock of the subnet must be held."""

    def __init__(self, subnet: Subnet) -> None:
        self._subnet = subnet

    def find(self, request: Request) -> list[Record]:
        """All paths that a query describes.

        Refused for a GID that nobody has.
        """
        wanted, components = request.record, request.components
        sources = self._ends(components, wanted, "sgid", "slid")
        destinations = self._ends(components, wanted, "dgid", "dlid")
        records = (self._record(source, destination, wanted, components)
                   for source in sources for destination in destinations)
        return [record for record in records if record is not None]

    def _ends(self, components: frozenset[str], wanted: PathRecord,
              gid_name: str, lid_name: str) -> list[Port]:
        ports = self._subnet.fabric.end_ports()
        if gid_name in components:
            port = self._subnet.by_gid(getattr(wanted, gid_name))
            if port is None:
                raise Refused(SaStatus.REQ_INVALID_GID)
            ports = [port]
        if lid_name in components:
            lid = getattr(wanted, lid_name)
            ports = [port for port in ports if port.lid == lid]
        return ports

    def _record(self, source: Port, destination: Port, wanted: PathRecord,
                components: frozenset[str]) -> PathRecord | None:
        hops = self._subnet.path(source, destination)
        pkey = shared_pkey(source, destination,
                           wanted.pkey if "pkey" in components else None)
        if hops is None or pkey is None:
            return None
        record = PathRecord(
            dgid=(wanted.dgid if "dgid" in components else destination.gid),
            sgid=(wanted.sgid if "sgid" in components else source.gid),
            dlid=destination.lid, slid=source.lid, reversible=1,
            pkey=pkey, mtu_selector=Selector.EQ,
            mtu=min(port.info.neighbor_mtu for port in hops),
            rate_selector=Selector.EQ, rate=min(port.rate for port in hops),
            packet_life_time_selector=Selector.EQ,
            packet_life_time=_LIFE_TIME)
        if "traffic_class" in components:
            # There is no quality of service: what is asked for is given.
            record.traffic_class = wanted.traffic_class
        return record if self._fits(record, wanted, components) else None

    @staticmethod
    def _fits(record: PathRecord, wanted: PathRecord,
              components: frozenset[str]) -> bool:
        return all(getattr(record, name) == getattr(wanted, name)
                   for name in components & set(_COMPARED)) and all(
            selector_allows(getattr(wanted, f"{name}_selector"),
                            getattr(wanted, name), getattr(record, name))
            for name in components & set(_SELECTED))
