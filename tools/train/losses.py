# SPDX-License-Identifier: Apache-2.0
"""What an answer of the mask decoder costs (arXiv 2408.00714, section D.2.2: focal, dice, IoU and presence)."""
from typing import NamedTuple

import torch
import torch.nn.functional as F


class Cost(NamedTuple):
    total: torch.Tensor
    iou: torch.Tensor      # of the chosen masks, mean over the objects that are there
    correct: torch.Tensor  # share of presence judged right
    chosen: torch.Tensor   # [n] index of the mask


def mask_terms(logits, masks, balanced):
    """Focal (or balanced cross-entropy), dice and true IoU, each [n, 4]."""
    p = logits.sigmoid()
    masks = masks.expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    if balanced:
        # Leaves the plateau of "nothing anywhere" much sooner than the focal loss, so training starts with it.
        weight = masks * (0.3 / masks.mean((2, 3), keepdim=True).clamp(min=0.01)).sqrt() + (1 - masks)
        focal = 0.15 * (weight * entropy).mean((2, 3))
    else:
        right = p * masks + (1 - p) * (1 - masks)
        focal = 1.5 * ((0.4 * masks + 0.6 * (1 - masks)) * entropy * (1 - right) ** 2).mean((2, 3))
    dice = 1 - (2 * (p * masks).sum((2, 3)) + 1) / (p.sum((2, 3)) + masks.sum((2, 3)) + 1)
    with torch.no_grad():
        a, b = logits > 0, masks > 0.5
        iou = (a & b).sum((2, 3)).float() / (a | b).sum((2, 3)).clamp(min=1).float()
    return focal, dice, iou


def answer_cost(decoded, masks, present, valid, multimask, balanced, presence_weight=1.0):
    """`masks` [n, size, size] at full size. Of the three masks for ambiguous prompts the best one learns, the others a
    little, so that none dies."""
    logits = F.interpolate(decoded.masks.float(), scale_factor=2.0, mode="bilinear", align_corners=False)
    focal, dice, iou = mask_terms(logits, F.avg_pool2d(masks[:, None], 2), balanced)
    each = 20 * focal + dice
    three = each[:, 1:].min(1).values + (0.3 if balanced else 0.05) * each[:, 1:].mean(1)
    each = three + 0.5 * each[:, 0] if multimask else three + each[:, 0]
    seen = present * valid
    total = ((each + (decoded.ious.float() - iou).abs().mean(1)) * seen).sum() / seen.sum().clamp(min=1)
    presence = F.binary_cross_entropy_with_logits(decoded.score.float()[:, 0], present, reduction="none")
    total = total + presence_weight * (presence * valid).sum() / valid.sum().clamp(min=1)
    rows = torch.arange(len(iou), device=iou.device)
    chosen = decoded.ious[:, 1:].argmax(1) + 1 if multimask else torch.zeros_like(rows)
    correct = ((decoded.score[:, 0] > 0).float() == present).float()
    return Cost(total, (iou[rows, chosen] * seen).sum() / seen.sum().clamp(min=1),
                (correct * valid).sum() / valid.sum().clamp(min=1), chosen)
