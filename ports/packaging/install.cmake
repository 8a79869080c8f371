# What `cmake --install` leaves: both libraries, the header, a CMake package, pkg-config files, the bundled model; the
# command line and its manual come from tools/. Three components, one for each Debian package (see cpack.cmake): runtime,
# development and tools.
#
# SPDX-License-Identifier: Apache-2.0

option(SAMLET_PRIVATE_LIBS "Install copies of the pthreadpool and cpuinfo linked here, for machines that lack them" OFF)

# Everything is found relative to the file that looks for it, so that an installed tree can be moved.
file(RELATIVE_PATH samlet_bin_to_lib "/${CMAKE_INSTALL_FULL_BINDIR}" "/${CMAKE_INSTALL_FULL_LIBDIR}")
file(RELATIVE_PATH samlet_lib_to_include "/${CMAKE_INSTALL_FULL_LIBDIR}" "/${CMAKE_INSTALL_FULL_INCLUDEDIR}")
set(samlet_private_dir samlet-${samlet_soversion})
string(REGEX MATCH "^(/usr)?(/local)?$" samlet_in_system "${CMAKE_INSTALL_PREFIX}") # the loader looks there anyway

# ---- libraries -------------------------------------------------------------------------------------------------------

# What the libraries take from others: archives, which go in, and shared libraries, which stay outside.
set(samlet_archives ${SAMLET_XNNPACK_ARCHIVES})
set(samlet_outside ${SAMLET_XNNPACK_LIBS})
foreach(library pthreadpool cpuinfo)
    string(TOUPPER ${library} name)
    if(SAMLET_${name}_LIBRARY)
        list(APPEND samlet_outside "${SAMLET_${name}_LIBRARY}")
    elseif(TARGET ${library})
        list(APPEND samlet_archives $<TARGET_FILE:${library}>)
    endif()
endforeach()
foreach(library ${samlet_outside})
    if(library MATCHES "\\.a$")
        list(REMOVE_ITEM samlet_outside "${library}")
        list(APPEND samlet_archives "${library}")
    endif()
endforeach()
list(REMOVE_DUPLICATES samlet_archives)

set(samlet_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/samlet)
if(samlet_has_shared)
    install(TARGETS samlet_shared EXPORT samlet
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
    set_target_properties(samlet_shared PROPERTIES EXPORT_NAME samlet)
    install(EXPORT samlet NAMESPACE samlet:: FILE samletTargets.cmake
        DESTINATION ${samlet_cmake_dir} COMPONENT development)
endif()

# The installed archive is one object that needs none of XNNPACK's archives: they are linked in, and as in the shared
# library only the API can be seen, so that a program may use another XNNPACK as well.
set(samlet_archive "${CMAKE_CURRENT_BINARY_DIR}/archive/${CMAKE_STATIC_LIBRARY_PREFIX}samlet${CMAKE_STATIC_LIBRARY_SUFFIX}")
set(samlet_object "${CMAKE_CURRENT_BINARY_DIR}/archive/samlet${CMAKE_CXX_OUTPUT_EXTENSION}")
file(MAKE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/archive")
add_custom_command(OUTPUT "${samlet_archive}"
    COMMAND "${CMAKE_CXX_COMPILER}" -r -nostdlib -Wl,--force-group-allocation -o "${samlet_object}"
        $<TARGET_OBJECTS:samlet_objects> ${samlet_archives}
    COMMAND "${CMAKE_OBJCOPY}" --wildcard "--keep-global-symbol=samlet_*" "${samlet_object}"
    COMMAND "${CMAKE_COMMAND}" -E rm -f "${samlet_archive}"
    COMMAND "${CMAKE_AR}" rcsD "${samlet_archive}" "${samlet_object}"
    DEPENDS $<TARGET_OBJECTS:samlet_objects> ${samlet_archives} COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Linking the archive to install")
add_custom_target(samlet_archive ALL DEPENDS "${samlet_archive}")
install(FILES "${samlet_archive}" DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)

set(samlet_rpath "")
if(SAMLET_PRIVATE_LIBS)
    foreach(library ${samlet_outside})
        get_filename_component(file "${library}" REALPATH)
        install(FILES "${file}" DESTINATION ${CMAKE_INSTALL_LIBDIR}/${samlet_private_dir} COMPONENT runtime)
        get_filename_component(file "${file}" NAME) # where this is not the soname, the loader would not find it
        list(APPEND samlet_private_files "${file}")
    endforeach()
    set_target_properties(samlet_shared PROPERTIES INSTALL_RPATH "$ORIGIN/${samlet_private_dir}")
    list(APPEND samlet_rpath "$ORIGIN/${samlet_bin_to_lib}/${samlet_private_dir}")
endif()
if(BUILD_SHARED_LIBS AND NOT samlet_in_system)
    list(APPEND samlet_rpath "$ORIGIN/${samlet_bin_to_lib}")
endif()
if(TARGET samlet_cli)
    set_target_properties(samlet_cli PROPERTIES INSTALL_RPATH "${samlet_rpath}")
endif()

# ---- development -----------------------------------------------------------------------------------------------------

install(DIRECTORY include/samlet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
    FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

# What a program that links the archive needs besides.
set(samlet_static_libs m)
if(TARGET Threads::Threads)
    list(APPEND samlet_static_libs pthread)
endif()
if(SAMLET_PRIVATE_LIBS)
    list(APPEND samlet_static_pc "-Wl,-rpath,\${libdir}/${samlet_private_dir}")
    foreach(file ${samlet_private_files})
        list(APPEND samlet_static_pc "\${libdir}/${samlet_private_dir}/${file}")
        list(APPEND samlet_static_private "\${samlet_libdir}/${samlet_private_dir}/${file}")
    endforeach()
else()
    foreach(library ${samlet_outside})
        get_filename_component(name "${library}" NAME_WE)
        string(REGEX REPLACE "^lib" "" name "${name}")
        list(PREPEND samlet_static_libs ${name})
    endforeach()
endif()
foreach(name ${samlet_static_libs})
    list(APPEND samlet_static_pc "-l${name}")
endforeach()
list(PREPEND samlet_static_libs ${samlet_static_private})
string(REPLACE ";" " " samlet_static_pc "${samlet_static_pc}")

set(samlet_pc samlet-static)
if(samlet_has_shared)
    list(APPEND samlet_pc samlet)
endif()
foreach(name ${samlet_pc})
    configure_file(ports/packaging/${name}.pc.in ${name}.pc @ONLY)
    install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc"
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endforeach()

include(CMakePackageConfigHelpers)
set(samlet_libdir ${CMAKE_INSTALL_LIBDIR})
set(samlet_includedir ${CMAKE_INSTALL_INCLUDEDIR})
configure_package_config_file(ports/packaging/samletConfig.cmake.in samletConfig.cmake
    INSTALL_DESTINATION ${samlet_cmake_dir} PATH_VARS samlet_libdir samlet_includedir)
write_basic_package_version_file(samletConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/samletConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/samletConfigVersion.cmake"
    DESTINATION ${samlet_cmake_dir} COMPONENT development)

# ---- model -----------------------------------------------------------------------------------------------------------

file(GLOB samlet_models CONFIGURE_DEPENDS examples/data/*.gguf)
install(FILES ${samlet_models} DESTINATION ${CMAKE_INSTALL_DATADIR}/samlet COMPONENT tools)

include(ports/packaging/cpack.cmake)
