// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <sstream>

#include "algorithms/conv/table.h"
#include "core/require.h"

namespace fastconv {
namespace {

// EachPhase and Fill answer for others: nobody asks for them by name.
bool is_family(const Algorithm<float>& entry) { return !entry.allowed_by({.algorithm = ""}); }

// The first reason of an entry that was asked for.
template <class T>
[[noreturn]] void refuse_request(const Problem& problem, const Exec& exec) {
  const char* reason = "there is no such algorithm";
  for (const Algorithm<T>* entry : table<T>())
    if (entry->asked_by(problem.request)) {
      reason = entry->offer(problem, exec).refused;
      break;
    }
  refuse("algorithm '", problem.request.algorithm, "' cannot take this call: ", reason,
         "; 'auto', 'direct', 'im2col' and 'channel_lanes' take every shape");
}

}  // namespace

const char* known_name(std::string_view name) {
  for (const Algorithm<float>* entry : table<float>()) {
    if (name == entry->family()) return entry->family();
    if (name == entry->name()) return entry->name();
  }
  return nullptr;
}

std::string family_names() {
  std::string names;
  for (const Algorithm<float>* entry : table<float>()) {
    const std::string quoted = sentence("'", entry->family(), "'");
    if (is_family(*entry) && names.find(quoted) == std::string::npos)
      names += (names.empty() ? "" : ", ") + quoted;
  }
  return names;
}

template <class T>
const Algorithm<T>& choose(const Problem& problem, const Exec& exec) {
  const Algorithm<T>* best = nullptr;
  double least = 0;
  for (const Algorithm<T>* entry : table<T>()) {
    if (!entry->allowed_by(problem.request)) continue;
    const Offer offer = entry->offer(problem, exec);
    if (!offer.refused && (best == nullptr || offer.cycles <= least))
      best = entry, least = offer.cycles;
  }
  if (best == nullptr) refuse_request<T>(problem, exec);
  return *best;
}

template <class T>
std::vector<std::string> takers(const Problem& problem, const Exec& exec) {
  std::vector<std::string> names;
  for (const Algorithm<T>* entry : table<T>())
    if (!entry->offer(problem, exec).refused) names.emplace_back(entry->name());
  return names;
}

template <class T>
std::string list_offers(const Problem& problem, const Exec& exec, const Algorithm<T>& chosen) {
  std::ostringstream text;
  std::vector<std::string> said;
  for (const Algorithm<T>* entry : table<T>()) {
    const Offer offer = entry->offer(problem, exec);
    if (!offer.refused) {
      text << "  " << entry->name() << ": predicted "
           << std::max<index_t>(1, static_cast<index_t>(offer.cycles / 1000))
           << " thousand cycles of one core" << (entry == &chosen ? " <-" : "") << "\n";
      continue;
    }
    const std::string line = sentence(entry->family(), offer.refused);
    if (std::ranges::find(said, line) != said.end()) continue;
    said.push_back(line);
    const bool alone = std::ranges::count(table<T>(), std::string_view(entry->family()),
                                          &Algorithm<T>::family) == 1;
    text << "  " << (alone ? entry->family() : entry->name()) << ": not possible, " << offer.refused
         << "\n";
  }
  return text.str();
}

template const Algorithm<float>& choose(const Problem&, const Exec&);
template const Algorithm<double>& choose(const Problem&, const Exec&);
template std::vector<std::string> takers<float>(const Problem&, const Exec&);
template std::vector<std::string> takers<double>(const Problem&, const Exec&);
template std::string list_offers(const Problem&, const Exec&, const Algorithm<float>&);
template std::string list_offers(const Problem&, const Exec&, const Algorithm<double>&);

}  // namespace fastconv
