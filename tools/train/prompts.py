# SPDX-License-Identifier: Apache-2.0
"""Which objects of a clip are learned, and how a user would point at them."""
from typing import NamedTuple

import torch
import torch.nn.functional as F

from sam2.prompt_encoder import BOTTOM_RIGHT, POSITIVE, TOP_LEFT

SMALLEST = 0.004  # of the frame; what is smaller on the first frame is not prompted
PRESENT = 0.0005  # what is smaller counts as absent


class Targets(NamedTuple):
    masks: torch.Tensor    # [n, frames, size, size], 0 and 1; n = clips x objects
    present: torch.Tensor  # [n, frames] of 0 and 1
    valid: torch.Tensor    # [n] of 0 and 1: the clip has such an object


def choose_objects(owners, objects, generator):
    """`objects` for each clip, at random among those that can be prompted on the first frame; repeated if fewer."""
    clips, frames, size, _ = owners.shape
    count = int(owners.max()) + 1
    area = torch.stack([(owners[:, 0] == k).flatten(1).float().mean(1) for k in range(1, max(2, count))], 1)
    chance = torch.rand(area.shape, generator=generator, device=area.device) + 0.1
    chance = torch.where(area >= SMALLEST, chance, torch.zeros_like(chance))
    order = chance.argsort(1, descending=True)
    usable = (area >= SMALLEST).sum(1)
    pick = torch.arange(objects, device=area.device)[None] % usable.clamp(min=1)[:, None]
    chosen = order.gather(1, pick) + 1
    masks = (owners[:, None] == chosen[:, :, None, None, None]).flatten(0, 1).float()
    present = (masks.flatten(2).mean(2) > PRESENT).float()
    return Targets(masks, present, (usable > 0).float().repeat_interleave(objects))


def points(masks, generator):
    """One positive point in each mask [n, size, size], near its middle or anywhere."""
    n, size = len(masks), masks.shape[-1]
    reach = size // 32
    depth = F.avg_pool2d(masks[:, None], 2 * reach + 1, 1, reach)[:, 0]
    power = 8 * torch.rand(n, 1, 1, generator=generator, device=masks.device)
    return pick_pixels(masks * depth ** power, generator)[:, None], masks.new_full((n, 1), POSITIVE)


def pick_pixels(weights, generator):
    """[n, 2]: x, y of one pixel, drawn with the given weights."""
    index = torch.multinomial(weights.flatten(1) + 1e-9, 1, generator=generator)[:, 0]
    size = weights.shape[-1]
    return torch.stack((index % size, torch.div(index, size, rounding_mode="floor")), 1).float()


def boxes(masks, generator, noise=0.05):
    """The box around each mask [n, size, size] as two points, drawn a little carelessly."""
    n, size = len(masks), masks.shape[-1]
    place = torch.arange(size, device=masks.device, dtype=torch.float32)
    edges = []
    for axis in (1, 2):  # columns, then rows
        used = masks.amax(axis) > 0
        edges.append((torch.where(used, place, place.new_full((), 1e9)).amin(1).clamp(max=size),
                      torch.where(used, place + 1, torch.zeros_like(place)).amax(1)))
    (x0, x1), (y0, y1) = edges
    box = torch.stack((x0, y0, x1, y1), 1)
    side = torch.stack((x1 - x0, y1 - y0, x1 - x0, y1 - y0), 1)
    careless = (torch.rand(n, 1, generator=generator, device=masks.device) < 0.7).float()
    shift = torch.randn(n, 4, generator=generator, device=masks.device).clamp(-2, 2)
    box = (box + careless * noise * side * shift).clamp(0, size)
    labels = box.new_tensor([TOP_LEFT, BOTTOM_RIGHT])[None].expand(n, 2)
    return box.view(n, 2, 2), labels


def corrections(answer, masks, generator):
    """A click where the answer's logits [n, size, size] are wrong: positive in what is missing."""
    wrong = ((answer > 0) != (masks > 0.5)).float()
    place = pick_pixels(wrong, generator)
    x, y = place.long().unbind(1)
    inside = masks[torch.arange(len(masks), device=masks.device), y, x]
    return place[:, None], inside[:, None]
