// report as a user calls it: what the page holds, for studies of every kind, and that it is written
// whole or not at all.
#include "metaqnn/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "metaqnn/search/search.h"
#include "metaqnn/search/study/study.h"
#include "tests/cli/run_program.h"

namespace metaqnn::tests {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// ---- Reading a page ----

struct Element {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;  // of its children too
  std::vector<Element> children;

  std::string attribute(const std::string& key) const {
    const auto found = attributes.find(key);
    return found == attributes.end() ? "" : found->second;
  }

  std::vector<Element> all(const std::function<bool(const Element&)>& holds) const {
    std::vector<Element> found;
    for (const Element& child : children) {
      if (holds(child)) found.push_back(child);
      for (Element& further : child.all(holds)) found.push_back(std::move(further));
    }
    return found;
  }
  std::vector<Element> all(const std::string& wanted) const {
    return all([&](const Element& element) { return element.name == wanted; });
  }
  std::vector<Element> of_class(const std::string& wanted) const {
    return all([&](const Element& element) { return element.attribute("class") == wanted; });
  }
};

// A strict parser of what a page may hold: elements, attributes in double quotes, text, and the
// entities of special letters. Throws std::runtime_error at the first mistake.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Element parse() {
    expect("<!DOCTYPE html>\n");
    Element root = element();
    expect("\n");
    if (at_ != text_.size()) fail("something after the end");
    return root;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(what + " at byte " + std::to_string(at_) + ": " +
                             std::string(text_.substr(at_, 60)));
  }
  bool take(std::string_view token) {
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!take(token)) fail("not " + std::string(token));
  }
  std::string until(std::string_view stops) {
    const size_t end = text_.find_first_of(stops, at_);
    if (end == std::string_view::npos) fail("no end");
    const std::string found(text_.substr(at_, end - at_));
    at_ = end;
    return found;
  }

  Element element() {
    expect("<");
    Element element;
    element.name = until(" />\n");
    while (take(" ")) {
      const std::string key = until("=<> ");
      expect("=\"");
      if (!element.attributes.emplace(key, plain("\"")).second) fail("twice the same attribute");
      expect("\"");
    }
    if (take("/>")) return element;
    expect(">");
    while (!take("</" + element.name + ">")) {
      if (text_.substr(at_, 1) == "<") {
        element.children.push_back(this->element());
        element.text += element.children.back().text;
      } else {
        if (text_.substr(at_, 1) == ">") fail("a bare >");
        element.text += plain("<");
      }
    }
    return element;
  }

  // Text up to one of the stops, its entities resolved.
  std::string plain(const std::string& stops) {
    static const std::map<std::string, std::string> kEntities{
        {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}};
    std::string text;
    while (true) {
      text += until(stops + "<>&");
      if (text_[at_] != '&') return text;
      const std::string entity = until(";") + ";";
      const auto found = kEntities.find(entity);
      if (found == kEntities.end()) fail("no entity: " + entity);
      text += found->second;
      ++at_;
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

// The figure of a name, as a page of some width shows it.
Element figure(const Element& page, const std::string& name,
               const std::string& left_out = "narrow") {
  for (Element found : page.all("figure")) {
    if (found.attribute("id") != name) continue;
    std::erase_if(found.children,
                  [&](const Element& child) { return child.attribute("class") == left_out; });
    return found;
  }
  ADD_FAILURE() << "no figure " << name;
  return {};
}

bool is_drawn(const Element& figure) { return !figure.all("svg").empty(); }

// Heights in a picture as values of its vertical axis, by the labels of the ticks.
class Scale {
 public:
  explicit Scale(const Element& figure) {
    for (const Element& label : figure.of_class("end")) {
      char* end = nullptr;
      const double value = std::strtod(label.text.c_str(), &end);
      if (*end == '\0') ticks_.emplace_back(std::stod(label.attribute("y")) - 4.5, value);
    }
  }
  double value(double height) const {
    const auto& [low_height, low] = ticks_.front();
    const auto& [high_height, high] = ticks_.back();
    return low + (high - low) * (height - low_height) / (high_height - low_height);
  }
  double tolerance() const { return std::abs(value(0.11) - value(0)); }  // coordinates are rounded

 private:
  std::vector<std::pair<double, double>> ticks_;
};

// Where the pieces of a path begin: "M10 20h0M30 40h0".
std::vector<std::pair<double, double>> starts(const Element& path) {
  std::vector<std::pair<double, double>> found;
  const std::string shapes = path.attribute("d");
  for (size_t at = shapes.find('M'); at != std::string::npos; at = shapes.find('M', at + 1)) {
    std::istringstream in(shapes.substr(at + 1));
    double x = 0, y = 0;
    in >> x >> y;
    found.emplace_back(x, y);
  }
  return found;
}

// The marks of the plot of a class; the last path with that class is that of the legend.
std::vector<std::pair<double, double>> marks(const Element& figure, const std::string& css_class) {
  const std::vector<Element> paths = figure.of_class(css_class);
  if (paths.empty()) return {};
  return starts(paths[0]);
}

std::string four_decimals(double value) {
  std::ostringstream out;
  out.setf(std::ios::fixed);
  out.precision(4);
  out << value;
  return out.str();
}

// ---- Studies ----

// 64 strings of three tokens.
class ReportCommand : public testing::Test {
 protected:
  ReportCommand() {
    std::string table = "architecture,accuracy\n";
    const std::string tokens = "abcd";
    for (char first : tokens) {
      for (char second : tokens) {
        for (char third : tokens) {
          const std::string text{first, '-', second, '-', third};
          const int sum = 7 * (first - 'a') + 3 * (second - 'a') + third - 'a';
          table += text + ",0." + std::to_string(200 + 11 * sum) + "\n";
        }
      }
    }
    folder_.write("table.csv", table);
    folder_.write("search.toml", recipe("[[1.0, 12], [0.5, 12], [0.1, 12]]"));
  }

  static std::string recipe(const std::string& schedule, const std::string& strategy = "",
                            const std::string& evaluator = "") {
    return "seed = 2\n[space]\nkind = \"sequence\"\ntemplate = \"{}-{}-{}\"\n"
           "alphabet = [\"a\", \"b\", \"c\", \"d\"]\n[strategy]\n" +
           strategy + "schedule = " + schedule +
           "\n[evaluator]\nkind = \"table\"\nfile = \"table.csv\"\ntarget = \"accuracy\"\n" +
           evaluator;
  }

  std::string url() const { return folder_.url("study.db"); }
  std::filesystem::path output() const { return folder_ / "report.html"; }

  void search(const std::string& config = "search.toml") const {
    const Result result =
        run({"search", "--config", (folder_ / config).string(), "--study", url()});
    ASSERT_EQ(result.status, 0) << result.error;
  }

  // A study with what a log holds.
  void import(const std::string& log, const std::string& config = "search.toml") const {
    const Result result = run({"import", folder_.write("log.csv", log).string(), "--study", url(),
                               "--config", (folder_ / config).string()});
    ASSERT_EQ(result.status, 0) << result.error;
    ASSERT_EQ(result.error, "");
  }

  Element report() const {
    const Result result = run({"report", "--study", url(), "-o", output().string()});
    EXPECT_EQ(result.status, 0) << result.error;
    EXPECT_EQ(result.error, "");
    return Parser(read_text(output())).parse();
  }

  json trials(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"trials", "--study", url(), "--format", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return json::parse(run(arguments).output);
  }

  Folder folder_;
};

const char kLogHeader[] =
    "number,architecture,state,reason,validation_accuracy,epsilon,parameters,macs,seconds,origin,"
    "val_acc_1,val_acc_2\n";

std::vector<std::string> figure_names(const Element& page) {
  std::vector<std::string> names;
  for (const Element& figure : page.all("figure")) names.push_back(figure.attribute("id"));
  return names;
}

// ---- Tests ----

TEST_F(ReportCommand, NeedsNothingBesideThePage) {
  search();
  const Element page = report();
  for (const char* name : {"link", "img", "iframe", "object", "a", "use", "image"})
    EXPECT_THAT(page.all(name), IsEmpty()) << name;
  ASSERT_THAT(page.all("script"), SizeIs(1));
  EXPECT_THAT(page.all("script")[0].attributes, IsEmpty());
  std::string text = read_text(output());
  EXPECT_THAT(text, HasSubstr("content=\"default-src &#39;none&#39;;"));
  for (const std::string name : {" xmlns=\"http://www.w3.org/2000/svg\""}) {  // asked of nobody
    for (size_t at = text.find(name); at != std::string::npos; at = text.find(name))
      text.erase(at, name.size());
  }
  for (const char* outside : {"url(", "@import", "src=", "href=", "http:", "https:"})
    EXPECT_THAT(text, Not(HasSubstr(outside)));
  EXPECT_THAT(text, HasSubstr("prefers-color-scheme: dark"));
  EXPECT_THAT(text, HasSubstr("@media print"));
}

TEST_F(ReportCommand, SaysWhatItWrote) {
  search();
  const Result result = run({"report", "--study", url(), "-o", output().string()});
  EXPECT_THAT(result.output, testing::StartsWith(output().string() + ": 36 trials, "));
  EXPECT_EQ(count_lines(result.output), 1);
}

TEST_F(ReportCommand, IsTheSameForTheSameStateOfAStudy) {
  search();
  report();
  const std::string first = read_text(output());
  report();
  EXPECT_EQ(read_text(output()), first);
  EXPECT_EQ(report::report_page(*search::open_study_to_read(url())), first);
}

TEST_F(ReportCommand, AgreesWithTrialsOnTheBestTen) {
  search();
  const Element page = report();
  const json best = trials({"--top", "10"});
  ASSERT_EQ(best.size(), 10u);
  std::vector<Element> tables = page.all("table");
  std::erase_if(tables, [](const Element& table) {
    const std::vector<Element> heads = table.all("thead");
    return heads.empty() || heads[0].text.find("architecture") == std::string::npos;
  });
  ASSERT_THAT(tables, SizeIs(1));
  const std::vector<Element> rows = tables[0].all("tbody").at(0).all("tr");
  ASSERT_EQ(rows.size(), 10u);
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::vector<Element> cells = rows[i].all("td");
    ASSERT_THAT(cells, SizeIs(4));  // a table has neither parameters nor seconds
    EXPECT_EQ(cells[0].text, std::to_string(i + 1));
    EXPECT_EQ(cells[1].text, four_decimals(best[i]["validation_accuracy"]));
    EXPECT_EQ(cells[2].text, std::to_string(best[i]["number"].get<int>()));
    EXPECT_EQ(cells[3].text, best[i]["architecture"].get<std::string>());
  }
  EXPECT_THAT(page.text,
              HasSubstr("The study does not hold these of them: parameters, MACs, seconds."));
}

TEST_F(ReportCommand, SaysWhatWasSearched) {
  search();
  const std::string text = report().text;
  for (const char* fact :
       {"Search on table.csv, accuracy", "A Q-learning search. Its schedule is done.",
        "12 at epsilon 1, 12 at epsilon 0.5, 12 at epsilon 0.1", "64 architectures", "{}-{}-{}",
        "learning rate 0.01, discount 1", "metaqnn 0.1.0", "search: 36 networks", "seed2"})
    EXPECT_THAT(text, HasSubstr(fact));
}

TEST_F(ReportCommand, DrawsEveryTrialAtItsAccuracy) {
  search();
  const Element picture = figure(report(), "trials");
  const auto points = marks(picture, "dot searched");
  const Scale scale(picture);
  const json all = trials();
  ASSERT_EQ(points.size(), all.size());
  for (size_t i = 0; i < points.size(); ++i) {
    EXPECT_NEAR(scale.value(points[i].second), all[i]["validation_accuracy"].get<double>(),
                scale.tolerance());
    if (i > 0) {
      EXPECT_GT(points[i].first, points[i - 1].first);
    }
  }
  EXPECT_THAT(picture.text, HasSubstr("epsilon"));
  EXPECT_THAT(picture.of_class("stretch"), SizeIs(1));  // every second of 1, 0.5, 0.1
}

TEST_F(ReportCommand, AveragesTheSamplesOfEachEpsilonWithResamples) {
  search();
  const Element picture = figure(report(), "epsilon");
  std::map<double, std::pair<double, int>> sums;
  for (const json& sample : trials({"--samples"})) {
    auto& [sum, count] = sums[sample["epsilon"]];
    sum += sample["validation_accuracy"].get<double>();
    ++count;
  }
  ASSERT_EQ(sums.size(), 3u);
  ASSERT_GT(sums[0.1].second, 12);  // the agent repeats itself
  std::vector<std::string> means;
  for (const Element& label : picture.of_class("middle halo")) means.push_back(label.text);
  ASSERT_THAT(means, SizeIs(3));
  size_t i = 0;
  for (auto sum = sums.rbegin(); sum != sums.rend(); ++sum, ++i)
    EXPECT_EQ(means[i], four_decimals(sum->second.first / sum->second.second)) << sum->first;
  EXPECT_THAT(picture.text, HasSubstr(std::to_string(sums[0.1].second)));
}

TEST_F(ReportCommand, TheHistogramHoldsEveryNetworkOnce) {
  search();
  const Element picture = figure(report(), "histogram");
  const Scale scale(picture);
  double networks = 0;
  const std::string bars = picture.of_class("bar searched").at(0).attribute("d");
  std::istringstream in(bars);
  for (std::string bar; std::getline(in, bar, 'z');) {
    const double bottom = std::stod(bar.substr(bar.find(' ')));
    networks += scale.value(std::stod(bar.substr(bar.find('V') + 1))) - scale.value(bottom);
  }
  EXPECT_NEAR(networks, 36, 0.5);
}

TEST_F(ReportCommand, SaysWhatATableCannotGive) {
  search();
  const Element page = report();
  EXPECT_THAT(figure_names(page),
              ElementsAre("trials", "epsilon", "spread", "histogram", "q-values", "map", "why",
                          "predicted", "size", "curves"));
  EXPECT_TRUE(is_drawn(figure(page, "histogram")));
  EXPECT_FALSE(is_drawn(figure(page, "size")));
  EXPECT_THAT(figure(page, "size").text, HasSubstr("knows neither sizes nor times"));
  EXPECT_FALSE(is_drawn(figure(page, "curves")));
  EXPECT_THAT(figure(page, "curves").text, HasSubstr("holds no learning curves"));
}

TEST_F(ReportCommand, OtherStrategiesHaveNoEpsilon) {
  folder_.write("random.toml", recipe("[[1.0, 12]]", "kind = \"random\"\n"));
  search("random.toml");
  const Element page = report();
  EXPECT_FALSE(is_drawn(figure(page, "epsilon")));
  EXPECT_THAT(figure(page, "epsilon").text, HasSubstr("the strategy random has no epsilon"));
  EXPECT_TRUE(is_drawn(figure(page, "trials")));
  EXPECT_THAT(figure(page, "trials").of_class("stretch"), IsEmpty());
}

TEST_F(ReportCommand, DrawsSizesAndCurvesOfALogAndCountsFailures) {
  import(std::string(kLogHeader) +
         "1,a-a-a,complete,,0.5,1,1000,20000,3.5,,0.4,0.5\n"
         "2,a-a-b,complete,,0.7,1,20000,500000,4.5,,0.7,0.6\n"
         "3,a-a-c,failed,not learning,0.1,1,30000,500000,4.5,,,\n"
         "4,a-a-d,failed,out of memory,,0.5,90000000,,,,,\n"
         "5,a-b-a,failed,crashed (signal 11),,0.5,,,,,,\n"
         "6,a-b-b,failed,crashed (signal 9),,0.5,,,,,,\n"
         "7,a-b-c,complete,,0.6,0.5,5000,70000,2,,0.3,0.6\n");
  const Element page = report();
  EXPECT_THAT(page.text, HasSubstr("import: 7 networks"));
  EXPECT_THAT(page.text, HasSubstr("crashed2trial 5: signal 11"));

  const Element in_order = figure(page, "trials");
  EXPECT_THAT(marks(in_order, "dot searched"), SizeIs(3));
  EXPECT_THAT(marks(in_order, "stroke failed"), SizeIs(1));
  EXPECT_THAT(in_order.text, HasSubstr("Left out: 3 networks that failed without an accuracy."));

  const Element sizes = figure(page, "size");
  const auto points = marks(sizes, "dot searched");
  ASSERT_THAT(points, SizeIs(3));
  // 1,000 to 5,000 to 20,000 on a logarithmic axis.
  EXPECT_NEAR((points[1].first - points[0].first) / (points[2].first - points[0].first),
              std::log(5) / std::log(20), 0.001);
  EXPECT_THAT(sizes.text, HasSubstr("3 complete networks;"));

  const Element curves = figure(page, "curves");
  EXPECT_THAT(curves.of_class("stroke curve"), SizeIs(2 + 1));  // and the legend's
  const Scale scale(curves);
  // The last curve drawn is the best network's: 0.7, 0.6.
  EXPECT_NEAR(scale.value(marks(curves, "stroke best").at(0).second), 0.7, scale.tolerance());
  EXPECT_THAT(page.text, HasSubstr("20.0 k"));
}

TEST_F(ReportCommand, EscapesWhateverAStudyHolds) {
  folder_.write("special.toml",
                "[space]\nkind = \"sequence\"\ntemplate = \"{}-{}\"\n"
                "alphabet = [\"<script>\", \"&amp;\", \"\\\"q'\", \"\xC3\xA9\"]\n"
                "[strategy]\nschedule = [[1.0, 9]]\n[evaluator]\nkind = \"table\"\n"
                "file = \"<&>.csv\"\ntarget = \"]]>\"\n");
  import(std::string(kLogHeader) +
             "1,<script>-&amp;,complete,,0.5,1,1000,,,,,\n"
             "2,\"\"\"q'-\xC3\xA9\",complete,,0.4,1,1000,,,,,\n"
             "3,&amp;-&amp;,failed,\"error (</p> & \x01 \xFF \xC3\xA9)\",,1,,,,,,\n",
         "special.toml");
  const Element page = report();
  std::vector<std::string> codes;
  for (const Element& code : page.all("code")) codes.push_back(code.text);
  EXPECT_THAT(codes, ElementsAre("<&>.csv", "]]>", "{}-{}", "<script>-&amp;", "\"q'-\xC3\xA9"));
  EXPECT_THAT(page.text,
              HasSubstr("trial 3: </p> & \xEF\xBF\xBD \xEF\xBF\xBD \xC3\xA9"));  // U+FFFD
  EXPECT_EQ(page.all("title").at(0).text, "Search on <&>.csv, ]]>");
  EXPECT_THAT(page.all("title").back().text, HasSubstr("\"q'-\xC3\xA9"));  // a hint of figure 4
}

TEST_F(ReportCommand, AnEmptyStudyHasAPageThatSaysSo) {
  metaqnn::search::create_study(url(),
                                metaqnn::search::describe_study(
                                    metaqnn::search::read_configuration(folder_ / "search.toml")));
  const Element page = report();
  EXPECT_THAT(page.text, HasSubstr("Nothing has been trained yet."));
  EXPECT_THAT(page.text, HasSubstr("No network failed."));
  EXPECT_THAT(page.text, HasSubstr("No network is complete."));
  EXPECT_THAT(figure(page, "epsilon").text, HasSubstr("No sample of the agent has a result yet."));
  EXPECT_THAT(page.all("svg"), IsEmpty());
}

TEST_F(ReportCommand, AStudyOfFailuresAloneHasAPageThatSaysSo) {
  import(std::string(kLogHeader) + "1,a-a-a,failed,crashed (signal 11),,1,,,,,,\n" +
         "2,a-a-b,failed,nan,,1,,,,,,\n");
  const Element page = report();
  EXPECT_THAT(page.text, HasSubstr("No network is complete."));
  EXPECT_THAT(figure(page, "trials").text,
              HasSubstr("No network has a result yet. Left out: 2 networks that failed"));
  EXPECT_THAT(page.all("svg"), IsEmpty());
}

TEST_F(ReportCommand, OneThatDidNotLearnAloneIsDrawn) {
  import(std::string(kLogHeader) + "1,a-a-a,failed,not learning,0.1,1,1000,,,,,\n");
  const Element page = report();
  EXPECT_TRUE(is_drawn(figure(page, "trials")));
  EXPECT_TRUE(is_drawn(figure(page, "histogram")));
  EXPECT_FALSE(is_drawn(figure(page, "size")));
  EXPECT_THAT(page.text, HasSubstr("No network is complete."));
}

TEST_F(ReportCommand, OneNetworkAloneIsDrawn) {
  import(std::string(kLogHeader) + "1,a-a-a,complete,,0.7435,1,1000,,,,,\n");
  const Element page = report();
  for (const char* name : {"trials", "histogram", "size"}) {
    const Element picture = figure(page, name);
    ASSERT_TRUE(is_drawn(picture)) << name;
    for (const Element& label : picture.of_class("end"))
      EXPECT_LE(label.text.size(), 7u) << label.text;  // "epsilon", "0.7435"
  }
  EXPECT_THAT(figure(page, "epsilon").text, HasSubstr("the mean of 1 is 0.7435"));
}

TEST_F(ReportCommand, DrawsNoAccuracyBelow0OrAbove1) {
  import(std::string(kLogHeader) + "1,a-a-a,complete,,0,1,1000,,,,,\n" +
         "2,a-a-b,complete,,1,1,1000,,,,,\n");
  const Element page = report();
  const Scale scale(figure(page, "trials"));
  const auto points = marks(figure(page, "trials"), "dot searched");
  ASSERT_THAT(points, SizeIs(2));
  EXPECT_NEAR(scale.value(points[0].second), 0, scale.tolerance());
  EXPECT_NEAR(scale.value(points[1].second), 1, scale.tolerance());
  for (const char* name : {"trials", "histogram", "size"}) {
    for (const Element& label : figure(page, name).all("text"))
      EXPECT_THAT(label.text, testing::AllOf(Not(testing::StartsWith("-")), Not("1.02"), Not("1.1"),
                                             Not("1.2")))
          << name;
  }
  EXPECT_THAT(marks(figure(page, "histogram"), "bar searched"), SizeIs(2));
}

TEST_F(ReportCommand, ARunningSearchHasAPageThatSaysSo) {
  const Result begun = run({"search", "--config", (folder_ / "search.toml").string(), "--study",
                            url(), "--trials", "5"});
  ASSERT_EQ(begun.status, 0) << begun.error;
  const Result asked = run({"ask", "--study", url()});  // in training elsewhere
  ASSERT_EQ(asked.status, 0) << asked.error;
  const Element page = report();
  EXPECT_THAT(page.text, HasSubstr("It is not over: "));
  EXPECT_THAT(page.text, HasSubstr("1 network in training or waiting."));
  EXPECT_THAT(figure(page, "trials").text, HasSubstr("1 network is waiting or in training."));
}

TEST_F(ReportCommand, MarksScreenedNetworksApart) {
  search();
  const Result screened = run({"screen", "--study", url(), "--candidates", "20", "--top", "3",
                               "--method", "lls", "--workers", "1"});
  ASSERT_EQ(screened.status, 0) << screened.error;
  const Element page = report();
  EXPECT_THAT(page.text, HasSubstr("screen: 3 networks, search: 36 networks"));
  EXPECT_THAT(marks(figure(page, "trials"), "solid screened"), SizeIs(3));
  EXPECT_THAT(marks(figure(page, "trials"), "dot searched"), SizeIs(36));
  EXPECT_THAT(marks(figure(page, "histogram"), "bar screened"), Not(IsEmpty()));
  const Element picture = figure(page, "screened");
  EXPECT_THAT(marks(picture, "solid screened"), SizeIs(3));
  EXPECT_THAT(picture.text, HasSubstr("Of 3 networks picked by screening, 3 have an accuracy."));
  double sum = 0;
  for (const json& trial : trials()) {
    if (trial["origin"] == "screen") sum += trial["validation_accuracy"].get<double>();
  }
  EXPECT_EQ(picture.of_class("halo").back().text, four_decimals(sum / 3));
  // A screening is no walk of the agent: no sample of epsilon 0 beside 1, 0.5 and 0.1.
  EXPECT_THAT(figure(page, "epsilon").of_class("middle halo"), SizeIs(3));
}

TEST_F(ReportCommand, DrawsTenThousandTrialsInASmallPage) {
  folder_.write("large.toml",
                "[space]\nkind = \"sequence\"\ntemplate = \"{}{}{}{}\"\n"
                "alphabet = [\"0\", \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", "
                "\"9\"]\n[evaluator]\nkind = \"table\"\nfile = \"none.csv\"\n");
  std::string log = kLogHeader;
  for (int i = 10000; i < 20000; ++i) {
    const std::string digits = std::to_string(i).substr(1);
    log += "," + digits + ",complete,,0." + digits + ",1," + std::to_string(i) + ",,,,,\n";
  }
  import(log, "large.toml");
  const Element page = report();
  EXPECT_THAT(marks(figure(page, "trials"), "dot searched"), SizeIs(10000));
  EXPECT_THAT(marks(figure(page, "size"), "dot searched"), SizeIs(10000));
  // Each network is the best so far, and on the front: the most that there is to draw.
  EXPECT_LT(std::filesystem::file_size(output()), 2'000'000u);
}

TEST_F(ReportCommand, DrawsEachFigureForAWidePageAndForANarrowOne) {
  search();
  const Element page = report();
  int drawn = 0;
  for (const std::string& name : figure_names(page)) {
    const auto width = [&](const char* left_out) {
      const std::vector<Element> pictures = figure(page, name, left_out).all("svg");
      if (pictures.empty()) return 0.0;
      EXPECT_THAT(pictures, SizeIs(1));
      return std::stod(pictures[0].attribute("viewBox").substr(4));
    };
    const double wide = width("narrow"), narrow = width("roomy");
    if (wide == 0 && narrow == 0) continue;
    EXPECT_NEAR(wide, 880, 0.2) << name;
    EXPECT_EQ(narrow, 400) << name;
    ++drawn;
  }
  EXPECT_EQ(drawn, 8);
}

TEST_F(ReportCommand, DrawsTheMeansOfTheQValuesThatTheCommandLists) {
  search();
  std::map<std::string, std::map<int, std::pair<double, int>>> sums;
  std::set<std::string> tokens;
  for (const json& value :
       json::parse(run({"q-values", "--study", url(), "--format", "json"}).output)) {
    tokens.insert(value["type"].get<std::string>());
    auto& [sum, count] = sums[value["type"]][value["depth"]];
    sum += value["q"].get<double>();
    ++count;
  }
  ASSERT_THAT(tokens, SizeIs(4));
  const Element picture = figure(report(), "q-values");
  const Scale scale(picture);
  int line = 0;
  for (const std::string& token : tokens) {
    const auto points = marks(picture, "dot line" + std::to_string(++line));
    const auto& by_slot = sums[token];
    ASSERT_EQ(points.size(), by_slot.size()) << token;
    size_t at = 0;
    for (const auto& [slot, mean] : by_slot)
      EXPECT_NEAR(scale.value(points[at++].second), mean.first / mean.second, scale.tolerance());
  }
}

TEST_F(ReportCommand, JudgesEachPredictorOnNetworksThatItHasNotSeen) {
  search();
  const Element picture = figure(report(), "predicted");
  std::vector<std::string> names;
  for (const Element& heading : picture.of_class("strong"))
    names.push_back(heading.text.substr(0, heading.text.find(':')));
  EXPECT_THAT(names, ElementsAre("lls", "rbf-ls", "ed-ls", "rbf-mr", "ed-mr", "combined"));
  for (const Element& path : picture.of_class("dot searched"))
    EXPECT_THAT(starts(path), SizeIs(36));
}

TEST_F(ReportCommand, ListsTheNetworksThatNoOtherBeats) {
  import(std::string(kLogHeader) +
         "1,a-a-a,complete,,0.5,1,1000,,,,,\n"
         "2,a-a-b,complete,,0.7,1,20000,,,,,\n"
         "3,a-a-c,complete,,0.4,1,900,,,,,\n"
         "4,a-a-d,complete,,0.6,1,20000,,,,,\n"
         "5,a-b-a,complete,,0.45,1,5000,,,,,\n");
  std::vector<std::string> numbers;
  const std::vector<Element> tables = report().all("table");
  for (const Element& row : tables.back().all("tbody").at(0).all("tr"))
    numbers.push_back(row.all("td").at(2).text);
  EXPECT_THAT(numbers, ElementsAre("3", "1", "2"));
}

// ---- In a browser ----

// Says on the page which texts of its pictures stick out of these, whether it is wider than its window, and
// the first error of its script.
constexpr const char* kProbe = R"(<script>
var failed = "";
window.addEventListener("error", function (event) { failed = event.message; });
window.addEventListener("load", function () {
  var bad = failed === "" ? [] : [failed], shown = 0;
  if (document.documentElement.scrollWidth > window.innerWidth) bad.push("the page is too wide");
  document.querySelectorAll("svg").forEach(function (svg) {
    var frame = svg.getBoundingClientRect();
    if (frame.width === 0) return;
    ++shown;
    svg.querySelectorAll("text").forEach(function (text) {
      var box = text.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 ||
          box.bottom > frame.bottom + 1)
        bad.push(svg.getAttribute("aria-label") + ": " + text.textContent);
    });
  });
  document.querySelectorAll("table.sorts th").forEach(function (head) { head.click(); });
  document.body.dataset.found = shown + " pictures; " + bad.join("; ");
});
</script></head>)";

