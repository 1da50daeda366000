// Opening files whose content must survive: checked, and set aside when corrupt.
#pragma once

#include "common/tdb/file.hpp"

#include <functional>

namespace ctdb::ctdbd {

struct checked_file {
    std::unique_ptr<tdb::file> opened; // usable; empty if it is new
    bool made_new = false;
    std::string set_aside; // the corrupt predecessor's new path, "" = there was none
};

// Opens `options.path`, or makes it durably (also its directory entry). An existing file that is no
// TDB or fails tdb_check is set aside and an empty one with its mode made. options.creation is
// ignored. A file somebody is writing to at this moment is opened unchecked, with a warning.
[[nodiscard]] result<checked_file> open_checked(tdb::open_options options);

} // namespace ctdb::ctdbd
