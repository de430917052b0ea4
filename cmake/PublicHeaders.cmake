# The public face of the libraries: what is installed, as metaqnn/..., and included so in the tree too. A public header includes
# public headers alone (cmake/check-includes).
set(METAQNN_PUBLIC_HEADERS
  base/error.h
  base/random.h
  architecture/architecture.h
  architecture/shapes.h
  datasets/logs/log.h
  datasets/logs/merge.h
  predict/options.h
  predict/samples.h
  predict/cross_validation.h
  predict/model.h
  search/space/space.h
  search/space/distinct_walks.h
  search/study/study.h
  search/agent/strategy.h
  search/evaluate/settings.h
  search/evaluate/evaluator.h
  search/configuration.h
  search/search.h
  search/ask_tell.h
  search/import.h
  search/q_values.h
  search/results.h
  report/report.h)
