# SPDX-License-Identifier: Apache-2.0
"""The first lesson: see what a trained encoder sees (teach.py wrote it down)."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from data.render import Clips


class Lessons:
    def __init__(self, folder, rng, device):
        self.folder, self.rng, self.device = folder, rng, device
        self.images, self.features = [], []
        self.read = set()
        self.refresh()

    def refresh(self):
        """Reads what was written since; the teacher may still be at work."""
        for path in sorted(set(self.folder.glob("[0-9]*_[0-9][0-9][0-9][0-9].npz")) - self.read):
            with np.load(path) as file:
                self.images += list(torch.from_numpy(file["images"]))
                self.features += list(torch.from_numpy(file["features"]))
            self.read.add(path)

    def batch(self, count, half):
        """(normalised images, features): flipped at random and under other light, at half the size if asked."""
        index = self.rng.integers(len(self.images), size=count)
        images = torch.stack([self.images[i] for i in index]).to(self.device).float() / 255
        features = torch.stack([self.features[i] for i in index]).to(self.device).float()
        if self.rng.random() < 0.5:
            images, features = images.flip(3), features.flip(3)
        if half:
            images, features = F.avg_pool2d(images, 2), F.avg_pool2d(features, 2)
        light = torch.from_numpy(self.rng.uniform(0.75, 1.3, (count, 3, 1, 1)).astype(np.float32)).to(self.device)
        return Clips((images * light).clamp(0, 1), None).normalised(), features

    def scale(self):
        """Mean and deviation of each channel."""
        some = torch.stack(self.features[:400]).float().transpose(0, 1).flatten(1)
        return some.mean(1).view(-1, 1, 1).to(self.device), some.std(1).view(-1, 1, 1).to(self.device)


class Pupil(nn.Module):
    """Compares a model's top features with the teacher's, through a linear map that is thrown away afterwards."""

    def __init__(self, d_model, mean, deviation):
        super().__init__()
        self.map = nn.Conv2d(d_model, len(mean), 1)
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, model, images, features):
        top = model.image_encoder(images)[2]
        return F.smooth_l1_loss(self.map(top), (features - self.mean) / self.deviation)
