#include "report/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "base/numbers.h"
#include "base/parallel.h"
#include "datasets/logs/fields.h"
#include "metaqnn/report/report.h"
#include "metaqnn/search/search.h"
#include "report/drawing.h"
#include "report/figures.h"
#include "search/front.h"
#include "search/screen.h"

namespace metaqnn::report {
namespace {

using search::Trial;
using search::TrialState;

// Printed it is always light.
constexpr const char* kStyle = R"(
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 3rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.35rem; margin: 2.75rem 0 .75rem; padding-top: 1rem;
  border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 0 0 .25rem; }
.lead { font-size: 1.1rem; color: var(--soft); margin: 0 0 1.5rem; }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0; padding: 0; list-style: none; }
.tiles li { flex: 1 1 9rem; background: var(--shade); border-radius: .5rem; padding: .75rem 1rem; }
.tiles b { display: block; font-size: 1.5rem; line-height: 1.3; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.tiles span { color: var(--soft); font-size: .875rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9375rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem 1.1rem .35rem 0;
  border-bottom: 1px solid var(--rule); }
thead th { color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
code, pre { font-family: ui-monospace, "SF Mono", Consolas, "DejaVu Sans Mono", monospace;
  font-size: .875em; }
code { overflow-wrap: anywhere; } 
.architecture { display: inline-block; min-width: 16rem; font-size: .8125em; }
pre { background: var(--shade); border-radius: .5rem; padding: 1rem; overflow-x: auto; }
summary { cursor: pointer; }
.beside { display: flex; flex-wrap: wrap; gap: 1rem 3.5rem; align-items: flex-start; }
figure { margin: 1.75rem 0 2.5rem; }
figcaption, .note { color: var(--soft); font-size: .9375rem; max-width: 48rem; }
figure svg { display: block; width: 100%; height: auto; }
.narrow { display: none; max-width: 30rem; }
@media screen and (max-width: 40rem) { .roomy { display: none; } .narrow { display: block; }
  main { padding: 1.5rem 1rem; } h1 { font-size: 1.6rem; } .architecture { min-width: 11rem; } }
.sorts th[tabindex] { cursor: pointer; } .sorts th[tabindex]:hover { color: var(--ink); }
th[aria-sort=ascending]::after { content: " \2191"; }
th[aria-sort=descending]::after { content: " \2193"; }
button { font: inherit; font-size: .8125rem; color: var(--soft); background: none; padding: .1rem .6rem;
  border: 1px solid var(--rule); border-radius: .4rem; cursor: pointer; margin-top: .5rem; }
button:hover { color: var(--ink); }
@media print { :root { color-scheme: light; } html { font-size: 11px; } body { font-size: 1rem; }
  main { padding: 0; } figure, tr, .tiles { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .settings, button { display: none; } }
)";

// Tables are sorted by their heads, figures saved as files. Without <, > and the letter of entities,
// which HTML and XML would read differently here.
constexpr const char* kScript = R"(
"use strict";
document.querySelectorAll("table.sorts").forEach(function (table) {
  var body = table.tBodies[0], heads = Array.from(table.tHead.rows[0].cells);
  function key(row, column) {
    var cell = row.cells[column], text = cell.dataset.figure || cell.textContent;
    var number = parseFloat(text.replace(/,/g, ""));
    return isNaN(number) ? text : number;
  }
  function sort(column) {
    var head = heads[column], down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down === 1 ? "ascending" : "descending");
    var rows = Array.from(body.rows);
    rows.sort(function (a, b) {
      var x = key(a, column), y = key(b, column);
      if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
      return down * (typeof x === "number" ? Math.sign(x - y) : x.localeCompare(y));
    });
    rows.forEach(function (row) { body.appendChild(row); });
  }
  heads.forEach(function (head, column) {
    if (head.textContent === "") return;
    head.tabIndex = 0;
    head.addEventListener("click", function () { sort(column); });
    head.addEventListener("keydown", function (event) { if (event.key === "Enter") sort(column); });
  });
});
document.querySelectorAll("figure").forEach(function (figure) {
  if (figure.querySelector("svg") === null) return;
  var button = document.createElement("button");
  button.type = "button";
  button.textContent = "Save as SVG";
  button.addEventListener("click", function () {
    var shown = Array.from(figure.querySelectorAll("svg")).find(function (svg) {
      return svg.getClientRects().length !== 0;
    });
    var link = document.createElement("a");
    link.download = figure.id + ".svg";
    link.href = URL.createObjectURL(new Blob([shown.outerHTML], {type: "image/svg+xml"}));
    link.click();
  });
  figure.appendChild(button);
});
)";

