#!/usr/bin/env python3
"""The manual page names every option of every command that --help prints, and groff has no objections.

SPDX-License-Identifier: Apache-2.0

Environment: SAMLET_CLI, the executable; SAMLET_MANUAL, the page. Without them everything is skipped.
"""
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

CLI = os.environ.get("SAMLET_CLI", "")
MANUAL = Path(os.environ.get("SAMLET_MANUAL", ""))
SKIPPED = 77


def help_of(*command):
    return subprocess.run([CLI, *command, "--help"], capture_output=True, text=True, check=True).stdout


def commands():
    listed = help_of().split("Subcommands:\n", 1)[1]
    return re.findall(r"^  ([a-z-]+) ", listed, re.MULTILINE)


def options(text):
    """The names in the first column of --help, positionals too."""
    names = set()
    for line in text.splitlines():
        if re.match(r"  (-|[a-z]+ [A-Z])", line):
            names.update(line.split()[0].split(","))
    return names


def plain(roff):
    return re.sub(r"\\f[BIR]", "", roff).replace("\\-", "-").replace("\\&", "")


class Manual(unittest.TestCase):
    def setUp(self):
        self.sections = dict(re.findall(r'^\.SS "samlet ([a-z-]+)"\n(.*?)(?=^\.S[SH] )', plain(MANUAL.read_text()),
                                        re.MULTILINE | re.DOTALL))

    def test_every_command_is_named(self):
        self.assertGreaterEqual(len(commands()), 4)
        self.assertEqual(list(self.sections), commands())

    def test_every_option_is_named(self):
        for command in commands():
            named = set()
            for line in re.findall(r"^\.TP\n(.*)$", self.sections[command], re.MULTILINE):
                named.update(line.split()[0].split(","))
            expected = options(help_of(command))
            self.assertIn("--help", expected)
            self.assertIn("--json", expected)
            self.assertEqual(named, expected, f"samlet {command}")

    def test_every_example_is_there(self):
        for command in commands():
            for line in re.findall(r"^  samlet .*$", help_of(command), re.MULTILINE):
                self.assertIn(line, self.sections[command])

    def test_every_exit_status_is_there(self):
        section = re.search(r"^\.SH EXIT STATUS\n(.*?)^\.SH ", MANUAL.read_text(), re.MULTILINE | re.DOTALL)[1]
        self.assertEqual(re.findall(r"^\.B (\d+)$", section, re.MULTILINE), ["0", "1", "2", "130"])

    def test_nothing_is_left_to_fill_in(self):
        self.assertNotRegex(MANUAL.read_text(), r"@[A-Z]+@")

    @unittest.skipUnless(shutil.which("groff"), "no groff")
    def test_groff_has_no_objections(self):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-wmac", "-wescape", "-wnumber", "-wsyntax", "-Wbreak", "-z",
                               str(MANUAL)], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    if not CLI or not MANUAL.is_file():
        print("skipped: no command line or no manual page (SAMLET_CLI, SAMLET_MANUAL)")
        sys.exit(SKIPPED)
    unittest.main()
