package engine

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
)

// The two accounts.
const (
	Writer = "writer" // everything
	Reader = "reader" // reads; its connections have readonly = 1, which cannot be undone, and limits
)

// Limits of one query of the reader.
const (
	readerSeconds     = 60
	readerResultBytes = 256 << 20
	writerResultBytes = 1 << 30
	maxThreads        = 8
	maxSeconds        = 1 << 30 // of the writer; more is no limit
)

var settingName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_.]{0,99}\z`)

// session is one request's own connection: its settings are gone with it. Opening and closing one costs 70
// microseconds.
type session struct {
	user     string
	database string
	settings map[string]string
	get      bool   // a GET changes nothing
	marker   string // see process.marker
	joins    int    // of the reader's statement

	unguarded bool // see Config
}

func (e *engine) session(s session) (*conn, error) {
	c, err := e.lib.open(e.args...)
	if err != nil {
		return nil, err
	}
	if err := e.prepare(c, s); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (e *engine) prepare(c *conn, s session) error {
	// The list of requests that stands in a statement for system.processes may be longer than ClickHouse's 256 KiB.
	settings := map[string]string{"result_overflow_mode": "throw", "max_query_size": strconv.Itoa(64 << 20)}
	readonly := "0"
	for name, value := range s.settings {
		if !settingName.MatchString(name) {
			return newError(fmt.Sprintf("Code: 115. DB::Exception: Unknown setting '%.100s'. (UNKNOWN_SETTING)", name))
		}
		if s.user == Reader && !s.unguarded {
			if err := checkSetting(name, value); err != nil {
				return err
			}
		}
		if name == "readonly" {
			readonly = value
			continue
		}
		settings[name] = value
	}
	settings["log_comment"] = strings.TrimSpace(s.marker + " " + settings["log_comment"])
	settings["implicit_select"] = "0"
	seconds, bytes := s.limits()
	settings["max_result_bytes"] = strconv.FormatInt(bytes, 10)
	if seconds > 0 {
		settings["max_execution_time"] = strconv.FormatFloat(seconds, 'f', -1, 64)
	}
	if s.user == Reader {
		settings["result_overflow_mode"], settings["timeout_overflow_mode"] = "throw", "throw"
		settings["max_memory_usage"] = strconv.FormatInt(e.memory/2, 10)
		settings["max_threads"] = strconv.Itoa(s.threads(settings["max_threads"]))
		settings["max_expanded_ast_elements"] = strconv.Itoa(expandedElements)
		settings["function_range_max_elements_in_block"] = "10000000"    // a function is not stopped within a block
		for _, operation := range []string{"group_by", "sort", "join"} { // to disk, without bound
			settings["max_bytes_before_external_"+operation], settings["max_bytes_ratio_before_external_"+
				operation] = "0", "0"
		}
		settings["allow_introspection_functions"] = "0"
		settings["allow_ddl"] = "0"
		settings["additional_table_filters"] = otherDatabases
		settings["output_format_parallel_formatting"] = "0" // it holds blocks of text whole: 2.7 GB were seen
	}
	if err := c.use(s); err != nil {
		return err
	}
	var set []string
	for name, value := range settings {
		set = append(set, name+" = "+quote(value))
	}
	sort.Strings(set)
	if err := c.exec("SET " + strings.Join(set, ", ")); err != nil {
		return err
	}
	// Last, since nothing can be set after it.
	switch {
	case s.user == Reader:
		readonly = "1"
	case s.get && readonly == "0":
		readonly = "2"
	}
	if readonly != "0" {
		return c.exec("SET readonly = " + quote(readonly))
	}
	return nil
}

// threads are those of a query of the reader's. For a join ClickHouse makes 256 hash tables a thread while it plans, which
// it counts as nobody's memory: 2 MB, of 63 joins of one row in 64 threads 8 GB.
func (s *session) threads(asked string) int {
	n, _ := strconv.Atoi(asked) // checked
	if n == 0 {
		n = runtime.NumCPU()
	}
	return max(1, min(n, maxThreads, maxThreads*maxJoins/4/max(s.joins, 1)))
}

// otherDatabases keeps what system tells of other databases' tables (their columns, the least and greatest values of
// their parts) from the reader.
var otherDatabases = func() string {
	filters := []string{"'system.databases': 'name IN (\\'" + Database + "\\', \\'system\\')'"}
	for _, table := range strings.Fields("tables columns parts parts_columns projection_parts projections data_skipping_indices") {
		filters = append(filters, "'system."+table+"': 'database IN (\\'"+Database+"\\', \\'system\\')'")
	}
	return "{" + strings.Join(filters, ", ") + "}"
}()

// use chooses the database. The reader is in bouncehouse, whatever it asks for: a name without a database is a table
// there.
func (c *conn) use(s session) error {
	if s.user == Reader {
		if s.database != "" && s.database != "default" && s.database != Database {
			return notForReader("the database "+s.database, "take "+Database)
		}
		err := c.exec("USE " + Database)
		var e *Error
		if s.database != Database && errors.As(err, &e) && e.Code == codeUnknownDatabase {
			return nil // nothing is migrated yet; the database default is empty
		}
		return err
	}
	if s.database == "" {
		return nil
	}
	return c.exec("USE " + quoteWith('`', s.database))
}

const codeUnknownDatabase = 81

// limits are what the server holds the query to, whatever the engine makes of the settings: seconds (0 is none) and bytes of
// the answer. The reader can only lower them. The engine rounds less than a millisecond to 0, which is none.
func (s session) limits() (seconds float64, bytes int64) {
	longest, most := 0.0, float64(writerResultBytes)
	if s.user == Reader {
		longest, most = readerSeconds, readerResultBytes
	}
	within := func(name string, least, most float64) float64 {
		v, err := strconv.ParseFloat(s.settings[name], 64)
		if err != nil || !(v > 0) || most > 0 && v > most || v > maxSeconds && most == 0 {
			return most
		}
		return max(v, least)
	}
	return within("max_execution_time", 0.001, longest), int64(within("max_result_bytes", 1, most))
}

func (c *conn) exec(query string) error {
	r, err := c.run(query, "Null", nil)
	if err == nil {
		r.free()
	}
	return err
}
