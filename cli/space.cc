#include <memory>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "metaqnn/search/configuration.h"

namespace metaqnn::cli {
namespace {

struct SpaceOptions {
  std::string config, format = "table";
};

ExitStatus run(const SpaceOptions& options) {
  const search::Space space = search::build_space(search::read_configuration(options.config));
  const std::string architectures = space.architectures();
  if (options.format == "json") {
    const Json json{{"states", space.states()},
                    {"transitions", space.transitions()},
                    {"architectures", architectures}};
    print_document(json);
    return ExitStatus::done;
  }
  print("states         {}\n", grouped(space.states()));
  print("transitions    {}   (a state and one of its choices: one Q-value each)\n",
        grouped(space.transitions()));
  print("architectures  {}\n", scientific(architectures));
  if (architectures.size() > 6) print("               {}\n", architectures);
  print(
      "\nA state holds the bin of the representation's size; architectures are counted by the "
      "true sizes,\nof which there are {} positions.\n",
      grouped(space.positions()));
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_space(CLI::App& app) {
  auto options = std::make_shared<SpaceOptions>();
  app.add_option("--config", options->config, "configuration file (TOML)")->required();
  add_format(app, options->format, {"table", "json"});
  return [options] { return run(*options); };
}

}  // namespace

const Command space_command{"space", "How large is the search space of a configuration?",
                            "metaqnn space --config experiments/cifar10.toml", set_up_space};

}  // namespace metaqnn::cli
