// What a running search shows: on a terminal one line that lives, otherwise one line for each
// trial. Standard error.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/output.h"
#include "metaqnn/search/configuration.h"
#include "search/supervisor.h"

namespace metaqnn::cli {

class Progress : public search::SearchObserver {
 public:
  // `best`: the value that a resumed study has reached already.
  Progress(const search::Configuration& configuration, int64_t target, std::optional<double> best);

  void trial_finished(const search::Trial& trial) override;
  void worker_died(const std::string& how, const search::Trial* held) override;
  void device_left(const std::string& device, const std::string& fault) override;
  void worker_given_up(int left) override;
  void tick(const search::Counts& counts) override;
  // Leaves the live line.
  void finish() const;

 private:
  void clear_line();

  search::Schedule schedule_;
  bool shows_epsilon_;
  int64_t target_;
  std::chrono::steady_clock::time_point start_;
  std::optional<int64_t> models_at_start_;
  datasets::Direction direction_;
  std::optional<double> best_;
  LiveLine line_;
};

}  // namespace metaqnn::cli
