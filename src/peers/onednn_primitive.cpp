#include "peers/onednn_primitive.h"

#include <array>

namespace tilesmith {

dnnl_memory_desc_t strided(const std::vector<int64_t>& dims, const std::vector<int64_t>& strides) {
    dnnl_memory_desc_t desc;
    require_success(
        onednn_api().md_by_strides(&desc, static_cast<int>(dims.size()), dims.data(), dnnl_f32, strides.data()),
        "describing a tensor");
    return desc;
}

OnednnPrimitive::~OnednnPrimitive() {
    for (dnnl_memory_t memory : memories_) api_.memory_destroy(memory);
    if (primitive_ != nullptr) api_.primitive_destroy(primitive_);
    if (pd_ != nullptr) api_.pd_destroy(pd_);
}

void OnednnPrimitive::run() {
    require_success(api_.primitive_execute(primitive_, stream_.get(), static_cast<int>(args_.size()), args_.data()),
                    "a primitive");
    api_.stream_wait(stream_.get());
}

void OnednnPrimitive::create_primitive(dnnl_status_t status) {
    require_success(status, "choosing an implementation");
    require_success(api_.primitive_create(&primitive_, pd_), "creating a primitive");
}

dnnl_memory_t OnednnPrimitive::memory(const dnnl_memory_desc_t& desc, const float* data) {
    dnnl_memory_t handle = nullptr;
    void* address = data != nullptr ? const_cast<float*>(data) : DNNL_MEMORY_ALLOCATE;
    require_success(api_.memory_create(&handle, &desc, engine_.get(), address), "creating a memory");
    memories_.push_back(handle);
    return handle;
}

void OnednnPrimitive::reorder(dnnl_memory_t from, const dnnl_memory_desc_t& from_desc, dnnl_memory_t to,
                              const dnnl_memory_desc_t& to_desc) {
    const auto pd = make_owned(api_.pd_destroy, "describing a reorder", api_.reorder_pd_create, &from_desc,
                               engine_.get(), &to_desc, engine_.get(), nullptr);
    const auto primitive = make_owned(api_.primitive_destroy, "creating a reorder", api_.primitive_create, pd.get());
    const std::array<dnnl_exec_arg_t, 2> args{{{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}};
    require_success(api_.primitive_execute(primitive.get(), stream_.get(), 2, args.data()), "a reorder");
    api_.stream_wait(stream_.get());
}

}  // namespace tilesmith
