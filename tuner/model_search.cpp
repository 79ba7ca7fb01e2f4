// The default search: candidates are bred in bulk, ranked by the cost model, and proposed in rounds that are mostly the
// best predicted, partly unlike each other, and a twentieth random. The model learns from this problem's trials and
// from the database's trials of other problems, so that even a first round can be a ranked one.
//
// Features cost 0.1-1 ms each: one round asks for at most kFresh of them, a few percent of the seconds that its trials
// take.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/error.h"
#include "tuner/candidates.h"
#include "tuner/cost_model.h"
#include "tuner/scores.h"
#include "tuner/searches.h"
#include "tuner/seeds.h"

namespace tilesmith {

namespace {

constexpr size_t kRound = 16;          // proposals planned at a time
constexpr size_t kFresh = 240;         // new candidates a round
constexpr size_t kGenerations = 3;     // in which they are bred, each from the best predicted so far
constexpr size_t kKept = 120;          // well-predicted candidates kept for the next round
constexpr size_t kPopulation = 24;     // measured schedules that have children
constexpr size_t kLeastExamples = 12;  // to learn from
constexpr size_t kMostForeign = 600;   // trials of other problems learned from
constexpr size_t kMostOwn = 2000;      // trials of this problem learned from, the latest
constexpr float kForeignWeight = 0.25F;
constexpr double kRandomShare = 0.05;
constexpr double kDiverseShare = 0.2;
constexpr size_t kSeeds = 6;

struct Candidate {
    Schedule schedule;
    std::vector<float> features;
    float speed = 0;  // predicted
};

class ModelSearch : public Search {
  public:
    explicit ModelSearch(SearchContext context)
        : context_(std::move(context)), candidates_(context_), model_(context_.seed) {
        for (const Schedule& wish : foreign_winners(context_.history, context_.key, kSeeds)) {
            auto seed = candidates_.carry_over(wish);
            if (!seed) continue;
            candidates_.take(*seed);
            queue_.push_back({std::move(*seed), "seed"});
        }
        std::reverse(queue_.begin(), queue_.end());
    }

    std::vector<Proposal> propose(size_t count) override {
        std::vector<Proposal> result;
        while (result.size() < count) {
            if (queue_.empty()) plan();
            if (queue_.empty()) break;
            result.push_back(std::move(queue_.back()));
            queue_.pop_back();
        }
        return result;
    }

    void observe(const std::vector<Trial>& trials) override {
        read_history();
        for (const Trial& trial : trials) learn(trial);
    }

  private:
    // Examples from the database, when they are first needed.
    void read_history() {
        if (history_read_) return;
        history_read_ = true;
        size_t foreign = 0;
        for (const Trial& trial : context_.history) {
            if (trial.key == context_.key) {
                learn(trial);
            } else if (foreign < kMostForeign && (!trial.outcome.ok() || !trial.outcome.samples_ns.empty())) {
                auto features = features_of(trial.key, trial.schedule);
                if (features.empty()) continue;
                const double cost_ns = trial.outcome.ok() ? median(trial.outcome.samples_ns) : 0;
                foreign_.push_back({std::move(features), key_text(trial.key), cost_ns, kForeignWeight});
                ++foreign;
            }
        }
    }

    void learn(const Trial& trial) {
        scores_.add(trial);
        ++unlearned_;
        auto features = features_of(context_.key, trial.schedule);
        if (features.empty()) return;
        if (own_.size() >= kMostOwn) own_.erase(own_.begin());
        own_.push_back({std::move(features), "", scores_.cost_ns(trial.outcome), 1});
    }

    // Empty where there are none.
    std::vector<float> features_of(const TrialKey& key, const Schedule& schedule) {
        if (!context_.features) return {};
        const bool own = key == context_.key;
        const uint64_t hash = schedule.hash();
        if (own)
            if (const auto known = features_.find(hash); known != features_.end()) return known->second;
        std::vector<float> features;
        try {
            features = context_.features(key, schedule);
        } catch (const Error&) {
            features.clear();  // a schedule that no template can build any more
        }
        if (own) features_[hash] = features;
        return features;
    }

    // Learns again once there is a tenth more to learn from.
    bool model_ready() {
        if (own_.size() + foreign_.size() < kLeastExamples) return false;
        if (model_.fitted() && unlearned_ * 10 < own_.size()) return true;
        std::vector<Example> examples = foreign_;
        examples.insert(examples.end(), own_.begin(), own_.end());
        model_.fit(examples);
        unlearned_ = 0;
        for (Candidate& candidate : kept_) candidate.speed = 0;
        predict(kept_);
        return true;
    }

