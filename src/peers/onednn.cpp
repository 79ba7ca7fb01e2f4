// oneDNN: convolutions and matmuls as its primitives, epilogues as its post-operations, constant weights reordered into
// the layout it asks for.
#include <algorithm>

#include "core/error.h"
#include "peers/libraries.h"
#include "peers/onednn_primitive.h"
#include "schedules/conv/shape.h"
#include "schedules/operator.h"
#include "schedules/transposed/shape.h"

namespace tilesmith {

namespace {

// The same dimensions in whatever layout the primitive likes best.
dnnl_memory_desc_t any_layout(const dnnl_memory_desc_t& plain) {
    dnnl_memory_desc_t desc;
    require_success(onednn_api().md_by_tag(&desc, plain.ndims, plain.dims, plain.data_type, dnnl_format_tag_any),
                    "describing a tensor");
    return desc;
}

// The tensors of a problem in oneDNN's terms.
struct Tensors {
    dnnl_memory_desc_t src, weights, dst;
    dnnl_memory_desc_t per_channel;  // an epilogue's vector, broadcast over everything but the channels
    dnnl_memory_desc_t bias;         // the same as the primitive's own bias argument
};

Tensors matmul_tensors(const Problem& problem) {
    const int64_t b = problem["b"], m = problem["m"], n = problem["n"], k = problem["k"];
    const bool ta = problem["ta"] != 0, tb = problem["tb"] != 0;
    Tensors t;
    if (b == 1) {
        t.src = ta ? strided({m, k}, {1, m}) : strided({m, k}, {k, 1});
        t.weights = tb ? strided({k, n}, {1, k}) : strided({k, n}, {n, 1});
        t.dst = strided({m, n}, {n, 1});
        t.per_channel = strided({1, n}, {n, 1});
    } else {
        t.src = ta ? strided({b, m, k}, {m * k, 1, m}) : strided({b, m, k}, {m * k, k, 1});
        t.weights = tb ? strided({b, k, n}, {k * n, 1, k}) : strided({b, k, n}, {k * n, n, 1});
        t.dst = strided({b, m, n}, {m * n, n, 1});
        t.per_channel = strided({1, 1, n}, {n, n, 1});
    }
    t.bias = t.per_channel;
    return t;
}

Tensors volume_tensors(const ConvShape& s) {
    const int64_t ci = s.group_ci(), co = s.group_co();
    const int64_t tap = ci * s.co, row = s.kw * tap, plane = s.kh * row;
    Tensors t;
    t.src = strided({s.n, s.ci, s.d, s.h, s.w}, {s.d * s.h * s.w * s.ci, 1, s.h * s.w * s.ci, s.w * s.ci, s.ci});
    t.dst =
        strided({s.n, s.co, s.od, s.oh, s.ow}, {s.od * s.oh * s.ow * s.co, 1, s.oh * s.ow * s.co, s.ow * s.co, s.co});
    t.weights = s.groups == 1 ? strided({s.co, s.ci, s.kd, s.kh, s.kw}, {1, s.co, plane, row, tap})
                              : strided({s.groups, co, ci, s.kd, s.kh, s.kw}, {co, 1, s.co, plane, row, tap});
    t.per_channel = strided({1, s.co, 1, 1, 1}, {s.co, 1, s.co, s.co, s.co});
    t.bias = strided({s.co}, {1});
    return t;
}

Tensors image_tensors(const ConvShape& s) {
    const int64_t ci = s.group_ci(), co = s.group_co();
    const int64_t tap = ci * s.co, row = s.kw * tap;
    Tensors t;
    t.src = strided({s.n, s.ci, s.h, s.w}, {s.h * s.w * s.ci, 1, s.w * s.ci, s.ci});
    t.dst = strided({s.n, s.co, s.oh, s.ow}, {s.oh * s.ow * s.co, 1, s.ow * s.co, s.co});
    t.weights = s.groups == 1 ? strided({s.co, s.ci, s.kh, s.kw}, {1, s.co, row, tap})
                              : strided({s.groups, co, ci, s.kh, s.kw}, {co, 1, s.co, row, tap});
    t.per_channel = strided({1, s.co, 1, 1}, {s.co, 1, s.co, s.co});
    t.bias = strided({s.co}, {1});
    return t;
}

Tensors transposed_tensors(const TransposedShape& s) {
    const int64_t h = s.h.extent, w = s.w.extent, oh = s.h.outputs(), ow = s.w.outputs();
    const int64_t tap = s.ci * s.co;
    Tensors t;
    t.src = strided({s.n, s.ci, h, w}, {h * w * s.ci, 1, w * s.ci, s.ci});
    t.dst = strided({s.n, s.co, oh, ow}, {oh * ow * s.co, 1, ow * s.co, s.co});
    t.weights = strided({s.co, s.ci, s.h.k, s.w.k}, {1, s.co, s.w.k * tap, tap});
    t.per_channel = strided({1, s.co, 1, 1}, {s.co, 1, s.co, s.co});
    t.bias = strided({s.co}, {1});
    return t;
}

Tensors tensors_of(const Problem& problem) {
    if (problem.op() == "matmul") return matmul_tensors(problem);
    if (problem.op() == "conv2d_transposed") return transposed_tensors(TransposedShape(problem));
    return problem.op() == "conv3d" ? volume_tensors(conv_shape(problem)) : image_tensors(conv_shape(problem));
}

bool is_convolution(const Problem& problem) {
    return problem.op() == "conv1d" || problem.op() == "conv2d" || problem.op() == "conv3d" ||
           problem.op() == "conv2d_transposed";
}

// An element-wise post-operation and its parameter "alpha": the bound of relu6, the factor in silu's sigmoid.
struct Eltwise {
    dnnl_alg_kind_t kind;
    float alpha;
};

Eltwise eltwise(EpilogueOp op) {
    switch (op) {
        case EpilogueOp::relu:
            return {dnnl_eltwise_relu, 0};
        case EpilogueOp::relu6:
            return {dnnl_eltwise_bounded_relu, 6};
        case EpilogueOp::gelu:
            return {dnnl_eltwise_gelu_erf, 0};
        case EpilogueOp::gelu_tanh:
            return {dnnl_eltwise_gelu_tanh, 0};
        case EpilogueOp::sigmoid:
            return {dnnl_eltwise_logistic, 0};
        case EpilogueOp::tanh:
            return {dnnl_eltwise_tanh, 0};
        case EpilogueOp::silu:
            return {dnnl_eltwise_swish, 1};
        case EpilogueOp::bias:
        case EpilogueOp::add:
        case EpilogueOp::scale:
            break;
    }
    return {dnnl_alg_kind_undef, 0};
}

class OnednnKernel final : public OnednnPrimitive {
  public:
    struct Way {
        bool blocked = false;   // src and dst in whatever layout the primitive likes
        bool in_place = false;  // the epilogue's only `add` is of what dst holds, as in a network's residual connection
        dnnl_alg_kind_t algorithm = dnnl_convolution_auto;  // of convolutions
    };

