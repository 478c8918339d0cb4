// SPDX-License-Identifier: MIT
// Every algorithm for convolutions and their adjoints, and the choice among them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "algorithms/correlation/algorithm.h"

namespace fastconv {

// All entries. A new algorithm is added to this table. Of two entries that cost the same, the later
// one is chosen.
template <class T>
const std::vector<const Algorithm<T>*>& table();

// The names of entries and families as the table spells them: what Request::algorithm points to.
// Null if there is no such name.
const char* known_name(std::string_view name);
// The families, in the table's order, without those that nobody asks for by name.
std::string family_names();

// The cheapest entry that takes the problem, among those that its request allows. Throws
// std::invalid_argument, with the reason, if those asked for cannot take it.
template <class T>
const Algorithm<T>& choose(const Problem& problem, const Exec& exec);

// Whether any of the entries that its request allows takes the problem.
template <class T>
bool is_taken(const Problem& problem, const Exec& exec);

// The names of the entries that take the problem's shape, whatever its request asks for.
template <class T>
std::vector<std::string> takers(const Problem& problem, const Exec& exec);

// A line for each entry: those that take the problem by their predicted cycles, `chosen` marked,
// then the others with their refusals.
template <class T>
std::string list_offers(const Problem& problem, const Exec& exec, const Algorithm<T>& chosen);

}  // namespace fastconv
