#include <memory>

#include "cli/command.h"
#include "cli/output.h"
#include "metaqnn/search/configuration.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::cli {
namespace {

struct ConfigOptions {
  bool defaults = false;
  std::string config, study;
};

ExitStatus run(const ConfigOptions& options) {
  if (!options.study.empty()) {
    print("{}", search::open_study_to_read(options.study)->info().configuration);
  } else if (!options.config.empty()) {
    print("{}", search::to_toml(search::read_configuration(options.config)));
  } else if (options.defaults) {
    print("{}", search::commented_toml({}));
  } else {
    throw UsageError("config: say --defaults, --config FILE or --study URL");
  }
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_config(CLI::App& app) {
  auto options = std::make_shared<ConfigOptions>();
  app.add_flag("--defaults", options->defaults, "every key with its default and a comment");
  app.add_option("--config", options->config, "check a file and print it with every key");
  app.add_option("--study", options->study, "the configuration that a study was made with");
  return [options] { return run(*options); };
}

}  // namespace

const Command config_command{"config", "Print a configuration with every key",
                             "metaqnn config --defaults > search.toml", set_up_config};

}  // namespace metaqnn::cli
