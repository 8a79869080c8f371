# SPDX-License-Identifier: Apache-2.0
"""Training data: pictures from packages under permissive licences, and video rendered from them."""
