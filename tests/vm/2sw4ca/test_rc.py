# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Connections (RC and UC) as a consumer of kernel verbs sees them."""

import errno

import pytest

from tests.vm import lab, verbtest
from tests.vm.lab import run, scaled, wait
from tests.vm.verbtest import (COMM_EST, ERR, FLUSHED, INIT, LOC_LEN, LOC_PROT,
                               REM_INV_REQ, RESET, RETRY_EXC, RNR_RETRY_EXC,
                               RTS, SQD, SQ_DRAINED, SUCCESS, is_whole)


@pytest.fixture(scope="module", autouse=True)
def consumer(all_hosts):
    verbtest.load()
    yield
    verbtest.unload()


@pytest.fixture
def pool(hosts):
    """Endpoints; what is left of them is closed at the end."""
    pool = verbtest.Pool()
    yield pool
    pool.close()
    run("ibqueryerrors", "--clear-errors", check=False)


def moved(host, before, *names):
    """How far counters of a host's HCA have gone."""
    now = host.hca_counters()
    return {n: now[n] - before[n] for n in names if now[n] != before[n]}


# Messages.

@pytest.mark.parametrize("kind", ("rc", "uc"))
def test_a_message_of_any_length_arrives_whole(h1, h4, pool, kind):
    a, b = pool.pair(h1, h4, type=kind, depth=16)
    sizes = (0, 1, 8, 4095, 4096, 4097, 8192, 65535, 65536)
    for seq, size in enumerate(sizes):
        b.recv()
        a.send(size=size, imm=seq % 2)
        done = b.poll()[0]
        assert (done["status"], done["len"], done["good"]) == (0, size, 1)
        assert done.get("imm") == (seq if seq % 2 else None)
        assert a.statuses() == [SUCCESS]


@pytest.mark.parametrize("mtu", (1, 2, 3, 4, 5))
def test_each_path_mtu_carries_a_stream(h1, h4, pool, mtu):
    a, b = pool.pair(h1, h4, connect={"mtu": mtu}, size=20000, sges=3)
    result = a.stream(b, count=scaled(100), min=1)
    assert is_whole(result, scaled(100))


@pytest.mark.debug
@pytest.mark.parametrize("srq", (0, 1))
def test_an_unimpaired_fabric_repeats_nothing(h1, h4, pool, srq):
    before = [h.hca_counters() for h in (h1, h4)]
    pairs = [pool.pair(h1, h4, srq=srq, depth=16) for _ in range(3)]
    count = scaled(300)
    for a, b in pairs:
        result = a.stream(b, count=count, min=1, imm=1, both=1)
        assert is_whole(result, count) and is_whole(result, count, "a")
    for host, mark in zip((h1, h4), before):
        assert not moved(host, mark, "tx_again", "rx_gap", "rx_duplicate",
                         "tx_not_ready", "rx_no_wqe", "rx_bad_request")


def test_an_hca_talks_to_itself(h1, pool):
    a, b = pool.pair(h1, h1)
    assert is_whole(a.stream(b, count=scaled(100), min=1), scaled(100))
    alone = pool.open(h1)
    alone.connect(alone)
    alone.recv(3)
    alone.send(3, size=10000)
    done = alone.poll(6)
    assert [d["status"] for d in done] == [SUCCESS] * 6
    assert [d["seq"] for d in done if d["what"] == "recv"] == [0, 1, 2]


def test_a_path_with_a_grh(h1, h4, pool):
    a, b = pool.pair(h1, h4, connect={"grh": 1})
    assert is_whole(a.stream(b, count=scaled(100), min=1, both=1),
                    scaled(100))


def test_the_rdma_cm_makes_a_connection(h1, h4, pool):
    for srq in (0, 1):
        a, b = pool.cm_pair(h1, h4, port=4711 + srq, srq=srq, depth=16)
        assert a.info()["state"] == b.info()["state"] == RTS
        result = a.stream(b, count=scaled(100), min=1, both=1)
        assert is_whole(result, scaled(100))
        assert is_whole(result, scaled(100), "a")


# What goes wrong, and how it ends.

IMPAIRMENTS = {
    "loss": ("loss", "5%"),
    "reorder": ("delay", "1ms", "reorder", "75%", "50%"),
    "duplicate": ("duplicate", "20%"),
    "jitter": ("delay", "2ms", "2ms"),
    "all": ("delay", "1ms", "1ms", "loss", "2%", "duplicate", "5%"),
}


