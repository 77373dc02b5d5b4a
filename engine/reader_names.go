package engine

import (
	_ "embed"
	"slices"
	"strings"
)

// Database is the one whose tables the reader reads.
const Database = "bouncehouse"

// systemTables of the database system are what clients ask to show tables and columns, to complete names and to see
// what runs, and tables of numbers. system.processes is the server's own (see running). Not among them is what shows
// other users' queries or settings, files, the network, or the engine's inside; system.stack_trace ends the engine.
var systemTables = set("aggregate_function_combinators build_options collations columns contributors data_skipping_indices data_type_families databases " +
	"formats functions keywords licenses numbers numbers_mt one parts parts_columns processes projection_parts projections " +
	"settings table_engines table_functions tables time_zones zeros zeros_mt")

// hiddenDatabases are not in system.databases.
var hiddenDatabases = set("_temporary_and_external_tables")

// tableFunctions that only make rows, or take a subquery. Not values, null, format and the like: the columns'
// declarations, a string, may say ALIAS file('path'). Not primes, which heeds no limit of time.
var tableFunctions = set("numbers numbers_mt zeros zeros_mt generateseries generate_series view")

// types may stand before an opening bracket, and in a query parameter. AggregateFunction is not among them: the engine
// believes the bytes of a state. Nor are Dynamic and JSON: what is named after a value's dot, x.`Array(Geometry)`, is
// its type then, whichever it is.
var types = set("string fixedstring uuid bool boolean int8 int16 int32 int64 int128 int256 uint8 uint16 uint32 uint64 uint128 uint256 " +
	"float32 float64 bfloat16 float double decimal decimal32 decimal64 decimal128 decimal256 date date32 datetime datetime32 datetime64 time time64 " +
	"enum enum8 enum16 ipv4 ipv6 array tuple map nullable lowcardinality nothing variant " +
	"varchar char text int integer bigint smallint tinyint")

// bracketWords are the keywords and the functions of the grammar that an opening bracket may follow.
var bracketWords = set("all and any apply array as asc between by case columns cube desc distinct div else end escape except exists fill final from " +
	"global group grouping having ilike in intersect interval is join like limit materialized mod not offset on or order over partition prewhere " +
	"qualify regexp replace rollup sample select sets step then table to top totals union untuple using when where window with " +
	"cast extract position substring trim ltrim rtrim overlay date_add dateadd date_sub datesub timestamp_add timestampadd timestamp_sub timestampsub " +
	"date_diff datediff timestamp_diff timestampdiff filter first last ties interpolate describe plan pipeline syntax ast estimate")

//go:embed functions.txt
var functionsText string

// functions and aggregates are those that the reader may call, in lower case.
var functions, aggregates = readFunctions(functionsText)

func readFunctions(text string) (all, aggregates map[string]bool) {
	all, aggregates = map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, "+ ")
		if !ok {
			continue
		}
		category, names, _ := strings.Cut(rest, ":")
		for _, n := range strings.Fields(strings.ToLower(names)) {
			all[n] = true
			if category == "Aggregate" {
				aggregates[n] = true
			}
		}
	}
	return all, aggregates
}

// combinators follow an aggregate function's name, several of them too: sumIf, uniqArrayOrNull. Of states there are
// none to be read.
var combinators = []string{"if", "array", "distinct", "ornull", "ordefault", "resample", "foreach", "map", "argmin",
	"argmax", "state", "simplestate", "merge", "null"}

// callable says whether an opening bracket may follow the name.
func callable(t token) bool {
	name := strings.ToLower(t.text)
	return functions[name] || tableFunctions[name] || t.kind == tokenWord && (types[name] || bracketWords[name]) ||
		combined(aggregates, name, combinators, false)
}

// combined says whether name is one of names, with combinators taken off, each once or again and again. ClickHouse
// refuses sumResampleResample alone: in countResampleIfResampleIfResampleIfResample, a million places of a million
// each, the size of the state has more than 64 bits, and what is written goes beyond what was allocated.
func combined(names map[string]bool, name string, with []string, again bool) bool {
	if names[name] {
		return true
	}
	if len(name) > 100 { // the longest known one with all of them
		return false
	}
	for i, c := range with {
		base, ok := strings.CutSuffix(name, c)
		if !ok || base == "" {
			continue
		}
		rest := with
		if !again {
			rest = slices.Concat(with[:i], with[i+1:])
		}
		if combined(names, base, rest, again) {
			return true
		}
	}
	return false
}

// outputFormats that the reader may ask for: those that need no file beside them. Not Arrow and ArrowStream, whose
// writer comes to stand still for good in libchdb (26.5.3), the more blocks the more often: one of 60 answers of three
// million numbers. Nor ORC, whose writer takes a megabyte for each stream of each column, which no query's limit counts:
// one row of 1,000 nested columns had 80 of 86 INSERTs refused.
var outputFormats = set("avro bsoneachrow csv csvwithnames csvwithnamesandtypes json jsoncolumns jsoncolumnswithmetadata jsoncompact " +
	"jsoncompactcolumns jsoncompacteachrow jsoncompacteachrowwithnames jsoncompacteachrowwithnamesandtypes jsoncompactstrings jsoncompactstringseachrow " +
	"jsoncompactstringseachrowwithnames jsoncompactstringseachrowwithnamesandtypes jsoneachrow jsonlines jsonobjecteachrow jsonstrings jsonstringseachrow " +
	"lineasstring markdown md msgpack native ndjson null parquet pretty prettycompact prettycompactmonoblock prettycompactnoescapes prettyjsoneachrow " +
	"prettyjsonlines prettymonoblock prettyndjson prettynoescapes prettyspace prettyspacenoescapes raw rawblob rawwithnames rawwithnamesandtypes rowbinary " +
	"rowbinarywithnames rowbinarywithnamesandtypes sqlinsert tabseparated tabseparatedraw tabseparatedrawwithnames tabseparatedrawwithnamesandtypes " +
	"tabseparatedwithnames tabseparatedwithnamesandtypes tskv tsv tsvraw tsvrawwithnames tsvrawwithnamesandtypes tsvwithnames tsvwithnamesandtypes values vertical xml")

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
