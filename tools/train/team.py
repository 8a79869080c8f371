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

    def average_gradients(self, parameters):
        if self.size == 1:
            return
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in parameters])
        dist.all_reduce(flat)
        flat /= self.size
        for p, piece in zip(parameters, flat.split([p.numel() for p in parameters])):
            p.grad = piece.view_as(p)

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
