// The error codes of kernels: a name for each, and the functions that kernels call on a failed check. They return their
// code; their arguments would make a message, but nothing is printed here.
#include <stdint.h>

#include "tilesmith_runtime.h"

const char* tilesmith_rt_error_name(int code) {
    static const char* const names[] = {
        "ok",
        "generic_error",
        "explicit_bounds_too_small",
        "bad_type",
        "access_out_of_bounds",
        "buffer_allocation_too_large",
        "buffer_extents_too_large",
        "constraints_make_required_region_smaller",
        "constraint_violated",
        "param_too_small",
        "param_too_large",
        "out_of_memory",
        "buffer_argument_is_null",
        "debug_to_file_failed",
        "copy_to_host_failed",
        "copy_to_device_failed",
        "device_malloc_failed",
        "device_sync_failed",
        "device_free_failed",
        "no_device_interface",
        "unimplemented",
        "symbol_not_found",
        "internal_error",
        "device_run_failed",
        "unaligned_host_ptr",
        "bad_fold",
        "fold_factor_too_small",
        "requirement_failed",
        "buffer_extents_negative",
        "gpu_device_error",
        "trace_failed",
        "specialize_fail",
        "device_wrap_native_failed",
        "device_detach_native_failed",
        "host_is_null",
        "bad_extern_fold",
        "device_interface_no_device",
        "host_and_device_dirty",
        "buffer_is_null",
        "device_buffer_copy_failed",
        "device_crop_unsupported",
        "device_crop_failed",
        "incompatible_device_interface",
        "bad_dimensions",
        "device_dirty_with_no_device_support",
        "storage_bound_too_small",
        "split_factor_not_positive",
        "vscale_invalid",
        "cannot_profile_pipeline",
    };
    const int count = (int)(sizeof names / sizeof *names);
    return code <= 0 && code > -count ? names[-code] : "unknown_error";
}

#pragma GCC diagnostic ignored "-Wunused-parameter"
void halide_error(void* c, const char* message) {}
int halide_error_bounds_inference_call_failed(void* c, const char* stage, int result) { return result; }
int halide_error_extern_stage_failed(void* c, const char* stage, int result) { return result; }
int halide_error_explicit_bounds_too_small(void* c, const char* f, const char* v, int a, int b, int d, int e) {
    return -2;
}
int halide_error_bad_type(void* c, const char* f, uint32_t given, uint32_t correct) { return -3; }
int halide_error_access_out_of_bounds(void* c, const char* f, int d, int a, int b, int e, int g) { return -4; }
int halide_error_buffer_allocation_too_large(void* c, const char* b, uint64_t size, uint64_t max) { return -5; }
int halide_error_buffer_extents_too_large(void* c, const char* b, int64_t size, int64_t max) { return -6; }
int halide_error_constraints_make_required_region_smaller(void* c, const char* b, int d, int e, int f, int g, int h) {
    return -7;
}
int halide_error_constraint_violated(void* c, const char* v, int a, const char* constrained, int b) { return -8; }
int halide_error_param_too_small_i64(void* c, const char* p, int64_t value, int64_t least) { return -9; }
int halide_error_param_too_small_u64(void* c, const char* p, uint64_t value, uint64_t least) { return -9; }
int halide_error_param_too_small_f64(void* c, const char* p, double value, double least) { return -9; }
int halide_error_param_too_large_i64(void* c, const char* p, int64_t value, int64_t most) { return -10; }
int halide_error_param_too_large_u64(void* c, const char* p, uint64_t value, uint64_t most) { return -10; }
int halide_error_param_too_large_f64(void* c, const char* p, double value, double most) { return -10; }
int halide_error_out_of_memory(void* c) { return -11; }
int halide_error_buffer_argument_is_null(void* c, const char* b) { return -12; }
int halide_error_debug_to_file_failed(void* c, const char* f, const char* file, int code) { return -13; }
int halide_error_no_device_interface(void* c) { return -19; }
int halide_error_unaligned_host_ptr(void* c, const char* f, int alignment) { return -24; }
int halide_error_bad_fold(void* c, const char* f, const char* v, const char* loop) { return -25; }
int halide_error_fold_factor_too_small(void* c, const char* f, const char* v, int a, const char* loop, int b) {
    return -26;
}
int halide_error_requirement_failed(void* c, const char* condition, const char* message) { return -27; }
int halide_error_buffer_extents_negative(void* c, const char* b, int dimension, int extent) { return -28; }
int halide_error_specialize_fail(void* c, const char* message) { return -31; }
int halide_error_host_is_null(void* c, const char* f) { return -34; }
int halide_error_bad_extern_fold(void* c, const char* f, int d, int a, int e, int b, int g) { return -35; }
int halide_error_device_interface_no_device(void* c) { return -36; }
int halide_error_host_and_device_dirty(void* c) { return -37; }
int halide_error_buffer_is_null(void* c, const char* routine) { return -38; }
int halide_error_device_crop_failed(void* c) { return -41; }
int halide_error_bad_dimensions(void* c, const char* f, int32_t given, int32_t correct) { return -43; }
int halide_error_device_dirty_with_no_device_support(void* c, const char* b) { return -44; }
int halide_error_storage_bound_too_small(void* c, const char* f, const char* v, int provided, int required) {
    return -45;
}
int halide_error_split_factor_not_positive(void* c, const char* f, const char* orig, const char* outer,
                                           const char* inner, const char* factor_text, int factor) {
    return -46;
}
int halide_error_vscale_invalid(void* c, const char* f, int runtime, int compiled) { return -47; }
