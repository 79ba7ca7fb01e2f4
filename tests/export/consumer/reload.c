/* Loads a shared library, uses its threads, its workspace and fork(), and unloads it, again and again. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tilesmith_kernels.h"

enum { M = 512, N = 512, K = 64, ROUNDS = 20 };

typedef int (*matmul)(const float* a, const float* b, float* c);
typedef int (*matmul_with_workspace)(const float* a, const float* b, float* c, void* workspace, size_t bytes);
typedef size_t (*size)(void);
typedef void (*set_threads)(int threads);

static float a[M * K], b[K * N], c[M * N], first[M * N];

/* ISO C has no cast from an object pointer to a function pointer; POSIX promises that the copy works. */
static void find(void* library, const char* name, void* function) {
    void* const address = dlsym(library, name);
    if (!address) {
        printf("no function %s\n", name);
        exit(3);
    }
    memcpy(function, &address, sizeof address);
}

static int threads_now(void) {
    char line[256];
    int threads = 0;
    FILE* const status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) sscanf(line, "Threads: %d", &threads);
    if (status) fclose(status);
    return threads;
}

static int in_child(matmul run) {
    int status = -1;
    const pid_t child = fork();
    if (child == 0) _exit(run ? run(a, b, c) != 0 : 0);
    waitpid(child, &status, 0);
    return status;
}

static const char* use(void* library, int round) {
    matmul run;
    matmul_with_workspace run_with;
    size bytes;
    set_threads set;
    void* workspace;
    size_t workspace_bytes;
    find(library, "tilesmith_matmul_f32_m512_n512_k64", &run);
    find(library, "tilesmith_matmul_f32_m512_n512_k64_with_workspace", &run_with);
    find(library, "tilesmith_matmul_f32_m512_n512_k64_workspace_bytes", &bytes);
    find(library, "tilesmith_set_num_threads", &set);
    set(2);
    if (run(a, b, c) != TILESMITH_OK) return "the kernel";
    if (round == 0) memcpy(first, c, sizeof c);
    if (memcmp(c, first, sizeof c) != 0) return "the numbers";
    if (in_child(run) != 0) return "the kernel in a child";
    memset(c, 0, sizeof c);
    workspace_bytes = bytes();
    workspace = malloc(workspace_bytes);
    if (run_with(a, b, c, workspace, workspace_bytes) != TILESMITH_OK) return "the kernel with a workspace";
    if (memcmp(c, first, sizeof c) != 0) return "the numbers with a workspace";
    if (run_with(a, b, c, workspace, 256) != TILESMITH_OUT_OF_MEMORY) return "the kernel with a small workspace";
    free(workspace);
    return NULL;
}

int main(int argc, char** argv) {
    int i;
    const char* wrong = argc == 2 ? NULL : "the arguments";
    for (i = 0; i < M * K; ++i) a[i] = (float)(i % 7 - 3);
    for (i = 0; i < K * N; ++i) b[i] = (float)(i % 11 - 5);
    for (i = 0; i < ROUNDS && !wrong; ++i) {
        void* const library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        if (!library) {
            wrong = dlerror();
            break;
        }
        wrong = use(library, i);
        dlclose(library);
        if (!wrong && threads_now() != 1) wrong = "the threads after unloading";
        if (!wrong && in_child(NULL) != 0) wrong = "fork after unloading";
    }
    printf("%s\n", wrong ? wrong : "all right");
    return wrong != NULL;
}
