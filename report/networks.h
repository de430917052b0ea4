// Networks of a study as predictors learn from them.
#pragma once

#include <cstddef>
#include <vector>

#include "metaqnn/predict/samples.h"
#include "report/drawing.h"

namespace metaqnn::report {

struct Networks {
  predict::EncodingSettings encoding;
  predict::Samples samples;
  Trials trials;  // of each sample
};

// At most so many of those with a value, drawn by the study's seed, and the best where `with_best`.
Networks networks_of(const ReportedStudy& study, size_t most, bool with_best = false);

// " 500 of 2,700 networks, drawn by the seed." where some were left out.
std::string drawn(const ReportedStudy& study, const Networks& networks);

}  // namespace metaqnn::report
