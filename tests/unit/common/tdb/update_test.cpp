#include "common/protocol/record_buffer.hpp"
#include "common/tdb/update.hpp"
#include "tests/unit/common/tdb/support.hpp"

#include <gtest/gtest.h>

namespace ctdb::tdb {
namespace {

using namespace test;

class Update : public testing::Test {
protected:
    temporary_directory dir;
    std::unique_ptr<file> target = make_file(dir.file("a.tdb.0"), persistent_flags);
    protocol::record_buffer_writer buffer{db_id{1}};

    static protocol::record_header header(std::uint64_t rsn) {
        protocol::record_header h;
        h.rsn = ctdb::rsn{rsn};
        h.dmaster = pnn{2};
        return h;
    }
    void stored(const std::string& key, std::uint64_t rsn, const std::string& value) {
        ASSERT_TRUE(target->write(view_of(key), protocol::join_header(header(rsn), view_of(value)))
        );
    }
    void add(const std::string& key, std::uint64_t rsn, const std::string& value) {
        buffer.append(view_of(key), header(rsn), view_of(value));
    }
    result<> apply(missing_keys missing = missing_keys::create) {
        return apply_update(*target, buffer.view(), missing);
    }
    // "rsn:value", "-" if there is none
    [[nodiscard]] std::string content(const std::string& key) const {
        std::string found = "-";
        const auto read = target->read(view_of(key), [&](byte_view value) {
            found = fmt::format(
                "{}:{}",
                protocol::header_of(value)->rsn,
                text_of(protocol::data_after_header(value))
            );
        });
        EXPECT_TRUE(read);
        return found;
    }
};

TEST_F(Update, CreatesAndReplacesRecords) {
    stored("old", 1, "one");
    add("old", 2, "two");
    add("new", 1, "first");
    ASSERT_TRUE(apply());
    EXPECT_EQ(content("old"), "2:two");
    EXPECT_EQ(content("new"), "1:first");
}

TEST_F(Update, OneRecordWithAnOldRsnFailsTheWholeBuffer) {
    stored("b", 5, "kept");
    add("a", 1, "never");
    add("b", 5, "other");
    add("c", 1, "never");
    const auto applied = apply();
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, EEXIST);
    EXPECT_EQ(content("a"), "-");
    EXPECT_EQ(content("b"), "5:kept");
    EXPECT_EQ(content("c"), "-");
    EXPECT_FALSE(target->in_transaction());
}

TEST_F(Update, TheSameValueIsNoConflictAndTheNextTransactionFits) {
    stored("a", 5, "same");
    stored("b", 5, "same");
    add("a", 5, "same");
    add("b", 3, "same");
    add("c", 1, "new");
    ASSERT_TRUE(apply());
    EXPECT_EQ(content("a"), "5:same");
    EXPECT_EQ(content("b"), "3:same");
    EXPECT_EQ(content("c"), "1:new");
    static_cast<void>(buffer.take());
    add("b", 4, "next"); // as the node of the client, which had 3, numbers it
    EXPECT_TRUE(apply());
}

TEST_F(Update, OfAVolatileRecordTheRsnNeverFalls) { // I3
    stored("a", 5, "same");
    add("a", 4, "same");
    ASSERT_TRUE(apply(missing_keys::skip));
    EXPECT_EQ(content("a"), "5:same");
}

TEST_F(Update, AnAppliedBufferMayBeAppliedAgain) {
    add("a", 1, "one");
    add("b", 1, "two");
    ASSERT_TRUE(apply());
    EXPECT_TRUE(apply()); // an agent that died after its commit
    EXPECT_EQ(content("a"), "1:one");
}

TEST_F(Update, VolatileRuleSkipsWhatDoesNotExist) {
    stored("here", 1, "one");
    add("here", 2, "two");
    add("missing", 2, "two");
    ASSERT_TRUE(apply(missing_keys::skip));
    EXPECT_EQ(content("here"), "2:two");
    EXPECT_EQ(content("missing"), "-");
}

TEST_F(Update, StoredValueShorterThanAHeaderCountsAsMissing) {
    ASSERT_TRUE(target->write(view_of("a"), view_of("short")));
    add("a", 0, "new");
    ASSERT_TRUE(apply());
    EXPECT_EQ(content("a"), "0:new");
}

TEST_F(Update, MalformedBuffersChangeNothing) {
    add("a", 1, "one");
    add("b", 1, "two");
    bytes whole = to_bytes(buffer.view());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto applied =
            apply_update(*target, byte_view(whole).first(size), missing_keys::create);
        ASSERT_FALSE(applied) << size;
        EXPECT_EQ(applied.error().code, EINVAL) << size;
        EXPECT_EQ(content("a"), "-") << size;
    }
}

TEST_F(Update, RecordWithoutHeaderFailsTheBuffer) {
    add("a", 1, "one");
    buffer.append(view_of("b"), view_of("tiny"));
    const auto applied = apply();
    ASSERT_FALSE(applied);
    EXPECT_EQ(content("a"), "-");
}

} // namespace
} // namespace ctdb::tdb
