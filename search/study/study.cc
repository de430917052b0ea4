#include "metaqnn/search/study/study.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include "base/foreign_text.h"
#include "base/secrets.h"
#include "metaqnn/base/error.h"
#include "search/study/forms.h"

namespace metaqnn::search {
namespace {

constexpr std::array<std::pair<TrialState, const char*>, 5> kStateNames{{
    {TrialState::waiting, "waiting"},
    {TrialState::running, "running"},
    {TrialState::complete, "complete"},
    {TrialState::failed, "failed"},
    {TrialState::stopped, "stopped"},
}};

constexpr std::array<std::pair<Failure, const char*>, 9> kFailureNames{{
    {Failure::none, ""},
    {Failure::not_learning, "not learning"},
    {Failure::out_of_memory, "out of memory"},
    {Failure::not_a_number, "nan"},
    {Failure::crashed, "crashed"},
    {Failure::timeout, "timeout"},
    {Failure::too_large, "too large"},
    {Failure::error, "error"},
    {Failure::reported, "reported"},
}};

const std::array<const StudyForm*, 2> kForms{&kSqliteForm, &kPostgresqlForm};

const StudyForm& form_of(const std::string& url) {
  for (const StudyForm* form : kForms) {
    if (url.rfind(form->scheme, 0) == 0) return *form;
  }
  throw UsageError("study '" + shown_url(url) + "': expected " + kSqliteForm.example + " or " +
                   kPostgresqlForm.example);
}

}  // namespace

bool is_study_url(const std::string& text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto has_scheme = [&](const StudyForm* form) { return lower.starts_with(form->scheme); };
  return std::any_of(kForms.begin(), kForms.end(), has_scheme) || lower.starts_with("postgres:") ||
         lower.find("://") != std::string::npos;
}

std::string shown_url(const std::string& url) { return without_passwords(url); }

bool study_exists(const std::string& url) { return form_of(url).exists(url); }

std::unique_ptr<Study> create_study(const std::string& url, const StudyInfo& info,
                                    Durability durability) {
  return form_of(url).create(url, info, durability);
}

std::unique_ptr<Study> open_study(const std::string& url, Durability durability,
                                  std::chrono::seconds patience) {
  return form_of(url).open(url, Access::work, durability, patience);
}

std::unique_ptr<Study> open_study_to_read(const std::string& url, std::chrono::seconds patience) {
  return form_of(url).open(url, Access::read, Durability::process, patience);
}

std::string to_string(TrialState state) {
  for (const auto& [value, name] : kStateNames) {
    if (value == state) return name;
  }
  METAQNN_ASSERT(false, "no such trial state: " + std::to_string(static_cast<int>(state)));
}

TrialState parse_trial_state(const std::string& name) {
  for (const auto& [value, known] : kStateNames) {
    if (name == known) return value;
  }
  throw DataError("'" + shown(name) +
                  "' is no state of a trial: waiting, running, complete, failed or stopped");
}

std::string to_string(Failure failure) {
  for (const auto& [value, name] : kFailureNames) {
    if (value == failure) return name;
  }
  METAQNN_ASSERT(false, "no such failure: " + std::to_string(static_cast<int>(failure)));
}

Failure parse_failure(const std::string& reason) {
  const std::string name = reason.substr(0, reason.find(" ("));
  for (const auto& [value, known] : kFailureNames) {
    if (name == known) return value;
  }
  return Failure::error;
}

std::string Trial::reason() const {
  if (failure == Failure::reported && !detail.empty()) return detail;
  if (failure == Failure::none || detail.empty()) return to_string(failure) + detail;
  return to_string(failure) + " (" + detail + ")";
}

void Trial::fail(const std::string& reason_text) {
  state = TrialState::failed;
  const size_t open = reason_text.find(" (");
  const std::string name = reason_text.substr(0, open);
  failure = reason_text.empty() ? Failure::error : parse_failure(reason_text);
  if (failure == Failure::none || (failure == Failure::error && name != to_string(failure))) {
    failure = reason_text.empty() ? Failure::error : Failure::reported;
    detail = reason_text;
    return;
  }
  const bool detailed = open != std::string::npos && reason_text.back() == ')';
  detail = detailed ? reason_text.substr(open + 2, reason_text.size() - open - 3) : "";
}

void Trial::forget_prediction() {
  if (!std::exchange(predicted, false)) return;
  validation_accuracy.reset();
  value.reset();
  measures.clear();
}

int64_t number_in_note(Study& study, const std::string& name) {
  const std::string text = study.note(name).value_or("0");
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    throw DataError("study " + study.url() + ": the note '" + name + "' is no number");
  return number;
}

void add_to_note(Study& study, const std::string& name, int64_t number) {
  study.set_note(name, std::to_string(number_in_note(study, name) + number));
}

}  // namespace metaqnn::search
