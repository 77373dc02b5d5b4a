package engine

import (
	"strings"
	"testing"
)

// TestCast: a type reaches the engine only where it was read, and is plain: of an AggregateFunction the engine believes
// the bytes of a state.
func TestCast(t *testing.T) {
	k := known{databases: func() (map[string]bool, error) { return set("system"), nil }}
	for query, passes := range map[string]bool{
		"SELECT CAST(a AS String)":                                                               true,
		"SELECT CAST(a AS Nullable(DateTime64(3, 'Asia/Shanghai')))":                             true,
		"SELECT CAST(a, 'Array(UInt8)')":                                                         true,
		"SELECT CAST((a, b), 'Tuple(UInt8, String)')":                                            true,
		"SELECT CAST(a, 'DateTime64(3, \\'UTC\\')')":                                             true,
		"SELECT a::UInt8":                                                                        true,
		"SELECT a::Nullable(UInt8), a::String":                                                   true,
		"WITH a::Dynamic AS d SELECT d.Geometry":                                                 false,
		"SELECT CAST(a, 'Array(Dynamic)').`Array(Geometry)`":                                     false,
		"SELECT {a:Dynamic}.Geometry":                                                            false,
		"SELECT a::JSON":                                                                         false,
		"SELECT CAST(a, 'JSON')":                                                                 false,
		"SELECT CAST(a AS JSON).b.`:Geometry`":                                                   false,
		"SELECT JSONExtract(a, 'k', 'Tuple(b JSON)')":                                            false,
		"SELECT CAST(a, 'JSON(x AggregateFunction(count))')":                                     false,
		"SELECT a::JSON(x AggregateFunction(count))":                                             false,
		"SELECT CAST(a + (SELECT 1 AS x) AS UInt8)":                                              true,
		"SELECT JSONExtract(a, 'k', 'Array(Nullable(Int64))')":                                   true,
		"SELECT JSONExtract(a, 'k', 'Geometry')":                                                 false,
		"SELECT JSONExtract(a, 'k', concat('Geo', 'metry'))":                                     false,
		"SELECT JSONExtract(a, 'k', 'String' AS x)":                                              false,
		"SELECT JSONExtractKeysAndValues(a, 'Array(Point)')":                                     false,
		"SELECT [(1.0, 2.0)]::Array(Geometry)":                                                   false,
		"SELECT a::Array(Array(UInt8)), a::Map(String, DateTime('UTC'))":                         true,
		"SELECT CAST([(1.0, 2.0)] AS Array(Geometry))":                                           false,
		"SELECT CAST(a AS Array(UInt8))":                                                         true,
		`SELECT CAST(a, 'Enum8(\'\\\'\' = 1, \'b\' = -2)')`:                                      true,
		`SELECT CAST(('\'', 'a'), 'Tuple(Enum8(\'\\\'\' = 1), AggregateFunction(sum, UInt64))')`: false,
		"SELECT CAST(a, 'UInt8) , (1')":                                                          false,
		"SELECT CAST(a, 'UInt8 UInt8')":                                                          false,
		"SELECT CAST(a, '')":                                                                     false,
		"SELECT {a:Array(Geometry)}":                                                             false,
		"SELECT {a:Array(UInt8)}":                                                                true,
		"SELECT reinterpret(a, 'Geometry')":                                                      false,
		"SELECT (1.0, 2.0)::Geometry":                                                            false,
		"SELECT (1.0, 2.0)::`Geometry`":                                                          false,
		"SELECT CAST((1.0, 2.0) AS Geometry)":                                                    false,
		"SELECT CAST((1.0, 2.0) AS `Geometry`)":                                                  false,
		"SELECT CAST((1.0, 2.0))":                                                                false,
		"SELECT CAST(unhex('00'), 'AggregateFunction(count)')":                                   false,
		"SELECT CAST(unhex('00'), 'Tuple(aggregatefunction(count))')":                            false,
		"SELECT CAST('a', concat('Aggregate', 'Function(count)'))":                               false,
		"SELECT CAST('a' AS x, 'AggregateFunction(count)')":                                      false,
		"SELECT cast(unhex('00') AS AggregateFunction(count))":                                   false,
		"SELECT unhex('00')::AggregateFunction(count)":                                           false,
		"SELECT arrayMap(CAST, ['00'], ['AggregateFunction(count)'])":                            false,
		"SELECT `CAST`('a', 'AggregateFunction(count)')":                                         false,
		"SELECT accurateCast('a', 'AggregateFunction(count)')":                                   false,
		"SELECT CAST(a, 'Tuple(" + strings.Repeat("INT, ", 90) + "INT)')":                        true,
		// nothing weighs it
		"SELECT CAST(a, 'Tuple(" + strings.Repeat("INT, ", 100) + "INT)')":  false,
		"SELECT 1 FROM numbers(1)" + strings.Repeat(" ARRAY JOIN [1]", 2e3): false,
	} {
		st, err := parseStatement(query, maxTokens)
		if err == nil {
			err = st.forReader(k)
		}
		if passes != (err == nil) {
			t.Errorf("%.80s: %v", query, err)
		}
	}
}
