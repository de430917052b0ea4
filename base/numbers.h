// Numbers as people read them: short, and of one form wherever they stand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace metaqnn {

// "0.8350" for 4 decimals; "-" where there is none.
std::string fixed(std::optional<double> value, int decimals);
// A value of any unit: four decimals below 10, four digits beyond, and a power of ten where either
// would be zeros: "0.8350", "14.70", "1.234e-05".
std::string measured(double value);
// 1234567 as "1,234,567".
std::string grouped(int64_t value);
// "1 network", "1,234 networks".
std::string plural(int64_t count, const std::string& noun);
// 1.23e+45 of a long number of digits.
std::string scientific(const std::string& digits);
// "12.3 M", "456 k"; "-" where there is none.
std::string short_count(std::optional<int64_t> value);
// "1.20 GiB", "340 MiB".
std::string short_bytes(int64_t bytes);
// "2 h 05 min", "3 min 20 s", "12 s".
std::string duration(double seconds);

}  // namespace metaqnn
