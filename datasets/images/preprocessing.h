// How do 8-bit pixels become the numbers a network sees?
//
//   none            x/255
//   mean            x/255 - m                m: mean of each pixel over the training images
//   standardize     (x/255 - m) / max(s, e)  s: standard deviation of each pixel over the training
//                                            images (divided by n), e = 1e-2; the paper's authors
//                                            call it global contrast normalisation
//   local_contrast  subtractive and divisive normalisation with a Gaussian window in each image
//                   and channel
//
// The first three are x * scale + shift with one scale and one shift per pixel position, so the
// trainer applies them to a batch on its device. The last needs no statistics of the data set and
// is computed once for all images.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "datasets/images/image_set.h"

namespace metaqnn::datasets {

enum class Preprocessing { none, mean, standardize, local_contrast };

// Throws UsageError naming the valid values.
Preprocessing parse_preprocessing(std::string_view name);
std::string to_string(Preprocessing preprocessing);

// network input = pixel * scale + shift, element by element; both have channels*height*width
// values.
struct Normalization {
  std::vector<float> scale;
  std::vector<float> shift;
};

// Statistics over images.pixels at `training` alone. Not for local_contrast.
Normalization fit_normalization(const ImageSet& images, const std::vector<int64_t>& training,
                                Preprocessing preprocessing);

// The window of local contrast normalisation: pixels to each side, and its standard deviation.
inline constexpr int kContrastReach = 4;
inline constexpr double kContrastDeviation = 2.0;

// n x channels x height x width. Window: Gaussian with a standard deviation of 2 pixels, 9 x 9,
// edges renormalised. Of each image and channel by itself:
//   v = x - G*x;  out = v / max(c, sqrt(G*v^2)) with c the mean of sqrt(G*v^2) over the channel,
// and 0 where the channel is flat (Jarrett et al., ICCV 2009, who sum over the channels).
std::vector<float> local_contrast_normalization(const ImageSet& images);

}  // namespace metaqnn::datasets
