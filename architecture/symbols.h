// How is an architecture one sequence, lists and all?
//
//   [C(64,3,1), R[C(64,3,1)], SM(10)]  ->  C(64,3,1)  R[  C(64,3,1)  ]  SM(10)
//
// A symbol is a layer that holds no lists, or what stands around lists. Sequences of symbols are what
// a space is walked by and what edit distances compare.
//
// Lists are ordered as their symbols, one after the other: the end of a list before all else, then C,
// DC, P, A, M, BN, R[, S[; of a kind by field, stride and filters. So are the branches of a split.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "metaqnn/architecture/architecture.h"

namespace metaqnn {

enum class Bracket { end, next_branch, residual, split };  // "]", ";", "R[", "S["

using Symbol = std::variant<Layer, Bracket>;  // the layer never a Residual or a Split

std::vector<Symbol> symbols(const Layers& layers);
// Where a symbol stands in the order; equal only for equal symbols.
int64_t order(const Symbol& symbol);

std::string to_string(const Symbol& symbol);
// As to_string() writes it. Throws UsageError where it is none.
Symbol parse_symbol(std::string_view text);
// What stands between two symbols of a string: nothing, ", " or " ".
std::string_view separator(const Symbol& before, const Symbol& after);

}  // namespace metaqnn
