include(GNUInstallDirs)

install(TARGETS binrelayd DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS binrelayctl DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES docs/configuration.md docs/operations.md docs/reports.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES conf/binrelay.json conf/binrelay-two-clusters.json conf/heartbeat.sql
        DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
configure_file(conf/binrelay.service.in binrelay.service @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/binrelay.service DESTINATION lib/systemd/system)
install(FILES conf/binrelay.sysusers DESTINATION lib/sysusers.d RENAME binrelay.conf)
install(FILES docs/man/binrelayd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES docs/man/binrelayctl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/man/binrelay.json.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
