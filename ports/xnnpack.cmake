# Finds XNNPACK and defines the interface target samlet::xnnpack.
#
# In this order: the source directory SAMLET_XNNPACK_SOURCE, the prefix SAMLET_XNNPACK_PREFIX, the prefix that
# tools/setup_dependencies.sh left in the cache, an installed library. The cache comes before the system because a
# distribution's x86 build may be the slow one (see the script); where the system's is good, the script names it.
#
# XNNPACK has no version number and changes signatures, so a header counts only if it compiles as we call it.

set(SAMLET_XNNPACK_PREFIX "" CACHE PATH "Where XNNPACK is installed (contains include/xnnpack.h)")
set(SAMLET_XNNPACK_SOURCE "" CACHE PATH "XNNPACK source directory to build along")

# Sets <out> to whether <include_dir>/xnnpack.h has the API this library is written for.
function(samlet_xnnpack_usable include_dir out)
    set(probe "${CMAKE_BINARY_DIR}/CMakeFiles/samlet_xnnpack_probe.c")
    file(WRITE "${probe}" [[
#include <xnnpack.h>
enum xnn_status create(size_t ic, size_t oc, size_t is, size_t os, const float* k, const float* b, float lo, float hi,
                       uint32_t flags, xnn_code_cache_t cc, xnn_weights_cache_t wc, xnn_operator_t* op) {
    return xnn_create_fully_connected_nc_f32(ic, oc, is, os, k, b, lo, hi, flags, cc, wc, op);
}
enum xnn_status reshape_fc(xnn_operator_t op, size_t batch, pthreadpool_t pool) {
    return xnn_reshape_fully_connected_nc_qd8_f32_qc8w(op, batch, pool);
}
enum xnn_status create_f16(size_t ic, size_t oc, size_t is, size_t os, const void* k, const void* b, float lo, float hi,
                           uint32_t flags, xnn_code_cache_t cc, xnn_weights_cache_t wc, xnn_operator_t* op) {
    return xnn_create_fully_connected_nc_f16(ic, oc, is, os, k, b, lo, hi, flags, cc, wc, op);
}
enum xnn_status create_int8(size_t ic, size_t oc, size_t is, size_t os, const float* scale, const int8_t* k,
                            const float* b, float lo, float hi, uint32_t flags, xnn_code_cache_t cc,
                            xnn_weights_cache_t wc, xnn_operator_t* op) {
    return xnn_create_fully_connected_nc_qd8_f32_qc8w(ic, oc, is, os, scale, k, b, lo, hi, flags, cc, wc, op);
}
enum xnn_status quantise(xnn_operator_t op, const float* x, int8_t* y, struct xnn_quantization_params* params) {
    return xnn_setup_convert_nc_f32_qd8(op, x, y, params);
}
size_t provider(void) { return sizeof(struct xnn_weights_cache_provider); }
]])
    set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
    try_compile(usable "${CMAKE_BINARY_DIR}/CMakeFiles/samlet_xnnpack_probe" "${probe}"
        CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${include_dir}"
        COMPILE_DEFINITIONS -Werror=implicit-function-declaration -Werror=incompatible-pointer-types
        OUTPUT_VARIABLE log)
    set(${out} ${usable} PARENT_SCOPE)
    set(${out}_LOG "${log}" PARENT_SCOPE)
    unset(usable CACHE)
endfunction()

