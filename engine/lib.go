package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// ErrNoLibrary says that libchdb was found in none of the places where it is looked for.
var ErrNoLibrary = errors.New("the ClickHouse engine (libchdb.so) is not installed: `make engine` gets it, or CHDB_LIB_PATH names a copy")

// FindLibrary returns the path of libchdb: CHDB_LIB_PATH, then beside the running binary, then the cache of a checkout
// whose binary lies in bin/, then the usual library folders. The error is ErrNoLibrary where it is in none, and one
// that names the file where CHDB_LIB_PATH points to nothing.
func FindLibrary() (string, error) {
	if p := os.Getenv("CHDB_LIB_PATH"); p != "" {
		if _, err := os.Stat(p); err != nil {
			return "", fmt.Errorf("CHDB_LIB_PATH: %w", err)
		}
		return p, nil
	}
	name := "libchdb.so"
	if runtime.GOOS == "darwin" {
		name = "libchdb.dylib"
	}
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		d := filepath.Dir(exe)
		dirs = append(dirs, d, filepath.Join(d, "..", ".cache", "engine"))
	}
	dirs = append(dirs, "/usr/local/lib", "/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".local", "lib"))
	}
	for _, d := range dirs {
		p := filepath.Join(d, name)
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", ErrNoLibrary
}

// library is libchdb's C interface (chdb.h). Handles are C pointers; Go never looks into them.
type library struct {
	path           string
	connectAddress uintptr           // of chdb_connect
	slots          map[string][]slot // see imported

	connect   func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	closeConn func(conn unsafe.Pointer)
	query     func(conn unsafe.Pointer, q unsafe.Pointer, qlen uintptr, format unsafe.Pointer,
		flen uintptr) uintptr
	queryParams func(conn unsafe.Pointer, q unsafe.Pointer, qlen uintptr, format unsafe.Pointer, flen uintptr, names,
		nameLens, values, valueLens unsafe.Pointer, n uintptr) uintptr
	destroyResult  func(r uintptr)
	resultBuffer   func(r uintptr) unsafe.Pointer
	resultLength   func(r uintptr) uintptr
	resultError    func(r uintptr) unsafe.Pointer
	resultRowsRead func(r uintptr) uint64
	resultRows     func(r uintptr) uint64
	resultBytes    func(r uintptr) uint64
	rowsWritten    func(r uintptr) uint64
	bytesWritten   func(r uintptr) uint64

	// connecting guards the stretch in which libchdb's signal handlers stand in place of Go's.
	connecting sync.Mutex
}

const connectName = "chdb_connect"

// load opens the library at path. A library once opened stays for the life of the process: libchdb's threads and exit
// handlers do not outlive a dlclose.
func load(path string) (*library, error) {
	h, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	l := &library{path: path}
	for _, f := range []struct {
		fn   any
		name string
	}{
		{&l.connect, connectName},
		{&l.closeConn, "chdb_close_conn"},
		{&l.query, "chdb_query_n"},
		{&l.queryParams, "chdb_query_with_params_n"},
		{&l.destroyResult, "chdb_destroy_query_result"},
		{&l.resultBuffer, "chdb_result_buffer"},
		{&l.resultLength, "chdb_result_length"},
		{&l.resultError, "chdb_result_error"},
		{&l.resultRows, "chdb_result_rows_read"},
		{&l.resultBytes, "chdb_result_bytes_read"},
		{&l.resultRowsRead, "chdb_result_storage_rows_read"},
		{&l.rowsWritten, "chdb_result_rows_written"},
		{&l.bytesWritten, "chdb_result_bytes_written"},
	} {
		sym, err := purego.Dlsym(h, f.name)
		if err != nil {
			return nil, fmt.Errorf("load %s: another libchdb than the one this was made for: %w", path, err)
		}
		if f.name == connectName {
			l.connectAddress = sym
		}
		purego.RegisterFunc(f.fn, sym)
	}
	return l, nil
}

// conn is one session of the engine: settings and the current database are its own. One query at a time.
type conn struct {
	lib    *library
	handle unsafe.Pointer // chdb_connection*, which is a pointer to the connection proper
}

