// Package engine is the embedded ClickHouse: libchdb behind ClickHouse's HTTP interface on loopback, and the child process
// that runs it.
//
// Serve loads the library, opens the data and listens; clickhouse-go (Protocol: HTTP), Grafana's data source and curl talk to
// it as to any server. Start runs the same in a child process, and starts it again when it dies. The package knows nothing of
// the pipeline: no table, no schema.
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
//
// The reader's statements pass only where every name in them is on a list (reader.go says what that promises), since
// readonly = 1 is not enough in this library; its answers and its time are limited by the server itself (execute.go).
//
// Linux only: an INSERT's data goes to the engine as a memfd, and Go's signal handlers are written back by a raw system call.
package engine
