#include "tools/ctdb/complaints.hpp"
#include "tools/ctdb/json.hpp"

#include <cerrno>

#include <gtest/gtest.h>

namespace {

using namespace ctdb;
using namespace ctdb::tool;

TEST(Complaints, TheFirstOneIsTheCause) {
    complaints said;
    said.add({trouble::timeout, ETIMEDOUT, pnn(2)}, "Control PING failed to node 2, ret=110\n");
    said.add({trouble::internal, EIO, pnn(0)}, "Failed to ping");
    EXPECT_EQ(trouble::timeout, said.kind(110));
    EXPECT_EQ(ETIMEDOUT, said.errno_value(1));
    EXPECT_EQ(pnn(2), said.node());
    EXPECT_EQ("Control PING failed to node 2, ret=110; Failed to ping", said.text(110));
}

TEST(Complaints, SilentFailuresAreNamedAfterTheirStatus) {
    const complaints nothing;
    EXPECT_EQ(trouble::usage, nothing.kind(EINVAL));
    EXPECT_EQ(trouble::permission, nothing.kind(EACCES));
    EXPECT_EQ(trouble::timeout, nothing.kind(ETIMEDOUT));
    EXPECT_EQ("Invalid argument", nothing.text(EINVAL));
    for (const int status : {-1, 1, 200}) { // no errno
        EXPECT_EQ(trouble::internal, nothing.kind(status));
        EXPECT_EQ(0, nothing.errno_value(status));
        EXPECT_FALSE(nothing.text(status).empty());
    }
}

TEST(Complaints, EveryKindHasANameOfTheSchema) {
    EXPECT_EQ("daemon_unreachable", trouble_name(trouble::daemon_unreachable));
    EXPECT_EQ("timeout", trouble_name(trouble::timeout));
    EXPECT_EQ("no_such_node", trouble_name(trouble::no_such_node));
    EXPECT_EQ("no_such_database", trouble_name(trouble::no_such_database));
    EXPECT_EQ("node_inactive", trouble_name(trouble::node_inactive));
    EXPECT_EQ("permission", trouble_name(trouble::permission));
    EXPECT_EQ("usage", trouble_name(trouble::usage));
    EXPECT_EQ("refused", trouble_name(trouble::refused));
    EXPECT_EQ("internal", trouble_name(trouble::internal));
}

TEST(Complaints, TheErrorObjectHasTheKeysOfTheSchemaInOrder) {
    complaints said;
    said.add({trouble::no_such_node, 0, pnn(9)}, "Node 9 does not exist");
    EXPECT_EQ(
        "{\"error\":{\"code\":\"no_such_node\",\"errno\":0,\"message\":\"Node 9 does not exist\","
        "\"hint\":\"`ctdb listnodes` lists the nodes\",\"node\":9}}",
        json_error(said, 1).dump()
    );
    EXPECT_TRUE(json_error(complaints(), 1).at("error").at("node").is_null());
}

TEST(Json, TimesAreTextAndNumberAndNullWhenThereIsNone) {
    json out;
    protocol::time_value moment;
    put_time(out, "never", moment);
    moment.seconds = 1795361637;
    moment.microseconds = 500000;
    put_time(out, "since", moment);
    EXPECT_EQ(
        "{\"never\":null,\"never_epoch\":null,\"since\":\"2026-11-22T15:33:57.500000Z\","
        "\"since_epoch\":1795361637.5}",
        out.dump()
    );
}

TEST(Json, DataIsTextWhenPrintableElseHex) {
    EXPECT_EQ("{\"text\":\"k 1\"}", json_data(to_bytes("k 1")).dump());
    EXPECT_EQ("{\"hex\":\"6b00\"}", json_data(to_bytes(std::string_view("k\0", 2))).dump());
}

} // namespace
