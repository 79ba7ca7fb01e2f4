// Every schedule, in lexicographic order: certainty for small spaces, and recordings for replays.
#include "tuner/candidates.h"
#include "tuner/searches.h"

namespace tilesmith {

namespace {

class ExhaustiveSearch : public Search {
  public:
    explicit ExhaustiveSearch(SearchContext context) : context_(std::move(context)), candidates_(context_) {}

    std::vector<Proposal> propose(size_t count) override {
        std::vector<Proposal> result;
        while (result.size() < count) {
            auto schedule = candidates_.next_in_order();
            if (!schedule) break;
            candidates_.take(*schedule);
            result.push_back({std::move(*schedule), "exhaustive"});
        }
        return result;
    }

    void observe(const std::vector<Trial>&) override {}

  private:
    SearchContext context_;
    Candidates candidates_;
};

}  // namespace

std::unique_ptr<Search> exhaustive_search(SearchContext context) {
    return std::make_unique<ExhaustiveSearch>(std::move(context));
}

}  // namespace tilesmith
