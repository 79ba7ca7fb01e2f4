// The part of oneDNN's C interface that we call, looked up in the library when it is first needed. Its headers are
// needed to build this, the library itself only to run it.
#pragma once

#include <oneapi/dnnl/dnnl.h>

#include <memory>
#include <string>
#include <type_traits>

#include "core/error.h"
#include "peers/shared_library.h"

namespace tilesmith {

struct OnednnApi {
    template <class Function>
    Function find(const char* name) {
        auto function = library.function<Function>(name);
        complete = complete && function != nullptr;
        return function;
    }

    // The headers describe the 2.x interface; 3.x changed it under another soname.
    SharedLibrary library{"libdnnl.so.2"};
    bool complete = library.open();
    decltype(&dnnl_version) version = find<decltype(&dnnl_version)>("dnnl_version");
    decltype(&dnnl_engine_create) engine_create = find<decltype(&dnnl_engine_create)>("dnnl_engine_create");
    decltype(&dnnl_engine_destroy) engine_destroy = find<decltype(&dnnl_engine_destroy)>("dnnl_engine_destroy");
    decltype(&dnnl_stream_create) stream_create = find<decltype(&dnnl_stream_create)>("dnnl_stream_create");
    decltype(&dnnl_stream_destroy) stream_destroy = find<decltype(&dnnl_stream_destroy)>("dnnl_stream_destroy");
    decltype(&dnnl_stream_wait) stream_wait = find<decltype(&dnnl_stream_wait)>("dnnl_stream_wait");
    decltype(&dnnl_memory_desc_init_by_strides) md_by_strides =
        find<decltype(&dnnl_memory_desc_init_by_strides)>("dnnl_memory_desc_init_by_strides");
    decltype(&dnnl_memory_desc_init_by_tag) md_by_tag =
        find<decltype(&dnnl_memory_desc_init_by_tag)>("dnnl_memory_desc_init_by_tag");
    decltype(&dnnl_memory_desc_equal) md_equal = find<decltype(&dnnl_memory_desc_equal)>("dnnl_memory_desc_equal");
    decltype(&dnnl_memory_create) memory_create = find<decltype(&dnnl_memory_create)>("dnnl_memory_create");
    decltype(&dnnl_memory_destroy) memory_destroy = find<decltype(&dnnl_memory_destroy)>("dnnl_memory_destroy");
    decltype(&dnnl_dilated_convolution_forward_desc_init) convolution_init =
        find<decltype(&dnnl_dilated_convolution_forward_desc_init)>("dnnl_dilated_convolution_forward_desc_init");
    decltype(&dnnl_matmul_desc_init) matmul_init = find<decltype(&dnnl_matmul_desc_init)>("dnnl_matmul_desc_init");
    decltype(&dnnl_deconvolution_forward_desc_init) deconvolution_init =
        find<decltype(&dnnl_deconvolution_forward_desc_init)>("dnnl_deconvolution_forward_desc_init");
    decltype(&dnnl_pooling_v2_forward_desc_init) pooling_init =
        find<decltype(&dnnl_pooling_v2_forward_desc_init)>("dnnl_pooling_v2_forward_desc_init");
    decltype(&dnnl_softmax_v2_forward_desc_init) softmax_init =
        find<decltype(&dnnl_softmax_v2_forward_desc_init)>("dnnl_softmax_v2_forward_desc_init");
    decltype(&dnnl_layer_normalization_forward_desc_init) layer_norm_init =
        find<decltype(&dnnl_layer_normalization_forward_desc_init)>("dnnl_layer_normalization_forward_desc_init");
    decltype(&dnnl_reduction_desc_init) reduction_init =
        find<decltype(&dnnl_reduction_desc_init)>("dnnl_reduction_desc_init");
    decltype(&dnnl_primitive_attr_create) attr_create =
        find<decltype(&dnnl_primitive_attr_create)>("dnnl_primitive_attr_create");
    decltype(&dnnl_primitive_attr_destroy) attr_destroy =
        find<decltype(&dnnl_primitive_attr_destroy)>("dnnl_primitive_attr_destroy");
    decltype(&dnnl_primitive_attr_set_post_ops) attr_set_post_ops =
        find<decltype(&dnnl_primitive_attr_set_post_ops)>("dnnl_primitive_attr_set_post_ops");
    decltype(&dnnl_post_ops_create) post_ops_create = find<decltype(&dnnl_post_ops_create)>("dnnl_post_ops_create");
    decltype(&dnnl_post_ops_destroy) post_ops_destroy = find<decltype(&dnnl_post_ops_destroy)>("dnnl_post_ops_destroy");
    decltype(&dnnl_post_ops_append_binary) append_binary =
        find<decltype(&dnnl_post_ops_append_binary)>("dnnl_post_ops_append_binary");
    decltype(&dnnl_post_ops_append_sum) append_sum =
        find<decltype(&dnnl_post_ops_append_sum)>("dnnl_post_ops_append_sum");
    decltype(&dnnl_post_ops_append_eltwise) append_eltwise =
        find<decltype(&dnnl_post_ops_append_eltwise)>("dnnl_post_ops_append_eltwise");
    decltype(&dnnl_primitive_desc_create) pd_create =
        find<decltype(&dnnl_primitive_desc_create)>("dnnl_primitive_desc_create");
    decltype(&dnnl_primitive_desc_destroy) pd_destroy =
        find<decltype(&dnnl_primitive_desc_destroy)>("dnnl_primitive_desc_destroy");
    decltype(&dnnl_primitive_desc_query_md) pd_query_md =
        find<decltype(&dnnl_primitive_desc_query_md)>("dnnl_primitive_desc_query_md");
    decltype(&dnnl_reorder_primitive_desc_create) reorder_pd_create =
        find<decltype(&dnnl_reorder_primitive_desc_create)>("dnnl_reorder_primitive_desc_create");
    decltype(&dnnl_primitive_create) primitive_create = find<decltype(&dnnl_primitive_create)>("dnnl_primitive_create");
    decltype(&dnnl_primitive_destroy) primitive_destroy =
        find<decltype(&dnnl_primitive_destroy)>("dnnl_primitive_destroy");
    decltype(&dnnl_primitive_execute) primitive_execute =
        find<decltype(&dnnl_primitive_execute)>("dnnl_primitive_execute");
    // Of the OpenMP library that oneDNN itself uses; sets the count for the calling thread.
    void (*omp_set_num_threads)(int) = find<void (*)(int)>("omp_set_num_threads");
};

inline const OnednnApi& onednn_api() {
    static const OnednnApi instance;
    return instance;
}

inline void require_success(dnnl_status_t status, const char* what) {
    if (status != dnnl_success) {
        throw run_failed(std::string("oneDNN: ") + what + " failed with status " + std::to_string(status));
    }
}

// A handle and the function of the library that destroys it.
template <class Handle>
using OnednnOwner = std::unique_ptr<std::remove_pointer_t<Handle>, dnnl_status_t (*)(Handle)>;

// What `create` makes of `arguments`. `what` as in require_success().
template <class Handle, class Create, class... Arguments>
OnednnOwner<Handle> make_owned(dnnl_status_t (*destroy)(Handle), const char* what, Create create,
                               Arguments... arguments) {
    Handle handle = nullptr;
    require_success(create(&handle, arguments...), what);
    return {handle, destroy};
}

}  // namespace tilesmith
