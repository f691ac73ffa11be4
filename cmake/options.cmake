option(BINRELAY_TESTS "Build the tests" ON)
option(BINRELAY_WERROR "Warnings fail the build (for developers and CI)" OFF)
option(BINRELAY_FUZZ "Build the fuzzers with libFuzzer (needs clang)" OFF)
set(BINRELAY_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
                    -Wmissing-prototypes -Wswitch-enum -Wvla -Wundef -Wformat=2
                    -Wnull-dereference)
add_compile_definitions(_GNU_SOURCE)

if(BINRELAY_WERROR)
    add_compile_options(-Werror)
endif()

if(BINRELAY_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link) # or the fuzzers do not see where they get to
    add_link_options(-fsanitize=fuzzer-no-link)
endif()

if(BINRELAY_SANITIZE)
    add_compile_options(-fsanitize=${BINRELAY_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${BINRELAY_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
                        -fstack-clash-protection)
    add_link_options(-Wl,-z,relro,-z,now)
endif()

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
