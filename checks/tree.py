# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The files that rules judge: those of the repository, or of an example."""

import dataclasses
import fnmatch
import functools
import os
import subprocess

# Texts of others, and bytes that are no text of ours.
FOREIGN = ("LICENSES/*", "tests/fuzz/corpus/*", "tests/fuzz/*/corpus/*",
           "tests/lab/data/*", "*.png", "*.svg", "*.pcap", "*.json")


@dataclasses.dataclass(frozen=True)
class Finding:
    """A violation, or with is_note something to look at."""

    path: str
    line: int
    text: str
    is_note: bool = False

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


class Tree:
    """Files by their path, which is relative to the root."""

    def __init__(self, files, root=None):
        self._files, self._root = files, root

    @functools.cache
    def text(self, path):
        """The contents of a file."""
        if self._root is None:
            return self._files[path]
        with open(os.path.join(self._root, path), encoding="utf-8",
                  errors="surrogateescape") as file:
            return file.read()

    def lines(self, path):
        """Yield each line of a file after its number."""
        yield from enumerate(self.text(path).splitlines(), 1)

    def paths(self, *patterns):
        """The paths, or those that match one of some shell patterns."""
        for path in sorted(self._files):
            if any(fnmatch.fnmatch(path, p) for p in patterns or "*"):
                yield path

    def ours(self, *patterns):
        """The same without what others wrote or what is not text."""
        for path in self.paths(*patterns):
            if not any(fnmatch.fnmatch(path, p) for p in FOREIGN):
                yield path

    def scripts(self, *interpreters):
        """The files that name one of these after #! in their first line."""
        for path in self.ours():
            first = self.text(path).split("\n", 1)[0]
            if first.startswith("#!") and any(
                    i in first.replace("/", " ").split()
                    for i in interpreters):
                yield path

    def exists(self, path):
        """Is there such a file or directory?"""
        return path in self._files or any(
            p.startswith(path.rstrip("/") + "/") for p in self._files)


def of_directory(root):
    """The files of a checkout, new ones included, ignored ones not."""
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "-co",
         "--exclude-standard"], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, check=False)
    names = os.fsdecode(done.stdout).split("\0") if not done.returncode \
        else _walk(root)
    return Tree({n for n in names if n and
                 os.path.isfile(os.path.join(root, n))}, root)


def _walk(root):
    for directory, below, files in os.walk(root):
        below[:] = [b for b in below if b not in ("out", ".git",
                                                  "__pycache__")]
        for file in files:
            yield os.path.relpath(os.path.join(directory, file), root)
