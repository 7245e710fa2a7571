# What `cmake --install` puts under the prefix: programs, manual pages, scenarios with their schema, documents, and
# a package that other projects find with find_package(mirrorlab).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS mirrorlab mirror-copy mirror-intercept RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# mirrorlab looks for them at ../share/mirrorlab from its own place.
install(DIRECTORY scenarios DESTINATION share/mirrorlab)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN man EXCLUDE)
include(ManPages)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/mirrorlab)
configure_package_config_file(cmake/mirrorlabConfig.cmake.in
  ${CMAKE_BINARY_DIR}/mirrorlabConfig.cmake INSTALL_DESTINATION ${package_directory}
  PATH_VARS CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/mirrorlabConfigVersion.cmake
  COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES ${CMAKE_BINARY_DIR}/mirrorlabConfig.cmake ${CMAKE_BINARY_DIR}/mirrorlabConfigVersion.cmake
  cmake/MirrorlabScenarios.cmake DESTINATION ${package_directory})

# cpack -G DEB (in the build tree)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME mirrorlab)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "TCP traffic mirroring, and a laboratory that proves what it does")
set(CPACK_PACKAGE_CONTACT "the mirrorlab maintainers <maintainers@mirrorlab.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "iptables, iproute2")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_STRIP_FILES ON)
include(CPack)
