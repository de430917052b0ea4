#include "cli/json.h"

#include "base/foreign_text.h"
#include "base/secrets.h"
#include "cli/output.h"

namespace metaqnn::cli {
namespace {

void hide_passwords(Json& json) {
  if (json.is_string()) {
    std::string& text = json.get_ref<std::string&>();
    if (std::string safe = without_passwords(text); safe != text) text = std::move(safe);
  } else if (json.is_structured()) {
    for (Json& element : json) hide_passwords(element);
  }
}

}  // namespace

void print_document(Json json) {
  hide_passwords(json);
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace);
  print_data(visible(text, '\n') + "\n");
}

}  // namespace metaqnn::cli
