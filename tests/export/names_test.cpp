#include "export/names.h"

#include <catch2/catch.hpp>

#include "core/error.h"
#include "schedules/operator.h"

using namespace tilesmith;

TEST_CASE("names: a kernel is named by its problem, whatever the order it was written in", "[unit]") {
    const struct {
        const char* problem;
        const char* kernel;
        const char* family;
    } rows[] = {
        {"matmul m=512 n=512 k=512", "matmul_f32_m512_n512_k512", "matmul_f32"},
        {"matmul k=3 m=1 n=2 epilogue=bias,relu", "matmul_f32_m1_n2_k3_bias_relu", "matmul_f32_bias_relu"},
        {"matmul m=1 n=2 k=3 b=4 tb=1 weights=fixed", "matmul_f32_b4_m1_n2_k3_tb1_fixed", "matmul_f32_tb1_fixed"},
        {"conv2d h=9 w=11 ci=5 co=13 kh=3 kw=3 pad=1 stride_h=2",
         "conv2d_f32_n1_h9_w11_ci5_co13_kh3_kw3_stride_h2_pad1", "conv2d_f32_stride_h2_pad1"},
    };
    for (const auto& row : rows) {
        const Problem problem = parse_problem(row.problem);
        CAPTURE(problem.text());
        CHECK(kernel_name(problem) == row.kernel);
        CHECK(family_name(problem) == row.family);
    }
}

TEST_CASE("names: the default library has plain names, any other its own", "[unit]") {
    const LibraryNames plain = library_names("tilesmith_kernels");
    CHECK(plain.prefix == "tilesmith_");
    CHECK(plain.internal == "tilesmith_kernels_rt_");
    const LibraryNames own = library_names("vision");
    CHECK(own.prefix == "tilesmith_vision_");
    CHECK(own.internal == "tilesmith_vision_rt_");
    CHECK(own.macro == "VISION");
    CHECK(library_names("tilesmith_vision").prefix == "tilesmith_vision_");
}

TEST_CASE("names: what is no C identifier is refused", "[unit]") {
    for (const char* name : {"", "Vision", "1st", "a-b", "a b", "../x", "a_", "tilesmith_", "\xc3\xa4"}) {
        CAPTURE(name);
        CHECK_THROWS_AS(library_names(name), Error);
    }
    CHECK_THROWS_AS(library_names(std::string(65, 'a')), Error);
}
