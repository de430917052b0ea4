// The page of what report/figures.h has gathered.
#pragma once

#include <string>
#include <vector>

#include "report/figures.h"

namespace metaqnn::report {

struct PageSettings {
  int64_t reload_seconds = 0;  // after which a browser reads it again; 0 = never
};

std::string page_of(const ReportedStudy& study, const std::vector<Figure>& figures,
                    const PageSettings& settings = {});

}  // namespace metaqnn::report
