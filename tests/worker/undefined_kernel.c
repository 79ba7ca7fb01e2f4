// A kernel whose object asks for a function that nobody has.
int no_such_function(const float* a);

int undefined(void* workspace, const float* a, const float* b, float* c) {
    (void)workspace, (void)b, (void)c;
    return no_such_function(a);
}
