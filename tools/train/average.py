#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Averages two models of which one was trained from the other, and rounds the weights as files hold them.

    python3 average.py OLD NEW SHARE OUTPUT.pt        SHARE of NEW, 0 to 1

Such models often lie in one valley: what is between them is as good, and less fitted to the last clips (Wortsman et al.,
arXiv 2203.05482). OLD and NEW are what convert_checkpoint.py reads.
"""
import sys

from rounding import rounded
from sam2 import weights


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    old, new, share = weights.load(sys.argv[1]), weights.load(sys.argv[2]).state_dict(), float(sys.argv[3])
    mean = {name: value.lerp(new[name], share) for name, value in old.state_dict().items()}
    weights.save(rounded(old.arch, mean), sys.argv[4])


if __name__ == "__main__":
    main()
