// The program. Errors become one line on standard error and an exit status here, and nowhere else.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "cli/command.h"
#include "search/version.h"

namespace metaqnn::cli {
namespace {

const Command* const kCommands[] = {
    &describe_command, &space_command,  &sample_command, &search_command, &worker_command,
    &status_command,   &trials_command, &import_command, &export_command, &config_command,
};

int run(int argc, char** argv) {
  CLI::App app{"metaqnn: designs convolutional networks by Q-learning."};
  app.require_subcommand(1);
  app.set_version_flag("--version", [] {
    return "metaqnn " + search::program_version() + ", " + search::library_versions();
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
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitStatus::usage);
  }
  return static_cast<int>(chosen());
}

int report(const char* what, ExitStatus status) {
  std::fflush(stdout);
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