@pytest.fixture
def impair(request):
    """Both directions of h4's cable behave badly."""
    ends = "h4-sw2", "sw2-h4"
    for dev in ends:
        run("tc", "qdisc", "add", "dev", dev, "root", "netem", "limit", 5000,
            *IMPAIRMENTS[request.param])
    yield request.param
    for dev in ends:
        run("tc", "qdisc", "del", "dev", dev, "root")


@pytest.mark.debug
@pytest.mark.parametrize("impair", IMPAIRMENTS, indirect=True)
def test_each_message_once_and_in_order(h1, h4, pool, impair):
    before = h4.hca_counters()
    a, b = pool.pair(h1, h4, connect={"timeout": 8}, size=20000)
    count = scaled(300)
    # On a slow kernel packets are further apart than what delays them.
    for _ in range(20 if lab.DEBUG else 1):
        result = a.stream(b, count=count, min=1, imm=1, both=1)
        assert is_whole(result, count) and is_whole(result, count, "a")
        if moved(h4, before, "tx_again", "rx_gap", "rx_duplicate"):
            return
    raise AssertionError(f"{impair} was not felt")


@pytest.mark.parametrize("impair", IMPAIRMENTS, indirect=True)
def test_an_unreliable_one_brings_no_wrong_message(h1, h4, pool, impair):
    a, b = pool.pair(h1, h4, type="uc", size=10000)
    count = scaled(300)
    result = a.stream(b, count=count, min=1, imm=1)
    assert result["a_sent"] == count and not result["timed_out"]
    # Lost, repeated or late as a whole, but none that was never sent.
    assert result["b_wrong"] == result["b_recv_status"] == 0
    assert result["b_received"]


def test_a_peer_that_is_gone_exhausts_the_retries(h1, h4, pool):
    a, b = pool.pair(h1, h4, connect={"timeout": 8, "retry": 2})
    pool.close(b)
    a.recv()
    a.send(3, size=10000)
    sends = [d for d in a.poll(4) if d["what"] == "send"]
    assert [(d["seq"], d["status"]) for d in sends] == [
        (0, RETRY_EXC), (1, FLUSHED), (2, FLUSHED)]
    assert a.info()["state"] == ERR


def test_without_retries_the_first_loss_ends_it(h1, h4, pool):
    a, b = pool.pair(h1, h4, connect={"timeout": 8, "retry": 0})
    run("tc", "qdisc", "add", "dev", "sw2-h4", "root", "netem", "loss",
        "100%")
    try:
        b.recv()
        a.send()
        assert a.statuses() == [RETRY_EXC]
    finally:
        run("tc", "qdisc", "del", "dev", "sw2-h4", "root")


def test_a_pulled_cable_is_survived(h1, h4, pool):
    a, b = pool.pair(h1, h4, connect={"timeout": 18})
    b.recv()
    run("ip", "link", "set", "sw2-h4", "down")
    wait(lambda: not h4.carrier(), 5, "h4 keeps its carrier")
    a.send(size=30000)
    run("ip", "link", "set", "sw2-h4", "up")
    wait(h4.carrier, 20, "h4 gets no carrier")
    assert b.poll(ms=30000)[0]["good"] == 1
    assert a.statuses() == [SUCCESS]


def test_a_receiver_that_is_late_is_waited_for(h1, h4, pool):
    before = h4.hca_counters()
    a, b = pool.pair(h1, h4, connect={"timeout": 10, "min_rnr": 14})
    a.send(3, size=10000)
    wait(lambda: moved(h4, before, "tx_not_ready").get("tx_not_ready", 0) > 2,
         10, "no RNR NAK")
    assert not a.poll(ms=1)
    b.recv(3)
    assert [(d["seq"], d["good"]) for d in b.poll(3)] == [
        (0, 1), (1, 1), (2, 1)]
    assert a.statuses(3) == [SUCCESS] * 3


def test_a_receiver_that_is_never_ready_ends_it(h1, h4, pool):
    a, b = pool.pair(h1, h4, connect={"timeout": 10, "rnr_retry": 2,
                                      "min_rnr": 5})
    a.send(2)
    assert a.statuses(2) == [RNR_RETRY_EXC, FLUSHED]
    # The other end knows nothing of it.
    assert b.info()["state"] == RTS


