# Options and warnings travel as INTERFACE targets, so that no flag is global.
include(GNUInstallDirs)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(metaqnn_options INTERFACE)
target_compile_features(metaqnn_options INTERFACE cxx_std_20)
target_include_directories(metaqnn_options INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
  $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/metaqnn>)
target_compile_options(metaqnn_options INTERFACE $<BUILD_INTERFACE:-fno-omit-frame-pointer>)
if(METAQNN_SANITIZE)
  # vptr checks need type information that SOCI 4.0 keeps to itself.
  target_compile_options(metaqnn_options INTERFACE
    $<BUILD_INTERFACE:-fsanitize=${METAQNN_SANITIZE}> $<BUILD_INTERFACE:-fno-sanitize=vptr>)
  # Of whoever links the installed libraries too, or what they call would be missing.
  target_link_options(metaqnn_options INTERFACE -fsanitize=${METAQNN_SANITIZE})
endif()

# -Wrestrict warns falsely about std::string's operator+ in g++ 12 (GCC bug 105651).
add_library(metaqnn_warnings INTERFACE)
target_compile_options(metaqnn_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  -Woverloaded-virtual $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<BOOL:${METAQNN_WERROR}>:-Werror>)

# metaqnn_library(NAME SOURCES ... [PUBLIC libraries] [PRIVATE libraries]) makes metaqnn::NAME.
function(metaqnn_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PUBLIC;PRIVATE")
  add_library(metaqnn_${name} STATIC ${arg_SOURCES})
  add_library(metaqnn::${name} ALIAS metaqnn_${name})
  set_target_properties(metaqnn_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(metaqnn_${name}
    PUBLIC metaqnn_options ${arg_PUBLIC}
    PRIVATE $<BUILD_INTERFACE:metaqnn_warnings> ${arg_PRIVATE})
  set_property(GLOBAL APPEND PROPERTY METAQNN_LIBRARIES metaqnn_${name})
endfunction()
