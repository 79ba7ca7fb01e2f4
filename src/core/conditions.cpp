#include "core/conditions.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

#include "core/error.h"

namespace tilesmith {

namespace {

// Of "name=3".
int count_in(const std::string& word) {
    int count = 0;
    const char* const end = word.data() + word.size();
    const auto [last, status] = std::from_chars(word.data() + word.find('=') + 1, end, count);
    if (status != std::errc() || last != end || count < 1)
        throw bad_input(fmt::format("'{}' is not a whole number", word), "use a whole number from 1 upward");
    return count;
}

}  // namespace

std::string Conditions::text() const {
    std::string out = fmt::format("threads={}", threads);
    if (objective == Objective::throughput) out += fmt::format(" objective=throughput copies={}", copies);
    if (cache == CacheState::cold_weights) out += " cache=cold_weights";
    return out;
}

Conditions Conditions::parse(const std::string& text) {
    Conditions result;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        if (word == "objective=latency" || word == "cache=warm") continue;
        if (word == "objective=throughput") {
            result.objective = Objective::throughput;
        } else if (word == "cache=cold_weights") {
            result.cache = CacheState::cold_weights;
        } else if (word.rfind("threads=", 0) == 0) {
            result.threads = count_in(word);
        } else if (word.rfind("copies=", 0) == 0) {
            result.copies = count_in(word);
        } else {
            throw bad_input(
                fmt::format("unknown condition '{}'", word),
                "conditions are threads=N, objective=latency|throughput, copies=N, cache=warm|cold_weights");
        }
    }
    return result;
}

}  // namespace tilesmith
