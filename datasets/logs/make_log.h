// What a table of any form says of networks, as a log.
#pragma once

#include "datasets/logs/data_frame.h"
#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::datasets {

// Throws as read_log() does.
Log make_log(DataFrame frame, const LogOptions& options);

}  // namespace metaqnn::datasets
