// The forms that a study is kept in, each behind one function table; study.h says what the functions
// promise. A new form is a file with its table and a line in study.cc.
#pragma once

#include <memory>
#include <string>

#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

struct StudyForm {
  const char* scheme;  // what its URLs begin with
  const char* example;
  bool (*exists)(const std::string& url);
  std::unique_ptr<Study> (*create)(const std::string& url, const StudyInfo& info,
                                   Durability durability);
  std::unique_ptr<Study> (*open)(const std::string& url, Access access, Durability durability,
                                 std::chrono::seconds patience);
};

extern const StudyForm kSqliteForm;
extern const StudyForm kPostgresqlForm;

}  // namespace metaqnn::search
