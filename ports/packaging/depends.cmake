# Runs in cpack, before it makes the packages: sets the Depends of runtime and tools from what their binaries need.
#
# SPDX-License-Identifier: Apache-2.0
#
# CPack could run dpkg-shlibdeps itself, but not with a table of ours, and not on binaries for another machine, whose
# libraries lie in a sysroot and belong to no package here.

cmake_minimum_required(VERSION 3.18)
find_program(SAMLET_SHLIBDEPS dpkg-shlibdeps)
if(NOT SAMLET_SHLIBDEPS)
    message(FATAL_ERROR "dpkg-shlibdeps not found (Debian: dpkg-dev)")
endif()

set(work "${CPACK_SAMLET_BUILD}/debian/depends")
file(WRITE "${work}/debian/control" "Source: samlet\n\nPackage: samlet\nArchitecture: any\n")
file(WRITE "${work}/debian/shlibs.local" "${CPACK_SAMLET_SHLIBS}")
set(options "")
if(CPACK_SAMLET_SYSROOT)
    # tools/setup_cross_arm64.sh collects the tables of the packages it unpacks. The first line for a library counts.
    file(READ "${CPACK_SAMLET_SYSROOT}/samlet-shlibs" shlibs)
    file(APPEND "${work}/debian/shlibs.local" "${shlibs}")
    list(APPEND options "-l${CPACK_SAMLET_SYSROOT}/usr/lib/${CPACK_SAMLET_LIBRARY_ARCHITECTURE}")
endif()

foreach(component RUNTIME TOOLS)
    string(TOLOWER ${component} name)
    if(NOT name IN_LIST CPACK_COMPONENTS_ALL)
        continue()
    endif()
    execute_process(COMMAND "${SAMLET_SHLIBDEPS}" -O --warnings=0 ${options} "${CPACK_SAMLET_${component}_BINARY}"
        WORKING_DIRECTORY "${work}" OUTPUT_VARIABLE depends ERROR_VARIABLE error RESULT_VARIABLE status)
    if(NOT status EQUAL 0 OR NOT depends MATCHES "shlibs:Depends=([^\n]+)")
        message(FATAL_ERROR "dpkg-shlibdeps: ${error}")
    endif()
    set(CPACK_DEBIAN_${component}_PACKAGE_DEPENDS "${CMAKE_MATCH_1}")
    message(STATUS "${name} depends on ${CMAKE_MATCH_1}")
endforeach()
