# Raspberry Pi 3 and Zero 2 with a 64-bit system: Cortex-A53, plain NEON. See aarch64.cmake.
#
# SPDX-License-Identifier: Apache-2.0
set(SAMLET_TOOLCHAIN_TUNE cortex-a53)
include("${CMAKE_CURRENT_LIST_DIR}/aarch64.cmake")
