// What became of a search, on one page to read and to send? HTML that needs nothing beside it: no
// script, no other file, no network. It is well-formed XML as well, follows light and dark, and
// prints. Two pages of the same state of a study are equal to the byte.
//
//   report_page(*search::open_study_to_read("sqlite:///quick.db"));
#pragma once

#include <string>

#include "metaqnn/search/study/study.h"

namespace metaqnn::report {

// Throws what reading the study throws.
std::string report_page(search::Study& study);

}  // namespace metaqnn::report
