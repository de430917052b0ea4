#include "base/numbers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace metaqnn {
namespace {

std::string text_of(double value, int decimals) {
  std::array<char, 512> text;  // the largest double has 309 digits before the point
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::chars_format::fixed, decimals);
  return {text.data(), end.ptr};
}

std::string two_digits(int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); }

}  // namespace

std::string fixed(std::optional<double> value, int decimals) {
  return !value || std::isnan(*value) ? "-" : text_of(*value, decimals);
}

std::string measured(double value) {
  const double size = std::abs(value);
  if (!std::isfinite(value)) return fixed(value, 0);
  if (size != 0 && (size < 1e-3 || size >= 1e7)) {
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                   std::chars_format::scientific, 3);
    return {text.data(), end.ptr};
  }
  const int digits_before = size < 10 ? 0 : static_cast<int>(std::log10(size)) + 1;
  return text_of(value, std::max(0, 4 - digits_before));
}

std::string grouped(int64_t value) {
  std::string digits = std::to_string(value);
  const size_t first = digits[0] == '-' ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string plural(int64_t count, const std::string& noun) {
  return grouped(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string scientific(const std::string& digits) {
  if (digits.size() <= 6) return digits;
  return digits.substr(0, 1) + "." + digits.substr(1, 2) + "e+" + std::to_string(digits.size() - 1);
}

std::string short_count(std::optional<int64_t> value) {
  if (!value) return "-";
  const auto v = static_cast<double>(*value);
  if (v >= 1e9) return text_of(v / 1e9, 2) + " G";
  if (v >= 1e6) return text_of(v / 1e6, 2) + " M";
  if (v >= 1e3) return text_of(v / 1e3, 1) + " k";
  return std::to_string(*value);
}

std::string short_bytes(int64_t bytes) {
  const double mib = static_cast<double>(bytes) / (1 << 20);
  return mib >= 1024 ? text_of(mib / 1024, 2) + " GiB" : text_of(mib, 0) + " MiB";
}

std::string duration(double seconds) {
  const int64_t s = std::llround(seconds);
  if (s >= 100 * 86400) return grouped(std::llround(seconds / 86400)) + " days";
  if (s >= 48 * 3600) return text_of(seconds / 86400, 1) + " days";
  if (s >= 3600) return std::to_string(s / 3600) + " h " + two_digits(s / 60 % 60) + " min";
  if (s >= 60) return std::to_string(s / 60) + " min " + two_digits(s % 60) + " s";
  return std::to_string(s) + " s";
}

}  // namespace metaqnn
