#!/usr/bin/env python3
"""The live view in a window: on a virtual display (Xvfb) xdotool moves the mouse and presses keys, and ImageMagick's
import reads the screen back. Skipped where one of them, or SDL2, is missing.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np

from live_support import CLI, FRAMES, HEIGHT, LIMIT, MODEL, WIDTH, LiveTest, picture, skip, wait_for, write_png

SCREEN = (1000, 800)
BAR = 3 * 20 + 8  # three lines of text below the picture


def start_display():
    """-> (process, name). Xvfb looks for a free number itself. It would reset when its last client leaves, such as
    xdotool after a look, and drop a program that connects at that moment."""
    reader, writer = os.pipe()
    process = subprocess.Popen(["Xvfb", "-noreset", "-displayfd", str(writer), "-screen", "0", f"{SCREEN[0]}x{SCREEN[1]}x24",
                                "-nolisten", "tcp"], pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        number = pipe.readline().strip()  # at the end of the file, if it could not start
    return (process, ":" + number) if number else (process, None)


class WindowTest(LiveTest):
    @classmethod
    def setUpClass(cls):
        cls.server, display = start_display()
        if not display:
            cls.tearDownClass()
            raise unittest.SkipTest("Xvfb does not start")
        cls.environment = {name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"}
        # Libraries below SDL leak a little when they end; the terminal's test looks for leaks of ours.
        cls.environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        cls.environment.update(DISPLAY=display, SDL_VIDEODRIVER="x11", SDL_RENDER_DRIVER="software")

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.wait()

    def start(self, *arguments, live="--live=window"):
        self.process = subprocess.Popen([str(part) for part in self.command(live, *arguments)], env=self.environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.stderr.close)
        self.addCleanup(self.kill)
        find = lambda: self.xdotool("search", "--onlyvisible", "--name", "^samlet$", check=False).split()
        self.window = self.wait("the window", find)[0]

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def wait(self, what, condition):
        try:
            return wait_for(what, condition, alive=lambda: self.process.poll() is None)
        except AssertionError as failure:
            said = self.process.stderr.read().decode() if self.process.poll() is not None else ""
            raise AssertionError(f"{failure}; it said: {said}") from None

    def xdotool(self, *arguments, check=True):
        return subprocess.run(["xdotool", *map(str, arguments)], env=self.environment, check=check, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LIMIT).stdout

    def geometry(self):
        """-> left, top, width, height of the window on the screen."""
        text = self.xdotool("getwindowgeometry", "--shell", self.window)
        values = dict(re.findall(r"(\w+)=(-?\d+)", text))
        return tuple(int(values[name]) for name in ("X", "Y", "WIDTH", "HEIGHT"))

    def place(self, x, y):
        """Where on the screen a pixel of the picture is: the picture is as large as fits above the text."""
        left, top, width, height = self.geometry()
        scale = min(width / WIDTH, (height - BAR) / HEIGHT)
        return (round(left + (width - scale * WIDTH) / 2 + scale * x),
                round(top + (height - BAR - scale * HEIGHT) / 2 + scale * y))

    def screen(self):
        data = subprocess.run(["import", "-window", "root", "-depth", "8", "ppm:-"], env=self.environment, check=True,
                              stdout=subprocess.PIPE, timeout=LIMIT).stdout
        match = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
        width, height = int(match[1]), int(match[2])
        return np.frombuffer(data, np.uint8, offset=match.end()).reshape(height, width, 3).astype(int)

    def shows(self, pixels, places):
        screen = self.screen()
        for x, y in places:
            column, row = self.place(x + 0.5, y + 0.5)
            if np.abs(screen[row, column] - pixels[y, x]).max() > 3:
                return False
        return True

    CORNERS = [(3, 3), (156, 3), (3, 96), (156, 96)]

    def wait_picture(self, number):
        """Until frame `number` is shown: the square is where it belongs, and its old place is empty."""
        places = self.CORNERS + [(101 + 2 * number, 75), (128 + 2 * number, 75), (97 + 2 * number, 75), (133 + 2 * number, 75)]
        self.wait(f"frame {number}", lambda: self.shows(picture(number), places))

    def key(self, name):
        self.xdotool("windowfocus", "--sync", self.window)
        self.xdotool("key", name)

    def click(self, x, y, button=1):
        self.xdotool("mousemove", "--sync", *self.place(x, y))
        self.xdotool("click", button)

    def near(self, point, x, y, reach=1.5):
        self.assertLessEqual(abs(point[0] - x), reach)
        self.assertLessEqual(abs(point[1] - y), reach)

    def end(self, code):
        wait_for("the end", lambda: self.process.poll() is not None)
        self.assertEqual(self.process.returncode, code, self.process.stderr.read())

    # ---- Tests

    def test_objects_by_mouse(self):
        self.start("--out", self.out)
        self.wait_picture(0)
        # Steps first: objects must start where one looks.
        self.key("n")
        self.wait_picture(1)
        self.click(118, 75)
        self.wait("a prompt", lambda: len(self.prompts()) == 1)
        self.click(20, 20, 3)
        self.wait("a second prompt", lambda: len(self.prompts()) == 2)
        start, middle, end = self.place(10, 60), self.place(40, 70), self.place(60, 90)
        self.xdotool("mousemove", "--sync", *start)
        self.xdotool("mousedown", 1)
        self.xdotool("mousemove", "--sync", *middle)
        self.xdotool("mousemove", "--sync", *end)
        yellow = lambda: (self.screen() == (255, 255, 0)).all(axis=2).sum() > 500
        self.wait("the box that is drawn", yellow)
        self.xdotool("mouseup", 1)
        self.wait("a box", lambda: len(self.prompts()) == 3)
        self.wait("the box to go", lambda: not yellow())
        # Also for the second object.
        self.xdotool("keydown", "shift")
        self.click(30, 80)
        self.xdotool("keyup", "shift")
        self.wait("a fourth prompt", lambda: len(self.prompts()) == 4)
        prompts = self.prompts()
        self.assertEqual([(p["frame"], p["object"]) for p in prompts], [(1, 1), (1, 1), (1, 2), (1, 2)])
        for prompt, place in ((prompts[0], (118, 75, 1)), (prompts[1], (20, 20, 0)), (prompts[3], (30, 80, 1))):
            self.near(prompt["points"][0], *place[:2])
            self.assertEqual(prompt["points"][0][2], place[2])
        self.near(prompts[2]["box"][:2], 10, 60)
        self.near(prompts[2]["box"][2:], 60, 90)
        self.key("space")
        # A frame is written when the next one comes; the last one in the end.
        self.wait("all but the last frame", lambda: (self.out / f"{FRAMES - 2:05}.png").exists())
        self.key("q")
        self.end(0)
        self.assertTrue(self.results()["complete"])
        self.check_frames(FRAMES)
        self.check_replay()

    def test_a_window_of_another_shape(self):
        self.start("--out", self.out)
        self.wait_picture(0)
        for width, height in ((300, 700), (900, 250)):
            self.xdotool("windowsize", "--sync", self.window, width, height)
            self.wait("the new size", lambda: self.geometry()[2:] == (width, height))
            self.wait_picture(0)
            # The bars beside the picture are black, and clicks there are nothing.
            left, top, _, _ = self.geometry()
            self.assertEqual(list(self.screen()[top + 2, left + 2]), [0, 0, 0])
            self.xdotool("mousemove", "--sync", left + 2, top + 2)
            self.xdotool("click", 1)
        self.key("space")
        self.key("space")
        self.click(118, 75)
        self.wait("a prompt", lambda: self.prompts())
        self.assertEqual(len(self.prompts()), 1)
        self.near(self.prompts()[0]["points"][0], 118, 75)
        self.key("x")
        self.key("q")
        self.end(0)

    def test_scores_are_shown(self):
        self.start("--point", "115,75")
        text = lambda: ((self.screen() == (204, 204, 204)).all(axis=2)).sum()
        self.wait("text", lambda: text() > 200)
        few = text()
        self.key("h")
        self.wait("help", lambda: text() > 2 * few)
        self.key("q")
        self.end(0)

    def test_no_display(self):
        environment = dict(self.environment, DISPLAY=":4711")
        for live, words in (("--live=window", "cannot open the display"), ("--live", "no terminal")):
            result = subprocess.run([str(part) for part in self.command(live)], env=environment, capture_output=True,
                                    stdin=subprocess.DEVNULL, text=True, timeout=LIMIT)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertIn(words, result.stderr)

    @unittest.skipIf(os.path.exists("/dev/dri"), "SDL might take over the console")
    def test_sdl_without_a_display(self):
        """Left to itself, SDL would draw where nobody sees it."""
        environment = {name: value for name, value in self.environment.items() if name not in ("DISPLAY", "SDL_VIDEODRIVER")}
        environment["XDG_RUNTIME_DIR"] = str(self.dir)
        wrong = {"DISPLAY": ":4711"}
        for live, display, words in (("--live=window", {}, "cannot open the display"),
                                     ("--live=window", wrong, "cannot open the display"), ("--live", wrong, "no terminal")):
            result = subprocess.run([str(part) for part in self.command(live)], env={**environment, **display},
                                    capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=LIMIT)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertIn(words, result.stderr)
        # Who asks for that gets it.
        process = subprocess.Popen([str(part) for part in self.command("--live=window", "--point", "115,75", "--out", self.out)],
                                   env={**environment, "SDL_VIDEODRIVER": "dummy"}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for("a mask", lambda: (self.out / "00000.png").exists(), alive=lambda: process.poll() is None)
        finally:
            process.terminate()
            process.wait()
        self.assertEqual(process.returncode, 130)


def has_window():
    """Whether the program was built with SDL2; this display cannot be there."""
    with tempfile.TemporaryDirectory() as folder:
        write_png(Path(folder) / "0.png", picture(0))
        result = subprocess.run([CLI, "track", "--model", MODEL, "--video", folder, "--live=window"], text=True,
                                env=dict(os.environ, DISPLAY=":4711", SDL_VIDEODRIVER="x11"), capture_output=True,
                                timeout=LIMIT)
    return "without SDL2" not in result.stderr


if __name__ == "__main__":
    if not CLI:
        skip("SAMLET_CLI names no executable")
    if not MODEL.is_file():
        skip("no model: set SAMLET_TEST_MODEL")
    for program in ("Xvfb", "xdotool", "import"):
        if not shutil.which(program):
            skip(program + " is not installed")
    if not has_window():
        skip("built without SDL2")
    unittest.main()