    void predict(std::vector<Candidate>& candidates) const {
        std::vector<std::vector<float>> rows;
        for (const Candidate& candidate : candidates)
            if (!candidate.features.empty()) rows.push_back(candidate.features);
        const std::vector<float> speeds = model_.predict(rows);
        size_t row = 0;
        for (Candidate& candidate : candidates)
            if (!candidate.features.empty()) candidate.speed = speeds[row++];
    }

    static void sort_best_first(std::vector<Candidate>& candidates) {
        std::stable_sort(candidates.begin(), candidates.end(),
                         [](const Candidate& a, const Candidate& b) { return a.speed > b.speed; });
    }

    // Fills the queue with a round. Leaves it empty when no schedule is left.
    void plan() {
        read_history();
        const std::vector<Schedule> parents = parents_of(scores_, context_.default_schedule, kPopulation);
        if (model_ready()) {
            breed_candidates(parents);
            choose_round();
        } else {
            // Half a round, so that the model gets its say soon.
            for (size_t i = 0; i < kRound / 2; ++i) {
                auto proposal = breed(candidates_, parents);
                if (!proposal) break;
                enqueue(std::move(*proposal));
            }
        }
        std::reverse(queue_.begin(), queue_.end());
    }

    void enqueue(Proposal proposal) {
        candidates_.take(proposal.schedule);
        queue_.push_back(std::move(proposal));
    }

    // Adds to kept_: each generation's parents are the best measured and the best predicted so far.
    void breed_candidates(const std::vector<Schedule>& measured) {
        std::unordered_map<uint64_t, bool> present;
        for (const Candidate& candidate : kept_) present[candidate.schedule.hash()] = true;
        for (size_t generation = 0; generation < kGenerations; ++generation) {
            std::vector<Schedule> parents = measured;
            for (size_t i = 0; i < std::min(kept_.size(), generation * kPopulation / 2); ++i)
                parents.insert(parents.begin() + static_cast<std::ptrdiff_t>(std::min(2 * i, parents.size())),
                               kept_[i].schedule);
            std::vector<Candidate> born;
            for (size_t i = 0; i < kFresh / kGenerations; ++i) {
                auto proposal = breed(candidates_, parents);
                if (!proposal) break;
                if (!present.emplace(proposal->schedule.hash(), true).second) continue;
                auto features = features_of(context_.key, proposal->schedule);
                born.push_back({std::move(proposal->schedule), std::move(features)});
            }
            predict(born);
            std::move(born.begin(), born.end(), std::back_inserter(kept_));
            sort_best_first(kept_);
        }
    }

    void choose_round() {
        size_t best = 0;
        while (queue_.size() < kRound && best < kept_.size()) {
            const double what = candidates_.rng().uniform();
            if (what < kRandomShare) {
                auto schedule = candidates_.random();
                if (schedule) enqueue({std::move(*schedule), "random"});
            } else if (what < kRandomShare + kDiverseShare) {
                const Candidate& candidate = kept_[most_unlike(best)];
                if (candidates_.fresh(candidate.schedule)) enqueue({candidate.schedule, "model"});
            } else {
                const Candidate& candidate = kept_[best++];
                if (candidates_.fresh(candidate.schedule)) enqueue({candidate.schedule, "model"});
            }
        }
        std::vector<Candidate> left;
        for (Candidate& candidate : kept_) {
            if (left.size() >= kKept) break;
            if (candidates_.fresh(candidate.schedule)) left.push_back(std::move(candidate));
        }
        kept_ = std::move(left);
    }

    // Of the upper half of what is left from `from` on, the one least like the round so far.
    size_t most_unlike(size_t from) const {
        size_t result = from;
        size_t largest = 0;
        for (size_t i = from; i < from + (kept_.size() - from + 1) / 2; ++i) {
            if (!candidates_.fresh(kept_[i].schedule)) continue;
            size_t least = SIZE_MAX;
            for (const Proposal& chosen : queue_)
                least = std::min(least, difference(kept_[i].schedule, chosen.schedule));
            if (least > largest) {
                largest = least;
                result = i;
            }
        }
        return result;
    }

    SearchContext context_;
    Candidates candidates_;
    CostModel model_;
    Scores scores_;
    bool history_read_ = false;
    std::vector<Example> own_;
    std::vector<Example> foreign_;
    size_t unlearned_ = 0;                                       // own examples since the model was fitted
    std::unordered_map<uint64_t, std::vector<float>> features_;  // of this problem's schedules, by hash
    std::vector<Candidate> kept_;                                // ranked, not yet proposed, the best first
    std::vector<Proposal> queue_;                                // planned, the next last
};

}  // namespace

std::unique_ptr<Search> model_search(SearchContext context) {
    return std::make_unique<ModelSearch>(std::move(context));
}

}  // namespace tilesmith
