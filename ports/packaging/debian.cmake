# -DSAMLET_DEBIAN=ON: how Debian wants it, for the packages that cpack then makes:
#
#   cmake -S . -B build-deb -G Ninja -DSAMLET_DEBIAN=ON
#   cmake --build build-deb --target package
#
# With --toolchain ports/toolchains/aarch64.cmake these are packages for arm64, and for the release of its sysroot.
#
# SPDX-License-Identifier: Apache-2.0

set(CMAKE_INSTALL_PREFIX /usr)
set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE})
set(BUILD_SHARED_LIBS ON)
set(SAMLET_BUILD_TESTS OFF)
set(SAMLET_USE_SOURCE_MODEL OFF)

# Debian 12 has a pthreadpool and a cpuinfo too old for XNNPACK, so the packages bring their own.
if(NOT CMAKE_CROSSCOMPILING AND EXISTS /etc/os-release)
    file(STRINGS /etc/os-release samlet_debian_release REGEX "^VERSION_ID=")
    if(samlet_debian_release MATCHES "\"12\"")
        set(SAMLET_PRIVATE_LIBS ON)
    endif()
endif()

set(CMAKE_POSITION_INDEPENDENT_CODE ON) # programs, too
add_compile_options("-ffile-prefix-map=${CMAKE_CURRENT_SOURCE_DIR}=." -fstack-protector-strong)
add_compile_definitions($<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
add_link_options(-Wl,-z,relro,-z,now)
