package parsetest

import "flag"

// Update rewrites the golden files: go test ./parse -run Golden -update;
// review the diff.
var Update = flag.Bool("update", false, "rewrite the golden files")
