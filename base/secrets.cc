#include "base/secrets.h"

#include <algorithm>
#include <cctype>

namespace metaqnn {
namespace {

constexpr std::string_view kHidden = "***";
constexpr std::string_view kBlanks = " \t\r\n\v\f";
constexpr std::string_view kQuotes = "'\"`";
constexpr std::string_view kClosing = ":;,.)";  // what a message puts behind what it quotes

bool is_one_of(std::string_view characters, char c) {
  return characters.find(c) != std::string_view::npos;
}

bool is_letter_or_digit(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    decoded += low >= 0 ? static_cast<char>(high * 16 + low) : text[i];
    if (low >= 0) i += 2;
  }
  return decoded;
}

// How many characters stand there for '=': one, three where it is percent-encoded, or none.
size_t equals_sign(std::string_view text, size_t at) {
  if (text[at] == '=') return 1;
  return text[at] == '%' && percent_decoded(text.substr(at, 3)) == "=" ? 3 : 0;
}

// The quote and the punctuation that a message has put around what ends here belong to it.
size_t without_closing(std::string_view text, size_t begin, size_t end) {
  while (end > begin && is_one_of(kClosing, text[end - 1])) --end;
  if (end > begin && is_one_of(kQuotes, text[end - 1])) --end;
  return end;
}

// Where a value without quotes around it ends in a message: blanks may be part of it, as in a
// parameter of a URL, so only what looks like the message's own words ends it.
size_t end_of_open_value(std::string_view text, size_t begin) {
  for (size_t i = begin; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : ' ';
    if (text[i] == '&') return i;
    if (is_one_of(kQuotes, text[i]) && (is_one_of(kBlanks, next) || is_one_of(kClosing, next)))
      return i;
    if (is_one_of(":;", text[i]) && is_one_of(kBlanks, next)) return i;
  }
  return text.size();
}

// ---- password=VALUE ----

// As libpq reads one: up to a blank, with quotes around it or backslashes in it.
size_t end_of_keyword_value(std::string_view text, size_t begin) {
  const char quote = begin < text.size() && is_one_of(kQuotes, text[begin]) ? text[begin] : '\0';
  size_t at = begin + (quote == '\0' ? 0 : 1);
  bool quoted = quote != '\0';
  for (; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (quoted) {
      quoted = text[at] != quote;
    } else if (is_one_of(kBlanks, text[at])) {
      break;
    }
  }
  at = std::min(at, text.size());
  return quote == '\0' ? without_closing(text, begin, at) : at;
}

// Where the key that ends at `end` begins. Each of its letters may be percent-encoded.
size_t begin_of_key(std::string_view text, size_t end) {
  constexpr size_t kLongestKey = 64;
  size_t begin = end;
  while (begin > 0 && end - begin < kLongestKey &&
         (is_letter_or_digit(text[begin - 1]) || is_one_of("_%", text[begin - 1])))
    --begin;
  return begin;
}

bool is_secret(std::string_view key) {
  const std::string name = lower_case(percent_decoded(key));
  const auto ends_with = [&](std::string_view ending) { return name.ends_with(ending); };
  return ends_with("password") || ends_with("pass") || ends_with("passwd") || ends_with("pwd") ||
         ends_with("secret");
}

// So that twice is the same as once, whatever a message has put behind it.
bool is_hidden(std::string_view value) {
  if (!value.starts_with(kHidden)) return false;
  value.remove_prefix(kHidden.size());
  return value.empty() || is_one_of("&@", value[0]) || is_one_of(kBlanks, value[0]) ||
         is_one_of(kQuotes, value[0]) || is_one_of(kClosing, value[0]);
}

std::string hide_values(std::string_view text) {
  std::string shown;
  size_t copied = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t length = equals_sign(text, i);
    if (length == 0) continue;
    size_t key_end = i;
    while (key_end > copied && is_one_of(kBlanks, text[key_end - 1])) --key_end;
    const size_t key = begin_of_key(text, key_end);
    if (!is_secret(text.substr(key, key_end - key))) continue;
    size_t value = i + length;
    const bool in_url = key > 0 && is_one_of("?&", text[key - 1]);
    while (!in_url && value < text.size() && is_one_of(kBlanks, text[value])) ++value;
    if (is_hidden(text.substr(value))) continue;
    const size_t end = in_url ? end_of_open_value(text, value) : end_of_keyword_value(text, value);
    shown.append(text.substr(copied, value - copied)).append(kHidden);
    copied = end;
    i = end - 1;
  }
  return shown.append(text.substr(copied));
}

// ---- scheme://user:PASSWORD@host ----

struct Scheme {
  std::string name;  // in lower case; "" where there is none
  size_t slashes = 0;

  bool is_postgresql() const { return name.ends_with("postgresql") || name.ends_with("postgres"); }
  // What follows may name a user: not so in a path.
  bool has_authority() const {
    if (name.empty() || (slashes == 0 && !is_postgresql())) return false;
    return !(name == "sqlite" && slashes >= 3);
  }
};

