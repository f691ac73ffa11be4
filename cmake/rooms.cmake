# A room is a library of src/<name>/*.c, and of folders in it, with the public headers include/binrelay/<name>/*.h.
# KNOWS names the rooms below it that it may call, LIBRARIES the third-party libraries.
function(add_room name)
    cmake_parse_arguments(ROOM "" "" "KNOWS;LIBRARIES" ${ARGN})
    file(GLOB headers CONFIGURE_DEPENDS include/binrelay/${name}/*.h)
    file(GLOB sources CONFIGURE_DEPENDS src/${name}/*.c src/${name}/*/*.c)
    if(NOT sources)
        message(FATAL_ERROR "room ${name} has no sources")
    endif()

    add_library(${name} STATIC ${sources})
    target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${headers})
    target_link_libraries(${name} PUBLIC ${ROOM_KNOWS} PRIVATE ${ROOM_LIBRARIES})

    # Links only if the room calls nothing but the rooms it knows: the whole archive must
    # resolve, so a forbidden call fails here even without a forbidden include.
    set(alone ${CMAKE_CURRENT_BINARY_DIR}/${name}_alone.c)
    file(CONFIGURE OUTPUT ${alone} CONTENT "int main(void) { return 0; }\n")
    add_executable(${name}_alone ${alone})
    target_link_libraries(${name}_alone PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,${name}>")
    set_target_properties(${name}_alone PROPERTIES
                          RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/gates)
endfunction()
