#include "predict/cell.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "predict/training.h"
#include "tests/error_message.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

const std::vector<std::string> kOperations{"none", "skip_connect", "conv_1x1", "conv_3x3", "pool"};

// Of `nodes` nodes behind the input, each with an edge from every one before it.
std::string random_cell(int nodes, Random& random) {
  std::string text;
  for (int node = 1; node <= nodes; ++node) {
    text += node > 1 ? "+|" : "|";
    for (int from = 0; from < node; ++from)
      text += kOperations[random.below(kOperations.size())] + "~" + std::to_string(from) + "|";
  }
  return text;
}

// The paths of a text, walked edge by edge.
std::map<std::string, double> paths_walked(const std::string& text) {
  std::vector<std::map<std::string, double>> nodes{{{"", 1}}};
  size_t at = 0;
  while (at < text.size()) {
    std::map<std::string, double> sum;
    for (++at; at < text.size() && text[at] != '+';) {
      const size_t tilde = text.find('~', at), bar = text.find('|', tilde);
      const std::string operation = text.substr(at, tilde - at);
      const int from = std::stoi(text.substr(tilde + 1, bar - tilde - 1));
      at = bar + 1;
      if (operation == "none") continue;
      for (const auto& [path, count] : nodes[static_cast<size_t>(from)]) {
        const bool hands_on = operation == "skip_connect";
        sum[hands_on ? path : path.empty() ? operation : path + ">" + operation] += count;
      }
    }
    nodes.push_back(sum);
    ++at;  // the plus
  }
  return nodes.back();
}

TEST(Cell, HasThePathsThatAWalkFinds) {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_cell(1 + static_cast<int>(random.below(4)), random);
    EXPECT_EQ(Cell::parse(text)->paths(100), paths_walked(text)) << text;
  }
}

TEST(Cell, ReachesWhatItsPathsReach) {
  Random random(2);
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_cell(4, random);
    const Cell cell = *Cell::parse(text);
    const Reach reach =
        cell.reach([](const std::string& operation) { return operation != "conv_3x3"; });
    double count = 0;
    std::set<long> lengths;
    for (const auto& [path, times] : cell.paths(100)) {
      if (path.find("conv_3x3") != std::string::npos) continue;
      count += times;
      lengths.insert(path.empty() ? 0 : 1 + std::count(path.begin(), path.end(), '>'));
    }
    EXPECT_EQ(reach.paths, count) << text;
    EXPECT_EQ(reach.shortest, lengths.empty() ? 0 : *lengths.begin()) << text;
    EXPECT_EQ(reach.longest, lengths.empty() ? 0 : *lengths.rbegin()) << text;
  }
}

TEST(Cell, IsNothingElse) {
  for (const char* text :
       {"", "|", "a", "|a|", "|a~|", "|~0|", "|a~1|", "|a~-1|", "|a~0|+", "+|a~0|", "|a~0|b~0",
        "|a~0||b~0|", "|a~0|+|a~2|", "|a~0x|", "[C(64,3,1), SM(10)]"}) {
    EXPECT_FALSE(Cell::parse(text)) << text;
  }
  EXPECT_TRUE(Cell::parse("|a~0|"));
  EXPECT_TRUE(Cell::parse("|a+b~0|+|c~0|c~1|"));
}

// Written otherwise, the same is computed.
const std::vector<std::vector<std::string>> kAlike{
    {"|conv_1x1~0|+|conv_3x3~0|none~1|+|none~0|skip_connect~1|skip_connect~2|",
     "|conv_3x3~0|+|conv_1x1~0|none~1|+|none~0|skip_connect~1|skip_connect~2|"},
    {"|skip_connect~0|+|conv_1x1~0|none~1|+|none~0|none~1|conv_3x3~2|",
     "|none~0|+|conv_1x1~0|pool~1|+|none~0|none~1|conv_3x3~2|",
     "|conv_1x1~0|+|none~0|conv_3x3~1|+|none~0|none~1|skip_connect~2|"},
    {"|pool~0|+|none~0|conv_1x1~1|+|conv_3x3~0|none~1|none~2|",
     "|none~0|+|none~0|pool~1|+|conv_3x3~0|conv_1x1~1|conv_1x1~2|"},
    {"|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
     "|conv_1x1~0|+|conv_3x3~0|pool~1|+|none~0|none~1|none~2|"}};

