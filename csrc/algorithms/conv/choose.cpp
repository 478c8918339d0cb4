// SPDX-License-Identifier: MIT
// The choice of the cheapest entry, and the lists that explain it.
#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

#include "algorithms/conv/table.h"
#include "algorithms/conv/turn.h"
#include "core/require.h"

namespace fastconv {
namespace {

// Whether people ask for the entry by name. Nobody asks for EachPhase and Fill, which allow every
// request.
bool is_family(const Algorithm<float>& entry) { return !entry.allowed_by({.algorithm = ""}); }

// Throws with the reason of the first entry that was asked for.
template <class T>
[[noreturn]] void refuse_request(const Problem& problem, const Exec& exec) {
  const char* reason = "there is no such algorithm";
  for (const Algorithm<T>* entry : table<T>())
    if (entry->asked_by(problem.request)) {
      reason = offer_with_turns(*entry, problem, exec).refused;
      break;
    }
  refuse("algorithm '", problem.request.algorithm, "' cannot take this call: ", reason,
         "; 'auto', 'direct', 'im2col' and 'channel_lanes' take every shape");
}

// What explain() says of prepacked weights: nothing where there are none.
std::string bytes_from_memory(double bytes) {
  if (bytes == 0) return "";
  const double kib = bytes / 1024, number = kib < 1024 ? kib : kib / 1024;
  const auto tenths = static_cast<index_t>(number * 10 + 0.5);
  return sentence(", ", tenths / 10, ".", tenths % 10, kib < 1024 ? " KiB" : " MiB",
                  " of weights from memory");
}

// What explain() says of images that lie otherwise than an entry wants them.
const char* turned_images(const Offer& offer) {
  if (offer.turns_x && offer.turns_y) return ", input and result are transposed";
  return offer.turns_x   ? ", the input is transposed"
         : offer.turns_y ? ", the result is transposed"
                         : "";
}

// Entries that refuse a call for the same reason. explain() gives them one line: Winograd alone has
// a hundred entries.
struct Refusal {
  std::string_view reason;
  std::string names;
};

void note_refusal(std::vector<Refusal>& refusals, std::string_view reason, std::string_view name) {
  const auto same = std::ranges::find(refusals, reason, &Refusal::reason);
  if (same == refusals.end())
    refusals.push_back({reason, std::string(name)});
  else
    same->names += sentence(", ", name);
}

// The cheapest entry among those that the request allows, or null.
template <class T>
const Algorithm<T>* cheapest(const Problem& problem, const Exec& exec) {
  const Algorithm<T>* best = nullptr;
  double least = 0;
  for (const Algorithm<T>* entry : table<T>()) {
    if (!entry->allowed_by(problem.request)) continue;
    const Offer offer = offer_with_turns(*entry, problem, exec);
    if (!offer.refused && (best == nullptr || offer.cycles <= least))
      best = entry, least = offer.cycles;
  }
  return best;
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
  const Algorithm<T>* best = cheapest<T>(problem, exec);
  if (best == nullptr) refuse_request<T>(problem, exec);
  return *best;
}

template <class T>
bool is_taken(const Problem& problem, const Exec& exec) {
  return cheapest<T>(problem, exec) != nullptr;
}

template <class T>
std::vector<std::string> takers(const Problem& problem, const Exec& exec) {
  std::vector<std::string> names;
  for (const Algorithm<T>* entry : table<T>())
    if (!offer_with_turns(*entry, problem, exec).refused) names.emplace_back(entry->name());
  return names;
}

template <class T>
std::string list_offers(const Problem& problem, const Exec& exec, const Algorithm<T>& chosen) {
  struct Line {
    const Algorithm<T>* entry;
    Offer offer;
  };
  std::vector<Line> lines;
  for (const Algorithm<T>* entry : table<T>())
    lines.push_back({entry, offer_with_turns(*entry, problem, exec)});
  std::ranges::stable_sort(lines, {}, [](const Line& line) {
    return std::pair(line.offer.refused != nullptr, line.offer.cycles);
  });
  std::ostringstream text;
  std::vector<Refusal> refusals;
  for (const auto& [entry, offer] : lines) {
    if (offer.refused)
      note_refusal(refusals, offer.refused, entry->name());
    else
      text << "  " << entry->name() << ": predicted "
           << std::max<index_t>(1, static_cast<index_t>(offer.cycles / 1000))
           << " thousand cycles of one core" << bytes_from_memory(offer.weight_bytes)
           << turned_images(offer) << (entry == &chosen ? " <-" : "") << "\n";
  }
  for (const Refusal& refusal : refusals)
    text << "  " << refusal.names << ": not possible, " << refusal.reason << "\n";
  return text.str();
}

template const Algorithm<float>& choose(const Problem&, const Exec&);
template const Algorithm<double>& choose(const Problem&, const Exec&);
template bool is_taken<float>(const Problem&, const Exec&);
template bool is_taken<double>(const Problem&, const Exec&);
template std::vector<std::string> takers<float>(const Problem&, const Exec&);
template std::vector<std::string> takers<double>(const Problem&, const Exec&);
template std::string list_offers(const Problem&, const Exec&, const Algorithm<float>&);
template std::string list_offers(const Problem&, const Exec&, const Algorithm<double>&);

}  // namespace fastconv
