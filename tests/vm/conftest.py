# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Fixtures and rules for all tests in the guest.

A test finds a healthy fabric and leaves one. What the kernel reports while it
runs is its failure. A test that is skipped in a full run is one, too.
"""

import os
import re
import subprocess

import pytest

from tests.vm import lab


def lab_patterns():
    """What the lab takes for a kernel report, and what it does not."""
    said = lab.run("bash", "-c", ". lab/lib/reports.sh && printf '%s\\n' "
                   "\"$KERNEL_REPORTS\" \"$KERNEL_NO_REPORTS\"")
    return [re.compile(pattern) for pattern in said.splitlines()]


REPORTS, NO_REPORTS = lab_patterns()


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "ours: about what the stock driver does not have or do")
    config.addinivalue_line(
        "markers", "stock_differs(why): the stock driver does otherwise")
    config.addinivalue_line("markers", "long: for the full run only")
    config.addinivalue_line(
        "markers", "fresh: before all others, while the fabric is as it came up")
    config.addinivalue_line(
        "markers", "debug: chosen for the debug kernel in CI")


def pytest_collection_modifyitems(config, items):
    chosen, left_out = [], []
    for item in items:
        differs = item.get_closest_marker("stock_differs") and \
            not os.environ.get("LAB_DIFFERENCES")
        (left_out if lab.DRIVER == "stock" and
         (item.get_closest_marker("ours") or differs) else chosen).append(item)
    config.hook.pytest_deselected(items=left_out)
    # Stable: the others keep their order.
    items[:] = sorted(chosen,
                      key=lambda item: not item.get_closest_marker("fresh"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("LAB_STRICT"):
        report.outcome = "failed"
        report.longrepr = f"skipped in a full run: {report.longrepr}"
    if report.failed:
        options = "" if lab.KERNEL == "6.1" else f" --kernel {lab.KERNEL}"
        if lab.DRIVER != "ours":
            options += f" --driver {lab.DRIVER}"
        topology = os.environ.get("LAB_TOPOLOGY", "2sw4ca")
        if topology != "2sw4ca":
            options += f" --topology {topology}"
        if "LAB_SECOND_IS" in os.environ:
            options += f" --second '{os.environ['LAB_SECOND_IS']}'"
        report.sections.append(
            ("rerun it alone", f"lab/run{options} -- tests/vm/run "
                               f"'{item.nodeid}'"))


def kernel_log():
    return subprocess.run(["dmesg"], stdout=subprocess.PIPE, text=True,
                          errors="replace", check=True).stdout.splitlines()


@pytest.fixture(autouse=True)
def no_kernel_report():
    """What the kernel reports during a test fails it."""
    before = len(kernel_log())
    yield
    new = [l for l in kernel_log()[before:]
           if REPORTS.search(l) and not NO_REPORTS.search(l)]
    assert not new, "kernel reports:\n" + "\n".join(new)


@pytest.fixture(scope="session")
def all_hosts():
    return lab.hosts()


@pytest.fixture
def hosts(all_hosts):
    """All hosts, with carrier before the test and again after it."""
    for host in all_hosts:
        lab.wait(host.carrier, 20, f"{host} has no carrier before the test")
    yield all_hosts
    for host in all_hosts:
        lab.wait(host.carrier, 30, f"{host} has no carrier after the test")


@pytest.fixture
def h1(hosts):
    return hosts[0]


@pytest.fixture
def h2(hosts):
    return hosts[1]


@pytest.fixture
def h3(hosts):
    return hosts[2]


@pytest.fixture
def h4(hosts):
    return hosts[3]


@pytest.fixture(scope="session")
def opensm(all_hosts):
    """The subnet manager on h1."""
    return lab.OpenSM(all_hosts[0])


@pytest.fixture(scope="session", autouse=True)
def honest_ping(all_hosts):
    """Ping's own socket must not be what loses answers.

    A raw one hears the answers to all other pings, too, until its filter is
    there; an ICMP socket does not.
    """
    for host in all_hosts:
        host.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
