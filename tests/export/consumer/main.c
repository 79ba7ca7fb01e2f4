/* A program of a user: plain C99, no other dependency than the exported library. Compares each kernel with naive loops
 * on whole numbers, for which f32 is exact, and tries every kind of function that the ABI promises. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tilesmith_kernels.h"

enum { M = 37, N = 29, K = 53, H = 9, W = 11, CI = 5, CO = 13 };

static int failures;

static void check(int right, const char* what) {
    if (right) return;
    printf("wrong: %s\n", what);
    ++failures;
}

static float* numbers(size_t count, unsigned seed) {
    float* values = malloc(count * sizeof *values);
    size_t i;
    if (!values) exit(2);
    for (i = 0; i < count; ++i) {
        seed = seed * 1103515245u + 12345u;
        values[i] = (float)((int)(seed >> 16 & 15u) - 7);
    }
    return values;
}

static void check_matmul(void) {
    float *a = numbers(M * K, 1), *b = numbers(K * N, 2), *c = numbers(M * N, 3), *right = numbers(M * N, 4);
    int i, j, k;
    for (i = 0; i < M; ++i) {
        for (j = 0; j < N; ++j) {
            float sum = 0;
            for (k = 0; k < K; ++k) sum += a[i * K + k] * b[k * N + j];
            right[i * N + j] = sum;
        }
    }
    check(tilesmith_matmul_f32_m37_n29_k53(a, b, c) == TILESMITH_OK, "matmul returns ok");
    check(memcmp(c, right, M * N * sizeof *c) == 0, "matmul");
    memset(c, 0, M * N * sizeof *c);
    check(tilesmith_matmul_f32(1, M, N, K, a, b, c) == TILESMITH_OK, "the dispatcher finds the kernel");
    check(memcmp(c, right, M * N * sizeof *c) == 0, "matmul through the dispatcher");
    check(tilesmith_matmul_f32(1, M, N, K + 1, a, b, c) == TILESMITH_NO_KERNEL, "the dispatcher refuses other extents");
    check(tilesmith_matmul_f32_m37_n29_k53(a, NULL, c) == TILESMITH_NULL_POINTER, "a null pointer is an error");
    free(a), free(b), free(c), free(right);
}

/* x[n,h,w,ci], w[kh,kw,ci,co], bias[co], y[n,h,w,co]; 3x3 with a border of 1; then bias, then relu. */
static void naive_conv(const float* x, const float* w, const float* bias, float* y) {
    int h, v, o, dh, dv, i;
    for (h = 0; h < H; ++h) {
        for (v = 0; v < W; ++v) {
            for (o = 0; o < CO; ++o) {
                float sum = 0;
                for (dh = 0; dh < 3; ++dh) {
                    for (dv = 0; dv < 3; ++dv) {
                        const int r = h + dh - 1, c = v + dv - 1;
                        if (r < 0 || r >= H || c < 0 || c >= W) continue;
                        for (i = 0; i < CI; ++i) sum += x[(r * W + c) * CI + i] * w[((dh * 3 + dv) * CI + i) * CO + o];
                    }
                }
                sum += bias[o];
                y[(h * W + v) * CO + o] = sum > 0 ? sum : 0;
            }
        }
    }
}

static void check_conv(const char* what) {
    float *x = numbers(H * W * CI, 5), *w = numbers(9 * CI * CO, 6), *bias = numbers(CO, 7);
    float *y = numbers(H * W * CO, 8), *right = numbers(H * W * CO, 9);
    const size_t bytes = tilesmith_conv2d_f32_n1_h9_w11_ci5_co13_kh3_kw3_pad1_bias_relu_packed_w_bytes();
    void* packed = malloc(bytes);
    check(bytes >= 9 * CI * CO * sizeof(float), "the packed weights have room for the weights");
    check(tilesmith_conv2d_f32_n1_h9_w11_ci5_co13_kh3_kw3_pad1_bias_relu_pack_w(w, packed) == 0, "packing");
    check(tilesmith_conv2d_f32_n1_h9_w11_ci5_co13_kh3_kw3_pad1_bias_relu_packed(x, packed, bias, y) == 0, what);
    naive_conv(x, w, bias, right);
    check(memcmp(y, right, H * W * CO * sizeof *y) == 0, what);
    free(x), free(w), free(bias), free(y), free(right), free(packed);
}

static int loops;

static int serial_for(void* user, tilesmith_task task, void* closure, int count) {
    int i;
    ++*(int*)user;
    for (i = 0; i < count; ++i) {
        const int code = task(closure, i);
        if (code != 0) return code;
    }
    return 0;
}

int main(void) {
    check_matmul();
    check_conv("conv2d");
    tilesmith_set_num_threads(1);
    check_conv("conv2d on one thread");
    tilesmith_set_num_threads(3);
    check_conv("conv2d on three threads");
    tilesmith_set_parallel_for(serial_for, &loops);
    check_conv("conv2d on the application's threads");
    tilesmith_set_parallel_for(NULL, NULL);
    check_matmul();
    check(strcmp(tilesmith_error_name(TILESMITH_OK), "ok") == 0, "the name of ok");
    check(strcmp(tilesmith_error_name(TILESMITH_NO_KERNEL), "no_kernel") == 0, "the name of no_kernel");
    check(strcmp(tilesmith_error_name(TILESMITH_NULL_POINTER), "null_pointer") == 0, "the name of null_pointer");
    check(strcmp(tilesmith_error_name(TILESMITH_UNSUPPORTED_CPU), "unsupported_cpu") == 0,
          "the name of unsupported_cpu");
    if (failures == 0) printf("all right, %d loops of our own\n", loops);
    return failures != 0;
}