def test_a_message_too_long_for_its_buffer_ends_both(h1, h4, pool):
    a, b = pool.open(h1), pool.open(h4, size=5000)
    a.connect(b)
    b.recv(2)
    a.send(size=5000)
    a.send(2, size=5001)
    assert a.statuses(3) == [SUCCESS, REM_INV_REQ, FLUSHED]
    assert b.statuses(2) == [SUCCESS, LOC_LEN]
    wait(lambda: a.info()["state"] == b.info()["state"] == ERR, 5,
         "not both in error")


def test_a_bad_key_ends_it_before_anything_is_sent(h1, h4, pool):
    a, b = pool.pair(h1, h4)
    b.recv()
    a.send(size=20000)
    a.send(bad_key=1)
    a.send()
    assert a.statuses(3) == [SUCCESS, LOC_PROT, FLUSHED]
    assert b.statuses() == [SUCCESS]
    assert a.info()["state"] == ERR and b.info()["state"] == RTS


def test_a_bad_key_of_an_unreliable_one_stops_the_sender(h1, h4, pool):
    a, b = pool.pair(h1, h4, type="uc")
    a.send(bad_key=1)
    assert a.statuses() == [LOC_PROT]
    assert a.info()["state"] == verbtest.SQE
    a.send()
    assert a.statuses() == [FLUSHED]
    a.state(RTS)
    b.recv()
    a.send()
    assert a.statuses() == b.statuses() == [SUCCESS]


def test_what_is_not_offered_is_refused_when_posted(h1, h4, pool):
    a, _ = pool.pair(h1, h4)
    for opcode in (verbtest.WR_WRITE, verbtest.WR_READ, verbtest.WR_CMP_SWP,
                   verbtest.WR_SEND_INV):
        with pytest.raises(OSError) as error:
            a.send(opcode=opcode)
        assert error.value.errno == errno.EINVAL


# States.

def test_error_flushes_both_queues_in_order(h1, h4, pool):
    a, _ = pool.pair(h1, h4, connect={"timeout": 0})
    run("tc", "qdisc", "add", "dev", "sw2-h4", "root", "netem", "loss",
        "100%")
    try:
        a.recv(3)
        a.send(3)
        assert not a.poll(ms=1)
        a.state(ERR)
        done = a.poll(6)
        # Posted in error: accepted, and flushed, too.
        a.recv()
        a.send()
        done += a.poll(2)
    finally:
        run("tc", "qdisc", "del", "dev", "sw2-h4", "root")
    assert [d["status"] for d in done] == [FLUSHED] * 8
    assert [d["seq"] for d in done if d["what"] == "send"] == [0, 1, 2, 3]


@pytest.mark.debug
@pytest.mark.parametrize("srq", (0, 1))
def test_a_drain_under_traffic_leaves_nothing(h1, h4, pool, srq):
    a, b = pool.pair(h1, h4, srq=srq, depth=16)
    b.recv(8)
    a.recv(8)
    a.send(16, size=65536)
    b.state(ERR, drain=1)
    a.state(ERR, drain=1)
    assert len(a.poll(16)) == 16
    assert not b.info()["draining"]


def test_reset_begins_anew(h1, h4, pool):
    a, b = pool.pair(h1, h4)
    for psn in (5, 0xffffff):
        b.recv(2)
        a.send(2, size=9000)
        assert a.statuses(2) == b.statuses(2) == [SUCCESS] * 2
        a.recv(2)
        for end in (a, b):
            end.state(RESET)
            end.state(INIT)
        a.connect(b, psn=psn)
    # What was posted before is gone without a word.
    assert not a.poll(ms=1)


def test_a_drained_send_queue_says_so_and_goes_on(h1, h4, pool):
    a, b = pool.pair(h1, h4)
    b.recv(6)
    a.send(4, size=65536)
    a.state(SQD, notify=1)
    wait(lambda: SQ_DRAINED in a.events(), 10, "no event")
    assert not a.info()["draining"]
    sent = len(a.poll(4, ms=1))
    a.send(2)
    # What has not begun waits.
    assert not a.poll(ms=1)
    a.state(RTS)
    assert a.statuses(6 - sent) == [SUCCESS] * (6 - sent)
    assert [d["seq"] for d in b.poll(6)] == list(range(6))


