# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A client of the SA: queries by hand, from any HCA of this machine."""

from __future__ import annotations

from collections.abc import Iterable

from tests.sm.mad import MgmtClass, Method, QP1_QKEY, SaHeader
from tests.sm.sarecords import (Record, SA_CLASS_VERSION, decode_records,
                                encode_sa_mad)
from tests.sm.umad import Address, Umad


class SaClient:
    """Asks the SA that an HCA's port is told of. A context manager."""

    def __init__(self, hca: str, port: int = 1) -> None:
        """OSError or LookupError if the HCA cannot be opened."""
        self._umad = Umad(hca, port)
        self._lid_file = f"/sys/class/infiniband/{hca}/ports/{port}/sm_lid"
        self._agent = self._umad.register(1, MgmtClass.SUBN_ADM,
                                          SA_CLASS_VERSION, rmpp=True)

    def __enter__(self) -> SaClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._umad.close()

    def query(self, method: Method, record: Record,
              components: Iterable[str] = (), *, sm_key: int = 0,
              timeout_ms: int = 1000,
              retries: int = 3) -> tuple[int, list[Record]]:
        """Ask, and return the status and the records of the answer.

        MadTimeout if there is none.
        """
        header = SaHeader(
            base_version=1, mgmt_class=MgmtClass.SUBN_ADM,
            class_version=SA_CLASS_VERSION, method=method,
            tid=self._umad.next_tid(), attr_id=record.ID, sm_key=sm_key,
            comp_mask=record.component_mask(components))
        with open(self._lid_file, encoding="ascii") as file:
            lid = int(file.read(), 16)
        mad = self._agent.call(encode_sa_mad(header, [record]),
                               Address(lid=lid, qpn=1, qkey=QP1_QKEY),
                               timeout_ms, retries)
        return SaHeader.decode(mad).status, decode_records(mad, type(record))
