// Package torture tries to make bouncehouse lose a row, or store one twice. It runs the real binary over log files and
// mailboxes that it writes itself, and keeps a ledger of every attempt that was completely written. Meanwhile it
// rotates the logs in every style that is about and does to the processes and their surroundings what happens to them
// in operation: kill -9, pauses, restarts, full disks, connections that are cut or swallow what is sent, members that
// join and leave, a second run on the same state. Then all faults stop, everything is started again and drained, and
// what ClickHouse holds is compared with the ledger, row by row and field by field, and so are the rollup and the
// report.
//
// Nothing is tolerated. What the product does not promise (lines that were deleted before it could see them) does not
// occur: see rotate.go. The rounds of a run, their variants, rotations and faults follow from one seed; the moments
// depend on the scheduling of the machine.
//
//	make torture                        # a thousand faults, every variant
//	make torture FAULTS=50 SEED=17 ARGS='-variant kafka -keep'
//
// A short run is among the tests of `make test`.
package torture
