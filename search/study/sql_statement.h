// One SQL statement that is prepared when it is first used and kept: preparing costs more than
// running it.
//
//   SqlConnection connection;
//   connection.session.open(...);
//   SqlStatement<In<std::string>, Out<int64_t, std::optional<double>>> find{
//       connection, "SELECT number, accuracy FROM trials WHERE architecture = :architecture"};
//   find.each([](int64_t number, std::optional<double> accuracy) { ... }, "[SM(10)]");
//
// SOCI binds addresses, so parameters and columns live in the statement. A query is always read to
// its end: one that was left in the middle would hold a view of the past, and the next writing
// transaction of its connection would be refused. Throws what SOCI throws; the statement is then
// prepared anew.
#pragma once

#include <soci/soci.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace metaqnn::search {

template <typename... T>
using In = std::tuple<T...>;
template <typename... T>
using Out = std::tuple<T...>;

// A value of type int64_t, double or std::string, in a variable that SOCI knows.
template <typename T>
class SqlSlot {
 public:
  void set(const T& value) { value_ = value; }
  T get() const { return value_; }
  void use(soci::statement& statement) { statement.exchange(soci::use(value_)); }
  void into(soci::statement& statement) { statement.exchange(soci::into(value_)); }

 private:
  std::conditional_t<std::is_integral_v<T>, long long, T> value_{};
};

// The same where it may be NULL.
template <typename T>
class SqlSlot<std::optional<T>> {
 public:
  void set(const std::optional<T>& value) {
    value_ = value.value_or(T{});
    indicator_ = value ? soci::i_ok : soci::i_null;
  }
  std::optional<T> get() const {
    return indicator_ == soci::i_ok ? std::optional<T>(value_) : std::nullopt;
  }
  void use(soci::statement& statement) { statement.exchange(soci::use(value_, indicator_)); }
  void into(soci::statement& statement) { statement.exchange(soci::into(value_, indicator_)); }

 private:
  std::conditional_t<std::is_integral_v<T>, long long, T> value_{};
  soci::indicator indicator_ = soci::i_null;
};

// A statement as its connection knows it.
class PreparedStatement {
 public:
  virtual void forget() = 0;

 protected:
  ~PreparedStatement() = default;
};

// A session of SOCI and the statements that are prepared on it, which outlive neither it nor its
// connection to a server.
class SqlConnection {
 public:
  soci::session session;

  void add(PreparedStatement& statement) { statements_.push_back(&statement); }
  // Throws what SOCI throws; nothing is connected then.
  void reconnect() {
    forget_statements();
    session.reconnect();
  }

  // What words in braces stand for in statements: columns that the tables at hand may not have.
  void set_columns(std::vector<std::pair<std::string_view, std::string>> columns) {
    forget_statements();
    columns_ = std::move(columns);
  }
  std::string expanded(std::string sql) const {
    for (const auto& [word, columns] : columns_) {
      for (size_t at; (at = sql.find(word)) != std::string::npos;)
        sql.replace(at, word.size(), columns);
    }
    return sql;
  }

 private:
  void forget_statements() {
    for (PreparedStatement* statement : statements_) statement->forget();
  }

  std::vector<PreparedStatement*> statements_;
  std::vector<std::pair<std::string_view, std::string>> columns_;
};

template <typename Parameters, typename Columns = Out<>>
class SqlStatement;

template <typename... Parameters, typename... Columns>
class SqlStatement<std::tuple<Parameters...>, std::tuple<Columns...>> final
    : private PreparedStatement {
 public:
  // The connection outlives the statement.
  SqlStatement(SqlConnection& connection, std::string sql)
      : connection_(connection), sql_(std::move(sql)) {
    connection.add(*this);
  }
  SqlStatement(const SqlStatement&) = delete;
  SqlStatement& operator=(const SqlStatement&) = delete;

  // Runs a statement without columns; the number of rows it changed.
  int64_t run(const Parameters&... parameters) {
    static_assert(sizeof...(Columns) == 0, "a query has to be read to its end");
    return guarded([&] {
      bind(parameters...);
      statement_->execute(true);
      return static_cast<int64_t>(statement_->get_affected_rows());
    });
  }

  // visit(column...) for each row.
  template <typename Visit>
  void each(Visit visit, const Parameters&... parameters) {
    guarded([&] {
      bind(parameters...);
      statement_->execute(false);
      while (statement_->fetch())
        std::apply([&](const auto&... column) { visit(column.get()...); }, columns_);
    });
  }

  // The first row, if there is one.
  std::optional<std::tuple<Columns...>> first(const Parameters&... parameters) {
    std::optional<std::tuple<Columns...>> row;
    each(
        [&](const Columns&... column) {
          if (!row) row.emplace(column...);
        },
        parameters...);
    return row;
  }

 private:
  void forget() override { statement_.reset(); }

  template <typename Action>
  auto guarded(Action action) {
    try {
      return action();
    } catch (...) {
      statement_.reset();
      throw;
    }
  }

  void bind(const Parameters&... parameters) {
    std::apply([&](auto&... slot) { (slot.set(parameters), ...); }, parameters_);
    if (statement_) return;
    statement_.emplace(connection_.session);
    statement_->alloc();
    std::apply([&](auto&... slot) { (slot.into(*statement_), ...); }, columns_);
    std::apply([&](auto&... slot) { (slot.use(*statement_), ...); }, parameters_);
    statement_->prepare(connection_.expanded(sql_));
    statement_->define_and_bind();
  }

  SqlConnection& connection_;
  std::string sql_;
  std::tuple<SqlSlot<Parameters>...> parameters_;
  std::tuple<SqlSlot<Columns>...> columns_;
  std::optional<soci::statement> statement_;
};

}  // namespace metaqnn::search
