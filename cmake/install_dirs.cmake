# Where our files go. Relative directories stay relative, so `cmake --install --prefix ANYWHERE` and DESTDIR work and
# the programs find the rest from where they stand (src/common/path). Only below /usr, where the GNU rules put
# configuration and state outside the prefix, and where a packager says so, they are absolute.
foreach(dir IN ITEMS SYSCONFDIR LOCALSTATEDIR RUNSTATEDIR)
  set(ctdb_${dir} ${CMAKE_INSTALL_${dir}})
endforeach()
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  if(NOT IS_ABSOLUTE "${ctdb_SYSCONFDIR}")
    set(ctdb_SYSCONFDIR /etc)
  endif()
  if(NOT IS_ABSOLUTE "${ctdb_LOCALSTATEDIR}")
    set(ctdb_LOCALSTATEDIR /var)
  endif()
  if(NOT IS_ABSOLUTE "${ctdb_RUNSTATEDIR}")
    set(ctdb_RUNSTATEDIR /run)
  endif()
endif()

set(CTDB_ETC_DIR ${ctdb_SYSCONFDIR}/ctdb)            # ctdb.conf, nodes, enabled event scripts
set(CTDB_VAR_DIR ${ctdb_LOCALSTATEDIR}/lib/ctdb)     # databases
set(CTDB_LOG_DIR ${ctdb_LOCALSTATEDIR}/log/ctdb)         # log.ctdb
set(CTDB_RUN_DIR ${ctdb_RUNSTATEDIR}/ctdb)           # sockets, PID files
set(CTDB_DATA_DIR ${CMAKE_INSTALL_DATADIR}/ctdb)     # event scripts as shipped
set(CTDB_HELPER_DIR ${CMAKE_INSTALL_LIBEXECDIR}/ctdb) # helpers and companion daemons
