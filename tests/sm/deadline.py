# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def wait_until(check: Callable[[], Result], timeout: float, what: str,
               interval: float = 0.02) -> Result:
    """Call ``check`` until it returns something true, and return that.

    ``timeout`` and ``interval`` are in seconds. TimeoutError says ``what``
    did not happen, and what the last look saw.
    """
    deadline = time.monotonic() + timeout
    while True:
        seen = check()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise TimeoutError(f"not after {timeout:g} s: {what} "
                               f"(last look: {seen!r})")
        time.sleep(interval)
