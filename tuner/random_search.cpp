// The yardstick: every decision at random. Half of what a clever search finds, random search finds too.
#include "tuner/candidates.h"
#include "tuner/searches.h"

namespace tilesmith {

namespace {

class RandomSearch : public Search {
  public:
    explicit RandomSearch(SearchContext context) : context_(std::move(context)), candidates_(context_) {}

    std::vector<Proposal> propose(size_t count) override {
        std::vector<Proposal> result;
        while (result.size() < count) {
            auto schedule = candidates_.random();
            if (!schedule) break;
            candidates_.take(*schedule);
            result.push_back({std::move(*schedule), "random"});
        }
        return result;
    }

    void observe(const std::vector<Trial>&) override {}

  private:
    SearchContext context_;
    Candidates candidates_;
};

}  // namespace

std::unique_ptr<Search> random_search(SearchContext context) {
    return std::make_unique<RandomSearch>(std::move(context));
}

}  // namespace tilesmith
