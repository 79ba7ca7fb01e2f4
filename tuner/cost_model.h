// Predicts how fast schedules are relative to the best of their problem, from loop-nest features, so that thousands of
// candidates are ranked and few are compiled. Gradient-boosted trees (Chen and Guestrin, XGBoost, KDD 2016), as in
// AutoTVM.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tilesmith {

// One measured schedule.
struct Example {
    std::vector<float> features;  // as long as those of every other example
    std::string group;            // speeds are relative within one: a problem under its conditions
    double cost_ns = 0;           // 0: it failed, which is learned as "infinitely slow"
    float weight = 1;             // how much it counts
};

class CostModel {
  public:
    explicit CostModel(uint64_t seed);
    CostModel(CostModel&&) noexcept;
    CostModel& operator=(CostModel&&) noexcept;
    ~CostModel();

    // Forgets what it knew and learns `examples` (at least one): speed = least cost of the group / own cost, in (0, 1].
    // One thread, so that it runs beside compiling children; the same examples and seed give the same model.
    void fit(const std::vector<Example>& examples);
    [[nodiscard]] bool fitted() const;

    // The predicted speed of each row: about 1 for the best of a problem, 0 for a failure. Must be fitted.
    [[nodiscard]] std::vector<float> predict(const std::vector<std::vector<float>>& rows) const;

    // The fitted model as JSON text, and the model of such a text. load() throws bad_input.
    [[nodiscard]] std::string save() const;
    static CostModel load(const std::string& text);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tilesmith
