// What became of a search, on one page to read and to send? HTML that needs nothing beside it: no
// script, no other file, no network. It is well-formed XML as well, follows light and dark, and
// prints. Two pages of the same state of a study are equal to the byte.
#pragma once

#include <string>

#include "report/figures.h"

namespace metaqnn::report {

std::string report_page(const ReportedStudy& study);

}  // namespace metaqnn::report
