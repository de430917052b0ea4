// The page of what report/figures.h has gathered.
#pragma once

#include <string>

#include "report/figures.h"

namespace metaqnn::report {

std::string page_of(const ReportedStudy& study);

}  // namespace metaqnn::report
