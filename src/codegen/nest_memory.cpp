#include "codegen/nest_memory.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <utility>

namespace tilesmith {

double touched_bytes(const std::vector<int64_t>& strides, const std::vector<double>& trips, int element_bytes,
                     int64_t granule) {
    std::vector<std::pair<double, double>> steps;  // bytes, trips
    for (size_t i = 0; i < strides.size(); ++i)
        if (strides[i] != 0 && trips[i] > 1)
            steps.emplace_back(static_cast<double>(std::abs(strides[i])) * element_bytes, trips[i]);
    std::sort(steps.begin(), steps.end());
    const auto block = static_cast<double>(granule);
    double bytes = element_bytes;  // touched
    double reach = element_bytes;  // from the first to the last of them
    for (const auto& [stride, count] : steps) {
        const double longer = reach + stride * (count - 1);
        if (stride > reach && stride >= block) {  // apart: each step touches blocks of its own
            bytes = std::max(bytes, std::min(reach + block - 1, std::ceil(bytes / block) * block)) * count;
        } else {
            bytes *= longer / reach;
        }
        reach = longer;
    }
    return std::max(bytes, block);
}

NestMemory::NestMemory(const LoopNest& nest, const NestStage& main, const std::vector<bool>& in_registers,
                       int line_bytes) {
    const size_t loops = main.loops.size();
    bytes_.assign(loops + 1, std::vector<double>(nest.buffers.size(), 0));
    executions_.assign(loops + 1, 1);
    for (size_t depth = 0; depth < loops; ++depth)
        executions_[depth + 1] = executions_[depth] * nest.loops[main.loops[depth]].trips;
    for (const NestStage& stage : nest.stages) {
        const auto apart = std::mismatch(stage.loops.begin(), stage.loops.end(), main.loops.begin(), main.loops.end());
        const auto shared = static_cast<size_t>(apart.first - stage.loops.begin());
        std::vector<double> trips;
        for (const size_t loop : stage.loops) trips.push_back(nest.loops[loop].trips);
        for (const NestAccess& access : stage.accesses) {
            if (in_registers[access.buffer]) continue;
            const NestBuffer& buffer = nest.buffers[access.buffer];
            std::vector<double> inside = trips;
            const auto whole = static_cast<double>(buffer.elements * buffer.element_bytes);
            // Another stage is inside depth d where it shares the loop d itself.
            for (size_t depth = 0; depth < (&stage == &main ? loops + 1 : shared); ++depth) {
                if (depth > 0) inside[depth - 1] = 1;
                double& bytes = bytes_[depth][access.buffer];
                const double touched = touched_bytes(access.strides, inside, buffer.element_bytes, line_bytes);
                bytes = std::max(bytes, std::min(std::max<double>(whole, line_bytes), touched));
            }
        }
    }
}

double NestMemory::bytes(size_t depth) const {
    return std::accumulate(bytes_[depth].begin(), bytes_[depth].end(), 0.0);
}

size_t NestMemory::fitting_depth(double cache_bytes) const {
    for (size_t depth = 0; depth + 1 < depths(); ++depth)
        if (bytes(depth) <= cache_bytes) return depth;
    return depths() - 1;
}

double NestMemory::traffic(double cache_bytes) const {
    const size_t fit = fitting_depth(cache_bytes);
    if (fit == 0) return bytes(0);
    double sum = 0;
    for (size_t buffer = 0; buffer < bytes_[fit].size(); ++buffer)
        sum += std::min(bytes_[fit][buffer] * executions_[fit], bytes_[fit - 1][buffer] * executions_[fit - 1]);
    return sum;
}

}  // namespace tilesmith