// ---- Pieces of a page; what they are given is HTML already, unless it is named a text ----

// What is shown of a figure is shorter than the figure, which a table is sorted by.
struct Cell {
  Cell(std::string content) : html(std::move(content)) {}
  Cell(std::string content, const std::optional<double>& sorted_by)
      : html(std::move(content)), figure(sorted_by) {}

  std::string html;
  std::optional<double> figure{};
};
using Row = std::vector<Cell>;

std::string element(const std::string& name, const std::string& content) {
  return fmt::format("<{0}>{1}</{0}>", name, content);
}

std::string code(const std::string& text) { return element("code", escaped(text)); }

enum class Cells { text, numbers };

struct Head {
  std::string title;
  Cells cells = Cells::text;
};

std::string html_table(const std::vector<Head>& heads, const std::vector<Row>& rows) {
  const auto cell = [&](const char* name, size_t column, const Cell& content) {
    const bool right = heads[column].cells == Cells::numbers;
    const std::string figure =
        content.figure ? fmt::format(" data-figure=\"{}\"", *content.figure) : "";
    return fmt::format("<{0}{1}{2}>{3}</{0}>", name, right ? " class=\"number\"" : "", figure,
                       content.html);
  };
  std::string text = "<div class=\"wide\"><table class=\"sorts\">\n<thead><tr>";
  for (size_t i = 0; i < heads.size(); ++i) text += cell("th", i, escaped(heads[i].title));
  text += "</tr></thead>\n<tbody>\n";
  for (const Row& row : rows) {
    text += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) text += cell("td", i, row[i]);
    text += "</tr>\n";
  }
  return text + "</tbody>\n</table></div>\n";
}

// Pairs of a name and what it is.
std::string facts_table(const std::vector<std::pair<std::string, std::string>>& facts) {
  std::string text = "<div class=\"wide\"><table>\n<tbody>\n";
  for (const auto& [name, content] : facts)
    text += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escaped(name), content);
  return text + "</tbody>\n</table></div>\n";
}

std::string note(const std::string& text) {
  return fmt::format("<p class=\"note\">{}</p>\n", escaped(text));
}

// ---- Words ----

// 2017-04-24T09:30:12Z as "2017-04-24 09:30 UTC".
std::string moment(const std::string& iso) {
  if (iso.size() < 16) return iso;
  return iso.substr(0, 10) + " " + iso.substr(11, 5) + " UTC";
}

