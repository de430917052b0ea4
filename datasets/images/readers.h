// The readers behind the table of data sets. Private to this folder.
//
// Each takes the folder with the files and `remedy`: what to download, from where, into which
// folder; it ends the error about a missing file. All throw DataError.
#pragma once

#include <filesystem>
#include <string>

#include "datasets/images/data_set.h"

namespace metaqnn::datasets {

// {train,t10k}-{images-idx3,labels-idx1}-ubyte, each plain or, with or without .gz in its name,
// compressed.
DataSet load_idx(const std::filesystem::path& folder, const Shape& shape, int classes,
                 const std::string& remedy);

// The open data sets: a folder of pictures for each class; files of images and labels in IDX of any
// size. `source.folder` is set. UsageError where there is not enough to train and test with.
DataSetFacts look_at_pictures(const ImageSource& source);
DataSet load_pictures(const ImageSource& source);
DataSetFacts look_at_open_idx(const ImageSource& source);
DataSet load_open_idx(const ImageSource& source);

// Splits images that have no test part of their own: `source.test_share` of them become one. Throws
// UsageError where either part would be empty.
void split_off_test(const ImageSource& source, DataSet& data);
int64_t test_images_of(const ImageSource& source, int64_t images);

// Those of data_batch_1.bin ... data_batch_5.bin that exist, and test_batch.bin, in `folder` or in
// its cifar-10-batches-bin.
DataSet load_cifar10(const std::filesystem::path& folder, const std::string& remedy);

// train.bin and test.bin, in `folder` or in its cifar-100-binary. Labels are the 100 fine ones.
DataSet load_cifar100(const std::filesystem::path& folder, const std::string& remedy);

// train_32x32.mat, followed in the training part by extra_32x32.mat if wanted, and test_32x32.mat.
DataSet load_svhn(const std::filesystem::path& folder, bool with_extra, const std::string& remedy);

}  // namespace metaqnn::datasets
