// Package schemas holds what is stored: the tables and views in ClickHouse,
// as numbered files of SQL, and the JSON Schema of the event.
package schemas

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"text/template"
)

//go:embed clickhouse/*.sql
var files embed.FS

// EventJSON is the JSON Schema of the objects that `bouncehouse parse` prints.
//
//go:embed event.schema.json
var EventJSON []byte

// Database is the name of the database that holds all tables.
const Database = "bouncehouse"

// Migration is one numbered file of SQL. Each of its statements can be run
// again without harm: ClickHouse has no transaction over several, so one that
// was interrupted is simply run again from its start, and two processes that
// start at once may run it side by side.
type Migration struct {
	Version    int    // from 0, without gaps; 0 is run at every start and makes the record of the others
	Name       string // of the file, without the number
	Statements []string
}

var fileName = regexp.MustCompile(`^(\d{4})_([a-z0-9_]+)\.sql$`)

// Migrations returns all of them in the order of their numbers. With the name
// of a cluster they run on all its servers (ON CLUSTER) and the tables are
// replicated ones.
func Migrations(cluster string) ([]Migration, error) {
	vars := struct{ OnCluster, Replicated string }{}
	if cluster != "" {
		vars.OnCluster, vars.Replicated = "ON CLUSTER "+QuoteName(cluster), "Replicated"
	}
	names, err := fs.Glob(files, "clickhouse/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var ms []Migration
	for _, path := range names {
		name := strings.TrimPrefix(path, "clickhouse/")
		m := fileName.FindStringSubmatch(name)
		if m == nil {
			return nil, fmt.Errorf("schemas: %s is not named like 0001_name.sql", name)
		}
		version, _ := strconv.Atoi(m[1])
		if version != len(ms) {
			return nil, fmt.Errorf("schemas: %s stands where number %d belongs", name, len(ms))
		}
		text, err := files.ReadFile(path)
		if err != nil {
			return nil, err
		}
		t, err := template.New(name).Option("missingkey=error").Parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("schemas: %w", err)
		}
		var b strings.Builder
		if err := t.Execute(&b, vars); err != nil {
			return nil, fmt.Errorf("schemas: %w", err)
		}
		statements, err := Split(b.String())
		if err != nil {
			return nil, fmt.Errorf("schemas: %s: %w", name, err)
		}
		ms = append(ms, Migration{Version: version, Name: m[2], Statements: statements})
	}
	return ms, nil
}

// QuoteName makes an identifier of any name.
func QuoteName(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(s) + "`"
}
