package parse

import "flag"

// update rewrites the golden files: go test ./parse -update; review the diff.
var update = flag.Bool("update", false, "rewrite the golden files")
