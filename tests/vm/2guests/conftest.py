# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Two guests: h1 and h2 are here, h3 and h4 in the second."""

import pytest

from tests.vm import far, lab
from tests.vm.conftest import NO_REPORTS, REPORTS, kernel_log
from tests.vm.interop import forget, set_mode


@pytest.fixture(autouse=True)
def no_kernel_report():
    """What either kernel reports during a test fails it."""
    logs = kernel_log, far.kernel_log
    before = [len(log()) for log in logs]
    yield
    new = [line for log, mark in zip(logs, before) for line in log()[mark:]
           if REPORTS.search(line) and not NO_REPORTS.search(line)]
    assert not new, "kernel reports:\n" + "\n".join(new)


@pytest.fixture(scope="session")
def all_hosts():
    return lab.hosts() + far.hosts()


@pytest.fixture
def ends(h1, h4):
    """A host of each guest, in datagram mode afterwards."""
    yield h1, h4
    for host in (h1, h4):
        set_mode(host, "datagram")
        lab.wait(host.carrier, 20, f"{host} has no carrier")
    forget(h1, h4)
