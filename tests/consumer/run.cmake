# Installs metaqnn into an empty folder, runs the program there, and builds and runs against what is installed: a project that
# uses all of it, one that only predicts, and the examples.
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# Runs an example; its output has to match.
function(expect pattern)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
  if(NOT output MATCHES "${pattern}")
    message(FATAL_ERROR "${ARGN}\nprinted\n${output}\nwhich does not match ${pattern}")
  endif()
endfunction()

function(build source folder)
  run(${CMAKE_COMMAND} -S ${source} -B ${SCRATCH}/${folder} -G Ninja -DCMAKE_PREFIX_PATH=${PREFIX}
    -DCMAKE_CXX_COMPILER=${COMPILER} ${ARGN})
  run(${CMAKE_COMMAND} --build ${SCRATCH}/${folder})
endfunction()

file(REMOVE_RECURSE ${SCRATCH})
set(PREFIX ${SCRATCH}/prefix)
run(${CMAKE_COMMAND} --install ${BINARY_DIR} --prefix ${PREFIX})
run(${PREFIX}/bin/metaqnn --version)

file(GLOB_RECURSE headers RELATIVE ${PREFIX}/include ${PREFIX}/include/*)
list(LENGTH headers count)
if(count GREATER 23 OR "${headers}" MATCHES "(^|;)[^m]|(^|;)m[^e]")
  message(FATAL_ERROR "installed are ${count} headers: ${headers}")
endif()

build(${SOURCE_DIR} all -DMETAQNN_INCLUDE_DIR=${PREFIX}/include)
run(${SCRATCH}/all/consumer)

# A log in which more filters do better, and a table of words in which more c do.
set(log "architecture,state,validation_accuracy\n")
foreach(filters RANGE 16 144 8)
  math(EXPR accuracy "300 + 4 * ${filters}")
  string(APPEND log "\"[C(${filters},3,1), P(2,2), SM(10)]\",complete,0.${accuracy}\n")
endforeach()
file(WRITE ${SCRATCH}/log.csv "${log}")
set(candidates)
foreach(filters RANGE 12 140 8)
  string(APPEND candidates "[C(${filters},3,1), P(2,2), SM(10)]\n")
endforeach()
file(WRITE ${SCRATCH}/candidates.txt "${candidates}\nnonsense\n")
set(table "architecture,accuracy\n")
foreach(x a b c)
  foreach(y a b c)
    foreach(z a b c)
      string(REGEX MATCHALL "c" many "${x}${y}${z}")
      list(LENGTH many many)
      string(APPEND table "${x}-${y}-${z},0.${many}5\n")
    endforeach()
  endforeach()
endforeach()
file(WRITE ${SCRATCH}/table.csv "${table}")

build(${SOURCE_DIR}/predict_only predict_only -DEXAMPLES=${EXAMPLES} -DCMAKE_DISABLE_FIND_PACKAGE_SOCI=ON
  -DCMAKE_DISABLE_FIND_PACKAGE_PostgreSQL=ON -DCMAKE_DISABLE_FIND_PACKAGE_SQLite3=ON -DCMAKE_DISABLE_FIND_PACKAGE_PNG=ON
  -DCMAKE_DISABLE_FIND_PACKAGE_matio=ON -DCMAKE_DISABLE_FIND_PACKAGE_Torch=ON -DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON)
build(${EXAMPLES} examples)
foreach(folder predict_only examples)
  expect("^.C.140,3,1., P.2,2., SM.10..\n.C.132,[^\n]*\n(.C[^\n]*\n)*$"
    ${SCRATCH}/${folder}/rank_ten ${SCRATCH}/log.csv ${SCRATCH}/candidates.txt)
endforeach()
expect("^18 models, the best [a-c-]*: 0.[23]5\n$"
  ${SCRATCH}/examples/search_table ${SCRATCH}/table.csv accuracy ${SCRATCH}/table.db)
expect("number,.*c-" ${PREFIX}/bin/metaqnn trials --study sqlite:///${SCRATCH}/table.db --format csv)
expect("^the best of 12 models is [a-c-]*: 0.[123]5\n$"
  ${SCRATCH}/examples/own_strategy ${SCRATCH}/table.csv accuracy ${SCRATCH}/own.db)