TEST_F(ReportCommand, FitsWindowsOfEveryWidth) {
  const std::string browser =
      "timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir='" +
      (folder_ / "browser").string() +
      "' --allow-file-access-from-files --disable-web-security "
      "--virtual-time-budget=8000 --window-size=1600,2000 --dump-dom ";
  if (std::system((browser + "about:blank >/dev/null 2>&1").c_str()) != 0)
    GTEST_SKIP() << "no chromium here (./bootstrap --tests installs it)";
  std::string log = kLogHeader;
  for (int i = 1; i <= 64; ++i) {
    const std::string name{static_cast<char>('a' + i % 4), '-', static_cast<char>('a' + i / 4 % 4),
                           '-', static_cast<char>('a' + i / 16 % 4)};
    const std::string value = "0." + std::to_string(100 + 13 * i);
    log += std::to_string(i) + "," + name + ",complete,," + value + "," + (i < 30 ? "1," : "0.1,") +
           std::to_string(1000 * i) + "," + std::to_string(70000 * i) + ",3.5,,0.1," + value + "\n";
  }
  import(log);
  report();
  std::string page = read_text(output());
  const size_t policy = page.find("<meta http-equiv=\"Content-Security-Policy\"");
  page.erase(policy, page.find("/>", policy) + 2 - policy);  // the probe is a script of another
  page.replace(page.find("</head>"), 7, kProbe);
  folder_.write("probe.html", page);
  for (const std::string width : {"400", "800", "1280"}) {
    folder_.write(
        "frame.html",
        "<body><iframe src=\"probe.html\" style=\"border:0;width:" + width +
            "px;height:3000px\"></iframe><script>setTimeout(function () {"
            "document.title = document.querySelector(\"iframe\").contentDocument.body.dataset"
            ".found; }, 3000);</script></body>");
    const std::string found = (folder_ / "found").string();
    ASSERT_EQ(std::system((browser + "'file://" + (folder_ / "frame.html").string() + "' >'" +
                           found + "' 2>/dev/null")
                              .c_str()),
              0);
    EXPECT_THAT(read_text(found), HasSubstr("<title>10 pictures; </title>")) << width;
  }
}

