// oneDNN: convolutions and matmuls as its primitives, epilogues as its post-operations, constant weights reordered into
// the layout it asks for.
#include <array>

#include "core/error.h"
#include "peers/libraries.h"
#include "peers/onednn_api.h"
#include "schedules/conv/shape.h"
#include "schedules/operator.h"

namespace tilesmith {

namespace {

// Logical dimensions (oneDNN's order) with the strides of our plain layouts, in elements.
dnnl_memory_desc_t strided(std::initializer_list<int64_t> dims, std::initializer_list<int64_t> strides) {
    dnnl_memory_desc_t desc;
    require_success(
        onednn_api().md_by_strides(&desc, static_cast<int>(dims.size()), dims.begin(), dnnl_f32, strides.begin()),
        "describing a tensor");
    return desc;
}

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

Tensors convolution_tensors(const ConvShape& s) {
    Tensors t;
    t.src = strided({s.n, s.ci, s.h, s.w}, {s.h * s.w * s.ci, 1, s.w * s.ci, s.ci});
    t.dst = strided({s.n, s.co, s.oh, s.ow}, {s.oh * s.ow * s.co, 1, s.ow * s.co, s.co});
    const int64_t ci = s.group_ci(), co = s.group_co();
    t.weights = s.groups == 1 ? strided({s.co, s.ci, s.kh, s.kw}, {1, s.co, s.kw * s.ci * s.co, s.ci * s.co})
                              : strided({s.groups, co, ci, s.kh, s.kw}, {co, 1, s.co, s.kw * ci * s.co, ci * s.co});
    t.per_channel = strided({1, s.co, 1, 1}, {s.co, 1, s.co, s.co});
    t.bias = strided({s.co}, {1});
    return t;
}

bool is_convolution(const Problem& problem) { return problem.op() == "conv2d" || problem.op() == "conv1d"; }

dnnl_alg_kind_t eltwise_kind(EpilogueOp op) {
    switch (op) {
        case EpilogueOp::relu:
            return dnnl_eltwise_relu;
        case EpilogueOp::relu6:
            return dnnl_eltwise_bounded_relu;
        case EpilogueOp::gelu:
            return dnnl_eltwise_gelu_erf;
        case EpilogueOp::gelu_tanh:
            return dnnl_eltwise_gelu_tanh;
        case EpilogueOp::sigmoid:
            return dnnl_eltwise_logistic;
        case EpilogueOp::tanh:
            return dnnl_eltwise_tanh;
        case EpilogueOp::silu:
            return dnnl_eltwise_swish;
        case EpilogueOp::bias:
        case EpilogueOp::add:
        case EpilogueOp::scale:
            break;
    }
    return dnnl_alg_kind_undef;
}

// The parameter "alpha" of an operation: the bound of relu6, the factor in silu's sigmoid.
float eltwise_alpha(EpilogueOp op) { return op == EpilogueOp::relu6 ? 6.0F : op == EpilogueOp::silu ? 1.0F : 0.0F; }

class OnednnKernel final : public PeerKernel {
  public:
    OnednnKernel(const Problem& problem, std::span<const float* const> inputs, float* output, bool blocked)
        : problem_(problem), inputs_(inputs.begin(), inputs.end()), output_(output), blocked_(blocked) {
        require_success(api_.engine_create(&engine_, dnnl_cpu, 0), "creating an engine");
        require_success(api_.stream_create(&stream_, engine_, dnnl_stream_default_flags), "creating a stream");
        tensors_ = is_convolution(problem) ? convolution_tensors(conv_shape(problem)) : matmul_tensors(problem);
        create_primitive();
        bind_memory();
    }
    OnednnKernel(const OnednnKernel&) = delete;
    OnednnKernel& operator=(const OnednnKernel&) = delete;

    ~OnednnKernel() override {
        for (dnnl_memory_t memory : memories_) api_.memory_destroy(memory);
        if (primitive_ != nullptr) api_.primitive_destroy(primitive_);
        if (pd_ != nullptr) api_.pd_destroy(pd_);
        api_.stream_destroy(stream_);
        api_.engine_destroy(engine_);
    }

