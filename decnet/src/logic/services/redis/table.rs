//! Every command of Redis 7.0: how many arguments it takes, since when it is there, what it is for.
//!
//! Facts about the protocol, taken from `COMMAND` and `COMMAND DOCS` of Redis 7.0.15; the summaries
//! are the project's (BSD-3-Clause), as clients print them. Sorted by name.

use super::version::Version;

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// Name in lower case; of a subcommand after that of its container, as in `config|get`.
    pub(super) name: &'static str,
    /// How many words it takes with its name; negative for at least so many.
    pub(super) arity: i8,
    /// What it may do, in the words of `COMMAND`.
    pub(super) flags: &'static str,
    /// Where its keys are: the first, the last, and the step between.
    pub(super) keys: (i8, i8, i8),
    /// Categories of access control, without `@`.
    pub(super) categories: &'static str,
    /// First version that has it.
    pub(super) since: Version,
    /// Chapter of the documentation.
    pub(super) group: &'static str,
    /// What it does.
    pub(super) summary: &'static str,
}

impl Command {
    /// The command of this name in lower case.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        let at = COMMANDS.binary_search_by(|command| command.name.cmp(name)).ok()?;
        COMMANDS.get(at)
    }

    /// Whether it takes so many words, its name included.
    pub(super) fn takes(&self, words: usize) -> bool {
        let least = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { words >= least } else { words == least }
    }

    /// Whether it has this flag.
    pub(super) fn is(&self, flag: &str) -> bool {
        self.flags.split(' ').any(|own| own == flag)
    }
}

macro_rules! commands {
    ($($name:literal $arity:literal $keys:tt $major:literal $minor:literal $patch:literal $group:literal $flags:literal $categories:literal $summary:literal)*) => {
        &[$(Command {
            name: $name,
            arity: $arity,
            flags: $flags,
            keys: $keys,
            categories: $categories,
            since: Version { major: $major, minor: $minor, patch: $patch },
            group: $group,
            summary: $summary,
        },)*]
    };
}

