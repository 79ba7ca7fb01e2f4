#include "codegen/stage_domain.h"

#include <algorithm>
#include <cmath>

namespace tilesmith {

namespace Ir = Halide::Internal;
using Halide::TailStrategy;

namespace {

bool guards(TailStrategy tail) {
    return tail == TailStrategy::GuardWithIf || tail == TailStrategy::Predicate ||
           tail == TailStrategy::PredicateStores || tail == TailStrategy::PredicateLoads;
}

int64_t constant_or(const Halide::Expr& expr, int64_t otherwise) {
    return Ir::as_const_int(expr).value_or(Ir::as_const_int(Ir::simplify(expr)).value_or(otherwise));
}

DomainRange whole(int64_t extent) { return {extent, static_cast<double>(extent)}; }

}  // namespace

StageDomain::StageDomain(const Ir::Function& function, const Ir::Definition& definition,
                         const std::vector<int64_t>& extents)
    : variables_(function.args()) {
    for (size_t i = 0; i < variables_.size(); ++i) add(variables_[i], whole(extents[i]));
    for (const Ir::ReductionVariable& variable : definition.schedule().rvars()) {
        variables_.push_back(variable.var);
        minima_.push_back(constant_or(variable.min, 0));
        add(variable.var, whole(constant_or(variable.extent, 1)));
    }
    for (const Ir::Split& split : definition.schedule().splits()) divide(split);
    const std::vector<Ir::Dim>& dims = definition.schedule().dims();
    for (auto dim = dims.rbegin(); dim != dims.rend(); ++dim) {
        const size_t place = place_of(dim->var);
        if (place == ranges_.size()) continue;  // the loop of one iteration that Halide puts around each stage
        loops_.push_back({dim->var, ranges_[place].second, dim->for_type});
        leaves_.push_back(place);
    }
}

// The latest variable of this name: splits may give an old name to a new variable.
size_t StageDomain::place_of(const std::string& name) const {
    for (size_t i = ranges_.size(); i-- > 0;)
        if (ranges_[i].first == name) return i;
    return ranges_.size();
}

size_t StageDomain::add(const std::string& name, DomainRange range) {
    ranges_.emplace_back(name, range);
    return ranges_.size() - 1;
}

void StageDomain::divide(const Ir::Split& split) {
    Division division{
        split.split_type, 0, 0, 0, 1, split.exact || guards(split.tail), split.tail == TailStrategy::ShiftInwards};
    if (split.split_type == Ir::Split::FuseVars) {
        division.outer = place_of(split.outer);
        division.inner = place_of(split.inner);
        const DomainRange outer = ranges_[division.outer].second;
        const DomainRange inner = ranges_[division.inner].second;
        division.old_variable = add(split.old_var, {outer.extent * inner.extent, outer.trips * inner.trips});
    } else if (split.split_type == Ir::Split::RenameVar) {
        division.old_variable = place_of(split.old_var);
        division.outer = add(split.outer, ranges_[division.old_variable].second);
    } else {
        division.old_variable = place_of(split.old_var);
        const DomainRange old = ranges_[division.old_variable].second;
        division.factor = std::max<int64_t>(1, constant_or(split.factor, 1));
        if (!division.guarded && old.extent % division.factor != 0) repeats_ = true;
        const auto factor = static_cast<double>(division.factor);
        const double outer_trips = std::max(1.0, std::ceil(old.trips / factor - 1e-9));
        division.outer = add(split.outer, {(old.extent + division.factor - 1) / division.factor, outer_trips});
        division.inner = add(split.inner, {division.factor, division.guarded ? old.trips / outer_trips : factor});
    }
    divisions_.push_back(division);
}

std::vector<int64_t> StageDomain::variables_at(const std::vector<int64_t>& loop_values, bool clamp) const {
    std::vector<int64_t> values(ranges_.size(), 0);
    for (size_t i = 0; i < leaves_.size(); ++i) values[leaves_[i]] = loop_values[i];
    for (auto division = divisions_.rbegin(); division != divisions_.rend(); ++division) {
        const int64_t old_extent = ranges_[division->old_variable].second.extent;
        int64_t& old = values[division->old_variable];
        if (division->type == Ir::Split::FuseVars) {
            const int64_t inner_extent = ranges_[division->inner].second.extent;
            values[division->outer] = old / inner_extent;
            values[division->inner] = old % inner_extent;
        } else if (division->type == Ir::Split::RenameVar) {
            old = values[division->outer];
        } else {
            int64_t begin = values[division->outer] * division->factor;
            if (clamp && division->shifted)
                begin = std::min(begin, std::max<int64_t>(0, old_extent - division->factor));
            old = begin + values[division->inner];
            if (clamp && division->guarded) old = std::min(old, old_extent - 1);
        }
    }
    values.resize(variables_.size());
    for (size_t i = 0; i < minima_.size(); ++i) values[arguments() + i] += minima_[i];
    return values;
}

}  // namespace tilesmith