    OnednnKernel(const Problem& problem, std::span<const float* const> inputs, float* output, const Way& way)
        : problem_(problem), inputs_(inputs.begin(), inputs.end()), output_(output), way_(way) {
        tensors_ = tensors_of(problem);
        choose();
        bind_memory();
    }

    void begin() override {
        if (added_ == nullptr) return;
        dnnl_memory_t plain = memory(tensors_.dst, added_);
        reorder(plain, tensors_.dst, dst_, dst_desc_);
    }

    void finish() override {
        if (plain_dst_ != nullptr) reorder(dst_, dst_desc_, plain_dst_, tensors_.dst);
    }

    [[nodiscard]] std::string layout() const override {
        return std::string(plain_layouts_ ? "plain" : "blocked") +
               (way_.algorithm == dnnl_convolution_winograd ? ", Winograd" : "") +
               (way_.in_place ? ", adding in place" : "");
    }

  private:
    // The epilogue as post-operations; a leading bias goes to the primitive itself, which is what users of oneDNN do.
    void append_post_ops(dnnl_post_ops_t post_ops) {
        size_t input = 2;
        for (size_t i = 0; i < problem_.epilogue().size(); ++i) {
            const EpilogueOp op = problem_.epilogue()[i];
            const EpilogueTensor tensor = epilogue_info(op).tensor;
            if (i == 0 && op == EpilogueOp::bias) {
                bias_ = inputs_[input++];
            } else if (op == EpilogueOp::add && way_.in_place) {
                added_ = inputs_[input++];
                require_success(api_.append_sum(post_ops, 1.0F), "adding a sum");
            } else if (tensor == EpilogueTensor::none) {
                require_success(api_.append_eltwise(post_ops, 1.0F, eltwise(op).kind, eltwise(op).alpha, 0.0F),
                                "adding an element-wise post-operation");
            } else {
                const dnnl_memory_desc_t& desc = tensor == EpilogueTensor::full ? tensors_.dst : tensors_.per_channel;
                require_success(
                    api_.append_binary(post_ops, op == EpilogueOp::scale ? dnnl_binary_mul : dnnl_binary_add, &desc),
                    "adding a binary post-operation");
                post_op_inputs_.push_back({static_cast<int>(i) - (bias_ != nullptr ? 1 : 0), desc, inputs_[input++]});
            }
        }
    }

