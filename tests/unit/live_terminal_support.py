"""A pseudo-terminal for tests of the live view: it sends keys and mouse reports, and its screen is read back.

SPDX-License-Identifier: Apache-2.0
"""
import fcntl
import os
import pty
import re
import resource
import select
import struct
import subprocess
import termios

import numpy as np

from live_support import HEIGHT, WIDTH, LiveTest, wait_for

COLUMNS, ROWS = 80, 28
HIGHEST = 2 * ROWS
HALF_BLOCK = "\u2580"


def take_terminal():
    """In the new process: its standard input is its terminal, and it leaves no core files."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Screen:
    """As much of a terminal as the view uses; anything else is an error."""
    SEQUENCE = re.compile(rb"\033\[(\??)([0-9;]*)([A-Za-z])")

    def __init__(self):
        self.modes = set()
        self.raw = b""
        self.pending = b""
        self.clear()
        self.front = self.back = (0, 0, 0)

    def clear(self):
        self.letters = [[" "] * COLUMNS for _ in range(HIGHEST)]
        self.colours = np.zeros((2 * HIGHEST, COLUMNS, 3), np.uint8)
        self.row = self.column = 0

    def feed(self, data):
        self.raw += data
        self.pending += data
        while self.pending:
            if self.pending[:1] == b"\033":
                match = self.SEQUENCE.match(self.pending)
                if not match:
                    if len(self.pending) > 40:
                        raise AssertionError(f"unknown sequence {self.pending[:40]}")
                    return
                self.pending = self.pending[match.end():]
                self.obey(*match.groups())
            else:
                length = 1 if self.pending[0] < 128 else 3
                if len(self.pending) < length:
                    return
                self.put(self.pending[:length].decode())
                self.pending = self.pending[length:]

    def obey(self, private, text, final):
        numbers = [int(number) for number in text.split(b";") if number]
        if private and final in b"hl":
            (self.modes.add if final == b"h" else self.modes.discard)(numbers[0])
        elif final == b"H":
            self.row, self.column = numbers[0] - 1, numbers[1] - 1
        elif final == b"J":
            self.clear()
        elif final == b"m" and numbers[:2] == [38, 2]:
            self.front = numbers[2:]
        elif final == b"m" and numbers[:2] == [48, 2]:
            self.back = numbers[2:]
        elif final == b"m" and numbers == [0]:
            self.front = self.back = (0, 0, 0)
        else:
            raise AssertionError(f"unknown sequence {private} {text} {final}")

    def put(self, letter):
        if letter in "\r\n":
            return
        if 1049 in self.modes:
            self.letters[self.row][self.column] = letter
            self.colours[2 * self.row, self.column] = self.front
            self.colours[2 * self.row + 1, self.column] = self.back
        self.column += 1

    def text(self):
        return "\n".join("".join(row) for row in self.letters).replace(HALF_BLOCK, " ")


class TerminalTest(LiveTest):
    def start(self, *arguments, live="--live"):
        self.master, self.slave = pty.openpty()
        self.addCleanup(os.close, self.master)
        self.addCleanup(os.close, self.slave)
        self.resize(COLUMNS, ROWS)
        self.before = termios.tcgetattr(self.slave)
        self.screen = Screen()
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")}
        self.process = subprocess.Popen(
            [str(part) for part in self.command(live, *arguments)], stdin=self.slave, stdout=self.slave,
            stderr=subprocess.PIPE, env=environment, start_new_session=True,
            preexec_fn=take_terminal)
        self.addCleanup(self.process.stderr.close)
        self.addCleanup(self.kill)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def resize(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            self.screen.feed(os.read(self.master, 65536))

    def wait(self, what, condition):
        def look():
            self.read()
            return condition()
        return wait_for(what, look, alive=lambda: self.process.poll() is None)

    def wait_text(self, pattern):
        self.wait(repr(pattern), lambda: re.search(pattern, self.screen.text()))

    def send(self, text):
        os.write(self.master, text.encode())

    def cell(self, x, y):
        """1-based cell of a pixel: the picture is scaled to fill the width, or the height above three lines of text."""
        dots = 2 * (ROWS - 3)
        scale = min(COLUMNS / WIDTH, dots / HEIGHT)
        left, top = (COLUMNS - round(WIDTH * scale)) // 2, (dots - round(HEIGHT * scale)) // 2
        return int(left + x * scale) + 1, int(top + y * scale) // 2 + 1

    def mouse(self, code, x, y, final="M"):
        column, row = self.cell(x, y)
        self.send(f"\033[<{code};{column};{row}{final}")

    def click(self, x, y, code=0):
        self.mouse(code, x, y)
        self.mouse(code, x, y, "m")

    def end(self, code):
        wait_for("the end", lambda: (self.read(), self.process.poll())[1] is not None)
        self.read()
        self.errors = self.process.stderr.read().decode()
        self.assertEqual(self.process.returncode, code, self.errors)
        self.check_restored()

    def check_restored(self):
        self.assertEqual(termios.tcgetattr(self.slave), self.before)
        self.assertEqual(self.screen.modes - {25}, set())
        self.assertIn(25, self.screen.modes)  # the cursor is back

    def check_picture(self, pixels):
        """Where there is no text, dots have the colours of the picture."""
        scale = COLUMNS / WIDTH
        seen = 0
        # Two of them share a cell.
        for x, y in [(10, 20), (70, 20), (90, 20), (150, 40), (10, 48), (10, 51), (70, 55), (85, 95), (115, 75)]:
            column, row = self.cell(x, y)
            if self.screen.letters[row - 1][column - 1] != HALF_BLOCK:
                continue
            dot = self.screen.colours[int(y * scale), column - 1].astype(int)
            self.assertLessEqual(np.abs(dot - pixels[y, x]).max(), 3, (x, y))
            seen += 1
        self.assertGreaterEqual(seen, 7)

    def near(self, point, x, y):
        """Within the cell that was clicked: 2 pixels wide and 4 high."""
        self.assertLessEqual(abs(point[0] - x), 2)
        self.assertLessEqual(abs(point[1] - y), 4)
