#include "base/nesting.h"

#include <gtest/gtest.h>

#include <string>

namespace metaqnn {
namespace {

TEST(Nesting, CountsBracketsThatAreOpen) {
  EXPECT_EQ(line_nested_deeper_than(3, "[[[1], {}], [2]]\n[[3]]"), std::nullopt);
  EXPECT_EQ(line_nested_deeper_than(2, "[\n[\n{}]]"), 3);
  EXPECT_EQ(line_nested_deeper_than(1, "]]]][1]"), std::nullopt);
  EXPECT_EQ(line_nested_deeper_than(64, std::string(1000000, '[')), 1);
}

TEST(Nesting, CountsTheDotsOfAKey) {
  EXPECT_EQ(line_nested_deeper_than(2, "a.b.c = 1.5\nd.e = [1.0, 2.0, 3.0]"), std::nullopt);
  EXPECT_EQ(line_nested_deeper_than(2, "\na . \"b\".c.d = 1"), 2);
  EXPECT_EQ(line_nested_deeper_than(3, "[[a.b]]"), std::nullopt);
  EXPECT_EQ(line_nested_deeper_than(2, "[[a.b]]"), 1);
}

TEST(Nesting, LeavesOutWhatIsQuotedOrAComment) {
  for (const char* text :
       {R"("[[[\"[[[")", R"('[[[\' = 1)", "# [[[\n", "\"\"\"\n[[[\"\"[[[\n\"\"\"", "'''[[[\n'['''",
        "'''a''''", "\"\"", "\"[[["})
    EXPECT_EQ(line_nested_deeper_than(1, text), std::nullopt) << text;
}

TEST(Nesting, GoesOnBehindWhatIsQuoted) {
  for (const char* text : {"\"a\"[[", "''[[", "\"\"\"a\"\"\"[[", "\"\"\"a\"\"\"\"\"[[",
                           "'''a''''[[", "''''''[[", "# a\n[[", "\"never closed\n[["}) {
    EXPECT_NE(line_nested_deeper_than(1, text), std::nullopt) << text;
  }
  EXPECT_EQ(line_nested_deeper_than(1, "'''\n\n'''\n[["), 4);
}

}  // namespace
}  // namespace metaqnn
