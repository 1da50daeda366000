// Power loss in the middle of a persistent update (databases.md I18, I26): everything libtdb writes
// is recorded, and every moment is tried as the last one - with what was synced until then and with
// some or none of what was not, writes of which only the first sectors arrived among it. libtdb
// survives all of them. What is not tried: that the file has not grown although a later write is
// there. libtdb's header points to its recovery area before the growth is synced; a file system
// that reorders these leaves a file that does not open and is set aside at the start (12.1 #11,
// Factory.PersistentFileThatLostItsGrowthIsKeptAside).
#include "common/protocol/record_buffer.hpp"
#include "common/tdb/update.hpp"
#include "tests/unit/common/tdb/support.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

struct disk_event {
    enum class kind : std::uint8_t { write, resize, grow, sync } is = kind::write;
    std::size_t at = 0; // resize, grow: the new size
    std::string data;
};
std::vector<disk_event>* recorded = nullptr; // while a recording is under way

void record(disk_event event) {
    if (recorded != nullptr) {
        recorded->push_back(std::move(event));
    }
}

} // namespace

// In the place of the C library's, for libtdb too.
extern "C" ssize_t pwrite(int fd, const void* data, std::size_t size, off_t at) {
    const auto wrote = syscall(SYS_pwrite64, fd, data, size, at);
    if (wrote > 0) {
        const auto done = static_cast<std::size_t>(wrote);
        record({disk_event::kind::write, static_cast<std::size_t>(at), {}});
        if (recorded != nullptr) {
            recorded->back().data.assign(static_cast<const char*>(data), done);
        }
    }
    return wrote;
}

extern "C" int ftruncate(int fd, off_t size) noexcept {
    const auto done = syscall(SYS_ftruncate, fd, size);
    record({disk_event::kind::resize, static_cast<std::size_t>(size), {}});
    return static_cast<int>(done);
}

extern "C" int posix_fallocate(int fd, off_t at, off_t size) {
    const auto done = syscall(SYS_fallocate, fd, 0, at, size);
    record({disk_event::kind::grow, static_cast<std::size_t>(at + size), {}});
    return done == 0 ? 0 : errno;
}

extern "C" int fdatasync(int /*fd*/) { // the disk of the test is never lost
    record({disk_event::kind::sync, 0, {}});
    return 0;
}

namespace ctdb::tdb {
namespace {

using namespace test;

std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void carry_out(const disk_event& event, std::string& image) {
    if (event.is == disk_event::kind::resize) {
        image.resize(event.at);
    } else if (event.is == disk_event::kind::grow) {
        image.resize(std::max(image.size(), event.at));
    } else if (event.is == disk_event::kind::write) {
        image.resize(std::max(image.size(), event.at + event.data.size()));
        image.replace(event.at, event.data.size(), event.data);
    }
}

constexpr std::size_t sector = 512; // arrives whole or not at all

// The write as far as the disk has taken it, for every number of sectors but none and all.
std::vector<disk_event> torn(const disk_event& write) {
    std::vector<disk_event> pieces;
    const std::size_t end = write.at + write.data.size();
    if (write.is != disk_event::kind::write) {
        return pieces;
    }
    for (std::size_t border = (write.at / sector + 1) * sector; border < end; border += sector) {
        disk_event piece = write;
        piece.data.resize(border - write.at);
        pieces.push_back(std::move(piece));
    }
    return pieces;
}

class PowerLoss : public testing::Test {
protected:
    // An update of two records, for which the file has to grow. What the disk sees is in `events`.
    void update(int flags) {
        const auto target = make_file(path, flags | open_flag::no_mmap);
        for (const auto* key : {"one", "two"}) {
            ASSERT_TRUE(target->write(view_of(key), protocol::join_header({}, view_of("old"))));
        }
        protocol::record_buffer_writer change(db_id{1});
        protocol::record_header newer;
        newer.rsn = rsn{1};
        change.append(view_of("one"), newer, view_of("new"));
        change.append(view_of("two"), newer, view_of("new"));
        before = slurp(path);
        recorded = &events;
        const auto done = apply_update(*target, change.view(), missing_keys::create);
        recorded = nullptr;
        ASSERT_TRUE(done) << done.error().what;
        everything_was_recorded();
    }

    void everything_was_recorded() const {
        std::string image = before;
        for (const disk_event& event : events) {
            carry_out(event, image);
        }
        ASSERT_TRUE(image == slurp(path)) << "not everything was recorded";
    }

    // "old", "new", or what is wrong with it.
    [[nodiscard]] std::string found_after(const std::string& image) const {
        open_options options;
        options.path = dir.file("after.tdb");
        std::ofstream(options.path, std::ios::binary | std::ios::trunc) << image;
        options.flags = persistent_flags;
        const auto opened = file::open(options);
        if (!opened) {
            return opened.error().what;
        }
        if (const auto sound = (*opened)->check(); !sound) {
            return sound.error().what;
        }
        const std::string one = data_of(**opened, "one");
        return one == data_of(**opened, "two") ? one : "half a transaction";
    }

