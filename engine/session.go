package engine

import (
	"fmt"
	"regexp"
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
)

var settingName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_.]{0,99}\z`)

// readerSettings are those that the reader may give; all others could reach files (format_schema, format_template_...) or
// lift a limit. The limits among them hold where they are lower than the reader's own.
var readerSettings = regexp.MustCompile(`\A(max_execution_time|max_result_rows|max_result_bytes|max_rows_to_read|max_bytes_to_read|max_threads|max_block_size|` +
	`timeout_overflow_mode|result_overflow_mode|read_overflow_mode|date_time_(in|out)put_format|session_timezone|join_use_nulls|extremes|final|` +
	`output_format_(json|csv|tsv|pretty|native|decimal|write|arrow|parquet|values|markdown|bson|msgpack|orc|avro)_[a-z0-9_]+|format_csv_delimiter|optimize_[a-z0-9_]+|force_(optimize_projection|primary_key|index_by_date)|prefer_[a-z_]+|use_[a-z_]+|` +
	`(force|allow)_(experimental|suspicious)_[a-z_]+|additional_[a-z_]+|interactive_delay|readonly|enable_http_compression|http_[a-z_]+|send_progress_in_http_headers|add_http_cors_header|log_comment|log_queries|connect_timeout|receive_timeout|send_timeout)\z`)

// session is one request's own connection: its settings are gone with it. Opening and closing one costs 70 microseconds.
type session struct {
	user     string
	database string
	settings map[string]string
	get      bool   // a GET changes nothing
	marker   string // see process.marker
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
	settings := map[string]string{"max_result_bytes": strconv.Itoa(writerResultBytes), "result_overflow_mode": "throw"}
	readonly := "0"
	for name, value := range s.settings {
		if !settingName.MatchString(name) {
			return newError(fmt.Sprintf("Code: 115. DB::Exception: Unknown setting '%.100s'. (UNKNOWN_SETTING)", name))
		}
		if s.user == Reader && !readerSettings.MatchString(name) {
			return newError(fmt.Sprintf("Code: 164. DB::Exception: Cannot modify '%s' setting in readonly mode. (READONLY)", name))
		}
		if name == "readonly" {
			readonly = value
			continue
		}
		settings[name] = value
	}
	settings["log_comment"] = strings.TrimSpace(s.marker + " " + settings["log_comment"])
	settings["implicit_select"] = "0"
	if s.user == Reader {
		lower(settings, "max_execution_time", readerSeconds)
		lower(settings, "max_result_bytes", readerResultBytes)
		settings["result_overflow_mode"], settings["timeout_overflow_mode"] = "throw", "throw"
		settings["max_memory_usage"] = strconv.FormatInt(e.memory/2, 10)
		settings["allow_introspection_functions"] = "0"
		settings["allow_ddl"] = "0"
	}
	if s.database != "" {
		if err := c.exec("USE `" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(s.database) + "`"); err != nil {
			return err
		}
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

// lower puts a limit in where the client gave none, or one above it (0 is none).
func lower(settings map[string]string, name string, limit float64) {
	v, err := strconv.ParseFloat(settings[name], 64)
	if err != nil || !(v > 0 && v < limit) {
		settings[name] = strconv.FormatFloat(limit, 'f', -1, 64)
	}
}

func (c *conn) exec(query string) error {
	r, err := c.run(query, "Null", nil)
	if err == nil {
		r.free()
	}
	return err
}
