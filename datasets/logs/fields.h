// What a row of a log, a trial of a study and a row of its database hold alike, beside the
// architecture and what came out: one list, in the order of the columns in files.
//
//   for_each_field(row, [&](const char* name, const auto& value) { write(name, value); });
//   copy_fields(trial, row);
#pragma once

#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace metaqnn::datasets {

template <typename T>
struct Field {
  const char* name;
  T& value;
};
template <typename T>
Field(const char*, T&) -> Field<T>;  // clang before 17 does not find it by itself

// `record`: a LogRow, a search::Trial, or whatever else has members of these names.
template <typename Record>
auto fields(Record& record) {
  return std::tuple{Field{"epsilon", record.epsilon},
                    Field{"parameters", record.parameters},
                    Field{"macs", record.macs},
                    Field{"memory_bytes", record.memory_bytes},
                    Field{"learning_rate", record.learning_rate},
                    Field{"seconds", record.seconds},
                    Field{"images_per_second", record.images_per_second},
                    Field{"attempts", record.attempts},
                    Field{"origin", record.origin}};
}

// visit(name, value) for each.
template <typename Record, typename Visit>
void for_each_field(Record&& record, Visit visit) {
  std::apply([&](const auto&... field) { (visit(field.name, field.value), ...); }, fields(record));
}

// What else was measured of any of the records: names of their `measures` but `measure` and the fields,
// sorted.
template <typename Records>
std::vector<std::string> other_measures(const Records& records, const std::string& measure) {
  std::set<std::string> names;
  for (const auto& record : records) {
    for (const auto& [name, value] : record.measures) names.insert(name);
  }
  names.erase(measure);
  if (!records.empty())
    for_each_field(records.front(), [&](const char* name, const auto&) { names.erase(name); });
  return {names.begin(), names.end()};
}

namespace internal {

template <typename From, typename To>
void assign(const From& from, To& to) {
  to = from;
}
template <typename From, typename To>
void assign(const std::optional<From>& from, std::optional<To>& to) {
  to = from;
}
template <typename From, typename To>
void assign(const std::optional<From>& from, To& to) {
  if (from) to = static_cast<To>(*from);
}
inline void assign(const std::string& from, std::string& to) {
  if (!from.empty()) to = from;
}

}  // namespace internal

// In the order of the fields. What is not known stays as it is where it cannot be unknown.
template <typename Record, typename... Value>
void set_fields(Record& record, const Value&... value) {
  std::apply([&](auto... field) { (internal::assign(value, field.value), ...); }, fields(record));
}

template <typename From, typename To>
void copy_fields(const From& from, To& to) {
  std::apply([&](auto... field) { set_fields(to, field.value...); }, fields(from));
}

}  // namespace metaqnn::datasets
