# mirrorlab_add_scenarios(DIRECTORY dir [dir ...] | FILES file ...
#                         [LABELS label ...] [TIMEOUT seconds] [JOBS n] [PREFIX text] [OUT dir]
#                         [ENVIRONMENT NAME=VALUE ...])
#
# Makes a test of every variant of every scenario file found: PREFIX + NAME, or PREFIX + NAME/VARIANT.
# A test is skipped (exit code 77) where the machine or an installed program lacks what the scenario
# needs. LABELS are added to the file's own; a file with the label `serial` runs alone.
#
# TIMEOUT  of a hung harness; a run has its own time-outs, which act first and say what hung. Default:
#          the scenario's own `timeout` and `drain`, and a minute.
# JOBS     at most so many of these tests at one time, whatever `ctest -j` says. Default: no limit.
# PREFIX   of the tests' names. Default: "scenario.".
# OUT      where results, logs and captures go. Default: scenario-out in the build directory.
#
# The files are read when CMake configures, and CMake configures again when one of them has changed.
function(mirrorlab_add_scenarios)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "TIMEOUT;JOBS;PREFIX;OUT" "DIRECTORY;FILES;LABELS;ENVIRONMENT")
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "mirrorlab_add_scenarios: what is ${ARG_UNPARSED_ARGUMENTS}?")
  endif()
  if(NOT ARG_DIRECTORY AND NOT ARG_FILES)
    message(FATAL_ERROR "mirrorlab_add_scenarios: name a DIRECTORY, or FILES")
  endif()
  if(NOT DEFINED ARG_PREFIX)
    set(ARG_PREFIX "scenario.")
  endif()
  if(NOT ARG_OUT)
    set(ARG_OUT ${CMAKE_CURRENT_BINARY_DIR}/scenario-out)
  endif()
  set(places)
  set(files)
  foreach(place ${ARG_DIRECTORY} ${ARG_FILES})
    get_filename_component(place ${place} ABSOLUTE)
    list(APPEND places ${place})
    if(IS_DIRECTORY ${place})
      # A new file makes CMake configure again, too.
      file(GLOB_RECURSE found CONFIGURE_DEPENDS ${place}/*.yaml)
      list(APPEND files ${found})
    else()
      list(APPEND files ${place})
    endif()
  endforeach()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})

  get_target_property(program mirrorlab::mirrorlab IMPORTED_LOCATION)
  execute_process(COMMAND ${program} list --format json ${places}
    OUTPUT_VARIABLE list ERROR_VARIABLE error RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "mirrorlab_add_scenarios: ${error}")
  endif()
  string(JSON count LENGTH "${list}")
  if(count EQUAL 0)
    return()
  endif()
  math(EXPR last "${count} - 1")
  foreach(i RANGE ${last})
    foreach(key name variant file timeout_s)
      string(JSON ${key} GET "${list}" ${i} ${key})
    endforeach()
    set(labels ${ARG_LABELS})
    string(JSON label_count LENGTH "${list}" ${i} labels)
    foreach(k RANGE ${label_count})
      if(k LESS label_count)
        string(JSON label GET "${list}" ${i} labels ${k})
        list(APPEND labels ${label})
      endif()
    endforeach()
    set(test ${ARG_PREFIX}${name})
    set(command ${program} run ${file} --out ${ARG_OUT}/${name})
    if(NOT variant STREQUAL "")
      set(test ${test}/${variant})
      # A directory for each: the runs of variants may be under way at the same time.
      set(command ${program} run ${file} --variant ${variant} --out ${ARG_OUT}/${name})
    endif()
    if(TEST ${test})
      message(FATAL_ERROR "mirrorlab_add_scenarios: there is a test ${test} already; choose another PREFIX")
    endif()
    set(timeout ${ARG_TIMEOUT})
    if(NOT timeout)
      string(REGEX MATCH "^[0-9]+" whole_seconds "${timeout_s}")
      math(EXPR timeout "${whole_seconds} + 60")
    endif()
    add_test(NAME ${test} COMMAND ${command})
    set_tests_properties(${test} PROPERTIES
      LABELS "${labels}" TIMEOUT ${timeout} SKIP_RETURN_CODE 77 ENVIRONMENT "${ARG_ENVIRONMENT}")
    if("serial" IN_LIST labels)
      set_tests_properties(${test} PROPERTIES RUN_SERIAL TRUE)
    endif()
    if(ARG_JOBS)
      # Tests that hold the same of n locks are never under way together.
      math(EXPR slot "${i} % ${ARG_JOBS}")
      set_tests_properties(${test} PROPERTIES RESOURCE_LOCK ${ARG_PREFIX}slot-${slot})
    endif()
  endforeach()
endfunction()