    static std::string data_of(file& from, const char* key) {
        std::string text = "-";
        const auto read = from.read(view_of(key), [&text](byte_view stored) {
            text = text_of(protocol::data_after_header(stored));
        });
        return read ? text : read.error().what;
    }

    // What was on the disk for sure when the power went after so many events, and from which event
    // on nothing is.
    struct disk_state {
        std::string synced;
        std::size_t first = 0;
    };
    [[nodiscard]] disk_state disk_after(std::size_t count) const {
        disk_state disk{before, 0};
        for (std::size_t i = 0; i < count; ++i) {
            if (events[i].is == disk_event::kind::sync) {
                for (; disk.first < i; ++disk.first) {
                    carry_out(events[disk.first], disk.synced);
                }
            }
        }
        for (std::size_t i = disk.first; i < count; ++i) {
            if (events[i].is == disk_event::kind::grow) {
                carry_out(events[i], disk.synced);
            }
        }
        return disk;
    }

    // Of what is not synced: none, all, one alone, all but one; and each torn instead of left out.
    [[nodiscard]] std::vector<std::string> images_after(std::size_t count) const {
        const disk_state disk = disk_after(count);
        const std::vector<disk_event> none;
        std::vector<std::string> images{disk.synced};
        const auto with = [&](std::size_t some, const std::vector<disk_event>& instead, bool others
                          ) {
            std::string image = disk.synced;
            for (std::size_t i = disk.first; i < count; ++i) {
                if (i != some && others) {
                    carry_out(events[i], image);
                }
                for (std::size_t k = 0; i == some && k < instead.size(); ++k) {
                    carry_out(instead[k], image);
                }
            }
            images.push_back(std::move(image));
        };
        for (std::size_t some = disk.first; some < count; ++some) {
            with(some, {events[some]}, false);
            with(some, {}, true);
            for (const disk_event& piece : tearing ? torn(events[some]) : none) {
                with(some, {piece}, false);
                with(some, {piece}, true);
            }
        }
        with(count, {}, true);
        return images;
    }

    // The moments of which the file is neither old nor new.
    [[nodiscard]] std::vector<std::string> bad_moments() const {
        std::vector<std::string> bad;
        for (std::size_t count = 0; count <= events.size(); ++count) {
            for (const std::string& image : images_after(count)) {
                const std::string found = found_after(image);
                const bool may_be = found == "new" || (found == "old" && count < events.size());
                if (!may_be) {
                    bad.push_back(fmt::format("after {} of {}: {}", count, events.size(), found));
                }
            }
        }
        return bad;
    }

    temporary_directory dir;
    const std::string path = dir.file("a.tdb.0");
    bool tearing = true;
    std::string before;
    std::vector<disk_event> events;
};

TEST_F(PowerLoss, AtWhateverMomentAnUpdateIsThereOrNotAndOnceAcknowledgedItIs) {
    ASSERT_NO_FATAL_FAILURE(update(persistent_flags));
    ASSERT_GT(events.size(), 5U);
    ASSERT_TRUE(std::any_of(events.begin(), events.end(), [](const disk_event& event) {
        return !torn(event).empty();
    }));
    EXPECT_EQ(bad_moments(), std::vector<std::string>{});
}

// A record that is written where it lies, as those of volatile databases are: half of each value.
TEST_F(PowerLoss, ATornWriteWithoutATransactionIsSeen) {
    const std::string old_data(3 * sector, 'o');
    const std::string new_data(3 * sector, 'n');
    const auto target = make_file(path, persistent_flags | open_flag::no_mmap);
    for (const auto* key : {"one", "two"}) {
        ASSERT_TRUE(target->write(view_of(key), protocol::join_header({}, view_of(old_data))));
    }
    before = slurp(path);
    recorded = &events;
    const auto written =
        target->write(view_of("one"), protocol::join_header({}, view_of(new_data)));
    recorded = nullptr;
    ASSERT_TRUE(written);
    ASSERT_NO_FATAL_FAILURE(everything_was_recorded());
    const auto mixed = [&] {
        std::size_t count = 0;
        for (const std::string& image : images_after(events.size())) {
            std::ofstream(dir.file("after.tdb"), std::ios::binary | std::ios::trunc) << image;
            const auto after = make_file(dir.file("after.tdb"), persistent_flags);
            const std::string data = data_of(*after, "one");
            count += data != old_data && data != new_data ? 1 : 0;
        }
        return count;
    };
    EXPECT_GT(mixed(), 0U);
    tearing = false;
    EXPECT_EQ(mixed(), 0U);
}

TEST_F(PowerLoss, WithoutSyncsThisTestFindsLosses) {
    ASSERT_NO_FATAL_FAILURE(update(persistent_flags | open_flag::no_sync));
    EXPECT_FALSE(bad_moments().empty());
}

} // namespace
} // namespace ctdb::tdb
