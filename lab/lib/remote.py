# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Commands in the second guest: what the first sends, what comes back.

A connection is a command. Each message has a letter, a length of four octets
and so much data. To the agent: r a request in JSON, i standard input (none of
it is its end), s the number of a signal, q the agent shall end. From it: o and e
standard output and error, x the exit status, which is the last. Who hangs up
kills the command.
"""

import json
import os
import select
import socket
import struct
import subprocess
import threading
import time

ADDRESS = os.environ.get("LAB_SECOND", "192.0.2.2:5700")
_HEAD = struct.Struct(">cI")


def address():
    """Where the agent listens, as sockets want it."""
    host, port = ADDRESS.rsplit(":", 1)
    return host, int(port)


def send(sock, kind, data=b""):
    """A message."""
    sock.sendall(_HEAD.pack(kind, len(data)) + data)


class Messages:
    """What comes on a socket, cut into messages."""

    def __init__(self, sock):
        self._sock, self._rest = sock, bytearray()
        self.closed = False

    def receive(self):
        """Wait for what comes next; the messages that are whole."""
        data = self._sock.recv(1 << 16)
        self.closed = not data
        self._rest += data
        found = []
        while len(self._rest) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._rest)
            end = _HEAD.size + length
            if len(self._rest) < end:
                break
            found.append((kind, bytes(self._rest[_HEAD.size:end])))
            del self._rest[:end]
        return found


class Process:
    """A command that runs in the second guest, as a subprocess.Popen is one
    that runs here. Its standard error goes with its output unless asked for."""

    def __init__(self, argv, text=None, merge=True, sink=None):
        self.args = [str(a) for a in argv]
        self.returncode = None
        self.output = bytearray()
        self._sink = sink or (lambda _, data: self.output.extend(data))
        self._sock = socket.create_connection(address(), 10)
        self._sock.settimeout(None)
        self._messages, self._lock = Messages(self._sock), threading.Lock()
        send(self._sock, b"r", json.dumps(
            {"argv": self.args, "merge": merge}).encode())
        if text is not None:
            self.write(text.encode())
            self.write(b"")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def fileno(self):
        """To wait for what it says."""
        return self._sock.fileno()

    def write(self, data):
        """To its standard input; nothing at all is the end of it. May block
        until what it says is taken."""
        with self._lock:
            send(self._sock, b"i", data)

    def pump(self):
        """Take what has come; waits for something."""
        for kind, data in self._messages.receive():
            if kind == b"x":
                self.returncode, = struct.unpack(">i", data)
                self._sock.close()
                return
            self._sink(kind, data)
        if self._messages.closed:
            raise ConnectionError(f"the second guest hung up on {self.args}")

    def poll(self):
        """Its exit status, if it has ended."""
        while self.returncode is None and select.select([self], [], [], 0)[0]:
            self.pump()
        return self.returncode

    def send_signal(self, number):
        """As kill(1) does."""
        with self._lock:
            if self.returncode is None:
                send(self._sock, b"s", b"%d" % number)

    def kill(self):
        """End it at once: that is what hanging up does."""
        if self.returncode is None:
            self._sock.close()
            self.returncode = -9

    def communicate(self, timeout=None):
        """Wait for its end; what it said."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired(self.args, timeout)
            if select.select([self], [], [], left)[0]:
                self.pump()
        return self.output.decode(errors="replace"), None


def end():
    """The agent shall end; returns when it has heard that."""
    with socket.create_connection(address(), 10) as sock:
        send(sock, b"q")
        sock.recv(1)
