#include "tuner/cost_model.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "core/rng.h"

using namespace tilesmith;

namespace {

// Fast where x is near 0.7 and y is large; failed where x < 0.1; `scale` must not matter.
double cost_of(double x, double y, double scale) {
    return x < 0.1 ? 0 : scale * (1 + 3 * std::abs(x - 0.7) + 2 * (1 - y));
}

std::vector<Example> examples(size_t count, uint64_t seed, size_t features = 8) {
    Rng rng(seed);
    std::vector<Example> result;
    for (size_t i = 0; i < count; ++i) {
        std::vector<float> row;
        for (size_t j = 0; j < features; ++j) row.push_back(static_cast<float>(rng.uniform()));
        const bool big = i % 2 == 0;
        const double cost = cost_of(static_cast<double>(row[0]), static_cast<double>(row[1]), big ? 1e6 : 1e3);
        result.push_back({row, big ? "big" : "small", cost, 1});
    }
    return result;
}

}  // namespace

TEST_CASE("the cost model ranks unseen schedules, failures last, whatever the size of their problem", "[unit]") {
    CostModel model(1);
    model.fit(examples(400, 1));
    const auto unseen = examples(200, 2);
    std::vector<std::vector<float>> rows;
    for (const Example& example : unseen) rows.push_back(example.features);
    const auto speeds = model.predict(rows);
    size_t right = 0;
    size_t pairs = 0;
    const auto speed = [](const Example& example) {
        return example.cost_ns == 0 ? 0.0 : (example.group == "big" ? 1e6 : 1e3) / example.cost_ns;
    };
    for (size_t i = 0; i < unseen.size(); ++i)
        for (size_t j = 0; j < i; ++j) {
            if (std::abs(speed(unseen[i]) - speed(unseen[j])) < 0.05) continue;
            ++pairs;
            right += (speed(unseen[i]) > speed(unseen[j])) == (speeds[i] > speeds[j]) ? 1 : 0;
        }
    CHECK(static_cast<double>(right) / static_cast<double>(pairs) > 0.9);
}

TEST_CASE("the cost model is the same for the same examples and seed, also fitted again", "[unit]") {
    const auto of = examples(100, 3);
    const std::vector<std::vector<float>> rows{of[0].features, of[1].features, of[2].features};
    CostModel first(5);
    first.fit(of);
    CostModel second(5);
    second.fit(examples(50, 4));
    second.fit(of);
    CHECK(first.predict(rows) == second.predict(rows));
    CHECK(first.predict({}).empty());
}

TEST_CASE("a saved cost model predicts as before", "[unit]") {
    const auto of = examples(100, 3);
    const std::vector<std::vector<float>> rows{of[0].features, of[1].features, of[2].features};
    CostModel model(5);
    model.fit(of);
    CHECK(CostModel::load(model.save()).predict(rows) == model.predict(rows));
}

TEST_CASE("the cost model refuses text that is no model and features of unequal lengths", "[unit]") {
    CHECK_THROWS_AS(CostModel::load("{\"no\": \"model\"}"), Error);
    auto uneven = examples(20, 1);
    uneven.back().features.pop_back();
    CostModel model(1);
    CHECK_THROWS_AS(model.fit(uneven), Error);
}
