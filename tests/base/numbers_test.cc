#include "base/numbers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace metaqnn {
namespace {

TEST(Numbers, AreRoundedToTheirDecimals) {
  EXPECT_EQ(fixed(0.12345, 3), "0.123");
  EXPECT_EQ(fixed(-2.0, 0), "-2");
  EXPECT_EQ(fixed(std::nullopt, 2), "-");
  EXPECT_EQ(fixed(std::nan(""), 2), "-");
}

TEST(Numbers, AreGroupedByThousands) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
  EXPECT_EQ(grouped(std::numeric_limits<int64_t>::max()), "9,223,372,036,854,775,807");
}

TEST(Numbers, TakeTheirNounInThePlural) {
  EXPECT_EQ(plural(1, "network"), "1 network");
  EXPECT_EQ(plural(0, "network"), "0 networks");
  EXPECT_EQ(plural(1234, "row"), "1,234 rows");
}

TEST(Numbers, AreShortWherePeopleReadThem) {
  EXPECT_EQ(short_count(std::nullopt), "-");
  EXPECT_EQ(short_count(999), "999");
  EXPECT_EQ(short_count(456'000), "456.0 k");
  EXPECT_EQ(short_count(12'340'000), "12.34 M");
  EXPECT_EQ(short_bytes(int64_t{340} << 20), "340 MiB");
  EXPECT_EQ(short_bytes(int64_t{1229} << 20), "1.20 GiB");
  EXPECT_EQ(scientific("123456"), "123456");
  EXPECT_EQ(scientific("1234567"), "1.23e+6");
}

TEST(Durations, AreInTheUnitsThatFit) {
  EXPECT_EQ(duration(0.4), "0 s");
  EXPECT_EQ(duration(59.6), "1 min 00 s");
  EXPECT_EQ(duration(200), "3 min 20 s");
  EXPECT_EQ(duration(7500), "2 h 05 min");
  EXPECT_EQ(duration(2.5 * 86400), "2.5 days");
  EXPECT_EQ(duration(1234.0 * 86400), "1,234 days");
}

}  // namespace
}  // namespace metaqnn
