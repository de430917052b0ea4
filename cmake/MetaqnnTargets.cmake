# Options and warnings travel as INTERFACE targets, so that no flag is global.
include(GNUInstallDirs)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# Public headers are metaqnn/... in the tree too, by links; whoever else builds with this project sees no other name of it.
include(PublicHeaders)
foreach(folder base architecture datasets predict search report)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include/metaqnn)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${PROJECT_BINARY_DIR}/include/metaqnn/${folder} SYMBOLIC)
endforeach()

add_library(metaqnn_options INTERFACE)
target_compile_features(metaqnn_options INTERFACE cxx_std_20)
target_include_directories(metaqnn_options INTERFACE
  $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
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

# What only this project's own files include, by their paths in the tree.
add_library(metaqnn_internal INTERFACE)
target_include_directories(metaqnn_internal INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
target_link_libraries(metaqnn_internal INTERFACE metaqnn_warnings)

# metaqnn_library(COMPONENT NAME SOURCES ... [PUBLIC libraries] [PRIVATE libraries]) makes metaqnn::NAME, which
# find_package(metaqnn COMPONENTS COMPONENT) brings.
function(metaqnn_library component name)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;PUBLIC;PRIVATE")
  add_library(metaqnn_${name} STATIC ${arg_SOURCES})
  add_library(metaqnn::${name} ALIAS metaqnn_${name})
  set_target_properties(metaqnn_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(metaqnn_${name}
    PUBLIC metaqnn_options ${arg_PUBLIC}
    PRIVATE $<BUILD_INTERFACE:metaqnn_internal> ${arg_PRIVATE})
  install(TARGETS metaqnn_${name} EXPORT metaqnn_${component})
endfunction()
