#include <filesystem>
#include <memory>

#include "base/foreign_text.h"
#include "base/output_file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "metaqnn/search/search.h"
#include "report/page.h"

namespace metaqnn::cli {
namespace {

struct ReportOptions {
  std::string study, output, pictures;
  uint64_t watch = 0;
};

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder, error))
    throw UsageError("--svg " + shown(folder.string()) +
                     " is no folder, and none can be made there");
}

void write_page(const ReportOptions& options, const report::ReportedStudy& study,
                const std::vector<report::Figure>& figures, bool is_over) {
  const std::string page = report::page_of(
      study, figures, {.reload_seconds = is_over ? 0 : static_cast<int64_t>(options.watch)});
  write_file(options.output, page);
  print("{}: {} trials, {:.0f} kB; open it in a browser\n", options.output,
        grouped(static_cast<int64_t>(study.trials.size())),
        static_cast<double>(page.size()) / 1000);
}

void write_pictures(const std::string& folder, const std::vector<report::Figure>& figures) {
  int64_t count = 0;
  for (const report::Figure& figure : figures) {
    if (!figure.draw) continue;
    write_file(std::filesystem::path(folder) / (figure.name + ".svg"), figure.draw(report::kWide));
    ++count;
  }
  print("{}: {}\n", folder, plural(count, "picture"));
}

// False where the search is over, and with it the report.
bool write_report(search::Study& study, const ReportOptions& options) {
  const report::ReportedStudy read = report::read_study(study);
  const std::vector<report::Figure> figures = report::make_figures(read);
  const bool is_over = options.watch == 0 || read.is_over();
  if (!options.output.empty()) write_page(options, read, figures, is_over);
  if (!options.pictures.empty()) write_pictures(options.pictures, figures);
  return !is_over;
}

ExitStatus run(const ReportOptions& options) {
  if (options.output.empty() && options.pictures.empty())
    throw UsageError("give -o FILE for the page, --svg FOLDER for its figures, or both");
  if (!options.output.empty()) prepare_output(options.output);
  if (!options.pictures.empty()) make_folder(options.pictures);
  const auto study = search::open_study_to_read(options.study);
  if (options.watch == 0) {
    write_report(*study, options);
    return ExitStatus::done;
  }
  bool goes_on = true;
  watch(options.watch, [&] { return goes_on = write_report(*study, options); });
  if (!goes_on) return ExitStatus::done;
  ReportOptions last = options;  // a page that does not wait for another
  last.watch = 0;
  write_report(*study, last);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_report(CLI::App& app) {
  auto options = std::make_shared<ReportOptions>();
  app.add_option("--study", options->study, "the study")->required();
  app.add_option("-o,--output", options->output, "file for the page");
  app.add_option("--svg", options->pictures, "folder for the figures, a file each");
  add_watch(
      app, options->watch,
      "write it again every so many seconds, and have browsers read it again, until the search "
      "is done");
  return [options] { return run(*options); };
}

}  // namespace

const Command report_command{"report", "One page with the figures of a search, to read and to send",
                             "metaqnn report --study sqlite:///quick.db -o report.html",
                             set_up_report, true};

}  // namespace metaqnn::cli
