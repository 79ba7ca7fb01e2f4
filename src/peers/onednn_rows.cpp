// oneDNN's softmax and layer normalisation over the last axis. It has no rms_norm before version 3.6, and no norm.
#include "peers/onednn_primitive.h"

namespace tilesmith {

namespace {

class RowsKernel final : public OnednnPrimitive {
  public:
    RowsKernel(const Problem& problem, std::span<const float* const> inputs, float* output) {
        const int64_t rows = problem["rows"], cols = problem["cols"];
        const dnnl_memory_desc_t matrix = strided({rows, cols}, {cols, 1});
        if (problem.op() == "softmax") {
            dnnl_softmax_v2_desc_t desc;
            require_success(
                api_.softmax_init(&desc, dnnl_forward_inference, dnnl_softmax_accurate, &matrix, &matrix, 1),
                "describing a softmax");
            create_primitive(api_.pd_create(&pd_, &desc, nullptr, engine_.get(), nullptr));
        } else {
            dnnl_layer_normalization_desc_t desc;
            require_success(api_.layer_norm_init(&desc, dnnl_forward_inference, &matrix, nullptr,
                                                 static_cast<float>(problem.eps()), dnnl_use_scale | dnnl_use_shift),
                            "describing a layer normalisation");
            create_primitive(api_.pd_create(&pd_, &desc, nullptr, engine_.get(), nullptr));
            const dnnl_memory_desc_t vector = strided({cols}, {1});
            args_.push_back({DNNL_ARG_SCALE, memory(vector, inputs[1])});
            args_.push_back({DNNL_ARG_SHIFT, memory(vector, inputs[2])});
        }
        args_.push_back({DNNL_ARG_SRC, memory(matrix, inputs[0])});
        args_.push_back({DNNL_ARG_DST, memory(matrix, output)});
    }
};

}  // namespace

bool onednn_supports_rows(const Problem& problem) { return problem.op() == "softmax" || problem.op() == "layer_norm"; }

std::unique_ptr<PeerKernel> onednn_rows_kernel(const Problem& problem, std::span<const float* const> inputs,
                                               float* output) {
    return std::make_unique<RowsKernel>(problem, inputs, output);
}

}  // namespace tilesmith
