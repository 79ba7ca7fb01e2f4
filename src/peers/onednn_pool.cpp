// oneDNN's pooling of plain [n,h,w,c] tensors.
#include "peers/onednn_primitive.h"
#include "schedules/pool/shape.h"

namespace tilesmith {

namespace {

class PoolKernel final : public OnednnPrimitive {
  public:
    PoolKernel(const Problem& problem, std::span<const float* const> inputs, float* output) {
        const PoolShape s(problem);
        const dnnl_memory_desc_t src = strided({s.n, s.c, s.h, s.w}, {s.h * s.w * s.c, 1, s.w * s.c, s.c});
        const dnnl_memory_desc_t dst = strided({s.n, s.c, s.oh, s.ow}, {s.oh * s.ow * s.c, 1, s.ow * s.c, s.c});
        const dnnl_alg_kind_t mean = problem.op() == "avg_pool" && problem["include_pad"] != 0
                                         ? dnnl_pooling_avg_include_padding
                                         : dnnl_pooling_avg_exclude_padding;
        const dnnl_dims_t strides = {s.stride_h, s.stride_w};
        const dnnl_dims_t kernel = {s.kh, s.kw};
        const dnnl_dims_t dilation = {0, 0};
        const dnnl_dims_t pad = {s.pad_h, s.pad_w};
        // Where the stride leaves rows over at the end, oneDNN wants the padding that is really touched.
        const dnnl_dims_t pad_end = {(s.oh - 1) * s.stride_h + s.kh - s.h - s.pad_h,
                                     (s.ow - 1) * s.stride_w + s.kw - s.w - s.pad_w};
        dnnl_pooling_v2_desc_t desc;
        require_success(
            api_.pooling_init(&desc, dnnl_forward_inference, problem.op() == "max_pool" ? dnnl_pooling_max : mean, &src,
                              &dst, strides, kernel, dilation, pad, pad_end),
            "describing a pooling");
        create_primitive(api_.pd_create(&pd_, &desc, nullptr, engine_, nullptr));
        args_.push_back({DNNL_ARG_SRC, memory(src, inputs[0])});
        args_.push_back({DNNL_ARG_DST, memory(dst, output)});
    }
};

}  // namespace

bool onednn_supports_pool(const Problem& problem) { return problem.op() == "max_pool" || problem.op() == "avg_pool"; }

std::unique_ptr<PeerKernel> onednn_pool_kernel(const Problem& problem, std::span<const float* const> inputs,
                                               float* output) {
    return std::make_unique<PoolKernel>(problem, inputs, output);
}

}  // namespace tilesmith
