# Every outside library is found here, once, under the name the targets use.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(MATIO REQUIRED IMPORTED_TARGET matio)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)

# SOCI has no CMake package on Debian 12, so its two libraries are found by name on every release.
find_path(SOCI_INCLUDE_DIR soci/soci.h REQUIRED)
find_library(SOCI_CORE_LIBRARY soci_core REQUIRED)
find_library(SOCI_SQLITE3_LIBRARY soci_sqlite3 REQUIRED)
add_library(metaqnn_soci INTERFACE)
target_include_directories(metaqnn_soci SYSTEM INTERFACE $<BUILD_INTERFACE:${SOCI_INCLUDE_DIR}>
  $<BUILD_INTERFACE:${SOCI_INCLUDE_DIR}/soci>)
target_link_libraries(metaqnn_soci INTERFACE ${SOCI_CORE_LIBRARY} ${SOCI_SQLITE3_LIBRARY})

if(METAQNN_WITH_TORCH)
  find_package(Torch REQUIRED)
  # Torch's own INTERFACE options carry global flags on some releases; headers are treated as the system's.
  add_library(metaqnn_torch INTERFACE)
  target_include_directories(metaqnn_torch SYSTEM INTERFACE $<BUILD_INTERFACE:${TORCH_INCLUDE_DIRS}>)
  target_link_libraries(metaqnn_torch INTERFACE ${TORCH_LIBRARIES})
endif()
