#include <algorithm>
#include <array>
#include <cctype>

#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::datasets {
namespace {

constexpr std::array<std::string_view, 14> kLessIsBetter{
    "loss",       "error", "rmse",     "mae",  "mse",  "nll",    "latency",
    "perplexity", "time",  "duration", "cost", "rank", "energy", "runtime"};

// "val_loss" is val, loss; "testError" is test, error. In lower case.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words;
  bool inside = false, lower_before = false;
  for (char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_letter = std::isalpha(byte) != 0;
    if (is_letter && (!inside || (lower_before && std::isupper(byte) != 0))) words.emplace_back();
    if (is_letter) words.back() += static_cast<char>(std::tolower(byte));
    inside = is_letter;
    lower_before = is_letter && std::islower(byte) != 0;
  }
  return words;
}

bool is_listed(std::string_view word) {
  const auto is = [&](std::string_view other) {
    return std::find(kLessIsBetter.begin(), kLessIsBetter.end(), other) != kLessIsBetter.end();
  };
  if (is(word)) return true;
  if (word.ends_with("es") && is(word.substr(0, word.size() - 2))) return true;
  return word.ends_with('s') && is(word.substr(0, word.size() - 1));
}

}  // namespace

std::string to_string(Direction direction) {
  return direction == Direction::maximize ? "maximize" : "minimize";
}

bool is_less_better(std::string_view name) {
  const std::vector<std::string> words = words_of(name);
  if (std::find(words.begin(), words.end(), "neg") != words.end()) return false;
  return std::any_of(words.begin(), words.end(), is_listed);
}

}  // namespace metaqnn::datasets
