# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Fixed layouts of big-endian bit fields, written as tables.

A table is a string of fields in the order of the wire, separated by blanks:

    name:16         an unsigned integer of 16 bits
    name:8[64]      64 of them, as a tuple
    name:gid        a GID, as an IPv6Address
    name:bytes[54]  octets as they are
    name:text[64]   UTF-8, padded with NULs
    -:3             reserved: zero when encoded, ignored when decoded

The size that the standard gives is written beside the table and checked when
the class is made, so a forgotten field does not survive an import.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, ClassVar, NamedTuple, Self

Gid = ipaddress.IPv6Address
GidLike = Gid | str | bytes | int

_TOKEN = re.compile(r"(?P<name>\w+|-):(?P<kind>gid|bytes|text|\d+)"
                    r"(?:\[(?P<count>\d+)\])?$")


def gid(value: GidLike) -> Gid:
    """A GID from text, 16 octets or a number; ValueError if it is none."""
    return value if isinstance(value, Gid) else Gid(value)


class Field(NamedTuple):
    """One field: ``kind`` is int, ints, gid, bytes or text; sizes in bits."""

    name: str
    kind: str
    width: int
    count: int

    @property
    def bits(self) -> int:
        """Of the whole field."""
        return self.width * self.count

    def default(self) -> Any:
        """What a field holds that nobody has set."""
        return {"int": 0, "ints": (0,) * self.count, "gid": Gid(0),
                "bytes": bytes(self.count), "text": ""}[self.kind]

    def clean(self, value: Any) -> Any:
        """The canonical form of a value; ValueError if it does not fit."""
        if self.kind == "gid":
            return gid(value)
        if self.kind == "text":
            return self._fitting(value.encode(), value)
        if self.kind == "bytes":
            return self._fitting(value, bytes(value).ljust(self.count, b"\0"))
        if self.kind == "int":
            return self._in_range(value)
        values = tuple(self._in_range(item) for item in value)
        return self._fitting(values, values + (0,) * (self.count -
                                                      len(values)))

    def _fitting(self, measured: Any, value: Any) -> Any:
        if len(measured) > self.count:
            raise ValueError(f"{self.name}: more than {self.count}: {value!r}")
        return value

    def _in_range(self, value: int) -> int:
        value = int(value)
        if not 0 <= value < 1 << self.width:
            raise ValueError(f"{self.name}: {value:#x} has more than "
                             f"{self.width} bits")
        return value

    def to_int(self, value: Any) -> int:
        """The field as one big-endian number."""
        if self.kind in ("int", "gid"):
            return int(value)
        if self.kind == "text":
            value = value.encode().ljust(self.count, b"\0")
        if self.kind in ("bytes", "text"):
            return int.from_bytes(value, "big")
        number = 0
        for item in value:
            number = number << self.width | item
        return number

    def from_int(self, number: int) -> Any:
        """The value that a big-endian number stands for."""
        if self.kind == "int":
            return number
        if self.kind == "gid":
            return Gid(number)
        if self.kind == "ints":
            mask = (1 << self.width) - 1
            return tuple(number >> shift & mask for shift in
                         range(self.bits - self.width, -1, -self.width))
        octets = number.to_bytes(self.count, "big")
        if self.kind == "bytes":
            return octets
        return octets.split(b"\0")[0].decode(errors="replace")


def parse_table(table: str) -> list[Field]:
    """The fields of a table; ValueError names the first bad one."""
    fields = []
    for token in table.split():
        match = _TOKEN.match(token)
        if not match:
            raise ValueError(f"not a field: {token!r}")
        name, kind = match["name"], match["kind"]
        count = int(match["count"] or 1)
        if kind == "gid":
            fields.append(Field(name, "gid", 128, 1))
        elif kind in ("bytes", "text"):
            fields.append(Field(name, kind, 8, count))
        else:
            fields.append(Field(name, "ints" if match["count"] else "int",
                                int(kind), count))
    return fields


class Layout:
    """A structure of the wire. Subclasses give TABLE and SIZE, in octets.

    Attributes are the fields. ALIASES are other names for fields; they are
    understood where fields are given by name.
    """

    TABLE: ClassVar[str] = ""
    SIZE: ClassVar[int] = 0
    ALIASES: ClassVar[dict[str, str]] = {}
    FIELDS: ClassVar[list[Field]] = []
    BY_NAME: ClassVar[dict[str, Field]] = {}

    def __init_subclass__(cls) -> None:
        cls.FIELDS = parse_table(cls.TABLE)
        cls.BY_NAME = {field.name: field for field in cls.FIELDS
                       if field.name != "-"}
        bits = sum(field.bits for field in cls.FIELDS)
        if bits != cls.SIZE * 8:
            raise TypeError(f"{cls.__name__}: {bits} bits in the table, "
                            f"{cls.SIZE * 8} in the standard")

    def __init__(self, **values: Any) -> None:
        for name, field in self.BY_NAME.items():
            setattr(self, name, field.default())
        self.update(**values)

    @classmethod
    def field_name(cls, name: str) -> str:
        """The name proper of a field; AttributeError if there is none."""
        name = cls.ALIASES.get(name, name)
        if name not in cls.BY_NAME:
            raise AttributeError(f"{cls.__name__} has no field {name!r}")
        return name

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """From the wire. What follows is ignored; ValueError if short."""
        if len(octets) < cls.SIZE:
            raise ValueError(f"{cls.__name__}: {len(octets)} octets of "
                             f"{cls.SIZE}")
        number = int.from_bytes(octets[:cls.SIZE], "big")
        self = cls()
        left = cls.SIZE * 8
        for field in cls.FIELDS:
            left -= field.bits
            if field.name != "-":
                part = number >> left & (1 << field.bits) - 1
                setattr(self, field.name, field.from_int(part))
        return self

    def encode(self) -> bytes:
        """To the wire; ValueError names a field that does not fit."""
        number = 0
        for field in self.FIELDS:
            number <<= field.bits
            if field.name != "-":
                value = field.clean(getattr(self, field.name))
                number |= field.to_int(value)
        return number.to_bytes(self.SIZE, "big")

    def update(self, **values: Any) -> Self:
        """Set fields by name; errors as of field_name() and encode()."""
        for name, value in values.items():
            name = self.field_name(name)
            setattr(self, name, self.BY_NAME[name].clean(value))
        return self

    def replace(self, **values: Any) -> Self:
        """A copy with some fields set."""
        copy = type(self)()
        copy.__dict__.update(self.__dict__)
        return copy.update(**values)

    def differences(self, **values: Any) -> dict[str, Any]:
        """Those of the values that the structure does not hold already."""
        return {name: value for name, value in values.items()
                if getattr(self, self.field_name(name)) != value}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}"
                 for name, field in self.BY_NAME.items()
                 if getattr(self, name) != field.default())
        return f"{type(self).__name__}({', '.join(shown)})"
