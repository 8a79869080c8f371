# SPDX-License-Identifier: Apache-2.0
"""One training step's way through a clip: prompt on the first frame, then track, as the library will."""
from typing import NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F

from losses import answer_cost
from prompts import boxes, choose_objects, corrections, points
from sam2.model import Memory


class Plan(NamedTuple):
    """What a step does."""
    clips: int
    frames: int
    size: int
    objects: int
    prompt: str           # "point", "box" or "mask"
    corrected: bool       # a second click where the first answer was wrong
    truth: float          # share of the memories that get the true mask and presence instead of the model's own
    gap: int              # how many frames lie between the prompted one and the next
    balanced: bool        # see losses.mask_terms
    occluded: Optional[Tuple[int, int]] = None  # see data.render.render


def upscale(logits):
    return F.interpolate(logits, scale_factor=4.0, mode="bilinear", align_corners=False)


def pick(decoded, chosen):
    rows = torch.arange(len(chosen), device=chosen.device)
    return decoded.masks[rows, chosen][:, None], decoded.tokens[rows, chosen]


def first_answer(model, plan, features, targets, generator):
    """(cost, low-res logits or None for a mask prompt, token, statistics) on the prompted frame."""
    masks, present = targets.masks[:, 0], targets.present[:, 0]
    if plan.prompt == "mask":
        # The mask is taken as given; the decoder reads it for the pointer only.
        decoded = model.decode(features.top, features, logits=model.mask_downsample(masks[:, None]))
        cost = answer_cost(decoded, masks, present, targets.valid, False, plan.balanced)
        return 0.3 * cost.total, None, decoded.tokens[:, 0], {}
    image = model.unconditioned(features)
    coordinates, labels = (boxes if plan.prompt == "box" else points)(masks, generator)
    decoded = model.decode(image, features, coordinates, labels)
    cost = answer_cost(decoded, masks, present, targets.valid, plan.prompt == "point", plan.balanced)
    total, statistics = cost.total, {plan.prompt: cost.iou}
    low, token = pick(decoded, cost.chosen)
    if plan.corrected:
        place, label = corrections(upscale(low.detach().float())[:, 0], masks, generator)
        decoded = model.decode(image, features, torch.cat((coordinates, place), 1), torch.cat((labels, label), 1),
                               low.detach().clamp(-32, 32))
        cost = answer_cost(decoded, masks, present, targets.valid, False, plan.balanced)
        total = 0.6 * (total + cost.total)
        low, token = pick(decoded, cost.chosen)
        statistics["click2"] = cost.iou
    return total, low, token, statistics


def remember(model, plan, features, frame, low, token, truth, present, judged, generator):
    """What later frames read. A share of the objects remembers the true mask: it keeps early learning on track. The
    others remember what the model said, its errors about presence too: it has to get over them later."""
    real, there = truth[:, None] * 20 - 10, present[:, None]
    if low is None:
        high = real
    else:
        force = torch.rand(len(real), 1, 1, 1, generator=generator, device=real.device) < plan.truth
        high = torch.where(force, real, upscale(low.float()))
        there = torch.where(force[:, 0, 0], there, judged[:, None])
    high = torch.where(there[..., None, None] > 0, high, torch.full_like(high, -1024.0))
    mask = model.scaled_mask(high, hard=frame == 0)
    return Memory(0 if frame == 0 else frame + plan.gap, frame == 0, model.remember(features, mask, there),
                  model.pointer(token, there))


def clip_cost(model, plan, clips, generator):
    """(cost, statistics) of one batch of clips."""
    targets = choose_objects(clips.owners, plan.objects, generator)
    count, frames = plan.clips, plan.frames
    everything = model.encode(clips.normalised().flatten(0, 1))
    rows = torch.arange(count, device=targets.masks.device).repeat_interleave(plan.objects) * frames

    features = everything.pick(rows)
    total, low, token, statistics = first_answer(model, plan, features, targets, generator)
    memories, tracked, right = [], [], []
    judged = targets.present[:, 0]
    for frame in range(1, frames):
        memories.append(remember(model, plan, features, frame - 1, low, token, targets.masks[:, frame - 1],
                                 targets.present[:, frame - 1], judged, generator))
        features = everything.pick(rows + frame)
        decoded = model.decode(model.conditioned(features, memories, frame + plan.gap), features)
        cost = answer_cost(decoded, targets.masks[:, frame], targets.present[:, frame], targets.valid, True,
                           plan.balanced, presence_weight=2.0)
        total = total + cost.total
        tracked.append(cost.iou)
        right.append(cost.correct)
        low, token = pick(decoded, cost.chosen)
        judged = (decoded.score[:, 0].detach() > 0).float()
    if tracked:
        statistics["tracked"] = torch.stack(tracked).mean()
        statistics["last"] = tracked[-1]
        statistics["presence"] = torch.stack(right).mean()
    return total / frames, {name: value.detach() for name, value in statistics.items()}
