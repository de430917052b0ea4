#include "report/networks.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_map>

#include "base/numbers.h"
#include "predict/encoding.h"

namespace metaqnn::report {
namespace {

Trials with_values(const ReportedStudy& study) {
  Trials trials;
  for (const search::Trial& trial : study.trials) {
    if (value_of(trial)) trials.push_back(&trial);
  }
  return trials;
}

}  // namespace

Networks networks_of(const ReportedStudy& study, size_t most, bool with_best) {
  Trials trials = some_of(with_values(study), most, study, "networks of the report");
  for (const search::Trial& best : study.best) {
    const auto same = [&](const search::Trial* trial) { return trial->number == best.number; };
    if (with_best && std::none_of(trials.begin(), trials.end(), same)) trials.push_back(&best);
  }
  datasets::Log log;
  log.measure = study.measure();
  log.holds_accuracies = study.has_accuracies();
  for (const search::Trial* trial : trials) {
    datasets::LogRow row;
    row.architecture = trial->architecture;
    row.state = search::to_string(trial->state);
    row.reason = trial->reason();
    row.value = value_of(*trial);
    log.rows.push_back(std::move(row));
  }
  Networks networks;
  networks.encoding =
      predict::encoding_for(log, "", search::build_space(study.configuration).input());
  networks.samples = predict::make_samples(log, networks.encoding, predict::Failures::as_chance);
  std::unordered_map<std::string, const search::Trial*> by_name;
  for (const search::Trial* trial : trials)
    by_name.emplace(predict::canonical(trial->architecture, networks.encoding), trial);
  for (const std::string& architecture : networks.samples.architectures)
    networks.trials.push_back(by_name.at(architecture));
  return networks;
}

std::string drawn(const ReportedStudy& study, const Networks& networks) {
  const size_t all = with_values(study).size();
  if (networks.trials.size() == all) return "";
  return fmt::format(" {} of {} networks, drawn by the seed.",
                     grouped(static_cast<int64_t>(networks.trials.size())),
                     grouped(static_cast<int64_t>(all)));
}

}  // namespace metaqnn::report
