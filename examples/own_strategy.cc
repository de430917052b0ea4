// own_strategy TABLE COLUMN STUDY: a strategy that metaqnn does not have, in a search of a table as
// in search_table.cc. It climbs: half of its walks begin as the best one known and then go their own
// way.
#include <metaqnn/base/error.h>
#include <metaqnn/search/search.h>

#include <cstdio>
#include <string>

namespace search = metaqnn::search;
using metaqnn::Random;

class Climb : public search::Strategy {
 public:
  Climb(const search::Space& space, search::Admission admits)
      : space_(space), admits_(std::move(admits)) {}

  void observe(const search::SequencedSample& sample) override {
    if (!sample.reward || *sample.reward <= reward_) return;
    if (auto found = space_.find(sample.architecture); found.walk) {
      best_ = *found.walk;
      reward_ = *sample.reward;
    }
  }

  search::Walk propose(const search::Situation&, Random& random) override {
    for (;;) {
      const bool climbs = !best_.empty() && random.uniform() < 0.5;
      const search::Walk walk = continued(climbs ? random.below(best_.size()) : 0, random);
      if (!admits_ || admits_(space_.text(walk))) return walk;
    }
  }

 private:
  // The first steps of the best walk, then uniform ones.
  search::Walk continued(size_t kept, Random& random) const {
    search::Walk walk(best_.begin(), best_.begin() + static_cast<std::ptrdiff_t>(kept));
    int32_t position = kept > 0 ? best_[kept].position : space_.start();
    while (position != search::Space::kEnd) {
      const auto choices = space_.choices(position);
      const auto choice = static_cast<int32_t>(random.below(choices.size()));
      walk.push_back({position, choice});
      position = choices[static_cast<size_t>(choice)].target;
    }
    return walk;
  }

  const search::Space& space_;
  search::Admission admits_;
  search::Walk best_;
  double reward_ = -1;
};

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: own_strategy TABLE COLUMN STUDY\n");
    return 2;
  }
  try {
    search::add_strategy({.name = "climb",
                          .make = [](const search::StrategySettings&, const search::Space& space,
                                     uint64_t, search::Admission admits) {
                            return std::make_unique<Climb>(space, std::move(admits));
                          }});
    const auto configuration = search::parse_configuration(
        "[space]\nkind = 'sequence'\ntemplate = '{}-{}-{}'\nalphabet = ['a', 'b', 'c']\n"
        "[strategy]\nkind = 'climb'\nschedule = [[1.0, 12]]\n"
        "[evaluator]\nkind = 'table'\nfile = '" +
            std::string(argv[1]) + "'\ntarget = '" + argv[2] + "'\n",
        "own_strategy", ".");
    const auto study = search::create_study(std::string("sqlite:///") + argv[3],
                                            search::describe_study(configuration));
    search::work(*study, {});
    if (const auto best = study->best_trial())
      std::printf("the best of %lld models is %s: %g\n",
                  static_cast<long long>(study->counts().unique_models), best->architecture.c_str(),
                  *best->validation_accuracy);
  } catch (const metaqnn::Error& error) {
    std::fprintf(stderr, "own_strategy: %s\n", error.what());
    return static_cast<int>(error.status());
  }
}
