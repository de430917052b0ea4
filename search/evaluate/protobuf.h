// How does a message of Protocol Buffers look in a file? As much of the format as it takes to write
// one ("Encoding" in the documentation of Protocol Buffers):
//
//   message   its fields, one after another: a tag, then the value
//   tag       varint of number * 8 + kind
//   kind 0    varint: 7 bits in a byte, the lowest first, the top bit set in all bytes but the last;
//             a negative number as the 64 bits of its two's complement
//   kind 2    varint of a length, then so many bytes: a text, or a message
//
// A field that occurs more than once is a list, in this order.
//
//   ProtobufMessage point, line;
//   point.integer(1, 150);    // 08 96 01
//   line.message(3, point);   // 1a 03 08 96 01
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace metaqnn::search {

class ProtobufMessage {
 public:
  // `field`: its number, at least 1. Each returns *this.
  ProtobufMessage& integer(int field, int64_t value);
  ProtobufMessage& text(int field, std::string_view value);  // or any bytes
  ProtobufMessage& message(int field, const ProtobufMessage& value) {
    return text(field, value.encoded_);
  }

  const std::string& encoded() const { return encoded_; }

 private:
  void varint(uint64_t value);

  std::string encoded_;
};

}  // namespace metaqnn::search
