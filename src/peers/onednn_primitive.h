// A primitive of oneDNN with its engine, stream and memories: what all our kernels in that library have in common.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "peers/onednn_api.h"
#include "peers/peer.h"

namespace tilesmith {

// Logical dimensions (oneDNN's order) with the strides of our plain layouts, in elements.
dnnl_memory_desc_t strided(const std::vector<int64_t>& dims, const std::vector<int64_t>& strides);

// Derived classes set pd_, call create_primitive(), and fill args_.
class OnednnPrimitive : public PeerKernel {
  public:
    OnednnPrimitive() = default;
    OnednnPrimitive(const OnednnPrimitive&) = delete;
    OnednnPrimitive& operator=(const OnednnPrimitive&) = delete;
    ~OnednnPrimitive() override;

    void run() override;

  protected:
    // From pd_. `status` is that of making pd_.
    void create_primitive(dnnl_status_t status);
    // A memory of layout `desc` over `data`; without data the library allocates it.
    dnnl_memory_t memory(const dnnl_memory_desc_t& desc, const float* data);
    // Copies a tensor to where it has another layout. Not for the timed call.
    void reorder(dnnl_memory_t from, const dnnl_memory_desc_t& from_desc, dnnl_memory_t to,
                 const dnnl_memory_desc_t& to_desc);

    const OnednnApi& api_ = onednn_api();
    const OnednnOwner<dnnl_engine_t> engine_ =
        make_owned(api_.engine_destroy, "creating an engine", api_.engine_create, dnnl_cpu, size_t{0});
    const OnednnOwner<dnnl_stream_t> stream_ =
        make_owned(api_.stream_destroy, "creating a stream", api_.stream_create, engine_.get(),
                   static_cast<unsigned>(dnnl_stream_default_flags));
    dnnl_primitive_desc_t pd_ = nullptr;
    std::vector<dnnl_exec_arg_t> args_;

  private:
    dnnl_primitive_t primitive_ = nullptr;
    std::vector<dnnl_memory_t> memories_;
};

// softmax and layer_norm (onednn_rows.cpp).
bool onednn_supports_rows(const Problem& problem);
std::unique_ptr<PeerKernel> onednn_rows_kernel(const Problem& problem, std::span<const float* const> inputs,
                                               float* output);

// reduce_sum, reduce_max, reduce_mean and transpose (onednn_axes.cpp).
bool onednn_supports_axes(const Problem& problem);
std::unique_ptr<PeerKernel> onednn_axes_kernel(const Problem& problem, std::span<const float* const> inputs,
                                               float* output);

// max_pool and avg_pool (onednn_pool.cpp).
bool onednn_supports_pool(const Problem& problem);
std::vector<std::unique_ptr<PeerKernel>> onednn_pool_kernels(const Problem& problem,
                                                             std::span<const float* const> inputs, float* output);

}  // namespace tilesmith
