# What `cmake --install` puts where: the program, its recipes, the libraries with their public headers, and a package for
# find_package(metaqnn).
include(CMakePackageConfigHelpers)

install(TARGETS metaqnn)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/experiments/ DESTINATION ${CMAKE_INSTALL_DATADIR}/metaqnn/experiments
  FILES_MATCHING PATTERN "*.toml")
if(METAQNN_WITH_TORCH)
  install(TARGETS metaqnn_libtorch)
endif()

foreach(header ${METAQNN_PUBLIC_HEADERS})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${PROJECT_SOURCE_DIR}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/metaqnn/${folder})
endforeach()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/metaqnn)
install(TARGETS metaqnn_options EXPORT metaqnn_predict)
install(EXPORT metaqnn_predict NAMESPACE metaqnn:: DESTINATION ${package} FILE metaqnnPredictTargets.cmake)
install(EXPORT metaqnn_search NAMESPACE metaqnn:: DESTINATION ${package} FILE metaqnnSearchTargets.cmake)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/metaqnnConfig.cmake.in
  ${PROJECT_BINARY_DIR}/metaqnnConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/metaqnnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/metaqnnConfig.cmake ${PROJECT_BINARY_DIR}/metaqnnConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/Dependencies.cmake DESTINATION ${package})
