#include "metaqnn/search/search.h"

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>

#include "metaqnn/search/ask_tell.h"
#include "metaqnn/search/q_values.h"
#include "python/bindings.h"

namespace metaqnn::python {
namespace {

using search::Configuration;
using search::Trial;

// ---- Spaces ----

// A space is built for its configuration, whose limits its samples keep.
class ConfiguredSpace {
 public:
  explicit ConfiguredSpace(Configuration configuration)
      : configuration_(std::move(configuration)), space_(search::build_space(configuration_)) {}

  const search::Space& space() const { return space_; }
  std::vector<std::string> sample(int64_t count, std::optional<uint64_t> seed) const {
    return search::DistinctWalks(space_, search::admission_of(configuration_, space_.input()))
        .uniform(count, seed.value_or(configuration_.seed));
  }

 private:
  Configuration configuration_;
  search::Space space_;
};

py::list described(const std::vector<LayerAnalysis>& layers) {
  using namespace py::literals;
  py::list all;
  for (const LayerAnalysis& layer : layers) {
    py::dict one("layer"_a = to_string(layer.layer), "output"_a = to_string(layer.output),
                 "parameters"_a = layer.parameters, "macs"_a = layer.macs);
    py::list lists;
    for (const auto& list : layer.lists) lists.append(described(list));
    if (!layer.lists.empty()) one["lists"] = lists;
    if (layer.shortcut) one["shortcut"] = to_string(Layer(*layer.shortcut));
    all.append(one);
  }
  return all;
}

py::dict describe(const ConfiguredSpace& configured, const std::string& text) {
  using namespace py::literals;
  const search::Space& space = configured.space();
  const search::Space::Found found = space.find(text);
  py::dict description("architecture"_a = found.canonical, "allowed"_a = found.walk.has_value(),
                       "reason"_a = found.refusal);
  if (!space.input()) return description;
  const Architecture architecture = parse_architecture(text);
  const Analysis analysis = analyse(architecture, *space.input());
  description["architecture"] = to_string(architecture);
  description["input"] = to_string(analysis.input);
  description["depth"] = analysis.depth;
  description["parameters"] = analysis.parameters;
  description["hidden_weights"] = analysis.hidden_weights;
  description["macs"] = analysis.macs;
  description["layers"] = described(analysis.layers);
  return description;
}

void bind_space(py::module_& module) {
  py::class_<Configuration>(module, "Configuration").def("toml", [](const Configuration& c) {
    return search::to_toml(c);
  });
  module.def("read_configuration", search::read_configuration, py::arg("file"));
  module.def("parse_configuration", search::parse_configuration, py::arg("text"), py::arg("source"),
             py::arg("folder"));
  py::class_<ConfiguredSpace>(module, "Space")
      .def(py::init([](const Configuration& configuration) {
             return interruptible(
                 [&](const auto*) { return std::make_unique<ConfiguredSpace>(configuration); });
           }),
           py::arg("configuration"))
      .def(
          "sample",
          [](const ConfiguredSpace& configured, int64_t count, std::optional<uint64_t> seed) {
            return interruptible([&](const auto*) { return configured.sample(count, seed); });
          },
          py::arg("count"), py::arg("seed"))
      .def(
          "find",
          [](const ConfiguredSpace& configured, const std::string& text) {
            const search::Space::Found found = configured.space().find(text);
            return py::make_tuple(found.walk.has_value(), found.canonical, found.refusal);
          },
          py::arg("text"))
      .def("describe", describe, py::arg("text"))
      .def_property_readonly("states", [](const ConfiguredSpace& c) { return c.space().states(); })
      .def_property_readonly("transitions",
                             [](const ConfiguredSpace& c) { return c.space().transitions(); })
      .def_property_readonly("architectures",
                             [](const ConfiguredSpace& c) { return c.space().architectures(); });
}

// ---- Studies ----

using Epoch = std::map<std::string, double>;

// A study by its URL, opened for each call: so it may be used by any thread, and in a process that was
// forked. What this one has reserved and not told is remembered, to be given back.
class NamedStudy {
 public:
  NamedStudy(std::string url, double patience_seconds)
      : url_(std::move(url)), patience_(std::llround(patience_seconds)) {
    configuration();  // it is there, and can be read
  }

