# Cross-compiles for 64-bit ARM Linux with the compiler of Debian's package g++-aarch64-linux-gnu. 32-bit ARM is out of
# scope: XNNPACK never uses its fp16 and dot product instructions there.
#
# SPDX-License-Identifier: Apache-2.0
#
#   cmake -S . -B build-arm64 --toolchain ports/toolchains/aarch64.cmake -DSAMLET_BUILD_TOOLS=OFF
#
# SAMLET_SYSROOT holds the C library, XNNPACK and whatever else is linked; where it is not set, it is what
# tools/setup_cross_arm64.sh left in the cache. That is Debian 13's, so programs and the shared library run on Debian 13 and
# Raspberry Pi OS of the same age; for older systems (JetPack, Raspberry Pi OS 12) name the board's own root and give
# -DSAMLET_XNNPACK_SOURCE, or build there. Programs that the build or ctest runs go through qemu, if there is one:
# QEMU_CPU=cortex-a53 ctest ... chooses the CPU it emulates.
#
# The files beside this one tune for a board (-mtune), and no more: the code runs on every ARMv8-A, and the library takes
# the kernels of the CPU it finds. An -mcpu here would put newer instructions outside of the kernels too, and contradict the
# -march of their folders.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
if(NOT CMAKE_C_COMPILER)
    set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
endif()
if(NOT CMAKE_CXX_COMPILER)
    set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
endif()

set(SAMLET_SYSROOT "" CACHE PATH "Root of an ARM system's headers and libraries")
# Checks of the compiler are projects of their own.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SAMLET_SYSROOT)
if(NOT SAMLET_SYSROOT)
    if(DEFINED ENV{SAMLET_CACHE})
        set(samlet_toolchain_cache "$ENV{SAMLET_CACHE}")
    elseif(DEFINED ENV{XDG_CACHE_HOME})
        set(samlet_toolchain_cache "$ENV{XDG_CACHE_HOME}/samlet")
    else()
        set(samlet_toolchain_cache "$ENV{HOME}/.cache/samlet")
    endif()
    if(EXISTS "${samlet_toolchain_cache}/sysroot-aarch64")
        file(STRINGS "${samlet_toolchain_cache}/sysroot-aarch64" samlet_toolchain_sysroot LIMIT_COUNT 1)
        set(SAMLET_SYSROOT "${samlet_toolchain_sysroot}" CACHE PATH "" FORCE)
    endif()
endif()

if(SAMLET_SYSROOT)
    set(CMAKE_SYSROOT "${SAMLET_SYSROOT}")
    # Debian's cross compiler comes with a C library of its own release, which it prefers to the one in a sysroot; XNNPACK
    # may need a newer one. Libraries of the sysroot may want a C++ run time newer than the compiler's, too; where the
    # program runs, they have it.
    foreach(kind EXE SHARED MODULE)
        set(CMAKE_${kind}_LINKER_FLAGS_INIT
            "-B${SAMLET_SYSROOT}/usr/lib/aarch64-linux-gnu -Wl,--allow-shlib-undefined")
    endforeach()
    set(ENV{PKG_CONFIG_SYSROOT_DIR} "${SAMLET_SYSROOT}")
    set(ENV{PKG_CONFIG_LIBDIR}
        "${SAMLET_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${SAMLET_SYSROOT}/usr/share/pkgconfig")
    set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
    set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
    set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
    find_program(SAMLET_QEMU NAMES qemu-aarch64 qemu-aarch64-static NO_CMAKE_FIND_ROOT_PATH)
    mark_as_advanced(SAMLET_QEMU)
    if(SAMLET_QEMU)
        set(CMAKE_CROSSCOMPILING_EMULATOR "${SAMLET_QEMU};-L;${SAMLET_SYSROOT}")
    endif()
endif()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)

if(SAMLET_TOOLCHAIN_TUNE)
    set(CMAKE_C_FLAGS_INIT "-mtune=${SAMLET_TOOLCHAIN_TUNE}")
    set(CMAKE_CXX_FLAGS_INIT "-mtune=${SAMLET_TOOLCHAIN_TUNE}")
endif()
