// The program. Errors become one line on standard error and an exit status here, and nowhere else.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <string>

#include "architecture/names.h"
#include "cli/command.h"
#include "cli/help.h"
#include "search/version.h"

namespace metaqnn::cli {
namespace {

const Command* const kCommands[] = {
    &describe_command, &space_command,    &sample_command,        &search_command,
    &worker_command,   &status_command,   &trials_command,        &import_command,
    &export_command,   &config_command,   &fit_command,           &predict_command,
    &evaluate_command, &rank_command,     &screen_command,        &finetune_command,
    &ensemble_command, &transfer_command, &predict_image_command, &export_model_command,
    &report_command,
};

// What the user probably meant, where the first unknown word or option is all that is wrong; ""
// where it is something else.
std::string correction(const CLI::App& app, int argc, char** argv) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (chosen.empty()) {
    std::vector<std::string> names;
    for (const Command* command : kCommands) names.push_back(command->name);
    if (argc < 2 || argv[1][0] == '-') return "";
    return fmt::format("there is no command {}; did you mean {}?", argv[1],
                       nearest_name(argv[1], names));
  }
  std::vector<std::string> names;
  for (const CLI::Option* option : chosen[0]->get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (int i = 2; i < argc; ++i) {
    const std::string word = std::string(argv[i]).substr(0, std::string_view(argv[i]).find('='));
    if (word == "--") break;
    if (word.rfind("--", 0) != 0 || std::find(names.begin(), names.end(), word) != names.end())
      continue;
    return fmt::format("{} has no option {}; did you mean {}?", chosen[0]->get_name(), word,
                       nearest_name(word, names));
  }
  return "";
}

// A full disk or a closed pipe may show only when the last of the output is written.
void flush_output() {
  if (!std::cout.flush() || std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    throw FailureError("standard output cannot be written; what was printed is not whole");
}

int run(int argc, char** argv) {
  CLI::App app{"metaqnn: designs convolutional networks by Q-learning."};
  app.formatter(std::make_shared<HelpFormatter>());
  app.require_subcommand(1);
  app.set_version_flag("--version", [] {
    return "metaqnn " + search::program_version() + ", " + search::library_versions(true);
  });
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return fmt::format("metaqnn: {}; see metaqnn --help\n", error.what());
  });
  std::function<ExitStatus()> chosen;
  for (const Command* command : kCommands) {
    CLI::App* subcommand = app.add_subcommand(command->name, command->summary);
    subcommand->footer(fmt::format("Example:\n  {}", command->example));
    subcommand->callback([&chosen, run = command->setup(*subcommand)] { chosen = run; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const std::string meant = error.get_exit_code() == 0 ? "" : correction(app, argc, argv);
    if (!meant.empty()) throw UsageError(meant);
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitStatus::usage);
  }
  const ExitStatus status = chosen();
  flush_output();
  return static_cast<int>(status);
}

int report(std::string what, ExitStatus status) {
  std::fflush(stdout);
  // What a library says, or a name of the user's, may hold line breaks.
  std::replace(what.begin(), what.end(), '\n', ' ');
  fmt::print(stderr, "metaqnn: {}\n", what);
  return static_cast<int>(status);
}

}  // namespace
}  // namespace metaqnn::cli

int main(int argc, char** argv) {
  using namespace metaqnn;
  try {
    return cli::run(argc, argv);
  } catch (const Error& error) {
    return cli::report(error.what(), error.status());
  } catch (const std::exception& error) {
    return cli::report(error.what(), ExitStatus::failed);
  }
}
