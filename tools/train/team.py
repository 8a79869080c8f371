# SPDX-License-Identifier: Apache-2.0
"""Several single-threaded processes that average their gradients: on a busy CPU faster than one with many threads."""
import os
import signal
import sys
import tempfile

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


class Team:
    def __init__(self, rank, size, meeting):
        self.rank, self.size = rank, size
        if size > 1:
            dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)

    @property
    def leads(self):
        return self.rank == 0

    def add_up(self, tensors):
        """The sums of everybody's tensors."""
        if self.size == 1:
            return tensors
        flat = torch.cat([t.reshape(-1) for t in tensors])
        dist.all_reduce(flat)
        return [piece.view_as(t) for t, piece in zip(tensors, flat.split([t.numel() for t in tensors]))]

    def average_gradients(self, parameters):
        """All members took the same kind of step, so the same parameters have gradients."""
        used = [p for p in parameters if p.grad is not None]
        for p, total in zip(used, self.add_up([p.grad for p in used])):
            p.grad = total / self.size

    def agree(self, value):
        """The leader's number."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(shared, 0)
        return float(shared)


def member(rank, size, meeting, work, arguments):
    if size > 1:
        torch.set_num_threads(1)
    work(Team(rank, size, meeting), *arguments)


def run(work, size, *arguments):
    """work(team, *arguments) in `size` processes, this one among them if it is the only one."""
    if size == 1:
        return member(0, 1, None, work, arguments)
    # A plain kill would leave the members behind: leave in an orderly way, which ends daemons.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(member, (size, os.path.join(folder, "meeting"), work, arguments), nprocs=size, daemon=True)
