# LibTorch, as metaqnn::torch. At the level of the project, since a build of it with CUDA enables a language.
find_package(Torch REQUIRED)
add_library(metaqnn::torch INTERFACE IMPORTED)
target_include_directories(metaqnn::torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(metaqnn::torch INTERFACE ${TORCH_LIBRARIES} ${CMAKE_DL_LIBS})
