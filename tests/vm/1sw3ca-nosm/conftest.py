# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Fixtures for three hosts on a switch, whose SM and SA the test is."""

import pytest

from tests.sm.harness import managed, require_topology


@pytest.fixture(scope="module")
def sm_hosts():
    """h1, h2 and h3, if the fabric is the right one."""
    return require_topology("1sw3ca-nosm")


@pytest.fixture
def sm(sm_hosts):
    """A subnet that all hosts have joined."""
    with managed(sm_hosts) as run:
        yield run