std::string strategy_name(const std::string& kind) {
  if (kind == "q_learning") return "Q-learning";
  if (kind == "q_approximation") return "Q-approximation";
  std::string name = kind;
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

// What the networks were judged on, as text.
std::string subject(const ReportedStudy& study) {
  const search::Configuration& configuration = study.configuration;
  if (!configuration.data.name.empty()) return configuration.data.name;
  if (configuration.evaluator.runs_command()) return search::command_of(configuration.evaluator);
  const search::TableSettings& table = configuration.evaluator.table;
  return table.file.filename().string() + (table.target.empty() ? "" : ", " + table.target);
}

double total_seconds(const ReportedStudy& study) {
  double seconds = 0;
  for (const Trial& trial : study.trials) seconds += trial.seconds.value_or(0);
  return seconds;
}

// ---- Head ----

std::string progress(const ReportedStudy& study) {
  const int64_t target = search::total_models(study.configuration.strategy.schedule);
  const int64_t done = study.counts.unique_models;
  if (study.trials.empty()) return "Nothing has been trained yet.";
  if (study.counts.reserved > 0)
    return fmt::format("It is not over: {} of {} models are done, {} in training or waiting.",
                       grouped(done), grouped(target), plural(study.counts.reserved, "network"));
  if (done < target)
    return fmt::format("It stands at {} of {} models.", grouped(done), grouped(target));
  return "Its schedule is done.";
}

std::string lead(const ReportedStudy& study) {
  std::string text =
      fmt::format("A {} search. ", strategy_name(study.configuration.strategy.kind)) +
      progress(study);
  if (!study.best.empty())
    text += fmt::format(" The best network reaches a {} of {}.", study.axis_name(),
                        measured(*study.best[0].value));
  else if (!study.trials.empty())
    text += " No network is complete.";
  return fmt::format("<p class=\"lead\">{}</p>\n", escaped(text));
}

std::string tiles(const ReportedStudy& study) {
  std::vector<std::pair<std::string, std::string>> list{
      {study.best.empty() ? "-" : measured(*study.best[0].value), "best " + study.axis_name()},
      {grouped(study.counts.in(TrialState::complete)), "networks complete"},
      {grouped(study.counts.in(TrialState::failed)), "networks failed"},
      {grouped(study.counts.samples), "samples drawn"}};
  if (total_seconds(study) >= 1)
    list.emplace_back(duration(total_seconds(study)), "spent on the networks");
  std::string text = "<ul class=\"tiles\">\n";
  for (const auto& [value, name] : list)
    text += fmt::format("<li><b>{}</b><span>{}</span></li>\n", escaped(value), escaped(name));
  return text + "</ul>\n";
}

// ---- What was searched ----

std::string data_in_words(const search::DataSettings& data) {
  std::string text =
      fmt::format("{}: {} training images, {} for validation; preprocessing {}", data.name,
                  data.training_images == 0 ? "all other" : grouped(data.training_images),
                  grouped(data.validation_images), data.preprocessing);
  if (data.mirror) text += ", mirrored at random";
  if (data.translation > 0) text += fmt::format(", shifted by up to {} pixels", data.translation);
  return escaped(text);
}

std::string space_in_words(const search::Configuration& configuration) {
  const search::Space space = search::build_space(configuration);
  const std::string size = fmt::format("{} architectures, {} states",
                                       scientific(space.architectures()), grouped(space.states()));
  if (configuration.space.is_sequence())
    return fmt::format("strings {}; {}", code(configuration.space.sequence.pattern), size);
  return fmt::format("convolutional networks of at most {} layers for {} inputs and {} classes; {}",
                     configuration.space.cnn.depth_limit, to_string(*space.input()),
                     space.classes(), size);
}

std::string strategy_in_words(const search::StrategySettings& strategy) {
  std::string text = strategy_name(strategy.kind);
  if (strategy.kind == "q_learning") {
    text += fmt::format(
        ": learning rate {:g}, discount {:g}, Q-values from {:g}, {} samples replayed after each",
        strategy.alpha, strategy.gamma, strategy.initial_q, strategy.replay);
  } else if (search::heeds_epsilon(strategy.kind)) {
    text += fmt::format(": discount {:g}", strategy.gamma);
  }
  return text;
}

std::string schedule_in_words(const ReportedStudy& study) {
  const search::Schedule& schedule = study.configuration.strategy.schedule;
  if (!study.by_agent()) return plural(search::total_models(schedule), "network");
  std::string text;
  for (const auto& [epsilon, models] : schedule)
    text += fmt::format("{}{} at epsilon {:g}", text.empty() ? "" : ", ", grouped(models), epsilon);
  return text;
}

std::string evaluation_in_words(const search::EvaluatorSettings& evaluator) {
  if (evaluator.looks_up()) {
    const search::TableSettings& table = evaluator.table;
    return "looked up in the table " + code(table.file.filename().string()) +
           (table.target.empty() ? "" : ", column " + code(table.target));
  }
  if (evaluator.is_told()) return "told by those who asked for the networks";
  if (evaluator.runs_command())
    return "trained and measured by the command " + code(search::command_of(evaluator));
  const search::TrainingSettings& training = evaluator.training;
  return fmt::format("trained for {} epochs in batches of {} with Adam, first learning rate {:g}",
                     training.epochs, training.batch_size, training.learning_rate);
}

std::string objective_in_words(const ReportedStudy& study) {
  std::string text = to_string(study.measure().direction) + " " + code(study.measure().name);
  const search::Objective& objective = study.configuration.evaluator.objective;
  if (const auto& range = objective.reward_range)
    text += fmt::format("; rewards from {:g} (worst) to {:g} (best)", range->first, range->second);
  for (const datasets::Measure& other : objective.others)
    text += "; " + to_string(other.direction) + " " + code(other.name);
  for (const auto& [name, limit] : objective.limits)
    text += fmt::format("; {} at most {:g}", code(name), limit);
  return text;
}

std::string stopped_in_words(const ReportedStudy& study) {
  const int64_t stopped = study.counts.in(TrialState::stopped);
  std::string text = fmt::format(
      "{}; {} of {} epochs were trained, {:.0f}%", plural(stopped, "network"),
      grouped(study.epochs.trained), grouped(study.epochs.whole),
      100 * static_cast<double>(study.epochs.trained) / static_cast<double>(study.epochs.whole));
  if (study.epochs.again > 0)
    text += fmt::format(", {} of them twice, since networks looked good later",
                        grouped(study.epochs.again));
  return text;
}

// Of the results, as far as the study knows times.
std::string results_stored(const ReportedStudy& study) {
  std::string first, last;
  for (const Trial& trial : study.trials) {
    if (trial.finished_at.empty()) continue;
    if (first.empty() || trial.finished_at < first) first = trial.finished_at;
    last = std::max(last, trial.finished_at);
  }
  if (first.empty()) return "none";
  first = moment(first);
  last = moment(last);
  return first == last ? first : "from " + first + " to " + last;
}

std::string origins(const ReportedStudy& study) {
  std::map<std::string, int64_t> counts;
  for (const Trial& trial : study.trials) ++counts[trial.origin];
  std::string text;
  for (const auto& [origin, count] : counts)
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", origin, plural(count, "network"));
  return text.empty() ? "none yet" : text;
}

std::string searched(const ReportedStudy& study) {
  const search::Configuration& configuration = study.configuration;
  std::vector<std::pair<std::string, std::string>> facts;
  if (!configuration.data.name.empty())
    facts.emplace_back("data set", data_in_words(configuration.data));
  facts.emplace_back("evaluation", evaluation_in_words(configuration.evaluator));
  const search::Objective& objective = configuration.evaluator.objective;
  if (!study.has_accuracies() || objective.has_several() || !objective.limits.empty())
    facts.emplace_back("objective", objective_in_words(study));
  facts.emplace_back("search space", space_in_words(configuration));
  facts.emplace_back("strategy", escaped(strategy_in_words(configuration.strategy)));
  facts.emplace_back("schedule", escaped(schedule_in_words(study)));
  facts.emplace_back("origin of the trials", escaped(origins(study)));
  facts.emplace_back("seed", std::to_string(study.info.seed));
  facts.emplace_back("study made", escaped(moment(study.info.created_at)));
  if (study.epochs.trained < study.epochs.whole)
    facts.emplace_back("stopped early", stopped_in_words(study));
  facts.emplace_back("results stored", escaped(results_stored(study)));
  facts.emplace_back("program", escaped(fmt::format("metaqnn {}; {}", study.info.program_version,
                                                    study.info.library_versions)));
  return "<h2>What was searched</h2>\n" + facts_table(facts);
}

// ---- States and failures ----

struct Failures {
  int64_t count = 0;
  const Trial* example = nullptr;  // the first with a detail
};

std::string failures_table(const ReportedStudy& study) {
  std::map<search::Failure, Failures> failures;
  for (const Trial& trial : study.trials) {
    if (trial.state != TrialState::failed) continue;
    Failures& same = failures[trial.failure];
    ++same.count;
    if (same.example == nullptr && !trial.detail.empty()) same.example = &trial;
  }
  if (failures.empty()) return note("No network failed.");
  std::vector<std::pair<search::Failure, Failures>> sorted(failures.begin(), failures.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.count > b.second.count; });
  std::vector<Row> rows;
  for (const auto& [failure, same] : sorted) {
    const std::string example =
        same.example == nullptr
            ? "-"
            : fmt::format("trial {}: {}", same.example->number, same.example->detail);
    rows.push_back({escaped(search::to_string(failure)), grouped(same.count), escaped(example)});
  }
  return html_table({{"why networks failed"}, {"networks", Cells::numbers}, {"for example"}}, rows);
}

