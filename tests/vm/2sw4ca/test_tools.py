# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The tools that come with sib: a fabric from a file, and its drawing."""

import re

import pytest

from tests.vm import lab
from tests.vm.lab import run, wait

TOOL, DRAW = "/repo/tools/sib-fabric", "/repo/tools/ib-draw"
# A fabric beside that of the lab, and without a subnet manager.
FILE = """
switch swA
switch swB
cable swA swB
cable swA swB 2048
hca sibA
hca sibB
cable sibA swA
cable sibB swB
load ib_umad
"""


def devices():
    """All RDMA devices and network interfaces, by name."""
    return (re.findall(r"link (\S+)/", run("rdma", "link")),
            re.findall(r"^\d+: ([^:@]+)", run("ip", "-o", "link"), re.M))


@pytest.fixture
def file(tmp_path):
    """The configuration. What stood before stands afterwards."""
    before = devices()
    path = tmp_path / "fabric.conf"
    path.write_text(FILE, encoding="ascii")
    yield path
    lab.status(TOOL, "down", path)
    assert devices() == before


def state(hca):
    """Of an HCA's port."""
    return lab.read(f"/sys/class/infiniband/{hca}/ports/1/phys_state")


def test_a_fabric_from_a_file(file):
    run(TOOL, "up", file)
    for hca in ("sibA", "sibB"):
        wait(lambda h=hca: "LinkUp" in state(h), 20, f"{hca} has a link")
    names = set(devices()[1])
    assert {"swA", "swB", "swA-swB", "swA-swB.1", "sibA-swA"} <= names


def test_what_comes_up_again_has_the_same_guids(file):
    guids = []
    for _ in range(2):
        run(TOOL, "up", file)
        guids.append([lab.port_guid(hca) for hca in ("sibA", "sibB")])
        run(TOOL, "down", file)
    assert guids[0] == guids[1]
    assert len(set(guids[0])) == 2


def test_a_fabric_that_is_up_survives_a_second_up(file):
    run(TOOL, "up", file)
    before = devices()
    code, out = lab.status(TOOL, "up", file)
    assert code == 1
    assert "File exists" in out
    assert devices() == before


def test_one_that_fails_leaves_nothing(file):
    file.write_text(FILE + "load no_such_module\n", encoding="ascii")
    before = devices()
    code, out = lab.status(TOOL, "up", file)
    assert code == 1
    assert "no_such_module" in out
    assert devices() == before


def test_the_drawing_has_each_node_and_each_link_once(all_hosts):
    graph = run(DRAW).splitlines()
    nodes = [line for line in graph if " [label=" in line]
    links = [line for line in graph if " -- " in line]
    assert len([n for n in nodes if "shape=box" in n]) == 2
    assert len([n for n in nodes if "shape=ellipse" in n]) == len(all_hosts)
    assert len(links) == 5
    assert all(re.search(r'label="\d+x\w+"', link) for link in links)
    for switch in ("sw1", "sw2"):
        assert any(f'"{switch}' in node for node in nodes), switch
