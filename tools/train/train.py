#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains a small SAM 2.1 from nothing, or goes on from where an interrupted training was.

    python3 train.py WORK --minutes 75 --processes 3      a CPU: so many single-threaded processes
    python3 train.py WORK --minutes 28 --batch 24         a CUDA GPU: bf16, everything on the GPU
    python3 train.py WORK --minutes 28 --from model.pt    further training of a finished model

WORK holds pictures.npz (data/assets.py) and, for the first phase, taught/ (teach.py). It receives checkpoint.pt (to go
on), model.pt (averaged weights, rounded as files hold them, for tools/convert_checkpoint.py) and log.csv (for
curves.py). The clock decides when a phase ends, so two runs see the same pictures but not the same number of steps.
"""
import argparse
import csv
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

import team as teamwork
from data.pictures import Pictures
from data.render import render
from follow import clip_cost
from optimizer import Optimizer
from phases import PHASES, begins, phase_at, plan_step
from rounding import Rounding, rounded
from sam2 import weights
from sam2.model import Sam2
from start import start_image, start_memory
from taught import Lessons, Pupil

LEARNING_RATE, WARM_UP = 8e-4, 60
REPORT_STEPS, SAVE_SECONDS = 25, 120


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, required=True, help="of the whole training, all runs together")
    parser.add_argument("--architecture", default="samlet_micro")
    parser.add_argument("--from", dest="start", type=Path, help="weights to begin with, at the phase 'match'")
    parser.add_argument("--begin", choices=[phase.name for phase in PHASES], help="with this phase instead")
    parser.add_argument("--phase", choices=[phase.name for phase in PHASES], help="only this one, all the time")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--batch", type=float, default=1.0, help="batches are so many times as large")
    parser.add_argument("--rate", type=float, default=LEARNING_RATE)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bf16", action="store_true", help="on a CPU too, to rehearse what a GPU will do")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


class Average:
    """Exponential average of the weights, which is what gets used."""

    def __init__(self, model):
        self.values = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model, step):
        keep = min(0.995, (1 + step) / (20 + step))
        for name, value in model.state_dict().items():
            self.values[name].lerp_(value, 1 - keep)


class Log:
    """Means over REPORT_STEPS steps, as lines here and as rows of log.csv."""

    def __init__(self, path, on):
        self.sums, self.on, self.since = {}, on, time.time()
        self.file = open(path, "a", newline="") if on else None

    def add(self, values):
        for name, value in values.items():
            self.sums.setdefault(name, []).append(float(value))

    def report(self, step, minutes, total, phase):
        if self.on:
            means = {name: sum(v) / len(v) for name, v in sorted(self.sums.items())}
            rows = csv.writer(self.file)
            rows.writerows([step, f"{minutes:.3f}", phase, name, f"{value:.4f}"] for name, value in means.items())
            self.file.flush()
            done = min(1.0, minutes / total)
            bar = "#" * int(20 * done) + "." * (20 - int(20 * done))
            pace = (time.time() - self.since) / REPORT_STEPS
            print(f"[{bar}] {minutes:5.1f} min, step {step}, {phase}, {pace:.2f} s each: "
                  + ", ".join(f"{name} {value:.3f}" for name, value in means.items()), flush=True)
        self.sums, self.since = {}, time.time()


class Training:
    def __init__(self, team, options):
        self.team, self.options, self.device = team, options, torch.device(options.device)
        np.finfo(np.float64).smallest_subnormal  # numpy looks once, and warns when it is flushed to zero
        torch.set_flush_denormal(True)
        torch.manual_seed(options.seed)
        if options.start:
            self.model = weights.load(options.start).to(self.device)
        else:
            self.model = Sam2(weights.architecture(options.architecture))
            start_image(self.model, torch.Generator().manual_seed(options.seed))
            self.model.to(self.device)
        self.model.train()
        self.pictures = Pictures(options.work, device=self.device)
        rng = np.random.default_rng([options.seed, 5, team.rank])
        self.lessons = Lessons(options.work / "taught", rng, self.device)
        modules = [self.model]
        self.pupil = None
        if self.lessons.images:
            self.pupil = Pupil(self.model.arch.d_model, *self.lessons.scale()).to(self.device)
            modules.append(self.pupil)
        self.optimizer = Optimizer(modules, options.rate, team)
        self.average = Average(self.model)
        self.rounding = Rounding(self.model)
        # --from enters where clips begin; what was learned before is in the weights.
        self.step, self.minutes, self.remembers = 0, 0.0, bool(options.start)
        self.offset = begins(options.begin or ("match" if options.start else PHASES[0].name))
        self.load_checkpoint()
        self.log = Log(options.work / "log.csv", team.leads)

    def load_checkpoint(self):
        path = self.options.work / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device)
        self.model.load_state_dict(state["model"])
        self.average.values = state["average"]
        self.optimizer.load_state_dict(state["optimizer"])
        if self.pupil and state["pupil"]:
            self.pupil.load_state_dict(state["pupil"])
        self.step, self.minutes, self.remembers = state["step"], state["minutes"], state["remembers"]
        if self.team.leads:
            print(f"going on from step {self.step}, minute {self.minutes:.1f}", flush=True)

    def save(self):
        path = self.options.work / "checkpoint.pt"
        state = {"model": self.model.state_dict(), "average": self.average.values,
                 "optimizer": self.optimizer.state_dict(), "pupil": self.pupil.state_dict() if self.pupil else None,
                 "step": self.step, "minutes": self.minutes, "remembers": self.remembers}
        torch.save(state, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)
        weights.save(rounded(self.model.arch, self.average.values), self.options.work / "model.pt")

    def half_precision(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.bf16 or self.device.type == "cuda")

    def cost(self, phase, plan, rng, generator):
        """Sum of what the step asks for, and its statistics."""
        total, statistics = 0.0, {}
        if phase.lessons and self.pupil and rng["plan"].random() < (1.0 if phase.name == "see" else 0.5):
            half = rng["plan"].random() >= phase.large
            images, features = self.lessons.batch(max(1, int((16 if half else 4) * self.options.batch)), half)
            with self.half_precision():
                lesson = self.pupil(self.model, images, features)
            total = total + phase.lessons * lesson
            statistics["lesson"] = lesson.detach()
        if phase.name != "see" or not self.pupil:
            clips = render(rng["data"], self.pictures, plan.clips, plan.frames, plan.size, plan.occluded)
            with self.half_precision():
                asked, found = clip_cost(self.model, plan, clips, generator)
            total = total + asked
            statistics.update(found)
        return total, statistics

    def one_step(self, phase, progress, scale_of_rate):
        seed = [self.options.seed, self.step]
        rng = {"plan": np.random.default_rng(seed), "data": np.random.default_rng(seed + [1 + self.team.rank])}
        generator = torch.Generator(self.device)
        generator.manual_seed(1000003 * self.step + 7919 * self.team.rank + self.options.seed)
        plan = plan_step(phase, progress, rng["plan"], self.model.arch.image_size, self.options.batch)
        self.optimizer.zero_grad()
        with self.rounding.applied(phase.rounded):
            total, statistics = self.cost(phase, plan, rng, generator)
            total.backward()
        self.team.average_gradients(self.optimizer.parameters)
        norm = torch.nn.utils.clip_grad_norm_(self.optimizer.parameters, 1.0)
        if torch.isfinite(norm):
            self.optimizer.step(self.options.rate * scale_of_rate)
            self.average.update(self.model, self.step)
            self.log.add({"cost": total.detach(), **statistics})
        self.step += 1

    def enter(self, phase):
        if self.team.leads:
            print(f"--- {phase.name}: step {self.step}, {len(self.lessons.images)} lessons", flush=True)
        if phase.clips and not self.remembers:
            # The same in every process: the same pictures.
            some = render(np.random.default_rng(11), self.pictures, 24, 1, self.model.arch.image_size)
            start_memory(self.model, some.normalised()[:, 0])
            self.average = Average(self.model)
            self.remembers = True

    def run(self):
        options, begun, saved, current = self.options, time.time() - 60 * self.minutes, time.time(), None
        while True:
            self.minutes = self.team.agree((time.time() - begun) / 60)
            share = self.minutes / options.minutes
            if share >= 1:
                break
            progress = self.offset + (1 - self.offset) * share
            phase = next((p for p in PHASES if p.name == options.phase), None) or phase_at(progress)
            if phase is not current:
                current = phase
                self.enter(phase)
            rate = min(1, (self.step + 1) / WARM_UP) * (0.985 * 0.5 * (1 + math.cos(math.pi * share)) + 0.015)
            self.one_step(phase, progress, rate)
            if self.step % REPORT_STEPS == 0:
                self.log.report(self.step, self.minutes, options.minutes, phase.name)
                if phase.lessons:
                    self.lessons.refresh()
            if self.team.leads and time.time() - saved > SAVE_SECONDS:
                self.save()
                saved = time.time()
        if self.team.leads:
            self.save()
            print(f"done: {options.work / 'model.pt'} after {self.step} steps", flush=True)


def work(team, options):
    Training(team, options).run()


if __name__ == "__main__":
    options = parse()
    sys.exit(teamwork.run(work, options.processes, options))
