#include "base/base64.h"

#include <gtest/gtest.h>

#include <string>

#include "metaqnn/base/random.h"

namespace metaqnn {
namespace {

// Section 10 of RFC 4648.
TEST(Base64, IsThatOfTheStandard) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64(bytes), text);
    EXPECT_EQ(decoded_base64(text), bytes);
  }
}

TEST(Base64, GivesAnyBytesBack) {
  Random random(1);
  for (size_t size = 0; size < 300; ++size) {
    std::string bytes;
    for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(random.below(256));
    EXPECT_EQ(decoded_base64(base64(bytes)), bytes);
  }
}

TEST(Base64, RefusesWhatIsNone) {
  for (const char* text : {"Z", "Zg=", "Zg", "Z g=", "Zg==Zg==", "Zm9v\n", "=Zg=", "===="})
    EXPECT_FALSE(decoded_base64(text)) << text;
}

}  // namespace
}  // namespace metaqnn
