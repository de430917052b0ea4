# Every outside library is found here, once, under the name the targets use. Installed too: find_package(metaqnn) reads it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
find_package(fmt REQUIRED)
find_package(Eigen3 REQUIRED)
find_package(Boost REQUIRED CONFIG)
# The library alone: it finds LAPACK and BLAS itself, where find_package(Armadillo) may add ATLAS, several times slower than
# the OpenBLAS that the system prefers.
find_path(ARMADILLO_INCLUDE_DIR armadillo REQUIRED)
find_library(ARMADILLO_LIBRARY armadillo REQUIRED)
add_library(metaqnn::armadillo INTERFACE IMPORTED)
target_include_directories(metaqnn::armadillo SYSTEM INTERFACE ${ARMADILLO_INCLUDE_DIR})
target_link_libraries(metaqnn::armadillo INTERFACE ${ARMADILLO_LIBRARY})
# The system's BLAS (OpenBLAS, which bootstrap installs) and not ATLAS, which Debian 12's static Ceres names and FindBLAS would
# take first: it is several times slower, and its symbols would serve Armadillo too.
if(NOT DEFINED BLA_VENDOR)
  set(BLA_VENDOR Generic)
endif()
find_package(Ceres REQUIRED)
get_target_property(ceres_libraries Ceres::ceres INTERFACE_LINK_LIBRARIES)
list(FILTER ceres_libraries EXCLUDE REGEX "f77blas|libatlas")
set_target_properties(Ceres::ceres PROPERTIES INTERFACE_LINK_LIBRARIES "${ceres_libraries}")
find_package(nlohmann_json REQUIRED)
find_package(tomlplusplus REQUIRED)
pkg_check_modules(MATIO REQUIRED IMPORTED_TARGET matio)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)

# SOCI has no CMake package on Debian 12, so its libraries are found by name on every release.
find_path(SOCI_INCLUDE_DIR soci/soci.h REQUIRED)
find_library(SOCI_CORE_LIBRARY soci_core REQUIRED)
find_library(SOCI_SQLITE3_LIBRARY soci_sqlite3 REQUIRED)
find_library(SOCI_POSTGRESQL_LIBRARY soci_postgresql REQUIRED)
find_path(LIBPQ_INCLUDE_DIR libpq-fe.h PATH_SUFFIXES postgresql REQUIRED)
find_library(LIBPQ_LIBRARY pq REQUIRED)
add_library(metaqnn::soci INTERFACE IMPORTED)
target_include_directories(metaqnn::soci SYSTEM INTERFACE ${SOCI_INCLUDE_DIR} ${SOCI_INCLUDE_DIR}/soci
  ${LIBPQ_INCLUDE_DIR} ${SQLite3_INCLUDE_DIRS})
target_link_libraries(metaqnn::soci INTERFACE ${SOCI_CORE_LIBRARY} ${SOCI_SQLITE3_LIBRARY}
  ${SOCI_POSTGRESQL_LIBRARY} ${LIBPQ_LIBRARY} ${SQLite3_LIBRARIES})

if(METAQNN_WITH_TORCH)
  find_package(Torch REQUIRED)
  add_library(metaqnn::torch INTERFACE IMPORTED)
  target_include_directories(metaqnn::torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(metaqnn::torch INTERFACE ${TORCH_LIBRARIES} ${CMAKE_DL_LIBS})
endif()
