#include "ctdbd/database/tdb_store/checked_file.hpp"

#include "common/base/log.hpp"
#include "ctdbd/database/tdb_store/set_aside.hpp"
#include "ctdbd/database/tdb_store/sync_directory.hpp"

#include <sys/stat.h>
#include <time.h>

namespace ctdb::ctdbd {

namespace {

// The check needs the whole file locked; at start a stale client may hold a record for a moment.
result<bool> lock_for_check(tdb::file& file) {
    constexpr int tries = 20;
    constexpr timespec pause{0, 5'000'000};
    for (int i = 0; i < tries; ++i) {
        auto locked = file.try_lock_all_for_reading();
        if (!locked || *locked) {
            return locked;
        }
        nanosleep(&pause, nullptr);
    }
    return false;
}

result<> check(tdb::file& file) {
    const auto locked = lock_for_check(file);
    if (!locked) {
        return pass(locked);
    }
    if (!*locked) {
        log_warning("database file {} is in use and was not checked", file.path());
        return {};
    }
    auto checked = file.check();
    file.unlock_all_for_reading();
    return checked;
}

// What libtdb says of a file that is no TDB, or one that needs features it does not have.
bool means_corrupt(const error& failure) {
    return failure.code == EIO || failure.code == EINVAL;
}

result<std::unique_ptr<tdb::file>> open_existing(tdb::open_options options) {
    options.creation = tdb::create::no; // with "create" libtdb would overwrite a damaged header
    auto opened = tdb::file::open(options);
    if (!opened) {
        return opened;
    }
    if (const auto checked = check(**opened); !checked) {
        return pass(checked);
    }
    return opened;
}

result<std::unique_ptr<tdb::file>> make_new(tdb::open_options options) {
    options.creation = tdb::create::if_missing;
    auto opened = tdb::file::open(options);
    if (!opened) {
        return opened;
    }
    if (chmod(options.path.c_str(), options.mode) != 0) { // whatever the umask took away
        return fail_errno("chmod {}", options.path);
    }
    if (const auto synced = sync_directory_of(options.path); !synced) {
        return pass(synced);
    }
    return opened;
}

} // namespace

result<checked_file> open_checked(tdb::open_options options) {
    checked_file done;
    struct stat found {};
    if (stat(options.path.c_str(), &found) != 0 && errno != ENOENT) {
        return fail_errno("look at {}", options.path);
    }
    if (found.st_size > 0) {
        auto opened = open_existing(options);
        if (opened) {
            done.opened = std::move(*opened);
            return done;
        }
        if (!means_corrupt(opened.error())) {
            return pass(opened);
        }
        log_error("{}", opened.error().what);
        auto aside = set_corrupted_aside(options.path);
        if (!aside) {
            return pass(aside);
        }
        done.set_aside = std::move(*aside);
        options.mode = found.st_mode & 0777u;
    }
    auto made = make_new(options);
    if (!made) {
        return pass(made);
    }
    done.opened = std::move(*made);
    done.made_new = true;
    return done;
}

} // namespace ctdb::ctdbd
