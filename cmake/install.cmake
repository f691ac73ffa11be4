include(GNUInstallDirs)
install(TARGETS binrelayd DESTINATION ${CMAKE_INSTALL_SBINDIR})
