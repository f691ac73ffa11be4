# Configures SOURCE, builds its good target "sound", and expects TARGET not to build.
file(REMOVE_RECURSE ${BINARY})
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BINARY} -G "${GENERATOR}" -DROOMS=${ROOMS}
                RESULT_VARIABLE configured OUTPUT_QUIET)
if(NOT configured EQUAL 0)
    message(FATAL_ERROR "the bad tree does not even configure")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BINARY} --target sound
                RESULT_VARIABLE sound OUTPUT_QUIET)
if(NOT sound EQUAL 0)
    message(FATAL_ERROR "the sound part of the bad tree does not build")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BINARY} --target ${TARGET}
                RESULT_VARIABLE built OUTPUT_QUIET ERROR_QUIET)
if(built EQUAL 0)
    message(FATAL_ERROR "${TARGET} was built: the gate lets a bad tree through")
endif()