    void choose() {
        const auto post_ops = make_owned(api_.post_ops_destroy, "creating post-operations", api_.post_ops_create);
        const auto attr = make_owned(api_.attr_destroy, "creating attributes", api_.attr_create);
        append_post_ops(post_ops.get());
        require_success(api_.attr_set_post_ops(attr.get(), post_ops.get()), "setting post-operations");
        create_primitive(problem_.op() == "matmul"              ? create_matmul(attr.get())
                         : problem_.op() == "conv2d_transposed" ? create_deconvolution(attr.get())
                                                                : create_convolution(attr.get()));
    }

    // The tensors as the primitive is to take them: in a layout of its own choice where that is allowed.
    [[nodiscard]] Tensors offered() const {
        Tensors t = tensors_;
        if (way_.blocked) t.src = any_layout(t.src);
        if (way_.blocked) t.dst = any_layout(t.dst);
        if (problem_.weights() == Weights::fixed) t.weights = any_layout(t.weights);
        return t;
    }

    [[nodiscard]] const dnnl_memory_desc_t* bias() const { return bias_ != nullptr ? &tensors_.bias : nullptr; }

    dnnl_status_t create_convolution(dnnl_primitive_attr_t attr) {
        const ConvShape s = conv_shape(problem_);
        const Tensors t = offered();
        // Where the stride leaves rows over at the end, oneDNN wants the padding that is really touched.
        const auto end = [](int64_t outputs, int64_t stride, int64_t k, int64_t dilation, int64_t extent, int64_t pad) {
            return (outputs - 1) * stride + (k - 1) * dilation + 1 - extent - pad;
        };
        const dnnl_dims_t strides = {s.stride_d, s.stride_h, s.stride_w};
        const dnnl_dims_t dilations = {s.dilation_d - 1, s.dilation_h - 1, s.dilation_w - 1};
        const dnnl_dims_t pad = {s.pad_d, s.pad_h, s.pad_w};
        const dnnl_dims_t pad_end = {end(s.od, s.stride_d, s.kd, s.dilation_d, s.d, s.pad_d),
                                     end(s.oh, s.stride_h, s.kh, s.dilation_h, s.h, s.pad_h),
                                     end(s.ow, s.stride_w, s.kw, s.dilation_w, s.w, s.pad_w)};
        const int first = problem_.op() == "conv3d" ? 0 : 1;  // an image has no depth
        dnnl_convolution_desc_t desc;
        require_success(api_.convolution_init(&desc, dnnl_forward_inference, way_.algorithm, &t.src, &t.weights, bias(),
                                              &t.dst, strides + first, dilations + first, pad + first, pad_end + first),
                        "describing a convolution");
        return api_.pd_create(&pd_, &desc, attr, engine_.get(), nullptr);
    }

    dnnl_status_t create_deconvolution(dnnl_primitive_attr_t attr) {
        const TransposedShape s(problem_);
        const Tensors t = offered();
        const dnnl_dims_t strides = {s.h.stride, s.w.stride};
        const dnnl_dims_t pad = {s.h.pad, s.w.pad};
        const dnnl_dims_t pad_end = {s.h.pad_end, s.w.pad_end};
        dnnl_deconvolution_desc_t desc;
        require_success(api_.deconvolution_init(&desc, dnnl_forward_inference, dnnl_deconvolution_direct, &t.src,
                                                &t.weights, bias(), &t.dst, strides, pad, pad_end),
                        "describing a transposed convolution");
        return api_.pd_create(&pd_, &desc, attr, engine_.get(), nullptr);
    }

    dnnl_status_t create_matmul(dnnl_primitive_attr_t attr) {
        const Tensors t = offered();
        dnnl_matmul_desc_t desc;
        require_success(api_.matmul_init(&desc, &t.src, &t.weights, bias(), &t.dst), "describing a matmul");
        return api_.pd_create(&pd_, &desc, attr, engine_.get(), nullptr);
    }

    // The argument in the layout the primitive chose: the caller's buffer itself, or a reordered copy.
    dnnl_memory_t bind_input(dnnl_query_t what, const dnnl_memory_desc_t& plain_desc, const float* data) {
        const dnnl_memory_desc_t wanted = *api_.pd_query_md(pd_, what, 0);
        dnnl_memory_t plain = memory(plain_desc, data);
        if (api_.md_equal(&wanted, &plain_desc) != 0) return plain;
        if (what == dnnl_query_src_md) plain_layouts_ = false;
        dnnl_memory_t copy = memory(wanted, nullptr);
        reorder(plain, plain_desc, copy, wanted);
        return copy;
    }

