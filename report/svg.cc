#include "report/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/numbers.h"
#include "metaqnn/base/error.h"

namespace metaqnn::report {
namespace {

// Around the plot.
constexpr double kLeft = 72, kMarginRight = 22, kTop = 36, kTopBelowStretches = 64,
                 kMarginBottom = 60;
constexpr double kLegendHeight = 17, kLegendLine = 20, kStretchHeight = 48;
constexpr double kLetterWidth = 7.2;   // of the legend's font, rather more than less
constexpr double kRoomOfPointer = 38;  // from the plot to its text
constexpr double kWholeLine = 1e9;     // of a legend
constexpr int kMostTicks = 10;

// Colours from the set of Okabe and Ito, which people with any colour vision tell apart; marks
// differ in shape as well.
constexpr const char* kFigureStyle = R"(
:root { color-scheme: light dark;
  --paper: #ffffff; --ink: #1d2329; --soft: #57616b; --rule: #d9dee3; --shade: #f2f5f7;
  --searched: #0072b2; --screened: #d55e00; --failed: #85898e; --best: #1d2329; --curve: #6fa8cf;
  --line1: #0072b2; --line2: #d55e00; --line3: #009e73; --line4: #aa4499; --line5: #b8860b;
  --line6: #1d2329;
  --level1: #d8c6e8; --level2: #b3a5dc; --level3: #7f8fd0; --level4: #4a80b8; --level5: #237f96;
  --level6: #1f8a68; --level7: #7a8a00; --level8: #c26a00; }
@media screen and (prefers-color-scheme: dark) { :root {
  --paper: #14181c; --ink: #e8ecef; --soft: #a3adb6; --rule: #353d45; --shade: #1e242a;
  --searched: #56b4e9; --screened: #f0a030; --failed: #9aa3ab; --best: #f4f6f8;
  --curve: #4f86ab;
  --line1: #56b4e9; --line2: #f0a030; --line3: #40c9a2; --line4: #dd88cc; --line5: #f0e442;
  --line6: #f4f6f8;
  --level1: #4a3a66; --level2: #54508f; --level3: #4f6ab0; --level4: #3f8ac0; --level5: #35a3b0;
  --level6: #4cbd8e; --level7: #b0d04a; --level8: #ffd23c; } }
svg { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
svg text { fill: var(--ink); font-variant-numeric: tabular-nums; }
svg .middle { text-anchor: middle; } svg .end { text-anchor: end; }
svg .title { fill: var(--soft); font-size: 14px; } svg .strong { font-weight: 700; }
svg .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px;
  stroke-linejoin: round; }
svg .grid { stroke: var(--rule); } svg .axis { stroke: var(--soft); } 
svg .stretch { fill: var(--shade); }
svg .dot { fill: none; stroke: var(--mark); stroke-linecap: round; }
svg .solid { fill: var(--mark); stroke: var(--paper); stroke-width: .8; }
svg .bar { fill: var(--mark); }
svg .stroke { fill: none; stroke: var(--mark); stroke-width: 1.6; stroke-linejoin: round; }
svg .hint { fill: transparent; } svg .paper { fill: var(--paper); }
svg .searched { --mark: var(--searched); } svg .screened { --mark: var(--screened); }
svg .failed { --mark: var(--failed); } svg .best { --mark: var(--best); }
svg .curve { --mark: var(--curve); }
svg .line1 { --mark: var(--line1); }
svg .line2 { --mark: var(--line2); }
svg .line3 { --mark: var(--line3); }
svg .line4 { --mark: var(--line4); }
svg .line5 { --mark: var(--line5); }
svg .line6 { --mark: var(--line6); }
svg .level1 { --mark: var(--level1); }
svg .level2 { --mark: var(--level2); }
svg .level3 { --mark: var(--level3); }
svg .level4 { --mark: var(--level4); }
svg .level5 { --mark: var(--level5); }
svg .level6 { --mark: var(--level6); }
svg .level7 { --mark: var(--level7); }
svg .level8 { --mark: var(--level8); }
svg .band { fill: var(--mark); opacity: .22; } svg .whisker { opacity: .3; }
)";

// ---- Text ----

// Bytes of the UTF-8 letter that begins here; 0 where there is none.
size_t letter_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t length = byte(0) < 0x80                      ? 1
                        : byte(0) >= 0xC2 && byte(0) < 0xE0 ? 2
                        : byte(0) >= 0xE0 && byte(0) < 0xF0 ? 3
                        : byte(0) >= 0xF0 && byte(0) < 0xF5 ? 4
                                                            : 0;
  if (length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (length < 3) return length;
  // Longer than need be, a surrogate, or beyond the last letter.
  const unsigned first_two = byte(0) << 8 | byte(1);
  const bool wrong = (first_two >= 0xE080 && first_two < 0xE0A0) || first_two >= 0xF490 ||
                     (first_two >= 0xEDA0 && first_two < 0xEE00) ||
                     (first_two >= 0xF080 && first_two < 0xF090);
  return wrong ? 0 : length;
}

bool is_control(std::string_view letter) {
  const auto first = static_cast<unsigned char>(letter[0]);
  if (first == 0xC2) return static_cast<unsigned char>(letter[1]) < 0xA0;
  return (first < 0x20 && first != '\t' && first != '\n') || first == 0x7F ||
         letter == "\xEF\xBF\xBE" || letter == "\xEF\xBF\xBF";
}

std::string escaped_letter(std::string_view letter) {
  switch (letter[0]) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return std::string(letter);
  }
}

// ---- Ticks ----

int decimals_of(double step) {
  return std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
}

double whole_step(double range) { return std::max(1.0, round_step(range / kMostTicks)); }

// The `index`th of ..., 0.5, 1, 2, 5, 10, ...; 1 is the 0th.
double in_row_of_1_2_5(int index) {
  constexpr double kFactors[] = {1, 2, 5};
  const int decade = static_cast<int>(std::floor(index / 3.0));
  return kFactors[index - 3 * decade] * std::pow(10, decade);
}

// 20000 as "20 k".
std::string short_label(double value) {
  if (value >= 1e9) return fmt::format("{:g} G", value / 1e9);
  if (value >= 1e6) return fmt::format("{:g} M", value / 1e6);
  if (value >= 1e3) return fmt::format("{:g} k", value / 1e3);
  return fmt::format("{:g}", value);
}

// ---- Numbers and shapes ----

// "12.3", "12".
std::string number(double value) {
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

// A piece of a path. A dot is a line of no length whose ends are round.
std::string shape(Mark mark, double x, double y, double size) {
  const std::string s = number(size), d = number(2 * size);
  switch (mark) {
    case Mark::dot:
      return fmt::format("M{} {}h0", number(x), number(y));
    case Mark::cross:
      return fmt::format("M{} {}l{} {}m0-{}l-{} {}", number(x - size), number(y - size), d, d, d, d,
                         d);
    case Mark::diamond:
      return fmt::format("M{} {}l{} {}l-{} {}l-{}-{}z", number(x), number(y - size), s, s, s, s, s,
                         s);
    case Mark::ring:
      return fmt::format("M{} {}a{} {} 0 1 0 {} 0a{} {} 0 1 0-{} 0z", number(x - size), number(y),
                         s, s, d, s, s, d);
  }
  METAQNN_ASSERT(false, fmt::format("no such mark: {}", static_cast<int>(mark)));
}

std::string_view class_of(Mark mark) {
  return mark == Mark::dot ? "dot" : mark == Mark::diamond ? "solid" : "stroke";
}

std::string path(Mark mark, const std::string& shapes, const std::string& css_class, double size) {
  const std::string width =
      mark == Mark::dot ? fmt::format(" stroke-width=\"{}\"", number(2 * size)) : "";
  return fmt::format("<path class=\"{} {}\"{} d=\"{}\"/>\n", class_of(mark), css_class, width,
                     shapes);
}

std::string straight(double x1, double y1, double x2, double y2, std::string_view css_class) {
  return fmt::format("<path class=\"{}\" d=\"M{} {}L{} {}\"/>\n", css_class, number(x1), number(y1),
                     number(x2), number(y2));
}

std::string label(double x, double y, std::string_view css_class, const std::string& text) {
  return fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\">{}</text>\n", number(x), number(y),
                     css_class, escaped(text));
}

}  // namespace

std::string figure_style() { return kFigureStyle; }

std::string escaped(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const size_t length = letter_length(text.substr(i));
    const std::string_view letter = text.substr(i, std::max<size_t>(1, length));
    result += length == 0 || is_control(letter) ? "\xEF\xBF\xBD" : escaped_letter(letter);
    i += letter.size();
  }
  return result;
}

// ---- Axes ----

double round_step(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

double Axis::share(double value) const {
  if (logarithmic) return std::log(value / from) / std::log(to / from);
  return (value - from) / (to - from);
}

Axis linear_axis(const std::string& title, double low, double high) {
  const double middle = (low + high) / 2, least = std::max(1e-6, std::abs(middle) * 1e-6);
  if (high - low < least) {
    low = middle - least;
    high = middle + least;
  }
  const double step = round_step((high - low) / (kMostTicks - 1));
  const double first = std::floor(low / step + 1e-6), last = std::ceil(high / step - 1e-6);
  Axis axis{title, first * step, last * step, false, {}};
  for (double i = first; i <= last; ++i)
    axis.ticks.push_back({i * step, fmt::format("{:.{}f}", i * step + 0.0, decimals_of(step))});
  return axis;
}

Axis whole_axis(const std::string& title, int64_t low, int64_t high) {
  high = std::max(low + 1, high);
  Axis axis{title, static_cast<double>(low), static_cast<double>(high), false, {}};
  const auto step = static_cast<int64_t>(whole_step(static_cast<double>(high - low)));
  for (int64_t value = (low + step - 1) / step * step; value <= high; value += step)
    axis.ticks.push_back({static_cast<double>(value), grouped(value)});
  return axis;
}

Axis count_axis(const std::string& title, int64_t high) {
  const double step = whole_step(static_cast<double>(high));
  return whole_axis(title, 0,
                    static_cast<int64_t>(std::ceil(static_cast<double>(high) / step) * step));
}

Axis logarithmic_axis(const std::string& title, double low, double high) {
  METAQNN_ASSERT(low > 0 && low <= high,
                 fmt::format("no logarithmic axis from {} to {}", low, high));
  int first = static_cast<int>(std::floor(3 * std::log10(low))) - 1;
  while (in_row_of_1_2_5(first + 1) <= low) ++first;
  int last = first + 1;
  while (in_row_of_1_2_5(last) < high) ++last;
  Axis axis{title, in_row_of_1_2_5(first), in_row_of_1_2_5(last), true, {}};
  const bool many = last - first > 12;
  for (int i = first; i <= last; ++i) {
    if (!many || i % 3 == 0)
      axis.ticks.push_back({in_row_of_1_2_5(i), short_label(in_row_of_1_2_5(i))});
  }
  return axis;
}

Axis label_axis(const std::string& title, const std::vector<std::string>& labels) {
  Axis axis{title, -0.5, static_cast<double>(labels.size()) - 0.5, false, {}};
  // Names of a few letters have room beside each other; of more than this, some are left out.
  constexpr size_t kMostLabels = 20;
  const size_t every = (labels.size() + kMostLabels - 1) / kMostLabels;
  for (size_t i = 0; i < labels.size(); i += every)
    axis.ticks.push_back({static_cast<double>(i), labels[i]});
  return axis;
}

// ---- Chart ----

Chart::Chart(const Canvas& canvas, std::string name, Axis x, Axis y)
    : canvas_(canvas),
      name_(std::move(name)),
      x_(std::move(x)),
      y_(std::move(y)),
      top_(kTop),
      right_(canvas.width - kMarginRight) {}

double Chart::bottom() const { return canvas_.height - kMarginBottom; }

double Chart::across(double x) const { return kLeft + (right_ - kLeft) * x_.share(x); }

double Chart::height_of(double y) const { return bottom() - (bottom() - top_) * y_.share(y); }

void Chart::mark(Mark mark, const std::vector<Point>& points, const std::string& css_class,
                 double size) {
  if (points.empty()) return;
  std::string shapes;
  for (const Point& point : points)
    shapes += shape(mark, across(point.x), height_of(point.y), size);
  marks_ += path(mark, shapes, css_class, size);
}

void Chart::line(const std::vector<Point>& points, const std::string& css_class) {
  if (points.empty()) return;
  std::string shapes, last_x, last_y;
  for (const Point& point : points) {
    const std::string x = number(across(point.x)), y = number(height_of(point.y));
    if (shapes.empty()) {
      shapes = "M" + x + " " + y;
    } else if (y == last_y) {
      shapes += "H" + x;
    } else if (x == last_x) {
      shapes += "V" + y;
    } else {
      shapes += "L" + x + " " + y;
    }
    last_x = x;
    last_y = y;
  }
  marks_ += fmt::format("<path class=\"stroke {}\" d=\"{}\"/>\n", css_class, shapes);
}

void Chart::bars(const std::vector<Bar>& bars, const std::string& css_class) {
  if (bars.empty()) return;
  std::string shapes;
  constexpr double kGap = 0.5;  // half of that between neighbours
  for (const Bar& bar : bars) {
    const std::string low = number(height_of(bar.low.y));
    shapes += fmt::format("M{} {}V{}H{}V{}z", number(across(bar.low.x) + kGap), low,
                          number(height_of(bar.high.y)), number(across(bar.high.x) - kGap), low);
  }
  marks_ += fmt::format("<path class=\"bar {}\" d=\"{}\"/>\n", css_class, shapes);
}

void Chart::hint(const Point& point, const std::string& text) {
  marks_ +=
      fmt::format("<circle class=\"hint\" cx=\"{}\" cy=\"{}\" r=\"7\"><title>{}</title></circle>\n",
                  number(across(point.x)), number(height_of(point.y)), escaped(text));
}

void Chart::text(const Point& point, const std::string& text, const std::string& css_class,
                 double shift_x, double shift_y) {
  marks_ += label(across(point.x) + shift_x, height_of(point.y) + shift_y, css_class, text);
}

void Chart::pointer(const Point& point, const std::string& text, const std::string& css_class,
                    double shift_y) {
  constexpr double kGap = 5, kLength = 14;
  const double x = across(point.x) + kGap, y = height_of(point.y);
  marks_ += straight(x, y, x + kLength, y + shift_y, "axis");
  marks_ += label(x + kLength + kGap, y + shift_y + 4.5, css_class, text);
}

void Chart::leave_room(size_t letters) {
  right_ = std::min(right_,
                    canvas_.width - kRoomOfPointer - kLetterWidth * static_cast<double>(letters));
}

void Chart::name_lines(std::vector<NamedEnd> ends) {
  constexpr double kLine = 15;
  if (ends.empty()) return;
  std::stable_sort(ends.begin(), ends.end(),
                   [](const NamedEnd& a, const NamedEnd& b) { return a.end.y > b.end.y; });
  std::vector<double> heights;
  for (const NamedEnd& named : ends) {
    const double height = height_of(named.end.y);
    heights.push_back(heights.empty() ? height : std::max(height, heights.back() + kLine));
  }
  // All of them back by as much as they were pushed down in the mean.
  double pushed = 0;
  for (size_t i = 0; i < ends.size(); ++i) pushed += heights[i] - height_of(ends[i].end.y);
  const double back = pushed / static_cast<double>(ends.size());
  for (size_t i = 0; i < ends.size(); ++i)
    pointer(ends[i].end, ends[i].name, ends[i].css_class,
            heights[i] - back - height_of(ends[i].end.y));
}

void Chart::stretches(const std::string& title, const std::vector<Stretch>& stretches) {
  METAQNN_ASSERT(marks_.empty(), "stretches move what is drawn");
  top_ = kTopBelowStretches;
  background_ += label(kLeft - 8, kStretchHeight, "end", title);
  double free_from = kLeft;
  for (size_t i = 0; i < stretches.size(); ++i) {
    const double left = across(stretches[i].from), right = across(stretches[i].to);
    if (i % 2 == 1) {
      background_ += fmt::format("<path class=\"stretch\" d=\"M{} {}H{}V{}H{}z\"/>\n", number(left),
                                 number(top_), number(right), number(bottom()), number(left));
    }
    const double middle = (left + right) / 2,
                 half = kLetterWidth / 2 * static_cast<double>(stretches[i].label.size());
    if (middle - half < free_from) continue;
    background_ += label(middle, kStretchHeight, "middle", stretches[i].label);
    free_from = middle + half + kLetterWidth / 2;
  }
}

void Chart::band(const std::vector<Point>& low, const std::vector<Point>& high,
                 const std::string& css_class) {
  if (low.empty()) return;
  std::vector<Point> around = low;
  around.insert(around.end(), high.rbegin(), high.rend());
  std::string shapes;
  for (const Point& point : around)
    shapes += fmt::format("{}{} {}", shapes.empty() ? "M" : "L", number(across(point.x)),
                          number(height_of(point.y)));
  marks_ += fmt::format("<path class=\"band {}\" d=\"{}z\"/>\n", css_class, shapes);
}

void Chart::whiskers(const std::vector<Bar>& whiskers, const std::string& css_class) {
  if (whiskers.empty()) return;
  std::string shapes;
  for (const Bar& whisker : whiskers)
    shapes += fmt::format("M{} {}V{}", number(across(whisker.low.x)),
                          number(height_of(whisker.low.y)), number(height_of(whisker.high.y)));
  marks_ += fmt::format("<path class=\"stroke whisker {}\" d=\"{}\"/>\n", css_class, shapes);
}

// ---- Above the plot ----

void Chart::heading(const std::string& text) {
  legend_.push_back({kWholeLine, label(-kLeft + 12, 0, "strong", text)});
}

void Chart::legend(Mark mark, const std::string& name, const std::string& css_class) {
  add_legend(path(mark, shape(mark, 6, -4, 4), css_class, 4), 18, name);
}

void Chart::legend_line(const std::string& name, const std::string& css_class) {
  add_legend(straight(-3, -4, 13, -4, "stroke " + css_class), 18, name);
}

void Chart::legend_scale(const std::string& worst, const std::vector<std::string>& css_classes,
                         const std::string& best) {
  const double begin = kLetterWidth * static_cast<double>(worst.size()) + 8;
  std::string shapes = label(0, 0, "", worst);
  double x = begin;
  for (const std::string& css_class : css_classes) {
    shapes +=
        fmt::format("<path class=\"bar {}\" d=\"M{} 0h13v-11h-13z\"/>\n", css_class, number(x));
    x += 14;
  }
  add_legend(shapes, x + 6, best);
}

void Chart::add_legend(const std::string& shapes, double width, const std::string& name) {
  legend_.push_back({width + kLetterWidth * static_cast<double>(name.size()) + 22,
                     shapes + label(width, 0, "", name)});
}

std::vector<std::vector<Chart::LegendItem>> Chart::legend_rows() const {
  std::vector<std::vector<LegendItem>> rows;
  double end = kWholeLine;
  for (const LegendItem& item : legend_) {
    if (end + item.width > canvas_.width - kLeft) {
      rows.emplace_back();
      end = 0;
    }
    rows.back().push_back(item);
    end += item.width;
  }
  return rows;
}

double Chart::extra_height() const {
  return kLegendLine * std::max(0.0, static_cast<double>(legend_rows().size()) - 1);
}

// ---- The whole ----

std::string Chart::axes() const {
  std::string text;
  for (const Tick& tick : y_.ticks) {
    const double y = height_of(tick.value);
    text += straight(kLeft, y, right_, y, "grid") + label(kLeft - 8, y + 4.5, "end", tick.label);
  }
  // As many labels as have room.
  double widest = 0;
  for (const Tick& tick : x_.ticks)
    widest = std::max(widest, kLetterWidth * static_cast<double>(tick.label.size() + 2));
  const double room = (right_ - kLeft) / std::max<double>(1, static_cast<double>(x_.ticks.size()));
  const auto every = static_cast<size_t>(std::max(1.0, std::ceil(widest / room)));
  for (size_t i = 0; i < x_.ticks.size(); ++i) {
    const double x = across(x_.ticks[i].value);
    text += straight(x, bottom(), x, bottom() + 5, "axis");
    if (i % every == 0) text += label(x, bottom() + 21, "middle", x_.ticks[i].label);
  }
  if (!x_.ticks.empty()) text += straight(kLeft, bottom(), right_, bottom(), "axis");
  text += label((kLeft + right_) / 2, canvas_.height - 14, "middle title", x_.title);
  text += fmt::format(
      "<text class=\"middle title\" transform=\"translate(18 {}) rotate(-90)\">{}</text>\n",
      number((top_ + bottom()) / 2), escaped(y_.title));
  return text;
}

std::string Chart::content() const {
  std::string text = background_ + axes() + marks_;
  const std::vector<std::vector<LegendItem>> rows = legend_rows();
  for (size_t row = 0; row < rows.size(); ++row) {
    double x = kLeft;
    const double y = kLegendHeight - kLegendLine * static_cast<double>(rows.size() - 1 - row);
    for (const LegendItem& item : rows[row]) {
      text += fmt::format("<g transform=\"translate({} {})\">{}</g>\n", number(x), number(y),
                          item.shapes);
      x += item.width;
    }
  }
  return text;
}

std::string Chart::svg() const { return picture_of(canvas_, name_, 1, {*this}); }

std::string picture_of(const Canvas& canvas, const std::string& name, size_t columns,
                       const std::vector<Chart>& charts) {
  double extra = 0;
  for (const Chart& chart : charts) extra = std::max(extra, chart.extra_height());
  const size_t rows = (charts.size() + columns - 1) / columns;
  const double across = canvas.width, down = canvas.height + extra;
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
      "aria-label=\"{}\">\n<style>{}</style>\n"
      "<rect width=\"100%\" height=\"100%\" class=\"paper\"/>\n",
      number(across * static_cast<double>(std::min(columns, charts.size()))),
      number(down * static_cast<double>(rows)), escaped(name), kFigureStyle);
  for (size_t i = 0; i < charts.size(); ++i) {
    text +=
        fmt::format("<g transform=\"translate({} {})\">\n{}</g>\n",
                    number(across * static_cast<double>(i % columns)),
                    number(down * static_cast<double>(i / columns) + extra), charts[i].content());
  }
  return text + "</svg>\n";
}

}  // namespace metaqnn::report
