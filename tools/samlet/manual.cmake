# Writes the manual page: cmake -DTEMPLATE= -DPROGRAM= -DVERSION= -DMODEL= -DOUTPUT= -P manual.cmake
# PROGRAM is the command line, with an emulator before it where it needs one.
#
# SPDX-License-Identifier: Apache-2.0
execute_process(COMMAND ${PROGRAM} --manual OUTPUT_VARIABLE COMMANDS RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} --manual failed: ${status}")
endif()
configure_file("${TEMPLATE}" "${OUTPUT}" @ONLY)