std::string outcome(const ReportedStudy& study) {
  std::vector<Row> rows;
  for (TrialState state :
       {TrialState::complete, TrialState::failed, TrialState::running, TrialState::waiting})
    rows.push_back({search::to_string(state), grouped(study.counts.in(state))});
  return "<h2>What became of the networks</h2>\n<div class=\"beside\">\n" +
         html_table({{"state"}, {"networks", Cells::numbers}}, rows) + failures_table(study) +
         "</div>\n";
}

// ---- The best ten ----

// A column that is left out where none of the trials has it.
struct BestColumn {
  std::string title;
  std::function<Cell(const Trial&)> cell;
};

// Of the other measures that the best networks have.
std::vector<BestColumn> measure_columns(const ReportedStudy& study) {
  std::vector<BestColumn> columns;
  for (const std::string& name : datasets::other_measures(study.best, study.measure().name)) {
    if (is_of_a_curve(name)) continue;
    columns.push_back({name, [name](const Trial& trial) -> Cell {
                         const auto found = trial.measures.find(name);
                         if (found == trial.measures.end()) return std::string("-");
                         return {measured(found->second), found->second};
                       }});
  }
  return columns;
}

Cell seconds_cell(const Trial& trial) {
  if (!trial.seconds || *trial.seconds < 0.05) return std::string("-");
  return {fixed(trial.seconds, 1), trial.seconds};
}

