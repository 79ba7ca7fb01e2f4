#include "codegen/runtime_symbols.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <bit>

// Declared without their arguments: only the addresses are taken here.
extern "C" {
void halide_do_par_for();
void halide_do_task();
void halide_error();
void halide_error_access_out_of_bounds();
void halide_error_bad_dimensions();
void halide_error_bad_extern_fold();
void halide_error_bad_fold();
void halide_error_bad_type();
void halide_error_bounds_inference_call_failed();
void halide_error_buffer_allocation_too_large();
void halide_error_buffer_argument_is_null();
void halide_error_buffer_extents_negative();
void halide_error_buffer_extents_too_large();
void halide_error_buffer_is_null();
void halide_error_constraint_violated();
void halide_error_constraints_make_required_region_smaller();
void halide_error_debug_to_file_failed();
void halide_error_device_crop_failed();
void halide_error_device_dirty_with_no_device_support();
void halide_error_device_interface_no_device();
void halide_error_explicit_bounds_too_small();
void halide_error_extern_stage_failed();
void halide_error_fold_factor_too_small();
void halide_error_host_and_device_dirty();
void halide_error_host_is_null();
void halide_error_no_device_interface();
void halide_error_out_of_memory();
void halide_error_param_too_large_f64();
void halide_error_param_too_large_i64();
void halide_error_param_too_large_u64();
void halide_error_param_too_small_f64();
void halide_error_param_too_small_i64();
void halide_error_param_too_small_u64();
void halide_error_requirement_failed();
void halide_error_specialize_fail();
void halide_error_split_factor_not_positive();
void halide_error_storage_bound_too_small();
void halide_error_unaligned_host_ptr();
void halide_error_vscale_invalid();
void halide_free();
void halide_malloc();
void tilesmith_rt_stream_end();
void tilesmith_rt_stream_f32x16();
void tilesmith_rt_stream_f32x4();
void tilesmith_rt_stream_f32x8();
}

