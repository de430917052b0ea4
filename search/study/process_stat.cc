#include "search/study/process_stat.h"

#include <fstream>
#include <sstream>
#include <string>

namespace metaqnn::search {

// The second field, the program's name in parentheses, may hold anything, a line feed too, so all is
// read and parsing starts after the last parenthesis.
ProcessStat process_stat(int64_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::ostringstream read;
  read << in.rdbuf();  // which does not throw where the process ends meanwhile
  const std::string text = read.str();
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest(text.substr(name_end + 1));
  ProcessStat stat;
  std::string skipped;
  rest >> stat.state >> stat.parent;
  for (int field = 5; field < 9; ++field) rest >> skipped;
  rest >> stat.flags;
  for (int field = 10; field < 22; ++field) rest >> skipped;
  rest >> stat.start_time;
  return stat;
}

}  // namespace metaqnn::search
