// A search proposes schedules and learns from outcomes (ask / tell). Budget and stopping belong to the session. A new
// search is one file and one line of the table in search.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/rng.h"
#include "core/space.h"
#include "core/trial.h"

namespace tilesmith {

// What a search knows of the problem it searches.
struct SearchContext {
    TrialKey key;  // what this session's trials are filed under; key.conditions are the conditions
    std::vector<Space>
        spaces;  // one a template that applies, in order of preference; choosing one is the first decision
    Schedule default_schedule;   // tried first by the session itself: a search never proposes it
    std::vector<Trial> history;  // the database's trials of this problem and of others, to learn from
    // Loop-nest features (codegen's features()) of a schedule under a key, whose problem may be another one than
    // `key`'s; an argument so that searches are tested without Halide. May throw Error; may be empty (nothing is
    // learned then).
    std::function<std::vector<float>(const TrialKey&, const Schedule&)> features;
    std::vector<Schedule>
        pool;  // if not empty, only these may be proposed (the recorded ones of a replay), not `spaces`
    uint64_t seed = 1;
};

struct Proposal {
    Schedule schedule;
    std::string origin;  // Trial::origin
};

class Search {
  public:
    Search() = default;
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;
    virtual ~Search() = default;

    // At most `count` schedules never proposed before (nor in `history` under this key). Fewer, or none, when it has no
    // more.
    virtual std::vector<Proposal> propose(size_t count) = 0;
    virtual void observe(const std::vector<Trial>& trials) = 0;
};

struct SearchInfo {
    std::string name;
    std::string summary;
    std::unique_ptr<Search> (*create)(SearchContext);
};

// The default search first.
const std::vector<SearchInfo>& searches();
// Throws bad_input listing the searches.
const SearchInfo& search_named(const std::string& name);

}  // namespace tilesmith
