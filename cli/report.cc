#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/report_page.h"
#include "search/search.h"

namespace metaqnn::cli {
namespace {

struct ReportOptions {
  std::string study, output;
};

// Whole, or not at all: what was there before stays until the new page is complete.
void write_page(const std::string& page, const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored) && !std::filesystem::is_regular_file(file, ignored))
    throw FailureError(file.string() + ": it is no regular file; name one for the page");
  const std::string draft = file.string() + ".draft";
  std::ofstream out(draft, std::ios::binary);
  out << page;
  out.close();
  if (!out || std::rename(draft.c_str(), file.c_str()) != 0) {
    const FailureError error = cannot_write(file.string());
    std::filesystem::remove(draft, ignored);
    throw error;
  }
}

ExitStatus run(const ReportOptions& options) {
  const ReportedStudy study = read_study(*search::open_study(options.study));
  const std::string page = report_page(study);
  write_page(page, options.output);
  print("{}: {} trials, {:.0f} kB; open it in a browser\n", options.output,
        grouped(static_cast<int64_t>(study.trials.size())),
        static_cast<double>(page.size()) / 1000);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_report(CLI::App& app) {
  auto options = std::make_shared<ReportOptions>();
  app.add_option("--study", options->study, "the study")->required();
  app.add_option("-o,--output", options->output, "file for the page")->required();
  return [options] { return run(*options); };
}

}  // namespace

const Command report_command{"report", "One page with the figures of a search, to read and to send",
                             "metaqnn report --study sqlite:///quick.db -o report.html",
                             set_up_report, true};

}  // namespace metaqnn::cli
