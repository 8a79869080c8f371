"""What the library's own objects want from outside, built with ports/bare: arithmetic and XNNPACK, nothing of a system.

SPDX-License-Identifier: Apache-2.0

SAMLET_BARE_LIBRARY names the archive, SAMLET_NM and SAMLET_OBJDUMP the tools.
"""
import os
import re
import subprocess
import unittest

STRINGS = "memchr memcmp memcpy memmove memset strchr strcmp strlen".split()
ARITHMETIC = ("ceil cos erf exp exp2 fabs floor fma fmax fmin fmod ldexp log log2 lrint lround nearbyint pow rint round "
              "scalbn sin sincos sqrt tan tanh trunc").split()
LINKER = ["_GLOBAL_OFFSET_TABLE_"]
ALLOWED = set(STRINGS + LINKER + ARITHMETIC + [name + "f" for name in ARITHMETIC])
ALLOWED_PREFIXES = ("xnn_", "pthreadpool_", "cpuinfo_")
# Code or storage that somebody would have to run or set up before the first call, or for each thread.
UNWANTED_SECTIONS = re.compile(r"^\.(init_array|fini_array|preinit_array|ctors|dtors|init|fini|tdata|tbss)(\.|$)")

LIBRARY = os.environ["SAMLET_BARE_LIBRARY"]


def tool(name, *options):
    command = [os.environ["SAMLET_" + name.upper()], *options, LIBRARY]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout.splitlines()


class Symbols(unittest.TestCase):
    def setUp(self):
        # Name and letter of every symbol; members' names and empty lines have other shapes.
        found = [line.split() for line in tool("nm", "-P")]
        self.symbols = [(words[0], words[1]) for words in found if len(words) > 1 and len(words[1]) == 1]
        self.defined = {name for name, kind in self.symbols if kind not in "Uwv"}

    def test_the_whole_library_is_seen(self):
        self.assertGreater(len([line for line in tool("nm", "-P") if line.endswith(".o]:")]), 35)
        for name in ("samlet_tracker_track", "samlet_segmenter_predict", "samlet_model_open"):
            self.assertIn(name, self.defined)

    def test_nothing_of_a_system_is_needed(self):
        needed = {name for name, kind in self.symbols if kind in "Uwv"} - self.defined
        self.assertIn("xnn_run_operator", needed)
        self.assertEqual([], sorted(name for name in needed - ALLOWED if not name.startswith(ALLOWED_PREFIXES)))

    def test_nothing_runs_before_the_first_call(self):
        sections = {words[1] for words in map(str.split, tool("objdump", "-h")) if words and words[0].isdigit()}
        self.assertTrue(any(name.startswith(".text") for name in sections))
        self.assertEqual([], sorted(name for name in sections if UNWANTED_SECTIONS.match(name)))

    def test_no_guards_and_no_type_information(self):
        self.assertEqual([], sorted(name for name, _ in self.symbols if name.startswith(("_ZGV", "_ZTI", "_ZTV"))))


if __name__ == "__main__":
    unittest.main()
