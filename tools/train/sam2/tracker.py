# SPDX-License-Identifier: Apache-2.0
"""The order of the steps in a video, as the published predictor has it: a plain re-telling for tests and evaluation."""
import torch
import torch.nn.functional as F

from .model import Memory


def choose(decoded, multimask, delta, threshold):
    """(mask, iou, token) of one answer for each object. Three masks: the best by expected IoU. One: the first, unless
    it is unstable, then the best of the three; the token stays the first's."""
    rows = torch.arange(len(decoded.ious), device=decoded.ious.device)
    best = decoded.ious[:, 1:].argmax(1) + 1
    if multimask:
        return decoded.masks[rows, best][:, None], decoded.ious[rows, best], decoded.tokens[rows, best]
    single = decoded.masks[:, 0].flatten(1)
    inner, outer = (single > delta).sum(1).float(), (single > -delta).sum(1).float()
    stable = torch.where(outer > 0, inner / outer.clamp(min=1), torch.ones_like(outer)) >= threshold
    index = torch.where(stable, torch.zeros_like(best), best)
    return decoded.masks[rows, index][:, None], decoded.ious[rows, index], decoded.tokens[:, 0]


class Tracker:
    """n objects through one video, all prompted on the same frame."""

    def __init__(self, model, frames=None):
        self.model, self.memories = model, []
        self.span = min(frames, model.arch.max_object_pointers) - 1 if frames else model.arch.max_object_pointers - 1

    def finish(self, features, decoded, multimask, frame, prompted):
        """Masks of the objects that are there; stores what later frames read."""
        model, arch = self.model, self.model.arch
        low, iou, token = choose(decoded, multimask, arch.stability_delta, arch.stability_thresh)
        present = (decoded.score > 0).to(low.dtype)
        low = torch.where(present[..., None, None] > 0, low, torch.full_like(low, -1024.0))
        high = F.interpolate(low, scale_factor=4.0, mode="bilinear", align_corners=False)
        memory = model.remember(features, model.scaled_mask(high, hard=prompted), present)
        memory = memory.to(torch.bfloat16).to(low.dtype)  # as the published predictor keeps it
        self.memories.append(Memory(frame, prompted, memory, model.pointer(token, present)))
        oldest = frame - arch.max_object_pointers
        self.memories = [m for m in self.memories if m.prompted or m.frame > oldest]
        return low, iou, decoded.score

    def prompt(self, features, frame, coordinates, labels):
        """Points (or box corners) in model pixels; features are repeated for each object."""
        decoded = self.model.decode(self.model.unconditioned(features), features, coordinates, labels)
        return self.finish(features, decoded, coordinates.shape[1] <= 1, frame, prompted=True)

    def track(self, features, frame):
        image = self.model.conditioned(features, self.memories, frame, self.span)
        # The published video code passes one padding point of its own; points() appends another.
        return self.finish(features, self.model.decode(image, features), True, frame, prompted=False)
