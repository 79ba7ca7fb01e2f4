// Mutation and crossing of the best so far, without a model: what the model search is on top of, and what is left of it
// for a problem whose features say nothing.
#include <algorithm>

#include "tuner/candidates.h"
#include "tuner/scores.h"
#include "tuner/searches.h"
#include "tuner/seeds.h"

namespace tilesmith {

namespace {

constexpr size_t kPopulation = 24;
constexpr size_t kSeeds = 6;

class EvolutionarySearch : public Search {
  public:
    explicit EvolutionarySearch(SearchContext context) : context_(std::move(context)), candidates_(context_) {
        for (const Trial& trial : context_.history)
            if (trial.key == context_.key) scores_.add(trial);
        seeds_ = foreign_winners(context_.history, context_.key, kSeeds);
        std::reverse(seeds_.begin(), seeds_.end());
    }

    std::vector<Proposal> propose(size_t count) override {
        const std::vector<Schedule> parents = parents_of(scores_, context_.default_schedule, kPopulation);
        std::vector<Proposal> result;
        while (result.size() < count) {
            auto proposal = next(parents);
            if (!proposal) break;
            candidates_.take(proposal->schedule);
            result.push_back(std::move(*proposal));
        }
        return result;
    }

    void observe(const std::vector<Trial>& trials) override {
        for (const Trial& trial : trials) scores_.add(trial);
    }

  private:
    std::optional<Proposal> next(const std::vector<Schedule>& parents) {
        while (!seeds_.empty()) {
            auto seed = candidates_.carry_over(seeds_.back());
            seeds_.pop_back();
            if (seed) return Proposal{std::move(*seed), "seed"};
        }
        return breed(candidates_, parents);
    }

    SearchContext context_;
    Candidates candidates_;
    Scores scores_;
    std::vector<Schedule> seeds_;  // the best last
};

}  // namespace

std::unique_ptr<Search> evolutionary_search(SearchContext context) {
    return std::make_unique<EvolutionarySearch>(std::move(context));
}

}  // namespace tilesmith
