# Every outside library is found here, once, under the name the targets use. Installed too: find_package(metaqnn) reads it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(tomlplusplus REQUIRED)
pkg_check_modules(MATIO REQUIRED IMPORTED_TARGET matio)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)

# SOCI has no CMake package on Debian 12, so its two libraries are found by name on every release.
find_path(SOCI_INCLUDE_DIR soci/soci.h REQUIRED)
find_library(SOCI_CORE_LIBRARY soci_core REQUIRED)
find_library(SOCI_SQLITE3_LIBRARY soci_sqlite3 REQUIRED)
add_library(metaqnn::soci INTERFACE IMPORTED)
target_include_directories(metaqnn::soci SYSTEM INTERFACE ${SOCI_INCLUDE_DIR} ${SOCI_INCLUDE_DIR}/soci)
target_link_libraries(metaqnn::soci INTERFACE ${SOCI_CORE_LIBRARY} ${SOCI_SQLITE3_LIBRARY} SQLite::SQLite3)

if(METAQNN_WITH_TORCH)
  find_package(Torch REQUIRED)
  add_library(metaqnn::torch INTERFACE IMPORTED)
  target_include_directories(metaqnn::torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(metaqnn::torch INTERFACE ${TORCH_LIBRARIES} ${CMAKE_DL_LIBS})
endif()
