#include "search/screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/parallel.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/log_options.h"
#include "cli/output.h"
#include "cli/supervised_search.h"
#include "metaqnn/search/search.h"
#include "predict/predictor.h"
#include "search/memory_basis.h"

namespace metaqnn::cli {
namespace {

using search::ScreenPlan;
using search::Shortlist;
using search::ShortlistFigures;

struct ScreenOptions {
  std::string study, draw = "uniform", failures = "as-chance", device, format = "table";
  std::vector<std::string> methods{"all"};
  int64_t candidates = 10000, top = 10;
  double epsilon = 0.1;
  search::SizeLimits limits;
  uint64_t seed = 0;
  int threads = 0;
  std::optional<int> workers;
  std::chrono::seconds patience = search::kPatience;
  bool no_train = false, pareto = false;
  Consent consent;
};

// A plan, and what has become of its picks.
struct Screening {
  ScreenPlan plan;
  std::map<std::string, search::Trial> trials;  // by architecture; none where nothing is trained
  std::vector<ShortlistFigures> figures;        // of each shortlist
  datasets::Measure measure;
};

search::ScreenSettings settings_of(const ScreenOptions& options,
                                   const search::Configuration& configuration,
                                   search::Study& study) {
  search::ScreenSettings settings;
  settings.candidates = options.candidates;
  settings.top = options.top;
  settings.front = options.pareto;
  settings.methods = chosen_methods(options.methods, Baselines::named);
  settings.draw = search::parse_draw(options.draw);
  settings.epsilon = options.epsilon;
  settings.limits = options.limits;
  settings.memory = search::memory_basis(configuration).settings;
  settings.encoding = encoding_for({search::to_log(study, search::measure_of(configuration)),
                                    search::build_space(configuration)},
                                   LogArguments{});
  settings.failures = predict::parse_failures(options.failures);
  settings.fit.seed = options.seed;
  settings.fit.threads = threads_or_cores(options.threads);
  return settings;
}

// Those of the picks that have a trial.
std::map<std::string, search::Trial> trials_of(search::Study& study, const ScreenPlan& plan) {
  std::map<std::string, search::Trial> trials;
  for (const std::string& architecture : plan.architectures()) {
    if (auto trial = study.find_trial(architecture)) trials.emplace(architecture, *trial);
  }
  return trials;
}

size_t count_finished(const std::map<std::string, search::Trial>& trials) {
  return static_cast<size_t>(std::count_if(
      trials.begin(), trials.end(), [](const auto& item) { return item.second.finished(); }));
}

// Trains in worker processes, as a search does: a training that crashes is data here too.
void train(const ScreenOptions& options, search::Configuration configuration, search::Study& study,
           const ScreenPlan& plan, std::optional<search::Surroundings> found) {
  const size_t done = count_finished(trials_of(study, plan));
  if (done == plan.architectures().size()) {
    say("this screening is done; another --seed screens again with all that is known now\n");
    return;
  }
  if (done > 0) say("going on: {} of {} picks are done\n", done, plan.architectures().size());
  configuration.strategy.schedule.clear();  // progress has no epsilon to show
  run_supervised({.study = options.study,
                  .device = options.device,
                  .workers = options.workers.value_or(configuration.workers),
                  .threads = options.threads,
                  .trials = {},
                  .waiting_only = true,
                  .allowed_command = options.consent.allowed_command(configuration),
                  .patience = options.patience},
                 configuration, std::move(found));
  const size_t left = plan.architectures().size() - count_finished(trials_of(study, plan));
  if (left > 0) {
    say("{} of the picks are in training by other workers; run the same command again for "
        "their results\n",
        left);
  }
}

Screening screen(const ScreenOptions& options, search::Study& study) {
  search::Configuration configuration = search::stored_configuration(study);
  if (!options.device.empty()) configuration.device = options.device;
  search::ScreenSettings settings = settings_of(options, configuration, study);
  const datasets::Measure measure = search::measure_of(configuration);
  const auto make_plan = [&] {
    return while_telling(settings.fit.tell,
                         [&] { return search::plan_screen(study, configuration, settings); });
  };
  if (options.no_train) return {make_plan(), {}, {}, measure};
  std::optional<ScreenPlan> plan = search::stored_plan(study, settings);
  std::optional<search::Surroundings> found;
  if (!plan) {
    // Before picks that could not be trained.
    search::check_allowed(configuration.evaluator, options.consent.allowed_command(configuration));
    found = search::look_around(configuration, options.device);
    plan = search::store_plan(study, settings, make_plan());
  }
  train(options, configuration, study, *plan, std::move(found));
  Screening screening{*plan, trials_of(study, *plan), {}, measure};
  for (const Shortlist& list : plan->shortlists)
    screening.figures.push_back(search::assess(list, plan->study.mean, study, measure.direction));
  return screening;
}

// ---- JSON ----

Json to_json(const search::Pick& pick, const Screening& screening) {
  const auto found = screening.trials.find(pick.architecture);
  const search::Trial* trial = found == screening.trials.end() ? nullptr : &found->second;
  return {{"architecture", pick.architecture},
          {"prediction", pick.prediction},
          {"truth", trial == nullptr ? Json(nullptr) : or_null(trial->value)},
          {"state", trial == nullptr ? Json(nullptr) : Json(search::to_string(trial->state))},
          {"reason", trial == nullptr ? "" : trial->reason()}};
}

void print_json(const ScreenOptions& options, const Screening& screening) {
  const ScreenPlan& plan = screening.plan;
  Json json{{"study",
             {{"trials", plan.study.results},
              {"mean", plan.study.mean},
              {"percentile_90", plan.study.percentile_90},
              {"best", plan.study.best},
              {"exploration_mean", or_null(plan.study.exploration_mean)}}},
            {"target", screening.measure.name},
            {"direction", datasets::to_string(screening.measure.direction)},
            {"candidates", plan.candidates},
            {"draw", options.draw},
            {"over_limit", plan.over_limit},
            {"exhausted", plan.exhausted},
            {"picks", plan.architectures().size()},
            {"finished", count_finished(screening.trials)},
            {"methods", Json::array()}};
  for (size_t i = 0; i < plan.shortlists.size(); ++i) {
    const ShortlistFigures figures =
        screening.figures.empty() ? ShortlistFigures{} : screening.figures[i];
    Json picks = Json::array();
    for (const search::Pick& pick : plan.shortlists[i].picks)
      picks.push_back(to_json(pick, screening));
    json["methods"].push_back({{"method", plan.shortlists[i].method},
                               {"l2_loss", or_null(figures.l2_loss)},
                               {"constant_l2_loss", or_null(figures.constant_l2_loss)},
                               {"mean_accuracy", or_null(figures.mean_accuracy)},
                               {"best_accuracy", or_null(figures.best_accuracy)},
                               {"results", figures.results},
                               {"architectures", picks}});
  }
  print_document(json);
}

// ---- Tables ----

std::string draw_in_words(const ScreenOptions& options) {
  if (options.draw == "uniform") return "by uniform walks";
  const std::string policy = fmt::format("the learned policy at epsilon {}", options.epsilon);
  return options.draw == "policy" ? "by " + policy
                                  : "half by " + policy + ", half by uniform walks";
}

void print_head(const ScreenOptions& options, const ScreenPlan& plan) {
  print("study       {} networks: mean {}, 90th percentile {}, best {}\n",
        grouped(plan.study.results), measured(plan.study.mean), measured(plan.study.percentile_90),
        measured(plan.study.best));
  if (plan.study.exploration_mean)
    print("            mean of those at epsilon 1, drawn uniformly: {}\n",
          measured(*plan.study.exploration_mean));
  print("candidates  {} {}{}\n", grouped(plan.candidates), draw_in_words(options),
        plan.exhausted ? "; no more were found" : "");
  if (plan.over_limit > 0)
    print("            {} over a limit left out\n", grouped(plan.over_limit));
  print("picks       {} different networks\n", plan.architectures().size());
}

void print_predictions(const ScreenPlan& plan) {
  for (const Shortlist& list : plan.shortlists) {
    print("\n{}\n", list.method);
    Table table({{"", Align::right}, {"predicted", Align::right}, {"architecture"}});
    for (size_t i = 0; i < list.picks.size(); ++i) {
      table.add(
          {std::to_string(i + 1), measured(list.picks[i].prediction), list.picks[i].architecture});
    }
    print("{}", table.render());
  }
}

void print_figures(const Screening& screening) {
  const bool is_accuracy = screening.measure.is_accuracy();
  const auto shown = [&](const std::optional<double>& value, int decimals) {
    return is_accuracy || !value ? fixed(value, decimals) : measured(*value);
  };
  Table table({{"method"},
               {"L2", Align::right},
               {"L2 of the mean", Align::right},
               {"mean", Align::right},
               {"best", Align::right},
               {"results", Align::right}});
  for (size_t i = 0; i < screening.figures.size(); ++i) {
    const ShortlistFigures& figures = screening.figures[i];
    const Shortlist& list = screening.plan.shortlists[i];
    table.add({list.method, shown(figures.l2_loss, 5), shown(figures.constant_l2_loss, 5),
               shown(figures.mean_accuracy, 4), shown(figures.best_accuracy, 4),
               fmt::format("{} of {}", figures.results, list.picks.size())});
  }
  print("\n{}\n", table.render(0));
  print(
      "L2: mean squared error of the predictions of a method's picks; of the mean: of\n"
      "predicting the study's mean for them; mean, best: {} of the picks.\n",
      is_accuracy ? "accuracies" : screening.measure.name);
}

size_t count_methods(const ScreenPlan& plan, const std::string& architecture) {
  return static_cast<size_t>(
      std::count_if(plan.shortlists.begin(), plan.shortlists.end(), [&](const Shortlist& list) {
        return std::any_of(list.picks.begin(), list.picks.end(), [&](const search::Pick& pick) {
          return pick.architecture == architecture;
        });
      }));
}

// The best networks of all picks, and how many methods picked them.
void print_best(const Screening& screening) {
  std::vector<const search::Trial*> best;
  for (const auto& [architecture, trial] : screening.trials) {
    if (trial.state == search::TrialState::complete && trial.value) best.push_back(&trial);
  }
  std::stable_sort(best.begin(), best.end(), [&](const auto* a, const auto* b) {
    return datasets::is_better(*a->value, *b->value, screening.measure.direction);
  });
  best.resize(std::min<size_t>(best.size(), 10));
  if (best.empty()) return;
  Table table({{value_heading(screening.measure.name), Align::right},
               {"params", Align::right},
               {"methods", Align::right},
               {"architecture"}});
  for (const search::Trial* trial : best) {
    table.add({measured(*trial->value), short_count(trial->parameters),
               std::to_string(count_methods(screening.plan, trial->architecture)),
               trial->architecture});
  }
  print("\nthe best of all picks, and how many methods picked them\n{}", table.render());
}

ExitStatus run(const ScreenOptions& options) {
  const auto study =
      options.no_train
          ? search::open_study_to_read(options.study, options.patience)
          : search::open_study(options.study, search::Durability::power_loss, options.patience);
  const Screening screening = screen(options, *study);
  if (options.format == "json") {
    print_json(options, screening);
    return ExitStatus::done;
  }
  print_head(options, screening.plan);
  if (options.no_train) {
    print_predictions(screening.plan);
  } else {
    print_figures(screening);
    print_best(screening);
  }
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_screen(CLI::App& app) {
  auto options = std::make_shared<ScreenOptions>();
  app.add_option("--study", options->study, "an existing study with results")->required();
  add_count(app, "--candidates", options->candidates,
            "how many to draw that the study has not seen");
  add_count(app, "--top", options->top, "how many each method picks");
  app.add_option("--method", options->methods, "separated by commas; all leaves the baselines out")
      ->delimiter(',')
      ->capture_default_str();
  app.add_flag("--pareto", options->pareto,
               "picks that spread over the predicted front of the study's measures");
  app.add_flag("--no-train", options->no_train, "only predict; nothing is stored");
  app.add_option("--draw", options->draw, "uniform walks, the learned policy, or half each")
      ->check(CLI::IsMember({"uniform", "policy", "mixture"}))
      ->capture_default_str();
  app.add_option("--epsilon", options->epsilon, "of the policy")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  add_limits(app, options->limits);
  app.add_option("--failures", options->failures, "to learn: exclude, as-chance, or model")
      ->capture_default_str();
  add_seed(app, options->seed, "the same one goes on with the same picks");
  add_consent(app, options->consent);
  add_workers(app, options->workers);
  app.add_option("--device", options->device, "auto, cpu, cuda, cuda:0,... (default: the study's)");
  add_threads(app, options->threads, "of fits and of each worker (default: shared cores)");
  add_patience(app, options->patience);
  add_format(app, options->format, {"table", "json"});
  return [options] { return run(*options); };
}

}  // namespace

const Command screen_command{
    "screen", "Train the most promising of many untrained architectures",
    "metaqnn screen --study sqlite:///quick.db --candidates 10000 --top 10", set_up_screen, true};

}  // namespace metaqnn::cli