  const std::string& url() const { return url_; }
  std::unique_ptr<search::Study> to_read() const {
    return search::open_study_to_read(url_, patience_);
  }
  Configuration configuration() const { return search::stored_configuration(*to_read()); }
  datasets::Measure measure() const { return search::measure_of(configuration()); }

  std::vector<Trial> ask(int64_t count, double lease_seconds, const std::atomic<bool>* stop) {
    const auto study = to_work();
    std::vector<Trial> trials =
        search::ask(*study, count, std::chrono::seconds(std::llround(lease_seconds)), stop);
    const std::lock_guard lock(mutex_);
    std::vector<Trial>& reserved = reserved_here();
    reserved.insert(reserved.end(), trials.begin(), trials.end());
    return trials;
  }

  Trial tell(int64_t number, search::Told told, const std::vector<Epoch>& curve) {
    const auto study = to_work();
    const std::string measure = search::measure_of(search::stored_configuration(*study)).name;
    for (const Epoch& epoch : curve) told.curve.push_back(search::epoch_of(epoch, measure));
    Trial trial = search::tell(*study, number, told);
    const std::lock_guard lock(mutex_);
    std::erase_if(reserved_here(), [&](const Trial& one) { return one.number == number; });
    return trial;
  }

  int64_t give_back() {
    const std::lock_guard lock(mutex_);
    std::vector<Trial>& reserved = reserved_here();
    if (reserved.empty()) return 0;
    const int64_t count = search::give_back(*to_work(), reserved);
    reserved.clear();
    return count;
  }

 private:
  std::unique_ptr<search::Study> to_work() const {
    return search::open_study(url_, search::Durability::power_loss, patience_);
  }
  // What a parent process has reserved is not its child's.
  std::vector<Trial>& reserved_here() {
    if (process_ != getpid()) reserved_.clear();
    process_ = getpid();
    return reserved_;
  }

