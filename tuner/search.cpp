#include "tuner/search.h"

#include <fmt/format.h>

#include "core/error.h"
#include "tuner/searches.h"

namespace tilesmith {

const std::vector<SearchInfo>& searches() {
    static const std::vector<SearchInfo> kSearches{
        {"model", "candidates bred from the best, ranked by a cost model learned from all trials", model_search},
        {"evolutionary", "mutation and crossing of the best, without a model", evolutionary_search},
        {"random", "every decision at random", random_search},
        {"exhaustive", "every schedule in order: for small spaces", exhaustive_search},
    };
    return kSearches;
}

const SearchInfo& search_named(const std::string& name) {
    std::string names;
    for (const SearchInfo& info : searches()) {
        if (info.name == name) return info;
        names += (names.empty() ? "" : ", ") + info.name;
    }
    throw bad_input(fmt::format("unknown search '{}'", name), fmt::format("the searches are: {}", names));
}

}  // namespace tilesmith
