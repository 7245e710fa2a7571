# eBPF programs, compiled here and built into the engine that loads them.
#
# mirrorlab_bpf(TARGET SOURCE.bpf.c) compiles the program and makes a header of it that TARGET's
# sources include as "NAME.skel.h" (bpftool's skeleton: the object file's bytes, and its maps by
# name). TARGET is given MIRRORLAB_BPF=1 then. Without clang, bpftool or libbpf it is built without,
# and says at run time what was missing (MIRRORLAB_BPF_MISSING).
pkg_check_modules(LIBBPF QUIET IMPORTED_TARGET libbpf)
find_program(BPF_CLANG NAMES clang)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin)
set(MIRRORLAB_BPF_MISSING "")
if(NOT LIBBPF_FOUND)
  string(APPEND MIRRORLAB_BPF_MISSING " libbpf-dev")
endif()
if(NOT BPF_CLANG)
  string(APPEND MIRRORLAB_BPF_MISSING " clang")
endif()
if(NOT BPFTOOL)
  string(APPEND MIRRORLAB_BPF_MISSING " bpftool")
endif()
string(STRIP "${MIRRORLAB_BPF_MISSING}" MIRRORLAB_BPF_MISSING)
if(MIRRORLAB_BPF_MISSING)
  message(STATUS "eBPF is left out; missing: ${MIRRORLAB_BPF_MISSING}")
endif()

function(mirrorlab_bpf target source)
  if(MIRRORLAB_BPF_MISSING)
    target_compile_definitions(${target} PRIVATE MIRRORLAB_BPF_MISSING="${MIRRORLAB_BPF_MISSING}")
    return()
  endif()
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(path ${source} ABSOLUTE)
  get_filename_component(directory ${path} DIRECTORY)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/bpf)
  file(MAKE_DIRECTORY ${out})
  # Why -I: <linux/types.h> needs this machine's <asm/types.h>, which clang does not look for when it
  # compiles for BPF.
  add_custom_command(OUTPUT ${out}/${name}.skel.h
    COMMAND ${BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror
      -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -I${CMAKE_SOURCE_DIR}/src
      -MD -MF ${out}/${name}.d -MT ${out}/${name}.skel.h -c ${path} -o ${out}/${name}.o
    COMMAND ${BPFTOOL} gen skeleton ${out}/${name}.o name ${name} > ${out}/${name}.skel.h
    DEPENDS ${path} DEPFILE ${out}/${name}.d VERBATIM
    COMMENT "eBPF program ${name}")
  add_custom_target(bpf_${name} DEPENDS ${out}/${name}.skel.h)
  add_dependencies(${target} bpf_${name})
  # SYSTEM: generated code, not held to our warnings.
  target_include_directories(${target} SYSTEM PRIVATE ${out})
  target_link_libraries(${target} PUBLIC PkgConfig::LIBBPF)
  target_compile_definitions(${target} PRIVATE MIRRORLAB_BPF=1)
endfunction()
