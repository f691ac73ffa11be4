find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
pkg_check_modules(event REQUIRED IMPORTED_TARGET libevent_core>=2.1 libevent_extra libevent_pthreads)
pkg_check_modules(deflate REQUIRED IMPORTED_TARGET libdeflate>=1.8)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd>=1.4)
pkg_check_modules(sqlite REQUIRED IMPORTED_TARGET sqlite3>=3.40)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(systemd IMPORTED_TARGET libsystemd)

# MariaDB's library (Debian's default-libmysqlclient-dev) or Oracle's own.
pkg_search_module(mysql REQUIRED IMPORTED_TARGET mysqlclient libmariadb mariadb)
