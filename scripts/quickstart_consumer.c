/* A user's program: plain C, linked against the kernel library that scripts/quickstart exported. It knows neither
 * Halide nor C++. Each kernel is called once and its result compared with a naive loop; exit status 1 if any differs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <tilesmith_kernels.h>

/* Small whole numbers, so that every sum is exact and results can be compared for equality. */
static float* whole_numbers(size_t count, unsigned seed) {
    float* values = malloc(count * sizeof(float));
    for (size_t i = 0; i < count; ++i) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)((seed >> 24) % 5) - 2;
    }
    return values;
}

static int report(const char* what, int code, size_t wrong) {
    if (code != 0)
        printf("%-10s error %d (%s)\n", what, code, tilesmith_error_name(code));
    else
        printf("%-10s %s\n", what, wrong == 0 ? "right" : "WRONG");
    return code != 0 || wrong != 0;
}

static int check_matmul(void) {
    enum { M = 512, N = 512, K = 512 };
    float* a = whole_numbers((size_t)M * K, 1);
    float* b = whole_numbers((size_t)K * N, 2);
    float* c = calloc((size_t)M * N, sizeof(float));
    const int code = tilesmith_matmul_f32_m512_n512_k512(a, b, c);
    size_t wrong = 0;
    for (int i = 0; i < M; ++i)
        for (int j = 0; j < N; ++j) {
            float sum = 0;
            for (int k = 0; k < K; ++k) sum += a[i * K + k] * b[k * N + j];
            wrong += sum != c[i * N + j];
        }
    free(a);
    free(b);
    free(c);
    return report("matmul", code, wrong);
}

static int check_conv2d(void) {
    enum { PIXELS = 56 * 56, CI = 64, CO = 64 };
    float* x = whole_numbers((size_t)PIXELS * CI, 3);
    float* w = whole_numbers((size_t)CI * CO, 4);
    float* bias = whole_numbers(CO, 5);
    float* y = calloc((size_t)PIXELS * CO, sizeof(float));
    void* packed_w = malloc(tilesmith_conv2d_f32_n1_h56_w56_ci64_co64_kh1_kw1_bias_relu_packed_w_bytes());
    int code = tilesmith_conv2d_f32_n1_h56_w56_ci64_co64_kh1_kw1_bias_relu_pack_w(w, packed_w);
    if (code == 0) code = tilesmith_conv2d_f32_n1_h56_w56_ci64_co64_kh1_kw1_bias_relu_packed(x, packed_w, bias, y);
    size_t wrong = 0;
    for (int p = 0; p < PIXELS; ++p)
        for (int o = 0; o < CO; ++o) {
            float sum = bias[o];
            for (int i = 0; i < CI; ++i) sum += x[p * CI + i] * w[i * CO + o];
            wrong += (sum > 0 ? sum : 0) != y[p * CO + o];
        }
    free(x);
    free(w);
    free(bias);
    free(y);
    free(packed_w);
    return report("conv2d", code, wrong);
}

static int check_depthwise(void) {
    enum { H = 112, W = 112, C = 32 };
    float* x = whole_numbers((size_t)H * W * C, 6);
    float* w = whole_numbers(9 * C, 7);
    float* bias = whole_numbers(C, 8);
    float* y = calloc((size_t)H * W * C, sizeof(float));
    void* packed_w =
        malloc(tilesmith_conv2d_f32_n1_h112_w112_ci32_co32_kh3_kw3_pad1_groups32_bias_relu6_packed_w_bytes());
    int code = tilesmith_conv2d_f32_n1_h112_w112_ci32_co32_kh3_kw3_pad1_groups32_bias_relu6_pack_w(w, packed_w);
    if (code == 0)
        code =
            tilesmith_conv2d_f32_n1_h112_w112_ci32_co32_kh3_kw3_pad1_groups32_bias_relu6_packed(x, packed_w, bias, y);
    size_t wrong = 0;
    for (int r = 0; r < H; ++r)
        for (int q = 0; q < W; ++q)
            for (int c = 0; c < C; ++c) {
                float sum = bias[c];
                for (int i = 0; i < 3; ++i)
                    for (int j = 0; j < 3; ++j) {
                        const int yy = r + i - 1, xx = q + j - 1;
                        if (yy >= 0 && yy < H && xx >= 0 && xx < W)
                            sum += x[(yy * W + xx) * C + c] * w[(i * 3 + j) * C + c];
                    }
                wrong += (sum < 0 ? 0 : sum > 6 ? 6 : sum) != y[(r * W + q) * C + c];
            }
    free(x);
    free(w);
    free(bias);
    free(y);
    free(packed_w);
    return report("depthwise", code, wrong);
}

int main(void) { return check_matmul() + check_conv2d() + check_depthwise() > 0; }
