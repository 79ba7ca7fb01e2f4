// CMake makes the precompiled header of all tests for a target that has a file which uses it: this one.
