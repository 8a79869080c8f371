# Debian packages, one for each component: libsamlet0, libsamlet-dev, samlet. See debian.cmake for how to make them.
#
# SPDX-License-Identifier: Apache-2.0

if(NOT SAMLET_DEBIAN)
    return()
endif()
set(samlet_debian_dir "${CMAKE_CURRENT_LIST_DIR}/debian")

# The changelog knows the version and who maintains the packages.
file(STRINGS "${samlet_debian_dir}/changelog" samlet_changelog)
list(GET samlet_changelog 0 line)
string(REGEX MATCH "\\(([0-9.]+)-([^)]+)\\)" line "${line}")
set(CPACK_DEBIAN_PACKAGE_RELEASE "${CMAKE_MATCH_2}")
if(NOT CMAKE_MATCH_1 STREQUAL PROJECT_VERSION)
    message(FATAL_ERROR "${samlet_debian_dir}/changelog begins with version ${CMAKE_MATCH_1}, not ${PROJECT_VERSION}.")
endif()
list(FILTER samlet_changelog INCLUDE REGEX "^ -- ")
list(GET samlet_changelog 0 line)
string(REGEX REPLACE "^ -- (.*>)  .*" "\\1" CPACK_DEBIAN_PACKAGE_MAINTAINER "${line}")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME samlet)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SOURCE samlet)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
else()
    set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE amd64)
endif()
set(samlet_debian_version "${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")

# ---- packages --------------------------------------------------------------------------------------------------------

set(samlet_about
    "samlet follows objects through videos with the models SAM 2 and SAM 2.1,
on the CPU and in memory whose size is known before the first frame.")
set(samlet_runtime libsamlet${samlet_soversion})

set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${samlet_runtime})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_MULTIARCH same)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "video segmentation with SAM 2, library\n${samlet_about}\n\nThis is the shared library.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libsamlet-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_MULTIARCH same)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION
    "video segmentation with SAM 2, for development\n${samlet_about}\n\nHeaders for C and C++, the static library, a CMake package, pkg-config files.")
set(samlet_development_depends "${samlet_runtime} (= ${samlet_debian_version})")
if(NOT SAMLET_PRIVATE_LIBS) # what a program with the static library links besides
    string(APPEND samlet_development_depends ", libpthreadpool-dev, libcpuinfo-dev")
    if(samlet_outside MATCHES "XNNPACK")
        string(APPEND samlet_development_depends ", libxnnpack-dev")
    endif()
endif()
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${samlet_development_depends}")
if(TARGET samlet_cli)
    list(APPEND CPACK_COMPONENTS_ALL tools)
    set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME samlet)
    set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION video)
    set(CPACK_DEBIAN_TOOLS_DESCRIPTION
        "video segmentation with SAM 2, command line\n${samlet_about}\n\nThe program samlet and a small model to try it with.")
endif()

# ---- what every package has ------------------------------------------------------------------------------------------

find_program(SAMLET_GZIP gzip REQUIRED)
mark_as_advanced(SAMLET_GZIP)
set(samlet_control "${CMAKE_CURRENT_BINARY_DIR}/debian")
file(MAKE_DIRECTORY "${samlet_control}")
execute_process(COMMAND "${SAMLET_GZIP}" -9nc "${samlet_debian_dir}/changelog"
    OUTPUT_FILE "${samlet_control}/changelog.Debian.gz" COMMAND_ERROR_IS_FATAL ANY)
foreach(component ${CPACK_COMPONENTS_ALL})
    string(TOUPPER ${component} name)
    install(FILES "${samlet_debian_dir}/copyright" "${samlet_control}/changelog.Debian.gz"
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${name}_PACKAGE_NAME} COMPONENT ${component})
endforeach()

# For programs of others: which package has the library, and that the loader's cache must learn of it.
file(WRITE "${samlet_control}/shlibs" "libsamlet ${samlet_soversion} ${samlet_runtime} (>= ${PROJECT_VERSION})\n")
file(WRITE "${samlet_control}/triggers" "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA "${samlet_control}/shlibs;${samlet_control}/triggers")

# ---- what they depend on ---------------------------------------------------------------------------------------------

# dpkg-shlibdeps finds it out when the packages are made. What it shall not take from the system's own table:
set(samlet_shlibs "libsamlet ${samlet_soversion} ${samlet_runtime} (= ${samlet_debian_version})\n")
if(SAMLET_PRIVATE_LIBS)
    string(APPEND samlet_shlibs "libpthreadpool 0\nlibcpuinfo 0\n") # come along
else()
    # Debian's table says that any version does. But the layout of what cpuinfo exports grows.
    string(APPEND samlet_shlibs "libpthreadpool 0 libpthreadpool0 (>= 0.0~git20240616)\n"
        "libcpuinfo 0 libcpuinfo0 (>= 0.0~git20250327)\n")
endif()
set(CPACK_SAMLET_SHLIBS "${samlet_shlibs}")
set(CPACK_SAMLET_SYSROOT "${CMAKE_SYSROOT}")
set(CPACK_SAMLET_LIBRARY_ARCHITECTURE "${CMAKE_LIBRARY_ARCHITECTURE}")
set(CPACK_SAMLET_BUILD "${CMAKE_CURRENT_BINARY_DIR}")
set(CPACK_SAMLET_RUNTIME_BINARY "${CMAKE_CURRENT_BINARY_DIR}/libsamlet.so.${samlet_library_version}")
set(CPACK_SAMLET_TOOLS_BINARY "${CMAKE_BINARY_DIR}/samlet")
set(CPACK_PROJECT_CONFIG_FILE "${CMAKE_CURRENT_LIST_DIR}/depends.cmake")

include(CPack)
