# SPDX-License-Identifier: Apache-2.0
"""Muon for the matrices of linear layers, AdamW for everything else.

Muon (Jordan et al., https://kellerjordan.github.io/posts/muon, 2024) steps along the orthogonal matrix nearest to the
momentum, so that rare directions of a layer learn as fast as common ones. Steps are scaled as in arXiv 2502.16982, to
the size that AdamW's have at the same rate.
"""
import torch

WEIGHT_DECAY = 0.05
MOMENTUM, ITERATIONS = 0.95, 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic; it takes singular values to about 1, not exactly
# Codes and tokens: what is added to maps rather than multiplied with them.
CODES = ("pos_embed", "point_embed", "mask_embed", "iou_token", "score_token", "mask_tokens", "maskmem_tpos", "no_obj",
         "no_mem")


def orthogonal(gradient):
    a, b, c = COEFFICIENTS
    tall = gradient.shape[0] > gradient.shape[1]
    x = gradient.T if tall else gradient
    x = x / (x.norm() + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


class Optimizer:
    def __init__(self, modules, rate, team):
        self.team, self.matrices, decayed, plain = team, [], [], []
        for module in modules:
            for name, p in module.named_parameters():
                is_code = any(code in name for code in CODES)
                if p.ndim == 2 and not is_code and min(p.shape) > 1:
                    self.matrices.append(p)
                else:
                    (decayed if p.ndim > 1 and not is_code else plain).append(p)
        self.momenta = [torch.zeros_like(p) for p in self.matrices]
        self.others = torch.optim.AdamW([{"params": decayed, "weight_decay": WEIGHT_DECAY},
                                         {"params": plain, "weight_decay": 0.0}], lr=rate, betas=(0.9, 0.98))
        self.parameters = self.matrices + decayed + plain

    @torch.no_grad()
    def step(self, rate):
        for group in self.others.param_groups:
            group["lr"] = rate
        self.others.step()
        # Members of the team share the matrices out, the costly ones first.
        order = sorted(range(len(self.matrices)), key=lambda i: -self.matrices[i].numel() * min(self.matrices[i].shape))
        steps = [torch.zeros_like(p) for p in self.matrices]
        for turn, i in enumerate(order):
            p, momentum = self.matrices[i], self.momenta[i]
            if p.grad is None:
                continue
            momentum.lerp_(p.grad, 1 - MOMENTUM)
            if turn % self.team.size == self.team.rank:
                steps[i] = orthogonal(p.grad.lerp(momentum, MOMENTUM)) * (0.2 * max(p.shape) ** 0.5)
        steps = self.team.add_up(steps)
        for p, step in zip(self.matrices, steps):
            p.mul_(1 - rate * WEIGHT_DECAY).sub_(step, alpha=rate)

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None

    def state_dict(self):
        return {"momenta": self.momenta, "others": self.others.state_dict()}

    def load_state_dict(self, state):
        for own, loaded in zip(self.momenta, state["momenta"]):
            own.copy_(loaded)
        self.others.load_state_dict(state["others"])
