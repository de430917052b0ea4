// The Q-values of a study against a fold of its own: dictionaries of strings, and no space.
#include "metaqnn/search/q_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "metaqnn/base/random.h"
#include "metaqnn/search/ask_tell.h"
#include "metaqnn/search/search.h"
#include "tests/error_message.h"
#include "tests/folder.h"

namespace metaqnn::search {
namespace {

using testing::HasSubstr;

const std::string kLetters =
    "seed = 5\n[space]\nkind = \"sequence\"\ntemplate = \"{}{}{}\"\nalphabet = [\"a\", \"b\"]\n"
    "[strategy]\nkind = \"q_learning\"\nalpha = 0.1\nreplay = 20\n"
    "schedule = [[1.0, 4], [0.5, 4]]\n[evaluator]\nkind = \"told\"\n";

std::unique_ptr<Study> study_of(const tests::Folder& folder, const std::string& toml) {
  return create_study(folder.url("study.db"),
                      describe_study(settled(parse_configuration(toml, "", "/"))));
}

void tell_all(Study& study, const std::function<Told(const std::string&)>& result) {
  for (;;) {
    const std::vector<Trial> trials = ask(study, 1, std::chrono::seconds(3600));
    if (trials.empty()) return;
    tell(study, trials[0].number, result(trials[0].architecture));
  }
}

double worth(const std::string& letters) {
  return static_cast<double>(std::count(letters.begin(), letters.end(), 'a')) / 4;
}

TEST(QValues, EqualAFoldOfDictionaries) {
  const tests::Folder folder;
  const auto study = study_of(folder, kLetters);
  tell_all(*study, [](const std::string& letters) -> Told {
    if (letters == "bbb") return {.failure = "out of memory"};  // nothing to learn from
    return {.value = worth(letters)};
  });

  std::map<std::string, double> q;  // by what was written so far and the letter: "2ab" is a, then b
  const auto key = [](const std::string& letters, size_t i) {
    return std::to_string(i + 1) + (i == 0 ? "-" : letters.substr(i - 1, 1)) + letters[i];
  };
  const auto value = [&](const std::string& of) { return q.try_emplace(of, 0.5).first->second; };
  std::map<std::string, int64_t> visits;
  std::vector<std::string> episodes;
  for (const SequencedSample& sample : study->sequenced_samples_after(0)) {
    if (!sample.reward) continue;
    episodes.push_back(sample.architecture);
    for (size_t i = 0; i < 3; ++i) ++visits[key(sample.architecture, i)];
    Random random = Random::stream(5, "replay", static_cast<uint64_t>(sample.sequence));
    for (int draw = 0; draw < 20; ++draw) {
      const std::string letters = episodes[random.below(episodes.size())];
      for (size_t i = 3; i-- > 0;) {
        std::string a = letters, b = letters;
        if (i < 2) {
          a[i + 1] = 'a';
          b[i + 1] = 'b';
        }
        const double target =
            i == 2 ? worth(letters) : std::max(value(key(a, i + 1)), value(key(b, i + 1)));
        const double old = value(key(letters, i));
        q[key(letters, i)] = old + 0.1 * (target - old);
      }
    }
  }

  // Entries of a slot and a token are of different states: as a bag.
  std::multimap<std::string, std::pair<double, int64_t>> expected, found;
  for (const auto& [of, count] : visits)
    expected.emplace(of.substr(0, 1) + of.back(), std::pair(q.at(of), count));
  for (const QValue& one : q_values(*study)) {
    EXPECT_EQ(one.type, one.choice);
    found.emplace(std::to_string(one.depth) + one.choice, std::pair(one.q, one.visits));
  }
  const auto sorted = [](const auto& bag) {
    std::vector<std::pair<std::string, std::pair<double, int64_t>>> list(bag.begin(), bag.end());
    std::sort(list.begin(), list.end());
    return list;
  };
  EXPECT_EQ(sorted(found), sorted(expected));
  EXPECT_EQ(found.size(), 10u) << "two of the first slot, four of each other";
}

TEST(QValues, NameTheTypesOfLayers) {
  const tests::Folder folder;
  const auto study = study_of(
      folder,
      "[space]\nkind = \"cnn\"\ninput = \"3x32x32\"\nclasses = 10\n[strategy]\nreplay = 1\n"
      "schedule = [[1.0, 60]]\n[evaluator]\nkind = \"told\"\n");
  tell_all(*study, [](const std::string&) -> Told { return {.value = 0.5}; });
  const std::map<std::string, std::string> types{{"C", "convolution"},
                                                 {"P", "pooling"},
                                                 {"FC", "fully connected"},
                                                 {"GAP", "GAP"},
                                                 {"SM", "end"}};
  int64_t first_layers = 0, ends = 0;
  for (const QValue& one : q_values(*study)) {
    EXPECT_EQ(one.type, types.at(one.choice.substr(0, one.choice.find('('))));
    if (one.depth == 1) first_layers += one.visits;
    if (one.type == "end") ends += one.visits;
  }
  EXPECT_EQ(first_layers, study->counts().samples) << "each walk has one first layer";
  EXPECT_EQ(ends, study->counts().samples) << "and one end";
}

TEST(QValues, NeedRewards) {
  const tests::Folder folder;
  std::string toml = kLetters;
  toml.replace(toml.find("q_learning"), 10, "random");
  const auto study = study_of(folder, toml +
                                          "[objective]\nmeasure = \"latency_ms\"\ndirection = "
                                          "\"minimize\"\n");
  EXPECT_THAT(tests::usage_error([&] { q_values(*study); }), HasSubstr("objective.reward_range"));
}

}  // namespace
}  // namespace metaqnn::search
