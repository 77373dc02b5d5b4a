// Package test starts real servers for the tests: the library of the embedded ClickHouse, Apache Kafka, Debian's
// Postfix, and two servers of its own that are told what to answer, for SMTP and for DNS. Only tests import it.
//
// Every server listens on loopback, keeps its files in the test's temporary directory, has answered once before the
// function that starts it returns, and ends with the test, also when the test process is killed. When the test fails,
// the server's log is shown.
//
// A real part is fetched by `make setup`. Where a machine cannot have one, the test is skipped and the reason noted
// for the end of `make test`; BOUNCEHOUSE_REQUIRE=all, or a comma-separated list of parts, makes it a failure.
// Under -short no real part is started.
//
// Ports 25 and 53 and the address ranges of real mail traffic are had by running the whole test binary in namespaces
// of its own (network, mounts, processes, host name), where nothing of the machine is in sight. A package whose tests
// need that has
//
//	func TestMain(m *testing.M) { os.Exit(test.Main(m)) }
package test
