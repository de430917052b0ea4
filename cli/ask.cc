#include <chrono>
#include <memory>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/supervised_search.h"
#include "metaqnn/search/ask_tell.h"
#include "metaqnn/search/search.h"

namespace metaqnn::cli {
namespace {

constexpr uint64_t kLongestLease = 366 * 86400;  // seconds

struct AskOptions {
  std::string study, config, format = "plain";
  int64_t count = 1, lease = 3600;
  std::chrono::seconds patience = search::kPatience;
};

// Why there are not as many as were wanted.
void say_why_fewer(search::Study& study) {
  const int64_t reserved = study.counts().reserved;
  if (reserved > 0) {
    say("nothing else to give out now: {} reserved; tell their results, or wait for their leases "
        "to end\n",
        plural(reserved, "network"));
  } else {
    say("nothing else to give out: the schedule is done, or the space has no new network\n");
  }
}

void print_json(const std::vector<search::Trial>& trials) {
  Json list = Json::array();
  for (const search::Trial& trial : trials)
    list.push_back({{"trial", trial.number}, {"architecture", trial.architecture}});
  print_document(list);
}

ExitStatus run(const AskOptions& options) {
  if (!options.config.empty()) {
    make_or_check_study(options.config, options.study, options.patience);
  } else if (!search::study_exists(options.study)) {
    throw no_study_yet(options.study);
  }
  const auto study =
      search::open_study(options.study, search::Durability::power_loss, options.patience);
  const std::vector<search::Trial> trials =
      search::ask(*study, options.count, std::chrono::seconds(options.lease));
  if (static_cast<int64_t>(trials.size()) < options.count) say_why_fewer(*study);
  if (options.format == "json") {
    print_json(trials);
  } else {
    for (const search::Trial& trial : trials)
      print_data(std::to_string(trial.number) + " " + trial.architecture + "\n");
  }
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_ask(CLI::App& app) {
  auto options = std::make_shared<AskOptions>();
  app.add_option("--study", options->study, "the study")->required();
  app.add_option("--config", options->config, "makes the study if it is not there yet");
  add_count(app, "--count", options->count, "how many networks");
  add_count(app, "--lease", options->lease,
            "seconds for which they are reserved; what is not told by then is given out again",
            kLongestLease);
  add_patience(app, options->patience);
  add_format(app, options->format, {"plain", "json"}, "plain (number and network) or json");
  return [options] { return run(*options); };
}

}  // namespace

const Command ask_command{"ask", "Reserve the next networks of a study, to train them elsewhere",
                          "metaqnn ask --study sqlite:///mine.db --count 4 --lease 7200",
                          set_up_ask};

}  // namespace metaqnn::cli
