// A folder of pictures: one folder for each class, or `train` and `test` with such folders.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/foreign_text.h"
#include "base/numbers.h"
#include "base/parallel.h"
#include "datasets/images/picture.h"
#include "datasets/images/readers.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostNamed = 5;  // files that cannot be read, types of files
constexpr int kLongestSide = 64;  // of images whose size nobody told

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// Those of systems and programs: .DS_Store, ._picture.jpg, __MACOSX.
bool is_hidden(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with('.') || name.starts_with("__");
}

bool is_picture(const fs::path& path) {
  static const std::set<std::string> kTypes{".png", ".jpg", ".jpeg"};
  return kTypes.contains(lower(path.extension().string()));
}

enum class Part { none, training, validation, test };

Part part_of(const fs::path& folder) {
  static const std::map<std::string, Part> kParts{
      {"train", Part::training},   {"training", Part::training},     {"val", Part::validation},
      {"valid", Part::validation}, {"validation", Part::validation}, {"test", Part::test},
      {"testing", Part::test}};
  const auto found = kParts.find(lower(folder.filename().string()));
  return found == kParts.end() ? Part::none : found->second;
}

// Files that are no pictures.
struct Ignored {
  int64_t hidden = 0, outside = 0, others = 0;  // outside: of every class's folder
  std::map<std::string, int64_t> types;         // of the others, by the end of the name

  void add(const fs::path& file) {
    if (is_hidden(file)) {
      ++hidden;
    } else {
      ++others;
      const std::string type = lower(file.extension().string());
      ++types[type.empty() ? "without a type" : type];
    }
  }

  std::string words() const {
    std::vector<std::string> parts;
    if (hidden > 0) parts.push_back(plural(hidden, "hidden file"));
    if (outside > 0) parts.push_back(plural(outside, "picture") + " in no class's folder");
    if (others > 0)
      parts.push_back(plural(others, "file") + " of other types (" + listed_types() + ")");
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
    return text;
  }

 private:
  std::string listed_types() const {
    std::string text;
    size_t listed = 0;
    for (const auto& [type, count] : types) {
      if (++listed > kMostNamed) return text + ", ...";
      text += (text.empty() ? "" : ", ") + shown(type);
    }
    return text;
  }
};

struct PictureFile {
  fs::path path;
  int32_t label = 0;
};

// What lies where.
struct Listing {
  std::vector<std::string> class_names;
  std::vector<PictureFile> training, test;
  bool has_test = false;
  std::vector<std::string> remarks;
};

class Lister {
 public:
  explicit Lister(const ImageSource& source) : source_(source) {}

  Listing list() {
    const std::vector<fs::path> folders = open(source_.folder);
    if (is_parts(folders)) {
      for (const fs::path& folder : folders) roles_[part_of(folder)].push_back(folder);
      assign_validation();
      for (const fs::path& part : roles_[Part::training]) gather(open(part), training_);
      for (const fs::path& part : roles_[Part::test]) gather(open(part), test_);
    } else {
      gather(folders, training_);
    }
    listing_.has_test = !roles_[Part::test].empty();
    name_classes();
    label(training_, listing_.training);
    label(test_, listing_.test);
    check();
    if (const std::string words = ignored_.words(); !words.empty())
      listing_.remarks.push_back("left out: " + words);
    return std::move(listing_);
  }

 private:
  using Pictures = std::map<std::string, std::vector<fs::path>>;  // by class

  // The folders in one, by name; other files are counted.
  std::vector<fs::path> open(const fs::path& folder) {
    std::vector<fs::path> folders;
    for (const fs::directory_entry& entry : entries(folder)) {
      if (!entry.is_directory()) {
        is_picture(entry.path()) && !is_hidden(entry.path()) ? void(++ignored_.outside)
                                                             : ignored_.add(entry.path());
      } else if (!is_hidden(entry.path())) {
        folders.push_back(entry.path());
      }
    }
    return folders;
  }

