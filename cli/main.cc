// The program. Errors become one line on standard error and an exit status here, and nowhere else.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>

#include "base/foreign_text.h"
#include "base/names.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/output.h"
#include "search/version.h"

namespace metaqnn::cli {
namespace {

const Command* const kCommands[] = {
    &describe_command, &space_command,         &sample_command,       &search_command,
    &worker_command,   &ask_command,           &tell_command,         &status_command,
    &trials_command,   &q_values_command,      &import_command,       &export_command,
    &config_command,   &fit_command,           &predict_command,      &evaluate_command,
    &rank_command,     &screen_command,        &finetune_command,     &ensemble_command,
    &transfer_command, &predict_image_command, &export_model_command, &report_command,
};

// What the user probably meant, where the first unknown word or option is all that is wrong; ""
// where it is something else.
std::string correction(const CLI::App& app, int argc, char** argv) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (chosen.empty()) {
    std::vector<std::string> names;
    for (const Command* command : kCommands) names.push_back(command->name);
    if (argc < 2 || argv[1][0] == '-') return "";
    return fmt::format("there is no command {}; did you mean {}?", shown(argv[1]),
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
    return fmt::format("{} has no option {}; did you mean {}?", chosen[0]->get_name(), shown(word),
                       nearest_name(word, names));
  }
  return "";
}

// Where a standard stream is closed the next file to be opened, a database's socket say, would take
// its number, and be written to.
void open_standard_streams() {
  for (int stream = 0; stream <= 2; ++stream) {
    if (fcntl(stream, F_GETFD) < 0) open("/dev/null", O_RDWR);  // the lowest free number: this one
  }
}

// A full disk or a closed pipe may show only when the last of the output is written.
void flush_output(bool outlives_reader) {
  const int error = finish_output();
  if (error == 0 || (error == EPIPE && outlives_reader)) return;
  throw FailureError(
      fmt::format("standard output cannot be written ({}); what was printed is not whole",
                  std::strerror(error)));
}

int run(int argc, char** argv) {
  CLI::App app{"metaqnn: designs convolutional networks by Q-learning."};
  app.formatter(std::make_shared<HelpFormatter>());
  app.require_subcommand(1);
  app.set_version_flag("--version", [] {
    return "metaqnn " + search::program_version() + ", " + search::library_versions(true);
  });
  const Command* chosen = nullptr;
  std::function<ExitStatus()> chosen_run;
  for (const Command* command : kCommands) {
    CLI::App* subcommand = app.add_subcommand(command->name, command->summary);
    subcommand->footer(fmt::format("Example:\n  {}", command->example));
    subcommand->callback([&chosen, &chosen_run, command, run = command->setup(*subcommand)] {
      chosen = command;
      chosen_run = run;
    });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) {
      const std::string meant = correction(app, argc, argv);
      throw UsageError(meant.empty() ? fmt::format("{}; see metaqnn --help", error.what()) : meant);
    }
    app.exit(error);  // prints what was asked for: help, or the version
    flush_output(false);
    return static_cast<int>(ExitStatus::done);
  }
  if (chosen->outlives_reader) signal(SIGPIPE, SIG_IGN);
  const ExitStatus status = chosen_run();
  flush_output(chosen->outlives_reader);
  return static_cast<int>(status);
}

int report(const std::string& what, ExitStatus status) {
  finish_output();
  say("metaqnn: {}\n", message_line(what));
  return static_cast<int>(status);
}

}  // namespace
}  // namespace metaqnn::cli

int main(int argc, char** argv) {
  using namespace metaqnn;
  cli::open_standard_streams();
  signal(SIGPIPE, SIG_DFL);  // whatever the parent has set
  signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is an error of the write
  try {
    return cli::run(argc, argv);
  } catch (const Error& error) {
    return cli::report(error.what(), error.status());
  } catch (const std::bad_alloc&) {
    return cli::report("memory ran out; free some, or ask for less", ExitStatus::failed);
  } catch (const std::exception& error) {
    return cli::report(error.what(), ExitStatus::failed);
  }
}
