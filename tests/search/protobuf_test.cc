// Encodings worked by hand. A tag is number * 8 + kind; kind 0 is a whole number, 2 a length and so
// many bytes.
#include "search/evaluate/protobuf.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace metaqnn::search {
namespace {

using std::string_literals::operator""s;

// "08 96 01"
std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes)
    text += (text.empty() ? ""s : " "s) + kDigits[byte >> 4] + kDigits[byte & 15];
  return text;
}

std::string integer(int field, int64_t value) {
  return hex(ProtobufMessage().integer(field, value).encoded());
}

TEST(Protobuf, ANumberHasSevenBitsInEachByteTheLowestFirst) {
  EXPECT_EQ(integer(1, 0), "08 00");
  EXPECT_EQ(integer(1, 127), "08 7f");
  EXPECT_EQ(integer(1, 128), "08 80 01");
  EXPECT_EQ(integer(1, 150), "08 96 01");       // 150 = 1 * 128 + 22, 22 + 128 = 0x96
  EXPECT_EQ(integer(1, 65536), "08 80 80 04");  // 4 * 128 * 128
}

TEST(Protobuf, ANegativeNumberIsItsTwosComplementInTenBytes) {
  EXPECT_EQ(integer(1, -1), "08 ff ff ff ff ff ff ff ff ff 01");  // 9 * 7 bits and one
}

TEST(Protobuf, ATagAbove127IsAVarintToo) {
  EXPECT_EQ(integer(20, 1), "a0 01 01");  // 20 * 8 = 160 = 1 * 128 + 32
}

TEST(Protobuf, ATextIsItsLengthAndItsBytes) {
  EXPECT_EQ(hex(ProtobufMessage().text(2, "Relu").encoded()), "12 04 52 65 6c 75");
  EXPECT_EQ(hex(ProtobufMessage().text(2, "").encoded()), "12 00");
  EXPECT_EQ(hex(ProtobufMessage().text(9, "\0\xff"s).encoded()), "4a 02 00 ff");
  EXPECT_EQ(ProtobufMessage().text(2, std::string(300, 'a')).encoded(),
            "\x12\xac\x02" + std::string(300, 'a'));  // 300 = 2 * 128 + 44
}

TEST(Protobuf, AMessageInAMessageIsItsLengthAndItsFields) {
  const ProtobufMessage inner = ProtobufMessage().integer(1, 150);
  EXPECT_EQ(hex(ProtobufMessage().message(3, inner).integer(4, 2).encoded()),
            "1a 03 08 96 01 20 02");
}

TEST(Protobuf, AFieldThatOccursTwiceStandsTwiceInOrder) {
  EXPECT_EQ(hex(ProtobufMessage().integer(8, 3).integer(8, 5).encoded()), "40 03 40 05");
}

}  // namespace
}  // namespace metaqnn::search
