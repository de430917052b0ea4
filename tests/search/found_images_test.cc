#include "search/evaluate/found_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metaqnn/base/error.h"
#include "metaqnn/search/evaluate/evaluator.h"
#include "search/evaluate/bfloat16.h"
#include "search/evaluate/device_fault.h"
#include "tests/error_message.h"
#include "tests/idx_images.h"

namespace metaqnn::search {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Shape kGrey{1, 28, 28};

// Images in MNIST's form with so many of each class.
class FoundImagesTest : public ::testing::Test {
 protected:
  DataSettings images(const std::vector<int>& training, int64_t validation = 10) {
    tests::write_idx(folder_, "train", training);
    tests::write_idx(folder_, "t10k", {1, 1});
    DataSettings data;
    data.name = "mnist";
    data.path = folder_.path();
    data.validation_images = validation;
    return data;
  }
  static FoundImages find(const DataSettings& data, int classes = 10) {
    return find_images(data, kGrey, classes, 1);
  }

 private:
  tests::Folder folder_;
};

TEST_F(FoundImagesTest, AreCountedByClassAsTheyWillBeSplit) {
  const FoundImages found = find(images({20, 30, 50}), 3);
  EXPECT_EQ(found.shape, kGrey);
  EXPECT_EQ(found.available, 100);
  EXPECT_THAT(std::vector(found.training.begin(), found.training.begin() + 3),
              ElementsAre(18, 27, 45));
  EXPECT_THAT(std::vector(found.validation.begin(), found.validation.begin() + 3),
              ElementsAre(2, 3, 5));
  EXPECT_THAT(found.warnings, ElementsAre(HasSubstr("100 training images are there, the whole data "
                                                    "set has 60000")));
}

TEST_F(FoundImagesTest, WarnOfClassesThatAreAbsentSingleOrDominant) {
  EXPECT_THAT(find(images({50, 0, 50})).warnings,
              Contains(HasSubstr("no training image of the classes 1, 3, 4, 5, 6 and 3 more")));
  EXPECT_THAT(find(images({50, 0, 50}), 3).warnings,
              Contains(HasSubstr("no validation image of the class 1")));
  EXPECT_THAT(find(images({0, 100}), 2).warnings,
              Contains(HasSubstr("all validation images are of the class 1")));
  EXPECT_THAT(find(images({5, 95}, 20), 2).warnings,
              Contains(HasSubstr("95% of the validation images are of the class 1")));
}

TEST_F(FoundImagesTest, ThatDoNotFitTheSpaceAreRefused) {
  const DataSettings data = images({20, 30, 50});
  EXPECT_THAT(tests::usage_error([&] { find(data, 2); }),
              HasSubstr("space.classes is 2, but mnist has an image with label 2"));
  EXPECT_THAT(tests::usage_error([&] {
                find_images(data, Shape{3, 32, 32}, 10, 1);
              }),
              HasSubstr("space.input is 3x32x32, but the images of mnist are 1x28x28"));
  EXPECT_NO_THROW(find(data, 3));
}

TEST_F(FoundImagesTest, ThatAreFewerThanWantedAreRefused) {
  EXPECT_THAT(tests::usage_error([&] {
                find(images({20, 30}, 50));
              }),
              HasSubstr("ask for more images than there are"));
  DataSettings data = images({20, 30});
  data.training_images = 45;
  EXPECT_THAT(tests::usage_error([&] { find(data); }), HasSubstr("training_images 45"));
}

TEST(DeviceFault, IsToldFromWhatIsTheNetworks) {
  for (const char* fault :
       {"CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
        "CUDA error: CUBLAS_STATUS_INTERNAL_ERROR when calling cublasCreate(handle)",
        "CUDA driver error: device-side assert triggered",
        "HIP error: unspecified launch failure"}) {
    EXPECT_TRUE(is_device_fault(fault)) << fault;
    EXPECT_FALSE(is_out_of_memory(fault)) << fault;
  }
  for (const char* memory :
       {"CUDA out of memory. Tried to allocate 2.00 GiB", "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "[enforce fail at alloc_cpu.cpp:75] DefaultCPUAllocator: can't allocate memory"}) {
    EXPECT_TRUE(is_out_of_memory(memory)) << memory;
    EXPECT_FALSE(is_device_fault(memory)) << memory;
  }
  for (const char* other : {"cuDNN error: CUDNN_STATUS_NOT_SUPPORTED", "Target 7 is out of bounds.",
                            "expected scalar type Float but found Half"}) {
    EXPECT_FALSE(is_device_fault(other)) << other;
    EXPECT_FALSE(is_out_of_memory(other)) << other;
  }
}

TEST(DeviceFault, SaysWhichDeviceAndWhatInOneLine) {
  const DeviceFault fault("cuda:1", "CUDA error: unspecified launch failure\nand more");
  EXPECT_EQ(fault.text(), "CUDA error: unspecified launch failure");
  EXPECT_THAT(fault.what(), HasSubstr("device cuda:1: CUDA error: unspecified launch failure;"));
}

TEST(Bfloat16, IsNothingForAGpuWithoutADriver) { EXPECT_FALSE(gpu_has_bfloat16(0)); }

}  // namespace
}  // namespace metaqnn::search
