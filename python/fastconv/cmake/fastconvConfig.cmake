# SPDX-License-Identifier: MIT
# find_package(fastconv): the target fastconv::fastconv knows where fastconv.h is. There is nothing to
# link: fastconv_import() finds the functions in the Python package at run time.
if(NOT TARGET fastconv::fastconv)
  add_library(fastconv::fastconv INTERFACE IMPORTED)
  get_filename_component(fastconv_INCLUDE_DIR "${CMAKE_CURRENT_LIST_DIR}/../include" ABSOLUTE)
  target_include_directories(fastconv::fastconv INTERFACE "${fastconv_INCLUDE_DIR}")
endif()
