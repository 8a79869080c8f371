#!/usr/bin/env python3
"""The live view of tracks that begin with --everything or tell with --explain what they looked at.

SPDX-License-Identifier: Apache-2.0
"""
import subprocess
import unittest

from live_support import CLI, FRAMES, MODEL, picture, skip
from live_terminal_support import TerminalTest


class TogetherTest(TerminalTest):
    SEARCH = ("--points-per-side", 4, "--pred-iou-thresh", 0, "--stability-score-thresh", 0)

    def test_everything_then_hands(self):
        self.start("--out", self.out, "--everything", 2, *self.SEARCH)
        self.wait_text(r"frame 5 of 6  the end")
        self.wait_text(r"objects:  \S+.*2")
        self.assertEqual(self.prompts(), [])
        self.click(115, 75)
        self.wait("a prompt", lambda: self.prompts())
        self.send("q")
        self.end(0)
        results = self.results()
        self.assertEqual(results["everything"]["points_per_side"], 4)
        self.assertEqual([(p["frame"], p["object"]) for p in results["prompts"]], [(0, 1), (0, 2)])
        seeds, clicks = self.prompts()[:2], self.prompts()[2:]
        # Relative to the file that names them.
        self.assertEqual([(p["frame"], p["object"], p["mask"]) for p in seeds], [(0, 1, "seeds.png"), (0, 2, "seeds.png")])
        self.assertEqual([(p["frame"], p["object"]) for p in clicks], [(FRAMES - 1, 3)])
        self.check_frames(FRAMES)
        self.check_replay()

    def test_seeds_are_those_of_a_track_without_a_view(self):
        self.start("--out", self.out, "--everything", 2, *self.SEARCH)
        self.wait_text("the end")
        self.send("q")
        self.end(0)
        again = self.dir / "again"
        subprocess.run([str(part) for part in self.command("--out", again, "--everything", 2, *self.SEARCH, "--quiet")],
                       check=True, timeout=600)
        for path in again.glob("*.png"):
            self.assertEqual((self.out / path.name).read_bytes(), path.read_bytes(), path.name)

    def test_everything_without_out(self):
        self.start("--everything", 2, *self.SEARCH)
        self.wait_text(r"objects:  \S+")
        self.send("q")
        self.end(0)
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), ["video"])

    def test_a_search_is_shown_and_can_be_quit(self):
        # Longer than anyone looks.
        search = ("--points-per-side", 256, "--crop-n-layers", 4)
        self.start("--out", self.out, "--everything", 2, *search)
        self.wait_text(r"looking for objects: 0 %")
        self.check_picture(picture(0))
        self.click(115, 75)
        self.send("q")
        self.end(130)
        self.assertFalse(self.out.exists())

    def test_nothing_found(self):
        self.start("--out", self.out, "--everything", 2, "--points-per-side", 2, "--pred-iou-thresh", 1)
        self.end(1)
        self.assertIn("--everything finds no objects on frame 0", self.errors)

    def test_explain(self):
        why = self.dir / "why"
        self.start("--out", self.out, "--explain", why, "--point", "115,75")
        self.wait_text("the end")
        self.click(20, 20)  # its object has no memories yet
        self.wait_text(r"objects:  1.*\[2\]")
        self.send("q")
        self.end(0)
        self.assertIn(str(why / "report.html").encode(), self.screen.raw)
        page = (why / "report.html").read_text()
        for object in (1, 2):
            self.assertIn(f"Object {object}", page)
        maps = {path.name for path in (why / "heat").iterdir()}
        self.assertIn("00005_obj1_memory00000.jpg", maps)
        for entry in self.results()["results"]:
            looked = bool(entry["attention"]["memories"])
            self.assertEqual(looked, entry["object"] == 1 and entry["frame"] > 0, entry)
        self.check_frames(FRAMES)
        self.check_replay()

    def test_explain_a_click_between_frames(self):
        why = self.dir / "why"
        self.start("--out", self.out, "--explain", why)
        self.wait_text("waiting")
        self.send("n")
        self.wait_text("frame 1 of 6  paused")
        self.click(115, 75)
        self.wait("a prompt", lambda: self.prompts())
        self.send("n")
        self.wait_text("frame 2 of 6  paused")
        self.click(20, 20, 2)  # corrects what was tracked
        self.wait("a correction", lambda: len(self.prompts()) == 2)
        self.send(" ")
        self.wait_text("the end")
        self.send("q")
        self.end(0)
        maps = {path.name for path in (why / "heat").iterdir()}
        # The frames of prompts that nobody knew at the start.
        self.assertLessEqual({"00005_obj1_memory00001.jpg", "00005_obj1_memory00002.jpg"}, maps)
        for live, again in zip(*self.check_replay("--explain", self.dir / "why_again")):
            self.assertEqual(live["attention"]["memories"], again["attention"]["memories"], live["frame"])

    def test_explain_nothing(self):
        why = self.dir / "why"
        self.start("--explain", why)
        self.wait_text("waiting")
        self.send("q")
        self.end(0)
        self.assertIn("</html>", (why / "report.html").read_text())


if __name__ == "__main__":
    if not CLI:
        skip("SAMLET_CLI names no executable")
    if not MODEL.is_file():
        skip("no model: set SAMLET_TEST_MODEL")
    unittest.main()
