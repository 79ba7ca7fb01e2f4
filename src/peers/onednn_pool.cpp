// oneDNN's pooling: of plain [n,h,w,c] tensors, and of the blocks of channels that its fastest kernels are written for.
#include "core/error.h"
#include "peers/onednn_primitive.h"
#include "schedules/pool/shape.h"

namespace tilesmith {

namespace {

dnnl_memory_desc_t tensor(int64_t n, int64_t c, int64_t h, int64_t w, dnnl_format_tag_t layout) {
    const dnnl_dims_t dims = {n, c, h, w};
    dnnl_memory_desc_t desc;
    require_success(onednn_api().md_by_tag(&desc, 4, dims, dnnl_f32, layout), "describing a tensor");
    return desc;
}

class PoolKernel final : public OnednnPrimitive {
  public:
    // Throws run_failed where the library has no implementation for `layout`.
    PoolKernel(const Problem& problem, std::span<const float* const> inputs, float* output, dnnl_format_tag_t layout)
        : plain_(layout == dnnl_nhwc) {
        const PoolShape s(problem);
        const dnnl_memory_desc_t src = tensor(s.n, s.c, s.h, s.w, layout);
        dst_desc_ = tensor(s.n, s.c, s.oh, s.ow, layout);
        create(problem, s, src);
        const dnnl_memory_desc_t plain_src = tensor(s.n, s.c, s.h, s.w, dnnl_nhwc);
        plain_dst_desc_ = tensor(s.n, s.c, s.oh, s.ow, dnnl_nhwc);
        plain_dst_ = memory(plain_dst_desc_, output);
        dnnl_memory_t x = memory(plain_src, inputs[0]);
        dst_ = plain_dst_;
        if (!plain_) {
            dnnl_memory_t blocked = memory(src, nullptr);
            reorder(x, plain_src, blocked, src);
            x = blocked;
            dst_ = memory(dst_desc_, nullptr);
        }
        args_.push_back({DNNL_ARG_SRC, x});
        args_.push_back({DNNL_ARG_DST, dst_});
    }

    void finish() override {
        if (!plain_) reorder(dst_, dst_desc_, plain_dst_, plain_dst_desc_);
    }

    [[nodiscard]] std::string layout() const override { return plain_ ? "plain" : "blocked"; }

  private:
    void create(const Problem& problem, const PoolShape& s, const dnnl_memory_desc_t& src) {
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
                              &dst_desc_, strides, kernel, dilation, pad, pad_end),
            "describing a pooling");
        create_primitive(api_.pd_create(&pd_, &desc, nullptr, engine_.get(), nullptr));
    }

    bool plain_;
    dnnl_memory_desc_t dst_desc_{}, plain_dst_desc_{};
    dnnl_memory_t dst_ = nullptr, plain_dst_ = nullptr;
};

}  // namespace

bool onednn_supports_pool(const Problem& problem) { return problem.op() == "max_pool" || problem.op() == "avg_pool"; }

std::vector<std::unique_ptr<PeerKernel>> onednn_pool_kernels(const Problem& problem,
                                                             std::span<const float* const> inputs, float* output) {
    std::vector<std::unique_ptr<PeerKernel>> kernels;
    kernels.push_back(std::make_unique<PoolKernel>(problem, inputs, output, dnnl_nhwc));
    for (const dnnl_format_tag_t blocked : {dnnl_nChw8c, dnnl_nChw16c}) {
        try {
            kernels.push_back(std::make_unique<PoolKernel>(problem, inputs, output, blocked));
        } catch (const Error&) {  // this processor's kernels have blocks of another length
        }
    }
    return kernels;
}

}  // namespace tilesmith
