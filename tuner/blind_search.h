// What searches that learn nothing from outcomes share: they differ in where the next schedule comes from.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tuner/candidates.h"
#include "tuner/search.h"

namespace tilesmith {

class BlindSearch : public Search {
  public:
    using Next = std::optional<Schedule> (Candidates::*)();

    BlindSearch(SearchContext context, Next next, std::string origin)
        : context_(std::move(context)), candidates_(context_), next_(next), origin_(std::move(origin)) {}

    std::vector<Proposal> propose(size_t count) override {
        std::vector<Proposal> result;
        while (result.size() < count) {
            auto schedule = (candidates_.*next_)();
            if (!schedule) break;
            candidates_.take(*schedule);
            result.push_back({std::move(*schedule), origin_});
        }
        return result;
    }

    void observe(const std::vector<Trial>&) override {}

  private:
    SearchContext context_;
    Candidates candidates_;
    Next next_;
    std::string origin_;
};

}  // namespace tilesmith
