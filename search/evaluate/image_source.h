// Which data set do the settings mean, and what is known of it?
#pragma once

#include "datasets/images/data_set.h"
#include "metaqnn/search/evaluate/settings.h"

namespace metaqnn::search {

// Throws UsageError for a name, an input or a fit that is none.
datasets::ImageSource image_source(const DataSettings& data);

// Shape and classes; the images of an open data set are looked at only where the settings leave one
// of these open (settled() fills them in), and are then counted too. Throws what
// datasets::look_at() throws.
datasets::DataSetFacts image_facts(const DataSettings& data);

}  // namespace metaqnn::search
