#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws what train.py logged: python3 curves.py WORK/log.csv curves.svg"""
import csv
import sys
from collections import defaultdict

WIDTH, HEIGHT, LEFT, GAP = 640, 120, 50, 34
COLOUR = "#2563a8"


def read(path):
    series, phases = defaultdict(list), []
    with open(path, newline="") as file:
        for step, minutes, phase, name, value in csv.reader(file):
            series[name].append((float(minutes), float(value)))
            if not phases or phases[-1][1] != phase:
                phases.append((float(minutes), phase))
    return series, phases


def panel(name, points, phases, longest, top):
    highest = max(1.0 if name not in ("cost", "lesson") else 0.0, max(v for _, v in points))
    x = lambda minute: LEFT + (WIDTH - LEFT - 10) * minute / longest
    y = lambda value: top + HEIGHT * (1 - value / highest)
    parts = [f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - 10}" height="{HEIGHT}" fill="none" stroke="#ccc"/>',
             f'<text x="{LEFT}" y="{top - 6}">{name}: {points[-1][1]:.3f} at the end</text>',
             f'<text x="4" y="{top + 10}">{highest:.2g}</text><text x="4" y="{top + HEIGHT}">0</text>']
    for minute, phase in phases:
        parts.append(f'<line x1="{x(minute):.1f}" x2="{x(minute):.1f}" y1="{top}" y2="{top + HEIGHT}" stroke="#eaa"/>'
                     f'<text x="{x(minute) + 3:.1f}" y="{top + HEIGHT - 4}" fill="#b66">{phase}</text>')
    line = " ".join(f"{x(m):.1f},{y(v):.1f}" for m, v in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOUR}" stroke-width="1.5"/>')
    return "\n".join(parts)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    series, phases = read(sys.argv[1])
    longest = max(m for points in series.values() for m, _ in points)
    panels = [panel(name, points, phases, longest, GAP + i * (HEIGHT + GAP))
              for i, (name, points) in enumerate(sorted(series.items()))]
    height = GAP + len(panels) * (HEIGHT + GAP)
    with open(sys.argv[2], "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
                   f'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n'
                   + "\n".join(panels) + "\n</svg>\n")


if __name__ == "__main__":
    main()
