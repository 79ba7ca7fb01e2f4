/* Two libraries, exported apart, with the same kernel in both, called from two threads at once. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "alpha.h"
#include "beta.h"

enum { SIZE = 64, CALLS = 300 };

typedef int (*kernel)(const float* a, const float* b, float* c);

static float a[SIZE * SIZE], b[SIZE * SIZE], right[SIZE * SIZE];

static void* run(void* argument) {
    const kernel function = *(kernel*)argument;
    static const char* const wrong = "wrong";
    float c[SIZE * SIZE];
    int call;
    for (call = 0; call < CALLS; ++call) {
        memset(c, 0, sizeof c);
        if (function(a, b, c) != TILESMITH_OK || memcmp(c, right, sizeof c) != 0) return (void*)wrong;
    }
    return NULL;
}

int main(void) {
    kernel kernels[2] = {tilesmith_alpha_matmul_f32_m64_n64_k64, tilesmith_beta_matmul_f32_m64_n64_k64};
    pthread_t threads[2];
    int i, j, k, failed = 0;
    for (i = 0; i < SIZE * SIZE; ++i) {
        a[i] = (float)(i % 7 - 3);
        b[i] = (float)(i % 11 - 5);
    }
    for (i = 0; i < SIZE; ++i) {
        for (j = 0; j < SIZE; ++j) {
            for (k = 0; k < SIZE; ++k) right[i * SIZE + j] += a[i * SIZE + k] * b[k * SIZE + j];
        }
    }
    tilesmith_alpha_set_num_threads(2);
    tilesmith_beta_set_num_threads(2);
    for (i = 0; i < 2; ++i) {
        if (pthread_create(&threads[i], NULL, run, &kernels[i]) != 0) return 2;
    }
    for (i = 0; i < 2; ++i) {
        void* result = NULL;
        pthread_join(threads[i], &result);
        failed |= result != NULL;
    }
    printf(failed ? "wrong\n" : "all right\n");
    return failed;
}