def test_the_first_message_before_rts_is_told(h1, h4, pool):
    a, b = pool.open(h1), pool.open(h4)
    a.connect(b, stay_rtr=1)
    b.recv(2)
    a.send(2)
    assert b.statuses(2) == a.statuses(2) == [SUCCESS] * 2
    wait(lambda: COMM_EST in b.events(), 5, "no event")
    assert b.info()["state"] == verbtest.RTR
    b.state(RTS, fresh=1)
    a.recv()
    b.send()
    assert a.statuses() == [SUCCESS]
    assert COMM_EST not in b.events()


def test_attributes_come_back_as_they_were_set(h1, h4, pool):
    values = {"timeout": 9, "retry": 3, "rnr_retry": 4, "min_rnr": 21,
              "mtu": 3}
    a, b = pool.pair(h1, h4, connect=values | {"psn": 77})
    info = a.info()
    assert {k: info[k] for k in values} == values
    assert info["sq_psn"] == info["rq_psn"] == 77
    assert info["dest_qpn"] == b.info()["qpn"]


@pytest.mark.parametrize("wrong", ({"timeout": 32}, {"retry": 8},
                                   {"rnr_retry": 8}, {"min_rnr": 32},
                                   {"mtu": 6}, {"mtu": 0}, {"dlid": 0},
                                   {"dlid": 0xc001}))
def test_attributes_that_cannot_be_are_refused(h1, h4, pool, wrong):
    a, b = pool.open(h1), pool.open(h4)
    with pytest.raises(OSError) as error:
        a.connect(b, **wrong)
    assert error.value.errno == errno.EINVAL


# Shared receive queues.

def test_a_shared_queue_tells_its_limit_once(h1, h4, pool):
    a, b = pool.pair(h1, h4, srq=1)
    b.recv(6)
    b.do("limit", to=4)
    a.send(2)
    assert a.statuses(2) == [SUCCESS] * 2
    assert b.info()["srq_limit"] == 0
    a.send(2)
    wait(lambda: b.info()["srq_limit"] == 1, 5, "the limit is not told")
    a.send(2)
    assert b.statuses(6) == [SUCCESS] * 6
    assert b.info()["srq_limit"] == 1


def test_the_last_wr_of_a_shared_queue_is_told_once(h1, h4, pool):
    a, b = pool.pair(h1, h4, srq=1)
    b.recv(2)
    a.send()
    assert b.statuses() == [SUCCESS]
    b.state(ERR)
    wait(lambda: b.info()["last_wqe"] == 1, 5, "the last WR is not told")
    b.send()
    assert b.statuses() == [FLUSHED]
    assert b.info()["last_wqe"] == 1


def test_what_a_shared_queue_lacks_is_waited_for(h1, h4, pool):
    a, b = pool.pair(h1, h4, srq=1, connect={"timeout": 20})
    before = h4.hca_counters()
    a.send(4, size=20000)
    wait(lambda: moved(h4, before, "rx_parked"), 10, "nothing waits")
    b.recv(4)
    assert [d["good"] for d in b.poll(4)] == [1] * 4
    assert a.statuses(4) == [SUCCESS] * 4
    assert not moved(h4, before, "tx_not_ready")


# Lifetimes.

@pytest.mark.debug
@pytest.mark.parametrize("who", ("sender", "receiver"))
def test_a_qp_goes_while_packets_are_under_way(h1, h4, pool, who):
    for _ in range(scaled(60)):
        a, b = pool.pair(h1, h4, srq=1, depth=8)
        b.recv(4)
        a.recv(4)
        a.send(8, size=65536)
        b.send(4, size=3000)
        pool.close(*((a, b) if who == "sender" else (b, a)))


@pytest.mark.parametrize("parameter,options", (("srq", {"srq": 1}),
                                               ("rc", {})))
def test_an_hca_without_it_refuses_it(hosts, pool, spare, parameter, options):
    path = f"/sys/module/sib/parameters/{parameter}"
    lab.write(path, "N")
    try:
        hca = spare()
        hca.add()
    finally:
        lab.write(path, "Y")
    with pytest.raises(OSError) as error:
        pool.open(hca.HCA, **options)
    assert error.value.errno == errno.EOPNOTSUPP