  static std::vector<fs::directory_entry> entries(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::directory_entry> found;
    for (fs::directory_iterator next(folder, error), end; !error && next != end;
         next.increment(error))
      found.push_back(*next);
    if (error) {
      throw DataError(folder.string() + ": cannot be read as a folder (" + error.message() +
                      "); check `path` under [data]");
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  // A class may well be called "train", beside others.
  static bool is_parts(const std::vector<fs::path>& folders) {
    const auto is = [](Part part) {
      return [part](const fs::path& f) { return part_of(f) == part; };
    };
    return std::any_of(folders.begin(), folders.end(), is(Part::training)) &&
           std::none_of(folders.begin(), folders.end(), is(Part::none));
  }

  // There is a test part and a training part here; which images validate is drawn.
  void assign_validation() {
    const std::vector<fs::path> validation = std::move(roles_[Part::validation]);
    if (validation.empty()) return;
    const bool tests = roles_[Part::test].empty();
    std::vector<fs::path>& role = roles_[tests ? Part::test : Part::training];
    role.insert(role.end(), validation.begin(), validation.end());
    listing_.remarks.push_back(validation.front().string() +
                               (tests ? " is taken as the test part"
                                      : " is taken as a part of the training images, of which "
                                        "validation_images are held back"));
  }

  // The class of a picture is the first folder below its part; pictures may lie deeper.
  void gather(const std::vector<fs::path>& folders, Pictures& pictures) {
    for (const fs::path& folder : folders)
      gather_class(folder, pictures[folder.filename().string()]);
  }

  void gather_class(const fs::path& folder, std::vector<fs::path>& files) {
    for (const fs::directory_entry& entry : entries(folder)) {
      const fs::path& path = entry.path();
      if (entry.is_directory()) {
        if (!is_hidden(path) && !entry.is_symlink()) gather_class(path, files);
      } else if (is_picture(path) && !is_hidden(path)) {
        files.push_back(path);
      } else {
        ignored_.add(path);
      }
    }
  }

  void name_classes() {
    listing_.class_names = source_.class_names;
    if (!listing_.class_names.empty()) return leave_out_others();
    for (const auto& [name, files] : training_) {
      if (!files.empty()) {
        listing_.class_names.push_back(name);
      } else {
        listing_.remarks.push_back("class " + shown(name) +
                                   " is left out: there is no picture of it to train with");
      }
    }
    for (const auto& [name, files] : test_) {
      if (!training_.contains(name))
        listing_.remarks.push_back("test images of " + shown(name) +
                                   " are left out: there is no picture of it to train with");
    }
  }

  // The classes are told: those of a study that began with them.
  void leave_out_others() {
    for (const std::string& name : source_.class_names) {
      if (training_.contains(name) && !training_[name].empty()) continue;
      throw DataError(source_.folder.string() + ": no picture of the class " + shown(name) +
                      ", which is named in data.class_names; put back its folder");
    }
    for (const auto& [name, files] : training_) {
      if (std::find(source_.class_names.begin(), source_.class_names.end(), name) ==
          source_.class_names.end())
        listing_.remarks.push_back("folder " + shown(name) +
                                   " is left out: data.class_names does not have it");
    }
  }

  void label(const Pictures& pictures, std::vector<PictureFile>& files) const {
    for (size_t k = 0; k < listing_.class_names.size(); ++k) {
      const auto of_class = pictures.find(listing_.class_names[k]);
      if (of_class == pictures.end()) continue;
      for (const fs::path& path : of_class->second)
        files.push_back({path, static_cast<int32_t>(k)});
    }
  }

  void check() const {
    const size_t classes = listing_.class_names.size();
    if (classes >= 2) return;
    const std::string words = ignored_.words();
    throw UsageError(source_.folder.string() + ": holds PNG or JPEG pictures of " +
                     (classes == 0 ? "no class" : "one class") +
                     (words.empty() ? "" : " (and " + words + ")") +
                     "; put those of each class, two at least, into a folder of its own there");
  }

  const ImageSource& source_;
  std::map<Part, std::vector<fs::path>> roles_;
  Pictures training_, test_;
  Ignored ignored_;
  Listing listing_;
};

// The middle one of widths and of heights, at most kLongestSide; grey only where all are.
Shape usual_shape(const std::vector<PictureFile>& files) {
  std::vector<PictureSize> sizes(files.size());
  parallel_for(static_cast<int64_t>(files.size()), available_cores(), [&](int64_t i) {
    try {
      sizes[static_cast<size_t>(i)] = picture_size(files[static_cast<size_t>(i)].path);
    } catch (const DataError&) {
      // Whoever reads it says so.
    }
  });
  std::erase_if(sizes, [](const PictureSize& size) { return size.width == 0; });
  if (sizes.empty())
    throw DataError(files.front().path.string() + ": cannot be read, nor can any other picture");
  const auto middle = [&](int PictureSize::*side) {
    const auto nth = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
    std::nth_element(
        sizes.begin(), nth, sizes.end(),
        [side](const PictureSize& a, const PictureSize& b) { return a.*side < b.*side; });
    return (*nth).*side;
  };
  const int width = middle(&PictureSize::width), height = middle(&PictureSize::height);
  const bool is_grey =
      std::all_of(sizes.begin(), sizes.end(), [](const PictureSize& size) { return size.is_grey; });
  const double scale = std::min(1.0, static_cast<double>(kLongestSide) / std::max(width, height));
  const auto scaled = [scale](int side) {
    return std::max(1, static_cast<int>(side * scale + 0.5));
  };
  return {is_grey ? 1 : 3, scaled(height), scaled(width)};
}

// Reads one file after another on all cores; what cannot be read is left out and told.
ImageSet read_all(const std::vector<PictureFile>& files, const Shape& shape, Fit fit,
                  std::vector<std::string>& unreadable) {
  const size_t size = static_cast<size_t>(shape.elements());
  ImageSet images{shape, 0, std::vector<uint8_t>(files.size() * size), {}};
  std::vector<std::string> errors(files.size());
  parallel_for(static_cast<int64_t>(files.size()), available_cores(), [&](int64_t index) {
    const auto i = static_cast<size_t>(index);
    try {
      const ImageSet image = fit_picture(read_picture(files[i].path, shape), shape, fit);
      std::copy(image.pixels.begin(), image.pixels.end(),
                images.pixels.begin() + static_cast<std::ptrdiff_t>(i * size));
    } catch (const DataError& error) {
      errors[i] = error.what();
    }
  });
  size_t kept = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    if (!errors[i].empty()) {
      unreadable.push_back(errors[i]);
      continue;
    }
    if (kept < i)
      std::copy_n(images.pixels.begin() + static_cast<std::ptrdiff_t>(i * size), size,
                  images.pixels.begin() + static_cast<std::ptrdiff_t>(kept * size));
    images.labels.push_back(files[i].label);
    ++kept;
  }
  images.pixels.resize(kept * size);
  return images;
}

void remark_on(const std::vector<std::string>& unreadable, std::vector<std::string>& remarks) {
  if (unreadable.empty()) return;
  remarks.push_back(plural(static_cast<int64_t>(unreadable.size()), "picture") + " left out:");
  const size_t named = std::min(unreadable.size(), kMostNamed);
  for (size_t i = 0; i < named; ++i) remarks.push_back("  " + unreadable[i]);
  if (unreadable.size() > named)
    remarks.push_back("  and " + grouped(static_cast<int64_t>(unreadable.size() - named)) +
                      " more");
}

}  // namespace

DataSetFacts look_at_pictures(const ImageSource& source) {
  const Listing listing = Lister(source).list();
  const auto images = static_cast<int64_t>(listing.training.size());
  return {source.input ? *source.input : usual_shape(listing.training), listing.class_names,
          listing.has_test ? images : images - test_images_of(source, images)};
}

DataSet load_pictures(const ImageSource& source) {
  const Listing listing = Lister(source).list();
  const Shape shape = source.input ? *source.input : usual_shape(listing.training);
  DataSet data;
  data.class_names = listing.class_names;
  data.remarks = listing.remarks;
  std::vector<std::string> unreadable;
  data.training = read_all(listing.training, shape, source.fit, unreadable);
  data.test = read_all(listing.test, shape, source.fit, unreadable);
  data.training.classes = data.test.classes = static_cast<int>(data.class_names.size());
  remark_on(unreadable, data.remarks);
  if (!listing.has_test) split_off_test(source, data);
  return data;
}

}  // namespace metaqnn::datasets
