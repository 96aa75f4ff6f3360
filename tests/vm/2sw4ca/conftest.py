# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Fixtures for the interface contract on this topology."""

import pytest

from tests.vm import iftools, lab
from tests.vm.lab import run


@pytest.fixture
def pkeys():
    """A function that sets the first entries of a host's P_Key table; what
    was there comes back."""
    changed = []

    def set_pkeys(host, *values):
        changed.append(host)
        iftools.TablePort(host.hca).set_pkeys(*values)
    yield set_pkeys
    for host in changed:
        iftools.TablePort(host.hca).set_pkeys(0xffff)


@pytest.fixture
def spare(hosts):
    """A function that makes one more HCA; it is removed again."""
    made = []

    def make(**options):
        made.append(iftools.Spare(**options))
        return made[-1]
    yield make
    for one in made:
        one.close()
    run("ibqueryerrors", "--clear-errors", check=False)


@pytest.fixture
def here():
    """The initial namespace as if it were a host."""
    return iftools.Here()


@pytest.fixture
def log():
    """What the kernel says during the test."""
    return iftools.Log()


PARTITIONS = "/run/lab/partitions.conf"


@pytest.fixture
def partitions(opensm):
    """A function that restarts OpenSM with other partitions; the usual ones
    come back."""
    changed = []

    def restart(text):
        lab.write(PARTITIONS, text)
        changed.append(text)
        opensm.stop()
        opensm.start("-P", PARTITIONS)
    yield restart
    if changed:
        opensm.stop()
        opensm.start()
