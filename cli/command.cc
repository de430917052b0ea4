#include "cli/command.h"

#include <fmt/ranges.h>
#include <signal.h>

#include <charconv>
#include <thread>

#include "base/foreign_text.h"
#include "cli/output.h"
#include "metaqnn/search/study/study.h"
#include "search/limits.h"
#include "search/supervisor.h"

namespace metaqnn::cli {

CLI::Validator whole_number(uint64_t least, uint64_t most) {
  return CLI::Validator(
      [least, most](const std::string& text) {
        uint64_t number = 0;
        std::from_chars(text.data(), text.data() + text.size(), number);
        // CLI11 would read 0x10 and 010 as well, as 16 and 8.
        if (std::to_string(number) == text && number >= least && number <= most)
          return std::string();
        return fmt::format("expected a whole number from {} to {}, found '{}'", least, most,
                           shown(text));
      },
      "");
}

void on_interrupt(void (*handler)(int), bool once) {
  struct sigaction action {};
  action.sa_handler = handler;
  if (once) action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

void watch(uint64_t seconds, const std::function<bool()>& look) {
  using namespace std::chrono_literals;
  static volatile sig_atomic_t ends;
  ends = 0;
  on_interrupt([](int) { ends = 1; });
  while (ends == 0 && look()) {
    const auto next = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (ends == 0 && std::chrono::steady_clock::now() < next) std::this_thread::sleep_for(100ms);
  }
}

void add_watch(CLI::App& app, uint64_t& seconds, const char* description) {
  constexpr uint64_t kDay = 86'400;
  app.add_option("--watch", seconds, description)->check(whole_number(1, kDay));
}

UsageError no_study_yet(const std::string& url) {
  return UsageError("there is no study " + search::shown_url(url) +
                    " yet; give --config FILE to make it");
}

CLI::Option* add_format(CLI::App& app, std::string& format, const std::vector<std::string>& formats,
                        const std::string& description) {
  const std::string names =
      fmt::format("{} or {}", fmt::join(formats.begin(), formats.end() - 1, ", "), formats.back());
  return app.add_option("--format", format, description.empty() ? names : description)
      ->check(CLI::IsMember(formats))
      ->capture_default_str();
}

void add_limits(CLI::App& app, search::SizeLimits& limits) {
  app.add_option("--max-parameters", limits.parameters, "of a candidate")->check(at_least_one());
  app.add_option("--max-macs", limits.macs, "of a candidate, for one image")->check(at_least_one());
  app.add_option("--max-memory", limits.memory_bytes,
                 "bytes that its training may take by the estimate")
      ->check(at_least_one());
}

void add_seed(CLI::App& app, uint64_t& seed, const char* description) {
  app.add_option("--seed", seed, description)
      ->check(whole_number(0, kLargestSeed))
      ->capture_default_str();
}

void add_seed(CLI::App& app, std::optional<uint64_t>& seed, const char* description,
              uint64_t most) {
  app.add_option("--seed", seed, description)->check(whole_number(0, most));
}

void add_threads(CLI::App& app, int& threads, const char* description) {
  app.add_option("--threads", threads, description)->check(count_up_to(kMostParallel));
}

}  // namespace metaqnn::cli
