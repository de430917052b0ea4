#include <memory>

#include "base/output_file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "metaqnn/search/search.h"
#include "report/page.h"

namespace metaqnn::cli {
namespace {

struct ReportOptions {
  std::string study, output;
};

ExitStatus run(const ReportOptions& options) {
  prepare_output(options.output);
  const report::ReportedStudy study =
      report::read_study(*search::open_study_to_read(options.study));
  const std::string page = report::page_of(study);
  write_file(options.output, page);
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
