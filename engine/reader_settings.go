package engine

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// valueCheck says whether a setting may have the value.
type valueCheck func(string) bool

func oneOf(values string) valueCheck {
	m := set(strings.ToLower(values))
	return func(v string) bool { return m[strings.ToLower(v)] }
}

// upTo takes whole numbers.
func upTo(most uint64) valueCheck {
	return func(v string) bool {
		n, err := strconv.ParseUint(v, 10, 64)
		return err == nil && n <= most
	}
}

// from takes whole numbers of this size and more.
func from(least uint64) valueCheck {
	return func(v string) bool { return upTo(1<<32)(v) && !upTo(least-1)(v) }
}

func matching(re string) valueCheck { return regexp.MustCompile(`\A(?:` + re + `)\z`).MatchString }

func anything(string) bool { return true }

var flag = oneOf("0 1 true false")

// readerSettings are those that the reader may give, in the URL and in SETTINGS. Not among them is what holds SQL or a
// path, names users, caches or other settings, writes files, or loosens a limit. A limit of joins is none: a CROSS
// JOIN, and join_algorithm auto, go on in files where it is reached, without bound.
var readerSettings = settingsTable([]struct {
	names string
	check valueCheck
}{
	{"max_execution_time max_result_bytes", anything}, // see prepare: no value is above the reader's own
	{"readonly", oneOf("1 2")},                        // is 1 whatever is asked
	{"max_result_rows max_rows_to_read max_bytes_to_read max_rows_to_group_by max_rows_to_sort max_rows_in_set",
		upTo(1 << 62)},
	{"max_threads", upTo(64)},
	{"max_block_size preferred_block_size_bytes", upTo(1 << 20)},
	{"timeout_overflow_mode result_overflow_mode read_overflow_mode group_by_overflow_mode sort_overflow_mode set_overflow_mode join_overflow_mode", oneOf("throw break any")},
	{"connect_timeout receive_timeout send_timeout http_receive_timeout http_send_timeout",
		matching(`[0-9]{1,5}(\.[0-9]{1,6})?`)},
	{"interactive_delay", from(10_000)}, // in µs, of which libchdb takes whole ms; 0 ms are for ever to it
	{"http_headers_progress_interval_ms poll_interval", upTo(1 << 32)},
	{"enable_http_compression send_progress_in_http_headers add_http_cors_header log_queries http_write_exception_in_output_format cancel_http_readonly_queries_on_client_close", flag},
	{"http_zlib_compression_level network_zstd_compression_level", upTo(9)},
	{"log_comment", matching(`(?s).{0,200}`)},

	{"date_time_output_format", oneOf("simple iso unix_timestamp unix_timestamp_ms")},
	{"date_time_input_format cast_string_to_date_time_mode", oneOf("basic best_effort best_effort_us")},
	{"session_timezone", matching(`([A-Za-z][A-Za-z0-9_+/-]{0,63})?`)},
	{"enable_extended_results_for_datetime_functions", flag},

	{"final join_use_nulls group_by_use_nulls prefer_column_name_to_alias aggregate_functions_null_for_empty transform_null_in cast_keep_nullable " +
		"enable_positional_arguments any_join_distinct_right_table_keys decimal_check_overflow enable_named_columns_in_function_tuple empty_result_for_aggregation_by_empty_set", flag},
	{"union_default_mode intersect_default_mode except_default_mode", oneOf("ALL DISTINCT")},
	{"totals_mode", oneOf("before_having after_having_inclusive after_having_exclusive after_having_auto")},
	{"join_default_strictness", oneOf("ALL ANY")},
	{"count_distinct_implementation", oneOf("uniq uniqCombined uniqCombined64 uniqHLL12 uniqExact")},
	{"enable_analyzer allow_experimental_analyzer", oneOf("1 true")},
	{"optimize_use_projections force_optimize_projection optimize_use_implicit_projections optimize_move_to_prewhere optimize_read_in_order optimize_aggregation_in_order " +
		"use_skip_indexes force_primary_key force_index_by_date use_uncompressed_cache use_query_condition_cache compile_expressions", flag},
	{"join_algorithm", matching(`(default|hash|parallel_hash|full_sorting_merge)(,(default|hash|parallel_hash|full_sorting_merge)){0,4}`)},

	{"output_format_write_statistics output_format_enable_streaming output_format_decimal_trailing_zeros output_format_parallel_formatting " +
		"output_format_json_quote_64bit_integers output_format_json_quote_64bit_floats output_format_json_quote_denormals output_format_json_quote_decimals " +
		"output_format_json_array_of_rows output_format_json_named_tuples_as_objects output_format_json_escape_forward_slashes output_format_json_validate_utf8 " +
		"output_format_json_skip_null_value_in_named_tuples output_format_json_pretty_print output_format_csv_crlf_end_of_line output_format_csv_serialize_tuple_into_separate_columns " +
		"output_format_tsv_crlf_end_of_line output_format_pretty_row_numbers output_format_pretty_highlight_digit_groups output_format_pretty_single_large_number_tip_threshold " +
		"output_format_pretty_display_footer_column_names output_format_pretty_multiline_fields output_format_pretty_fallback_to_vertical output_format_markdown_escape_special_characters " +
		"output_format_parquet_string_as_string " +
		"output_format_bson_string_as_string output_format_native_write_json_as_string output_format_binary_write_json_as_string output_format_binary_encode_types_in_binary_format " +
		"output_format_native_encode_types_in_binary_format output_format_native_use_flattened_dynamic_and_json_serialization output_format_values_escape_quote_with_quote", flag},
	{"output_format_pretty_max_rows output_format_pretty_max_column_pad_width output_format_pretty_max_value_width",
		upTo(1 << 20)},
	{"output_format_pretty_color", oneOf("0 1 auto true false")},
	{"output_format_pretty_grid_charset", oneOf("UTF-8 ASCII")},
	{"output_format_parquet_compression_method",
		oneOf("none uncompressed snappy lz4 lz4_frame gzip zstd brotli")},
	{"format_csv_delimiter", matching(`[ -~\t]`)},
	{"format_csv_null_representation format_tsv_null_representation bool_true_representation bool_false_representation",
		matching(`.{0,40}`)},
})

func settingsTable(rows []struct {
	names string
	check valueCheck
}) map[string]valueCheck {
	m := map[string]valueCheck{}
	for _, r := range rows {
		for _, n := range strings.Fields(r.names) {
			m[n] = r.check
		}
	}
	return m
}

// checkSetting says whether the reader may set it so.
func checkSetting(name, value string) error {
	check, ok := readerSettings[name]
	switch {
	case !ok:
		return newError(fmt.Sprintf("Code: 164. DB::Exception: Cannot modify '%.100s' setting in readonly mode: it is not among the reader's settings (see \"The reader account\" in README). (READONLY)", name))
	case !check(value):
		return newError(fmt.Sprintf("Code: 452. DB::Exception: Setting %s shouldn't be %.100q for the reader (see \"The reader account\" in README). (SETTING_CONSTRAINT_VIOLATION)", name, value))
	}
	return nil
}