// ---- Writing ----

TEST_F(ReportCommand, WritesItsFiguresAsFilesOfTheirOwn) {
  search();
  const std::filesystem::path pictures = folder_ / "some" / "pictures";
  const Result result = run({"report", "--study", url(), "--svg", pictures.string()});
  ASSERT_EQ(result.status, 0) << result.error;
  EXPECT_EQ(result.output, pictures.string() + ": 8 pictures\n");
  for (const char* name :
       {"trials", "epsilon", "spread", "histogram", "q-values", "map", "why", "predicted"}) {
    const Element picture =
        Parser("<!DOCTYPE html>\n" + read_text(pictures / (std::string(name) + ".svg"))).parse();
    EXPECT_EQ(picture.attribute("xmlns"), "http://www.w3.org/2000/svg") << name;
    ASSERT_THAT(picture.all("style"), SizeIs(1)) << name;
    EXPECT_THAT(picture.all("style")[0].text, HasSubstr("--searched:"));
  }
  EXPECT_FALSE(std::filesystem::exists(pictures / "size.svg")) << "not drawn";
  const Result none = run({"report", "--study", url()});
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.error, HasSubstr("--svg FOLDER"));
}

TEST_F(ReportCommand, IsWrittenAgainUntilTheSearchIsDone) {
  folder_.write("slow.toml", recipe("[[1.0, 12]]", "", "seconds_per_trial = 0.3\n"));
  Program program({"search", "--config", (folder_ / "slow.toml").string(), "--study", url()});
  ASSERT_TRUE(eventually([&] { return search::study_exists(url()); }));
  Program watch({"report", "--study", url(), "-o", output().string(), "--watch", "1"});
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(output()); }));
  EXPECT_THAT(read_text(output()), HasSubstr("http-equiv=\"refresh\" content=\"1\""));
  EXPECT_EQ(watch.wait().status, 0);
  const std::string last = read_text(output());
  EXPECT_THAT(last, Not(HasSubstr("http-equiv=\"refresh\"")));
  EXPECT_THAT(last, HasSubstr("Its schedule is done."));
}

