// The domain of one stage of a Func: its variables, how splits and fuses turn them into loops, and the way back from
// loop values to variables. Internal to src/codegen.
#pragma once

#include <Halide.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tilesmith {

// A variable before, between or after the splits.
struct DomainRange {
    int64_t extent = 1;
    double trips = 1;  // values that it takes, on average: less than the extent where a guard skips the rest
};

class StageDomain {
  public:
    // `extents`: of the arguments of `function`, in the region that is computed at once.
    StageDomain(const Halide::Internal::Function& function, const Halide::Internal::Definition& definition,
                const std::vector<int64_t>& extents);

    // Arguments, then reduction variables, as the definition's expressions name them.
    [[nodiscard]] const std::vector<std::string>& variables() const { return variables_; }
    [[nodiscard]] size_t arguments() const {
        return minima_.empty() ? variables_.size() : variables_.size() - minima_.size();
    }

    struct DomainLoop {
        std::string name;
        DomainRange range;
        Halide::Internal::ForType type;
    };
    // Outermost first.
    [[nodiscard]] const std::vector<DomainLoop>& loops() const { return loops_; }

    // Whether some of the region may be computed more than once: a last piece that starts earlier.
    [[nodiscard]] bool repeats() const { return repeats_; }

    // The variables where the loops have `loop_values`; arguments counted from the beginning of the region. With
    // `clamp`, what guards skip and shifts move is taken into account.
    [[nodiscard]] std::vector<int64_t> variables_at(const std::vector<int64_t>& loop_values, bool clamp) const;

  private:
    struct Division {
        Halide::Internal::Split::SplitType type;
        size_t old_variable, outer, inner;  // places in ranges_
        int64_t factor;
        bool guarded, shifted;
    };

    void divide(const Halide::Internal::Split& split);
    size_t add(const std::string& name, DomainRange range);
    [[nodiscard]] size_t place_of(const std::string& name) const;

    std::vector<std::string> variables_;
    std::vector<int64_t> minima_;                              // of the reduction variables
    std::vector<std::pair<std::string, DomainRange>> ranges_;  // the variables, then what splits make of them
    std::vector<Division> divisions_;
    std::vector<DomainLoop> loops_;
    std::vector<size_t> leaves_;  // the places of the loops' variables
    bool repeats_ = false;
};

}  // namespace tilesmith
