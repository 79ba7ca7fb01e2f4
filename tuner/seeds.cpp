#include "tuner/seeds.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <tuple>
#include <unordered_map>

#include "tuner/scores.h"

namespace tilesmith {

namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr size_t kWinnersOfOneKey = 2;

struct Words {
    std::string op;
    std::map<std::string, std::string> pairs;
};

Words words_of(const std::string& problem) {
    Words words;
    std::istringstream in(problem);
    in >> words.op;
    for (std::string word; in >> word;) {
        const size_t equals = word.find('=');
        words.pairs[word.substr(0, equals)] = equals == std::string::npos ? "" : word.substr(equals + 1);
    }
    return words;
}

std::optional<double> positive_number(const std::string& text) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
    return static_cast<double>(std::max<int64_t>(number, 1));
}

// Nearest first; the trials of each keep their order.
std::vector<std::tuple<double, std::string, std::vector<const Trial*>>> by_distance(const std::vector<Trial>& trials,
                                                                                    const TrialKey& key) {
    std::unordered_map<std::string, std::vector<const Trial*>> groups;
    for (const Trial& trial : trials) {
        if (trial.key == key) continue;
        groups[key_text(trial.key)].push_back(&trial);
    }
    std::vector<std::tuple<double, std::string, std::vector<const Trial*>>> result;
    for (auto& [text, group] : groups) {
        const TrialKey& other = group.front()->key;
        double distance = problem_distance(key.problem, other.problem);
        if (distance == kInfinite) continue;
        if (!(other.conditions == key.conditions)) distance += 1;
        if (other.device != key.device) distance += 1;
        result.emplace_back(distance, text, std::move(group));
    }
    std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) {
        return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
    });
    return result;
}

}  // namespace

double problem_distance(const std::string& a, const std::string& b) {
    const Words left = words_of(a);
    const Words right = words_of(b);
    if (left.op != right.op) return kInfinite;
    double distance = 0;
    size_t shared = 0;
    for (const auto& [name, value] : left.pairs) {
        const auto other = right.pairs.find(name);
        if (other == right.pairs.end()) {
            distance += 1;
            continue;
        }
        ++shared;
        if (value == other->second) continue;
        const auto x = positive_number(value);
        const auto y = positive_number(other->second);
        distance += x && y ? std::abs(std::log2(*x / *y)) : 1;
    }
    return distance + static_cast<double>(right.pairs.size() - shared);
}

std::string key_text(const TrialKey& key) {
    return key.problem + '\n' + key.conditions.text() + '\n' + key.device + '\n' + key.toolchain;
}

std::vector<Schedule> foreign_winners(const std::vector<Trial>& history, const TrialKey& key, size_t most) {
    std::vector<Schedule> result;
    for (const auto& [distance, text, trials] : by_distance(history, key)) {
        Scores scores;
        for (const Trial* trial : trials) scores.add(*trial);
        size_t taken = 0;
        for (const Score& score : scores.ranking()) {
            if (result.size() >= most) return result;
            if (taken++ >= kWinnersOfOneKey) break;
            if (std::find(result.begin(), result.end(), score.schedule) == result.end())
                result.push_back(score.schedule);
        }
    }
    return result;
}

std::vector<Trial> relevant_history(const std::vector<Trial>& all, const TrialKey& key, size_t most_others) {
    std::vector<Trial> result;
    const auto add = [&result](const Trial& trial) {
        result.push_back(trial);
        auto& samples = result.back().outcome.samples_ns;
        if (samples.size() > 1) samples = {median(samples)};
    };
    for (const Trial& trial : all)
        if (trial.key == key) add(trial);
    size_t left = most_others;
    for (const auto& [distance, text, trials] : by_distance(all, key)) {
        for (const Trial* trial : trials) {
            if (left == 0) return result;
            add(*trial);
            --left;
        }
    }
    return result;
}

}  // namespace tilesmith