  std::string url_;
  std::chrono::seconds patience_;
  std::mutex mutex_;
  std::vector<Trial> reserved_;
  pid_t process_ = getpid();
};

void create(const std::string& url, const Configuration& wanted) {
  const Configuration configuration = search::settled(wanted);
  // What a worker would stumble over is looked at before there is a study.
  search::make_strategy(configuration, search::build_space(configuration), 0);
  search::check_objective(configuration.evaluator);
  search::create_study(url, search::describe_study(configuration));
}

// What a study that is there was made with otherwise than this configuration says.
std::string difference(const NamedStudy& study, const Configuration& wanted) {
  const Configuration stored = study.configuration();
  Configuration requested = search::settled_as(wanted, stored);
  requested.workers = stored.workers;
  requested.device = stored.device;
  requested.final_training = stored.final_training;
  const auto lines = search::first_difference(search::to_toml(stored), search::to_toml(requested));
  return lines ? "it was made with " + lines->first + ", the configuration says " + lines->second
               : "";
}

// The names are those of `metaqnn trials --format json`.
py::dict columns_of(const std::vector<Trial>& trials) {
  Columns columns;
  for (const Trial& trial : trials) {
    columns.add("number", trial.number);
    columns.add("architecture", trial.architecture);
    columns.add("state", search::to_string(trial.state));
    columns.add("validation_accuracy", trial.validation_accuracy);
    columns.add("value", trial.value);
    columns.add("predicted", trial.predicted);
    columns.add("epsilon", trial.epsilon);
    columns.add("parameters", trial.parameters);
    columns.add("macs", trial.macs);
    columns.add("memory_bytes", trial.memory_bytes);
    columns.add("learning_rate", trial.learning_rate);
    columns.add("seconds", trial.seconds);
    columns.add("images_per_second", trial.images_per_second);
    columns.add("precision", trial.precision);
    columns.add("reason", trial.reason());
    columns.add("attempts", trial.attempts);
    columns.add("origin", trial.origin);
    columns.add("measures", trial.measures);
  }
  return columns.take();
}

py::dict columns_of(const std::vector<search::Sample>& samples, const std::vector<Trial>& trials) {
  std::map<int64_t, const Trial*> by_number;
  for (const Trial& trial : trials) by_number[trial.number] = &trial;
  Columns columns;
  for (const search::Sample& sample : samples) {
    const Trial& trial = *by_number.at(sample.trial);
    columns.add("number", sample.number);
    columns.add("trial", sample.trial);
    columns.add("architecture", trial.architecture);
    columns.add("validation_accuracy", trial.validation_accuracy);
    columns.add("value", trial.value);
    columns.add("epsilon", sample.epsilon);
    columns.add("proposed_at", sample.proposed_at);
    columns.add("sequence", sample.sequence);
  }
  return columns.take();
}

py::tuple stored(const Trial& trial) {
  return py::make_tuple(trial.number, trial.architecture, search::to_string(trial.state),
                        trial.value, trial.measures, trial.reason());
}

// What `read(study)` finds.
template <typename Read>
auto reading(const NamedStudy& named, Read read) {
  return interruptible([&](const auto*) { return read(*named.to_read()); });
}

py::dict trials(const NamedStudy& named) {
  return columns_of(reading(named, [](search::Study& study) { return study.trials(false); }));
}

py::dict samples(const NamedStudy& named) {
  const auto [walks, trials] = reading(named, [](search::Study& study) {
    const search::Snapshot snapshot(study);
    return std::pair(study.samples(), study.trials(false));
  });
  return columns_of(walks, trials);
}

// The names are those of `metaqnn q-values --format json`.
py::dict q_values(const NamedStudy& named) {
  Columns columns;
  for (const search::QValue& value :
       reading(named, [](search::Study& study) { return search::q_values(study); })) {
    columns.add("depth", value.depth);
    columns.add("type", value.type);
    columns.add("choice", value.choice);
    columns.add("q", value.q);
    columns.add("visits", value.visits);
  }
  return columns.take();
}

py::object best(const NamedStudy& named) {
  const std::optional<Trial> trial = reading(named, [](search::Study& study) {
    return study.best_trial(search::measure_of(search::stored_configuration(study)).direction);
  });
  return trial ? py::object(stored(*trial)) : py::none();
}

py::list ask(NamedStudy& named, int64_t count, double lease_seconds) {
  py::list asked;
  for (const Trial& trial : interruptible(
           [&](const std::atomic<bool>* stop) { return named.ask(count, lease_seconds, stop); }))
    asked.append(py::make_tuple(trial.number, trial.architecture, trial.epsilon));
  return asked;
}

py::tuple tell(NamedStudy& named, int64_t trial, std::optional<double> value,
               const std::map<std::string, double>& measures, const std::vector<Epoch>& curve,
               std::optional<std::string> failure) {
  return stored(interruptible([&](const auto*) {
    return named.tell(trial, {.value = value, .measures = measures, .failure = std::move(failure)},
                      curve);
  }));
}

void bind_study(py::module_& module) {
  module.def(
      "create_study",
      [](const std::string& url, const Configuration& configuration) {
        interruptible([&](const auto*) { create(url, configuration); });
      },
      py::arg("url"), py::arg("configuration"));
  module.def(
      "study_exists",
      [](const std::string& url) {
        return interruptible([&](const auto*) { return search::study_exists(url); });
      },
      py::arg("url"));
  py::class_<NamedStudy>(module, "Study")
      .def(py::init([](const std::string& url, double patience_seconds) {
             return interruptible(
                 [&](const auto*) { return std::make_unique<NamedStudy>(url, patience_seconds); });
           }),
           py::arg("url"), py::arg("patience"))
      .def("ask", ask, py::arg("count"), py::arg("lease"))
      .def("tell", tell, py::arg("trial"), py::arg("value"), py::arg("measures"), py::arg("curve"),
           py::arg("failed"))
      .def("give_back",
           [](NamedStudy& named) {
             return interruptible([&](const auto*) { return named.give_back(); });
           })
      .def("trials", trials)
      .def("samples", samples)
      .def("q_values", q_values)
      .def("best", best)
      .def(
          "difference",
          [](const NamedStudy& named, const Configuration& configuration) {
            return interruptible([&](const auto*) { return difference(named, configuration); });
          },
          py::arg("configuration"))
      .def("configuration",
           [](const NamedStudy& named) {
             return interruptible([&](const auto*) { return named.configuration(); });
           })
      .def("measure",
           [](const NamedStudy& named) {
             const datasets::Measure measure =
                 interruptible([&](const auto*) { return named.measure(); });
             return py::make_tuple(measure.name,
                                   measure.direction == datasets::Direction::minimize);
           })
      .def_property_readonly(
          "url", [](const NamedStudy& named) { return search::shown_url(named.url()); });
}

}  // namespace

void bind_search(py::module_& module) {
  bind_space(module);
  bind_study(module);
}

}  // namespace metaqnn::python