    void bind_memory() {
        args_.push_back({DNNL_ARG_SRC, bind_input(dnnl_query_src_md, tensors_.src, inputs_[0])});
        args_.push_back({DNNL_ARG_WEIGHTS, bind_input(dnnl_query_weights_md, tensors_.weights, inputs_[1])});
        if (bias_ != nullptr) args_.push_back({DNNL_ARG_BIAS, memory(tensors_.bias, bias_)});
        for (const PostOpInput& input : post_op_inputs_) {
            args_.push_back(
                {DNNL_ARG_ATTR_MULTIPLE_POST_OP(input.index) | DNNL_ARG_SRC_1, memory(input.desc, input.data)});
        }
        dst_desc_ = *api_.pd_query_md(pd_, dnnl_query_dst_md, 0);
        const bool plain = api_.md_equal(&dst_desc_, &tensors_.dst) != 0;
        dst_ = memory(dst_desc_, plain ? output_ : nullptr);
        if (!plain) {
            plain_layouts_ = false;
            plain_dst_ = memory(tensors_.dst, output_);
        }
        args_.push_back({DNNL_ARG_DST, dst_});
    }

    struct PostOpInput {
        int index;
        dnnl_memory_desc_t desc;
        const float* data;
    };

    Problem problem_;
    std::vector<const float*> inputs_;
    float* output_;
    Way way_;
    bool plain_layouts_ = true;
    Tensors tensors_{};
    const float* bias_ = nullptr;
    const float* added_ = nullptr;  // to what dst holds: in_place
    std::vector<PostOpInput> post_op_inputs_;
    dnnl_memory_desc_t dst_desc_{};
    dnnl_memory_t dst_ = nullptr;
    dnnl_memory_t plain_dst_ = nullptr;
};

// The ways beside the plain one that are worth timing. Between matmuls nobody keeps matrices in a library's own layout;
// between convolutions users of oneDNN do. Winograd where accuracy may be traded for speed.
std::vector<OnednnKernel::Way> more_ways(const Problem& problem) {
    const auto adds = std::count(problem.epilogue().begin(), problem.epilogue().end(), EpilogueOp::add);
    std::vector<OnednnKernel::Way> ways;
    if (adds == 1) ways.push_back({.in_place = true});
    if (!is_convolution(problem)) return ways;
    ways.push_back({.blocked = true});
    if (adds == 1) ways.push_back({.blocked = true, .in_place = true});
    if (problem.accuracy() == Accuracy::fast && problem.op() == "conv2d")
        ways.push_back({.blocked = true, .algorithm = dnnl_convolution_winograd});
    return ways;
}

bool available() { return onednn_api().complete; }

std::string version() {
    if (!available()) return "";
    const dnnl_version_t& v = *onednn_api().version();
    return std::to_string(v.major) + "." + std::to_string(v.minor) + "." + std::to_string(v.patch);
}

bool supports(const Problem& problem) {
    return problem.dtype() == DType::f32 &&
           (problem.op() == "matmul" || is_convolution(problem) || onednn_supports_rows(problem) ||
            onednn_supports_axes(problem) || onednn_supports_pool(problem));
}

std::vector<std::unique_ptr<PeerKernel>> prepare(const Problem& problem, int threads,
                                                 std::span<const float* const> inputs, float* output) {
    if (!available() || !supports(problem)) throw run_failed("oneDNN cannot compute '" + problem.text() + "'");
    onednn_api().omp_set_num_threads(threads);
    if (onednn_supports_pool(problem)) return onednn_pool_kernels(problem, inputs, output);
    std::vector<std::unique_ptr<PeerKernel>> kernels;
    if (onednn_supports_rows(problem)) {
        kernels.push_back(onednn_rows_kernel(problem, inputs, output));
        return kernels;
    }
    if (onednn_supports_axes(problem)) {
        kernels.push_back(onednn_axes_kernel(problem, inputs, output));
        return kernels;
    }
    kernels.push_back(std::make_unique<OnednnKernel>(problem, inputs, output, OnednnKernel::Way{}));
    for (const OnednnKernel::Way& way : more_ways(problem)) {
        try {
            auto kernel = std::make_unique<OnednnKernel>(problem, inputs, output, way);
            // Where it likes the plain layout best, that way is there already.
            const bool known = std::any_of(kernels.begin(), kernels.end(),
                                           [&](const auto& other) { return other->layout() == kernel->layout(); });
            if (!known) kernels.push_back(std::move(kernel));
        } catch (const Error&) {
            continue;  // oneDNN has no such primitive
        }
    }
    return kernels;
}

}  // namespace

Peer onednn_peer() {
    return {.name = "onednn",
            .title = "oneDNN",
            .library = "libdnnl.so.2",
            .environment = {{"OMP_PROC_BIND", "true"}, {"OMP_PLACES", "cores"}},
            .available = available,
            .version = version,
            .supports = supports,
            .prepare = prepare};
}

}  // namespace tilesmith
