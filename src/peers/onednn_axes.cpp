// oneDNN's reductions over axes, and its reorder as a transpose: the same logical axes with other strides.
#include <vector>

#include "peers/onednn_primitive.h"
#include "schedules/reduce/shape.h"

namespace tilesmith {

namespace {

dnnl_memory_desc_t dense(const std::vector<int64_t>& extents) {
    std::vector<int64_t> strides(extents.size(), 1);
    for (size_t place = extents.size() - 1; place > 0; --place) strides[place - 1] = strides[place] * extents[place];
    return strided(extents, strides);
}

class ReductionKernel final : public OnednnPrimitive {
  public:
    ReductionKernel(const Problem& problem, std::span<const float* const> inputs, float* output) {
        const ReduceShape s = ReduceShape(problem).merged();
        std::vector<int64_t> kept = s.groups;
        for (size_t place = 1; place < kept.size(); place += 2) kept[place] = 1;
        const dnnl_memory_desc_t src = dense(s.groups);
        const dnnl_memory_desc_t dst = dense(kept);
        if (s.terms() == 1) {  // which the library takes for no reduction
            create_primitive(api_.reorder_pd_create(&pd_, &src, engine_.get(), &dst, engine_.get(), nullptr));
        } else {
            const dnnl_alg_kind_t kind = problem.op() == "reduce_sum"   ? dnnl_reduction_sum
                                         : problem.op() == "reduce_max" ? dnnl_reduction_max
                                                                        : dnnl_reduction_mean;
            dnnl_reduction_desc_t desc;
            require_success(api_.reduction_init(&desc, kind, &src, &dst, 0, 0), "describing a reduction");
            create_primitive(api_.pd_create(&pd_, &desc, nullptr, engine_.get(), nullptr));
        }
        args_.push_back({DNNL_ARG_SRC, memory(src, inputs[0])});
        args_.push_back({DNNL_ARG_DST, memory(dst, output)});
    }
};

class TransposeKernel final : public OnednnPrimitive {
  public:
    TransposeKernel(const Problem& problem, std::span<const float* const> inputs, float* output) {
        const int64_t b = problem["b"], m = problem["m"], n = problem["n"], c = problem["c"];
        const dnnl_memory_desc_t src = strided({b, m, n, c}, {m * n * c, n * c, c, 1});
        const dnnl_memory_desc_t dst = strided({b, m, n, c}, {m * n * c, c, m * c, 1});
        create_primitive(api_.reorder_pd_create(&pd_, &src, engine_.get(), &dst, engine_.get(), nullptr));
        args_.push_back({DNNL_ARG_FROM, memory(src, inputs[0])});
        args_.push_back({DNNL_ARG_TO, memory(dst, output)});
    }
};

}  // namespace

bool onednn_supports_axes(const Problem& problem) {
    return problem.op() == "reduce_sum" || problem.op() == "reduce_max" || problem.op() == "reduce_mean" ||
           problem.op() == "transpose";
}

std::unique_ptr<PeerKernel> onednn_axes_kernel(const Problem& problem, std::span<const float* const> inputs,
                                               float* output) {
    if (problem.op() == "transpose") return std::make_unique<TransposeKernel>(problem, inputs, output);
    return std::make_unique<ReductionKernel>(problem, inputs, output);
}

}  // namespace tilesmith
