// Package engine is the embedded ClickHouse: libchdb behind ClickHouse's HTTP interface on a Unix socket, and the child
// process that runs it.
//
// Serve loads the library, opens the data and listens; clickhouse-go (Protocol: HTTP) and curl talk to it as to any
// server. Start runs the same in a child process, and starts it again when it dies. The package knows nothing of the
// pipeline: no table, no schema.
//
// # Who comes in, and how far
//
//   - The socket lies in the state directory, which is closed to others. Each end asks the kernel who the other is
//     (SO_PEERCRED): only the directory's owner and root are answered, and only they are sent a password (socket.go).
//   - TCP on loopback is opened on demand, for the reader's account alone unless the writer's is let in too. A connection that
//     has shown no password has five seconds, and the oldest of more than 64 is closed (limit.go).
//   - The process is confined before it opens the library (confine.go): Landlock leaves it its data and what any ClickHouse
//     needs to start, seccomp no new socket, no program and no other process. What it finds of itself in /proc is the
//     map of its memory's addresses and its cgroup. It can see names and sizes of files elsewhere, which Landlock does not hide.
//
// # What differs from a server
//
//   - Every request has a connection of its own, so SET, USE and temporary tables end with it; session_id is refused.
//   - The answer is complete before its first byte is sent: an error is always an HTTP status, and a result is limited
//     (max_result_bytes, at most 1 GiB; the reader's 256 MiB).
//   - KILL QUERY takes WHERE query_id = 'x', LIKE 'x%' or IN (...). With SYNC it returns when the engine is done with these
//     queries and none of them can write any more. A request counts from before its body is read; a client that goes away
//     does not stop its INSERT, but one whose body is incomplete is never begun. What is still in the socket when the KILL
//     comes is not seen, as with any server: insert_deduplication_token is the guard against a writer that late.
//   - system.processes shows the requests under way with the clients' ids, and has the columns query_id, user, query,
//     elapsed, is_initial_query, initial_user, initial_query_id.
//   - compress=1 and decompress=1 (ClickHouse's own block compression), external tables and the session_id are not served.
//   - INTO OUTFILE, FROM INFILE and several statements in one request are refused, as in a server.
//   - A statement is sent as written anew from its tokens: comments are gone, $ and anything but ASCII are refused outside of
//     quotes, with heredocs and x'41'.
//   - On a disk that is almost full INSERTs are refused (NOT_ENOUGH_SPACE) and merges stopped; after a write that failed
//     nothing is acknowledged, and Serve ends: see space.go.
//
// The reader's statements pass only where every name in them is on a list (reader.go says what that promises), since
// readonly = 1 is not enough in this library; its answers and its time are limited by the server itself (execute.go).
//
// Linux only: an INSERT's data goes to the engine as a memfd, and Go's signal handlers are written back by a raw system
// call.
package engine
