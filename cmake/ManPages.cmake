# Manual pages and a completion for bash, made from the programs' own --help, so that neither can
# forget an option.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(man_directory ${CMAKE_BINARY_DIR}/man)
file(MAKE_DIRECTORY ${man_directory})
set(man_maker ${CMAKE_SOURCE_DIR}/docs/man/man_page.py)
foreach(page mirrorlab.1 mirror-copy.8 mirror-intercept.8)
  string(REGEX REPLACE "\\.([0-9])$" "" program ${page})
  string(REGEX REPLACE "^.*\\." "" section ${page})
  add_custom_command(OUTPUT ${man_directory}/${page}
    COMMAND ${Python3_EXECUTABLE} ${man_maker} man $<TARGET_FILE:${program}>
      ${CMAKE_SOURCE_DIR}/docs/man/${page}.in ${PROJECT_VERSION} > ${man_directory}/${page}
    DEPENDS ${program} ${man_maker} ${CMAKE_SOURCE_DIR}/docs/man/${page}.in VERBATIM)
  list(APPEND man_files ${man_directory}/${page})
  install(FILES ${man_directory}/${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
add_custom_command(OUTPUT ${man_directory}/mirrorlab.bash
  COMMAND ${Python3_EXECUTABLE} ${man_maker} completion $<TARGET_FILE:mirrorlab>
    $<TARGET_FILE:mirror-copy> $<TARGET_FILE:mirror-intercept> > ${man_directory}/mirrorlab.bash
  DEPENDS mirrorlab mirror-copy mirror-intercept ${man_maker} VERBATIM)
# bash-completion loads the file that is named like the program.
foreach(program mirrorlab mirror-copy mirror-intercept)
  install(FILES ${man_directory}/mirrorlab.bash RENAME ${program}
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
endforeach()
add_custom_target(man_pages ALL DEPENDS ${man_files} ${man_directory}/mirrorlab.bash)
