# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""ib-draw makes a graph of what ibnetdiscover printed."""

import os
import re
import tempfile
import unittest

from tests.lab import shell

RECORDED = "tests/lab/data/fabrics/2sw4ca.txt"
NODE = re.compile(r'^\t"(\S+)" \[label="(.*?)", shape=(\w+)', re.M)
LINK = re.compile(r'^\t"(\S+)" -- "(\S+)" \[taillabel="(\d+)", '
                  r'headlabel="(\d+)"(?:, label="(\w+)")?\]', re.M)


class Draw(unittest.TestCase):
    """The graph, taken apart."""

    def draw(self, text):
        """ib-draw of a text."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "fabric")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            return shell.run("tools/ib-draw", path)

    def graph(self, text):
        """Nodes by label, and links between labels, of a text."""
        done = self.draw(text)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        nodes = {n: (label, shape) for n, label, shape
                 in NODE.findall(done.stdout)}
        name = {n: label.split("\\n")[0] for n, (label, _) in nodes.items()}
        links = {tuple(sorted([f"{name[a]}.{p}", f"{name[b]}.{q}"])) + (rate,)
                 for a, b, p, q, rate in LINK.findall(done.stdout)}
        self.assertEqual(len(LINK.findall(done.stdout)), len(links))
        return sorted(nodes.values()), sorted(links)

    def recorded(self):
        """What ibnetdiscover printed in the default topology."""
        with open(RECORDED, encoding="ascii") as file:
            return file.read()

    def test_nodes(self):
        self.assertEqual(self.graph(self.recorded())[0], [
            ("sib1", "ellipse"), ("sib2", "ellipse"), ("sib3", "ellipse"),
            ("sib4", "ellipse"), (r"sw1\nLID 2", "box"),
            (r"sw2\nLID 3", "box")])

    def test_each_link_once_with_its_ports(self):
        self.assertEqual(self.graph(self.recorded())[1], [
            ("sib1.1", "sw1.1", "4xQDR"), ("sib2.1", "sw1.2", "4xQDR"),
            ("sib3.1", "sw2.1", "4xQDR"), ("sib4.1", "sw2.2", "4xQDR"),
            ("sw1.3", "sw2.3", "4xQDR")])

    def test_parallel_links_are_lines_of_their_own(self):
        text = re.sub(r'^\[3\](\t"S-\w+")\[3\](.*)$',
                      r'[3]\1[3]\2\n[4]\1[4]\2', self.recorded(), flags=re.M)
        links = self.graph(text)[1]
        self.assertIn(("sw1.4", "sw2.4", "4xQDR"), links)
        self.assertEqual(len(links), 6)

    def test_a_name_cannot_break_out_of_the_graph(self):
        text = self.recorded().replace("# \"sib1\"", "# \"a\\\"];evil[\"", 1)
        self.assertNotRegex(self.draw(text).stdout, r'[^\\]"\];evil')

    def test_no_fabric_is_an_error(self):
        done = self.draw("nothing\n")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no nodes", done.stderr)


if __name__ == "__main__":
    unittest.main()
