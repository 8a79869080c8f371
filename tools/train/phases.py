# SPDX-License-Identifier: Apache-2.0
"""What is learned when: first to see, then to answer prompts, then to follow; small pictures before large ones."""
from typing import NamedTuple

from follow import Plan


class Phase(NamedTuple):
    name: str
    until: float     # share of the whole training
    lessons: float   # weight of the teacher's lessons, 0 for none
    clips: float     # share of the steps that follow a clip; the others are single frames
    large: float     # share of the steps at full size; the others at half
    truth: float     # see follow.Plan
    lengths: tuple   # frames of a clip, one of them at random
    hidden: float    # share of the clips in which an object is fully hidden for a while
    rounded: bool = False  # with weights as an int8 file holds them


SHORT = (3, 3, 4, 4, 5, 8)
PHASES = (
    Phase("see", 0.10, 1.0, 0.0, 0.25, 1.0, SHORT, 0.0),
    Phase("point", 0.38, 0.5, 0.0, 0.15, 1.0, SHORT, 0.0),
    Phase("match", 0.72, 0.2, 0.65, 0.1, 0.8, SHORT, 0.2),
    Phase("follow", 0.9, 0.0, 0.7, 0.65, 0.1, SHORT + (16,), 0.2),
    # Errors of the model's own masks add up over a clip; only long ones teach to live with them.
    Phase("endure", 1.0, 0.0, 0.85, 0.75, 0.0, (4, 5, 8, 8, 12, 16), 0.4, True),
)


def phase_at(progress):
    return next(phase for phase in PHASES if progress < phase.until or phase is PHASES[-1])


def begins(name):
    """The share of the whole training that lies before a phase."""
    names = [phase.name for phase in PHASES]
    return ([0.0] + [phase.until for phase in PHASES])[names.index(name)]


def plan_step(phase, progress, rng, size, scale):
    """`scale` multiplies the batch: 1 for one core of a CPU."""
    large = rng.random() < phase.large
    follows = rng.random() < phase.clips
    area = 1 if large else 4
    if not follows:
        return Plan(max(1, int(2 * area * scale)), 1, size if large else size // 2, 6, rng.choice(["point", "box"]),
                    rng.random() < 0.3, 1.0, 0, progress < 0.2)
    frames = int(rng.choice(phase.lengths))
    clips = max(1, int(round(4 * area * scale / frames)))
    prompt = rng.choice(["point", "box", "mask"], p=[0.4, 0.35, 0.25])
    gap = int(rng.integers(0, 40)) if rng.random() < 0.3 else 0
    first = int(rng.integers(1, frames - 1))
    occluded = (first, int(rng.integers(1, frames - first + 1))) if rng.random() < phase.hidden else None
    return Plan(clips, frames, size if large else size // 2, 3, prompt, rng.random() < 0.3, phase.truth, gap, False,
                occluded)
