#!/usr/bin/env python3
"""The live view in a terminal.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import signal
import subprocess
import unittest

from live_support import CLI, FRAMES, LIMIT, MODEL, LiveTest, picture, skip
from live_terminal_support import COLUMNS, HALF_BLOCK, ROWS, TerminalTest


class ViewTest(TerminalTest):
    def test_objects_by_mouse(self):
        self.start("--out", self.out)
        self.wait_text(r"frame 0 of 6  waiting")
        self.check_picture(picture(0))
        self.assertEqual(self.screen.modes, {1049, 1002, 1006})
        self.send(" ")  # play, and hold at once
        self.send(" ")
        self.wait_text("paused")
        frame = int(re.search(r"frame (\d)", self.screen.text())[1])
        self.check_picture(picture(frame))
        # A click, a point that is not it, and a box with a second object.
        self.click(115, 75)
        self.wait("a prompt", lambda: len(self.prompts()) == 1)
        self.click(20, 20, 2)
        self.wait("a second prompt", lambda: len(self.prompts()) == 2)
        self.mouse(0, 10, 60)
        self.mouse(32, 40, 70)
        self.mouse(32, 60, 90)
        yellow = lambda: (self.screen.colours == (255, 255, 0)).all(axis=2).sum() > 20
        self.wait("the box that is drawn", yellow)
        self.mouse(0, 60, 90, "m")
        self.wait("a box", lambda: len(self.prompts()) == 3)
        self.wait_text(r"objects:  1( not seen \S+ \S+)?  \[2\]")
        first, second, third = self.prompts()
        self.assertEqual([(p["frame"], p["object"]) for p in (first, second, third)], [(frame, 1), (frame, 1), (frame, 2)])
        self.near(first["points"][0], 115, 75)
        self.near(second["points"][0], 20, 20)
        self.assertEqual((first["points"][0][2], second["points"][0][2]), (1, 0))
        self.near(third["box"][:2], 10, 60)
        self.near(third["box"][2:], 60, 90)
        self.send("n")
        self.wait_text(rf"frame {frame + 1} of 6  paused")
        self.send(" ")
        self.wait_text(r"frame 5 of 6  the end")
        self.send("q")
        self.end(0)
        self.assertIn(b"6 frames in", self.screen.raw)
        self.assertTrue(self.results()["complete"])
        self.check_frames(FRAMES)
        self.check_replay()

    def test_removing_and_help(self):
        self.start("--out", self.out, "--point", "115,75", "--objects", 2)
        self.wait_text(r"the end")
        self.wait_text(r"objects:  \[1\]")
        self.click(20, 20)
        self.wait_text(r"objects:  1.*\[2\]")
        self.click(40, 40)
        self.wait_text("all 2 objects are taken")
        self.send("x")
        self.wait_text(r"objects:  \[1\]")
        self.send("r")
        self.wait_text("no objects")
        self.send("h")
        self.wait_text("right click: not this")
        self.send("q")
        self.end(0)
        self.assertEqual([p["object"] for p in self.prompts()], [1, 2])
        last = [entry for entry in self.results()["results"] if entry["frame"] == FRAMES - 1]
        self.assertEqual(last, [])
        self.check_frames(FRAMES)

    def test_without_out_nothing_is_written(self):
        self.start("--json", live="--live=terminal")
        self.wait_text("waiting")
        self.send("q")
        self.end(0)
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), ["video"])
        self.assertIn(b'"frames": 1', self.screen.raw)

    def test_another_size(self):
        self.start()
        self.wait_text("waiting")
        # The last has as many cells as the one before.
        for columns, rows in ((COLUMNS // 2, ROWS - 10), (COLUMNS, ROWS), (COLUMNS // 2, 2 * ROWS)):
            self.screen.clear()
            self.resize(columns, rows)
            lines = self.screen.letters
            self.wait("text in another line", lambda: "waiting" in "".join(lines[rows - 3]))
            self.wait("everything drawn anew", lambda: all(set(line[:columns]) == {HALF_BLOCK} for line in lines[:rows - 3]))
        self.resize(1, 1)
        self.resize(COLUMNS, ROWS)
        self.screen.clear()
        self.wait_text("waiting")
        self.send("q")
        self.end(0)

    def test_overlays_of_skipped_frames_keep_their_time(self):
        frames = self.dir / "frames"
        frames.mkdir()
        for number in range(100):
            os.symlink(self.video / f"{number % FRAMES}.png", frames / f"{number}.png")
        film, overlay = self.dir / "film.mp4", self.dir / "overlay.mp4"
        plain = lambda video, *arguments: subprocess.run(
            [str(part) for part in (CLI, "track", "--model", MODEL, "--video", video, "--quiet", "--image-size", 64,
                                    "--point", "115,75", *arguments)], check=True, timeout=600)
        plain(frames, "--out", self.out, "--overlay", film, "--fps", 200)
        self.video = film
        self.start("--out", self.out, "--point", "115,75", "--realtime", "--overlay", overlay)
        self.wait_text("the end")
        self.send("q")
        self.end(0)
        live = self.results()["results"]
        self.assertLess(len(live), 100)
        plain(overlay, "--out", self.out)
        self.assertEqual([entry["time_s"] for entry in self.results()["results"]], [entry["time_s"] for entry in live])

    def test_ctrl_c(self):
        self.start("--out", self.out, "--point", "115,75")
        self.wait_text(r"\[1\]")
        self.send("\x03")
        self.end(130)
        self.assertFalse(self.results()["complete"])

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV):
            with self.subTest(number):
                self.start("--out", self.out)
                self.wait_text("waiting")
                self.process.send_signal(number)
                self.end(130 if number == signal.SIGTERM else -number)

    def test_errors_come_after_the_view(self):
        (self.video / "3.png").write_bytes(b"no picture")
        self.start("--out", self.out, "--point", "115,75")
        self.end(1)
        self.assertIn("3.png", self.errors)
        self.assertIn("3.png", self.results()["error"])

    def test_neither_display_nor_terminal(self):
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")}
        for live, words in (("--live", ["no display", "no terminal"]), ("--live=terminal", ["no terminal"])):
            result = subprocess.run([str(part) for part in self.command(live, "--out", self.out)], env=environment,
                                    stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            for word in words:
                self.assertIn(word, result.stderr)
            self.assertFalse(self.out.exists())


class UsageTest(LiveTest):
    def refuse(self, words, *arguments):
        result = subprocess.run([str(part) for part in self.command(*arguments)], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn(words, result.stderr)

    def test_usage(self):
        self.refuse("--out is required", "--point", "1,2")
        self.refuse("--live goes forward", "--live", "--direction", "both", "--point", "1,2")
        self.refuse("--realtime needs --live", "--realtime", "--point", "1,2", "--out", self.out)
        self.refuse("window or terminal", "--live=cinema")
        self.refuse("--everything cannot be combined", "--live", "--everything", 2, "--point", "1,2")


if __name__ == "__main__":
    if not CLI:
        skip("SAMLET_CLI names no executable")
    if not MODEL.is_file():
        skip("no model: set SAMLET_TEST_MODEL")
    unittest.main()
