#include "tuner/compare_searches.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/rng.h"
#include "tuner/seeds.h"

namespace tilesmith {

namespace {

constexpr size_t kResamples = 1000;

// [search][problem][seed][trial]
using Qualities = std::vector<std::vector<std::vector<std::vector<double>>>>;

double least_ns(const std::vector<Recorded>& records) {
    double least = 0;
    for (const Recorded& recorded : records)
        if (recorded.status == Status::ok && (least == 0 || recorded.median_ns < least)) least = recorded.median_ns;
    return least;
}

// The quality after each trial of one replay.
std::vector<double> replay(const std::vector<Recorded>& records, const SearchInfo& info, SearchContext context,
                           const ComparisonRequest& request) {
    const double least = least_ns(records);
    const Schedule default_schedule = context.default_schedule;
    const TrialKey key = context.key;
    ReplayRunner runner(records);
    const auto search = info.create(std::move(context));
    runner.submit({default_schedule});
    std::vector<double> curve;
    double best_ns = 0;
    while (curve.size() < request.trials) {
        const size_t room = std::min(request.in_flight, request.trials - curve.size());
        if (runner.in_flight() < room)
            for (Proposal& proposal : search->propose(room - runner.in_flight()))
                runner.submit({std::move(proposal.schedule)});
        auto measured = runner.next(0);
        if (!measured) break;  // the pool is used up
        Trial trial;
        trial.key = key;
        trial.schedule = std::move(measured->schedule);
        trial.outcome = std::move(measured->outcome);
        if (trial.outcome.ok()) {
            const double ns = median(trial.outcome.samples_ns);
            if (best_ns == 0 || ns < best_ns) best_ns = ns;
        }
        search->observe({trial});
        curve.push_back(best_ns == 0 ? 0 : least / best_ns);
    }
    curve.resize(request.trials, curve.empty() ? 0 : curve.back());
    return curve;
}

SearchContext context_of(const std::vector<std::vector<Recorded>>& groups, size_t problem, uint64_t seed, bool others) {
    SearchContext context = replay_context(groups[problem], seed);
    if (!others) return context;
    auto features = std::make_shared<std::unordered_map<std::string, std::vector<float>>>();
    for (size_t i = 0; i < groups.size(); ++i) {
        if (i == problem) continue;
        for (const Recorded& recorded : groups[i]) {
            context.history.push_back(trial_of(recorded));
            features->emplace(key_text(recorded.key) + '\n' + recorded.schedule.text(), recorded.features);
        }
    }
    context.features = [own = context.features, key = context.key, features](const TrialKey& of,
                                                                             const Schedule& schedule) {
        if (of == key) return own(of, schedule);
        const auto known = features->find(key_text(of) + '\n' + schedule.text());
        return known == features->end() ? std::vector<float>{} : known->second;
    };
    return context;
}

double mean_at_end(const std::vector<std::vector<double>>& seeds, const std::vector<size_t>& which) {
    double sum = 0;
    for (const size_t seed : which) sum += seeds[seed].back();
    return sum / static_cast<double>(which.size());
}

double median_ratio(const Qualities& qualities, size_t search, const std::vector<size_t>& problems,
                    const std::vector<std::vector<size_t>>& seeds) {
    std::vector<double> ratios;
    for (size_t i = 0; i < problems.size(); ++i) {
        const double base = mean_at_end(qualities.back()[problems[i]], seeds[i]);
        if (base > 0) ratios.push_back(mean_at_end(qualities[search][problems[i]], seeds[i]) / base);
    }
    return ratios.empty() ? 1 : median(ratios);
}

void add_ratio(const Qualities& qualities, size_t search, SearchCurve& curve) {
    const size_t problem_count = qualities[search].size();
    const size_t seed_count = qualities[search].front().size();
    std::vector<size_t> problems(problem_count);
    std::vector<size_t> all_seeds(seed_count);
    std::iota(problems.begin(), problems.end(), 0U);
    std::iota(all_seeds.begin(), all_seeds.end(), 0U);
    std::vector<std::vector<size_t>> seeds(problem_count, all_seeds);
    curve.ratio = median_ratio(qualities, search, problems, seeds);

    Rng rng(1);
    std::vector<double> resampled;
    for (size_t i = 0; i < kResamples; ++i) {
        for (size_t& problem : problems) problem = static_cast<size_t>(rng.below(problem_count));
        for (auto& of_problem : seeds)
            for (size_t& seed : of_problem) seed = static_cast<size_t>(rng.below(seed_count));
        resampled.push_back(median_ratio(qualities, search, problems, seeds));
    }
    std::sort(resampled.begin(), resampled.end());
    curve.ratio_low = resampled[kResamples * 25 / 1000];
    curve.ratio_high = resampled[kResamples * 975 / 1000 - 1];
}

std::vector<double> mean_curve(const std::vector<std::vector<std::vector<double>>>& problems, size_t trials) {
    std::vector<double> mean(trials, 0);
    double count = 0;
    for (const auto& seeds : problems) {
        for (const auto& curve : seeds) {
            for (size_t i = 0; i < trials; ++i) mean[i] += curve[i];
            ++count;
        }
    }
    for (double& value : mean) value /= count;
    return mean;
}

}  // namespace

std::vector<SearchCurve> compare_searches(const std::vector<Recorded>& records, const ComparisonRequest& request) {
    auto groups = records_by_key(records);
    std::erase_if(groups, [](const auto& group) { return least_ns(group) == 0; });
    if (groups.empty()) throw bad_input("the recording holds no schedule that worked");
    if (request.searches.empty() || request.seeds.empty() || request.trials == 0)
        throw bad_input("a comparison needs at least one search, one seed and one trial");

    Qualities qualities;
    for (const std::string& name : request.searches) {
        const SearchInfo& info = search_named(name);
        auto& of_search = qualities.emplace_back();
        for (size_t problem = 0; problem < groups.size(); ++problem) {
            auto& of_problem = of_search.emplace_back();
            for (const uint64_t seed : request.seeds)
                of_problem.push_back(
                    replay(groups[problem], info, context_of(groups, problem, seed, request.other_problems), request));
        }
    }

    std::vector<SearchCurve> curves;
    for (size_t search = 0; search < request.searches.size(); ++search) {
        SearchCurve curve;
        curve.search = request.searches[search];
        curve.mean_quality = mean_curve(qualities[search], request.trials);
        if (search + 1 < request.searches.size()) add_ratio(qualities, search, curve);
        curves.push_back(std::move(curve));
    }
    return curves;
}

nlohmann::ordered_json to_json(const std::vector<SearchCurve>& curves) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const SearchCurve& curve : curves)
        json.push_back({{"search", curve.search},
                        {"mean_quality", curve.mean_quality},
                        {"against", curves.back().search},
                        {"ratio", curve.ratio},
                        {"ratio_low", curve.ratio_low},
                        {"ratio_high", curve.ratio_high}});
    return json;
}

}  // namespace tilesmith
