# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What tests of shell scripts work with: run one, and stand in for a command."""

import os
import shutil
import signal
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LIMIT = 120
"""Seconds after which a command is taken to hang; a busy machine is slow."""


def environment(**changes):
    """This environment with changes; None takes a variable away."""
    env = {**os.environ, **changes}
    return {name: value for name, value in env.items() if value is not None}


def run(*argv, limit=LIMIT, **changes):
    """Run a command of the repository; exit status, output and complaint."""
    return subprocess.run(argv, cwd=ROOT, env=environment(**changes),
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=limit, check=False)


def library(script, *names, **changes):
    """Run a bash script after sourcing files of lab/lib."""
    source = "".join(f". lab/lib/{name}.sh\n" for name in names)
    return run("bash", "-u", "-c", source + script, **changes)


def default_signals():
    """For a child that is to be interrupted: CI may have SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def wait(condition, what):
    """Return when condition() is true; fail after LIMIT seconds."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {LIMIT} s"
        time.sleep(0.02)


def which(name):
    """Where a command is that every host has."""
    path = shutil.which(name)
    assert path, f"no {name} on this host"
    return path


def stand_in(directory, name, script):
    """A command that is found in directory."""
    path = os.path.join(directory, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(script)
    os.chmod(path, 0o755)


def path_with(directory):
    """A PATH on which what stands in directory comes first."""
    return f"{directory}:{os.environ['PATH']}"
