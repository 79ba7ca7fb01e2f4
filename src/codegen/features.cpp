// Numbers about a scheduled loop nest for the cost model: names and values in one table. All are ratios, or logarithms
// of ratios, to the problem and the target's numbers, so that what is learned on one problem holds on others.

#include <Halide.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "codegen/compiler.h"
#include "codegen/loop_nest.h"
#include "codegen/nest_analysis.h"
#include "core/error.h"
#include "schedules/pipeline.h"
#include "schedules/template.h"

namespace tilesmith {

namespace {

struct Feature {
    const char* name;
    double (*value)(const NestAnalysis&);
};

// Smaller values are all the same to the model.
double log2_of(double value) { return std::log2(std::max(value, 1e-6)); }

double l1(const NestAnalysis& a) { return static_cast<double>(a.target.l1_bytes); }
double l2(const NestAnalysis& a) { return static_cast<double>(a.target.l2_bytes); }
double l3(const NestAnalysis& a) { return static_cast<double>(std::max(a.target.l3_bytes, a.target.l2_bytes)); }

// The data of one run of the tile and of the loops around it, and how often these repeat; 0 is the run itself.
double bytes_around(const NestAnalysis& a, size_t loops) {
    const size_t outer = std::min(loops, a.outer_depths.size());
    return a.depth_bytes[outer == 0 ? a.run_depth : a.outer_depths[outer - 1]];
}
double trips_around(const NestAnalysis& a, size_t loops) {
    return loops < a.outer_trips.size() ? a.outer_trips[loops] : 1;
}

// Waiting threads of the last round of tasks: 1 is perfectly even.
double imbalance(const NestAnalysis& a) {
    const double threads = a.conditions.threads;
    return std::ceil(a.parallel.tasks / threads) * threads / a.parallel.tasks;
}

using A = NestAnalysis;

// What the problem, the conditions and the target ask for.
constexpr Feature kSetting[] = {
    {"log_flops", [](const A& a) { return log2_of(a.problem_flops); }},
    {"log_reduction", [](const A& a) { return log2_of(a.reduction); }},
    {"log_outputs", [](const A& a) { return log2_of(a.outputs); }},
    {"log_flops_per_byte", [](const A& a) { return log2_of(a.problem_flops / a.problem_bytes); }},
    {"log_problem_in_l1", [](const A& a) { return log2_of(a.problem_bytes / l1(a)); }},
    {"log_problem_in_l2", [](const A& a) { return log2_of(a.problem_bytes / l2(a)); }},
    {"log_problem_in_l3", [](const A& a) { return log2_of(a.problem_bytes / l3(a)); }},
    {"log_threads", [](const A& a) { return log2_of(a.conditions.threads); }},
    {"throughput", [](const A& a) { return a.conditions.objective == Objective::throughput ? 1.0 : 0.0; }},
    {"cold_weights", [](const A& a) { return a.conditions.cache == CacheState::cold_weights ? 1.0 : 0.0; }},
    {"log_lanes", [](const A& a) { return log2_of(a.target.lanes(4)); }},
    {"log_registers", [](const A& a) { return log2_of(a.target.vector_registers); }},
    {"fma_per_cycle", [](const A& a) { return static_cast<double>(a.target.fma_per_cycle); }},
    {"loads_per_cycle", [](const A& a) { return static_cast<double>(a.target.loads_per_cycle); }},
};

// The register tile.
constexpr Feature kTile[] = {
    {"lanes_used", [](const A& a) { return a.tile.lanes_used; }},
    {"accumulators_per_register", [](const A& a) { return a.tile.accumulators / a.target.vector_registers; }},
    {"registers_needed", [](const A& a) { return a.tile.registers / a.target.vector_registers; }},
    {"vector_loads_per_fma", [](const A& a) { return a.tile.vector_loads / a.tile.fmas; }},
    {"broadcasts_per_fma", [](const A& a) { return a.tile.broadcasts / a.tile.fmas; }},
    {"gathers_per_fma", [](const A& a) { return a.tile.gathered_lanes / a.tile.fmas; }},
    {"loads_per_fma",
     [](const A& a) { return (a.tile.vector_loads + a.tile.broadcasts + a.tile.gathered_lanes) / a.tile.fmas; }},
    {"log_vectors_per_broadcast",
     [](const A& a) { return log2_of((1 + a.tile.vector_loads) / (1 + a.tile.broadcasts)); }},
    {"chains_per_latency", [](const A& a) { return a.tile.accumulators / (4.0 * a.target.fma_per_cycle); }},
    {"log_body_fmas", [](const A& a) { return log2_of(a.tile.fmas); }},
    {"log_fmas_per_accumulator", [](const A& a) { return log2_of(a.tile.fmas / a.tile.accumulators); }},
    {"log_code_fmas", [](const A& a) { return log2_of(a.tile.code_fmas); }},
    {"log_run", [](const A& a) { return log2_of(a.tile.run); }},
    {"log_runs_per_reduction",
     [](const A& a) { return log2_of(a.reduction * a.tile.accumulators / (a.tile.run * a.tile.fmas)); }},
    {"tile_efficiency", [](const A& a) { return a.tile.efficiency; }},
    {"tile_overhead",
     [](const A& a) { return log2_of(a.tile.overhead_cycles * a.target.fma_per_cycle / (a.tile.run * a.tile.fmas)); }},
};

// Work that the problem does not ask for.
constexpr Feature kWork[] = {
    {"executed_flops", [](const A& a) { return a.executed_flops / a.problem_flops; }},
    {"condition_share", [](const A& a) { return a.fraction; }},
    {"log_guarded", [](const A& a) { return log2_of(a.guarded); }},
    {"copied_bytes_per_flop", [](const A& a) { return log2_of(a.other.copied_bytes / a.problem_flops); }},
    {"copied_bytes_per_byte", [](const A& a) { return a.other.copied_bytes / a.problem_bytes; }},
    {"scalar_elements_per_flop", [](const A& a) { return log2_of(a.other.scalar_elements / a.problem_flops); }},
    {"gathers_per_flop", [](const A& a) { return log2_of(a.other.gathered_lanes / a.problem_flops); }},
    {"reloaded_bytes_per_flop", [](const A& a) { return log2_of(a.other.reloaded_bytes / a.problem_flops); }},
    {"other_flops", [](const A& a) { return log2_of(a.other.flops / a.problem_flops); }},
    {"log_allocated_in_l1", [](const A& a) { return log2_of(a.other.allocated_bytes / l1(a)); }},
    {"log_allocated_in_l2", [](const A& a) { return log2_of(a.other.allocated_bytes / l2(a)); }},
    {"log_allocations_per_mflop", [](const A& a) { return log2_of(1e6 * a.other.allocations / a.problem_flops); }},
};

// Data at each depth of the nest, and what moves between the caches.
constexpr Feature kMemory[] = {
    {"log_run_in_l1", [](const A& a) { return log2_of(bytes_around(a, 0) / l1(a)); }},
    {"log_loop1_in_l1", [](const A& a) { return log2_of(bytes_around(a, 1) / l1(a)); }},
    {"log_loop1_in_l2", [](const A& a) { return log2_of(bytes_around(a, 1) / l2(a)); }},
    {"log_loop2_in_l2", [](const A& a) { return log2_of(bytes_around(a, 2) / l2(a)); }},
    {"log_loop3_in_l2", [](const A& a) { return log2_of(bytes_around(a, 3) / l2(a)); }},
    {"log_loop3_in_l3", [](const A& a) { return log2_of(bytes_around(a, 3) / l3(a)); }},
    {"log_loop1_trips", [](const A& a) { return log2_of(trips_around(a, 0)); }},
    {"log_loop2_trips", [](const A& a) { return log2_of(trips_around(a, 1)); }},
    {"log_loop3_trips", [](const A& a) { return log2_of(trips_around(a, 2)); }},
    {"l1_filled", [](const A& a) { return a.fit_l1 / l1(a); }},
    {"l2_filled", [](const A& a) { return a.fit_l2 / l2(a); }},
    {"log_l1_fills", [](const A& a) { return log2_of(a.outside_l1); }},
    {"log_l2_fills", [](const A& a) { return log2_of(a.outside_l2); }},
    {"log_bytes_into_l1", [](const A& a) { return log2_of(a.traffic_l1 / a.problem_flops); }},
    {"log_bytes_into_l2", [](const A& a) { return log2_of(a.traffic_l2 / a.problem_flops); }},
    {"log_bytes_into_l3", [](const A& a) { return log2_of(a.traffic_l3 / a.problem_flops); }},
    {"log_reload_of_problem", [](const A& a) { return log2_of(a.traffic_l2 / a.problem_bytes); }},
    {"log_run_pages", [](const A& a) { return log2_of(a.run_pages); }},
    {"prefetches_panel", [](const A& a) { return a.prefetches_panel ? 1.0 : 0.0; }},
    {"prefetches_output", [](const A& a) { return a.prefetches_output ? 1.0 : 0.0; }},
    {"streams_output", [](const A& a) { return a.streams_output ? 1.0 : 0.0; }},
    {"log_run_conflicts", [](const A& a) { return log2_of(a.run_conflicts); }},
};

constexpr Feature kParallel[] = {
    {"parallel", [](const A& a) { return a.parallel.regions > 0 ? 1.0 : 0.0; }},
    {"log_tasks_per_thread", [](const A& a) { return log2_of(a.parallel.tasks / a.conditions.threads); }},
    {"imbalance",
     [](const A& a) { return a.parallel.regions > 0 ? imbalance(a) : static_cast<double>(a.conditions.threads); }},
    {"log_task_cycles",
     [](const A& a) { return log2_of(a.ideal_cycles() / (a.parallel.tasks * std::max(1.0, a.parallel.regions))); }},
    {"serial_share", [](const A& a) { return a.other.serial_cycles / (a.total_cycles() + 1); }},
};

// Rough times, over that of the problem at the target's peak.
constexpr Feature kEstimates[] = {
    {"estimated_compute", [](const A& a) { return log2_of(a.compute_cycles() / a.ideal_cycles()); }},
    {"estimated_memory", [](const A& a) { return log2_of(a.memory_cycles() / a.ideal_cycles()); }},
    {"estimated_other", [](const A& a) { return log2_of(a.other.cycles / a.ideal_cycles()); }},
    {"estimated_total", [](const A& a) { return log2_of(a.total_cycles() / a.ideal_cycles()); }},
};

template <class Visit>
void for_each_feature(const Visit& visit) {
    const auto visit_all = [&visit](const auto& group) {
        for (const Feature& feature : group) visit(feature);
    };
    visit_all(kSetting);
    visit_all(kTile);
    visit_all(kWork);
    visit_all(kMemory);
    visit_all(kParallel);
    visit_all(kEstimates);
}

}  // namespace

const std::vector<std::string>& feature_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for_each_feature([&all](const Feature& feature) { all.emplace_back(feature.name); });
        return all;
    }();
    return names;
}

std::vector<float> features(const Problem& problem, const Schedule& schedule, const Target& target,
                            const Conditions& conditions) {
    const Template& chosen = require_legal(problem, schedule, target, conditions);
    try {
        const Pipeline pipeline = chosen.build(problem, schedule, target, conditions);
        const NestAnalysis analysis(read_loop_nest(pipeline.run), problem, target, conditions);
        std::vector<float> values;
        for_each_feature(
            [&](const Feature& feature) { values.push_back(static_cast<float>(feature.value(analysis))); });
        return values;
    } catch (const Halide::Error& error) {
        throw run_failed(fmt::format("Halide cannot build {}: {}", schedule.text(), error.what()));
    }
}

}  // namespace tilesmith
