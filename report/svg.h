// How is a figure of a report drawn? Axes with round ticks and marks between them, as SVG inside a
// page, which gives classes their colours and fonts (report/page.cc).
//
//   Chart chart(kWide, "Accuracy of each trial", whole_axis("trial", 1, 1000),
//               linear_axis("validation accuracy", 0.1, 0.9));
//   chart.mark(Mark::dot, points, "searched");    // thousands of them are one path
//   chart.svg();
//
// Coordinates have one decimal, a tenth of the unit that is about a pixel. A picture brings its own
// style, and is a file of its own as it stands.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace metaqnn::report {

// Text for HTML and SVG, between tags and in quoted attributes. Control characters, which neither
// may hold, and bytes that are no UTF-8 become U+FFFD.
std::string escaped(std::string_view text);

// How much room a picture has. Letters are of one size in all of them.
struct Canvas {
  double width = 0, height = 0;
};
constexpr Canvas kWide{880, 400};
constexpr Canvas kNarrow{400, 360};  // of a phone

// What gives the classes of pictures their colours and fonts, as CSS.
std::string figure_style();

struct Tick {
  double value = 0;
  std::string label;
};

struct Axis {
  std::string title;  // with its unit
  double from = 0, to = 1;
  bool logarithmic = false;
  std::vector<Tick> ticks;

  double share(double value) const;  // 0 at `from`, 1 at `to`
};

// Around [low, high], from a tick to a tick; their distance is 1, 2 or 5 times a power of ten.
Axis linear_axis(const std::string& title, double low, double high);
// From exactly `low` to exactly `high`, or one further where they are equal; ticks at whole
// numbers.
Axis whole_axis(const std::string& title, int64_t low, int64_t high);
// From 0 to a tick at a whole number that is not below `high`.
Axis count_axis(const std::string& title, int64_t high);
// Around [low, high], both above 0; ticks at 1, 2, 5, 10, ..., over many decades at powers of ten.
Axis logarithmic_axis(const std::string& title, double low, double high);
// `labels` side by side, the first at 0, the next at 1.
Axis label_axis(const std::string& title, const std::vector<std::string>& labels);

// The smallest of 1, 2, 5 times a power of ten that is not below `least`, which is above 0.
double round_step(double least);

struct Point {
  double x = 0, y = 0;
};

// Two corners, lower left and upper right.
struct Bar {
  Point low, high;
};

// From one place of the x axis to another.
struct Stretch {
  double from = 0, to = 0;
  std::string label;
};

enum class Mark { dot, cross, diamond, ring };

// A line's last point, and what is written beside it.
struct NamedEnd {
  Point end;
  std::string name, css_class;
};

class Chart {
 public:
  // `name` is read out by programs for the blind.
  Chart(const Canvas& canvas, std::string name, Axis x, Axis y);

  // `css_class` gives the colour. Marks cover those that were added before.
  void mark(Mark mark, const std::vector<Point>& points, const std::string& css_class,
            double size = 3);
  void line(const std::vector<Point>& points, const std::string& css_class);
  void bars(const std::vector<Bar>& bars, const std::string& css_class);
  // Between two lines of as many points.
  void band(const std::vector<Point>& low, const std::vector<Point>& high,
            const std::string& css_class);
  // Upright, from the lower end to the upper one.
  void whiskers(const std::vector<Bar>& whiskers, const std::string& css_class);
  // Text that pops up over a place.
  void hint(const Point& point, const std::string& text);
  void text(const Point& point, const std::string& text, const std::string& css_class,
            double shift_x = 0, double shift_y = 0);
  // Text beside a place, moved up or down by `shift_y`, and a line to it.
  void pointer(const Point& point, const std::string& text, const std::string& css_class,
               double shift_y);
  // Right of the plot, for names of so many letters; before anything is drawn.
  void leave_room(size_t letters);
  // Names at the ends of lines, one below the other where lines end too close together.
  void name_lines(std::vector<NamedEnd> ends);
  // Before anything is drawn. Every second one shaded; their labels stand above the plot where they have room, after `title`.
  void stretches(const std::string& title, const std::vector<Stretch>& stretches);
  // A line above the plot, before what it means.
  void heading(const std::string& text);
  // What a class means; beside each other above the plot, in as many lines as they need.
  void legend(Mark mark, const std::string& label, const std::string& css_class);
  void legend_line(const std::string& label, const std::string& css_class);
  // Classes from the worst to the best, between two labels.
  void legend_scale(const std::string& worst, const std::vector<std::string>& css_classes,
                    const std::string& best);

  double height_of(double y) const;  // in the units of the picture, from its top

  std::string svg() const;

 private:
  friend std::string picture_of(const Canvas&, const std::string&, size_t,
                                const std::vector<Chart>&);
  // Drawn at the left end of its line.
  struct LegendItem {
    double width;
    std::string shapes;
  };

  double bottom() const;
  double across(double x) const;
  std::string axes() const;
  std::string content() const;
  double extra_height() const;  // of the legend's further lines, above 0
  void add_legend(const std::string& shapes, double width, const std::string& label);
  std::vector<std::vector<LegendItem>> legend_rows() const;

  Canvas canvas_;
  std::string name_;
  Axis x_, y_;
  std::string background_, marks_;
  std::vector<LegendItem> legend_;
  double top_, right_;
};

// Charts of the same canvas side by side, so many in a row.
std::string picture_of(const Canvas& canvas, const std::string& name, size_t columns,
                       const std::vector<Chart>& charts);

}  // namespace metaqnn::report
