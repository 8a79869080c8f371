# SPDX-License-Identifier: Apache-2.0
"""The SAM 2 family in PyTorch, as small modules under the published tensor names.

Written from the papers and from measurements of the published model's outputs; tests/golden/test_training_model.py
holds it against both those outputs and the C++ library. Runs with torch 1.13 and later.
"""
