#include "search/evaluate/protobuf.h"

namespace metaqnn::search {
namespace {

constexpr int kVarint = 0, kLengthDelimited = 2;

uint64_t tag(int field, int kind) {
  return static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(kind);
}

}  // namespace

void ProtobufMessage::varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) encoded_ += static_cast<char>(value | 0x80);
  encoded_ += static_cast<char>(value);
}

ProtobufMessage& ProtobufMessage::integer(int field, int64_t value) {
  varint(tag(field, kVarint));
  varint(static_cast<uint64_t>(value));
  return *this;
}

ProtobufMessage& ProtobufMessage::text(int field, std::string_view value) {
  varint(tag(field, kLengthDelimited));
  varint(value.size());
  encoded_ += value;
  return *this;
}

}  // namespace metaqnn::search
