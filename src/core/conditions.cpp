#include "core/conditions.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

#include "core/error.h"

namespace tilesmith {

std::string Conditions::text() const {
    std::string out = fmt::format("threads={}", threads);
    if (objective == Objective::throughput) out += " objective=throughput";
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
            const char* end = word.data() + word.size();
            const auto [last, status] = std::from_chars(word.data() + 8, end, result.threads);
            if (status != std::errc() || last != end || result.threads < 1)
                throw bad_input(fmt::format("'{}' is not a number of threads", word),
                                "use a whole number from 1 upward");
        } else {
            throw bad_input(fmt::format("unknown condition '{}'", word),
                            "conditions are threads=N, objective=latency|throughput, cache=warm|cold_weights");
        }
    }
    return result;
}

}  // namespace tilesmith