bool is_of_scheme(char c) { return is_letter_or_digit(c) || is_one_of("+-.", c); }

size_t begin_of_scheme(std::string_view text, size_t colon) {
  size_t begin = colon;
  while (begin > 0 && is_of_scheme(text[begin - 1])) --begin;
  return begin;
}

Scheme scheme_at(std::string_view text, size_t colon) {
  const size_t begin = begin_of_scheme(text, colon);
  const size_t path = std::min(text.find_first_not_of('/', colon + 1), text.size());
  return {lower_case(text.substr(begin, colon - begin)), path - colon - 1};
}

// Where the next URL of a message begins, which is not part of the one before it.
size_t next_url(std::string_view text, size_t from) {
  for (size_t at = text.find("://", from); at != std::string_view::npos;
       at = text.find("://", at + 1)) {
    const size_t begin = begin_of_scheme(text, at);
    if (begin > from && begin < at &&
        (is_one_of(kBlanks, text[begin - 1]) || is_one_of("('\"`", text[begin - 1])))
      return begin;
  }
  return text.size();
}

// "host:5432,[::1]:5433/database": nothing in it is a password.
bool has_ports(std::string_view hosts) {
  hosts = hosts.substr(0, hosts.find_first_of("/?#'\"` \t\r\n"));
  while (!hosts.empty() && is_one_of(kClosing, hosts.back())) hosts.remove_suffix(1);
  while (!hosts.empty()) {
    std::string_view host = hosts.substr(0, hosts.find(','));
    hosts.remove_prefix(std::min(hosts.size(), host.size() + 1));
    if (host.starts_with('[')) {
      const size_t close = host.find(']');
      if (host.substr(0, close).find_first_not_of("[0123456789abcdefABCDEF:.") !=
          std::string_view::npos)
        return false;
      host.remove_prefix(std::min(host.size(), close));
    }
    const size_t colon = host.find(':');
    if (colon != std::string_view::npos &&
        host.find_first_not_of("0123456789", colon + 1) != std::string_view::npos)
      return false;
  }
  return true;
}

constexpr size_t kLongestInPath = 1000, kLongestHosts = 4000;

struct Part {
  size_t begin = 0, end = 0;
  bool empty() const { return begin == end; }
};

// The password of the URL whose user begins at `user`; `end` is where the message goes on, and
// `last_at` the last '@' before that.
Part password_at(std::string_view text, const Scheme& scheme, size_t user, size_t end,
                 size_t last_at) {
  const size_t colon = text.find(':', user);
  if (colon >= end) return {};
  const size_t begin = colon + 1;
  const std::string_view name = text.substr(user, colon - user);
  const bool in_path = name.find_first_of("/?#") != std::string_view::npos;
  std::string_view rest = text.substr(begin, end - begin);
  if (in_path) {
    rest = rest.substr(0, kLongestInPath);
    rest = rest.substr(0, rest.find_first_of(" \t\r\n'\"`"));
    const size_t at = rest.rfind('@');
    return at == std::string_view::npos ? Part{} : Part{begin, begin + at};
  }
  if (last_at != std::string_view::npos && last_at >= begin) return {begin, last_at};
  const bool is_list = name.find('=') != std::string_view::npos;  // host=... port=...
  const bool is_word =
      !rest.empty() && !is_one_of(kBlanks, rest[0]) && !is_one_of(kQuotes, rest[0]);
  if (is_list || !is_word || (scheme.slashes < 2 && !scheme.is_postgresql())) return {};
  const size_t host = name.rfind('@') == std::string_view::npos ? 0 : name.rfind('@') + 1;
  if (has_ports(text.substr(user + host, std::min(end - user - host, kLongestHosts)))) return {};
  return {begin, end_of_open_value(text.substr(0, end), begin)};
}

std::string hide_in_urls(std::string_view text) {
  std::string shown;
  size_t copied = 0, next = 0, last_at = std::string_view::npos;
  for (size_t colon = text.find(':'); colon != std::string_view::npos;
       colon = text.find(':', colon + 1)) {
    const Scheme scheme = scheme_at(text, colon);
    if (colon < copied || !scheme.has_authority()) continue;
    const size_t user = colon + 1 + scheme.slashes;
    if (next <= user) {
      next = next_url(text, user);
      last_at = text.substr(user, next - user).rfind('@');
      if (last_at != std::string_view::npos) last_at += user;
    }
    const Part password = password_at(text, scheme, user, next, last_at);
    if (password.empty() || is_hidden(text.substr(password.begin))) continue;
    shown.append(text.substr(copied, password.begin - copied)).append(kHidden);
    copied = password.end;
  }
  return shown.append(text.substr(copied));
}

}  // namespace

std::string without_passwords(std::string_view text) { return hide_in_urls(hide_values(text)); }

}  // namespace metaqnn