    void run() override {
        require_success(api_.primitive_execute(primitive_, stream_, static_cast<int>(args_.size()), args_.data()),
                        "a primitive");
        api_.stream_wait(stream_);
    }

    void finish() override {
        if (plain_dst_ != nullptr) reorder(dst_, dst_desc_, plain_dst_, tensors_.dst);
    }

    [[nodiscard]] std::string layout() const override { return plain_layouts_ ? "plain" : "blocked"; }

  private:
    // The epilogue as post-operations; a leading bias goes to the primitive itself, which is what users of oneDNN do.
    void append_post_ops(dnnl_post_ops_t post_ops) {
        size_t input = 2;
        for (size_t i = 0; i < problem_.epilogue().size(); ++i) {
            const EpilogueOp op = problem_.epilogue()[i];
            const EpilogueTensor tensor = epilogue_info(op).tensor;
            if (i == 0 && op == EpilogueOp::bias) {
                bias_ = inputs_[input++];
            } else if (tensor == EpilogueTensor::none) {
                require_success(api_.append_eltwise(post_ops, 1.0F, eltwise_kind(op), eltwise_alpha(op), 0.0F),
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

    void create_primitive() {
        dnnl_post_ops_t post_ops = nullptr;
        dnnl_primitive_attr_t attr = nullptr;
        require_success(api_.post_ops_create(&post_ops), "creating post-operations");
        require_success(api_.attr_create(&attr), "creating attributes");
        append_post_ops(post_ops);
        require_success(api_.attr_set_post_ops(attr, post_ops), "setting post-operations");
        const dnnl_status_t status = is_convolution(problem_) ? create_convolution(attr) : create_matmul(attr);
        api_.attr_destroy(attr);
        api_.post_ops_destroy(post_ops);
        require_success(status, "choosing an implementation");
        require_success(api_.primitive_create(&primitive_, pd_), "creating a primitive");
    }

    dnnl_status_t create_convolution(dnnl_primitive_attr_t attr) {
        const ConvShape s = conv_shape(problem_);
        const dnnl_memory_desc_t src = blocked_ ? any_layout(tensors_.src) : tensors_.src;
        const dnnl_memory_desc_t dst = blocked_ ? any_layout(tensors_.dst) : tensors_.dst;
        const dnnl_memory_desc_t weights = fixed() ? any_layout(tensors_.weights) : tensors_.weights;
        const dnnl_dims_t strides = {s.stride_h, s.stride_w};
        const dnnl_dims_t dilations = {s.dilation_h - 1, s.dilation_w - 1};
        const dnnl_dims_t pad = {s.pad_h, s.pad_w};
        // Where the stride leaves rows over at the end, oneDNN wants the padding that is really touched.
        const dnnl_dims_t pad_end = {(s.oh - 1) * s.stride_h + (s.kh - 1) * s.dilation_h + 1 - s.h - s.pad_h,
                                     (s.ow - 1) * s.stride_w + (s.kw - 1) * s.dilation_w + 1 - s.w - s.pad_w};
        dnnl_convolution_desc_t desc;
        require_success(
            api_.convolution_init(&desc, dnnl_forward_inference, dnnl_convolution_auto, &src, &weights,
                                  bias_ != nullptr ? &tensors_.bias : nullptr, &dst, strides, dilations, pad, pad_end),
            "describing a convolution");
        return api_.pd_create(&pd_, &desc, attr, engine_, nullptr);
    }

    dnnl_status_t create_matmul(dnnl_primitive_attr_t attr) {
        const dnnl_memory_desc_t src = blocked_ ? any_layout(tensors_.src) : tensors_.src;
        const dnnl_memory_desc_t dst = blocked_ ? any_layout(tensors_.dst) : tensors_.dst;
        const dnnl_memory_desc_t weights = fixed() ? any_layout(tensors_.weights) : tensors_.weights;
        dnnl_matmul_desc_t desc;
        require_success(api_.matmul_init(&desc, &src, &weights, bias_ != nullptr ? &tensors_.bias : nullptr, &dst),
                        "describing a matmul");
        return api_.pd_create(&pd_, &desc, attr, engine_, nullptr);
    }

    [[nodiscard]] bool fixed() const { return problem_.weights() == Weights::fixed; }

    // A memory of layout `desc` over `data`; without data the library allocates it.
    dnnl_memory_t memory(const dnnl_memory_desc_t& desc, const float* data) {
        dnnl_memory_t handle = nullptr;
        void* address = data != nullptr ? const_cast<float*>(data) : DNNL_MEMORY_ALLOCATE;
        require_success(api_.memory_create(&handle, &desc, engine_, address), "creating a memory");
        memories_.push_back(handle);
        return handle;
    }

    void reorder(dnnl_memory_t from, const dnnl_memory_desc_t& from_desc, dnnl_memory_t to,
                 const dnnl_memory_desc_t& to_desc) {
        dnnl_primitive_desc_t pd = nullptr;
        dnnl_primitive_t primitive = nullptr;
        require_success(api_.reorder_pd_create(&pd, &from_desc, engine_, &to_desc, engine_, nullptr),
                        "describing a reorder");
        require_success(api_.primitive_create(&primitive, pd), "creating a reorder");
        const std::array<dnnl_exec_arg_t, 2> args{{{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}};
        require_success(api_.primitive_execute(primitive, stream_, 2, args.data()), "a reorder");
        api_.stream_wait(stream_);
        api_.primitive_destroy(primitive);
        api_.pd_destroy(pd);
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

    const OnednnApi& api_ = onednn_api();
    Problem problem_;
    std::vector<const float*> inputs_;
    float* output_;
    bool blocked_;
    bool plain_layouts_ = true;
    Tensors tensors_{};
    const float* bias_ = nullptr;
    std::vector<PostOpInput> post_op_inputs_;
    dnnl_engine_t engine_ = nullptr;
    dnnl_stream_t stream_ = nullptr;
    dnnl_primitive_desc_t pd_ = nullptr;
    dnnl_primitive_t primitive_ = nullptr;
    std::vector<dnnl_memory_t> memories_;
    std::vector<dnnl_exec_arg_t> args_;
    dnnl_memory_desc_t dst_desc_{};
    dnnl_memory_t dst_ = nullptr;
    dnnl_memory_t plain_dst_ = nullptr;
};

bool available() { return onednn_api().complete; }

std::string version() {
    if (!available()) return "";
    const dnnl_version_t& v = *onednn_api().version();
    return std::to_string(v.major) + "." + std::to_string(v.minor) + "." + std::to_string(v.patch);
}

bool supports(const Problem& problem) {
    return problem.dtype() == DType::f32 && (problem.op() == "matmul" || is_convolution(problem));
}

std::vector<std::unique_ptr<PeerKernel>> prepare(const Problem& problem, int threads,
                                                 std::span<const float* const> inputs, float* output) {
    if (!available() || !supports(problem)) throw run_failed("oneDNN cannot compute '" + problem.text() + "'");
    onednn_api().omp_set_num_threads(threads);
    std::vector<std::unique_ptr<PeerKernel>> kernels;
    kernels.push_back(std::make_unique<OnednnKernel>(problem, inputs, output, /*blocked=*/false));
    // Between matmuls nobody keeps matrices in a library's own layout; between convolutions users of oneDNN do.
    if (is_convolution(problem)) {
        auto blocked = std::make_unique<OnednnKernel>(problem, inputs, output, /*blocked=*/true);
        if (blocked->layout() != "plain") kernels.push_back(std::move(blocked));
    }
    return kernels;
}

}  // namespace

Peer onednn_peer() {
    return {"onednn",  "oneDNN", "libdnnl.so.2", {{"OMP_PROC_BIND", "true"}, {"OMP_PLACES", "cores"}},
            available, version,  supports,       prepare};
}

}  // namespace tilesmith
