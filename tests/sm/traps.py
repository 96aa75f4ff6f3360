# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What an SM hears unasked: traps, and questions for SMInfo.

Each trap is answered with TrapRepress, written down and passed on. IBTA
volume 1, sections 13.4.9 and 14.4.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

from tests.sm.mad import (Method, MgmtClass, Notice, SMInfo, Smp, Status)
from tests.sm.umad import Address, Umad

_SM_MASTER = 3


@dataclasses.dataclass(frozen=True)
class Trap:
    """A trap: when (time.monotonic()), from which LID, and what it says."""

    time: float
    lid: int
    notice: Notice


class TrapDesk:
    """Answers LID-routed SMPs that are for the SM itself."""

    def __init__(self, umad: Umad, guid: int,
                 on_trap: Callable[[int], None]) -> None:
        """``on_trap`` gets the number, in the receiver thread."""
        self.traps: list[Trap] = []
        self._guid = guid
        self._on_trap = on_trap
        self._act_count = 0
        self._came = threading.Condition()
        self._agent = umad.register(0, MgmtClass.SUBN_LID_ROUTED, 1,
                                    (Method.GET, Method.TRAP), self._handle)

    def wait_for(self, trap_num: int, timeout: float, since: float) -> Trap:
        """See Subnet.wait_for_trap()."""
        def look() -> Trap | None:
            return next((trap for trap in self.traps
                         if trap.notice.trap_num == trap_num and
                         trap.time > since), None)

        with self._came:
            trap = self._came.wait_for(look, timeout)
        if trap is None:
            raise TimeoutError(f"no trap {trap_num} in {timeout:g} s")
        return trap

    def _handle(self, mad: bytes, address: Address) -> None:
        smp = Smp.decode(mad)
        if smp.method == Method.TRAP:
            self._agent.send(smp.replace(method=Method.TRAP_REPRESS).encode(),
                             address)
            self._record(Notice.decode(smp.data), address.lid)
        elif smp.attr_id == SMInfo.ID:
            self._act_count += 1
            info = SMInfo(guid=self._guid, act_count=self._act_count,
                          sm_state=_SM_MASTER)
            self._answer(smp, address, Status.OK, info.encode())
        else:
            self._answer(smp, address, Status.UNSUPPORTED_METHOD_ATTRIB,
                         smp.data)

    def _answer(self, smp: Smp, address: Address, status: int,
                data: bytes) -> None:
        self._agent.send(smp.replace(method=Method.GET_RESP, status=status,
                                     data=data).encode(), address)

    def _record(self, notice: Notice, lid: int) -> None:
        with self._came:
            self.traps.append(Trap(time.monotonic(), lid, notice))
            self._came.notify_all()
        self._on_trap(notice.trap_num)