Cell count_cell(const std::optional<int64_t>& count) {
  if (!count) return std::string("-");
  return {short_count(count), static_cast<double>(*count)};
}

Cell architecture_cell(const Trial& trial) {
  return fmt::format("<code class=\"architecture\">{}</code>{}", escaped(trial.architecture),
                     is_screened(trial) ? " screened" : "");
}

std::string best_networks(const ReportedStudy& study) {
  const std::string title =
      fmt::format("<h2>The best {}</h2>\n", study.best.empty() ? "networks"
                                            : study.best.size() == 1
                                                ? "network"
                                                : std::to_string(study.best.size()) + " networks");
  if (study.best.empty()) return title + note("No network is complete.");
  std::vector<BestColumn> optional_columns{
      {"parameters", [](const Trial& trial) { return count_cell(trial.parameters); }},
      {"MACs", [](const Trial& trial) { return count_cell(trial.macs); }},
      {"seconds", seconds_cell}};
  for (BestColumn& column : measure_columns(study)) optional_columns.push_back(std::move(column));
  std::vector<Head> heads{{"", Cells::numbers},
                          {study.has_accuracies() ? "accuracy" : study.axis_name(), Cells::numbers},
                          {"trial", Cells::numbers}};
  std::vector<const BestColumn*> columns;
  std::string missing;
  for (const BestColumn& column : optional_columns) {
    if (std::any_of(study.best.begin(), study.best.end(),
                    [&](const Trial& trial) { return column.cell(trial).html != "-"; })) {
      columns.push_back(&column);
      heads.push_back({column.title, Cells::numbers});
    } else {
      missing += std::string(missing.empty() ? "" : ", ") + column.title;
    }
  }
  heads.push_back({"architecture"});
  std::vector<Row> rows;
  for (const Trial& trial : study.best) {
    Row row{std::to_string(rows.size() + 1),
            {measured(*trial.value), trial.value},
            std::to_string(trial.number)};
    for (const BestColumn* column : columns) row.push_back(column->cell(trial));
    row.push_back(architecture_cell(trial));
    rows.push_back(row);
  }
  return title + html_table(heads, rows) +
         (missing.empty() ? "" : note("The study does not hold these of them: " + missing + "."));
}

// ---- The front ----

// "accuracy and parameters", "accuracy, latency_ms and energy"
std::string axes_in_words(const ReportedStudy& study, const Front& front) {
  std::string text = study.axis_name();
  for (size_t j = 0; j < front.costs.size(); ++j)
    text += (j + 1 < front.costs.size() ? ", " : " and ") + front.costs[j].name;
  return text;
}

std::string hypervolume_in_words(const ReportedStudy& study) {
  const search::Objective& objective = study.configuration.evaluator.objective;
  if (!objective.has_several()) return "";
  const search::Front front = search::front_of(study.trials, objective);
  std::string reference;
  for (const auto& [name, value] : front.named_reference())
    reference += (reference.empty() ? "" : ", ") + name + " " + measured(value);
  return fmt::format(" Their hypervolume is {}, beyond {}.", measured(front.hypervolume),
                     reference);
}

