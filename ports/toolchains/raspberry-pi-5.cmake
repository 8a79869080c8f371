# Raspberry Pi 5: Cortex-A76, fp16 arithmetic and int8 dot product. See aarch64.cmake.
#
# SPDX-License-Identifier: Apache-2.0
set(SAMLET_TOOLCHAIN_TUNE cortex-a76)
include("${CMAKE_CURRENT_LIST_DIR}/aarch64.cmake")
