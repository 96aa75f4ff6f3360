# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a test wants an SA to answer otherwise, and what was asked. Pure but
for the waiting.

A rule is an action and a description of the requests that it is for:

    refuse(status)          answer with a status, change nothing
    drop()                  do not answer, change nothing
    drop(processed=True)    do not answer, but do what was asked
    delay(seconds)          do what was asked now, answer later
    alter(sl=5, mtu=3)      answer with some fields changed

A description is made of these, all of which must hold:

    attr="MCMemberRecord"   the attribute
    method="Set"            Get, Set, GetTable or Delete
    lid=4                   the source LID
    where=function          of the Request, true or false
    mgid="ff12:...", ...    fields of the record

Rules are looked at in the order of their making. Any number of delays and
alterations apply together; the first refusal or drop ends it.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.sm.sarecords import Record, SaStatus
from tests.sm.umad import Address


@dataclasses.dataclass(eq=False)
class Request:
    """A request as it came, and what became of it.

    ``time`` and ``answered`` are of time.monotonic(). ``components`` are the
    names of the fields that the component mask has. ``retry`` says that it
    has the LID and the transaction ID of an earlier one. ``fate`` is
    "pending", then "answered", "dropped" or, for a repetition of what is
    still being delayed, "duplicate". ``status`` and ``answers`` are what was
    sent back.
    """

    time: float
    lid: int
    tid: int
    method: str
    attr: str
    record: Record | None
    components: frozenset[str]
    sm_key: int
    address: Address
    retry: bool = False
    fate: str = "pending"
    status: int | None = None
    answers: list[Record] = dataclasses.field(default_factory=list)
    answered: float | None = None

    @property
    def transaction(self) -> tuple[int, int]:
        """The same for a request and its repetitions."""
        return self.lid, self.tid

    @property
    def answer(self) -> Record:
        """The first record of the answer; IndexError without one."""
        return self.answers[0]

    def __str__(self) -> str:
        asked = ", ".join(f"{name}={getattr(self.record, name)}"
                          for name in sorted(self.components))
        status = "" if self.status is None else f" {self.status:#06x}"
        return (f"{self.time:.3f} LID {self.lid} {self.method}({self.attr}) "
                f"{asked or '-'}: {self.fate}{status}"
                f"{' (retry)' if self.retry else ''}")


Predicate = Callable[[Request], bool]


class Matcher:
    """A description of requests; see the head of this file."""

    def __init__(self, where: Predicate | None = None, *,
                 attr: str | None = None, method: str | None = None,
                 lid: int | None = None, **fields: Any) -> None:
        self._where = where
        self._fixed = {name: value for name, value in
                       (("attr", attr), ("method", method), ("lid", lid))
                       if value is not None}
        self._fields = fields

    def __call__(self, request: Request) -> bool:
        return (all(getattr(request, name) == value
                    for name, value in self._fixed.items()) and
                self._fields_match(request.record) and
                (self._where is None or bool(self._where(request))))

    def _fields_match(self, record: Record | None) -> bool:
        if not self._fields:
            return True
        if record is None:
            return False
        for name, value in self._fields.items():
            name = record.ALIASES.get(name, name)
            field = record.BY_NAME.get(name)
            if field is None or getattr(record, name) != field.clean(value):
                return False
        return True


@dataclasses.dataclass(frozen=True)
class Action:
    """What a rule does; made by refuse(), drop(), delay() and alter()."""

    kind: str
    status: int = SaStatus.OK
    seconds: float = 0.0
    processed: bool = False
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)


def refuse(status: int = SaStatus.REQ_INVALID) -> Action:
    """Answer with a status, and do nothing."""
    return Action("refuse", status=status)


def drop(*, processed: bool = False) -> Action:
    """Answer nothing. With ``processed`` only the answer is lost."""
    return Action("drop", processed=processed)


def delay(seconds: float) -> Action:
    """Answer so much later. Repetitions of the request wait with it."""
    return Action("delay", seconds=seconds)


def alter(**fields: Any) -> Action:
    """Set some fields in every record of a good answer."""
    return Action("alter", fields=fields)


class Rule:
    """An action for some requests; a context manager that removes it.

    ``hits`` counts the requests that it was applied to.
    """

    def __init__(self, book: RuleBook, action: Action, matcher: Matcher,
                 times: int | None, packets: bool) -> None:
        self.action = action
        self.hits = 0
        self._book = book
        self._matcher = matcher
        self._times = times
        self._packets = packets
        self._seen: set[tuple[int, int]] = set()

    def __enter__(self) -> Rule:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """End it; harmless if done twice."""
        self._book.remove(self)

    def take(self, request: Request) -> bool:
        """Does it apply? If so it has been applied once more."""
        if not self._matcher(request):
            return False
        known = not self._packets and request.transaction in self._seen
        if not known and self._times is not None and self.hits >= self._times:
            return False
        self._seen.add(request.transaction)
        self.hits += not known
        return True


class RuleBook:
    """All rules, in the order of their making."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(self, action: Action, matcher: Matcher, times: int | None = None,
            packets: bool = False) -> Rule:
        """See ScriptedSA.rule()."""
        rule = Rule(self, action, matcher, times, packets)
        with self._lock:
            self._rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Take a rule out, if it is there."""
        with self._lock:
            if rule in self._rules:
                self._rules.remove(rule)

    def clear(self) -> None:
        """Take all rules out."""
        with self._lock:
            self._rules.clear()

    def actions(self, request: Request) -> list[Action]:
        """What is to be done with a request; the last may end it."""
        actions = []
        with self._lock:
            for rule in self._rules:
                if rule.take(request):
                    actions.append(rule.action)
                    if rule.action.kind in ("refuse", "drop"):
                        break
        return actions


class Log:
    """All requests since the last clear(), and waiting for them."""

    def __init__(self) -> None:
        self._requests: list[Request] = []
        self._transactions: dict[tuple[int, int], Request] = {}
        self._changed = threading.Condition()

    def add(self, request: Request) -> Request | None:
        """Write a request down; returns the one that it repeats, if any."""
        with self._changed:
            first = self._transactions.setdefault(request.transaction,
                                                  request)
            request.retry = first is not request
            self._requests.append(request)
            self._changed.notify_all()
            return first if request.retry else None

    def settle(self, request: Request, fate: str, status: int | None = None,
               answers: list[Record] | None = None) -> None:
        """Write down what became of a request."""
        with self._changed:
            request.fate = fate
            request.status = status
            request.answers = answers or []
            if fate == "answered":
                request.answered = time.monotonic()
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget all requests."""
        with self._changed:
            self._requests.clear()
            self._transactions.clear()

    def find(self, matcher: Predicate, since: float = 0.0) -> list[Request]:
        """All requests that match and came after a time."""
        with self._changed:
            return self._find(matcher, since)

    def _find(self, matcher: Predicate, since: float) -> list[Request]:
        return [request for request in self._requests
                if request.time > since and matcher(request)]

    def wait_for(self, matcher: Predicate, count: int, timeout: float,
                 since: float) -> list[Request]:
        """As find(), once it finds ``count``; TimeoutError shows the log."""
        found: list[Request] = []

        def look() -> bool:
            found[:] = self._find(matcher, since)
            return len(found) >= count

        with self._changed:
            if self._changed.wait_for(look, timeout):
                return found[:count]
            tail = "\n".join(map(str, self._requests[-20:]))
        raise TimeoutError(f"{len(found)} of {count} requests in {timeout:g} "
                           f"s; the last of all:\n{tail or 'none'}")
