# What `cmake --install` puts where: the program, the libraries with their headers, and a package for find_package(metaqnn).
include(CMakePackageConfigHelpers)

get_property(libraries GLOBAL PROPERTY METAQNN_LIBRARIES)
install(TARGETS metaqnn_options ${libraries} EXPORT metaqnnTargets)
install(TARGETS metaqnn)
if(METAQNN_WITH_TORCH)
  install(TARGETS metaqnn_libtorch)
endif()
install(EXPORT metaqnnTargets NAMESPACE metaqnn:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/metaqnn)

foreach(folder base architecture kernels datasets predict search)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/metaqnn
    FILES_MATCHING PATTERN "*.h" PATTERN "libtorch" EXCLUDE)
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/experiments/ DESTINATION ${CMAKE_INSTALL_DATADIR}/metaqnn/experiments
  FILES_MATCHING PATTERN "*.toml")

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/metaqnnConfig.cmake.in
  ${PROJECT_BINARY_DIR}/metaqnnConfig.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/metaqnn)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/metaqnnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/metaqnnConfig.cmake ${PROJECT_BINARY_DIR}/metaqnnConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/Dependencies.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/metaqnn)