std::string front_table(const ReportedStudy& study) {
  const Front front = pareto_front(study);
  if (front.trials.size() < 2) return "";
  std::vector<Head> heads;
  for (const Cost& cost : front.costs) heads.push_back({cost.name, Cells::numbers});
  heads.insert(heads.end(),
               {{study.has_accuracies() ? "accuracy" : study.axis_name(), Cells::numbers},
                {"trial", Cells::numbers},
                {"architecture"}});
  std::vector<Row> rows;
  for (const Trial* trial : front.trials) {
    Row row;
    for (const Cost& cost : front.costs) {
      const double of = *cost.of(*trial);
      const bool is_count = cost.name == "parameters" || cost.name == "MACs";
      row.push_back({is_count ? short_count(static_cast<int64_t>(of)) : measured(of), of});
    }
    row.push_back({measured(*trial->value), trial->value});
    row.push_back(std::to_string(trial->number));
    row.push_back(architecture_cell(*trial));
    rows.push_back(std::move(row));
  }
  return fmt::format(
             "<h2>Small and good</h2>\n{}",
             note(fmt::format("Networks that no other beats in {}{}.{}{}",
                              front.costs.size() == 1 ? "both " : "", axes_in_words(study, front),
                              front.length > front.trials.size()
                                  ? fmt::format(" {} of {}, evenly among them.",
                                                front.trials.size(), front.length)
                                  : "",
                              hypervolume_in_words(study)))) +
         html_table(heads, rows);
}

// ---- Figures, and the rest ----

// Each twice, of which the page shows the one that its width has room for; "" where there is none.
std::vector<std::string> pictures_of(const std::vector<Figure>& all) {
  std::vector<std::string> drawn(2 * all.size());
  parallel_for(static_cast<int64_t>(drawn.size()), available_cores(), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    const Figure& figure = all[at / 2];
    if (!figure.draw) return;
    drawn[at] = fmt::format("<div class=\"{}\">\n{}</div>\n", at % 2 == 0 ? "roomy" : "narrow",
                            figure.draw(at % 2 == 0 ? kWide : kNarrow));
  });
  return drawn;
}

std::string figures(const std::vector<Figure>& all) {
  std::string text = "<h2>Figures</h2>\n";
  const std::vector<std::string> pictures = pictures_of(all);
  size_t number = 0;
  for (const Figure& figure : all) {
    text += fmt::format("<figure id=\"{}\">\n<h3>{}. {}</h3>\n", figure.name, ++number,
                        escaped(figure.title));
    text += pictures[2 * number - 2] + pictures[2 * number - 1];
    text += fmt::format("<figcaption>{}</figcaption>\n</figure>\n", escaped(figure.caption));
  }
  return text;
}

std::string configuration(const ReportedStudy& study) {
  return "<section class=\"settings\">\n<h2>Configuration</h2>\n<details><summary>Every setting of "
         "the study, as TOML</summary>\n<pre>" +
         escaped(study.info.configuration) + "</pre>\n</details>\n</section>\n";
}

}  // namespace

std::string page_of(const ReportedStudy& study, const std::vector<Figure>& all,
                    const PageSettings& settings) {
  const std::string again =
      settings.reload_seconds > 0
          ? fmt::format("<meta http-equiv=\"refresh\" content=\"{}\"/>\n", settings.reload_seconds)
          : "";
  const std::string title = escaped("Search on " + subject(study));
  return fmt::format(
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; "
             "style-src &#39;unsafe-inline&#39;; script-src &#39;unsafe-inline&#39;\"/>\n"
             "{3}<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n"
             "{2}",
             title, figure_style() + std::string(kStyle),
             lead(study) + tiles(study) + searched(study) + outcome(study) + best_networks(study) +
                 figures(all) + front_table(study) + configuration(study),
             again) +
         "</main>\n<script>" + kScript + "</script>\n</body>\n</html>\n";
}

std::string report_page(search::Study& study) {
  const ReportedStudy read = read_study(study);
  return page_of(read, make_figures(read));
}

}  // namespace metaqnn::report