# Sets <var> to the full path of library <name> below <prefix>, or to "".
function(samlet_library_in prefix name var)
    unset(found CACHE)
    find_library(found NAMES ${name} PATHS "${prefix}/lib" "${prefix}/lib64" "${prefix}/lib/${CMAKE_LIBRARY_ARCHITECTURE}"
        NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
    if(found)
        set(${var} "${found}" PARENT_SCOPE)
    else()
        set(${var} "" PARENT_SCOPE)
    endif()
    unset(found CACHE)
endfunction()

# Sets SAMLET_XNNPACK_DIR and SAMLET_XNNPACK_LIBS in the caller if <prefix> holds a usable XNNPACK.
function(samlet_try_xnnpack prefix)
    if(SAMLET_XNNPACK_DIR OR NOT EXISTS "${prefix}/include/xnnpack.h")
        return()
    endif()
    samlet_library_in("${prefix}" XNNPACK library)
    samlet_xnnpack_usable("${prefix}/include" usable)
    if(library AND usable)
        # A static XNNPACK keeps its micro-kernels apart, a shared one may not.
        samlet_library_in("${prefix}" microkernels-prod microkernels)
        set(SAMLET_XNNPACK_DIR "${prefix}" PARENT_SCOPE)
        set(SAMLET_XNNPACK_LIBS "${library}" ${microkernels} PARENT_SCOPE)
    else()
        message(STATUS "XNNPACK in ${prefix}: not the version needed")
    endif()
endfunction()

add_library(samlet_xnnpack INTERFACE)
add_library(samlet::xnnpack ALIAS samlet_xnnpack)

if(SAMLET_XNNPACK_PREFIX) # what lies beside XNNPACK fits it best, above all when cross-compiling
    samlet_library_in("${SAMLET_XNNPACK_PREFIX}" pthreadpool samlet_beside_pthreadpool)
    samlet_library_in("${SAMLET_XNNPACK_PREFIX}" cpuinfo samlet_beside_cpuinfo)
endif()
if(samlet_beside_pthreadpool AND samlet_beside_cpuinfo)
    set(SAMLET_PTHREADPOOL_LIBRARY "${samlet_beside_pthreadpool}" CACHE FILEPATH "")
    set(SAMLET_CPUINFO_LIBRARY "${samlet_beside_cpuinfo}" CACHE FILEPATH "")
endif()
find_library(SAMLET_PTHREADPOOL_LIBRARY pthreadpool)
find_library(SAMLET_CPUINFO_LIBRARY cpuinfo)
mark_as_advanced(SAMLET_PTHREADPOOL_LIBRARY SAMLET_CPUINFO_LIBRARY)

if(SAMLET_XNNPACK_SOURCE)
    samlet_xnnpack_usable("${SAMLET_XNNPACK_SOURCE}/include" usable)
    # Without a pthreadpool.h in the system the probe cannot tell.
    if(NOT usable AND SAMLET_PTHREADPOOL_LIBRARY)
        message(FATAL_ERROR "XNNPACK in ${SAMLET_XNNPACK_SOURCE} is not the version needed; "
            "tools/setup_dependencies.sh names it.\n${usable_LOG}")
    endif()
    foreach(option XNNPACK_BUILD_TESTS XNNPACK_BUILD_BENCHMARKS XNNPACK_BUILD_ALL_MICROKERNELS XNNPACK_ENABLE_KLEIDIAI)
        set(${option} OFF CACHE BOOL "")
    endforeach()
    set(XNNPACK_LIBRARY_TYPE static CACHE STRING "")
    find_path(SAMLET_FXDIV_INCLUDE fxdiv.h)
    mark_as_advanced(SAMLET_FXDIV_INCLUDE)
    if(SAMLET_PTHREADPOOL_LIBRARY AND SAMLET_CPUINFO_LIBRARY AND SAMLET_FXDIV_INCLUDE)
        set(XNNPACK_USE_SYSTEM_LIBS ON CACHE BOOL "")
        foreach(name CPUINFO PTHREADPOOL FXDIV) # only their existence is looked at
            set(${name}_SOURCE_DIR /usr CACHE PATH "")
        endforeach()
    endif()
    set(samlet_pic "${CMAKE_POSITION_INDEPENDENT_CODE}")
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    add_subdirectory("${SAMLET_XNNPACK_SOURCE}" "${CMAKE_BINARY_DIR}/xnnpack" EXCLUDE_FROM_ALL)
    set(CMAKE_POSITION_INDEPENDENT_CODE "${samlet_pic}")
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        target_compile_options(microkernels-prod PRIVATE -fschedule-insns -fsched-pressure) # as in the script
    endif()
    if(XNNPACK_USE_SYSTEM_LIBS)
        target_link_libraries(samlet_xnnpack INTERFACE XNNPACK microkernels-prod
            "${SAMLET_PTHREADPOOL_LIBRARY}" "${SAMLET_CPUINFO_LIBRARY}")
    else()
        target_link_libraries(samlet_xnnpack INTERFACE XNNPACK microkernels-prod pthreadpool cpuinfo)
    endif()
    target_include_directories(samlet_xnnpack SYSTEM INTERFACE "${SAMLET_XNNPACK_SOURCE}/include")
    set(SAMLET_XNNPACK_ARCHIVES "$<TARGET_FILE:XNNPACK>" "$<TARGET_FILE:microkernels-prod>")
    message(STATUS "XNNPACK: source in ${SAMLET_XNNPACK_SOURCE}")
else()
    if(SAMLET_XNNPACK_PREFIX)
        samlet_try_xnnpack("${SAMLET_XNNPACK_PREFIX}")
        if(NOT SAMLET_XNNPACK_DIR)
            message(FATAL_ERROR "SAMLET_XNNPACK_PREFIX=${SAMLET_XNNPACK_PREFIX} holds no XNNPACK of the version needed; "
                "tools/setup_dependencies.sh builds one.")
        endif()
    else()
        if(DEFINED ENV{SAMLET_CACHE})
            set(samlet_cache "$ENV{SAMLET_CACHE}")
        elseif(DEFINED ENV{XDG_CACHE_HOME})
            set(samlet_cache "$ENV{XDG_CACHE_HOME}/samlet")
        else()
            set(samlet_cache "$ENV{HOME}/.cache/samlet")
        endif()
        set(samlet_prefix_file "${samlet_cache}/xnnpack-prefix-${CMAKE_SYSTEM_PROCESSOR}")
        # A cache that machines share may have one for the target, but of the target's own libraries, not the sysroot's.
        if(EXISTS "${samlet_prefix_file}" AND NOT CMAKE_CROSSCOMPILING)
            file(STRINGS "${samlet_prefix_file}" samlet_cached_prefix LIMIT_COUNT 1)
            samlet_try_xnnpack("${samlet_cached_prefix}")
        endif()
        find_path(SAMLET_XNNPACK_INSTALLED_INCLUDE xnnpack.h)
        mark_as_advanced(SAMLET_XNNPACK_INSTALLED_INCLUDE)
        if(SAMLET_XNNPACK_INSTALLED_INCLUDE)
            get_filename_component(samlet_installed_prefix "${SAMLET_XNNPACK_INSTALLED_INCLUDE}" DIRECTORY)
            samlet_try_xnnpack("${samlet_installed_prefix}")
        endif()
        if(NOT SAMLET_XNNPACK_DIR)
            message(FATAL_ERROR "No usable XNNPACK found: run tools/setup_dependencies.sh, "
                "or set SAMLET_XNNPACK_PREFIX or SAMLET_XNNPACK_SOURCE.")
        endif()
    endif()
    if(NOT SAMLET_PTHREADPOOL_LIBRARY OR NOT SAMLET_CPUINFO_LIBRARY)
        message(FATAL_ERROR "pthreadpool or cpuinfo not found: run tools/setup_dependencies.sh.")
    endif()
    target_include_directories(samlet_xnnpack SYSTEM INTERFACE "${SAMLET_XNNPACK_DIR}/include")
    target_link_libraries(samlet_xnnpack INTERFACE ${SAMLET_XNNPACK_LIBS}
        "${SAMLET_PTHREADPOOL_LIBRARY}" "${SAMLET_CPUINFO_LIBRARY}")
    # Archives outside the system travel with an installed static library, see packaging/install.cmake.
    if(SAMLET_XNNPACK_LIBS MATCHES "XNNPACK\\.a" AND NOT SAMLET_XNNPACK_DIR STREQUAL "/usr")
        set(SAMLET_XNNPACK_ARCHIVES ${SAMLET_XNNPACK_LIBS})
    endif()
    message(STATUS "XNNPACK: ${SAMLET_XNNPACK_DIR}")
endif()
if(NOT SAMLET_PORT STREQUAL "bare")
    find_package(Threads REQUIRED)
    target_link_libraries(samlet_xnnpack INTERFACE Threads::Threads)
endif()
target_link_libraries(samlet_xnnpack INTERFACE m)