std::vector<std::string> random_cells(int count, uint64_t seed) {
  Random random(seed);
  std::set<std::string> cells;
  while (static_cast<int>(cells.size()) < count) cells.insert(random_cell(3, random));
  return {cells.begin(), cells.end()};
}

TEST(Cells, ThatComputeTheSameAreTheSame) {
  const Encoding encoding({.tokens = "|"}, random_cells(60, 3));
  ASSERT_EQ(encoding.cells(), Cells::as_computed);
  for (const auto& alike : kAlike) {
    const kernels::Points points = encoding.points(alike);
    for (Index i = 1; i < points.size(); ++i) {
      EXPECT_EQ(points.features.row(i), points.features.row(0)) << alike[static_cast<size_t>(i)];
      EXPECT_EQ(points.tokens[static_cast<size_t>(i)], points.tokens[0]);
    }
  }
  const kernels::Points others = encoding.points({kAlike[0][0], kAlike[1][0]});
  EXPECT_NE(others.features.row(0), others.features.row(1));
  const Encoding written({.tokens = "|"}, random_cells(60, 3), {.cells = Cells::as_written});
  const kernels::Points points = written.points(kAlike[0]);
  EXPECT_NE(points.features.row(0), points.features.row(1));
}

Samples samples_of(const std::vector<std::string>& cells, double (*target)(const std::string&)) {
  Samples samples;
  samples.architectures = cells;
  samples.targets.resize(static_cast<Index>(cells.size()));
  for (size_t i = 0; i < cells.size(); ++i)
    samples.targets(static_cast<Index>(i)) = target(cells[i]);
  samples.trained_targets = samples.targets;
  samples.trained = VectorXd::Ones(samples.targets.size());
  return samples;
}

double of_all_edges(const std::string& text) {
  double sum = 0;
  for (size_t at = text.find("conv_3x3"); at != std::string::npos;
       at = text.find("conv_3x3", at + 1))
    sum += 3;
  return sum + static_cast<double>(std::count(text.begin(), text.end(), 'p'));
}
double of_what_is_computed(const std::string& text) {
  double sum = 0;
  for (const auto& [path, count] : Cell::parse(text)->paths(3))
    sum += count * (1 + 2 * static_cast<double>(path.find("conv_3x3") != std::string::npos));
  return std::log(1 + sum);
}

TEST(Cells, AreReadAsWrittenWhereDeadEdgesCount) {
  const auto read = [](double (*target)(const std::string&)) {
    return make_training({.tokens = "|"}, samples_of(random_cells(80, 4), target),
                         Failures::as_chance, {}, {})
        .encoding->cells();
  };
  EXPECT_EQ(read(of_all_edges), Cells::as_written);
  EXPECT_EQ(read(of_what_is_computed), Cells::as_computed);
}

TEST(Cells, OfOtherOperationsAndOtherTextsAreStrangers) {
  const Encoding encoding({.tokens = "|"}, random_cells(60, 3));
  EXPECT_EQ(encoding.unknown(random_cells(1, 9)[0]), "");
  EXPECT_NE(encoding.unknown("|gelu~0|+|none~0|conv_1x1~1|").find("operation gelu"),
            std::string::npos)
      << encoding.unknown("|gelu~0|+|none~0|conv_1x1~1|");
  EXPECT_NE(encoding.unknown("conv|pool").find("no cell"), std::string::npos);
  EXPECT_FALSE(Encoding({.tokens = "|"}, {"a|b", "|conv~0|"}).cells());
}

}  // namespace
}  // namespace metaqnn::predict