namespace tilesmith {

namespace {

template <class Function>
RuntimeSymbol symbol(const char* name, Function* address) {
    return {name, std::bit_cast<void*>(address)};
}

using FloatFunction = float(float);
using FloatFunction2 = float(float, float);
using DoubleFunction = double(double);
using DoubleFunction2 = double(double, double);

}  // namespace

const std::vector<RuntimeSymbol>& runtime_symbols() {
    static const std::vector<RuntimeSymbol> kTable = {
        symbol("halide_do_par_for", halide_do_par_for),
        symbol("halide_do_task", halide_do_task),
        symbol("halide_error", halide_error),
        symbol("halide_error_access_out_of_bounds", halide_error_access_out_of_bounds),
        symbol("halide_error_bad_dimensions", halide_error_bad_dimensions),
        symbol("halide_error_bad_extern_fold", halide_error_bad_extern_fold),
        symbol("halide_error_bad_fold", halide_error_bad_fold),
        symbol("halide_error_bad_type", halide_error_bad_type),
        symbol("halide_error_bounds_inference_call_failed", halide_error_bounds_inference_call_failed),
        symbol("halide_error_buffer_allocation_too_large", halide_error_buffer_allocation_too_large),
        symbol("halide_error_buffer_argument_is_null", halide_error_buffer_argument_is_null),
        symbol("halide_error_buffer_extents_negative", halide_error_buffer_extents_negative),
        symbol("halide_error_buffer_extents_too_large", halide_error_buffer_extents_too_large),
        symbol("halide_error_buffer_is_null", halide_error_buffer_is_null),
        symbol("halide_error_constraint_violated", halide_error_constraint_violated),
        symbol("halide_error_constraints_make_required_region_smaller",
               halide_error_constraints_make_required_region_smaller),
        symbol("halide_error_debug_to_file_failed", halide_error_debug_to_file_failed),
        symbol("halide_error_device_crop_failed", halide_error_device_crop_failed),
        symbol("halide_error_device_dirty_with_no_device_support", halide_error_device_dirty_with_no_device_support),
        symbol("halide_error_device_interface_no_device", halide_error_device_interface_no_device),
        symbol("halide_error_explicit_bounds_too_small", halide_error_explicit_bounds_too_small),
        symbol("halide_error_extern_stage_failed", halide_error_extern_stage_failed),
        symbol("halide_error_fold_factor_too_small", halide_error_fold_factor_too_small),
        symbol("halide_error_host_and_device_dirty", halide_error_host_and_device_dirty),
        symbol("halide_error_host_is_null", halide_error_host_is_null),
        symbol("halide_error_no_device_interface", halide_error_no_device_interface),
        symbol("halide_error_out_of_memory", halide_error_out_of_memory),
        symbol("halide_error_param_too_large_f64", halide_error_param_too_large_f64),
        symbol("halide_error_param_too_large_i64", halide_error_param_too_large_i64),
        symbol("halide_error_param_too_large_u64", halide_error_param_too_large_u64),
        symbol("halide_error_param_too_small_f64", halide_error_param_too_small_f64),
        symbol("halide_error_param_too_small_i64", halide_error_param_too_small_i64),
        symbol("halide_error_param_too_small_u64", halide_error_param_too_small_u64),
        symbol("halide_error_requirement_failed", halide_error_requirement_failed),
        symbol("halide_error_specialize_fail", halide_error_specialize_fail),
        symbol("halide_error_split_factor_not_positive", halide_error_split_factor_not_positive),
        symbol("halide_error_storage_bound_too_small", halide_error_storage_bound_too_small),
        symbol("halide_error_unaligned_host_ptr", halide_error_unaligned_host_ptr),
        symbol("halide_error_vscale_invalid", halide_error_vscale_invalid),
        symbol("halide_free", halide_free),
        symbol("halide_malloc", halide_malloc),
        symbol("tilesmith_rt_stream_end", tilesmith_rt_stream_end),
        symbol("tilesmith_rt_stream_f32x16", tilesmith_rt_stream_f32x16),
        symbol("tilesmith_rt_stream_f32x4", tilesmith_rt_stream_f32x4),
        symbol("tilesmith_rt_stream_f32x8", tilesmith_rt_stream_f32x8),
        symbol("free", ::free),
        symbol("malloc", ::malloc),
        symbol("memcmp", ::memcmp),
        symbol("memcpy", ::memcpy),
        symbol("memmove", ::memmove),
        symbol("memset", ::memset),
        symbol<FloatFunction>("expf", ::expf),
        symbol<DoubleFunction>("exp", ::exp),
        symbol<FloatFunction>("exp2f", ::exp2f),
        symbol<DoubleFunction>("exp2", ::exp2),
        symbol<FloatFunction>("logf", ::logf),
        symbol<DoubleFunction>("log", ::log),
        symbol<FloatFunction>("log2f", ::log2f),
        symbol<DoubleFunction>("log2", ::log2),
        symbol<FloatFunction>("log10f", ::log10f),
        symbol<DoubleFunction>("log10", ::log10),
        symbol<FloatFunction2>("powf", ::powf),
        symbol<DoubleFunction2>("pow", ::pow),
        symbol<FloatFunction>("sinf", ::sinf),
        symbol<DoubleFunction>("sin", ::sin),
        symbol<FloatFunction>("cosf", ::cosf),
        symbol<DoubleFunction>("cos", ::cos),
        symbol<FloatFunction>("tanf", ::tanf),
        symbol<DoubleFunction>("tan", ::tan),
        symbol<FloatFunction>("asinf", ::asinf),
        symbol<DoubleFunction>("asin", ::asin),
        symbol<FloatFunction>("acosf", ::acosf),
        symbol<DoubleFunction>("acos", ::acos),
        symbol<FloatFunction>("atanf", ::atanf),
        symbol<DoubleFunction>("atan", ::atan),
        symbol<FloatFunction2>("atan2f", ::atan2f),
        symbol<DoubleFunction2>("atan2", ::atan2),
        symbol<FloatFunction>("sinhf", ::sinhf),
        symbol<DoubleFunction>("sinh", ::sinh),
        symbol<FloatFunction>("coshf", ::coshf),
        symbol<DoubleFunction>("cosh", ::cosh),
        symbol<FloatFunction>("tanhf", ::tanhf),
        symbol<DoubleFunction>("tanh", ::tanh),
        symbol<FloatFunction>("asinhf", ::asinhf),
        symbol<DoubleFunction>("asinh", ::asinh),
        symbol<FloatFunction>("acoshf", ::acoshf),
        symbol<DoubleFunction>("acosh", ::acosh),
        symbol<FloatFunction>("atanhf", ::atanhf),
        symbol<DoubleFunction>("atanh", ::atanh),
        symbol<FloatFunction>("sqrtf", ::sqrtf),
        symbol<DoubleFunction>("sqrt", ::sqrt),
        symbol<FloatFunction>("floorf", ::floorf),
        symbol<DoubleFunction>("floor", ::floor),
        symbol<FloatFunction>("ceilf", ::ceilf),
        symbol<DoubleFunction>("ceil", ::ceil),
        symbol<FloatFunction>("roundf", ::roundf),
        symbol<DoubleFunction>("round", ::round),
        symbol<FloatFunction>("roundevenf", ::roundevenf),
        symbol<DoubleFunction>("roundeven", ::roundeven),
        symbol<FloatFunction>("rintf", ::rintf),
        symbol<DoubleFunction>("rint", ::rint),
        symbol<FloatFunction>("nearbyintf", ::nearbyintf),
        symbol<DoubleFunction>("nearbyint", ::nearbyint),
        symbol<FloatFunction>("truncf", ::truncf),
        symbol<DoubleFunction>("trunc", ::trunc),
        symbol<FloatFunction2>("fmodf", ::fmodf),
        symbol<DoubleFunction2>("fmod", ::fmod),
        symbol<FloatFunction>("erff", ::erff),
        symbol<DoubleFunction>("erf", ::erf),
        symbol<float(float, float, float)>("fmaf", ::fmaf),
        symbol<double(double, double, double)>("fma", ::fma),
        symbol<FloatFunction2>("fminf", ::fminf),
        symbol<DoubleFunction2>("fmin", ::fmin),
        symbol<FloatFunction2>("fmaxf", ::fmaxf),
        symbol<DoubleFunction2>("fmax", ::fmax),
    };
    return kTable;
}

}  // namespace tilesmith