TEST_F(ReportCommand, StatusLooksAgainUntilTheSearchIsDone) {
  search();
  const Result result = run({"status", "--study", url(), "--watch", "1"});
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.output, HasSubstr("models    36 of 36"));
}

TEST_F(ReportCommand, NamesAFileThatCannotBeWritten) {
  search();
  const std::string file = (folder_ / "none") / "report.html";
  const Result result = run({"report", "--study", url(), "-o", file});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.output, "");
  EXPECT_EQ(result.error, "metaqnn: " + file +
                              ": cannot be written (No such file or directory); its folder must "
                              "exist, allow writing and have room\n");
}

TEST_F(ReportCommand, ReplacesNothingButFiles) {
  search();
  std::filesystem::create_directory(output());
  const Result result = run({"report", "--study", url(), "-o", output().string()});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.error, HasSubstr("report.html: is a folder; name a file in it"));
  EXPECT_TRUE(std::filesystem::is_directory(output()));
}

TEST_F(ReportCommand, KeepsTheOldPageWhereTheDiskIsFull) {
  // Ten architectures of 9,000 letters do not fit into a file of 40 kB, which the study's do.
  const std::string tail(9000, 'x');
  folder_.write("long.toml",
                "[space]\nkind = \"sequence\"\ntemplate = \"{}{}" + tail +
                    "\"\nalphabet = [\"a\", \"b\", \"c\", \"d\"]\n[evaluator]\nkind = \"table\"\n"
                    "file = \"none.csv\"\n");
  std::string log = kLogHeader;
  for (char first : {'a', 'b', 'c'}) {
    for (char second : {'a', 'b', 'c', 'd'})
      log += std::string(",") + first + second + tail + ",complete,,0.5,1,,,,,,\n";
  }
  import(log, "long.toml");
  folder_.write("report.html", "the old page");
  const int status =
      std::system(("trap '' XFSZ; ulimit -f 80; '" METAQNN_PROGRAM "' report --study '" + url() +
                   "' -o '" + output().string() + "' >/dev/null 2>&1")
                      .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(read_text(output()), "the old page");
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
    EXPECT_NE(entry.path().extension(), ".draft");
  report();
  EXPECT_GT(std::filesystem::file_size(output()), 90'000u);
}

TEST_F(ReportCommand, NeedsAStudyAndAFile) {
  const Result none = run({"report", "--study", url(), "-o", output().string()});
  EXPECT_EQ(none.status, 3);
  EXPECT_FALSE(std::filesystem::exists(output()));
  EXPECT_EQ(run({"report", "--study", url()}).status, 2);
}

}  // namespace
}  // namespace metaqnn::tests