/// The commands.
pub(super) const COMMANDS: &[Command] = commands! {
    "acl" -2 (0, 0, 0) 6 0 0 "server" "" "slow" "A container for Access List Control commands"
    "append" 3 (1, 1, 1) 2 0 0 "string" "write denyoom fast" "write string fast" "Append a value to a key"
    "asking" 1 (0, 0, 0) 3 0 0 "cluster" "fast" "fast connection" "Sent by cluster clients after an -ASK redirect"
    "auth" -2 (0, 0, 0) 1 0 0 "connection" "noscript loading stale fast no_auth allow_busy" "fast connection" "Authenticate to the server"
    "bgrewriteaof" 1 (0, 0, 0) 1 0 0 "server" "admin noscript no_async_loading" "admin slow dangerous" "Asynchronously rewrite the append-only file"
    "bgsave" -1 (0, 0, 0) 1 0 0 "server" "admin noscript no_async_loading" "admin slow dangerous" "Asynchronously save the dataset to disk"
    "bitcount" -2 (1, 1, 1) 2 6 0 "bitmap" "readonly" "read bitmap slow" "Count set bits in a string"
    "bitfield" -2 (1, 1, 1) 3 2 0 "bitmap" "write denyoom" "write bitmap slow" "Perform arbitrary bitfield integer operations on strings"
    "bitfield_ro" -2 (1, 1, 1) 6 0 0 "bitmap" "readonly fast" "read bitmap fast" "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD"
    "bitop" -4 (2, -1, 1) 2 6 0 "bitmap" "write denyoom" "write bitmap slow" "Perform bitwise operations between strings"
    "bitpos" -3 (1, 1, 1) 2 8 7 "bitmap" "readonly" "read bitmap slow" "Find first bit set or clear in a string"
    "blmove" 6 (1, 2, 1) 6 2 0 "list" "write denyoom noscript blocking" "write list slow blocking" "Pop an element from a list, push it to another list and return it; or block until one is available"
    "blmpop" -5 (0, 0, 0) 7 0 0 "list" "write blocking movablekeys" "write list slow blocking" "Pop elements from a list, or block until one is available"
    "blpop" -3 (1, -2, 1) 2 0 0 "list" "write noscript blocking" "write list slow blocking" "Remove and get the first element in a list, or block until one is available"
    "brpop" -3 (1, -2, 1) 2 0 0 "list" "write noscript blocking" "write list slow blocking" "Remove and get the last element in a list, or block until one is available"
    "brpoplpush" 4 (1, 2, 1) 2 2 0 "list" "write denyoom noscript blocking" "write list slow blocking" "Pop an element from a list, push it to another list and return it; or block until one is available"
    "bzmpop" -5 (0, 0, 0) 7 0 0 "sorted-set" "write blocking movablekeys" "write sortedset slow blocking" "Remove and return members with scores in a sorted set or block until one is available"
    "bzpopmax" -3 (1, -2, 1) 5 0 0 "sorted-set" "write noscript blocking fast" "write sortedset fast blocking" "Remove and return the member with the highest score from one or more sorted sets, or block until one is available"
    "bzpopmin" -3 (1, -2, 1) 5 0 0 "sorted-set" "write noscript blocking fast" "write sortedset fast blocking" "Remove and return the member with the lowest score from one or more sorted sets, or block until one is available"
    "client" -2 (0, 0, 0) 2 4 0 "connection" "" "slow" "A container for client connection commands"
    "cluster" -2 (0, 0, 0) 3 0 0 "cluster" "" "slow" "A container for cluster commands"
    "command" -1 (0, 0, 0) 2 8 13 "server" "loading stale" "slow connection" "Get array of Redis command details"
    "config" -2 (0, 0, 0) 2 0 0 "server" "" "slow" "A container for server configuration commands"
    "copy" -3 (1, 2, 1) 6 2 0 "generic" "write denyoom" "keyspace write slow" "Copy a key"
    "dbsize" 1 (0, 0, 0) 1 0 0 "server" "readonly fast" "keyspace read fast" "Return the number of keys in the selected database"
    "debug" -2 (0, 0, 0) 1 0 0 "server" "admin noscript loading stale" "admin slow dangerous" "A container for debugging commands"
    "decr" 2 (1, 1, 1) 1 0 0 "string" "write denyoom fast" "write string fast" "Decrement the integer value of a key by one"
    "decrby" 3 (1, 1, 1) 1 0 0 "string" "write denyoom fast" "write string fast" "Decrement the integer value of a key by the given number"
    "del" -2 (1, -1, 1) 1 0 0 "generic" "write" "keyspace write slow" "Delete a key"
    "discard" 1 (0, 0, 0) 2 0 0 "transactions" "noscript loading stale fast allow_busy" "fast transaction" "Discard all commands issued after MULTI"
    "dump" 2 (1, 1, 1) 2 6 0 "generic" "readonly" "keyspace read slow" "Return a serialized version of the value stored at the specified key."
    "echo" 2 (0, 0, 0) 1 0 0 "connection" "loading stale fast" "fast connection" "Echo the given string"
    "eval" -3 (0, 0, 0) 2 6 0 "scripting" "noscript stale skip_monitor no_mandatory_keys movablekeys" "slow scripting" "Execute a Lua script server side"
    "eval_ro" -3 (0, 0, 0) 7 0 0 "scripting" "readonly noscript stale skip_monitor no_mandatory_keys movablekeys" "slow scripting" "Execute a read-only Lua script server side"
    "evalsha" -3 (0, 0, 0) 2 6 0 "scripting" "noscript stale skip_monitor no_mandatory_keys movablekeys" "slow scripting" "Execute a Lua script server side"
    "evalsha_ro" -3 (0, 0, 0) 7 0 0 "scripting" "readonly noscript stale skip_monitor no_mandatory_keys movablekeys" "slow scripting" "Execute a read-only Lua script server side"
    "exec" 1 (0, 0, 0) 1 2 0 "transactions" "noscript loading stale skip_slowlog" "slow transaction" "Execute all commands issued after MULTI"
    "exists" -2 (1, -1, 1) 1 0 0 "generic" "readonly fast" "keyspace read fast" "Determine if a key exists"
    "expire" -3 (1, 1, 1) 1 0 0 "generic" "write fast" "keyspace write fast" "Set a key's time to live in seconds"
    "expireat" -3 (1, 1, 1) 1 2 0 "generic" "write fast" "keyspace write fast" "Set the expiration for a key as a UNIX timestamp"
    "expiretime" 2 (1, 1, 1) 7 0 0 "generic" "readonly fast" "keyspace read fast" "Get the expiration Unix timestamp for a key"
    "failover" -1 (0, 0, 0) 6 2 0 "server" "admin noscript stale" "admin slow dangerous" "Start a coordinated failover between this server and one of its replicas."
    "fcall" -3 (0, 0, 0) 7 0 0 "scripting" "noscript stale skip_monitor no_mandatory_keys movablekeys" "slow scripting" "Invoke a function"
    "fcall_ro" -3 (0, 0, 0) 7 0 0 "scripting" "readonly noscript stale skip_monitor no_mandatory_keys movablekeys" "slow scripting" "Invoke a read-only function"
    "flushall" -1 (0, 0, 0) 1 0 0 "server" "write" "keyspace write slow dangerous" "Remove all keys from all databases"
    "flushdb" -1 (0, 0, 0) 1 0 0 "server" "write" "keyspace write slow dangerous" "Remove all keys from the current database"
    "function" -2 (0, 0, 0) 7 0 0 "scripting" "" "slow" "A container for function commands"
    "geoadd" -5 (1, 1, 1) 3 2 0 "geo" "write denyoom" "write geo slow" "Add one or more geospatial items in the geospatial index represented using a sorted set"
    "geodist" -4 (1, 1, 1) 3 2 0 "geo" "readonly" "read geo slow" "Returns the distance between two members of a geospatial index"
    "geohash" -2 (1, 1, 1) 3 2 0 "geo" "readonly" "read geo slow" "Returns members of a geospatial index as standard geohash strings"
    "geopos" -2 (1, 1, 1) 3 2 0 "geo" "readonly" "read geo slow" "Returns longitude and latitude of members of a geospatial index"
    "georadius" -6 (1, 1, 1) 3 2 0 "geo" "write denyoom movablekeys" "write geo slow" "Query a sorted set representing a geospatial index to fetch members matching a given maximum distance from a point"
    "georadius_ro" -6 (1, 1, 1) 3 2 10 "geo" "readonly" "read geo slow" "A read-only variant for GEORADIUS"
    "georadiusbymember" -5 (1, 1, 1) 3 2 0 "geo" "write denyoom movablekeys" "write geo slow" "Query a sorted set representing a geospatial index to fetch members matching a given maximum distance from a member"
    "georadiusbymember_ro" -5 (1, 1, 1) 3 2 10 "geo" "readonly" "read geo slow" "A read-only variant for GEORADIUSBYMEMBER"
    "geosearch" -7 (1, 1, 1) 6 2 0 "geo" "readonly" "read geo slow" "Query a sorted set representing a geospatial index to fetch members inside an area of a box or a circle."
    "geosearchstore" -8 (1, 2, 1) 6 2 0 "geo" "write denyoom" "write geo slow" "Query a sorted set representing a geospatial index to fetch members inside an area of a box or a circle, and store the result in another key."
    "get" 2 (1, 1, 1) 1 0 0 "string" "readonly fast" "read string fast" "Get the value of a key"
    "getbit" 3 (1, 1, 1) 2 2 0 "bitmap" "readonly fast" "read bitmap fast" "Returns the bit value at offset in the string value stored at key"
    "getdel" 2 (1, 1, 1) 6 2 0 "string" "write fast" "write string fast" "Get the value of a key and delete the key"
    "getex" -2 (1, 1, 1) 6 2 0 "string" "write fast" "write string fast" "Get the value of a key and optionally set its expiration"
    "getrange" 4 (1, 1, 1) 2 4 0 "string" "readonly" "read string slow" "Get a substring of the string stored at a key"
    "getset" 3 (1, 1, 1) 1 0 0 "string" "write denyoom fast" "write string fast" "Set the string value of a key and return its old value"
    "hdel" -3 (1, 1, 1) 2 0 0 "hash" "write fast" "write hash fast" "Delete one or more hash fields"
    "hello" -1 (0, 0, 0) 6 0 0 "connection" "noscript loading stale fast no_auth allow_busy" "fast connection" "Handshake with Redis"
    "hexists" 3 (1, 1, 1) 2 0 0 "hash" "readonly fast" "read hash fast" "Determine if a hash field exists"
    "hget" 3 (1, 1, 1) 2 0 0 "hash" "readonly fast" "read hash fast" "Get the value of a hash field"
    "hgetall" 2 (1, 1, 1) 2 0 0 "hash" "readonly" "read hash slow" "Get all the fields and values in a hash"
    "hincrby" 4 (1, 1, 1) 2 0 0 "hash" "write denyoom fast" "write hash fast" "Increment the integer value of a hash field by the given number"
    "hincrbyfloat" 4 (1, 1, 1) 2 6 0 "hash" "write denyoom fast" "write hash fast" "Increment the float value of a hash field by the given amount"
    "hkeys" 2 (1, 1, 1) 2 0 0 "hash" "readonly" "read hash slow" "Get all the fields in a hash"
    "hlen" 2 (1, 1, 1) 2 0 0 "hash" "readonly fast" "read hash fast" "Get the number of fields in a hash"
    "hmget" -3 (1, 1, 1) 2 0 0 "hash" "readonly fast" "read hash fast" "Get the values of all the given hash fields"
    "hmset" -4 (1, 1, 1) 2 0 0 "hash" "write denyoom fast" "write hash fast" "Set multiple hash fields to multiple values"
    "hrandfield" -2 (1, 1, 1) 6 2 0 "hash" "readonly" "read hash slow" "Get one or multiple random fields from a hash"
    "hscan" -3 (1, 1, 1) 2 8 0 "hash" "readonly" "read hash slow" "Incrementally iterate hash fields and associated values"
    "hset" -4 (1, 1, 1) 2 0 0 "hash" "write denyoom fast" "write hash fast" "Set the string value of a hash field"
    "hsetnx" 4 (1, 1, 1) 2 0 0 "hash" "write denyoom fast" "write hash fast" "Set the value of a hash field, only if the field does not exist"
    "hstrlen" 3 (1, 1, 1) 3 2 0 "hash" "readonly fast" "read hash fast" "Get the length of the value of a hash field"
    "hvals" 2 (1, 1, 1) 2 0 0 "hash" "readonly" "read hash slow" "Get all the values in a hash"
    "incr" 2 (1, 1, 1) 1 0 0 "string" "write denyoom fast" "write string fast" "Increment the integer value of a key by one"
    "incrby" 3 (1, 1, 1) 1 0 0 "string" "write denyoom fast" "write string fast" "Increment the integer value of a key by the given amount"
    "incrbyfloat" 3 (1, 1, 1) 2 6 0 "string" "write denyoom fast" "write string fast" "Increment the float value of a key by the given amount"
    "info" -1 (0, 0, 0) 1 0 0 "server" "loading stale" "slow dangerous" "Get information and statistics about the server"
    "keys" 2 (0, 0, 0) 1 0 0 "generic" "readonly" "keyspace read slow dangerous" "Find all keys matching the given pattern"
    "lastsave" 1 (0, 0, 0) 1 0 0 "server" "loading stale fast" "admin fast dangerous" "Get the UNIX time stamp of the last successful save to disk"
    "latency" -2 (0, 0, 0) 2 8 13 "server" "" "slow" "A container for latency diagnostics commands"
    "lcs" -3 (1, 2, 1) 7 0 0 "string" "readonly" "read string slow" "Find longest common substring"
    "lindex" 3 (1, 1, 1) 1 0 0 "list" "readonly" "read list slow" "Get an element from a list by its index"
    "linsert" 5 (1, 1, 1) 2 2 0 "list" "write denyoom" "write list slow" "Insert an element before or after another element in a list"
    "llen" 2 (1, 1, 1) 1 0 0 "list" "readonly fast" "read list fast" "Get the length of a list"
    "lmove" 5 (1, 2, 1) 6 2 0 "list" "write denyoom" "write list slow" "Pop an element from a list, push it to another list and return it"
    "lmpop" -4 (0, 0, 0) 7 0 0 "list" "write movablekeys" "write list slow" "Pop elements from a list"
    "lolwut" -1 (0, 0, 0) 5 0 0 "server" "readonly fast" "read fast" "Display some computer art and the Redis version"
    "lpop" -2 (1, 1, 1) 1 0 0 "list" "write fast" "write list fast" "Remove and get the first elements in a list"
    "lpos" -3 (1, 1, 1) 6 0 6 "list" "readonly" "read list slow" "Return the index of matching elements on a list"
    "lpush" -3 (1, 1, 1) 1 0 0 "list" "write denyoom fast" "write list fast" "Prepend one or multiple elements to a list"
    "lpushx" -3 (1, 1, 1) 2 2 0 "list" "write denyoom fast" "write list fast" "Prepend an element to a list, only if the list exists"
    "lrange" 4 (1, 1, 1) 1 0 0 "list" "readonly" "read list slow" "Get a range of elements from a list"
    "lrem" 4 (1, 1, 1) 1 0 0 "list" "write" "write list slow" "Remove elements from a list"
    "lset" 4 (1, 1, 1) 1 0 0 "list" "write denyoom" "write list slow" "Set the value of an element in a list by its index"
    "ltrim" 4 (1, 1, 1) 1 0 0 "list" "write" "write list slow" "Trim a list to the specified range"
    "memory" -2 (0, 0, 0) 4 0 0 "server" "" "slow" "A container for memory diagnostics commands"
    "mget" -2 (1, -1, 1) 1 0 0 "string" "readonly fast" "read string fast" "Get the values of all the given keys"
    "migrate" -6 (3, 3, 1) 2 6 0 "generic" "write movablekeys" "keyspace write slow dangerous" "Atomically transfer a key from a Redis instance to another one."
    "module" -2 (0, 0, 0) 4 0 0 "server" "" "slow" "A container for module commands"
    "monitor" 1 (0, 0, 0) 1 0 0 "server" "admin noscript loading stale" "admin slow dangerous" "Listen for all requests received by the server in real time"
    "move" 3 (1, 1, 1) 1 0 0 "generic" "write fast" "keyspace write fast" "Move a key to another database"
    "mset" -3 (1, -1, 2) 1 0 1 "string" "write denyoom" "write string slow" "Set multiple keys to multiple values"
    "msetnx" -3 (1, -1, 2) 1 0 1 "string" "write denyoom" "write string slow" "Set multiple keys to multiple values, only if none of the keys exist"
    "multi" 1 (0, 0, 0) 1 2 0 "transactions" "noscript loading stale fast allow_busy" "fast transaction" "Mark the start of a transaction block"
    "object" -2 (0, 0, 0) 2 2 3 "generic" "" "slow" "A container for object introspection commands"
    "persist" 2 (1, 1, 1) 2 2 0 "generic" "write fast" "keyspace write fast" "Remove the expiration from a key"
    "pexpire" -3 (1, 1, 1) 2 6 0 "generic" "write fast" "keyspace write fast" "Set a key's time to live in milliseconds"
    "pexpireat" -3 (1, 1, 1) 2 6 0 "generic" "write fast" "keyspace write fast" "Set the expiration for a key as a UNIX timestamp specified in milliseconds"
    "pexpiretime" 2 (1, 1, 1) 7 0 0 "generic" "readonly fast" "keyspace read fast" "Get the expiration Unix timestamp for a key in milliseconds"
    "pfadd" -2 (1, 1, 1) 2 8 9 "hyperloglog" "write denyoom fast" "write hyperloglog fast" "Adds the specified elements to the specified HyperLogLog."
    "pfcount" -2 (1, -1, 1) 2 8 9 "hyperloglog" "readonly" "read hyperloglog slow" "Return the approximated cardinality of the set(s) observed by the HyperLogLog at key(s)."
    "pfdebug" 3 (2, 2, 1) 2 8 9 "hyperloglog" "write denyoom admin" "write hyperloglog admin slow dangerous" "Internal commands for debugging HyperLogLog values"
    "pfmerge" -2 (1, -1, 1) 2 8 9 "hyperloglog" "write denyoom" "write hyperloglog slow" "Merge N different HyperLogLogs into a single one."
    "pfselftest" 1 (0, 0, 0) 2 8 9 "hyperloglog" "admin" "hyperloglog admin slow dangerous" "An internal command for testing HyperLogLog values"
    "ping" -1 (0, 0, 0) 1 0 0 "connection" "fast" "fast connection" "Ping the server"
    "psetex" 4 (1, 1, 1) 2 6 0 "string" "write denyoom" "write string slow" "Set the value and expiration in milliseconds of a key"
    "psubscribe" -2 (0, 0, 0) 2 0 0 "pubsub" "pubsub noscript loading stale" "pubsub slow" "Listen for messages published to channels matching the given patterns"
    "psync" -3 (0, 0, 0) 2 8 0 "server" "admin noscript no_async_loading no_multi" "admin slow dangerous" "Internal command used for replication"
    "pttl" 2 (1, 1, 1) 2 6 0 "generic" "readonly fast" "keyspace read fast" "Get the time to live for a key in milliseconds"
    "publish" 3 (0, 0, 0) 2 0 0 "pubsub" "pubsub loading stale fast" "pubsub fast" "Post a message to a channel"
    "pubsub" -2 (0, 0, 0) 2 8 0 "pubsub" "" "slow" "A container for Pub/Sub commands"
    "punsubscribe" -1 (0, 0, 0) 2 0 0 "pubsub" "pubsub noscript loading stale" "pubsub slow" "Stop listening for messages posted to channels matching the given patterns"
    "quit" -1 (0, 0, 0) 1 0 0 "connection" "noscript loading stale fast no_auth allow_busy" "fast connection" "Close the connection"
    "randomkey" 1 (0, 0, 0) 1 0 0 "generic" "readonly" "keyspace read slow" "Return a random key from the keyspace"
    "readonly" 1 (0, 0, 0) 3 0 0 "cluster" "loading stale fast" "fast connection" "Enables read queries for a connection to a cluster replica node"
    "readwrite" 1 (0, 0, 0) 3 0 0 "cluster" "loading stale fast" "fast connection" "Disables read queries for a connection to a cluster replica node"
    "rename" 3 (1, 2, 1) 1 0 0 "generic" "write" "keyspace write slow" "Rename a key"
    "renamenx" 3 (1, 2, 1) 1 0 0 "generic" "write fast" "keyspace write fast" "Rename a key, only if the new key does not exist"
    "replconf" -1 (0, 0, 0) 3 0 0 "server" "admin noscript loading stale allow_busy" "admin slow dangerous" "An internal command for configuring the replication stream"
    "replicaof" 3 (0, 0, 0) 5 0 0 "server" "admin noscript stale no_async_loading" "admin slow dangerous" "Make the server a replica of another instance, or promote it as master."
    "reset" 1 (0, 0, 0) 6 2 0 "connection" "noscript loading stale fast no_auth allow_busy" "fast connection" "Reset the connection"
    "restore" -4 (1, 1, 1) 2 6 0 "generic" "write denyoom" "keyspace write slow dangerous" "Create a key using the provided serialized value, previously obtained using DUMP."
    "restore-asking" -4 (1, 1, 1) 3 0 0 "server" "write denyoom asking" "keyspace write slow dangerous" "An internal command for migrating keys in a cluster"
    "role" 1 (0, 0, 0) 2 8 12 "server" "noscript loading stale fast" "admin fast dangerous" "Return the role of the instance in the context of replication"
    "rpop" -2 (1, 1, 1) 1 0 0 "list" "write fast" "write list fast" "Remove and get the last elements in a list"
    "rpoplpush" 3 (1, 2, 1) 1 2 0 "list" "write denyoom" "write list slow" "Remove the last element in a list, prepend it to another list and return it"
    "rpush" -3 (1, 1, 1) 1 0 0 "list" "write denyoom fast" "write list fast" "Append one or multiple elements to a list"
    "rpushx" -3 (1, 1, 1) 2 2 0 "list" "write denyoom fast" "write list fast" "Append an element to a list, only if the list exists"
    "sadd" -3 (1, 1, 1) 1 0 0 "set" "write denyoom fast" "write set fast" "Add one or more members to a set"
    "save" 1 (0, 0, 0) 1 0 0 "server" "admin noscript no_async_loading no_multi" "admin slow dangerous" "Synchronously save the dataset to disk"
    "scan" -2 (0, 0, 0) 2 8 0 "generic" "readonly" "keyspace read slow" "Incrementally iterate the keys space"
    "scard" 2 (1, 1, 1) 1 0 0 "set" "readonly fast" "read set fast" "Get the number of members in a set"
    "script" -2 (0, 0, 0) 2 6 0 "scripting" "" "slow" "A container for Lua scripts management commands"
    "sdiff" -2 (1, -1, 1) 1 0 0 "set" "readonly" "read set slow" "Subtract multiple sets"
    "sdiffstore" -3 (1, -1, 1) 1 0 0 "set" "write denyoom" "write set slow" "Subtract multiple sets and store the resulting set in a key"
    "select" 2 (0, 0, 0) 1 0 0 "connection" "loading stale fast" "fast connection" "Change the selected database for the current connection"
    "set" -3 (1, 1, 1) 1 0 0 "string" "write denyoom" "write string slow" "Set the string value of a key"
    "setbit" 4 (1, 1, 1) 2 2 0 "bitmap" "write denyoom" "write bitmap slow" "Sets or clears the bit at offset in the string value stored at key"
    "setex" 4 (1, 1, 1) 2 0 0 "string" "write denyoom" "write string slow" "Set the value and expiration of a key"
    "setnx" 3 (1, 1, 1) 1 0 0 "string" "write denyoom fast" "write string fast" "Set the value of a key, only if the key does not exist"
    "setrange" 4 (1, 1, 1) 2 2 0 "string" "write denyoom" "write string slow" "Overwrite part of a string at key starting at the specified offset"
    "shutdown" -1 (0, 0, 0) 1 0 0 "server" "admin noscript loading stale no_multi allow_busy" "admin slow dangerous" "Synchronously save the dataset to disk and then shut down the server"
    "sinter" -2 (1, -1, 1) 1 0 0 "set" "readonly" "read set slow" "Intersect multiple sets"
    "sintercard" -3 (0, 0, 0) 7 0 0 "set" "readonly movablekeys" "read set slow" "Intersect multiple sets and return the cardinality of the result"
    "sinterstore" -3 (1, -1, 1) 1 0 0 "set" "write denyoom" "write set slow" "Intersect multiple sets and store the resulting set in a key"
    "sismember" 3 (1, 1, 1) 1 0 0 "set" "readonly fast" "read set fast" "Determine if a given value is a member of a set"
    "slaveof" 3 (0, 0, 0) 1 0 0 "server" "admin noscript stale no_async_loading" "admin slow dangerous" "Make the server a replica of another instance, or promote it as master."
    "slowlog" -2 (0, 0, 0) 2 2 12 "server" "" "slow" "A container for slow log commands"
    "smembers" 2 (1, 1, 1) 1 0 0 "set" "readonly" "read set slow" "Get all the members in a set"
    "smismember" -3 (1, 1, 1) 6 2 0 "set" "readonly fast" "read set fast" "Returns the membership associated with the given elements for a set"
    "smove" 4 (1, 2, 1) 1 0 0 "set" "write fast" "write set fast" "Move a member from one set to another"
    "sort" -2 (1, 1, 1) 1 0 0 "generic" "write denyoom movablekeys" "write set sortedset list slow dangerous" "Sort the elements in a list, set or sorted set"
    "sort_ro" -2 (1, 1, 1) 7 0 0 "generic" "readonly movablekeys" "read set sortedset list slow dangerous" "Sort the elements in a list, set or sorted set. Read-only variant of SORT."
    "spop" -2 (1, 1, 1) 1 0 0 "set" "write fast" "write set fast" "Remove and return one or multiple random members from a set"
    "spublish" 3 (1, 1, 1) 7 0 0 "pubsub" "pubsub loading stale fast" "pubsub fast" "Post a message to a shard channel"
    "srandmember" -2 (1, 1, 1) 1 0 0 "set" "readonly" "read set slow" "Get one or multiple random members from a set"
    "srem" -3 (1, 1, 1) 1 0 0 "set" "write fast" "write set fast" "Remove one or more members from a set"
    "sscan" -3 (1, 1, 1) 2 8 0 "set" "readonly" "read set slow" "Incrementally iterate Set elements"
    "ssubscribe" -2 (1, -1, 1) 7 0 0 "pubsub" "pubsub noscript loading stale" "pubsub slow" "Listen for messages published to the given shard channels"
    "strlen" 2 (1, 1, 1) 2 2 0 "string" "readonly fast" "read string fast" "Get the length of the value stored in a key"
    "subscribe" -2 (0, 0, 0) 2 0 0 "pubsub" "pubsub noscript loading stale" "pubsub slow" "Listen for messages published to the given channels"
    "substr" 4 (1, 1, 1) 1 0 0 "string" "readonly" "read string slow" "Get a substring of the string stored at a key"
    "sunion" -2 (1, -1, 1) 1 0 0 "set" "readonly" "read set slow" "Add multiple sets"
    "sunionstore" -3 (1, -1, 1) 1 0 0 "set" "write denyoom" "write set slow" "Add multiple sets and store the resulting set in a key"
    "sunsubscribe" -1 (1, -1, 1) 7 0 0 "pubsub" "pubsub noscript loading stale" "pubsub slow" "Stop listening for messages posted to the given shard channels"
    "swapdb" 3 (0, 0, 0) 4 0 0 "server" "write fast" "keyspace write fast dangerous" "Swaps two Redis databases"
    "sync" 1 (0, 0, 0) 1 0 0 "server" "admin noscript no_async_loading no_multi" "admin slow dangerous" "Internal command used for replication"
    "time" 1 (0, 0, 0) 2 6 0 "server" "loading stale fast" "fast" "Return the current server time"
    "touch" -2 (1, -1, 1) 3 2 1 "generic" "readonly fast" "keyspace read fast" "Alters the last access time of a key(s). Returns the number of existing keys specified."
    "ttl" 2 (1, 1, 1) 1 0 0 "generic" "readonly fast" "keyspace read fast" "Get the time to live for a key in seconds"
    "type" 2 (1, 1, 1) 1 0 0 "generic" "readonly fast" "keyspace read fast" "Determine the type stored at key"
    "unlink" -2 (1, -1, 1) 4 0 0 "generic" "write fast" "keyspace write fast" "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non blocking."
    "unsubscribe" -1 (0, 0, 0) 2 0 0 "pubsub" "pubsub noscript loading stale" "pubsub slow" "Stop listening for messages posted to the given channels"
    "unwatch" 1 (0, 0, 0) 2 2 0 "transactions" "noscript loading stale fast allow_busy" "fast transaction" "Forget about all watched keys"
    "wait" 3 (0, 0, 0) 3 0 0 "generic" "noscript" "slow connection" "Wait for the synchronous replication of all the write commands sent in the context of the current connection"
    "watch" -2 (1, -1, 1) 2 2 0 "transactions" "noscript loading stale fast allow_busy" "fast transaction" "Watch the given keys to determine execution of the MULTI/EXEC block"
    "xack" -4 (1, 1, 1) 5 0 0 "stream" "write fast" "write stream fast" "Marks a pending message as correctly processed, effectively removing it from the pending entries list of the consumer group. Return value of the command is the number of messages successfully acknowledged, that is, the IDs we were actually able to resolve in the PEL."
    "xadd" -5 (1, 1, 1) 5 0 0 "stream" "write denyoom fast" "write stream fast" "Appends a new entry to a stream"
    "xautoclaim" -6 (1, 1, 1) 6 2 0 "stream" "write fast" "write stream fast" "Changes (or acquires) ownership of messages in a consumer group, as if the messages were delivered to the specified consumer."
    "xclaim" -6 (1, 1, 1) 5 0 0 "stream" "write fast" "write stream fast" "Changes (or acquires) ownership of a message in a consumer group, as if the message was delivered to the specified consumer."
    "xdel" -3 (1, 1, 1) 5 0 0 "stream" "write fast" "write stream fast" "Removes the specified entries from the stream. Returns the number of items actually deleted, that may be different from the number of IDs passed in case certain IDs do not exist."
    "xgroup" -2 (0, 0, 0) 5 0 0 "stream" "" "slow" "A container for consumer groups commands"
    "xinfo" -2 (0, 0, 0) 5 0 0 "stream" "" "slow" "A container for stream introspection commands"
    "xlen" 2 (1, 1, 1) 5 0 0 "stream" "readonly fast" "read stream fast" "Return the number of entries in a stream"
    "xpending" -3 (1, 1, 1) 5 0 0 "stream" "readonly" "read stream slow" "Return information and entries from a stream consumer group pending entries list, that are messages fetched but never acknowledged."
    "xrange" -4 (1, 1, 1) 5 0 0 "stream" "readonly" "read stream slow" "Return a range of elements in a stream, with IDs matching the specified IDs interval"
    "xread" -4 (0, 0, 0) 5 0 0 "stream" "readonly blocking movablekeys" "read stream slow blocking" "Return never seen elements in multiple streams, with IDs greater than the ones reported by the caller for each stream. Can block."
    "xreadgroup" -7 (0, 0, 0) 5 0 0 "stream" "write blocking movablekeys" "write stream slow blocking" "Return new entries from a stream using a consumer group, or access the history of the pending entries for a given consumer. Can block."
    "xrevrange" -4 (1, 1, 1) 5 0 0 "stream" "readonly" "read stream slow" "Return a range of elements in a stream, with IDs matching the specified IDs interval, in reverse order (from greater to smaller IDs) compared to XRANGE"
    "xsetid" -3 (1, 1, 1) 5 0 0 "stream" "write denyoom fast" "write stream fast" "An internal command for replicating stream values"
    "xtrim" -4 (1, 1, 1) 5 0 0 "stream" "write" "write stream slow" "Trims the stream to (approximately if '~' is passed) a certain size"
    "zadd" -4 (1, 1, 1) 1 2 0 "sorted-set" "write denyoom fast" "write sortedset fast" "Add one or more members to a sorted set, or update its score if it already exists"
    "zcard" 2 (1, 1, 1) 1 2 0 "sorted-set" "readonly fast" "read sortedset fast" "Get the number of members in a sorted set"
    "zcount" 4 (1, 1, 1) 2 0 0 "sorted-set" "readonly fast" "read sortedset fast" "Count the members in a sorted set with scores within the given values"
    "zdiff" -3 (0, 0, 0) 6 2 0 "sorted-set" "readonly movablekeys" "read sortedset slow" "Subtract multiple sorted sets"
    "zdiffstore" -4 (1, 1, 1) 6 2 0 "sorted-set" "write denyoom movablekeys" "write sortedset slow" "Subtract multiple sorted sets and store the resulting sorted set in a new key"
    "zincrby" 4 (1, 1, 1) 1 2 0 "sorted-set" "write denyoom fast" "write sortedset fast" "Increment the score of a member in a sorted set"
    "zinter" -3 (0, 0, 0) 6 2 0 "sorted-set" "readonly movablekeys" "read sortedset slow" "Intersect multiple sorted sets"
    "zintercard" -3 (0, 0, 0) 7 0 0 "sorted-set" "readonly movablekeys" "read sortedset slow" "Intersect multiple sorted sets and return the cardinality of the result"
    "zinterstore" -4 (1, 1, 1) 2 0 0 "sorted-set" "write denyoom movablekeys" "write sortedset slow" "Intersect multiple sorted sets and store the resulting sorted set in a new key"
    "zlexcount" 4 (1, 1, 1) 2 8 9 "sorted-set" "readonly fast" "read sortedset fast" "Count the number of members in a sorted set between a given lexicographical range"
    "zmpop" -4 (0, 0, 0) 7 0 0 "sorted-set" "write movablekeys" "write sortedset slow" "Remove and return members with scores in a sorted set"
    "zmscore" -3 (1, 1, 1) 6 2 0 "sorted-set" "readonly fast" "read sortedset fast" "Get the score associated with the given members in a sorted set"
    "zpopmax" -2 (1, 1, 1) 5 0 0 "sorted-set" "write fast" "write sortedset fast" "Remove and return members with the highest scores in a sorted set"
    "zpopmin" -2 (1, 1, 1) 5 0 0 "sorted-set" "write fast" "write sortedset fast" "Remove and return members with the lowest scores in a sorted set"
    "zrandmember" -2 (1, 1, 1) 6 2 0 "sorted-set" "readonly" "read sortedset slow" "Get one or multiple random elements from a sorted set"
    "zrange" -4 (1, 1, 1) 1 2 0 "sorted-set" "readonly" "read sortedset slow" "Return a range of members in a sorted set"
    "zrangebylex" -4 (1, 1, 1) 2 8 9 "sorted-set" "readonly" "read sortedset slow" "Return a range of members in a sorted set, by lexicographical range"
    "zrangebyscore" -4 (1, 1, 1) 1 0 5 "sorted-set" "readonly" "read sortedset slow" "Return a range of members in a sorted set, by score"
    "zrangestore" -5 (1, 2, 1) 6 2 0 "sorted-set" "write denyoom" "write sortedset slow" "Store a range of members from sorted set into another key"
    "zrank" 3 (1, 1, 1) 2 0 0 "sorted-set" "readonly fast" "read sortedset fast" "Determine the index of a member in a sorted set"
    "zrem" -3 (1, 1, 1) 1 2 0 "sorted-set" "write fast" "write sortedset fast" "Remove one or more members from a sorted set"
    "zremrangebylex" 4 (1, 1, 1) 2 8 9 "sorted-set" "write" "write sortedset slow" "Remove all members in a sorted set between the given lexicographical range"
    "zremrangebyrank" 4 (1, 1, 1) 2 0 0 "sorted-set" "write" "write sortedset slow" "Remove all members in a sorted set within the given indexes"
    "zremrangebyscore" 4 (1, 1, 1) 1 2 0 "sorted-set" "write" "write sortedset slow" "Remove all members in a sorted set within the given scores"
    "zrevrange" -4 (1, 1, 1) 1 2 0 "sorted-set" "readonly" "read sortedset slow" "Return a range of members in a sorted set, by index, with scores ordered from high to low"
    "zrevrangebylex" -4 (1, 1, 1) 2 8 9 "sorted-set" "readonly" "read sortedset slow" "Return a range of members in a sorted set, by lexicographical range, ordered from higher to lower strings."
    "zrevrangebyscore" -4 (1, 1, 1) 2 2 0 "sorted-set" "readonly" "read sortedset slow" "Return a range of members in a sorted set, by score, with scores ordered from high to low"
    "zrevrank" 3 (1, 1, 1) 2 0 0 "sorted-set" "readonly fast" "read sortedset fast" "Determine the index of a member in a sorted set, with scores ordered from high to low"
    "zscan" -3 (1, 1, 1) 2 8 0 "sorted-set" "readonly" "read sortedset slow" "Incrementally iterate sorted sets elements and associated scores"
    "zscore" 3 (1, 1, 1) 1 2 0 "sorted-set" "readonly fast" "read sortedset fast" "Get the score associated with the given member in a sorted set"
    "zunion" -3 (0, 0, 0) 6 2 0 "sorted-set" "readonly movablekeys" "read sortedset slow" "Add multiple sorted sets"
    "zunionstore" -4 (1, 1, 1) 2 0 0 "sorted-set" "write denyoom movablekeys" "write sortedset slow" "Add multiple sorted sets and store the resulting sorted set in a new key"
};
