#include "base/hash.h"

#include <gtest/gtest.h>

namespace metaqnn {
namespace {

// The vectors of their page.
TEST(Fnv1a, IsThatOfItsAuthors) {
  EXPECT_EQ(fnv_1a<uint32_t>(""), 0x811c9dc5);
  EXPECT_EQ(fnv_1a<uint32_t>("a"), 0xe40c292c);
  EXPECT_EQ(fnv_1a<uint32_t>("foobar"), 0xbf9cf968);
  EXPECT_EQ(fnv_1a<uint64_t>(""), 0xcbf29ce484222325);
  EXPECT_EQ(fnv_1a<uint64_t>("a"), 0xaf63dc4c8601ec8c);
  EXPECT_EQ(fnv_1a<uint64_t>("foobar"), 0x85944171f73967e8);
}

TEST(Fnv1a, TakesBytesAboveAsciiAsTheyAre) {
  EXPECT_EQ(fnv_1a<uint32_t>("\xff"), (0x811c9dc5u ^ 0xffu) * 0x01000193u);
}

}  // namespace
}  // namespace metaqnn