// open makes a connection. The first one of a process starts the engine with these arguments; later ones must give the
// same path and join it.
func (l *library) open(args ...string) (*conn, error) {
	argv := make([]unsafe.Pointer, 0, len(args)+2)
	keep := make([][]byte, 0, len(args)+1)
	for _, a := range append([]string{"clickhouse"}, args...) {
		b := append([]byte(a), 0)
		keep = append(keep, b)
		argv = append(argv, unsafe.Pointer(&b[0]))
	}
	argv = append(argv, nil)

	l.connecting.Lock()
	defer l.connecting.Unlock()
	var pin runtime.Pinner
	defer pin.Unpin()
	for _, b := range keep {
		pin.Pin(&b[0])
	}
	pin.Pin(&argv[0])

	saved, err := saveSignals()
	if err != nil {
		return nil, err
	}
	h := l.connect(int32(len(argv)-1), unsafe.Pointer(&argv[0]))
	if err := saved.restore(); err != nil {
		return nil, err
	}
	if h == nil {
		return nil, errors.New("the engine does not start: see its message above")
	}
	return &conn{lib: l, handle: h}, nil
}

func (c *conn) close() {
	if c.handle != nil {
		c.lib.closeConn(c.handle)
		c.handle = nil
	}
}

// param is one {name:Type} of a query. The value is in ClickHouse's escaped text form, as over HTTP.
type param struct{ name, value string }

// result is what a query gave. Its data may lie in the engine's memory, until free.
type result struct {
	lib          *library
	handle       uintptr
	data         [][]byte
	size         int64  // of data
	held         int64  // of the server's budget for answers
	rows         uint64 // rows of the result
	read         uint64 // rows read from storage
	bytes        uint64
	written      uint64 // rows
	writtenBytes uint64
}

func (r *result) free() {
	if r.handle != 0 {
		r.lib.destroyResult(r.handle)
		r.handle, r.data = 0, nil
	}
}

// run executes one or several statements. A failure of the query is an *Error.
func (c *conn) run(query, format string, params []param) (*result, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	bytesOf := func(s string) unsafe.Pointer {
		b := append([]byte(s), 0)
		pin.Pin(&b[0])
		return unsafe.Pointer(&b[0])
	}
	inner := *(*unsafe.Pointer)(c.handle)
	q, f := bytesOf(query), bytesOf(format)
	var h uintptr
	if len(params) == 0 {
		h = c.lib.query(inner, q, uintptr(len(query)), f, uintptr(len(format)))
	} else {
		names, values := make([]unsafe.Pointer, len(params)), make([]unsafe.Pointer, len(params))
		nameLens, valueLens := make([]uintptr, len(params)), make([]uintptr, len(params))
		for i, p := range params {
			names[i], nameLens[i] = bytesOf(p.name), uintptr(len(p.name))
			values[i], valueLens[i] = bytesOf(p.value), uintptr(len(p.value))
		}
		h = c.lib.queryParams(inner, q, uintptr(len(query)), f, uintptr(len(format)),
			unsafe.Pointer(&names[0]), unsafe.Pointer(&nameLens[0]), unsafe.Pointer(&values[0]),
			unsafe.Pointer(&valueLens[0]), uintptr(len(params)))
		runtime.KeepAlive(names)
	}
	if h == 0 {
		return nil, &Error{Code: 1002,
			Text: "Code: 1002. DB::Exception: the engine gave no answer. (UNKNOWN_EXCEPTION)"}
	}
	r := &result{lib: c.lib, handle: h}
	if e := c.lib.resultError(h); e != nil {
		err := newError(errorText(e))
		r.free()
		return nil, err
	}
	if n := c.lib.resultLength(h); n > 0 {
		r.data, r.size = [][]byte{unsafe.Slice((*byte)(c.lib.resultBuffer(h)), n)}, int64(n)
	}
	r.rows, r.bytes, r.read = c.lib.resultRows(h), c.lib.resultBytes(h), c.lib.resultRowsRead(h)
	r.written, r.writtenBytes = c.lib.rowsWritten(h), c.lib.bytesWritten(h)
	return r, nil
}

// maxError bounds an error's text: ClickHouse puts the value into it that it cannot read, were it 100 MB. The error's
// name is at the end.
const (
	maxError = 64 << 10
	errorEnd = 4 << 10
)

// errorText is the C string, of a long one the beginning and the end.
func errorText(p unsafe.Pointer) string {
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	b := unsafe.Slice((*byte)(p), n)
	if n > maxError {
		return string(b[:maxError-errorEnd]) + " ... " + string(b[n-errorEnd:])
	}
	return string(b)
}
