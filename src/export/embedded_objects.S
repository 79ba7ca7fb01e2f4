// The object files that CMakeLists.txt compiles for exported libraries, as data.
.section .rodata

.macro embed name, path
.balign 16
.globl tilesmith_embedded_\name
tilesmith_embedded_\name:
.incbin "\path"
.globl tilesmith_embedded_\name\()_end
tilesmith_embedded_\name\()_end:
.endm

embed runtime, TILESMITH_RUNTIME_OBJECT
embed errors, TILESMITH_ERRORS_OBJECT
embed support, TILESMITH_SUPPORT_OBJECT

.section .note.GNU-stack, "", @progbits
