// rank_ten LOG CANDIDATES: the ten candidates that a log's networks promise most of, best first. LOG
// is a CSV file of results, CANDIDATES has one architecture a line.
#include <metaqnn/base/error.h>
#include <metaqnn/predict/model.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

std::vector<std::string> lines_of(const char* name) {
  std::ifstream file(name);
  if (!file) throw metaqnn::DataError(std::string(name) + ": cannot be read");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: rank_ten LOG CANDIDATES\n");
    return 2;
  }
  try {
    const auto model = metaqnn::predict::Model::fit(metaqnn::datasets::read_log(argv[1]));
    const metaqnn::predict::Ranking ranking = model.rank(lines_of(argv[2]), {.top = 10});
    for (const std::string& problem : ranking.problems)
      std::fprintf(stderr, "left out: %s\n", problem.c_str());
    for (const auto& best : ranking.best) std::printf("%s\n", best.architecture.c_str());
  } catch (const metaqnn::Error& error) {
    std::fprintf(stderr, "rank_ten: %s\n", error.what());
    return static_cast<int>(error.status());
  }
}
