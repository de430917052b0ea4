// search_table TABLE COLUMN STUDY: a search that looks results up in a table of others, in a study
// that any command of metaqnn reads. The table's architectures are three of the letters a to c, as
// a-b-a. A second call goes on with the study: more models, the same search.
#include <metaqnn/base/error.h>
#include <metaqnn/search/search.h>

#include <cstdio>
#include <string>

namespace search = metaqnn::search;

search::Configuration configuration_of(const std::string& table, const std::string& column) {
  search::Configuration configuration;
  configuration.seed = 7;
  configuration.space.kind = "sequence";
  configuration.space.sequence = {.pattern = "{}-{}-{}", .alphabets = {{"a", "b", "c"}}};
  configuration.strategy.kind = "q_learning";
  configuration.strategy.schedule = {{1.0, 10}, {0.1, 8}};  // (epsilon, models)
  configuration.evaluator.kind = "table";
  configuration.evaluator.table.file = table;
  configuration.evaluator.table.target = column;
  return configuration;
}

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: search_table TABLE COLUMN STUDY\n");
    return 2;
  }
  try {
    // Where the column holds no accuracies, the objective is the column.
    const search::Configuration configuration =
        search::settled(configuration_of(argv[1], argv[2]));
    const std::string url = std::string("sqlite:///") + argv[3];
    const auto study = search::study_exists(url)
                           ? search::open_study(url)
                           : search::create_study(url, search::describe_study(configuration));
    search::work(*study, {});
    if (const auto best = study->best_trial(search::measure_of(configuration).direction))
      std::printf("%lld models, the best %s: %g\n",
                  static_cast<long long>(study->counts().unique_models), best->architecture.c_str(),
                  *best->value);
  } catch (const metaqnn::Error& error) {
    std::fprintf(stderr, "search_table: %s\n", error.what());
    return static_cast<int>(error.status());
  }
}
