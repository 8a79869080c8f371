# Raspberry Pi 4 and 400 with a 64-bit system: Cortex-A72, plain NEON. See aarch64.cmake.
#
# SPDX-License-Identifier: Apache-2.0
set(SAMLET_TOOLCHAIN_TUNE cortex-a72)
include("${CMAKE_CURRENT_LIST_DIR}/aarch64.cmake")
